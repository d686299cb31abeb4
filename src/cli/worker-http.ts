import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Metrics } from '../api/metrics.js';
import type { TemporalReachability } from '../delivery/sender.js';
import type { Readiness } from '../api/readiness.js';
import { ConfigError } from './config.js';

/** What a worker's probes are answered from. */
export type WorkerHealth = {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly version: string;
  readonly isPolling: () => boolean;
  readonly temporalState: () => TemporalReachability;
};

/** A worker's probes, answered at `url`. */
export type WorkerProbes = { readonly url: string; stop(): Promise<void> };

/**
 * Answers `GET /healthz`, `/readyz` and `/metrics` of a worker, as the API does of itself.
 *
 * It is ready while it polls and PostgreSQL and Temporal answer: without one of them it does nothing.
 *
 * @throws ConfigError when the address cannot be listened on
 */
export async function serveProbes(
  address: { readonly host: string; readonly port: number },
  health: WorkerHealth,
): Promise<WorkerProbes> {
  const { host, port } = address;
  const server = createServer((request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    answer(
      isRead ? new URL(request.url ?? '/', 'http://worker').pathname : null,
      health,
      response,
    ).catch(() => response.destroy());
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ConfigError(
      `Cannot listen on ${host}:${port} (${error instanceof Error ? error.message : String(error)}): set WORKER_PORT or HOST to a free address.`,
      { cause: error },
    );
  }
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return {
    url: `http://${host}:${boundPort}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  path: string | null,
  health: WorkerHealth,
  response: ServerResponse,
): Promise<void> {
  const { metrics, version } = health;
  switch (path) {
    case '/healthz':
      sendJson(response, 200, { status: 'ok', version });
      return;
    case '/readyz': {
      const body = await readinessOf(health);
      sendJson(response, body.status === 'ready' ? 200 : 503, body);
      return;
    }
    case '/metrics': {
      const isUp = (await health.readiness.askStore()) === 'ok';
      const { text, contentType } = await metrics.expose(
        isUp,
        isUp ? await health.readiness.backlog() : null,
      );
      response
        .writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' })
        .end(text);
      return;
    }
    case null:
      response.setHeader('allow', 'GET, HEAD');
      sendJson(response, 405, { error: 'A worker answers GET only.' });
      return;
    default:
      sendJson(response, 404, {
        error: 'A worker has /healthz, /readyz and /metrics; everything else is at the API.',
      });
  }
}

async function readinessOf({ readiness, version, isPolling, temporalState }: WorkerHealth) {
  const postgres = await readiness.askStore();
  const { reachable, since, reason } = temporalState();
  const isReady = isPolling() && postgres === 'ok' && reachable;
  return {
    status: isReady ? 'ready' : 'unavailable',
    version,
    polling: isPolling(),
    postgres,
    temporal: reachable ? 'ok' : 'away',
    temporal_since: since,
    temporal_reason: reason,
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.setHeader('cache-control', 'no-store');
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
