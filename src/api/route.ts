import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Actor } from '../store/actors.js';
import type { Answer } from './answer.js';
import type { AppDeps } from './deps.js';
import type { Dialect } from './dialects/dialect.js';
import type { ApiError } from './errors.js';
import type { Stream } from './event-stream.js';
import type { Metrics } from './metrics.js';

/** One request while it is handled, once it may be. */
export type Call = {
  readonly deps: AppDeps;
  readonly actor: Actor;
  readonly dialect: Dialect;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Whether the route's access rule lets the caller act on what this person owns. */
  readonly mayActFor: (ownerId: string | null) => boolean;
  /** Aborted when there is nobody left to answer. */
  readonly closed: AbortSignal;
};

/** One request to a public route: nobody has to say who they are. */
export type PublicCall = Pick<Call, 'deps'> & {
  readonly headers: IncomingHttpHeaders;
  /** Who calls, if they say so and it is true. */
  readonly identify: () => Promise<Actor | null>;
};

type Method = 'get' | 'post' | 'put' | 'delete';

/** What of a request was checked against the route's schemas. */
type Input = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

/**
 * What carries out a request. Written as a method, because only those may stand for handlers of every
 * input: that the input fits was checked against the very schemas its type comes from.
 */
type Handler<C, I> = { handle(call: C, input: I): Promise<Answer | Stream | ApiError> };

/** How much a route's body may take: a command is small, a snapshot is not. */
export type BodySize = 'command' | 'definition' | 'snapshot';

/**
 * One route as a value: routing, validation, access and the OpenAPI document all come from it.
 *
 * `path` is written as in OpenAPI (`/v1/things/{thing_id}`). A parameter may be narrowed to ids with
 * a prefix (`{review_id:rev_}`), so that paths of several contracts can share their shape.
 */
export type Route<Id extends string = string> = {
  readonly id: Id;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly dialect: Dialect;
  readonly params: z.ZodObject | null;
  readonly query: z.ZodObject | null;
  readonly body: z.ZodType | null;
  readonly bodySize: BodySize;
  /** The bodies of success, by status. */
  readonly responses: Readonly<Record<number, z.ZodType>>;
  /** What it answers with in place of JSON. */
  readonly produces: 'application/json' | 'text/event-stream';
  /** Statuses of errors that it answers beside those of every route with such an input. */
  readonly furtherErrors: readonly number[];
  /**
   * Which queries it serves, where several contracts share a method and a path; null is the one that
   * serves all others.
   */
  readonly servesQuery: ((query: URLSearchParams) => boolean) | null;
  /** Its transaction reads the caller again, so that who they are may be remembered from an earlier request. */
  readonly rereadsCaller: boolean;
} & (
  | ({ readonly access: 'guarded' } & Handler<Call, Input>)
  | ({ readonly access: 'public' } & Handler<PublicCall, Input>)
);

type Declared<Id, P, Q, B> = {
  readonly id: Id;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly dialect: Dialect;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly bodySize?: BodySize;
  readonly responses: Readonly<Record<number, z.ZodType>>;
  readonly produces?: 'text/event-stream';
  readonly furtherErrors?: readonly number[];
  readonly servesQuery?: (query: URLSearchParams) => boolean;
  readonly rereadsCaller?: true;
};

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A route that asks who calls; what its handler is given follows from its schemas. */
export function route<
  const Id extends string,
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  declared: Declared<Id, P, Q, B> &
    Handler<Call, { params: Parsed<P>; query: Parsed<Q>; body: Parsed<B> }>,
): Route<Id> & { readonly access: 'guarded' } {
  const handler: Handler<Call, Input> = declared;
  return {
    ...withDefaults(declared),
    access: 'guarded',
    handle: (call, input) => handler.handle(call, input),
  };
}

/** A route that anybody may call; one that changes something only from a page of our own. */
export function publicRoute<const Id extends string, P extends z.ZodObject | undefined = undefined>(
  declared: Declared<Id, P, undefined, undefined> &
    Handler<PublicCall, { params: Parsed<P>; query: undefined; body: undefined }>,
): Route<Id> & { readonly access: 'public' } {
  const handler: Handler<PublicCall, Input> = declared;
  return {
    ...withDefaults(declared),
    access: 'public',
    handle: (call, input) => handler.handle(call, input),
  };
}

function withDefaults<Id extends string>(
  declared: Declared<Id, z.ZodObject | undefined, z.ZodObject | undefined, z.ZodType | undefined>,
): Omit<Route<Id>, 'access' | 'handle'> {
  const { id, method, path, summary, tag, dialect, responses } = declared;
  return {
    id,
    method,
    path,
    summary,
    tag,
    dialect,
    responses,
    params: declared.params ?? null,
    query: declared.query ?? null,
    body: declared.body ?? null,
    bodySize: declared.bodySize ?? 'command',
    produces: declared.produces ?? 'application/json',
    furtherErrors: declared.furtherErrors ?? [],
    servesQuery: declared.servesQuery ?? null,
    rereadsCaller: declared.rereadsCaller ?? false,
  };
}
