import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { type OverlayRecord, readOverlay } from './overlays.js';
import { findReview, lockReview, type ReviewUnderLock } from './reviews.js';
import type { ReviewRow } from './tables.js';

/** A write that is meant for one state of a review, and perhaps named so that it happens once. */
export type StampedRequest = {
  readonly reviewId: string;
  /** The `rev` that the caller has seen. */
  readonly stamp: number;
  /** What is asked, in one word: for the audit. */
  readonly act: 'decision' | 'versions' | 'claim' | 'release';
  /** The caller's id for it, and the hash of all that it says (who says it included). */
  readonly command: { readonly id: string; readonly sha256: string } | null;
};

/** What the work of a stamped write came to: kept with all it wrote, or undone without a trace. */
export type Work<Kept, Undone> =
  | { readonly kind: 'kept'; readonly value: Kept }
  | { readonly kind: 'undone'; readonly value: Undone };

/** What became of a stamped write. */
export type Stamped<Kept, Undone> =
  | { readonly kind: 'not_found' }
  | { readonly kind: 'stale'; readonly rev: number }
  | { readonly kind: 'command_id_taken'; readonly commandId: string }
  /** The same command was carried out before. */
  | { readonly kind: 'received'; readonly overlay: OverlayRecord }
  | { readonly kind: 'kept'; readonly value: Kept; readonly overlay: OverlayRecord }
  | { readonly kind: 'undone'; readonly value: Undone; readonly review: ReviewRow };

/**
 * Changes a review only if it is still as the caller has seen it, in one transaction:
 *
 * 1. run and review are locked;
 * 2. a command that was carried out before is not carried out again, whatever the stamp;
 * 3. a stale stamp changes nothing and is audited;
 * 4. the work is done, and its command remembered; or it is undone, and nothing remains of it.
 *
 * The review after it is read before the commit: nothing that can fail comes after.
 */
export async function writeStamped<Kept, Undone>(
  db: Db,
  actor: Actor,
  request: StampedRequest,
  work: (tx: Tx, locked: ReviewUnderLock) => Promise<Work<Kept, Undone>>,
): Promise<Stamped<Kept, Undone>> {
  const left: { undone: { readonly value: Undone; readonly review: ReviewRow } | null } = {
    undone: null,
  };
  try {
    return await inTransaction(db, async (tx): Promise<Stamped<Kept, Undone>> => {
      left.undone = null;
      const locked = await lockReview(tx, actor.projectId, request.reviewId);
      if (locked === null) {
        return { kind: 'not_found' };
      }
      const { row } = locked;
      const before = await findCommand(tx, request);
      if (before !== null) {
        return before === request.command?.sha256
          ? { kind: 'received', overlay: await readOverlay(tx, row) }
          : { kind: 'command_id_taken', commandId: request.command?.id ?? '' };
      }
      if (row.rev !== request.stamp) {
        await auditStaleWrite(tx, actor, row, request);
        return { kind: 'stale', rev: row.rev };
      }
      const done = await work(tx, locked);
      if (done.kind === 'undone') {
        left.undone = { value: done.value, review: row };
        throw new UndoneError();
      }
      await rememberCommand(tx, row, request);
      const after = (await findReview(tx, row.projectId, row.id)) ?? row;
      return { kind: 'kept', value: done.value, overlay: await readOverlay(tx, after) };
    });
  } catch (error) {
    if (error instanceof UndoneError && left.undone !== null) {
      return { kind: 'undone', ...left.undone };
    }
    throw error;
  }
}

/** Thrown to have the transaction rolled back; it never leaves this module. */
class UndoneError extends Error {
  override readonly name = 'UndoneError';
}

async function auditStaleWrite(
  tx: Tx,
  actor: Actor,
  row: ReviewRow,
  { stamp, act }: StampedRequest,
): Promise<void> {
  await recordAudit(tx, actor, 'stale_write_rejected', {
    runId: row.runId,
    reviewId: row.id,
    detail: { act, rev_observed: stamp, rev: row.rev },
  });
}

async function findCommand(tx: Tx, { reviewId, command }: StampedRequest): Promise<string | null> {
  if (command === null) {
    return null;
  }
  const row = await tx
    .selectFrom('reviewCommand')
    .select('requestSha256')
    .where('reviewId', '=', reviewId)
    .where('commandId', '=', command.id)
    .executeTakeFirst();
  return row?.requestSha256 ?? null;
}

async function rememberCommand(
  tx: Tx,
  { id, projectId }: ReviewRow,
  { command }: StampedRequest,
): Promise<void> {
  if (command !== null) {
    await tx
      .insertInto('reviewCommand')
      .values({ reviewId: id, projectId, commandId: command.id, requestSha256: command.sha256 })
      .execute();
  }
}
