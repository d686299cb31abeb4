import type { Express, Request, Response } from 'express';
import type { z } from 'zod';
import { UnknownCursorError } from '../store/paging.js';
import { isStoreAway } from '../store/store-away.js';
import { accessRule, mayActFor, refuseEntry } from './access.js';
import type { Answer } from './answer.js';
import { authenticate, type CredentialVerifier } from './authenticate.js';
import type { AppDeps } from './deps.js';
import type { Dialect } from './dialects/dialect.js';
import { type ApiError, type InvalidInput, invalidValue } from './errors.js';
import { exchangeOf } from './exchange.js';
import { checkInput, readQuery } from './invalid-input.js';
import type { Metrics } from './metrics.js';
import { pathPattern } from './path-pattern.js';
import { readJsonBody } from './read-body.js';
import type { Call } from './route.js';
import type { ServedRoute } from './routes.js';

/** What every request is served with. */
export type Serving = {
  readonly deps: AppDeps;
  readonly metrics: Metrics;
  readonly verifiers: readonly CredentialVerifier[];
};

/**
 * Puts routes on an app, path by path in their order of first appearance.
 *
 * All routes of a path stand together, so that a method none of them has is a 405 there and never
 * falls through to a later path that happens to match as well.
 */
export function mountRoutes(app: Express, routes: readonly ServedRoute[], serving: Serving): void {
  for (const path of new Set(routes.map(({ path }) => path))) {
    const ofPath = routes.filter((route) => route.path === path);
    app.all(pathPattern(path), (request, response) => {
      const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase();
      const route = ofPath.find((candidate) => candidate.method === method);
      return route === undefined
        ? refuseMethod(request, response, ofPath)
        : respond(route, request, response, serving);
    });
  }
}

async function respond(
  route: ServedRoute,
  request: Request,
  response: Response,
  serving: Serving,
): Promise<void> {
  exchangeOf(request).routeId = route.id;
  const outcome = await serve(route, request, response, serving).catch((error: unknown) =>
    failureOf(error, request, serving),
  );
  send(response, outcome.kind === 'answer' ? outcome : route.dialect.formError(outcome));
}

function refuseMethod(request: Request, response: Response, ofPath: readonly ServedRoute[]): void {
  const methods = ofPath.map(({ method }) => method.toUpperCase());
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].toSorted().join(', ');
  for (const { dialect } of ofPath.slice(0, 1)) {
    sendError(response, dialect, {
      kind: 'error',
      code: 'method_not_allowed',
      method: request.method,
      allow,
    });
  }
}

/** Who calls, may they, is it well-formed: in this order; then the route's own handler. */
async function serve(
  route: ServedRoute,
  request: Request,
  response: Response,
  serving: Serving,
): Promise<Answer | ApiError> {
  const { deps, metrics, verifiers } = serving;
  if (route.access === 'public') {
    return await route.handle({ deps }, { params: undefined, query: undefined, body: undefined });
  }
  const actor = await authenticate(request.headers, verifiers);
  if ('code' in actor) {
    return actor;
  }
  const exchange = exchangeOf(request);
  exchange.actorId = actor.id;
  const rule = accessRule(route.id);
  const refusal = refuseEntry(rule, actor);
  if (refusal !== null) {
    return refusal;
  }
  const input = await readInput(route, request, response);
  if ('code' in input) {
    return input;
  }
  const call: Call = {
    deps,
    actor,
    dialect: route.dialect,
    metrics,
    log: deps.logger.child({ requestId: exchange.requestId }),
    mayActFor: (ownerId) => mayActFor(rule, actor, ownerId),
  };
  return await route.handle(call, input);
}

type Input = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

async function readInput(
  route: ServedRoute,
  request: Request,
  response: Response,
): Promise<Input | ApiError> {
  const body =
    route.body === null
      ? { kind: 'body' as const, value: undefined }
      : await readJsonBody(request, response, route.bodySize);
  if (body.kind === 'error') {
    return body;
  }
  const search = new URLSearchParams(request.url.replace(/^[^?]*/, ''));
  const problems: InvalidInput[] = [];
  const check = (
    schema: z.ZodType | null,
    value: unknown,
    part: 'path' | 'query' | 'body',
  ): unknown => {
    if (schema === null) {
      return undefined;
    }
    const checked = checkInput(schema, value, part);
    if (checked.problems === null) {
      return checked.value;
    }
    problems.push(...checked.problems);
    return undefined;
  };
  const input: Input = {
    params: check(route.params, { ...request.params }, 'path'),
    query: check(route.query, route.query === null ? {} : readQuery(route.query, search), 'query'),
    body: check(route.body, body.value, 'body'),
  };
  return problems.length > 0 ? { kind: 'error', code: 'invalid', problems } : input;
}

/** The error that stands for something thrown; what it was is in the log only. */
export function failureOf(error: unknown, request: Request, { deps }: Serving): ApiError {
  if (error instanceof UnknownCursorError) {
    return invalidValue(
      ['query', error.cursor],
      `'${error.cursor}' names no row of this list: take the id from list_metadata of a page.`,
    );
  }
  const { requestId, routeId } = exchangeOf(request);
  if (isStoreAway(error)) {
    deps.logger.warn({ err: error, requestId, route: routeId }, 'PostgreSQL is away');
    return { kind: 'error', code: 'unavailable' };
  }
  deps.logger.error({ err: error, requestId, route: routeId }, 'a request failed');
  return { kind: 'error', code: 'internal', requestId };
}

/** Sends an error in a dialect's form. */
export function sendError(response: Response, dialect: Dialect, error: ApiError): void {
  send(response, dialect.formError(error));
}

function send(response: Response, { status, headers, body }: Answer): void {
  response.status(status).set(headers).json(body);
}
