import { reviewableInput } from '../domain/block-input.js';
import type { Block, Gate } from '../domain/definition.js';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { isStepEnded } from '../domain/statuses.js';
import { evaluatePredicate } from '../rules/predicates.js';
import type { Db, Tx } from '../store/database.js';
import { type Firing, openInputReview, openReview } from '../store/gates.js';
import { droppedReason, skipSteps } from '../store/dropped.js';
import { completeStep, endOf, failStep, readResult } from '../store/ledger.js';
import { getStepContext, readBlockInput, type StepContext } from '../store/steps.js';
import type { Opening } from './index.js';

/**
 * What follows from the output of a gated block, in the transaction that stores it: its review opens,
 * or, where the predicate does not fire, the step completes.
 */
export function openAfterOutput(
  block: Block,
  gate: Gate,
): (tx: Tx, context: StepContext) => Promise<Opening> {
  return async (tx, context) => {
    if (context.run.status !== 'running') {
      return { kind: 'ended', end: 'stopped' };
    }
    const dropped = await droppedReason(tx, context.step);
    if (dropped !== null) {
      await skipSteps(tx, [context.step.id], dropped);
      return { kind: 'ended', end: 'skipped' };
    }
    const { output, consensus } = readResult(context.step);
    const firing = evaluateGate(block, gate, output, consensus);
    if (firing === null) {
      return { kind: 'ended', end: await completeStep(tx, context.step, null) };
    }
    return { kind: 'waiting', gate: await openReview(tx, context, gate, firing) };
  };
}

/** Opens the review of a gate on a block's input, or says that the block may run as it is. */
export async function openBeforeInput(
  db: Db,
  stepId: string,
  holder: string,
  gate: Gate,
): Promise<Opening> {
  const context = await getStepContext(db, stepId);
  const { block } = context;
  const input = reviewableInput(block, await readBlockInput(db, context));
  if (input === null) {
    const remedy =
      context.step.iterationKey === null
        ? `start the run with an object as json_inputs['${block.id}']`
        : 'let its for_each give items that are objects';
    await failStep(
      db,
      stepId,
      `Block '${block.id}' has a gate on its input, and only a JSON object can be reviewed: ${remedy}.`,
    );
    return { kind: 'ended', end: 'failed' };
  }
  const firing = evaluateGate(block, gate, input, null);
  if (firing === null) {
    return { kind: 'execute' };
  }
  const view = await openInputReview(db, stepId, holder, gate, firing);
  if (view !== null) {
    return { kind: 'waiting', gate: view };
  }
  const { step } = await getStepContext(db, stepId);
  return { kind: 'ended', end: isStepEnded(step.status) ? endOf(step) : 'stopped' };
}

/** Evaluates a gate's predicate once; null when it does not fire. */
export function evaluateGate(
  block: Block,
  gate: Gate,
  data: Json,
  consensus: JsonObject | null,
): Firing | null {
  const { fired, because } = evaluatePredicate(gate.predicate, {
    placement: gate.placement,
    blockType: block.type,
    data,
    consensus,
    json_schema: block.json_schema,
    categories: block.categories,
    allow_overlap: block.allow_overlap,
  });
  if (fired === null) {
    return null;
  }
  if (!isJsonObject(data)) {
    throw new Error(`block ${block.id} has an output that cannot be reviewed`);
  }
  return { triggeredBy: fired, because, snapshot: data };
}
