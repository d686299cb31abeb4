import { randomUUID } from 'node:crypto';
import type { Request } from 'express';

/** What is known of a request beside the request itself: for its log line and its metrics. */
export type Exchange = {
  readonly requestId: string;
  readonly startedAtNs: bigint;
  routeId: string | null;
  actorId: string | null;
};

const exchanges = new WeakMap<Request, Exchange>();

/** Begins to keep track of a request. */
export function beginExchange(request: Request): Exchange {
  const exchange: Exchange = {
    requestId: requestIdOf(request.headers['x-request-id']),
    startedAtNs: process.hrtime.bigint(),
    routeId: null,
    actorId: null,
  };
  exchanges.set(request, exchange);
  return exchange;
}

/** What is known of a request that has begun. */
export function exchangeOf(request: Request): Exchange {
  const exchange = exchanges.get(request);
  if (exchange === undefined) {
    throw new Error('a request reached its handler before it was begun');
  }
  return exchange;
}

/** The caller's own id where it is fit for logs and headers, else a new one. */
function requestIdOf(sent: string | string[] | undefined): string {
  return typeof sent === 'string' && /^[A-Za-z0-9._:/+=@-]{1,128}$/.test(sent)
    ? sent
    : randomUUID();
}
