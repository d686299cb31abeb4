import type { Fact, VoteRecorded } from './facts.js';
import { type Entry, entriesOf, type Policy } from './policy.js';
import type { VotedStatus } from './statuses.js';
import { tally } from './tally.js';

/** The terminal outcome of a review: a verdict, the version it names, and whose fact settled it. */
export type Decision = {
  readonly verdict: 'approved' | 'rejected';
  readonly versionId: string;
  readonly actorId: string;
  readonly seq: number;
};

/** What follows from the facts of a review, and from nothing else. */
export type ReviewState = {
  readonly policy: Policy;
  readonly votes: readonly VoteRecorded[];
  readonly status: VotedStatus;
  readonly decision: Decision | null;
  /** The run was cancelled while the review was undecided. */
  readonly cancelled: boolean;
  readonly releaseRequested: boolean;
  /** The `seq` of the latest fact folded in; 0 before the first. */
  readonly seq: number;
};

/** A review as it stands when its gate has just opened it. */
export function openedReview(policy: Policy): ReviewState {
  return {
    policy,
    votes: [],
    status: 'PENDING',
    decision: null,
    cancelled: false,
    releaseRequested: false,
    seq: 0,
  };
}

/**
 * Folds one fact into the state of its review; callers fold in `seq` order.
 *
 * It never refuses: what may be recorded was ruled by `decide`, once, inside the transaction that
 * recorded it. A fact that changes nothing any more (a late approval) is kept among the votes.
 */
export function evolve(state: ReviewState, fact: Fact): ReviewState {
  switch (fact.kind) {
    case 'vote':
      return afterVote({ ...state, votes: [...state.votes, fact], seq: fact.seq }, fact);
    case 'release_requested':
      return { ...state, releaseRequested: true, seq: fact.seq };
    case 'cancelled':
      return afterCancellation({ ...state, seq: fact.seq }, fact.actorId);
  }
}

/** Folds all facts of a review, which are given in `seq` order. */
export function foldReview(policy: Policy, facts: readonly Fact[]): ReviewState {
  return facts.reduce(evolve, openedReview(policy));
}

function afterVote(state: ReviewState, vote: VoteRecorded): ReviewState {
  const settled = { versionId: vote.versionId, actorId: vote.reviewerId, seq: vote.seq };
  if (vote.verdict === 'approved') {
    const approves =
      state.status === 'PENDING' &&
      (vote.forced || tally(state.policy, state.votes, vote.versionId).complete);
    return approves
      ? { ...state, status: 'APPROVED', decision: { verdict: 'approved', ...settled } }
      : state;
  }
  // A refusal counts for the review, whichever version it names: it ends a pending one, and
  // withdraws the approval of an approved one. What is final stays as it is.
  if (state.status !== 'PENDING' && state.status !== 'APPROVED') {
    return state;
  }
  return {
    ...state,
    status: vote.verdict === 'rejected' ? 'REJECTED' : 'REVOKED',
    decision: {
      verdict: 'rejected',
      ...settled,
      versionId: shownVersionId(state, vote.versionId),
    },
  };
}

function afterCancellation(state: ReviewState, actorId: string): ReviewState {
  switch (state.status) {
    case 'PENDING':
      return { ...state, status: 'REVOKED', cancelled: true };
    case 'APPROVED':
      return {
        ...state,
        status: 'REVOKED',
        decision:
          state.decision === null
            ? null
            : {
                verdict: 'rejected',
                versionId: state.decision.versionId,
                actorId,
                seq: state.seq,
              },
      };
    case 'REJECTED':
    case 'REVOKED':
      return state;
  }
}

/** One row of a review as people see it: an entry, and who has filled it for the version shown. */
export type EntryState = Entry & {
  readonly status: VotedStatus;
  readonly vote: VoteRecorded | null;
};

/**
 * The rows of a review for one version (the decided one once there is a decision, else the newest).
 *
 * Approvals of that version fill rows as the tally says. A rejecting or revoking vote turns its
 * reviewer's rows, or appends one when it has none; a forced approval likewise.
 */
export function entryStates(state: ReviewState, newestVersionId: string): readonly EntryState[] {
  const { filled } = tally(state.policy, state.votes, shownVersionId(state, newestVersionId));
  const rows: EntryState[] = entriesOf(state.policy).map((entry) => {
    const vote = filled.get(entry.key) ?? null;
    return { ...entry, status: vote === null ? 'PENDING' : 'APPROVED', vote };
  });
  for (const vote of state.votes) {
    if (vote.verdict !== 'approved') {
      markRows(rows, vote, vote.verdict === 'rejected' ? 'REJECTED' : 'REVOKED');
    } else if (vote.forced) {
      markRows(rows, vote, 'APPROVED');
    }
  }
  return rows;
}

/** The version that rows and forms show: the decided one, else the newest. */
export function shownVersionId(state: ReviewState, newestVersionId: string): string {
  return state.decision?.versionId ?? newestVersionId;
}

function markRows(rows: EntryState[], vote: VoteRecorded, status: VotedStatus): void {
  const isOwn = (row: EntryState): boolean => row.vote?.reviewerId === vote.reviewerId;
  const isTheirs = (row: EntryState): boolean => vote.fills.includes(row.key);
  // Of every group one row: their own, else a free one, else the first, whatever it said before.
  const passes = [isOwn, (row: EntryState) => isTheirs(row) && row.vote === null, isTheirs];
  const served = new Set<string>();
  for (const pass of passes) {
    for (const [index, row] of rows.entries()) {
      const isTaken = served.has(entryOwner(row)) && pass !== isOwn;
      if (!isTaken && pass(row)) {
        served.add(entryOwner(row));
        rows[index] = { ...row, status, vote };
      }
    }
  }
  if (rows.every((row) => row.vote !== vote)) {
    rows.push(appendedRow(vote, status));
  }
}

function entryOwner({ kind, subject }: Entry): string {
  return `${kind}:${subject}`;
}

function appendedRow(vote: VoteRecorded, status: VotedStatus): EntryState {
  const base = { mandatory: false, status, vote };
  return vote.actingFor === null
    ? { ...base, key: `user:${vote.reviewerId}`, kind: 'reviewer', subject: vote.reviewerId }
    : { ...base, key: `group:${vote.actingFor}`, kind: 'group', subject: vote.actingFor };
}
