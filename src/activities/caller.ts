import { ApplicationFailure, Context } from '@temporalio/activity';
import type { Caller } from '../domain/ledger.js';

/** The workflow that scheduled the present activity, as Temporal names it: nobody can forge it. */
export function callerOfActivity(): Caller {
  const { workflowExecution, workflowType } = Context.current().info;
  return workflowExecution === undefined || workflowType === undefined
    ? null
    : { workflowId: workflowExecution.workflowId, workflowType };
}

/**
 * Refuses a workflow that has no business with what it asked for; trying again would not help.
 *
 * @param what `step …` or `run …`
 */
export function notTheirs(what: string, caller: Caller): never {
  throw ApplicationFailure.nonRetryable(
    `Workflow '${caller?.workflowId ?? 'unknown'}' has no business with ${what}: only the workflow that Countersign started for it may ask. Start a run with POST /v1/workflows/runs instead.`,
    'NotTheirs',
  );
}
