import { fillableEntries, mayFillEntry } from './decide.js';
import type { Voter } from './people.js';
import { type Entry, entriesOf, type Policy } from './policy.js';
import { openedReview } from './review-state.js';
import { tally } from './tally.js';
import { imaginedApproval } from './waiting.js';

/** What would become of a gate if everybody who may approve did. */
export type GateOutlook = {
  /** Whether that would be enough. */
  readonly satisfiable: boolean;
  /** Every entry, and the people who may fill it. */
  readonly entries: readonly { readonly entry: Entry; readonly couldFill: readonly string[] }[];
};

/**
 * What today's people can make of a gate that has not opened yet.
 *
 * @param ownerId the owner of the run, who may be kept from approving; null for a run without one
 */
export function gateOutlook(
  policy: Policy,
  people: readonly Voter[],
  ownerId: string | null,
): GateOutlook {
  const approvers = people.filter((person) =>
    mayFillEntry({ ownerId, state: openedReview(policy) }, person),
  );
  const votes = approvers.map((person, index) =>
    imaginedApproval(policy, person, VERSION, index + 1),
  );
  return {
    satisfiable: tally(policy, votes, VERSION).complete,
    entries: entriesOf(policy).map((entry) => ({
      entry,
      couldFill: votes.flatMap(({ reviewerId, fills }) =>
        fills.includes(entry.key) ? [reviewerId] : [],
      ),
    })),
  };
}

/** What a gate means for one person, as a reviewer and as the owner of the run. */
export type PersonOutlook = {
  /** The keys of the entries that they may fill of somebody else's run. */
  readonly canFill: readonly string[];
  /** The same of a run of their own: none, where the gate keeps owners out. */
  readonly canFillAsOwner: readonly string[];
  /** Whether the gate of a run of theirs can be satisfied at all. */
  readonly satisfiableAsOwner: boolean;
};

/** What a gate means for one of today's people. */
export function personOutlook(
  policy: Policy,
  people: readonly Voter[],
  person: Voter,
): PersonOutlook {
  const keys = fillableEntries(policy, person).map(({ key }) => key);
  const mayAsOwner = mayFillEntry({ ownerId: person.id, state: openedReview(policy) }, person);
  return {
    canFill: keys,
    canFillAsOwner: mayAsOwner ? keys : [],
    satisfiableAsOwner: gateOutlook(policy, people, person.id).satisfiable,
  };
}

const VERSION = 'any';
