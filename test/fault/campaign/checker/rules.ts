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
  /** The entries that they might fill when they gave it. */
  readonly fills: readonly string[];
};

/** Whom an entry was given to, instead of those whom its gate names: a group, or one person. */
export type Assignee = { readonly kind: 'group' | 'reviewer'; readonly subject: string };

/** The entries that were given to somebody else, by key. */
export type Given = ReadonlyMap<string, Assignee>;

const NOTHING_GIVEN: Given = new Map();

/** What was recorded of a review, in its order. */
export type Fact =
  | ({ readonly kind: 'vote' } & Omit<Vote, 'fills'>)
  | { readonly kind: 'withdrawn'; readonly seq: number; readonly by: Person }
  | {
      readonly kind: 'reassigned';
      readonly seq: number;
      readonly entry: string;
      readonly to: Assignee;
    }
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
  /** Of each person the vote that stands. */
  readonly votes: readonly Vote[];
  readonly given: Given;
};

/** The entries of a gate in its own words: of each group as many as it requires, then the named ones. */
function declaredEntries(gate: Gate): ReadonlyMap<string, Assignee> {
  const ofGroups = gate.groups.flatMap(({ group, required }) =>
    Array.from({ length: required }, (_, index): [string, Assignee] => [
      `group:${group}#${index + 1}`,
      { kind: 'group', subject: group },
    ]),
  );
  const named = gate.reviewers.map(({ id }): [string, Assignee] => [
    `user:${id}`,
    { kind: 'reviewer', subject: id },
  ]);
  return new Map([...ofGroups, ...named]);
}

/** The keys of the entries of a gate; none where anybody may approve. */
export function entryKeys(gate: Gate): readonly string[] {
  return [...declaredEntries(gate).keys()];
}

/** The entries of a gate that somebody may fill: `group:alpha#1`, `user:ana`, `anyone`. */
export function entriesFor(
  gate: Gate,
  person: Person,
  given: Given = NOTHING_GIVEN,
): readonly string[] {
  const declared = declaredEntries(gate);
  if (declared.size === 0) {
    return ['anyone'];
  }
  return [...declared]
    .filter(([key, named]) => {
      const { kind, subject } = given.get(key) ?? named;
      return kind === 'group' ? person.groups.includes(subject) : person.id === subject;
    })
    .map(([key]) => key);
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
    readonly given?: Given;
  },
): boolean {
  const isOwner = person.id === about.ownerId;
  const mayForce = person.groups.some((group) => gate.force_approval_groups.includes(group));
  if (about.force && !mayForce) {
    return false;
  }
  const takesPart = about.force || entriesFor(gate, person, about.given).length > 0;
  if (about.verdict === 'rejected') {
    return person.isAdmin || (takesPart && !isOwner);
  }
  const isSelfApproval = isOwner && !(person.isAdmin && gate.self_approval === 'admins');
  const isOwnCorrection = about.authorId === person.id && !gate.correction_author_may_approve;
  return takesPart && !isSelfApproval && !isOwnCorrection;
}

/** Whether the people of a directory can complete a gate, without any one of them too who may have written a correction. */
export function canBeCompleted(
  gate: Gate,
  ownerId: string,
  people: readonly Person[],
  given: Given = NOTHING_GIVEN,
): boolean {
  const about = { verdict: 'approved', force: false, ownerId, authorId: null, given } as const;
  const able = people.filter((person) => mayVote(gate, person, about));
  const mayBeAuthor = gate.corrections === 'entries' && !gate.correction_author_may_approve;
  const missing = [null, ...(mayBeAuthor ? able : [])];
  return missing.every((one) =>
    suffices(
      gate,
      able
        .filter((other) => other !== one)
        .map((by) => ({ by, fills: entriesFor(gate, by, given) })),
    ),
  );
}

/** Whether these approvals, all of one version, are all that a gate asks for. */
function suffices(gate: Gate, approvals: readonly Pick<Vote, 'by' | 'fills'>[]): boolean {
  if (gate.groups.length === 0 && gate.reviewers.length === 0) {
    return approvals.length > 0;
  }
  const mandatory = gate.reviewers.filter((one) => one.mandatory).map(({ id }) => `user:${id}`);
  const ofGroups = entryKeys(gate).filter((key) => key.startsWith('group:'));
  if (ofGroups.length === 0 && mandatory.length === 0) {
    return false;
  }
  const needed =
    ofGroups.length === 0
      ? 0
      : Math.max(1, Math.min(ofGroups.length, gate.min_approvals ?? ofGroups.length));
  if (gate.one_person_one_entry) {
    return canFill(mandatory, ofGroups, needed, approvals);
  }
  if (mandatory.some((key) => approvals.every(({ fills }) => !fills.includes(key)))) {
    return false;
  }
  const filled = gate.groups.map(({ group, required }) =>
    Math.min(required, approvals.filter(({ by }) => by.groups.includes(group)).length),
  );
  return filled.reduce((sum, count) => sum + count, 0) >= needed;
}

/** Whether people who fill one entry each fill all the mandatory ones and so many others: tried out, entry by entry. */
function canFill(
  mandatory: readonly string[],
  others: readonly string[],
  needed: number,
  people: readonly Pick<Vote, 'fills'>[],
): boolean {
  const [first, ...rest] = mandatory;
  if (first !== undefined) {
    return people.some(
      (one) =>
        one.fills.includes(first) &&
        canFill(
          rest,
          others,
          needed,
          people.filter((other) => other !== one),
        ),
    );
  }
  const [next, ...later] = others;
  if (needed === 0 || next === undefined || others.length < needed) {
    return needed === 0;
  }
  return (
    people.some(
      (one) =>
        one.fills.includes(next) &&
        canFill(
          [],
          later,
          needed - 1,
          people.filter((other) => other !== one),
        ),
    ) || canFill([], later, needed, people)
  );
}

const UNDECIDED = {
  status: 'PENDING',
  versionId: null,
  settledBy: null,
  releasedBy: null,
} as const;

/** Where a review stands once these facts have been recorded in this order. */
export function standingOf(gate: Gate, facts: readonly Fact[]): Standing {
  return facts.reduce((standing, fact) => after(gate, standing, fact), {
    ...UNDECIDED,
    votes: [],
    given: NOTHING_GIVEN,
  } satisfies Standing as Standing);
}

function after(gate: Gate, standing: Standing, fact: Fact): Standing {
  switch (fact.kind) {
    case 'release_requested':
      return { ...standing, releasedBy: standing.releasedBy ?? fact.seq };
    case 'cancelled':
      return standing.status === 'PENDING' || standing.status === 'APPROVED'
        ? { ...standing, status: 'REVOKED', settledBy: fact.seq }
        : standing;
    case 'reassigned':
      return { ...standing, given: new Map(standing.given).set(fact.entry, fact.to) };
    case 'withdrawn':
      return afterTakingBack(gate, {
        ...standing,
        votes: standing.votes.filter(({ by }) => by.id !== fact.by.id),
      });
    case 'vote': {
      const { kind: _, ...said } = fact;
      const vote = { ...said, fills: entriesFor(gate, fact.by, standing.given) };
      const votes = [...standing.votes.filter(({ by }) => by.id !== vote.by.id), vote];
      return afterVote(gate, { ...standing, votes }, vote);
    }
  }
}

function approvalsOf(votes: readonly Vote[], versionId: string | null): readonly Vote[] {
  return votes.filter((vote) => vote.verdict === 'approved' && vote.versionId === versionId);
}

/** What was approved stays so where the others suffice, and is theirs then; else everything is open again. */
function afterTakingBack(gate: Gate, standing: Standing): Standing {
  if (standing.status !== 'APPROVED') {
    return standing;
  }
  const left = approvalsOf(standing.votes, standing.versionId);
  if (!left.some(({ forced }) => forced) && !suffices(gate, left)) {
    return { ...standing, ...UNDECIDED };
  }
  const isSettlerLeft = left.some(({ seq }) => seq === standing.settledBy);
  return isSettlerLeft ? standing : { ...standing, settledBy: left.at(-1)?.seq ?? null };
}

function afterVote(gate: Gate, standing: Standing, vote: Vote): Standing {
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
  return vote.forced || suffices(gate, approvalsOf(standing.votes, vote.versionId))
    ? { ...standing, status: 'APPROVED', versionId: vote.versionId, settledBy: vote.seq }
    : standing;
}
