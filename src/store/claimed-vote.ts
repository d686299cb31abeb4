import { isDeclaredReviewer, refuseOwnerRejection } from '../domain/claimed-vote.js';
import { compilePolicy } from '../domain/compile-policy.js';
import type { Command } from '../domain/decide.js';
import type { VoteRecorded } from '../domain/facts.js';
import type { JsonObject } from '../domain/json.js';
import type { Refusal } from '../domain/refusals.js';
import { type Actor, asVoter } from './actors.js';
import { recordAudit } from './audit.js';
import { cancelLockedRun } from './cancel-run.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { personAsVoter } from './people.js';
import type { Dialect } from './record-fact.js';
import { recordVoteLocked, type RuledVote } from './record-vote.js';
import type { ReviewUnderLock } from './reviews.js';
import { lockStepOfRun } from './step-lock.js';
import type { PersonRow, ReviewRow, RunRow } from './tables.js';
import { asOf, lockVoter } from './voter.js';

/** A vote that was counted, and what is owed for it. */
type Counted = Exclude<RuledVote, { kind: 'refused' }>;

type VoteCommand = Extract<Command, { kind: 'vote' }>;

/** What a trusted backend says that somebody decided. */
export type ClaimedVote = {
  readonly runId: string;
  readonly stepId: string;
  readonly reviewerId: string;
  readonly command: VoteCommand;
  readonly reason: string | null;
  readonly dialect: Dialect;
  /** An act past the usual vote, for the audit; null for a plain decision. */
  readonly override: {
    readonly action: string;
    /** Whether it is the token's own power: nobody has to be a declared reviewer then. */
    readonly force: boolean;
    readonly output: JsonObject | null;
  } | null;
  /** How old the reviewer's directory entry may be; null for any age. */
  readonly maxAgeMs: number | null;
};

/** What became of it; the order of the kinds is that of the checks. */
export type ClaimedVoteResult =
  | { readonly kind: 'not_found' }
  /** The backend's token was revoked before it was its turn. */
  | { readonly kind: 'signed_out' }
  | { readonly kind: 'no_gate' }
  | { readonly kind: 'not_declared' }
  /** They have voted before, whichever way it was. */
  | { readonly kind: 'voted_before'; readonly review: ReviewRow; readonly isSame: boolean }
  /** The review is null while the gate has not opened. */
  | { readonly kind: 'not_waiting'; readonly review: ReviewRow | null }
  | { readonly kind: 'unknown_person' }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'directory_too_old'; readonly directoryAt: Date }
  | { readonly kind: 'recorded'; readonly result: Counted };

/**
 * Records a vote in the name of a person whom a trusted backend names, or says why not.
 *
 * One transaction, every check under the locks of run, step and review. The first vote stands: of two
 * calls for one reviewer one is recorded, and the other is told of it.
 *
 * @param leaseMs how long the caller alone may forward it (0: leave it to the senders)
 */
export async function recordClaimedVote(
  db: Db,
  service: Actor,
  vote: ClaimedVote,
  leaseMs: number,
): Promise<ClaimedVoteResult> {
  return await inTransaction(db, async (tx) => {
    const found = await lockStepOfRun(tx, service.projectId, vote.runId, vote.stepId);
    if (found === null) {
      return { kind: 'not_found' };
    }
    const { run, gate, locked } = found;
    const { projectId, tokenId } = service;
    const { person, isSignedIn } = await lockVoter(tx, projectId, vote.reviewerId, tokenId);
    if (!isSignedIn) {
      return { kind: 'signed_out' };
    }
    if (gate === null) {
      return { kind: 'no_gate' };
    }
    const policy = locked === null ? compilePolicy(gate) : locked.review.state.policy;
    const votes = locked?.review.state.votes ?? [];
    const voter = person === null ? null : personAsVoter(person);
    const isForced = vote.override?.force === true;
    if (!isForced && !isDeclaredReviewer(policy, vote.reviewerId, voter, votes)) {
      return { kind: 'not_declared' };
    }
    const standing = votes.findLast(({ reviewerId }) => reviewerId === vote.reviewerId);
    if (locked !== null && standing !== undefined && (!isForced || repeats(standing, vote))) {
      const { row: review } = locked;
      const isSame = repeats(standing, vote);
      if (isSame) {
        await recordOverride(tx, service, vote, run, review);
      }
      return { kind: 'voted_before', review, isSame };
    }
    if (locked === null || locked.row.status !== 'PENDING') {
      return { kind: 'not_waiting', review: locked?.row ?? null };
    }
    return person === null
      ? { kind: 'unknown_person' }
      : await recordInName(tx, service, vote, { run, locked, person }, leaseMs);
  });
}

/** Whether a vote says what the same person's standing one says. */
function repeats({ verdict, forced }: VoteRecorded, { command }: ClaimedVote): boolean {
  return verdict === command.verdict && (forced || !command.force);
}

async function recordInName(
  tx: Tx,
  service: Actor,
  vote: ClaimedVote,
  on: { readonly run: RunRow; readonly locked: ReviewUnderLock; readonly person: PersonRow },
  leaseMs: number,
): Promise<ClaimedVoteResult> {
  const { run, locked, person } = on;
  const { command, reason, dialect, override, maxAgeMs } = vote;
  const isForcedReject = override?.force === true && command.verdict === 'rejected';
  const actor = inNameOf(service, person, isForcedReject);
  const refusals = isForcedReject
    ? []
    : refuseOwnerRejection(locked.review, command, asVoter(actor));
  if (refusals.length > 0) {
    return { kind: 'refused', refusals };
  }
  const isTooOld =
    maxAgeMs !== null && locked.now.getTime() - person.directoryAt.getTime() > maxAgeMs;
  if (isTooOld) {
    return { kind: 'directory_too_old', directoryAt: person.directoryAt };
  }
  const request = { command, reason, dialect };
  const result = await recordVoteLocked(tx, locked, actor, request, leaseMs);
  if (result.kind === 'refused') {
    return { kind: 'refused', refusals: result.refusals };
  }
  if (result.kind !== 'recorded') {
    throw new Error(`a first vote on pending review ${locked.row.id} came out as ${result.kind}`);
  }
  await recordOverride(tx, service, vote, run, result.review);
  if (!isForcedReject || locked.row.policy.onReject === 'cancel_run') {
    return { kind: 'recorded', result };
  }
  // The override ends the run also where a reviewer's own rejection would let it go on.
  const about = { reason: reason ?? `review ${locked.row.id} was rejected`, dialect };
  const { lease } = await cancelLockedRun(tx, run, actor, about, leaseMs);
  result.leases.push(...(lease === null ? [] : [lease]));
  return { kind: 'recorded', result };
}

/** The person as the one who acts, with the token of the backend that says so. */
function inNameOf(service: Actor, person: PersonRow, asAdmin: boolean): Actor {
  const { roles } = person;
  return {
    ...asOf(person),
    projectId: service.projectId,
    kind: 'person',
    roles: asAdmin ? [...new Set([...roles, 'admin' as const])] : roles,
    scopes: [],
    tokenId: service.tokenId,
  };
}

async function recordOverride(
  tx: Tx,
  service: Actor,
  { override, reviewerId, reason, stepId, dialect, command }: ClaimedVote,
  run: RunRow,
  review: ReviewRow,
): Promise<void> {
  if (override !== null) {
    await recordAudit(tx, service, 'step_overridden', {
      runId: run.id,
      reviewId: review.id,
      detail: {
        step_id: stepId,
        action: override.action,
        actor_id: reviewerId,
        verdict: command.verdict,
        status: review.status,
        dialect,
        ...(reason === null ? {} : { reason }),
        ...(override.output === null ? {} : { output: override.output }),
      },
    });
  }
}
