import type { Caller } from '../../src/domain/ledger.js';
import { FOR_EACH_RUN, GATED_BLOCK_RUN, WORKFLOW_RUN } from '../../src/domain/messages.js';
import { runIdOf } from '../../src/domain/step-ids.js';

// Who asks for a step, as Temporal would name the workflow that does.

/** The workflow of a step's run: it runs the blocks that have no gate. */
export function runOf(stepId: string): NonNullable<Caller> {
  return { workflowId: runIdOf(stepId), workflowType: WORKFLOW_RUN };
}

/** A gated block run that was started for a step; `name` tells several of them apart. */
export function gateOf(stepId: string, name = '1'): NonNullable<Caller> {
  return { workflowId: `${stepId}~${name}`, workflowType: GATED_BLOCK_RUN };
}

/** A for_each run that was started for a step; `name` tells several of them apart. */
export function loopOf(stepId: string, name = '1'): NonNullable<Caller> {
  return { workflowId: `${stepId}~${name}`, workflowType: FOR_EACH_RUN };
}
