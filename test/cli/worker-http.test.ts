import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMetrics } from '../../src/api/metrics.js';
import { createReadiness, type Readiness } from '../../src/api/readiness.js';
import { type WorkerHealth, serveProbes } from '../../src/cli/worker-http.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { type Database, openDatabase } from '../../src/store/database.js';
import { createTestDatabase } from '../support/database.js';

const database = await createTestDatabase();
afterAll(() => database.drop());

const REACHABLE = { reachable: true, since: null, reason: null };

async function probes(about: Partial<WorkerHealth> = {}): Promise<string> {
  const served = await serveProbes(
    { host: LOOPBACK, port: 0 },
    {
      readiness: readinessOf(database),
      metrics: createMetrics(),
      version: '1.2.3',
      isPolling: () => true,
      temporalState: () => REACHABLE,
      ...about,
    },
  );
  onTestFinished(() => served.stop());
  return served.url;
}

async function readyz(about: Partial<WorkerHealth> = {}): Promise<[number, unknown]> {
  const response = await fetch(`${await probes(about)}/readyz`);
  return [response.status, await response.json()];
}

function open(url: string): Database {
  const opened = openDatabase(url, { maxConnections: 1 });
  onTestFinished(() => opened.close());
  return opened;
}

/** What a process that has only this pool finds out; it asks aside by a connection of its own. */
function readinessOf({ db, url }: Pick<Database, 'db' | 'url'>): Readiness {
  return createReadiness({ db, probe: open(url).db }, { warn: () => {} });
}

describe('a worker', () => {
  test('says that it lives, whatever else is away', async () => {
    const url = await probes({
      isPolling: () => false,
      readiness: readinessOf(open(absentUrl(await freePort()))),
    });
    const response = await fetch(`${url}/healthz`);
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: 'ok', version: '1.2.3' },
    ]);
  });

  test('is ready while it polls, and PostgreSQL and Temporal answer', async () => {
    expect(await readyz()).toEqual([
      200,
      {
        status: 'ready',
        version: '1.2.3',
        polling: true,
        postgres: 'ok',
        temporal: 'ok',
        temporal_since: null,
        temporal_reason: null,
      },
    ]);
    expect(await readyz({ isPolling: () => false })).toMatchObject([503, { polling: false }]);
    const temporalState = () => ({ reachable: false, since: 'then', reason: 'gone' });
    expect(await readyz({ temporalState })).toMatchObject([503, { temporal: 'away' }]);
  });

  test('tells a pool that is used up from a database that is not there', async () => {
    const busy = open(database.url);
    let free: () => void = () => {};
    const held = busy.db.connection().execute(
      () =>
        new Promise<void>((resolve) => {
          free = resolve;
        }),
    );
    expect(await readyz({ readiness: readinessOf(busy) })).toMatchObject([
      503,
      { postgres: 'exhausted' },
    ]);
    free();
    await held;
    expect(await readyz({ readiness: readinessOf(busy) })).toMatchObject([200, { postgres: 'ok' }]);
    const away = open(absentUrl(await freePort()));
    expect(await readyz({ readiness: readinessOf(away) })).toMatchObject([
      503,
      { postgres: 'away' },
    ]);
  });

  test('gives the metrics that the API gives, and what the audit found', async () => {
    const metrics = createMetrics();
    metrics.showFindings(new Map([['GATE_GONE', 2]]));
    const text = await (await fetch(`${await probes({ metrics })}/metrics`)).text();
    expect(text).toContain('countersign_backlog_pending 0');
    expect(text).toContain('countersign_drift_findings{code="GATE_GONE"} 2');
  });

  test('has nothing else, and says where that is', async () => {
    const url = await probes();
    const response = await fetch(`${url}/v1/me`);
    expect([response.status, await response.text()]).toEqual([
      404,
      '{"error":"A worker has /healthz, /readyz and /metrics; everything else is at the API."}',
    ]);
    expect((await fetch(`${url}/healthz`, { method: 'POST' })).status).toBe(405);
  });

  test('says what to set where its port is taken', async () => {
    const taken = new URL(await probes());
    const address = { host: LOOPBACK, port: Number(taken.port) };
    const health = {
      readiness: readinessOf(database),
      metrics: createMetrics(),
      version: '1.2.3',
      isPolling: () => true,
      temporalState: () => REACHABLE,
    };
    await expect(serveProbes(address, health)).rejects.toThrow(
      /^Cannot listen on .*: set WORKER_PORT or HOST to a free address\.$/,
    );
  });
});

function absentUrl(port: number): string {
  return `postgres://nobody@${LOOPBACK}:${port}/nowhere`;
}
