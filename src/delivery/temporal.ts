import { status } from '@grpc/grpc-js';
import {
  Client,
  Connection,
  isGrpcServiceError,
  type WorkflowExecutionDescription,
  type WorkflowExecutionStatusName,
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
  STEP_ENDED,
  type StepEnded,
  WORKFLOW_RUN,
} from '../domain/messages.js';
import type { Execution, RunningExecution } from '../domain/drift.js';
import { runOfWorkflow } from '../domain/step-ids.js';
import type { RunOrder } from '../domain/orders.js';

/** What delivery asks of Temporal; every call has a deadline and is tried once. */
export type Temporal = {
  readonly namespace: string;
  readonly taskQueue: string;
  /** Starts a run's workflow; one that was ever started under this id is left alone. */
  start(run: RunOrder): Promise<void>;
  /**
   * Starts a run's workflow again once the one before has ended; repeated under the same mark, it finds
   * the one that it started.
   *
   * @returns false while an execution is running that nobody started under this mark
   */
  startAgain(run: RunOrder, mark: string): Promise<boolean>;
  /**
   * Starts a run's workflow again that has ended or was lost.
   *
   * One that runs is never touched: then it throws `WorkflowExecutionAlreadyStartedError`.
   */
  restart(run: RunOrder): Promise<void>;
  signal(workflowId: string, decision: ReviewerDecision): Promise<void>;
  /** Tells a run that one of its steps has ended, before its gate says so. */
  hint(runId: string, stepId: string): Promise<void>;
  /** Asks a workflow to stop: its present execution, or only the one that is named. */
  cancel(workflowId: string, execution?: string): Promise<void>;
  /** Ends one execution at once. */
  terminate(workflowId: string, execution: string, reason: string): Promise<void>;
  /** What there is of a workflow: its present execution, or the one that is named. */
  describe(workflowId: string, execution?: string): Promise<Execution>;
  /** The running executions of ours, by what Temporal's visibility knows (it may lag). */
  listRunning(): AsyncIterable<RunningExecution & { readonly type: string }>;
  /** Whether any worker has polled our task queue lately. */
  hasWorker(): Promise<boolean>;
  /** Resolves when the server answers, and knows our namespace and us. */
  probe(): Promise<void>;
  readonly connection: Connection;
  close(): Promise<void>;
};

const DEADLINE_MS = 5_000;
const PROBE_DEADLINE_MS = 1_000;

/** How often a connection is asked whether its other side is there; Temporal allows a ping every 10 s. */
const KEEPALIVE_EVERY_MS = 15_000;
const KEEPALIVE_WITHIN_MS = 5_000;

/** `TaskQueueType.WORKFLOW` of Temporal's API. */
const WORKFLOW_TASKS = 1;

/** Under this key of its memo an execution keeps what asked for it. */
const MARK = 'countersign_restart';

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
 * deadlines), and a lost connection is tried again within a second instead of two minutes. One whose
 * other side is gone without a word is given up within 20 s, where the client's own settings take 45.
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
      'grpc.keepalive_time_ms': KEEPALIVE_EVERY_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_WITHIN_MS,
    },
  });
  const client = new Client({ connection, namespace });
  const bounded = <T>(call: () => Promise<T>): Promise<T> =>
    connection.withDeadline(Date.now() + deadlineMs, call);

  const start = async (
    run: RunOrder,
    policies: {
      workflowIdReusePolicy: WorkflowIdReusePolicy;
      workflowIdConflictPolicy: WorkflowIdConflictPolicy;
      memo?: { readonly [MARK]: string };
    },
  ): Promise<void> => {
    await bounded(() =>
      client.workflow.start(WORKFLOW_RUN, {
        workflowId: run.run_id,
        taskQueue,
        args: [run],
        staticSummary: `run of ${run.workflow_id}`,
        typedSearchAttributes: [{ key: WORKFLOW, value: run.workflow_id }],
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
    startAgain: async (run, mark) => {
      await start(run, {
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        memo: { [MARK]: mark },
      });
      const { memo } = await bounded(() => client.workflow.getHandle(run.run_id).describe());
      return memo?.[MARK] === mark;
    },
    restart: (run) =>
      start(run, {
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      }),
    signal: (workflowId, decision) =>
      bounded(() => client.workflow.getHandle(workflowId).signal(REVIEWER_DECISION, decision)),
    hint: (runId, stepId) => {
      const ended: StepEnded = { step_id: stepId };
      return bounded(() => client.workflow.getHandle(runId).signal(STEP_ENDED, ended));
    },
    cancel: async (workflowId, execution) => {
      await bounded(() => client.workflow.getHandle(workflowId, execution).cancel());
    },
    terminate: async (workflowId, execution, reason) => {
      await bounded(() => client.workflow.getHandle(workflowId, execution).terminate(reason));
    },
    describe: async (workflowId, execution) => {
      try {
        return asExecution(
          await bounded(() => client.workflow.getHandle(workflowId, execution).describe()),
        );
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          return MISSING;
        }
        throw error;
      }
    },
    listRunning: async function* () {
      const query = `WorkflowType IN ('${WORKFLOW_RUN}', '${GATED_BLOCK_RUN}', '${FOR_EACH_RUN}') AND ExecutionStatus = 'Running' AND TaskQueue = '${taskQueue.replaceAll("'", "''")}'`;
      for await (const found of client.workflow.list({ query })) {
        const { workflowId, runId: execution, type, typedSearchAttributes } = found;
        const runId = runOfWorkflow(workflowId) ?? typedSearchAttributes.get(RUN) ?? null;
        yield { workflowId, execution, type, runId };
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

const MISSING: Execution = {
  state: 'missing',
  execution: null,
  isBusy: false,
  isCancelRequested: false,
  historyLength: 0,
};

/** Whatever else there may be, such as a pause, has not ended. */
const CLOSED: ReadonlySet<string> = new Set([
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'CONTINUED_AS_NEW',
  'TIMED_OUT',
] satisfies WorkflowExecutionStatusName[]);

function asExecution({
  status,
  runId,
  historyLength,
  raw,
}: WorkflowExecutionDescription): Execution {
  const { pendingWorkflowTask, pendingActivities = [], workflowExtendedInfo } = raw;
  const hasTask = pendingWorkflowTask !== null && pendingWorkflowTask !== undefined;
  return {
    state: CLOSED.has(status.name) ? 'closed' : 'running',
    execution: runId,
    isBusy: hasTask || (pendingActivities ?? []).length > 0,
    isCancelRequested: workflowExtendedInfo?.cancelRequested === true,
    historyLength,
  };
}
