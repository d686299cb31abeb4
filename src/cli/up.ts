import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openTemporal } from '../delivery/temporal.js';
import { runStack } from '../dev/run-stack.js';
import { SetupError } from '../dev/setup-error.js';
import { ADMIN_ID, bootstrap } from './bootstrap.js';
import { type Environment, readConfig } from './config.js';
import { parkDemoRun } from './demo.js';
import { readHttpSettings } from './http-settings.js';
import { DEMO_PEOPLE } from './demo-people.js';
import { buildInbox } from './inbox-build.js';
import { loadBlocks } from './load-blocks.js';
import { rememberLocalStack } from './local-stack.js';
import { prepareServers } from './migrate.js';
import { printSignInLinks } from './start-links.js';
import { readOidcSettings } from './oidc-settings.js';
import { openNotes } from './output/waiting.js';

const EXAMPLE_BLOCKS = fileURLToPath(new URL('../../examples/blocks.ts', import.meta.url));

/** Runs everything on this machine until it is stopped. */
export async function up(options: {
  readonly blocks?: string;
  readonly demo: boolean;
}): Promise<void> {
  const config = readConfig(process.env);
  // The worker and the API read them; here a wrong one ends the command instead of a child, again and again.
  readHttpSettings(process.env);
  readOidcSettings(process.env);
  if (options.blocks !== undefined) {
    await loadBlocks(options.blocks);
  }
  const blocks = options.blocks ?? (existsSync(EXAMPLE_BLOCKS) ? EXAMPLE_BLOCKS : null);
  const hasDemo = options.demo && options.blocks === undefined && blocks !== null;
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
        ...(name === 'worker' && blocks !== null ? ['--blocks', blocks] : []),
      ],
    }),
    prepare: async (urls) => {
      const building = buildInbox();
      await prepareServers(urls.databaseUrl, urls.env);
      await bootstrap(urls.databaseUrl, urls.home.adminToken, hasDemo ? DEMO_PEOPLE : []);
      await rememberLocalStack(urls.home.path, {
        api_url: urls.apiUrl,
        database_url: urls.databaseUrl,
        temporal_address: urls.temporalAddress,
        temporal_namespace: urls.temporalNamespace,
      });
      await building;
    },
    onReady: async (urls) => {
      const notes = openNotes(process.stderr);
      notes.waitForSoon(`waiting for the worker to poll (its log: ${urls.home.logs}/worker.log)`);
      await untilWorkerPolls(urls.env, urls.home.logs).finally(() => notes.stop());
      if (urls.temporalUiUrl !== null) {
        console.log(`Temporal's UI: ${urls.temporalUiUrl}`);
      }
      if (hasDemo) {
        notes.waitForSoon('waiting for a run of the example to reach its gate');
        await parkDemoRun(urls.apiUrl, urls.home.adminToken).finally(() => notes.stop());
      }
    },
    onAnnounced: async ({ databaseUrl, apiUrl }) => {
      const people = [ADMIN_ID, ...(hasDemo ? DEMO_PEOPLE.map(({ id }) => id) : [])];
      await printSignInLinks(databaseUrl, config.publicUrl?.origin ?? apiUrl, people);
    },
  });
  // Whatever a library still holds open must not keep a stopped stack alive.
  process.exit();
}

const WORKER_READY_MS = 60_000;

/** An API without a worker takes votes that nothing acts on: a stack is ready when both are there. */
async function untilWorkerPolls(env: Environment, logs: string): Promise<void> {
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
