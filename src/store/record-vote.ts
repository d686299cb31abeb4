import { type Command, decide } from '../domain/decide.js';
import type { Refusal } from '../domain/refusals.js';
import type { TimeWindow } from '../domain/time-window.js';
import { type Actor, asVoter } from './actors.js';
import { cancelLockedRun, type Lease } from './cancel-run.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { type Dialect, oweFact, recordFact } from './record-fact.js';
import { lockReview, type ReviewUnderLock } from './reviews.js';
import type { ReviewRow } from './tables.js';

/** A command with what is recorded beside it. */
export type VoteRequest = {
  readonly command: Command;
  readonly reason: string | null;
  readonly dialect: Dialect;
};

/** What became of a vote, a withdrawal or a request to release. */
export type VoteResult =
  | { readonly kind: 'not_found' }
  | {
      readonly kind: 'refused';
      readonly review: ReviewRow;
      readonly refusals: readonly Refusal[];
    }
  | {
      /** recorded: a new fact; repeat: the person's own standing one; already: decided so by others. */
      readonly kind: 'recorded' | 'repeat' | 'already';
      readonly review: ReviewRow;
      /** The review had been decided before this call. */
      readonly late: boolean;
      /** This call, and no other, made the review terminal. */
      readonly settled: boolean;
      /** The messages that only this caller may send for now. */
      readonly leases: readonly Lease[];
    };

/**
 * Records one reviewer's act, durably, or says every reason why not; nobody is told of it yet.
 *
 * One transaction, run locked before review: the ruling, the numbered fact, the rows, and what is
 * owed to the waiting workflow. A repeat records nothing and gets the first answer. A rejection (or a
 * withdrawal) also cancels the run, as its gate says.
 *
 * @param leaseMs how long the caller alone may forward it (0: leave it to the senders)
 */
export async function recordVote(
  db: Db,
  actor: Actor,
  reviewId: string,
  request: VoteRequest,
  leaseMs: number,
): Promise<VoteResult> {
  return await inTransaction(db, async (tx) => {
    const locked = await lockReview(tx, actor.projectId, reviewId);
    return locked === null
      ? { kind: 'not_found' }
      : await recordVoteLocked(tx, locked, actor, request, leaseMs);
  });
}

/** The same for a review that the transaction has locked: what a dialect adds goes before it. */
export async function recordVoteLocked(
  tx: Tx,
  locked: ReviewUnderLock,
  actor: Actor,
  request: VoteRequest,
  leaseMs: number,
): Promise<VoteResult> {
  const { row } = locked;
  const ruling = decide(locked.review, request.command, asVoter(actor));
  const unchanged = { review: row, late: row.status !== 'PENDING', settled: false, leases: [] };
  switch (ruling.kind) {
    case 'refused':
      return { kind: 'refused', review: row, refusals: ruling.refusals };
    case 'repeat':
      return { kind: 'repeat', ...unchanged };
    case 'already':
      return { kind: 'already', ...unchanged };
    case 'recorded':
      break;
  }

  const recorded = await recordFact(tx, locked, actor, ruling.fact, {
    ...request,
    timeWindow: windowOf(request.command),
  });
  const signal = await oweFact(tx, recorded, leaseMs);
  const ends = recorded.state.status === 'REJECTED' || recorded.state.status === 'REVOKED';
  const cancellation =
    ends && locked.review.state.policy.onReject === 'cancel_run'
      ? await cancelLockedRun(
          tx,
          locked.run,
          actor,
          {
            reason:
              request.reason ??
              `review ${row.id} was ${ruling.fact.kind === 'vote' ? ruling.fact.verdict : 'ended'}`,
            dialect: request.dialect,
          },
          leaseMs,
        )
      : null;
  return {
    kind: 'recorded',
    review: recorded.review,
    late: ruling.late,
    settled: locked.review.state.status === 'PENDING' && recorded.state.status !== 'PENDING',
    leases: [signal, cancellation?.lease ?? null].filter((lease) => lease !== null),
  };
}

/** The hours that a command brings: only an approval can limit when something goes on. */
function windowOf(command: Command): TimeWindow | null {
  return command.kind === 'vote' && command.verdict === 'approved' ? command.timeWindow : null;
}
