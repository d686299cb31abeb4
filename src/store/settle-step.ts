import { sql } from 'kysely';
import type { BlockResult } from '../domain/definition.js';
import { type RecoveryRefusal, ruleOnSettling } from '../domain/recovery.js';
import { isStepEnded } from '../domain/statuses.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { droppedReason, skipSteps } from './dropped.js';
import { revokeUnbegun } from './end-run.js';
import { followResult } from './follow-result.js';
import { answerColumns, changed, type FinishedStep } from './ledger.js';
import { freeSteps } from './retry-run.js';
import { findReviewOfStep } from './reviews.js';
import { lockRun } from './runs.js';
import { getStepContext, lockStep, type StepContext } from './steps.js';

/** What became of a block of which nobody knew: it did its work and this is its output, or it did not. */
export type Settlement =
  { readonly happened: true; readonly result: BlockResult } | { readonly happened: false };

/** What came of a settlement. */
export type Settling =
  { readonly kind: 'refused'; readonly refusal: RecoveryRefusal } | { readonly kind: 'settled' };

/**
 * Enters what a person says became of a block whose outcome was unknown.
 *
 * 1. It happened: the step has this output, and what follows is what would have followed from its
 *    answer; a gate on the output opens over it.
 * 2. It did not: the step may begin again, behind a gate on its input with the input that was approved.
 *
 * The run stays as it is; whoever retries it goes on from there. In a cancelled run nothing goes on:
 * there only the record is put right.
 */
export async function settleStep(
  db: Db,
  actor: Actor,
  stepId: string,
  settlement: Settlement,
): Promise<Settling> {
  const before = await getStepContext(db, stepId);
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, before.run.id);
    const step = await lockStep(tx, stepId);
    const refusal = ruleOnSettling(run, step);
    if (refusal !== null) {
      return { kind: 'refused', refusal };
    }
    const review = await findReviewOfStep(tx, stepId);
    const context = { ...before, run, step };
    await freeSteps(tx, [stepId]);
    await (settlement.happened
      ? enterResult(tx, { ...context, review }, settlement.result)
      : enterNothing(tx, context));
    await recordAudit(tx, actor, 'outcome_settled', {
      runId: run.id,
      ...(review === null ? {} : { reviewId: review.id }),
      detail: { step_id: stepId, happened: settlement.happened },
    });
    return { kind: 'settled' };
  });
}

async function enterResult(
  tx: Tx,
  { run, step, block, review }: FinishedStep,
  result: BlockResult,
): Promise<void> {
  await followResult(tx, { run, step: changed(step, answerColumns(result)), block, review });
  if (run.status !== 'error') {
    await closeStep(tx, step.id, run.cancelReason);
  }
}

async function enterNothing(tx: Tx, { run, step }: StepContext): Promise<void> {
  await tx.updateTable('step').set({ hasRun: false }).where('id', '=', step.id).execute();
  const dropped = await droppedReason(tx, step);
  if (run.status === 'error' && dropped === null) {
    return;
  }
  const why = dropped ?? run.cancelReason ?? 'the run was cancelled';
  if ((await findReviewOfStep(tx, step.id))?.status === 'PROCESSING') {
    await revokeUnbegun(tx, run, step, why);
  }
  await (dropped === null ? closeStep(tx, step.id, why) : skipSteps(tx, [step.id], dropped));
}

/** Closes a step that nothing follows any more, unless it has ended. */
async function closeStep(tx: Tx, stepId: string, reason: string | null): Promise<void> {
  const { status } = await lockStep(tx, stepId);
  if (!isStepEnded(status)) {
    await tx
      .updateTable('step')
      .set({ status: 'cancelled', reason, endedAt: sql`clock_timestamp()` })
      .where('id', '=', stepId)
      .execute();
  }
}
