import { type Command, decide } from '../domain/decide.js';
import type { JsonObject } from '../domain/json.js';
import type { Refusal } from '../domain/refusals.js';
import { versionId } from '../rules/content-ids.js';
import { type Actor, asVoter } from './actors.js';
import { addVersionLocked } from './add-version.js';
import type { Tx } from './database.js';
import { recordBasis } from './overlays.js';
import { recordVoteLocked, type VoteRequest, type VoteResult } from './record-vote.js';
import { lockReviewOf, type ReviewUnderLock } from './reviews.js';
import { readVoter } from './voter.js';

/** A vote on a version that is there, or on one that it brings with it. */
export type VoteWithVersion = Omit<VoteRequest, 'command'> & {
  readonly command: Extract<Command, { kind: 'vote' }> & { readonly versionId: string };
  /** The version that the reviewer was looking at; a correction is made from it. */
  readonly basisVersionId: string;
  /** What they approve in its place. Its size and shape were checked. */
  readonly correction: JsonObject | null;
};

/** What became of a vote, and the version it was on. */
export type CorrectedVote = { readonly versionId: string; readonly result: VoteResult };

/**
 * Records a vote on a locked review; with a correction, the version it makes as well.
 *
 * Where the vote is refused the caller has the whole transaction undone, so that no version stays of a
 * vote that failed. Content that a version has already is voted on as that version.
 */
export async function correctAndVote(
  tx: Tx,
  locked: ReviewUnderLock,
  caller: Actor,
  vote: VoteWithVersion,
  leaseMs: number,
): Promise<CorrectedVote> {
  const { command, correction, basisVersionId } = vote;
  const actor = await readVoter(tx, caller);
  if (actor === null) {
    return { versionId: command.versionId, result: { kind: 'signed_out' } };
  }
  if (correction === null) {
    const result = await recordVoteLocked(tx, locked, actor, vote, leaseMs);
    if (result.kind === 'recorded' && basisVersionId !== command.versionId) {
      await recordBasis(tx, result.review, basisVersionId);
    }
    return { versionId: command.versionId, result };
  }
  const corrected = versionId(locked.row.id, correction);
  const request = { ...vote, command: { ...command, versionId: corrected } };
  if (locked.review.versions.some(({ id }) => id === corrected)) {
    const result = await recordVoteLocked(tx, locked, actor, request, leaseMs);
    return { versionId: corrected, result };
  }
  const added = await addVersionLocked(tx, locked, actor, {
    parentId: basisVersionId,
    snapshot: correction,
    note: null,
    origin: 'human_edit',
    acknowledgedVersionIds: command.acknowledgedVersionIds,
  });
  if (added.kind === 'refused') {
    const refusals = [...added.refusals, ...refusalsOfVote(locked, actor, vote)];
    return { versionId: corrected, result: { kind: 'refused', review: locked.row, refusals } };
  }
  if (added.kind !== 'created') {
    throw new Error(`a new version of review ${locked.row.id} came out as ${added.kind}`);
  }
  const withVersion = await lockReviewOf(tx, locked, locked.row.id);
  const result = await recordVoteLocked(tx, withVersion, actor, request, leaseMs);
  return { versionId: corrected, result };
}

/** Why the vote alone would be refused, so that a dialect can rank all reasons. */
function refusalsOfVote(
  locked: ReviewUnderLock,
  actor: Actor,
  { command, basisVersionId }: VoteWithVersion,
): readonly Refusal[] {
  const ruling = decide(locked.review, { ...command, versionId: basisVersionId }, asVoter(actor));
  return ruling.kind === 'refused' ? ruling.refusals : [];
}
