import { status } from '@grpc/grpc-js';
import {
  Client,
  Connection,
  isGrpcServiceError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import {
  DEFAULT_TASK_QUEUE,
  FOR_EACH_RUN,
  GATED_BLOCK_RUN,
  REVIEWER_DECISION,
  type ReviewerDecision,
  SEARCH_ATTRIBUTES,
  WORKFLOW_RUN,
} from '../domain/messages.js';
import type { RunOrder } from '../domain/orders.js';

/** Where a workflow stands in Temporal. */
export type WorkflowState = 'running' | 'closed' | 'missing';

/** What delivery asks of Temporal; every call has a deadline and is tried once. */
export type Temporal = {
  readonly namespace: string;
  readonly taskQueue: string;
  /** Starts a run's workflow; one that was ever started under this id is left alone. */
  start(run: RunToStart): Promise<void>;
  /** Starts a run's workflow again, in place of one that ended or is to be given up. */
  restart(run: RunToStart): Promise<void>;
  signal(workflowId: string, decision: ReviewerDecision): Promise<void>;
  cancel(workflowId: string): Promise<void>;
  describe(workflowId: string): Promise<WorkflowState>;
  /** The ids of running workflows of ours, by what Temporal's visibility knows (it may lag). */
  listRunning(): AsyncIterable<{ readonly workflowId: string; readonly type: string }>;
  /** Whether any worker has polled our task queue lately. */
  hasWorker(): Promise<boolean>;
  /** Resolves when the server answers, and knows our namespace and us. */
  probe(): Promise<void>;
  readonly connection: Connection;
  close(): Promise<void>;
};

/** What it takes to start the workflow of a run. */
export type RunToStart = { readonly runId: string; readonly workflowId: string };

const DEADLINE_MS = 5_000;
const PROBE_DEADLINE_MS = 1_000;

/** `TaskQueueType.WORKFLOW` of Temporal's API. */
const WORKFLOW_TASKS = 1;

const WORKFLOW = defineSearchAttributeKey(SEARCH_ATTRIBUTES.workflow, SearchAttributeType.KEYWORD);
const RUN = defineSearchAttributeKey(SEARCH_ATTRIBUTES.run, SearchAttributeType.KEYWORD);

/** `TEMPORAL_*` settings that cannot be used; the message says which and why. */
class TemporalSettingsError extends Error {
  override readonly name = 'TemporalSettingsError';
}

function readTemporalConfig(
  env: Readonly<Record<string, string | undefined>>,
): ReturnType<typeof loadClientConnectConfig> {
  const given = Object.entries(env).filter(([, value]) => value !== undefined && value !== '');
  try {
    return loadClientConnectConfig({
      disableFile: true,
      overrideEnvVars: Object.fromEntries(given.map(([name, value]) => [name, value ?? ''])),
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TemporalSettingsError(
      `The TEMPORAL_* settings cannot be used (${why}): correct the one that names it.`,
      { cause: error },
    );
  }
}

/** How to reach Temporal, from the standard `TEMPORAL_*` variables; no configuration file is read. */
export function temporalOptions(env: Readonly<Record<string, string | undefined>>): {
  readonly namespace: string;
  /** Where our workers poll: `COUNTERSIGN_TASK_QUEUE`, so that installations can share a namespace. */
  readonly taskQueue: string;
  readonly connectionOptions: ReturnType<typeof loadClientConnectConfig>['connectionOptions'];
} {
  const config = readTemporalConfig(env);
  return {
    namespace: config.namespace ?? 'default',
    taskQueue: env['COUNTERSIGN_TASK_QUEUE'] || DEFAULT_TASK_QUEUE,
    connectionOptions: { address: '127.0.0.1:7233', ...config.connectionOptions },
  };
}

/**
 * Opens Temporal for delivery; it connects on first use and again whenever it was lost.
 *
 * The outbox owns every retry, so the client's own retry interceptor is left out (it overshoots
 * deadlines), and a lost connection is tried again within a second instead of two minutes.
 */
export function openTemporal(
  env: Readonly<Record<string, string | undefined>>,
  deadlineMs: number = DEADLINE_MS,
): Temporal {
  const { namespace, taskQueue, connectionOptions } = temporalOptions(env);
  const connection = Connection.lazy({
    ...connectionOptions,
    interceptors: [],
    channelArgs: {
      'grpc.initial_reconnect_backoff_ms': 250,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
  });
  const client = new Client({ connection, namespace });
  const bounded = <T>(call: () => Promise<T>): Promise<T> =>
    connection.withDeadline(Date.now() + deadlineMs, call);

  const start = async (
    run: RunToStart,
    policies: {
      workflowIdReusePolicy: WorkflowIdReusePolicy;
      workflowIdConflictPolicy: WorkflowIdConflictPolicy;
    },
  ): Promise<void> => {
    const order: RunOrder = { run_id: run.runId };
    await bounded(() =>
      client.workflow.start(WORKFLOW_RUN, {
        workflowId: run.runId,
        taskQueue,
        args: [order],
        staticSummary: `run of ${run.workflowId}`,
        typedSearchAttributes: [
          { key: WORKFLOW, value: run.workflowId },
          { key: RUN, value: run.runId },
        ],
        ...policies,
      }),
    );
  };

  return {
    namespace,
    taskQueue,
    connection,
    start: (run) =>
      start(run, {
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      }),
    restart: (run) =>
      start(run, {
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING,
      }),
    signal: (workflowId, decision) =>
      bounded(() => client.workflow.getHandle(workflowId).signal(REVIEWER_DECISION, decision)),
    cancel: async (workflowId) => {
      await bounded(() => client.workflow.getHandle(workflowId).cancel());
    },
    describe: async (workflowId) => {
      try {
        const { status } = await bounded(() => client.workflow.getHandle(workflowId).describe());
        return status.name === 'RUNNING' ? 'running' : 'closed';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          return 'missing';
        }
        throw error;
      }
    },
    listRunning: async function* () {
      const query = `WorkflowType IN ('${WORKFLOW_RUN}', '${GATED_BLOCK_RUN}', '${FOR_EACH_RUN}') AND ExecutionStatus = 'Running' AND TaskQueue = '${taskQueue.replaceAll("'", "''")}'`;
      for await (const { workflowId, type } of client.workflow.list({ query })) {
        yield { workflowId, type };
      }
    },
    hasWorker: async () => {
      const { pollers } = await bounded(() =>
        connection.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: taskQueue },
          taskQueueType: WORKFLOW_TASKS,
        }),
      );
      return (pollers ?? []).length > 0;
    },
    probe: async () => {
      try {
        await connection.withDeadline(Date.now() + PROBE_DEADLINE_MS, () =>
          connection.workflowService.describeNamespace({ namespace }),
        );
      } catch (error) {
        // Who may signal need not be allowed to look at the namespace: that is an answer, too.
        if (!isGrpcServiceError(error) || error.code !== status.PERMISSION_DENIED) {
          throw error;
        }
      }
    },
    close: () => connection.close(),
  };
}
