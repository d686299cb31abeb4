import type { VoteRecorded } from './facts.js';
import { maximumMatching } from './matching.js';
import {
  declaredEntries,
  type Entry,
  entriesOf,
  isGroupEntry,
  neededGroupEntries,
  type Policy,
} from './policy.js';

/** Which entries of a gate the approvals of one version fill, and whether they suffice. */
export type Tally = {
  /** Entry key → the vote that fills it. */
  readonly filled: ReadonlyMap<string, VoteRecorded>;
  /** The entries that are still needed; with `min_approvals`, any `stillNeeded` of the group ones. */
  readonly missing: readonly Entry[];
  /** How many of the missing group entries (or of `anyone`) must be filled yet. */
  readonly stillNeeded: number;
  readonly complete: boolean;
};

/**
 * The votes that stand: of each reviewer the latest, in `seq` order.
 *
 * A person's approval of another version replaces their earlier one, so approvals of different
 * versions never add up.
 */
export function standingVotes(votes: readonly VoteRecorded[]): readonly VoteRecorded[] {
  const latest = new Map(votes.map((vote) => [vote.reviewerId, vote]));
  return votes.filter((vote) => latest.get(vote.reviewerId) === vote);
}

/**
 * Counts the approvals of one version against what the policy requires.
 *
 * 1. Only standing approvals that name this version count.
 * 2. An approval fills every entry its reviewer may fill; of the n entries of one group, one.
 * 3. Under `onePersonOneEntry` it fills one, chosen so that as many required entries as possible
 *    are filled (named reviewers first, since nobody else can fill theirs; then groups; then
 *    optional ones).
 * 4. An entry that was given to somebody else is filled by an approval that fills nothing else, so
 *    that it never takes fewer people than declared. Votes before that fill it as it was declared.
 * 5. Complete: enough group entries (`minApprovals`, else all), and every mandatory named one.
 *    A gate without a single required entry is never complete: every of nothing must not open it.
 */
export function tally(policy: Policy, votes: readonly VoteRecorded[], versionId: string): Tally {
  return tallyApprovals(
    policy,
    standingVotes(votes).filter(
      (vote) => vote.verdict === 'approved' && vote.versionId === versionId,
    ),
  );
}

/** The same for approvals of one version that are known to stand, in `seq` order. */
export function tallyApprovals(policy: Policy, approvals: readonly VoteRecorded[]): Tally {
  const entries = entriesOf(policy);
  const filled = fill(policy, entries, approvals);
  const needed = entries.filter(({ mandatory }) => mandatory);
  const missing = needed.filter(({ key }) => !filled.has(key));
  const groupsFilled = needed.filter((entry) => isGroupEntry(entry) && filled.has(entry.key));
  const stillNeeded = Math.max(0, neededGroupEntries(policy, entries) - groupsFilled.length);
  const groupsComplete = stillNeeded === 0;
  const reviewersComplete = missing.every(isGroupEntry);
  return {
    filled,
    missing: groupsComplete ? missing.filter((entry) => !isGroupEntry(entry)) : missing,
    stillNeeded,
    complete: needed.length > 0 && groupsComplete && reviewersComplete,
  };
}

type Filled = ReadonlyMap<string, VoteRecorded>;

function fill(
  policy: Policy,
  entries: readonly Entry[],
  approvals: readonly VoteRecorded[],
): Filled {
  if (policy.onePersonOneEntry) {
    return fillOneEach(
      entries,
      approvals.map((vote) => ({ vote, fills: vote.fills })),
    );
  }
  const { reassigned = [] } = policy;
  if (reassigned.length === 0) {
    return fillAllTheirs(entries, approvals, ({ fills }) => fills);
  }
  const since = new Map(reassigned.map(({ key, since: seq }) => [key, seq]));
  const isGiven = (vote: VoteRecorded, key: string): boolean =>
    vote.seq > (since.get(key) ?? Number.POSITIVE_INFINITY);
  const asDeclared = (vote: VoteRecorded): readonly string[] =>
    vote.fills.filter((key) => !isGiven(vote, key));
  const declared = declaredEntries(policy);
  // Of those who may fill what was given away, first whoever is missed least elsewhere.
  const isMissed = missedElsewhere(declared, approvals, asDeclared, since);
  const candidates = approvals
    .map((vote) => ({ vote, fills: vote.fills.filter((key) => isGiven(vote, key)) }))
    .toSorted((a, b) => isMissed(a.vote) - isMissed(b.vote));
  const given = fillOneEach(
    entries.filter(({ key }) => since.has(key)),
    candidates,
  );
  const engaged = new Set(given.values());
  const free = approvals.filter((vote) => !engaged.has(vote));
  return new Map([...fillAllTheirs(declared, free, asDeclared), ...given]);
}

/** Counts the required entries of somebody that stay open without them, as far as others have approved. */
function missedElsewhere(
  declared: readonly Entry[],
  approvals: readonly VoteRecorded[],
  fillsOf: (vote: VoteRecorded) => readonly string[],
  since: ReadonlyMap<string, number>,
): (vote: VoteRecorded) => number {
  const owner = ({ kind, subject }: Entry): string => `${kind}:${subject}`;
  const open = declared.filter(({ key, mandatory }) => mandatory && !since.has(key));
  const scarce = open.filter((entry) => {
    const wanted = open.filter((one) => owner(one) === owner(entry)).length;
    return approvals.filter((vote) => fillsOf(vote).includes(entry.key)).length <= wanted;
  });
  return (vote) => new Set(scarce.filter(({ key }) => fillsOf(vote).includes(key)).map(owner)).size;
}

function fillAllTheirs(
  entries: readonly Entry[],
  approvals: readonly VoteRecorded[],
  fillsOf: (vote: VoteRecorded) => readonly string[],
): Filled {
  const filled = new Map<string, VoteRecorded>();
  for (const vote of approvals) {
    const fills = fillsOf(vote);
    const groupsServed = new Set<string>();
    for (const { key, kind, subject } of entries) {
      const servesGroup = kind === 'group' && groupsServed.has(subject);
      if (fills.includes(key) && !filled.has(key) && !servesGroup) {
        filled.set(key, vote);
        if (kind === 'group') {
          groupsServed.add(subject);
        }
      }
    }
  }
  return filled;
}

function fillOneEach(
  entries: readonly Entry[],
  approvals: readonly { readonly vote: VoteRecorded; readonly fills: readonly string[] }[],
): Filled {
  const rank = (entry: Entry): number => (entry.mandatory ? (isGroupEntry(entry) ? 1 : 0) : 2);
  const keys = entries.toSorted((a, b) => rank(a) - rank(b)).map(({ key }) => key);
  const matched = maximumMatching(
    keys,
    approvals.map(({ fills }) => fills),
  );
  const filled = new Map<string, VoteRecorded>();
  for (const [key, person] of matched) {
    const vote = approvals[person]?.vote;
    if (vote !== undefined) {
      filled.set(key, vote);
    }
  }
  return filled;
}
