import { reviewableInput } from '../domain/block-input.js';
import type { Gate } from '../domain/definition.js';
import type { Caller } from '../domain/ledger.js';
import { isStepEnded } from '../domain/statuses.js';
import type { Db } from '../store/database.js';
import { evaluateGate } from '../store/follow-result.js';
import { openInputReview, type Standing } from '../store/gates.js';
import { endOf, failStep } from '../store/ledger.js';
import { skipUnfed } from '../store/skipped-needs.js';
import { getStepContext, readBlockInput } from '../store/steps.js';

/** Opens the review of a gate on a block's input, or says that the block may run as it is. */
export async function openBeforeInput(
  db: Db,
  stepId: string,
  caller: Caller,
  gate: Gate,
): Promise<Standing> {
  const context = await getStepContext(db, stepId);
  const { block } = context;
  if (await skipUnfed(db, context, caller)) {
    return { kind: 'ended', end: 'skipped', run: null };
  }
  const given = await readBlockInput(db, context);
  const input = reviewableInput(block, given);
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
    return { kind: 'ended', end: 'failed', run: null };
  }
  const firing = evaluateGate(block, gate, input, null);
  const view = await openInputReview(db, stepId, caller, gate, { input: given, firing });
  if (view === null) {
    return { kind: 'execute' };
  }
  if (view !== 'gone') {
    return { kind: 'waiting', gate: view, waitMs: null };
  }
  const { step } = await getStepContext(db, stepId);
  return { kind: 'ended', end: isStepEnded(step.status) ? endOf(step) : 'stopped', run: null };
}
