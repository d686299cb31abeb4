import type { Lineage } from './lineage.js';
import type { Temporal } from './temporal.js';

/**
 * Why the gate of an author's own workflow was cancelled.
 *
 * `asked`: that workflow cancelled the scope it waits in. `author_gone`: it has ended. `goes_on`: the
 * execution that asked has ended, and another one of the same workflow goes on (continue-as-new, a
 * retry, a reset). `by_hand`: somebody cancelled the gate itself.
 */
export type CancelCause = 'asked' | 'author_gone' | 'goes_on' | 'by_hand';

/** What can be found out about the workflows that start gates of their own. */
export type AuthorWorkflows = {
  whyCancelled(gateWorkflowId: string, firstExecutionRunId: string): Promise<CancelCause>;
};

const DEADLINE_MS = 5_000;
const PAGE = 50;

/** Asks Temporal; every call has a deadline and is tried once. */
export function createAuthorWorkflows(
  { connection, namespace }: Pick<Temporal, 'connection' | 'namespace'>,
  lineage: Lineage,
): AuthorWorkflows {
  const { workflowService } = connection;
  const bounded = <T>(call: () => Promise<T>): Promise<T> =>
    connection.withDeadline(Date.now() + DEADLINE_MS, call);

  /** Who asked a workflow to stop: another workflow, or null for anybody else. */
  const requesterOf = async (workflowId: string) => {
    for (let nextPageToken: Uint8Array | undefined; ;) {
      const page = await bounded(() =>
        workflowService.getWorkflowExecutionHistoryReverse({
          namespace,
          execution: { workflowId },
          maximumPageSize: PAGE,
          ...(nextPageToken === undefined ? {} : { nextPageToken }),
        }),
      );
      for (const event of page.history?.events ?? []) {
        const request = event.workflowExecutionCancelRequestedEventAttributes;
        if (request !== null && request !== undefined) {
          const from = request.externalWorkflowExecution;
          return from?.workflowId && from.runId
            ? {
                workflowId: from.workflowId,
                runId: from.runId,
                // Only a command of the workflow has an event of its own there.
                isCommand: Number(request.externalInitiatedEventId ?? 0) > 0,
              }
            : null;
        }
      }
      nextPageToken = page.nextPageToken;
      if (nextPageToken === undefined || nextPageToken.length === 0) {
        return null;
      }
    }
  };

  return {
    whyCancelled: async (gateWorkflowId, firstExecutionRunId) => {
      const requester = await requesterOf(gateWorkflowId);
      if (requester === null) {
        return 'by_hand';
      }
      if (requester.isCommand) {
        return 'asked';
      }
      const latest = await lineage.latestOf(requester.workflowId);
      const goesOn =
        latest !== null &&
        latest.isRunning &&
        latest.runId !== requester.runId &&
        latest.firstRunId === firstExecutionRunId;
      return goesOn ? 'goes_on' : 'author_gone';
    },
  };
}
