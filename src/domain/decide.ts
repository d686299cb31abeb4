import { actorOf, type NewFact, type Verdict, type VoteRecorded } from './facts.js';
import { hasRole, type Voter } from './people.js';
import { type Assignee, type Entry, entriesOf, type Policy } from './policy.js';
import type { Refusal } from './refusals.js';
import { evolve, type ReviewState, shownVersionId } from './review-state.js';
import { isFinal, isReleased, type ReviewStatus } from './statuses.js';
import { standingVotes, tally } from './tally.js';
import { msUntilOpen, type TimeWindow } from './time-window.js';

/** A version as the rules see it: whose it is, and what it was made from. */
export type VersionFacts = {
  readonly id: string;
  readonly parentId: string | null;
  /** The person who wrote it; null for the runtime's seed. */
  readonly authorId: string | null;
};

/** A review under its lock: all that a ruling may depend on. */
export type LockedReview = {
  readonly id: string;
  readonly ownerId: string | null;
  readonly state: ReviewState;
  /** The stored status: that of `state`, or the system's once the step has been released. */
  readonly status: ReviewStatus;
  /** In order of creation; the last one is the newest. */
  readonly versions: readonly VersionFacts[];
  /** When an approved step may go on; null means at any time. */
  readonly timeWindow: TimeWindow | null;
  /** The clock that rules, in milliseconds since 1970. */
  readonly nowMs: number;
};

/** What a caller asks of a review; nothing is true of it yet. */
export type Command =
  | {
      readonly kind: 'vote';
      readonly verdict: Verdict;
      /** The version voted on; null means the newest at this moment, or the one decided on. */
      readonly versionId: string | null;
      readonly force: boolean;
      /** Whether a refusing vote on an approved review withdraws the approval, or conflicts with it. */
      readonly mayWithdraw: boolean;
      /** Whether a review that is final refuses even a vote that agrees with it or repeats one. */
      readonly refusedWhenFinal: boolean;
      /** Hours outside which nothing is to go on, kept with an approval; a review takes them once. */
      readonly timeWindow: TimeWindow | null;
      readonly acknowledgedVersionIds: readonly string[];
      /** Refuses a vote on an open review that is not on its newest version: from a screen that is behind. */
      readonly onlyIfNewest?: boolean;
    }
  | {
      readonly kind: 'withdraw';
      /** What the review is from then on, where its decision is withdrawn; by default `revoked`. */
      readonly verdict: 'rejected' | 'revoked' | null;
      /** One's own approval, or all that was decided; by default what the caller can mean. */
      readonly what?: 'own_approval' | 'decision' | null;
    }
  | {
      readonly kind: 'reassign';
      /** The key of the entry. */
      readonly entry: string;
      readonly to: Assignee;
      /** Whether the directory has the person, or somebody in the group. */
      readonly isAssigneeKnown: boolean;
    }
  | { readonly kind: 'release' };

/** What becomes of a command. */
export type Ruling =
  /** It is recorded as this fact; `late` when the review was decided before. */
  | { readonly kind: 'recorded'; readonly fact: NewFact; readonly late: boolean }
  /** It equals what the person said last (or a release asked for before): the first answer holds. */
  | { readonly kind: 'repeat'; readonly seq: number }
  /** It is so already, by what others did, and this adds nothing. */
  | { readonly kind: 'already' }
  /** It changes nothing; all reasons are given, and each dialect answers the one it ranks first. */
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] };

/**
 * Rules on one command against a locked review: a fact to record, or every reason not to.
 *
 * Pure and total. It runs once, inside the transaction that holds the lock; what it returns is
 * written, numbered and only then told to anyone. Nothing that follows rules again.
 */
export function decide(review: LockedReview, command: Command, voter: Voter): Ruling {
  switch (command.kind) {
    case 'vote':
      return decideVote(review, command, voter);
    case 'withdraw':
      return isOfOwnApproval(review, command, voter)
        ? decideTakingBack(review, voter)
        : decideWithdrawal(review, command.verdict ?? 'revoked', voter);
    case 'reassign':
      return decideReassignment(review, command, voter);
    case 'release':
      return decideRelease(review, voter);
  }
}

/** How often one person may act on one review, but for what decides it. */
export const MAX_FACTS_OF_PERSON = 100;

/** How many facts a review takes, but for those that decide it. */
export const MAX_FACTS_OF_REVIEW = 2_000;

type VoteCommand = Extract<Command, { kind: 'vote' }>;
type ReassignCommand = Extract<Command, { kind: 'reassign' }>;
type WithdrawCommand = Extract<Command, { kind: 'withdraw' }>;

function decideVote(review: LockedReview, command: VoteCommand, voter: Voter): Ruling {
  const { state } = review;
  const versionId = command.versionId ?? shownVersionId(state, newestVersionId(review));
  const isKnown = review.versions.some(({ id }) => id === versionId);
  const standing = standingVoteOf(state, voter);
  const isClosed = command.refusedWhenFinal && isFinal(review.status);
  const secondWindow = mayTakeWindow(review, command);
  const fact = voteFact(state.policy, { ...command, versionId }, voter);
  if (
    !isClosed &&
    secondWindow.length === 0 &&
    isKnown &&
    standing?.versionId === versionId &&
    standing.verdict === command.verdict &&
    (standing.forced || (!command.force && !wouldFillMore(review, standing, fact)))
  ) {
    return { kind: 'repeat', seq: standing.seq };
  }

  const isWithdrawal =
    command.mayWithdraw && command.verdict !== 'approved' && review.status === 'APPROVED';
  const refusals: Refusal[] = [
    ...(isKnown ? [] : [{ code: 'VERSION_NOT_FOUND' as const, versionId, reviewId: review.id }]),
    ...secondWindow,
    ...(isWithdrawal
      ? [...mayActForOwner(review, voter), ...mayForce(state.policy, command, voter)]
      : eligibility(review, { ...command, versionId }, voter)),
  ];
  const standingRefusal = isWithdrawal ? null : ruleOnStatus(review, command, versionId);
  if (standingRefusal !== null && standingRefusal !== 'agrees') {
    refusals.push(standingRefusal);
  }
  const newestId = newestVersionId(review);
  if (command.onlyIfNewest === true && standingRefusal === null && versionId !== newestId) {
    refusals.push({ code: 'STALE_VERSION', versionId, newestVersionId: newestId });
  }
  if (command.verdict === 'approved' && standingRefusal === null) {
    refusals.push(...superseded(review, [versionId], command.acknowledgedVersionIds));
  }
  if (refusals.length > 0) {
    return { kind: 'refused', refusals };
  }
  if (standingRefusal === 'agrees') {
    return command.verdict === 'approved' && fillsOpenEntry(review, fact)
      ? recordedUnlessTooMany(review, fact, true)
      : { kind: 'already' };
  }
  return recordedUnlessTooMany(review, fact, isWithdrawal);
}

/**
 * Records a fact unless there are too many of them already.
 *
 * What decides the review is always taken: nobody can keep it from being decided by talking too much.
 */
function recordedUnlessTooMany(review: LockedReview, fact: NewFact, late: boolean): Ruling {
  const { state, id: reviewId } = review;
  const personId = actorOf(fact);
  const ofPerson = state.acts.find(({ actorId }) => actorId === personId)?.count ?? 0;
  const limit =
    ofPerson >= MAX_FACTS_OF_PERSON
      ? { max: MAX_FACTS_OF_PERSON, isOfPerson: true }
      : { max: MAX_FACTS_OF_REVIEW, isOfPerson: false };
  const isFull = limit.isOfPerson || state.seq >= MAX_FACTS_OF_REVIEW;
  const { status } = isFull ? evolve(state, { ...fact, seq: state.seq + 1, id: '' }) : state;
  return isFull && (status === state.status || status === 'PENDING')
    ? { kind: 'refused', refusals: [{ code: 'TOO_MANY_FACTS', reviewId, personId, ...limit }] }
    : { kind: 'recorded', fact, late };
}

/** Whether an approval like one that stands would fill an entry that is open still. */
function wouldFillMore(
  review: LockedReview,
  standing: VoteRecorded,
  fact: Omit<VoteRecorded, 'seq' | 'id'>,
): boolean {
  const { decision } = review.state;
  const isCounted =
    review.status === 'PENDING' ||
    (review.status === 'APPROVED' && decision?.versionId === fact.versionId);
  return (
    isCounted &&
    fact.verdict === 'approved' &&
    fact.fills.some((key) => !standing.fills.includes(key)) &&
    fillsOpenEntry(review, fact)
  );
}

/** null: the vote may count. `agrees`: it was decided just so before. Else why not. */
function ruleOnStatus(
  review: LockedReview,
  { verdict, refusedWhenFinal }: VoteCommand,
  versionId: string,
): Refusal | 'agrees' | null {
  const { decision, cancelled } = review.state;
  if (cancelled) {
    return decided(review);
  }
  if (review.status === 'PENDING') {
    return verdict === 'revoked'
      ? { code: 'NOT_APPROVED', reviewId: review.id, status: review.status }
      : null;
  }
  const agrees = decision?.verdict === verdict && decision.versionId === versionId;
  return agrees && !(refusedWhenFinal && isFinal(review.status)) ? 'agrees' : decided(review);
}

/** Whether an approval fills an entry that its version still has open. */
function fillsOpenEntry(review: LockedReview, fact: Omit<VoteRecorded, 'seq' | 'id'>): boolean {
  const { policy, votes } = review.state;
  const before = tally(policy, votes, fact.versionId).filled.size;
  const vote: VoteRecorded = { ...fact, seq: review.state.seq + 1, id: '' };
  return tally(policy, [...votes, vote], fact.versionId).filled.size > before;
}

/** Why somebody may not cast this vote; empty when they may. */
function eligibility(
  review: LockedReview,
  command: VoteCommand & { readonly versionId: string },
  voter: Voter,
): Refusal[] {
  if (voter.kind === 'service') {
    return [{ code: 'SERVICE_CANNOT_VOTE', service: voter.id }];
  }
  const { policy } = review.state;
  const refusals: Refusal[] = [];
  const isApproval = command.verdict === 'approved';
  const isOwner = voter.id === review.ownerId;
  const isAdmin = hasRole(voter, 'admin');
  if (isApproval && !mayApproveAs(review, voter)) {
    refusals.push({ code: 'SELF_APPROVAL', selfApproval: policy.selfApproval });
  }
  refusals.push(...mayForce(policy, command, voter));
  // Force stands in for an entry, and never for the owner rule.
  const isOutside = !command.force && fillableEntries(policy, voter).length === 0;
  if (isApproval ? isOutside : !isAdmin && (isOwner || isOutside)) {
    const needs = describeEntries(policy, entriesOf(policy));
    refusals.push({ code: 'NOT_ELIGIBLE', personId: voter.id, needs });
  }
  const version = review.versions.find(({ id }) => id === command.versionId);
  if (isApproval && !policy.correctionAuthorMayApprove && version?.authorId === voter.id) {
    refusals.push({ code: 'CORRECTION_AUTHOR', versionId: version.id });
  }
  return refusals;
}

function voteFact(
  policy: Policy,
  command: VoteCommand & { readonly versionId: string },
  voter: Voter,
): Omit<VoteRecorded, 'seq' | 'id'> {
  const forceGroup = command.force ? forceGroupOf(policy, voter) : null;
  const entries =
    forceGroup === null
      ? fillableEntries(policy, voter)
      : entriesOf(policy).filter(({ kind, subject }) => kind === 'group' && subject === forceGroup);
  return {
    kind: 'vote',
    reviewerId: voter.id,
    versionId: command.versionId,
    verdict: command.verdict,
    fills: entries.map(({ key }) => key),
    forced: forceGroup !== null,
    actingFor: forceGroup ?? (entries.length === 0 && hasRole(voter, 'admin') ? 'admin' : null),
  };
}

/**
 * What somebody means who does not say it.
 *
 * Owners and admins mean the decision where there is one, or say a verdict; everybody else, and they
 * while nothing is decided, mean their own approval. Said again it means the same.
 */
function isOfOwnApproval(review: LockedReview, command: WithdrawCommand, voter: Voter): boolean {
  const { verdict, what = null } = command;
  if (what !== null) {
    return what === 'own_approval';
  }
  const mayEnd = mayActForOwner(review, voter).length === 0;
  const said = lastSaid(review.state, voter);
  if (said === null || verdict === 'rejected' || (verdict !== null && mayEnd)) {
    return false;
  }
  return !(mayEnd && said.isApproval && review.status !== 'PENDING');
}

/** The person's approval that stands, or that they have taken back last; null when there is neither. */
function lastSaid(
  state: ReviewState,
  voter: Voter,
): { readonly seq: number; readonly isApproval: boolean } | null {
  const standing = standingVoteOf(state, voter);
  if (standing !== null) {
    return standing.verdict === 'approved' ? { seq: standing.seq, isApproval: true } : null;
  }
  const withdrawn = state.withdrawn.find(({ actorId }) => actorId === voter.id);
  return voter.kind === 'person' && withdrawn !== undefined
    ? { seq: withdrawn.seq, isApproval: false }
    : null;
}

function decideTakingBack(review: LockedReview, voter: Voter): Ruling {
  const { id: reviewId, state, status } = review;
  const said = lastSaid(state, voter);
  const refusals: Refusal[] = [];
  if (voter.kind === 'service') {
    refusals.push({ code: 'SERVICE_CANNOT_VOTE', service: voter.id });
  } else if (said === null) {
    refusals.push({ code: 'NO_APPROVAL_OF_YOURS', reviewId, personId: voter.id });
  }
  refusals.push(...mustBeUnreleased(review));
  if (refusals.length > 0) {
    return { kind: 'refused', refusals };
  }
  return said !== null && !said.isApproval
    ? { kind: 'repeat', seq: said.seq }
    : recordedUnlessTooMany(
        review,
        { kind: 'withdrawn', actorId: voter.id },
        status === 'APPROVED',
      );
}

function mustBeUnreleased(review: LockedReview): Refusal[] {
  const { id: reviewId, status } = review;
  if (status === 'PENDING' || status === 'APPROVED') {
    return [];
  }
  return isReleased(status) ? [{ code: 'ALREADY_RELEASED', reviewId, status }] : [decided(review)];
}

/** Why nothing can be done about a review that is no longer undecided. */
function decided({ id: reviewId, state, status }: LockedReview): Refusal {
  return state.cancelled
    ? { code: 'REVIEW_CANCELLED', reviewId }
    : {
        code: 'REVIEW_DECIDED',
        reviewId,
        status,
        versionId: state.decision?.versionId ?? null,
      };
}

function decideReassignment(review: LockedReview, command: ReassignCommand, voter: Voter): Ruling {
  const { id: reviewId, state } = review;
  const { entry: key, to } = command;
  const entries = entriesOf(state.policy);
  const entry = entries.find((one) => one.key === key);
  const refusals: Refusal[] = [];
  if (entry === undefined) {
    const keys = entries.map((one) => one.key);
    refusals.push({ code: 'ENTRY_NOT_FOUND', reviewId, entry: key, keys });
  }
  refusals.push(...mayReassign(review, voter));
  if (!command.isAssigneeKnown) {
    refusals.push({ code: 'ASSIGNEE_UNKNOWN', to });
  }
  const { filled } = tally(state.policy, state.votes, newestVersionId(review));
  const filledBy = filled.get(key)?.reviewerId;
  if (filledBy !== undefined) {
    refusals.push({ code: 'ENTRY_FILLED', reviewId, entry: key, filledBy });
  }
  if (refusals.length > 0) {
    return { kind: 'refused', refusals };
  }
  return entry?.kind === to.kind && entry.subject === to.subject
    ? { kind: 'already' }
    : recordedUnlessTooMany(
        review,
        { kind: 'reassigned', actorId: voter.id, entry: key, to },
        false,
      );
}

/** Why somebody may not give entries of a review to somebody else, whichever; empty when they may. */
export function mayReassign(review: LockedReview, voter: Voter): readonly Refusal[] {
  const isAdmin = voter.kind === 'person' && hasRole(voter, 'admin');
  return [
    ...(isAdmin ? [] : [{ code: 'NOT_ADMIN' as const, personId: voter.id }]),
    ...(review.status === 'PENDING' ? [] : [decided(review)]),
  ];
}

function decideWithdrawal(
  review: LockedReview,
  verdict: 'rejected' | 'revoked',
  voter: Voter,
): Ruling {
  const standing = standingVoteOf(review.state, voter);
  const { decision } = review.state;
  if (standing !== null && standing.verdict === verdict && decision?.seq === standing.seq) {
    return { kind: 'repeat', seq: standing.seq };
  }
  const refusals = [...mayActForOwner(review, voter), ...mustBeApproved(review)];
  if (refusals.length > 0 || decision === null) {
    return { kind: 'refused', refusals };
  }
  const { policy } = review.state;
  const fills = fillableEntries(policy, voter).map(({ key }) => key);
  return {
    kind: 'recorded',
    late: true,
    fact: {
      kind: 'vote',
      reviewerId: voter.id,
      versionId: decision.versionId,
      verdict,
      fills,
      forced: false,
      actingFor: fills.length === 0 && hasRole(voter, 'admin') ? 'admin' : null,
    },
  };
}

function decideRelease(review: LockedReview, voter: Voter): Ruling {
  const mayRelease =
    (voter.kind === 'person' && voter.id === review.ownerId) ||
    hasRole(voter, 'admin') ||
    hasRole(voter, 'auditor');
  if (mayRelease && review.state.releaseRequested && review.status === 'PROCESSING') {
    return { kind: 'repeat', seq: review.state.seq };
  }
  const refusals: Refusal[] = [
    ...(mayRelease ? [] : [{ code: 'NOT_OWNER' as const, personId: voter.id }]),
    ...(review.state.policy.release === 'manual'
      ? []
      : [{ code: 'NOT_MANUAL' as const, reviewId: review.id }]),
    ...mustBeApproved(review),
    ...mustBeWithinWindow(review),
  ];
  if (refusals.length > 0) {
    return { kind: 'refused', refusals };
  }
  return review.state.releaseRequested
    ? { kind: 'repeat', seq: review.state.seq }
    : { kind: 'recorded', late: true, fact: { kind: 'release_requested', actorId: voter.id } };
}

function mustBeApproved(review: LockedReview): Refusal[] {
  const { id: reviewId, status } = review;
  if (status === 'APPROVED') {
    return [];
  }
  if (review.state.cancelled) {
    return [{ code: 'REVIEW_CANCELLED', reviewId }];
  }
  return isReleased(status)
    ? [{ code: 'ALREADY_RELEASED', reviewId, status }]
    : [{ code: 'NOT_APPROVED', reviewId, status }];
}

function mustBeWithinWindow({ id: reviewId, timeWindow: window, nowMs }: LockedReview): Refusal[] {
  return window !== null && msUntilOpen(window, nowMs) > 0
    ? [{ code: 'OUTSIDE_TIME_WINDOW', reviewId, window }]
    : [];
}

function mayTakeWindow(
  { id: reviewId, timeWindow: window }: LockedReview,
  { timeWindow }: VoteCommand,
): Refusal[] {
  return timeWindow !== null && window !== null
    ? [{ code: 'TIME_WINDOW_SET', reviewId, window }]
    : [];
}

function mayActForOwner(review: LockedReview, voter: Voter): Refusal[] {
  if (voter.kind === 'service') {
    return [{ code: 'SERVICE_CANNOT_VOTE', service: voter.id }];
  }
  return voter.id === review.ownerId || hasRole(voter, 'admin')
    ? []
    : [{ code: 'NOT_OWNER', personId: voter.id }];
}

function mayForce(policy: Policy, { force }: VoteCommand, voter: Voter): Refusal[] {
  return force && forceGroupOf(policy, voter) === null
    ? [{ code: 'NOT_IN_FORCE_GROUP', forceGroups: policy.forceApprovalGroups }]
    : [];
}

/**
 * Why somebody may not add a version (a correction) to a review; empty when they may.
 *
 * Those who may fill an entry may, and admins; a gate can refuse corrections altogether.
 */
export function ruleOnCorrection(
  review: LockedReview,
  parentId: string,
  acknowledgedVersionIds: readonly string[],
  voter: Voter,
): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (!review.versions.some(({ id }) => id === parentId)) {
    refusals.push({ code: 'VERSION_NOT_FOUND', versionId: parentId, reviewId: review.id });
  }
  refusals.push(...mayWorkOn(review, voter));
  if (review.state.policy.corrections === 'none') {
    refusals.push({ code: 'CORRECTIONS_NOT_ALLOWED', reviewId: review.id });
  }
  if (review.status === 'PENDING') {
    refusals.push(...superseded(review, [parentId], acknowledgedVersionIds));
  }
  return refusals;
}

/**
 * Why somebody may not work on a review (correct it, hold it); empty when they may.
 *
 * Those who may fill an entry may, and admins, for as long as it is undecided.
 */
export function mayWorkOn(review: LockedReview, voter: Voter): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (voter.kind === 'service') {
    refusals.push({ code: 'SERVICE_CANNOT_VOTE', service: voter.id });
  } else if (!mayFillEntry(review, voter) && !hasRole(voter, 'admin')) {
    const needs = describeEntries(review.state.policy, entriesOf(review.state.policy));
    refusals.push({ code: 'NOT_ELIGIBLE', personId: voter.id, needs });
  }
  if (review.status !== 'PENDING') {
    refusals.push(decided(review));
  }
  return refusals;
}

/** Whether somebody may fill an entry of this review: the owner rule included. */
export function mayFillEntry(
  review: Pick<LockedReview, 'ownerId' | 'state'>,
  voter: Voter,
): boolean {
  return (
    voter.kind === 'person' &&
    mayApproveAs(review, voter) &&
    fillableEntries(review.state.policy, voter).length > 0
  );
}

/** Whether somebody may approve by the override that the gate declares: the owner rule holds there, too. */
export function mayForceApproval(
  review: Pick<LockedReview, 'ownerId' | 'state'>,
  voter: Voter,
): boolean {
  return (
    voter.kind === 'person' &&
    mayApproveAs(review, voter) &&
    forceGroupOf(review.state.policy, voter) !== null
  );
}

/** The owner rule: nobody approves what runs on their own behalf, but an admin where the gate lets them. */
function mayApproveAs(
  { ownerId, state }: Pick<LockedReview, 'ownerId' | 'state'>,
  voter: Voter,
): boolean {
  return (
    voter.id !== ownerId || (hasRole(voter, 'admin') && state.policy.selfApproval === 'admins')
  );
}

/** The entries somebody may fill by membership or by name, whoever owns the run. */
export function fillableEntries(policy: Policy, voter: Voter): readonly Entry[] {
  return entriesOf(policy).filter((entry) => isFillableBy(entry, voter));
}

/** Whether an entry is one that somebody may fill by membership, by name or by role. */
function isFillableBy({ kind, subject }: Entry, voter: Voter): boolean {
  switch (kind) {
    case 'group':
      return voter.groups.includes(subject);
    case 'reviewer':
      return voter.id === subject;
    case 'anyone':
      return hasRole(voter, 'reviewer');
  }
}

/** Names entries for people: `a member of finance (2 of them), reviewer u_legal`. */
export function describeEntries(policy: Policy, entries: readonly Entry[]): string {
  const counts = new Map<string, number>();
  for (const { kind, subject } of entries) {
    const name =
      kind === 'group'
        ? `a member of ${subject}`
        : kind === 'reviewer'
          ? `reviewer ${subject}`
          : `any reviewer ${policy.selfApproval === 'admins' ? '(the owner only as an admin)' : 'but the owner'}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, n]) => (n === 1 ? name : `${name} (${n} of them)`)).join(', ');
}

function forceGroupOf(policy: Policy, voter: Voter): string | null {
  return policy.forceApprovalGroups.find((group) => voter.groups.includes(group)) ?? null;
}

/** A person's vote that stands; a service has none, even one that bears a person's id. */
function standingVoteOf(state: ReviewState, voter: Voter): VoteRecorded | null {
  return voter.kind === 'person'
    ? (standingVotes(state.votes).find(({ reviewerId }) => reviewerId === voter.id) ?? null)
    : null;
}

function newestVersionId(review: LockedReview): string {
  return review.versions.at(-1)?.id ?? '';
}

/** Where the gate wants it, the leaves that would be discarded without having been acknowledged. */
function superseded(
  review: LockedReview,
  kept: readonly string[],
  acknowledged: readonly string[],
): Refusal[] {
  if (!review.state.policy.acknowledgeSuperseded) {
    return [];
  }
  const parents = new Set(review.versions.map(({ parentId }) => parentId));
  const leaves = review.versions.map(({ id }) => id).filter((id) => !parents.has(id));
  const discarded = leaves.filter((id) => !kept.includes(id));
  return discarded.every((id) => acknowledged.includes(id))
    ? []
    : [{ code: 'SUPERSEDED_VERSIONS', versionIds: discarded }];
}
