import { sql } from 'kysely';
import type { RunEnd } from '../domain/orders.js';
import { hasEnded, type RunStatus } from '../domain/statuses.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { closeOpenReviews } from './cancel-run.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { endAsUnknown } from './ledger.js';
import { findReviewOfStep } from './reviews.js';
import { lockRun } from './runs.js';
import { lockStep } from './steps.js';
import type { RunRow } from './tables.js';

/**
 * Ends a run in the store; one that has ended already keeps its end.
 *
 * What the store decided prevails over what the workflow found: a run that was being cancelled ends
 * as cancelled. Steps that never ended are closed with it: one whose execution was claimed as
 * UNKNOWN, all others as cancelled.
 */
export async function endRun(db: Db, runId: string, end: RunEnd): Promise<RunRow> {
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    if (hasEnded(run.status)) {
      return run;
    }
    const status: RunStatus =
      run.status === 'cancelling' || end.kind === 'cancelled'
        ? 'cancelled'
        : end.kind === 'failed'
          ? 'error'
          : 'completed';
    const failed = status === 'error' && end.kind === 'failed' ? end.stepId : null;
    const reason =
      run.cancelReason ?? (failed === null ? 'the run was cancelled' : `step ${failed} failed`);
    if (status !== 'completed') {
      await closeOpenReviews(tx, run, SYSTEM, reason);
      await closeSteps(tx, runId, reason);
    }
    const ended = await tx
      .updateTable('run')
      .set({
        status,
        endedAt: sql`clock_timestamp()`,
        failingStepId: failed,
        errorMessage: failed === null ? null : await errorOf(tx, failed),
        cancelReason: status === 'cancelled' ? reason : null,
      })
      .where('id', '=', runId)
      .returningAll()
      .executeTakeFirstOrThrow();
    await recordAudit(tx, SYSTEM, 'run_ended', { runId, detail: { status } });
    return ended;
  });
}

async function errorOf(tx: Tx, stepId: string): Promise<string> {
  const step = await tx
    .selectFrom('step')
    .select(['errorMessage', 'blockId'])
    .where('id', '=', stepId)
    .executeTakeFirst();
  return step?.errorMessage ?? `step ${stepId} failed`;
}

async function closeSteps(tx: Tx, runId: string, reason: string): Promise<void> {
  const claimed = await tx
    .selectFrom('review')
    .select('stepId')
    .where('runId', '=', runId)
    .where('status', '=', 'PROCESSING')
    .orderBy('stepId')
    .execute();
  for (const { stepId } of claimed) {
    const step = await lockStep(tx, stepId);
    await endAsUnknown(tx, step, await findReviewOfStep(tx, stepId));
  }
  // One statement: with iterations there may be thousands of them.
  await tx
    .updateTable('step')
    .set({
      status: 'cancelled',
      reason: sql`case when attempt_token is not null and output is null
        then ${reason} || ' (while its block was being executed)' else ${reason} end`,
      endedAt: sql`clock_timestamp()`,
    })
    .where('runId', '=', runId)
    .where('status', 'in', ['pending', 'running', 'awaiting_review'])
    .execute();
}
