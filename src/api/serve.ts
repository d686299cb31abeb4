import type { Express, Request, Response } from 'express';
import { UnknownCursorError } from '../store/paging.js';
import type { Actor } from '../store/actors.js';
import { storeTrouble } from '../store/store-away.js';
import { SignedOutError } from '../store/voter.js';
import { accessRule, mayActFor, refuseEntry } from './access.js';
import type { Answer } from './answer.js';
import { authenticate, type Authentication, recallCaller } from './authenticate.js';
import type { AppDeps } from './deps.js';
import type { Dialect } from './dialects/dialect.js';
import { type ApiError, busy, invalidValue, isApiError, signedOut, unavailable } from './errors.js';
import type { Stream } from './event-stream.js';
import { exchangeOf } from './exchange.js';
import type { Metrics } from './metrics.js';
import { pathPattern } from './path-pattern.js';
import type { ReadBody } from './read-body.js';
import { queryOf, readInput, readRouteBody } from './read-input.js';
import type { Call } from './route.js';
import type { ServedRoute } from './routes.js';
import { refuseForeignRequest } from './sign-in/same-origin.js';

/** What every request is served with. */
export type Serving = {
  readonly deps: AppDeps;
  /** The same for a route that only reads. */
  readonly readDeps: AppDeps;
  readonly metrics: Metrics;
  readonly authentication: Authentication;
};

/**
 * Puts routes on an app, path by path in their order of first appearance.
 *
 * All routes of a path stand together, so that a method none of them has is a 405 there and never
 * falls through to a later path that happens to match as well.
 */
export function mountRoutes(app: Express, routes: readonly ServedRoute[], serving: Serving): void {
  for (const [index, { path, dialect }] of routes.entries()) {
    if (routes.findIndex((route) => route.path === path) < index) {
      continue;
    }
    const ofPath = routes.filter((route) => route.path === path);
    app.all(pathPattern(path), (request, response, next) => {
      const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase();
      const ofMethod = ofPath.filter((candidate) => candidate.method === method);
      const query = queryOf(request);
      const route =
        ofMethod.find(({ servesQuery }) => servesQuery?.(query)) ??
        ofMethod.find(({ servesQuery }) => servesQuery === null);
      if (route !== undefined) {
        return respond(route, request, response, serving);
      }
      // Where two contracts share a shape of path, what only the other one posts names none of its reviews.
      return method === 'post' && path.includes(':!')
        ? next()
        : sendError(response, dialect, refuseMethod(request.method, ofPath));
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
  if (outcome.kind === 'stream') {
    outcome.open(response);
    return;
  }
  send(response, outcome.kind === 'answer' ? outcome : route.dialect.formError(outcome));
}

function refuseMethod(method: string, ofPath: readonly ServedRoute[]): ApiError {
  const methods = [...new Set(ofPath.map((route) => route.method.toUpperCase()))];
  const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  return {
    kind: 'error',
    code: 'method_not_allowed',
    method,
    allow: allowed.toSorted().join(', '),
  };
}

/**
 * Who calls, may they, is it well-formed: in this order; then the route's own handler. A contract
 * with a door of its own has the outer form of the body checked first.
 */
async function serve(
  route: ServedRoute,
  request: Request,
  response: Response,
  serving: Serving,
): Promise<Answer | Stream | ApiError> {
  const { metrics, authentication } = serving;
  const deps = depsOf(route, serving);
  if (route.access === 'public') {
    return await servePublic(route, request, response, serving);
  }
  const early = await readEnvelope(route, request, response);
  if (isApiError(early)) {
    return early;
  }
  const rule = accessRule(route.id);
  const recalled = route.rereadsCaller ? recallCaller(request, authentication) : null;
  const isRecalled = recalled !== null && refuseEntry(rule, recalled) === null;
  const lookUp = (): Promise<Actor | ApiError> =>
    route.dialect.door === undefined
      ? authenticate(request, authentication)
      : route.dialect.door.authenticate(request.headers, deps.reads);
  const actor = isRecalled ? recalled : await lookUp();
  if (isApiError(actor)) {
    return actor;
  }
  const exchange = exchangeOf(request);
  exchange.actorId = actor.id;
  const refusal = refuseEntry(rule, actor);
  if (refusal !== null) {
    return refusal;
  }
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  const input = await readInput(route, request, response, early);
  if (response.closed) {
    closed.abort();
  }
  const handleFor = async (caller: Actor): Promise<Answer | Stream | ApiError> => {
    if (isApiError(input)) {
      return input;
    }
    const call: Call = {
      deps,
      actor: caller,
      dialect: route.dialect,
      metrics,
      log: deps.logger.child({ requestId: exchange.requestId }),
      mayActFor: (ownerId) => mayActFor(rule, caller, ownerId),
      closed: closed.signal,
    };
    try {
      return await route.handle(call, input);
    } catch (error) {
      if (error instanceof SignedOutError) {
        return signedOut();
      }
      throw error;
    }
  };
  const outcome = await handleFor(actor);
  if (!isRecalled || !isApiError(outcome)) {
    return outcome;
  }
  // What is refused is refused to somebody who was looked up, as they are now.
  const known = await lookUp();
  if (isApiError(known)) {
    return known;
  }
  const isSame = JSON.stringify(known) === JSON.stringify(actor);
  return isSame ? outcome : (refuseEntry(rule, known) ?? (await handleFor(known)));
}

/** A GET never waits for a lock, and so never for whoever does. */
function depsOf({ method }: ServedRoute, { deps, readDeps }: Serving): AppDeps {
  return method === 'get' ? readDeps : deps;
}

/** Nobody has to say who they are; what changes something has to come from a page of our own. */
async function servePublic(
  route: Extract<ServedRoute, { readonly access: 'public' }>,
  request: Request,
  response: Response,
  serving: Serving,
): Promise<Answer | Stream | ApiError> {
  const { authentication } = serving;
  const { method, headers } = request;
  const foreign = refuseForeignRequest(method, headers, authentication.publicUrl);
  if (foreign !== null) {
    return foreign;
  }
  const input = await readInput(route, request, response, null);
  if (isApiError(input)) {
    return input;
  }
  const identify = async (): Promise<Actor | null> => {
    const actor = await authenticate(request, authentication);
    return isApiError(actor) ? null : actor;
  };
  return await route.handle({ deps: depsOf(route, serving), headers, identify }, input);
}

/** The body of a request that is looked at before anybody is asked who they are; null for all others. */
async function readEnvelope(
  route: ServedRoute,
  request: Request,
  response: Response,
): Promise<ReadBody | null> {
  const { door } = route.dialect;
  if (door === undefined) {
    return null;
  }
  const body = await readRouteBody(route, request, response);
  return isApiError(body) ? body : (door.checkEnvelope(body.value) ?? body);
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
  const trouble = storeTrouble(error);
  if (trouble !== null) {
    deps.logger.warn({ err: error, requestId, route: routeId }, `PostgreSQL is ${trouble}`);
    return trouble === 'busy' ? busy() : unavailable();
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
