import type { Command } from '../domain/decide.js';
import { isReleased } from '../domain/statuses.js';
import type { Resume } from '../store/outbox.js';
import { resumeOf } from '../store/outbox.js';
import { recordVote, type VoteRequest, type VoteResult } from '../store/record-vote.js';
import { findReview } from '../store/reviews.js';
import type { ReviewRow } from '../store/tables.js';
import type { Lease } from '../store/cancel-run.js';
import { readReviewRecord, type ReviewRecord } from './review-records.js';
import type { Call } from './route.js';

/**
 * Records a vote, a withdrawal or a request to release, and tells the workflow that waits.
 *
 * Whatever happens after the commit is no longer the caller's concern: the vote stands.
 */
export async function castVote(
  call: Call,
  reviewId: string,
  request: Omit<VoteRequest, 'dialect'>,
): Promise<VoteResult> {
  const { deps, actor, dialect } = call;
  const vote = { ...request, dialect: dialect.name };
  const result = await deps.turns.ofReview(actor.projectId, reviewId, () =>
    recordVote(deps.db, actor, reviewId, vote, deps.forwardLeaseMs),
  );
  await tellOfVote(call, wordFor(request.command), result);
  return result;
}

/** Counts a vote that was recorded, under its word, and tells the workflow that waits. */
export async function tellOfVote(call: Call, word: string, result: VoteResult): Promise<void> {
  if (result.kind === 'recorded') {
    call.metrics.countVote(word, call.dialect.name);
    await forward(call, result.leases);
  }
}

function wordFor(command: Command): string {
  switch (command.kind) {
    case 'vote':
      return command.verdict;
    case 'withdraw':
      return command.verdict ?? 'withdrawn';
    case 'reassign':
      return 'reassigned';
    case 'release':
      return 'release';
  }
}

/** Sends what was just owed; a failure is logged, because senders will try again anyway. */
export async function forward(call: Call, leases: readonly Lease[]): Promise<void> {
  if (leases.length > 0) {
    await call.deps.forward(leases).catch((error: unknown) => {
      call.log.error({ err: error }, 'forwarding failed; what is owed stays owed');
    });
  }
}

/** A review after a vote, and what became of telling its workflow. */
export type Aftermath = { readonly record: ReviewRecord; readonly resume: Resume };

/**
 * Reads a review as it is now, after a vote on it. Of a release that followed it says nothing: the answer
 * to a vote states the decision.
 *
 * It does not fail: once the vote is durable, an answer without the latest details is better than an
 * error that would make the caller vote again.
 */
export async function readAftermath(call: Call, voted: ReviewRow): Promise<Aftermath> {
  const { reads } = call.deps;
  return await afterCommit(
    call,
    async () => {
      const now = (await findReview(reads, voted.projectId, voted.id)) ?? voted;
      const row = isReleased(now.status) && now.seq === voted.seq ? voted : now;
      const record = await readReviewRecord(reads, row);
      // Read last: whatever vote the record shows, what is said of telling the workflow is of that one or a later one.
      return { record, resume: await resumeOf(reads, voted.id) };
    },
    {
      record: { row: voted, entries: [], facts: [] },
      resume: {
        status: 'pending',
        error:
          'The vote is recorded; whether its workflow has been told could not be read: read the review again.',
      },
    },
  );
}

/** What `read` gives, or the fallback where it fails: for reading back what is durable already. */
export async function afterCommit<T>(call: Call, read: () => Promise<T>, fallback: T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    call.log.error({ err: error }, 'what was just committed could not be read back');
    return fallback;
  }
}
