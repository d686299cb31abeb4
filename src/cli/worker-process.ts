import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import { createMetrics } from '../api/metrics.js';
import { createReadiness } from '../api/readiness.js';
import type { BlockFunctions } from '../blocks.js';
import { startDriftAudit } from '../delivery/drift-audit.js';
import { Sender } from '../delivery/sender.js';
import { createAuthorWorkflows } from '../delivery/author-workflows.js';
import { createLineage } from '../delivery/lineage.js';
import { openTemporal, temporalOptions } from '../delivery/temporal.js';
import { openDatabase } from '../store/database.js';
import { checkSchema } from '../store/migrate.js';
import { type Environment, readConfig, requireDatabaseUrl } from './config.js';
import { readHttpSettings } from './http-settings.js';
import { loadBlocks } from './load-blocks.js';
import { openLog, temporalLogger } from './logging.js';
import { untilStopped } from './until-stopped.js';
import { untilStoreAnswers } from './until-store-answers.js';
import { untilTemporalAnswers } from './until-temporal-answers.js';
import { VERSION } from './version.js';
import { serveProbes } from './worker-http.js';
import { workflowCode } from './workflow-code.js';

/** What a worker process runs on. */
export type WorkerSettings = {
  readonly databaseUrl: string;
  readonly env: Environment;
  readonly functions: BlockFunctions;
  /** How often the drift audit looks; as often as it chooses unless told. */
  readonly auditEveryMs?: number;
  readonly logger: Logger;
  /** Where to answer probes; nowhere unless told. */
  readonly probes?: { readonly host: string; readonly port: number };
  /** How often to look at what is owed; a few times a second unless told. */
  readonly senderPollMs?: number;
};

/** A worker that is polling. */
export type RunningWorker = {
  /** Resolves when it has stopped by itself or by `stop`; rejects when it broke. */
  readonly done: Promise<void>;
  /** Where it answers probes; null where it does not. */
  readonly probesUrl: string | null;
  stop(): Promise<void>;
};

/** Runs a worker until it is stopped: the process `countersign worker`. */
export async function runWorker(env: Environment, blocksModule: string | undefined): Promise<void> {
  const config = readConfig(env);
  const databaseUrl = requireDatabaseUrl(config);
  const functions = blocksModule === undefined ? {} : await loadBlocks(blocksModule);
  const logger = openLog(config.logLevel, 'worker');
  installRuntime(logger);
  const { host, workerPort: port, auditEveryMs } = config;
  const worker = await startWorker({
    databaseUrl,
    env,
    functions,
    logger,
    ...(port === null ? {} : { probes: { host, port } }),
    ...(auditEveryMs === null ? {} : { auditEveryMs }),
  });
  if (worker.probesUrl !== null) {
    logger.info({ url: worker.probesUrl }, 'the worker answers probes');
  }
  await Promise.race([worker.done, untilStopped(() => worker.stop())]);
}

/** Sends the SDK's own log into ours, and leaves signals to us; once a process, before any worker. */
export function installRuntime(logger: Logger): void {
  Runtime.install({
    logger: temporalLogger(logger),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
    },
  });
}

/** Starts workflows, activities, a sender and the drift audit in this process. */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { databaseUrl, env, functions, logger } = settings;
  const http = readHttpSettings(env);
  const database = openDatabase(databaseUrl, {
    maxConnections: 20,
    onIdleError: (err) => logger.warn({ err }, 'a database connection was lost'),
  });
  const probe = openDatabase(databaseUrl, { maxConnections: 1, maxReadConnections: 1 });
  await untilStoreAnswers(
    () => checkSchema(database.db),
    (reason) => logger.warn({ reason }, 'waiting for PostgreSQL'),
  );
  const temporal = openTemporal(env);
  const lineage = createLineage(temporal);
  const { namespace, taskQueue, connectionOptions } = temporalOptions(env);
  const connection = await untilTemporalAnswers(
    () => NativeConnection.connect(connectionOptions),
    (reason) => logger.warn({ reason }, 'waiting for Temporal'),
  );
  const stopping = new AbortController();
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    ...workflowCode(),
    activities: createActivities({
      db: database.db,
      functions,
      http,
      stopping: stopping.signal,
      authorWorkflows: createAuthorWorkflows(temporal, lineage),
      lineage,
      logger,
    }),
    maxConcurrentActivityTaskExecutions: 40,
    // A gate that a lost worker had cached waits this long before another takes it.
    stickyQueueScheduleToStartTimeout: '2s',
    maxCachedWorkflows: 500,
    ...PATIENT_ISOLATE,
    // Less than the 15 s after which a supervisor kills: a block that is cut off should hear of it.
    shutdownGraceTime: GRACE_MS,
    shutdownForceTime: '13s',
  });
  const { senderPollMs: pollMs } = settings;
  const sender = new Sender({
    db: database.db,
    temporal,
    logger,
    ...(pollMs === undefined ? {} : { pollMs }),
  });
  sender.start();
  const metrics = createMetrics();
  const stopAudit = startDriftAudit(
    { db: database.db, temporal, logger, onPass: metrics.showFindings },
    settings.auditEveryMs,
  );
  const probes =
    settings.probes === undefined
      ? null
      : await serveProbes(settings.probes, {
          readiness: createReadiness({ db: database.db, probe: probe.db }, logger),
          metrics,
          version: VERSION,
          isPolling: () => worker.getState() === 'RUNNING',
          temporalState: () => sender.reachability(),
        });

  const run = async (): Promise<void> => {
    try {
      await worker.run();
    } finally {
      await probes?.stop();
      await stopAudit();
      await sender.stop();
      await temporal.close();
      await connection.close();
      await Promise.all([database.close(), probe.close()]);
    }
  };
  const done = run();
  return {
    done,
    probesUrl: probes?.url ?? null,
    stop: async () => {
      if (worker.getState() === 'RUNNING') {
        worker.shutdown();
      }
      const grace = setTimeout(() => stopping.abort(new Error('the worker stops')), GRACE_MS);
      await done.finally(() => clearTimeout(grace));
    },
  };
}

/** How long a worker that stops waits for the blocks it is executing. */
const GRACE_MS = 10_000;

/**
 * How long one activation of a workflow may take; the SDK honours it and leaves it out of its types.
 *
 * Its 5 s are there to find code that hangs, and authors' code never runs in workflows here. They are
 * met only on a starved machine, by a gate under thousands of signals; and ending an activation by
 * force takes the whole process down there (Node: "async hook stack has become corrupted").
 */
const PATIENT_ISOLATE = { isolateExecutionTimeout: '60s' };
