import { Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Temporal } from './temporal.js';

/** An execution as its children and its ledger need to know it. */
export type Execution = {
  readonly runId: string;
  /** The first execution of the chain: the same after a reset, a retry or continue-as-new. */
  readonly firstRunId: string;
  readonly isRunning: boolean;
  readonly parent: { readonly workflowId: string; readonly runId: string } | null;
};

/** Who was started by whom, as Temporal has it. */
export type Lineage = {
  /** The latest execution of a workflow; null where Temporal knows none. */
  latestOf(workflowId: string): Promise<Execution | null>;
  /** Whether a running workflow was started as a child by the present execution of another one. */
  isChildOfPresent(workflowId: string, parentWorkflowId: string): Promise<boolean>;
};

const DEADLINE_MS = 5_000;

/** Asks Temporal; every call has a deadline and is tried once. */
export function createLineage(temporal: Pick<Temporal, 'connection' | 'namespace'>): Lineage {
  const { connection, namespace } = temporal;
  const client = new Client({ connection, namespace });

  const latestOf = async (workflowId: string): Promise<Execution | null> => {
    try {
      const latest = await connection.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.getHandle(workflowId).describe(),
      );
      const info = latest.raw.workflowExecutionInfo;
      const parent = info?.parentExecution;
      return {
        runId: latest.runId,
        firstRunId: info?.firstRunId ?? '',
        isRunning: latest.status.name === 'RUNNING',
        parent:
          parent?.workflowId && parent.runId
            ? { workflowId: parent.workflowId, runId: parent.runId }
            : null,
      };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return null;
      }
      throw error;
    }
  };

  return {
    latestOf,
    isChildOfPresent: async (workflowId, parentWorkflowId) => {
      const [child, parent] = await Promise.all([latestOf(workflowId), latestOf(parentWorkflowId)]);
      return (
        child !== null &&
        parent !== null &&
        child.isRunning &&
        parent.isRunning &&
        child.parent?.workflowId === parentWorkflowId &&
        child.parent.runId === parent.runId
      );
    },
  };
}
