import { type Command, decide } from '../domain/decide.js';
import type { Refusal } from '../domain/refusals.js';
import type { TimeWindow } from '../domain/time-window.js';
import { type Actor, asVoter } from './actors.js';
import { cancelLockedRun } from './cancel-run.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { completeRunIfDone } from './ledger.js';
import type { LeasedMessage } from './outbox.js';
import { type Dialect, oweFact, type RecordedFact, recordFact } from './record-fact.js';
import { endReleased, planRelease, skipRefused } from './release.js';
import { lockReview, type ReviewUnderLock } from './reviews.js';
import type { EntryRow, FactRow, ReviewRow } from './tables.js';
import { readVoter } from './voter.js';

/** A command with what is recorded beside it. */
export type VoteRequest = {
  readonly command: Command;
  readonly reason: string | null;
  readonly dialect: Dialect;
};

/** What became of a vote, a withdrawal or a request to release. */
export type VoteResult =
  | { readonly kind: 'not_found' }
  /** The person was removed, or their token or session ended, before it was their turn. */
  | { readonly kind: 'signed_out' }
  | {
      readonly kind: 'refused';
      readonly review: ReviewRow;
      readonly refusals: readonly Refusal[];
    }
  | {
      /** repeat: the person's own standing fact; already: decided so by others. */
      readonly kind: 'repeat' | 'already';
      readonly review: ReviewRow;
    }
  | {
      readonly kind: 'recorded';
      readonly review: ReviewRow;
      /** The review had been decided before this call. */
      readonly late: boolean;
      /** This call, and no other, made the review terminal. */
      readonly settled: boolean;
      /** The rows and facts of the review, as this call has left them. */
      readonly record: {
        readonly entries: readonly EntryRow[];
        readonly facts: readonly FactRow[];
      };
      /** The messages that only this caller may send for now; complete once the transaction has committed. */
      readonly leases: LeasedMessage[];
    };

/** What became of an act of somebody whom the transaction has read. */
export type RuledVote = Exclude<VoteResult, { readonly kind: 'not_found' | 'signed_out' }>;

/**
 * Records one reviewer's act, durably, or says every reason why not; nobody is told of it yet.
 *
 * One transaction, run locked before review: who acts, as they are at that moment, the ruling, the numbered
 * fact, the rows, and what is owed to the waiting workflow. A repeat records nothing and gets the first answer.
 * An approval that completes the tally releases the step, unless its gate or the hour holds it back; a rejection
 * (or a withdrawal) cancels the run or skips the step, as its gate says. The answer states the decision: what
 * became of it is for a later read.
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
    const [locked, voter] = await Promise.all([
      lockReview(tx, actor.projectId, reviewId),
      readVoter(tx, actor),
    ]);
    if (locked === null) {
      return { kind: 'not_found' };
    }
    return voter === null
      ? { kind: 'signed_out' }
      : await recordVoteLocked(tx, locked, voter, request, leaseMs);
  });
}

/** The same for a review that the transaction has locked, by somebody whom it has read. */
export async function recordVoteLocked(
  tx: Tx,
  locked: ReviewUnderLock,
  actor: Actor,
  request: VoteRequest,
  leaseMs: number,
): Promise<RuledVote> {
  const { row } = locked;
  const ruling = decide(locked.review, request.command, asVoter(actor));
  switch (ruling.kind) {
    case 'refused':
      return { kind: 'refused', review: row, refusals: ruling.refusals };
    case 'repeat':
    case 'already':
      return { kind: ruling.kind, review: row };
    case 'recorded':
      break;
  }

  // Nobody waits in a run that failed: whoever retries it starts a workflow that reads this vote.
  const isOwed = locked.run.status !== 'error';
  const recorded = recordFact(tx, locked, actor, ruling.fact, {
    ...request,
    timeWindow: windowOf(request.command),
    isOwed,
    planRelease: (after, state) => planRelease({ ...locked, row: after }, state, true),
  });
  await followFact(tx, locked, recorded);
  const leases: LeasedMessage[] = [];
  if (isOwed) {
    tx.withCommit(
      oweFact(tx, recorded, leaseMs).then((lease) => {
        leases.push(...(lease === null ? [] : [lease]));
      }),
    );
  }
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
  leases.push(
    ...(cancellation === null || cancellation.lease === null ? [] : [cancellation.lease]),
  );
  return {
    kind: 'recorded',
    review: recorded.review,
    record: { entries: recorded.entries, facts: [...locked.facts, recorded.row] },
    late: ruling.late,
    settled: locked.review.state.status === 'PENDING' && recorded.state.status !== 'PENDING',
    leases,
  };
}

/**
 * Does in the transaction of a fact what follows from it for the step: a release ends it, or lets it begin; a
 * refusal that does not end the run skips it.
 */
async function followFact(
  tx: Tx,
  { run, step }: ReviewUnderLock,
  { review: row, state, isReleased }: RecordedFact,
): Promise<void> {
  if (isReleased) {
    await endReleased(tx, { run, step, row });
  } else if (row.status === 'REJECTED' || row.status === 'REVOKED') {
    if (await skipRefused(tx, run, step, row, state)) {
      await completeRunIfDone(tx, run, step);
    }
  }
}

/** The hours that a command brings: only an approval can limit when something goes on. */
function windowOf(command: Command): TimeWindow | null {
  return command.kind === 'vote' && command.verdict === 'approved' ? command.timeWindow : null;
}
