import { sql } from 'kysely';
import { hasEnded } from '../domain/statuses.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { closeReviews } from './close-reviews.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { type LeasedMessage, oweMessage } from './outbox.js';
import type { Dialect } from './record-fact.js';
import { lockRun } from './runs.js';
import type { RunRow } from './tables.js';

/** What became of a cancellation. */
export type Cancellation = { readonly run: RunRow; readonly lease: LeasedMessage | null };

/**
 * Cancels a run, durably, before any workflow hears of it; a run that has ended stays as it is.
 *
 * @param leaseMs how long the caller alone may tell Temporal (0: leave it to the senders)
 */
export async function cancelRun(
  db: Db,
  actor: Actor,
  runId: string,
  about: { readonly reason: string; readonly dialect: Dialect },
  leaseMs: number,
): Promise<Cancellation> {
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    return await cancelLockedRun(tx, run, actor, about, leaseMs);
  });
}

/**
 * Marks a locked run cancelling, closes its reviews that are not released, and owes one cancel to its workflow.
 *
 * What has been released goes on: its execution is out of a cancellation's reach. A run that never
 * began is cancelled for good with its steps; its workflow, if it starts at all, finds that and stops.
 */
export async function cancelLockedRun(
  tx: Tx,
  run: RunRow,
  actor: Actor,
  about: { readonly reason: string; readonly dialect: Dialect },
  leaseMs: number,
): Promise<Cancellation> {
  if (hasEnded(run.status) || run.status === 'cancelling') {
    return { run, lease: null };
  }
  const hasBegun = run.status === 'running';
  const cancelled = await tx
    .updateTable('run')
    .set({
      status: hasBegun ? 'cancelling' : 'cancelled',
      cancelReason: about.reason,
      cancelledBy: actor.id,
      endedAt: hasBegun ? null : sql`clock_timestamp()`,
    })
    .where('id', '=', run.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await recordAudit(tx, actor, 'run_cancelled', {
    runId: run.id,
    detail: { reason: about.reason, dialect: about.dialect },
  });
  if (!hasBegun) {
    await tx
      .updateTable('step')
      .set({ status: 'cancelled', reason: about.reason, endedAt: sql`clock_timestamp()` })
      .where('runId', '=', run.id)
      .execute();
    return { run: cancelled, lease: null };
  }
  await closeOpenReviews(tx, cancelled, actor, about.reason);
  const lease = await oweMessage(
    tx,
    { projectId: run.projectId, runId: run.id, kind: 'cancel', workflowId: run.id },
    leaseMs,
  );
  return { run: cancelled, lease };
}

/** Closes every review of a locked run whose step has not been released. */
export async function closeOpenReviews(
  tx: Tx,
  run: RunRow,
  actor: Actor,
  reason: string,
): Promise<void> {
  await closeReviews(tx, run, actor, { stepIds: null, reason, tellsGates: false });
}
