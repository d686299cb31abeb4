import type { VoteRecorded } from './facts.js';
import { maximumMatching } from './matching.js';
import { type Entry, entriesOf, neededGroupEntries, type Policy } from './policy.js';

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
 * 4. Complete: enough group entries (`minApprovals`, else all), and every mandatory named one.
 *    A gate without a single required entry is never complete: every of nothing must not open it.
 */
export function tally(policy: Policy, votes: readonly VoteRecorded[], versionId: string): Tally {
  const entries = entriesOf(policy);
  const approvals = standingVotes(votes).filter(
    (vote) => vote.verdict === 'approved' && vote.versionId === versionId,
  );
  const filled = policy.onePersonOneEntry
    ? fillOneEach(entries, approvals)
    : fillAllTheirs(entries, approvals);

  const needed = entries.filter(({ mandatory }) => mandatory);
  const missing = needed.filter(({ key }) => !filled.has(key));
  const groupsFilled = needed.filter(
    ({ kind, key }) => kind !== 'reviewer' && filled.has(key),
  ).length;
  const stillNeeded = Math.max(0, neededGroupEntries(policy, entries) - groupsFilled);
  const groupsComplete = stillNeeded === 0;
  const reviewersComplete = missing.every(({ kind }) => kind !== 'reviewer');
  return {
    filled,
    missing: groupsComplete ? missing.filter(({ kind }) => kind === 'reviewer') : missing,
    stillNeeded,
    complete: needed.length > 0 && groupsComplete && reviewersComplete,
  };
}

function fillAllTheirs(
  entries: readonly Entry[],
  approvals: readonly VoteRecorded[],
): ReadonlyMap<string, VoteRecorded> {
  const filled = new Map<string, VoteRecorded>();
  for (const vote of approvals) {
    const groupsServed = new Set<string>();
    for (const { key, kind, subject } of entries) {
      const servesGroup = kind === 'group' && groupsServed.has(subject);
      if (vote.fills.includes(key) && !filled.has(key) && !servesGroup) {
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
  approvals: readonly VoteRecorded[],
): ReadonlyMap<string, VoteRecorded> {
  const rank = ({ kind, mandatory }: Entry): number =>
    mandatory ? (kind === 'reviewer' ? 0 : 1) : 2;
  const keys = entries.toSorted((a, b) => rank(a) - rank(b)).map(({ key }) => key);
  const matched = maximumMatching(
    keys,
    approvals.map(({ fills }) => fills),
  );
  const filled = new Map<string, VoteRecorded>();
  for (const [key, person] of matched) {
    const vote = approvals[person];
    if (vote !== undefined) {
      filled.set(key, vote);
    }
  }
  return filled;
}
