import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { type Connection, isGrpcServiceError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import type { temporal } from '@temporalio/proto';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Task = temporal.api.workflowservice.v1.IPollWorkflowTaskQueueResponse;

/** An activity, and the arguments that somebody gives it. */
export type Call = { readonly activity: string; readonly args: readonly unknown[] };

/** What became of a call: what was answered, or the message of its failure. */
export type CallOutcome = Call & {
  readonly answer: string | null;
  readonly failure: string | null;
};

/** The workflow that schedules the calls: what it calls itself is up to whoever starts it. */
export type Impostor = { readonly workflowId: string; readonly workflowType: string };

const NAMESPACE = 'default';
const SCHEDULE_ACTIVITY = 1;
const COMPLETE_WORKFLOW = 4;
const POLL_MS = 60_000;

/**
 * Schedules activities of a worker by hand, each once, as anybody can who reaches Temporal's port and
 * has no worker: from a workflow whose tasks are answered here. Waits for what becomes of them.
 */
export async function scheduleByHand(
  connection: Connection,
  taskQueue: string,
  calls: readonly Call[],
  as: Impostor = { workflowId: `foreign-${randomUUID()}`, workflowType: 'foreign' },
): Promise<readonly CallOutcome[]> {
  const { workflowService: service } = connection;
  const ownQueue = `by-hand-${randomUUID()}`;
  const execution = { workflowId: as.workflowId };
  await service.startWorkflowExecution({
    namespace: NAMESPACE,
    ...execution,
    workflowType: { name: as.workflowType },
    taskQueue: { name: ownQueue },
    workflowTaskTimeout: msToTs('2 minutes'),
    requestId: randomUUID(),
  });
  const nextTask = async (): Promise<Task> => {
    for (;;) {
      const task = await connection.withDeadline(Date.now() + 2 * POLL_MS, () =>
        service.pollWorkflowTaskQueue({ namespace: NAMESPACE, taskQueue: { name: ownQueue } }),
      );
      if (task.taskToken.length > 0) {
        return task;
      }
    }
  };
  const answer = async (
    { taskToken }: Task,
    commands: readonly temporal.api.command.v1.ICommand[],
  ): Promise<void> => {
    try {
      await service.respondWorkflowTaskCompleted({
        namespace: NAMESPACE,
        taskToken: taskToken ?? null,
        identity: 'by hand',
        commands: [...commands],
      });
    } catch (error) {
      if (!isGrpcServiceError(error) || error.code !== status.NOT_FOUND) {
        throw error;
      }
      // Temporal has given the task to somebody else, or taken the answer already: the history tells.
    }
  };

  for (;;) {
    const task = await nextTask();
    const events = await historyOf(connection, as.workflowId);
    const outcomes = outcomesOf(calls, events);
    if (outcomes.length === calls.length) {
      await answer(task, [
        { commandType: COMPLETE_WORKFLOW, completeWorkflowExecutionCommandAttributes: {} },
      ]);
      return outcomes;
    }
    const isScheduled = events.some(({ activityTaskScheduledEventAttributes: one }) =>
      Boolean(one),
    );
    await answer(task, isScheduled ? [] : calls.map((call, index) => commandOf(call, index)));
  }

  function commandOf({ activity, args }: Call, index: number): temporal.api.command.v1.ICommand {
    return {
      commandType: SCHEDULE_ACTIVITY,
      scheduleActivityTaskCommandAttributes: {
        activityId: String(index),
        activityType: { name: activity },
        taskQueue: { name: taskQueue },
        input: { payloads: args.map(payloadOf) },
        scheduleToCloseTimeout: msToTs('2 minutes'),
        startToCloseTimeout: msToTs('2 minutes'),
        heartbeatTimeout: msToTs('30 seconds'),
        retryPolicy: { maximumAttempts: 1 },
      },
    };
  }
}

function payloadOf(value: unknown): temporal.api.common.v1.IPayload {
  return {
    metadata: { encoding: Buffer.from('json/plain') },
    data: Buffer.from(JSON.stringify(value)),
  };
}

async function historyOf(
  { workflowService: service }: Connection,
  workflowId: string,
): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | null = null;
  do {
    const page: temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryResponse =
      await service.getWorkflowExecutionHistory({
        namespace: NAMESPACE,
        execution: { workflowId },
        nextPageToken,
      });
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken ?? null;
  } while (nextPageToken !== null && nextPageToken.length > 0);
  return events;
}

/** The outcomes of the calls that have one by now. */
function outcomesOf(
  calls: readonly Call[],
  events: readonly HistoryEvent[],
): readonly CallOutcome[] {
  const scheduled = new Map(
    events.flatMap(({ eventId, activityTaskScheduledEventAttributes: attributes }) => {
      const call = calls[Number(attributes?.activityId ?? Number.NaN)];
      return call === undefined ? [] : [[String(eventId), call] as const];
    }),
  );
  return events.flatMap((event) => {
    const {
      activityTaskCompletedEventAttributes: completed,
      activityTaskFailedEventAttributes: failed,
      activityTaskTimedOutEventAttributes: timedOut,
    } = event;
    const closed = completed ?? failed ?? timedOut;
    const call = scheduled.get(String(closed?.scheduledEventId ?? ''));
    if (call === undefined) {
      return [];
    }
    const data = completed?.result?.payloads?.[0]?.data;
    const answer = data === null || data === undefined ? null : Buffer.from(data).toString();
    const failure = failed?.failure?.message ?? timedOut?.failure?.message ?? null;
    return [{ ...call, answer, failure }];
  });
}
