import { actorOf, type EntryReassigned, type Fact, type VoteRecorded } from './facts.js';
import { type Entry, entriesOf, type Policy } from './policy.js';
import { Standing } from './standing.js';
import type { VotedStatus } from './statuses.js';
import { tally, tallyApprovals } from './tally.js';

/** The terminal outcome of a review: a verdict, the version it names, and whose fact settled it. */
export type Decision = {
  readonly verdict: 'approved' | 'rejected';
  readonly versionId: string;
  readonly actorId: string;
  readonly seq: number;
};

/**
 * What follows from the facts of a review, and from nothing else.
 *
 * It is plain JSON, and as small as the people who acted are few, however often each of them did.
 */
export type ReviewState = {
  /** The rules of the gate, with the entries that were given to somebody else. */
  readonly policy: Policy;
  /** Of each person the vote that stands, in `seq` order; before a refusal also the approval that they had forced. */
  readonly votes: readonly VoteRecorded[];
  /** Those who have taken their approval back and not voted since, by the fact that says so. */
  readonly withdrawn: readonly Act[];
  readonly status: VotedStatus;
  readonly decision: Decision | null;
  /** The run was cancelled while the review was undecided. */
  readonly cancelled: boolean;
  readonly releaseRequested: boolean;
  /** The `seq` of the latest fact folded in; 0 before the first. */
  readonly seq: number;
  /** How many facts each person has given the review. */
  readonly acts: readonly { readonly actorId: string; readonly count: number }[];
};

/** Somebody's act, by the `seq` of its fact. */
type Act = { readonly actorId: string; readonly seq: number };

/** A review as it stands when its gate has just opened it. */
export function openedReview(policy: Policy): ReviewState {
  return {
    policy,
    votes: [],
    withdrawn: [],
    status: 'PENDING',
    decision: null,
    cancelled: false,
    releaseRequested: false,
    seq: 0,
    acts: [],
  };
}

/**
 * Folds one fact into the state of its review; callers fold in `seq` order.
 *
 * It never refuses: what may be recorded was ruled by `decide`, once, inside the transaction that
 * recorded it. A late approval changes no decision, and stands for the day when one that was needed
 * is taken back.
 */
export function evolve(state: ReviewState, fact: Fact): ReviewState {
  return foldFacts(state, [fact]);
}

/** Folds all facts of a review, which are given in `seq` order. */
export function foldReview(policy: Policy, facts: readonly Fact[]): ReviewState {
  return foldFacts(openedReview(policy), facts);
}

/** What is being folded: nothing of it leaves `foldFacts`, which counts once for all of its facts. */
type Folding = {
  policy: Policy;
  status: VotedStatus;
  decision: Decision | null;
  cancelled: boolean;
  releaseRequested: boolean;
  seq: number;
  readonly standing: Standing;
  readonly withdrawn: Map<string, number>;
  readonly acts: Map<string, number>;
};

function foldFacts(state: ReviewState, facts: readonly Fact[]): ReviewState {
  const { policy, status, decision, cancelled, releaseRequested, seq } = state;
  const folding: Folding = {
    policy,
    status,
    decision,
    cancelled,
    releaseRequested,
    seq,
    standing: new Standing(state.votes),
    withdrawn: new Map(state.withdrawn.map((act) => [act.actorId, act.seq])),
    acts: new Map(state.acts.map(({ actorId, count }) => [actorId, count])),
  };
  for (const fact of facts) {
    const actorId = actorOf(fact);
    folding.seq = fact.seq;
    folding.acts.set(actorId, (folding.acts.get(actorId) ?? 0) + 1);
    foldIn(folding, fact);
  }
  const { standing, withdrawn, acts, ...folded } = folding;
  return {
    ...folded,
    votes: standing.votes(),
    withdrawn: [...withdrawn].map(([actorId, at]) => ({ actorId, seq: at })),
    acts: [...acts].map(([actorId, count]) => ({ actorId, count })),
  };
}

function foldIn(folding: Folding, fact: Fact): void {
  switch (fact.kind) {
    case 'vote':
      folding.withdrawn.delete(fact.reviewerId);
      folding.standing.add(fact);
      settleByVote(folding, fact);
      break;
    case 'withdrawn':
      folding.withdrawn.set(fact.actorId, fact.seq);
      folding.standing.remove(fact.actorId);
      reopenUnlessApproved(folding);
      break;
    case 'reassigned':
      folding.policy = withReassigned(folding.policy, fact);
      folding.standing.recount();
      break;
    case 'release_requested':
      folding.releaseRequested = true;
      break;
    case 'cancelled':
      settleByCancellation(folding, fact.actorId);
      break;
  }
}

function settleByVote(folding: Folding, vote: VoteRecorded): void {
  const settled = { versionId: vote.versionId, actorId: vote.reviewerId, seq: vote.seq };
  if (vote.verdict === 'approved') {
    const approves =
      folding.status === 'PENDING' &&
      (vote.forced || folding.standing.isCompletedBy(folding.policy, vote));
    if (approves) {
      folding.status = 'APPROVED';
      folding.decision = { verdict: 'approved', ...settled };
    }
    return;
  }
  // A refusal counts for the review, whichever version it names: it ends a pending one, and
  // withdraws the approval of an approved one. What is final stays as it is.
  if (folding.status === 'PENDING' || folding.status === 'APPROVED') {
    folding.status = vote.verdict === 'rejected' ? 'REJECTED' : 'REVOKED';
    folding.decision = {
      verdict: 'rejected',
      ...settled,
      versionId: shownVersionId(folding, vote.versionId),
    };
  }
}

/** After an approval was taken back: what was approved by others as well stays so, and is theirs. */
function reopenUnlessApproved(folding: Folding): void {
  const { status, decision, standing, policy } = folding;
  if (status !== 'APPROVED' || decision === null) {
    return;
  }
  const approvals = standing.approvalsOf(decision.versionId);
  const isApproved =
    approvals.some(({ forced }) => forced) || tallyApprovals(policy, approvals).complete;
  const latest = approvals.at(-1);
  if (!isApproved || latest === undefined) {
    folding.status = 'PENDING';
    folding.decision = null;
    folding.releaseRequested = false;
  } else if (approvals.every(({ seq }) => seq !== decision.seq)) {
    folding.decision = { ...decision, actorId: latest.reviewerId, seq: latest.seq };
  }
}

function withReassigned(policy: Policy, { entry: key, to, seq }: EntryReassigned): Policy {
  const { reassigned = [] } = policy;
  const before = reassigned.find((one) => one.key === key);
  return {
    ...policy,
    reassigned: [
      ...reassigned.filter((one) => one !== before),
      { key, to, since: before?.since ?? seq },
    ],
  };
}

function settleByCancellation(folding: Folding, actorId: string): void {
  const { status, decision } = folding;
  if (status === 'PENDING') {
    folding.cancelled = true;
  }
  if (status === 'APPROVED' && decision !== null) {
    folding.decision = { ...decision, verdict: 'rejected', actorId, seq: folding.seq };
  }
  if (status === 'PENDING' || status === 'APPROVED') {
    folding.status = 'REVOKED';
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
export function shownVersionId(
  state: Pick<ReviewState, 'decision'>,
  newestVersionId: string,
): string {
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
