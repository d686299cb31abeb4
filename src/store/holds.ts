import { sql } from 'kysely';
import {
  type Hold,
  type HoldReleaseRuling,
  type HoldRuling,
  ruleOnHold,
  ruleOnHoldRelease,
} from '../domain/hold.js';
import { type Actor, asVoter } from './actors.js';
import { recordAudit } from './audit.js';
import type { Db, Tx } from './database.js';
import type { ReviewUnderLock } from './reviews.js';
import type { HoldRow } from './tables.js';

/**
 * Takes or renews the hold of a locked review, as the ruling says: one more change of the review.
 *
 * @param ttlMs how long it lasts from now on
 */
export async function takeHold(
  tx: Tx,
  locked: ReviewUnderLock,
  actor: Actor,
  ttlMs: number,
): Promise<HoldRuling> {
  const { row, review, now } = locked;
  const ruling = ruleOnHold(review, await findHold(tx, row.id), asVoter(actor), now.getTime());
  if (ruling.kind !== 'granted' && ruling.kind !== 'renewed') {
    return ruling;
  }
  const expiresAt = new Date(now.getTime() + ttlMs);
  const held = { holderId: actor.id, holderName: actor.name, expiresAt };
  await tx
    .insertInto('hold')
    .values({ reviewId: row.id, projectId: row.projectId, heldAt: now, ...held })
    .onConflict((conflict) =>
      conflict
        .column('reviewId')
        .doUpdateSet(ruling.kind === 'renewed' ? held : { ...held, heldAt: now }),
    )
    .execute();
  await countChange(tx, locked, actor, 'review_held', { expires_at: expiresAt.toISOString() });
  return ruling;
}

/** Gives the hold of a locked review back, as the ruling says. */
export async function giveHoldBack(
  tx: Tx,
  locked: ReviewUnderLock,
  actor: Actor,
): Promise<HoldReleaseRuling> {
  const { row, now } = locked;
  const ruling = ruleOnHoldRelease(await findHold(tx, row.id), asVoter(actor), now.getTime());
  if (ruling.kind === 'released') {
    await tx.deleteFrom('hold').where('reviewId', '=', row.id).execute();
    await countChange(tx, locked, actor, 'hold_released', {});
  }
  return ruling;
}

async function countChange(
  tx: Tx,
  { row }: ReviewUnderLock,
  actor: Actor,
  action: 'review_held' | 'hold_released',
  detail: { readonly [key: string]: string },
): Promise<void> {
  const { rev } = await tx
    .updateTable('review')
    .set((eb) => ({ rev: eb('rev', '+', 1) }))
    .where('id', '=', row.id)
    .returning('rev')
    .executeTakeFirstOrThrow();
  await recordAudit(tx, actor, action, {
    runId: row.runId,
    reviewId: row.id,
    detail: { ...detail, rev_result: rev },
  });
}

async function findHold(tx: Tx, reviewId: string): Promise<Hold | null> {
  const row = await tx
    .selectFrom('hold')
    .select(['holderId', 'holderName', 'expiresAt'])
    .where('reviewId', '=', reviewId)
    .executeTakeFirst();
  return row === undefined
    ? null
    : {
        holderId: row.holderId,
        holderName: row.holderName,
        expiresAtMs: row.expiresAt.getTime(),
      };
}

/** The holds of several reviews that have not expired. */
export async function listHolds(
  db: Db | Tx,
  reviewIds: readonly string[],
): Promise<ReadonlyMap<string, HoldRow>> {
  if (reviewIds.length === 0) {
    return new Map();
  }
  const rows = await db
    .selectFrom('hold')
    .selectAll()
    .where('reviewId', 'in', [...reviewIds])
    .where('expiresAt', '>', sql<Date>`clock_timestamp()`)
    .execute();
  return new Map(rows.map((row) => [row.reviewId, row]));
}
