import type { Person } from '../directory.js';
import type { Gate } from '../definitions.js';

// The rules of votes, written anew from their description: nothing here comes from the product, so that a fault of the
// product's rules cannot hide in the rules that judge it.

/** A vote as it was recorded, or is about to be. */
export type Vote = {
  readonly seq: number;
  readonly by: Person;
  readonly verdict: 'approved' | 'rejected' | 'revoked';
  readonly versionId: string;
  readonly forced: boolean;
};

/** What was recorded of a review, in its order. */
export type Fact =
  | ({ readonly kind: 'vote' } & Vote)
  | { readonly kind: 'release_requested'; readonly seq: number }
  | { readonly kind: 'cancelled'; readonly seq: number };

/** Where a review stands by its facts. */
export type Standing = {
  readonly status: 'PENDING' | 'APPROVED' | 'REJECTED' | 'REVOKED';
  /** The version approved, or refused once it had been approved. */
  readonly versionId: string | null;
  /** The fact that settled it. */
  readonly settledBy: number | null;
  /** The fact that asked for its release. */
  readonly releasedBy: number | null;
};

/** The entries of a gate that somebody may fill: `group:alpha#1`, `user:ana`, `anyone`. */
export function entriesFor(gate: Gate, person: Person): readonly string[] {
  if (gate.groups.length === 0 && gate.reviewers.length === 0) {
    return ['anyone'];
  }
  const ofGroups = gate.groups
    .filter(({ group }) => person.groups.includes(group))
    .flatMap(({ group, required }) =>
      Array.from({ length: required }, (_, index) => `group:${group}#${index + 1}`),
    );
  const own = gate.reviewers.filter(({ id }) => id === person.id).map(({ id }) => `user:${id}`);
  return [...ofGroups, ...own];
}

/** Whether somebody may record this vote on a review that is open. */
export function mayVote(
  gate: Gate,
  person: Person,
  about: {
    readonly verdict: 'approved' | 'rejected';
    readonly force: boolean;
    readonly ownerId: string | null;
    /** Who wrote the version; null for the seed. */
    readonly authorId: string | null;
  },
): boolean {
  const isOwner = person.id === about.ownerId;
  const mayForce = person.groups.some((group) => gate.force_approval_groups.includes(group));
  if (about.force && !mayForce) {
    return false;
  }
  const takesPart = about.force || entriesFor(gate, person).length > 0;
  if (about.verdict === 'rejected') {
    return person.isAdmin || (takesPart && !isOwner);
  }
  const isSelfApproval = isOwner && !(person.isAdmin && gate.self_approval === 'admins');
  const isOwnCorrection = about.authorId === person.id && !gate.correction_author_may_approve;
  return takesPart && !isSelfApproval && !isOwnCorrection;
}

/** Whether approvals by these people, all of one version, are all that a gate asks for. */
export function suffices(gate: Gate, approvers: readonly Person[]): boolean {
  const people = [...new Set(approvers)];
  if (gate.groups.length === 0 && gate.reviewers.length === 0) {
    return people.length > 0;
  }
  const mandatory = gate.reviewers.filter((one) => one.mandatory);
  if (mandatory.some(({ id }) => people.every((person) => person.id !== id))) {
    return false;
  }
  const slots = gate.groups.flatMap(({ group, required }) =>
    Array.from({ length: required }, () => group),
  );
  if (slots.length === 0 && mandatory.length === 0) {
    return false;
  }
  const needed =
    slots.length === 0
      ? 0
      : Math.max(1, Math.min(slots.length, gate.min_approvals ?? slots.length));
  if (!gate.one_person_one_entry) {
    const filled = gate.groups.map(({ group, required }) =>
      Math.min(required, people.filter(({ groups }) => groups.includes(group)).length),
    );
    return filled.reduce((sum, count) => sum + count, 0) >= needed;
  }
  // Who fills their own mandatory entry fills nothing else.
  const free = people.filter((person) => mandatory.every(({ id }) => id !== person.id));
  return mostFilled(slots, free) >= needed;
}

/** The most places that can be filled, each by one person of its group: tried out, one person after another. */
function mostFilled(slots: readonly string[], people: readonly Person[]): number {
  const [first, ...others] = people;
  if (first === undefined || slots.length === 0) {
    return 0;
  }
  const without = mostFilled(slots, others);
  const withEach = [...new Set(slots)]
    .filter((group) => first.groups.includes(group))
    .map((group) => 1 + mostFilled(slots.toSpliced(slots.indexOf(group), 1), others));
  return Math.max(without, ...withEach);
}

/** Where a review stands once these facts have been recorded in this order. */
export function standingOf(gate: Gate, facts: readonly Fact[]): Standing {
  let standing: Standing = {
    status: 'PENDING',
    versionId: null,
    settledBy: null,
    releasedBy: null,
  };
  const latest = new Map<string, Vote>();
  for (const fact of facts) {
    if (fact.kind === 'release_requested') {
      standing = { ...standing, releasedBy: standing.releasedBy ?? fact.seq };
    } else if (fact.kind === 'cancelled') {
      if (standing.status === 'PENDING' || standing.status === 'APPROVED') {
        standing = { ...standing, status: 'REVOKED', settledBy: fact.seq };
      }
    } else {
      latest.set(fact.by.id, fact);
      standing = afterVote(gate, standing, fact, [...latest.values()]);
    }
  }
  return standing;
}

function afterVote(gate: Gate, standing: Standing, vote: Vote, votes: readonly Vote[]): Standing {
  if (vote.verdict !== 'approved') {
    const versionId = standing.versionId ?? vote.versionId;
    return standing.status === 'PENDING' || standing.status === 'APPROVED'
      ? {
          ...standing,
          status: vote.verdict === 'rejected' ? 'REJECTED' : 'REVOKED',
          versionId,
          settledBy: vote.seq,
        }
      : standing;
  }
  if (standing.status !== 'PENDING') {
    return standing;
  }
  const agreeing = votes
    .filter(({ verdict, versionId }) => verdict === 'approved' && versionId === vote.versionId)
    .map(({ by }) => by);
  return vote.forced || suffices(gate, agreeing)
    ? { ...standing, status: 'APPROVED', versionId: vote.versionId, settledBy: vote.seq }
    : standing;
}
