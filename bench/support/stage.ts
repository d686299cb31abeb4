import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { bootstrap } from '../../src/cli/bootstrap.js';
import { createClient, type Client } from '../../src/client/index.js';
import { ensureSearchAttributes } from '../../src/delivery/search-attributes.js';
import { lockHome, openHome } from '../../src/dev/home.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { startPostgres } from '../../src/dev/postgres.js';
import type { Running } from '../../src/dev/running.js';
import { findTemporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporalServer } from '../../src/dev/temporal-server.js';
import { becomesTrue } from '../../src/dev/wait.js';
import { openDatabase } from '../../src/store/database.js';
import { PATIENT_LIMITS } from '../../src/store/limits.js';
import { migrate } from '../../src/store/migrate.js';
import { type BenchProcess, startBenchProcess } from './bench-process.js';
import type { Told } from './messages.js';

const READY_MS = 60_000;
const NAMESPACE = 'default';

/** The servers and processes that both sides are measured on. */
export type Stage = {
  readonly home: string;
  readonly databaseUrl: string;
  readonly apiUrl: string;
  /** In the process of the API: it answers every request with nothing, and does nothing for it. */
  readonly emptyUrl: string;
  /** A client of the HTTP API for the admin. */
  readonly admin: Client;
  /** A plain client of Temporal, as an application without Countersign would have. */
  readonly temporal: TemporalClient;
  readonly api: BenchProcess;
  readonly servers: { readonly postgres: Running; readonly temporal: Running };
  /** Starts the worker process, in place of the one before; traced as the stage is, unless told otherwise. */
  startWorker(options?: {
    readonly isTraced?: boolean;
    /** Told everything that it tells, also before it is ready. */
    readonly onTold?: (told: Told) => void;
  }): Promise<BenchProcess>;
  /** Ends everything, and removes the home. */
  stop(): Promise<void>;
};

/** How a stage is set. */
export type StageOptions = {
  /** Whether our own processes record statements and requests. */
  readonly isTraced: boolean;
  /** Whether the Temporal server keeps its own defaults, instead of what `npm start` tells it. */
  readonly isStock: boolean;
  /** Told what is going on. */
  readonly say: (line: string) => void;
};

/**
 * Brings up, in a temporary home: PostgreSQL with fsync, a Temporal dev server on a file, and the API
 * in a process of its own as `countersign api` runs it.
 */
export async function openStage(options: StageOptions): Promise<Stage> {
  const path = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  await chmod(path, 0o711); // under root PostgreSQL runs as another user
  const stops: (() => Promise<void>)[] = [
    () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  ];
  const stop = async (): Promise<void> => {
    for (let next = stops.pop(); next !== undefined; next = stops.pop()) {
      await next();
    }
  };
  try {
    return { ...(await build(path, options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  path: string,
  { isTraced, isStock, say }: StageOptions,
  stops: (() => Promise<void>)[],
): Promise<Omit<Stage, 'stop'>> {
  const home = await openHome(path);
  const lock = await lockHome(home);
  stops.push(() => lock.release());
  const cli = await findTemporalCli({ env: process.env, onProgress: say });
  say('starting PostgreSQL and Temporal');
  const postgres = await startPostgres({ home: path, durability: 'durable' });
  stops.push(() => postgres.stop());
  const server = await startTemporalServer({
    home: path,
    cli: cli.path,
    namespace: NAMESPACE,
    port: await freePort(),
    uiPort: await freePort(),
    ...(isStock ? { dynamicConfig: {} } : {}),
  });
  stops.push(() => server.stop());

  const connection = await Connection.connect({ address: server.address });
  stops.push(() => connection.close());
  await prepare(postgres.url, connection);
  await bootstrap(postgres.url, home.adminToken);

  say('starting the API and the worker');
  const port = await freePort();
  const apiUrl = `http://${LOOPBACK}:${port}`;
  const emptyPort = await freePort();
  const program = {
    logs: home.logs,
    isTraced,
    env: {
      ...withoutSettings(process.env),
      DATABASE_URL: postgres.url,
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: NAMESPACE,
      COUNTERSIGN_HOME: path,
      HOST: LOOPBACK,
      PORT: String(port),
      BENCH_EMPTY_PORT: String(emptyPort),
    },
  };
  const api = await startBenchProcess({
    ...program,
    name: 'api',
    file: '../api.ts',
    args: ['api'],
  });
  stops.push(() => api.stop());
  let worker: BenchProcess | null = null;
  const startWorker: Stage['startWorker'] = async (options = {}) => {
    const { onTold, ...others } = options;
    await worker?.stop();
    worker = await startBenchProcess({
      ...program,
      ...others,
      name: 'worker',
      file: '../worker.ts',
    });
    if (onTold !== undefined) {
      worker.onTold(onTold);
    }
    await worker.untilReady();
    return worker;
  };
  stops.push(async () => worker?.stop());
  const answers = (): Promise<boolean> =>
    fetch(`${apiUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  if (!(await becomesTrue(answers, READY_MS, 50))) {
    throw new Error(`the API was not ready within ${READY_MS / 1_000} seconds`);
  }
  const token = (await readFile(home.adminToken, 'utf8')).trim();
  return {
    home: path,
    databaseUrl: postgres.url,
    apiUrl,
    emptyUrl: `http://${LOOPBACK}:${emptyPort}`,
    admin: createClient({ url: apiUrl, token }),
    temporal: new TemporalClient({ connection, namespace: NAMESPACE }),
    api,
    servers: { postgres, temporal: server },
    startWorker,
  };
}

async function prepare(databaseUrl: string, connection: Connection): Promise<void> {
  const database = openDatabase(databaseUrl, { limits: PATIENT_LIMITS });
  try {
    await migrate(database.db);
  } finally {
    await database.close();
  }
  await ensureSearchAttributes(connection, NAMESPACE);
}

/** What the caller's shell says about other servers is not meant for these. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSetting = /^(TEMPORAL_|COUNTERSIGN_|OIDC_|PG|DATABASE_URL$|LOG_LEVEL$|HOST$|PORT$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isSetting.test(name)));
}
