import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { RememberedCallers, storedTokens } from './authenticate.js';
import type { AppDeps } from './deps.js';
import { dialectAt } from './dialects/by-path.js';
import { invalidValue, notFound } from './errors.js';
import { beginExchange, exchangeOf } from './exchange.js';
import { createMetrics, type Metrics } from './metrics.js';
import { mountPages } from './pages.js';
import { ROUTES } from './routes.js';
import { failureOf, mountRoutes, sendError, type Serving } from './serve.js';
import { issuedTokens } from './sign-in/oidc.js';
import { mountOidc } from './sign-in/oidc-pages.js';
import { INBOX_POLICY, mountPageForTheLost, mountWebApp } from './web-app.js';

export type { AppDeps } from './deps.js';

/** The HTTP API: every route of the registry, operations pages, and one form of error for each dialect. */
export function createApp(deps: AppDeps): Express {
  const metrics = createMetrics();
  const { oidc, publicUrl, webFolder } = deps;
  const authentication = {
    reads: deps.reads,
    verifiers: [
      storedTokens(deps.reads),
      ...(oidc === null ? [] : [issuedTokens(deps, oidc, deps.logger)]),
    ],
    remembered: new RememberedCallers(),
    publicUrl,
  };
  const readDeps = { ...deps, db: deps.reads };
  const serving: Serving = { deps, readDeps, metrics, authentication };
  const app = express();
  app.set('etag', false);
  app.set('x-powered-by', false);
  app.use(followRequest(deps, metrics));
  app.use(
    helmet({
      contentSecurityPolicy: false,
      frameguard: { action: 'deny' },
      referrerPolicy: { policy: 'same-origin' },
      // It would send browsers to https even where only a proxy, or nothing at all, speaks it.
      strictTransportSecurity: false,
    }),
  );
  if (oidc !== null && oidc.settings.clientId !== null) {
    mountOidc(app, deps, oidc);
  }
  mountWebApp(app, webFolder);
  mountPages(app, serving);
  mountRoutes(app, ROUTES, serving);
  mountPageForTheLost(app, webFolder);
  app.use((request: Request, response: Response) => {
    const isReview = request.path.startsWith('/v1/workflows/reviews/');
    const problem = notFound(isReview ? 'review' : 'page', request.path);
    sendError(response, dialectAt(request.path), problem);
  });
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem =
      error instanceof URIError
        ? invalidValue(['path'], 'The path is not well-formed: percent-encode UTF-8.')
        : failureOf(error, request, serving);
    sendError(response, dialectAt(request.path), problem);
  });
  return app;
}

const PROBES: ReadonlySet<string> = new Set(['healthz', 'readyz', 'metrics']);

/** Names the request, says so in the answer, and logs and measures it once it is answered. */
function followRequest(deps: AppDeps, metrics: Metrics) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const exchange = beginExchange(request);
    response.set('x-request-id', exchange.requestId);
    response.set('cache-control', 'no-store');
    response.set('content-security-policy', INBOX_POLICY);
    response.once('close', () => {
      const { requestId, routeId, actorId } = exchangeOf(request);
      const seconds = Number(process.hrtime.bigint() - exchange.startedAtNs) / 1e9;
      metrics.observeRequest(routeId ?? 'none', response.statusCode, seconds);
      // Probes and scrapes come every few seconds, and say nothing that metrics do not.
      const level = PROBES.has(routeId ?? '') && response.statusCode < 400 ? 'debug' : 'info';
      deps.logger[level](
        {
          requestId,
          route: routeId,
          method: request.method,
          path: withoutCode(request.path),
          status: response.statusCode,
          actor: actorId,
          ms: Math.round(seconds * 10_000) / 10,
          aborted: !response.writableFinished,
        },
        'request',
      );
    });
    next();
  };
}

/** A path as it may be logged: the code of a sign-in link lets in whoever reads it. */
function withoutCode(path: string): string {
  return path.replace(/^(\/signin\/link\/|\/v1\/session\/links\/).+$/, '$1…');
}
