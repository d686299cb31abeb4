import { randomUUID } from 'node:crypto';
import { Client, type Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { until } from './until.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** What an operator can do in Temporal's UI, and anybody who reaches Temporal can send. */
export class Operator {
  readonly #connection: Connection;
  readonly client: Client;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.client = new Client({ connection });
  }

  async history(workflowId: string): Promise<readonly HistoryEvent[]> {
    const { events } = await this.client.workflow.getHandle(workflowId).fetchHistory();
    return events ?? [];
  }

  async status(workflowId: string): Promise<string> {
    return (await this.client.workflow.getHandle(workflowId).describe()).status.name;
  }

  /** Resets a workflow to its first (or its latest) completed workflow task. */
  async reset(workflowId: string, to: 'first' | 'latest'): Promise<void> {
    const { runId } = await this.client.workflow.getHandle(workflowId).describe();
    const tasks = (await this.history(workflowId)).filter(
      ({ workflowTaskCompletedEventAttributes }) =>
        workflowTaskCompletedEventAttributes !== null &&
        workflowTaskCompletedEventAttributes !== undefined,
    );
    const task = to === 'first' ? tasks[0] : tasks.at(-1);
    if (task?.eventId === undefined || task.eventId === null) {
      throw new Error(`workflow ${workflowId} has no completed task to reset to`);
    }
    await this.#connection.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId, runId },
      reason: 'a test',
      workflowTaskFinishEventId: task.eventId,
      requestId: randomUUID(),
    });
  }

  async terminate(workflowId: string): Promise<void> {
    await this.client.workflow.getHandle(workflowId).terminate('a test');
  }

  async cancel(workflowId: string): Promise<void> {
    await this.client.workflow.getHandle(workflowId).cancel();
  }

  /** Sends the signal with whatever bytes and encoding are given. */
  async signalRaw(workflowId: string, data: string, encoding = 'json/plain'): Promise<void> {
    await this.#connection.workflowService.signalWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId },
      signalName: 'reviewerDecision',
      input: {
        payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }],
      },
    });
  }

  async signal(workflowId: string, payload: unknown): Promise<void> {
    await this.signalRaw(workflowId, JSON.stringify(payload));
  }

  /** Waits until every signal sent so far has been handled by a workflow task. */
  async idle(workflowId: string): Promise<void> {
    await until(`workflow ${workflowId} to be idle`, async () => {
      const events = await this.history(workflowId);
      const last = (attribute: keyof HistoryEvent): number =>
        events.findLastIndex((event) => {
          const value = event[attribute];
          return value !== null && value !== undefined;
        });
      const done = last('workflowTaskCompletedEventAttributes');
      return (
        done > last('workflowExecutionSignaledEventAttributes') &&
        done > last('workflowTaskScheduledEventAttributes') &&
        done > last('activityTaskCompletedEventAttributes') &&
        last('activityTaskScheduledEventAttributes') <
          Math.max(last('activityTaskCompletedEventAttributes'), 0)
      );
    });
  }
}
