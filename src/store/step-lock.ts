import type { Gate } from '../domain/definition.js';
import type { Tx } from './database.js';
import { findReviewOfStep, lockReviewOf, type ReviewUnderLock } from './reviews.js';
import { lockRun } from './runs.js';
import { getBlock, lockStep } from './steps.js';
import type { RunRow, StepRow } from './tables.js';

/** A step with its run, both locked, its gate, and its review under its lock if it has one. */
export type StepUnderLock = {
  readonly run: RunRow;
  readonly step: StepRow;
  readonly gate: Gate | null;
  readonly locked: ReviewUnderLock | null;
};

/** Locks a step of a run: first the run, then the step, then its review. Null when there is none. */
export async function lockStepOfRun(
  tx: Tx,
  projectId: string,
  runId: string,
  stepId: string,
): Promise<StepUnderLock | null> {
  const found = await tx
    .selectFrom('step')
    .select('id')
    .where('id', '=', stepId)
    .where('runId', '=', runId)
    .where('projectId', '=', projectId)
    .executeTakeFirst();
  if (found === undefined) {
    return null;
  }
  const run = await lockRun(tx, runId);
  const step = await lockStep(tx, stepId);
  const { review: gate } = await getBlock(tx, run.workflowVersionId, step.blockId);
  const review = await findReviewOfStep(tx, stepId);
  const locked = review === null ? null : await lockReviewOf(tx, { run, step }, review.id);
  return { run, step, gate, locked };
}
