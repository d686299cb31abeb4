import type { Assignee } from './policy.js';

/** What a reviewer says of a version. `revoked` only withdraws an approval that was given before. */
export type Verdict = 'approved' | 'rejected' | 'revoked';

/** What every recorded fact of a review carries: its place among them, from 1, and its id. */
type Recorded = { readonly seq: number; readonly id: string };

/**
 * A vote that the store has written.
 *
 * `fills` are the keys of the entries that the reviewer might fill when they voted, judged inside
 * the transaction that recorded it: groups that change later do not rewrite what happened.
 */
export type VoteRecorded = Recorded & {
  readonly kind: 'vote';
  readonly reviewerId: string;
  readonly versionId: string;
  readonly verdict: Verdict;
  readonly fills: readonly string[];
  /** The override that the gate itself declares (`force_approval_groups`). */
  readonly forced: boolean;
  /** In whose name somebody outside every entry voted: a force group, or `admin`; else null. */
  readonly actingFor: string | null;
};

/** A reviewer's word that their approval, whichever version it named, no longer stands. */
export type ApprovalWithdrawn = Recorded & {
  readonly kind: 'withdrawn';
  readonly actorId: string;
};

/** An admin's word that somebody else fills an entry from now on. */
export type EntryReassigned = Recorded & {
  readonly kind: 'reassigned';
  readonly actorId: string;
  /** The key of the entry. */
  readonly entry: string;
  readonly to: Assignee;
};

/** The owner's word that an approved step with a manual release may go on. */
export type ReleaseRequested = Recorded & {
  readonly kind: 'release_requested';
  readonly actorId: string;
};

/** The end of a review whose run was cancelled before its step was released. */
export type ReviewCancelled = Recorded & {
  readonly kind: 'cancelled';
  readonly actorId: string;
};

/** Something that happened to a review, numbered in the order in which the store recorded it. */
export type Fact =
  VoteRecorded | ApprovalWithdrawn | EntryReassigned | ReleaseRequested | ReviewCancelled;

/** Whose act a fact is. */
export function actorOf(fact: Fact | NewFact): string {
  return fact.kind === 'vote' ? fact.reviewerId : fact.actorId;
}

/** A fact before the store has numbered it. */
export type NewFact =
  | Omit<VoteRecorded, keyof Recorded>
  | Omit<ApprovalWithdrawn, keyof Recorded>
  | Omit<EntryReassigned, keyof Recorded>
  | Omit<ReleaseRequested, keyof Recorded>
  | Omit<ReviewCancelled, keyof Recorded>;
