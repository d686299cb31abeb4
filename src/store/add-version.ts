import { ruleOnCorrection } from '../domain/decide.js';
import type { JsonObject } from '../domain/json.js';
import type { Refusal } from '../domain/refusals.js';
import { entryStates } from '../domain/review-state.js';
import { canonicalForm } from '../rules/canonical.js';
import { versionId } from '../rules/content-ids.js';
import { type Actor, asVoter } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { entryRows, writeEntries } from './record-fact.js';
import { findVersion, lockReview, type ReviewUnderLock } from './reviews.js';
import type { VersionRow } from './tables.js';

/** A correction: the complete snapshot, and the version it was made from. */
export type NewVersion = {
  readonly parentId: string;
  readonly snapshot: JsonObject;
  readonly note: string | null;
  readonly origin: 'human_edit' | 'agent_edit';
  readonly acknowledgedVersionIds: readonly string[];
};

/** What became of a correction. */
export type AddedVersion =
  | { readonly kind: 'not_found' }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] }
  | {
      readonly kind: 'parent_conflict';
      readonly versionId: string;
      readonly existingParentId: string | null;
      readonly requestedParentId: string;
    }
  | { readonly kind: 'created' | 'existing'; readonly version: VersionRow };

/**
 * Adds a version to a review, or finds the one that has the same content and parent already.
 *
 * The snapshot must have been checked against its block's shape; here it is only stored, as the
 * canonical text that will flow downstream if this version is approved.
 */
export async function addVersion(
  db: Db,
  actor: Actor,
  reviewId: string,
  version: NewVersion,
): Promise<AddedVersion> {
  return await inTransaction(db, async (tx) => {
    const locked = await lockReview(tx, actor.projectId, reviewId);
    return locked === null
      ? { kind: 'not_found' }
      : await addVersionLocked(tx, locked, actor, version);
  });
}

/** The same for a review that the transaction has locked. */
export async function addVersionLocked(
  tx: Tx,
  locked: ReviewUnderLock,
  actor: Actor,
  version: NewVersion,
): Promise<AddedVersion> {
  const { row, review } = locked;
  const refusals = ruleOnCorrection(
    review,
    version.parentId,
    version.acknowledgedVersionIds,
    asVoter(actor),
  );
  const id = versionId(row.id, version.snapshot);
  const existing = await findVersion(tx, row.projectId, id);
  const forbidden = refusals.filter(({ code }) => !ONLY_FOR_NEW_CONTENT.has(code));
  if (forbidden.length > 0) {
    return { kind: 'refused', refusals: forbidden };
  }
  if (existing !== null) {
    return existing.parentId === version.parentId
      ? { kind: 'existing', version: existing }
      : {
          kind: 'parent_conflict',
          versionId: id,
          existingParentId: existing.parentId,
          requestedParentId: version.parentId,
        };
  }
  if (refusals.length > 0) {
    return { kind: 'refused', refusals };
  }

  const { text, sha256 } = canonicalForm(version.snapshot);
  const added = await tx
    .insertInto('version')
    .values({
      id,
      projectId: row.projectId,
      reviewId: row.id,
      ordinal: review.versions.length,
      parentId: version.parentId,
      origin: version.origin,
      authorKind: actor.kind === 'person' ? 'human' : 'agent',
      authorId: actor.id,
      authorName: actor.name,
      snapshot: text,
      snapshotSha256: sha256,
      note: version.note,
      createdAt: locked.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const updated = await tx
    .updateTable('review')
    .set((eb) => ({ newestVersionId: id, rev: eb('rev', '+', 1) }))
    .where('id', '=', row.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await writeEntries(tx, entryRows(row, entryStates(review.state, id)));
  await recordAudit(tx, actor, 'version_added', {
    runId: row.runId,
    reviewId: row.id,
    detail: { version_id: id, parent_id: version.parentId, rev_result: updated.rev },
  });
  return { kind: 'created', version: added };
}

/** Refusals that a repeat of a version that is there already does not meet. */
const ONLY_FOR_NEW_CONTENT: ReadonlySet<Refusal['code']> = new Set([
  'REVIEW_CANCELLED',
  'REVIEW_DECIDED',
  'SUPERSEDED_VERSIONS',
]);
