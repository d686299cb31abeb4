import type { Command } from '../domain/decide.js';
import { isReleased } from '../domain/statuses.js';
import { type LeasedMessage, type Resume, resumeOf } from '../store/outbox.js';
import { recordVote, type VoteRequest, type VoteResult } from '../store/record-vote.js';
import { findReview } from '../store/reviews.js';

import { readReviewRecord, type ReviewRecord } from './review-records.js';
import type { Call } from './route.js';

/** What became of an act, and whether the workflow that waits has been told of it. */
export type CastVote = VoteResult & { readonly isTold: boolean };

/**
 * Records a vote, a withdrawal or a request to release, and tells the workflow that waits.
 *
 * Whatever happens after the commit is no longer the caller's concern: the vote stands.
 */
export async function castVote(
  call: Call,
  reviewId: string,
  request: Omit<VoteRequest, 'dialect'>,
): Promise<CastVote> {
  const { deps, actor, dialect } = call;
  const vote = { ...request, dialect: dialect.name };
  const result = await deps.turns.ofReview(actor.projectId, reviewId, () =>
    recordVote(deps.db, actor, reviewId, vote, deps.forwardLeaseMs),
  );
  return await tellOfVote(call, wordFor(request.command), result);
}

/** Counts a vote that was recorded, under its word, and tells the workflow that waits. */
export async function tellOfVote(call: Call, word: string, result: VoteResult): Promise<CastVote> {
  if (result.kind !== 'recorded') {
    return { ...result, isTold: false };
  }
  call.metrics.countVote(word, call.dialect.name);
  const told = await forward(call, result.leases);
  return {
    ...result,
    isTold: result.leases.some(({ id, kind }) => kind === 'signal' && told.has(id)),
  };
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

/** Sends what was just owed, and gives what was taken; a failure is logged, because senders will try again anyway. */
export async function forward(
  call: Call,
  messages: readonly LeasedMessage[],
): Promise<ReadonlySet<string>> {
  try {
    return messages.length === 0 ? NONE : await call.deps.forward(messages);
  } catch (error) {
    call.log.error({ err: error }, 'forwarding failed; what is owed stays owed');
    return NONE;
  }
}

const NONE: ReadonlySet<string> = new Set();

/** A review after a vote, and what became of telling its workflow. */
export type Aftermath = { readonly record: ReviewRecord; readonly resume: Resume };

/**
 * A review as an act has left it, and what became of telling its workflow. Of a release that followed it says
 * nothing: the answer to a vote states the decision.
 *
 * What has been recorded and told is answered from memory. Otherwise it is read, and that does not fail: once
 * the vote is durable, an answer without the latest details is better than an error that would make the
 * caller vote again.
 */
export async function aftermathOf(
  call: Call,
  cast: Extract<CastVote, { kind: 'recorded' | 'repeat' | 'already' }>,
): Promise<Aftermath> {
  const { reads } = call.deps;
  const { review: row } = cast;
  if (cast.kind === 'recorded') {
    const resume = cast.isTold
      ? ({ status: 'resumed', error: null } as const)
      : await afterCommit(call, () => resumeOf(reads, row.id), UNREAD);
    return { record: { row, ...cast.record }, resume };
  }
  return await afterCommit(
    call,
    async () => {
      const now = (await findReview(reads, row.projectId, row.id)) ?? row;
      const shown = isReleased(now.status) && now.seq === row.seq ? row : now;
      const record = await readReviewRecord(reads, shown);
      // Read last: whatever vote the record shows, what is said of telling the workflow is of that one or a later one.
      return { record, resume: await resumeOf(reads, row.id) };
    },
    { record: { row, entries: [], facts: [] }, resume: UNREAD },
  );
}

const UNREAD: Resume = {
  status: 'pending',
  error:
    'The vote is recorded; whether its workflow has been told could not be read: read the review again.',
};

/** What `read` gives, or the fallback where it fails: for reading back what is durable already. */
export async function afterCommit<T>(call: Call, read: () => Promise<T>, fallback: T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    call.log.error({ err: error }, 'what was just committed could not be read back');
    return fallback;
  }
}
