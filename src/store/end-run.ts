import { sql } from 'kysely';
import { type Caller, ruleOnRunEnd } from '../domain/ledger.js';
import type { Blocked, RunEnd } from '../domain/orders.js';
import { hasEnded, type RunStatus } from '../domain/statuses.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { closeOpenReviews } from './cancel-run.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { endAsUnknown } from './ledger.js';
import { isAlive, ledgerRunOf } from './locked-step.js';
import { recordFact } from './record-fact.js';
import { findReviewOfStep, lockReviewOf } from './reviews.js';
import { lockRun } from './runs.js';
import { lockStep } from './steps.js';
import type { RunRow, StepRow } from './tables.js';

/** What became of a workflow's request to end its run. */
export type RunEnding =
  | { readonly kind: 'ended'; readonly status: RunStatus }
  /** Steps that have not ended stand in the way of completing it. */
  | Blocked
  | { readonly kind: 'not_theirs' };

/** Ends a run for the workflow that asks, as `ruleOnRunEnd` allows. */
export async function endRunOf(
  db: Db,
  runId: string,
  end: RunEnd,
  caller: Caller,
): Promise<RunEnding> {
  return await inTransaction(db, async (tx): Promise<RunEnding> => {
    const run = await lockRun(tx, runId);
    const openSteps = end.kind === 'completed' ? await listOpenSteps(tx, runId) : [];
    const ruling = ruleOnRunEnd(ledgerRunOf(run), end, openSteps, caller);
    switch (ruling.kind) {
      case 'ended':
        return { kind: 'ended', status: run.status };
      case 'end':
        return { kind: 'ended', status: (await endLockedRun(tx, run, end)).status };
      case 'blocked':
      case 'not_theirs':
        return ruling;
    }
  });
}

/** The steps of a run, outside of iterations, of which something has yet to come. */
async function listOpenSteps(tx: Tx, runId: string): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('step')
    .select('id')
    .where('runId', '=', runId)
    .where('parentStepId', 'is', null)
    .where('status', 'not in', ['completed', 'skipped'])
    .orderBy('position')
    .execute();
  return rows.map(({ id }) => id);
}

/**
 * Ends a run in the store; one that has ended already keeps its end.
 *
 * What the store decided prevails over what the workflow found:
 *
 * 1. A run that is being cancelled ends as cancelled, and everything that is open in it is closed. What
 *    was approved and is being executed at this moment is waited for: the run stays `cancelling`, and
 *    whoever enters the end of that execution asks again.
 * 2. A run one of whose steps failed for good ends in error, and closes nothing: reviews stay open,
 *    approvals are kept, and a retry goes on from there. Where the step has not failed (any more), the
 *    run was retried meanwhile, and goes on.
 */
export async function endRun(db: Db, runId: string, end: RunEnd): Promise<RunRow> {
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    return hasEnded(run.status) ? run : await endLockedRun(tx, run, end);
  });
}

async function endLockedRun(tx: Tx, run: RunRow, end: RunEnd): Promise<RunRow> {
  if (run.status === 'cancelling' || end.kind === 'cancelled') {
    return await endAsCancelled(tx, run);
  }
  if (end.kind === 'completed') {
    const isOpen = (await listOpenSteps(tx, run.id)).length > 0;
    return isOpen ? run : await writeEnd(tx, run, { status: 'completed' });
  }
  const step = await lockStep(tx, end.stepId);
  return step.status === 'error'
    ? await writeEnd(tx, run, {
        status: 'error',
        failingStepId: step.id,
        errorMessage: step.errorMessage ?? `step ${step.id} failed`,
      })
    : run;
}

async function writeEnd(
  tx: Tx,
  run: RunRow,
  end: Pick<RunRow, 'status'> &
    Partial<Pick<RunRow, 'failingStepId' | 'errorMessage' | 'cancelReason'>>,
): Promise<RunRow> {
  const ended = await tx
    .updateTable('run')
    .set({ ...end, endedAt: sql`clock_timestamp()` })
    .where('id', '=', run.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await recordAudit(tx, SYSTEM, 'run_ended', { runId: run.id, detail: { status: end.status } });
  return ended;
}

/** Closes what is open in a locked run, and ends it unless something approved is being executed. */
async function endAsCancelled(tx: Tx, run: RunRow): Promise<RunRow> {
  const reason = run.cancelReason ?? 'the run was cancelled';
  await closeOpenReviews(tx, run, SYSTEM, reason);
  const executing = await settleReleased(tx, run, reason);
  await closeSteps(tx, run.id, reason, executing);
  if (executing.length === 0) {
    return await writeEnd(tx, run, { status: 'cancelled', cancelReason: reason });
  }
  return await tx
    .updateTable('run')
    .set({ status: 'cancelling', cancelReason: reason })
    .where('id', '=', run.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/**
 * Settles what was released to be executed and has not come to its end: what never began is not executed
 * any more, and of what is lost nobody knows what it did.
 *
 * @returns the steps that are being executed at this moment
 */
async function settleReleased(tx: Tx, run: RunRow, reason: string): Promise<readonly string[]> {
  const released = await tx
    .selectFrom('review')
    .select('stepId')
    .where('runId', '=', run.id)
    .where('status', '=', 'PROCESSING')
    .orderBy('stepId')
    .execute();
  const executing: string[] = [];
  for (const { stepId } of released) {
    const step = await lockStep(tx, stepId);
    if (step.attemptToken === null) {
      await revokeUnbegun(tx, run, step, reason);
    } else if (await isAlive(tx, stepId)) {
      executing.push(stepId);
    } else {
      await endAsUnknown(tx, step, await findReviewOfStep(tx, stepId));
    }
  }
  return executing;
}

/** Revokes the review of a locked step that was released and whose block never began. */
export async function revokeUnbegun(
  tx: Tx,
  run: RunRow,
  step: StepRow,
  reason: string,
): Promise<void> {
  const { id } = await tx
    .updateTable('review')
    .set({ status: 'APPROVED', releasedAt: null })
    .where('stepId', '=', step.id)
    .returning('id')
    .executeTakeFirstOrThrow();
  recordFact(
    tx,
    await lockReviewOf(tx, { run, step }, id),
    SYSTEM,
    { kind: 'cancelled', actorId: SYSTEM.id },
    { reason: `${reason} (its block had not begun)`, dialect: 'system', isOwed: false },
  );
}

/** Closes the steps that have not ended, but for some; in one statement, because iterations make thousands. */
async function closeSteps(
  tx: Tx,
  runId: string,
  reason: string,
  except: readonly string[],
): Promise<void> {
  await tx
    .updateTable('step')
    .set({
      status: 'cancelled',
      waitingFor: null,
      reason: sql`case when attempt_token is not null and output is null
        then ${reason} || ' (while its block was being executed)' else ${reason} end`,
      endedAt: sql`clock_timestamp()`,
    })
    .where('runId', '=', runId)
    .where('status', 'in', ['pending', 'running', 'awaiting_review'])
    .where(sql<boolean>`not id = any(${[...except]})`)
    .execute();
}
