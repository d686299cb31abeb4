import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import type { Command } from 'commander';
import { ensureSearchAttributes } from '../delivery/search-attributes.js';
import { openTemporal, temporalOptions } from '../delivery/temporal.js';
import { runStack } from '../dev/run-stack.js';
import { SetupError } from '../dev/setup-error.js';
import { openDatabase } from '../store/database.js';
import { migrate } from '../store/migrate.js';
import { startApi } from './api-process.js';
import { bootstrap } from './bootstrap.js';
import { readConfig, requireDatabaseUrl } from './config.js';
import { parkDemoRun } from './demo.js';
import { runDoctor } from './doctor.js';
import { rememberLocalStack } from './local-stack.js';
import { openLog } from './logging.js';
import { installRuntime, loadBlocks, startWorker } from './worker-process.js';

const EXAMPLE_BLOCKS = new URL('../../examples/invoice-intake/blocks.ts', import.meta.url);

/** Adds the commands that run or mend an installation: up, api, worker, migrate, doctor. */
export function registerProcessCommands(program: Command): void {
  program
    .command('up')
    .description('run everything on this machine: PostgreSQL, Temporal, a worker, the API')
    .option('--blocks <module>', 'the module with your block functions (default: the example)')
    .option('--no-demo', 'do not register the example and park a run of it')
    .action(async (options: { blocks?: string; demo: boolean }) => {
      await up(options);
    });

  program
    .command('api')
    .description('run the HTTP API against DATABASE_URL and TEMPORAL_ADDRESS')
    .action(async () => {
      const config = readConfig(process.env);
      const { host, port, temporalUiUrl } = config;
      const logger = openLog(config.logLevel, 'api');
      const api = await startApi({
        databaseUrl: requireDatabaseUrl(config),
        env: process.env,
        host,
        port,
        temporalUiUrl,
        logger,
      });
      logger.info({ url: api.url }, 'the API is listening');
      await untilStopped(() => api.stop());
    });

  program
    .command('worker')
    .description('run workflows and blocks against DATABASE_URL and TEMPORAL_ADDRESS')
    .option('--blocks <module>', 'the module whose default export is defineBlocks({ … })')
    .action(async (options: { blocks?: string }) => {
      const config = readConfig(process.env);
      const functions = options.blocks === undefined ? {} : await loadBlocks(options.blocks);
      const logger = openLog(config.logLevel, 'worker');
      const databaseUrl = requireDatabaseUrl(config);
      installRuntime(logger);
      const worker = await startWorker({ databaseUrl, env: process.env, functions, logger });
      await Promise.race([worker.done, untilStopped(() => worker.stop())]);
    });

  program
    .command('migrate')
    .description('bring the database schema up to date and register what Temporal must know')
    .action(async () => {
      const config = readConfig(process.env);
      const done = await prepare(requireDatabaseUrl(config), process.env);
      for (const line of done) {
        console.log(line);
      }
    });

  program
    .command('doctor')
    .description('compare the store with Temporal and explain everything owed or stuck')
    .option('--fix', 'mend what can be mended', false)
    .option('--json', 'print one JSON document', false)
    .action(async (options: { fix: boolean; json: boolean }) => {
      process.exitCode = await runDoctor(readConfig(process.env), process.env, options);
    });
}

/** Migrates and registers; says in a line each what was done. */
async function prepare(
  databaseUrl: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const database = openDatabase(databaseUrl);
  const lines: string[] = [];
  try {
    const steps = await migrate(database.db);
    lines.push(steps.length === 0 ? 'schema: up to date' : `schema: applied ${steps.join(', ')}`);
  } finally {
    await database.close();
  }
  const { namespace, connectionOptions } = temporalOptions(env);
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '10s' });
  try {
    const report = await ensureSearchAttributes(connection, namespace);
    lines.push(
      report.outcome === 'by hand'
        ? `search attributes: create ${report.names.join(', ')} (Keyword) in namespace ${namespace} by hand; this server lets nobody register them through its API`
        : `search attributes: ${report.added.length === 0 ? 'registered' : `registered ${report.added.join(', ')}`}`,
    );
  } finally {
    await connection.close();
  }
  return lines;
}

async function up(options: { readonly blocks?: string; readonly demo: boolean }): Promise<void> {
  const config = readConfig(process.env);
  const example = fileURLToPath(EXAMPLE_BLOCKS);
  const blocks = options.blocks ?? (existsSync(example) ? example : undefined);
  if (options.blocks !== undefined) {
    await loadBlocks(options.blocks);
  }
  const entry = process.argv[1] ?? '';
  process.exitCode = await runStack({
    home: config.home,
    env: process.env,
    host: config.host,
    port: config.port,
    command: (name) => ({
      file: process.execPath,
      args: [
        ...process.execArgv,
        entry,
        name,
        ...(name === 'worker' && blocks !== undefined ? ['--blocks', blocks] : []),
      ],
    }),
    prepare: async (urls) => {
      await prepare(urls.databaseUrl, urls.env);
      await bootstrap(urls.databaseUrl, urls.home.adminToken);
      await rememberLocalStack(urls.home.path, {
        api_url: urls.apiUrl,
        database_url: urls.databaseUrl,
        temporal_address: urls.temporalAddress,
        temporal_namespace: urls.temporalNamespace,
      });
    },
    onReady: async (urls) => {
      await untilWorkerPolls(urls.env, urls.home.logs);
      if (options.demo && options.blocks === undefined && blocks !== undefined) {
        await parkDemoRun(urls.apiUrl, urls.home.adminToken);
      }
    },
  });
  // Whatever a library still holds open must not keep a stopped stack alive.
  process.exit();
}

/** An API without a worker takes votes that nothing acts on: a stack is ready when both are there. */
async function untilWorkerPolls(
  env: Readonly<Record<string, string | undefined>>,
  logs: string,
): Promise<void> {
  const temporal = openTemporal(env);
  const deadline = Date.now() + WORKER_READY_MS;
  try {
    while (!(await temporal.hasWorker())) {
      if (Date.now() > deadline) {
        throw new SetupError(
          `The worker did not begin to poll within ${WORKER_READY_MS / 1_000} s: see ${logs}/worker.log.`,
        );
      }
      await delay(100);
    }
  } finally {
    await temporal.close();
  }
}

const WORKER_READY_MS = 60_000;

/** Waits for SIGINT or SIGTERM, then ends in order; a second signal ends at once. */
async function untilStopped(stop: () => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  process.once('SIGINT', () => process.exit(1));
  process.once('SIGTERM', () => process.exit(1));
  await stop();
  process.exit(0);
}
