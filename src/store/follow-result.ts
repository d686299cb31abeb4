import type { Block, Gate } from '../domain/definition.js';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { evaluatePredicate } from '../rules/predicates.js';
import type { Tx } from './database.js';
import { droppedReason, skipSteps } from './dropped.js';
import { type Firing, openReview, type Standing } from './gates.js';
import { completeStep, type FinishedStep, readResult, writeChanges } from './ledger.js';

/**
 * What follows from the result of a block, in the transaction that stores it: a gate on the output opens
 * its review, unless its predicate does not fire; any other step ends. The definition decides which.
 *
 * In a run that is in error a review opens, too: what is asked there is answered before anybody retries it.
 */
export async function followResult(tx: Tx, context: FinishedStep): Promise<Standing> {
  const { run, step, block } = context;
  const gate = block.review;
  if (gate?.placement !== 'output') {
    return await completeStep(tx, run, step, null, gate !== null);
  }
  const dropped = await droppedReason(tx, step);
  if (dropped !== null) {
    await writeChanges(tx, step);
    await skipSteps(tx, [step.id], dropped);
    return { kind: 'ended', end: 'skipped', run: null };
  }
  const { output, consensus } = readResult(step);
  const firing = evaluateGate(block, gate, output, consensus);
  return firing === null
    ? await completeStep(tx, run, step, null, false)
    : { kind: 'waiting', gate: await openReview(tx, context, gate, firing), waitMs: null };
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
