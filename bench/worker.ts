import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { NativeConnection, Worker } from '@temporalio/worker';
import { openLog } from '../src/cli/logging.js';
import type * as workerProcess from '../src/cli/worker-process.js';
import { temporalOptions } from '../src/delivery/temporal.js';
import { built } from './support/built.js';
import { nowMs } from './support/clock.js';
import { BARE_TASK_QUEUE } from './support/names.js';
import { tell } from './support/messages.js';

// One process that works for both sides: the workflows of Countersign as `countersign worker` runs
// them, and the bare ones beside them, with the same limits.

if (process.env['BENCH_TRACE'] === 'yes') {
  await import('./trace.js');
}
// Our own build has the types of its sources.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const { installRuntime, startWorker } = (await built('cli/worker-process')) as typeof workerProcess;
const logger = openLog('info', 'worker');
installRuntime(logger);

const countersign = await startWorker({
  databaseUrl: process.env['DATABASE_URL'] ?? '',
  env: process.env,
  functions: {
    downstream: (_, { runId }) => {
      tell({ kind: 'started', runId, atMs: nowMs() });
      return null;
    },
  },
  logger,
});

const { namespace, connectionOptions } = temporalOptions(process.env);
const connection = await NativeConnection.connect(connectionOptions);
const bare = await Worker.create({
  connection,
  namespace,
  taskQueue: BARE_TASK_QUEUE,
  workflowsPath: fileURLToPath(new URL('bare-workflows.ts', import.meta.url)),
  activities: {
    downstream: async () => {
      const runId = Context.current().info.workflowExecution?.workflowId ?? '';
      tell({ kind: 'started', runId, atMs: nowMs() });
    },
  },
  maxConcurrentActivityTaskExecutions: 40,
  stickyQueueScheduleToStartTimeout: '2s',
  maxCachedWorkflows: 500,
});
const bareDone = bare.run();

process.once('SIGTERM', () => {
  bare.shutdown();
  void Promise.allSettled([countersign.stop(), bareDone]).then(() => process.exit(0));
});
tell({ kind: 'ready' });
