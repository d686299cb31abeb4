import { describeEntries, isFillableBy, mayFillEntry } from './decide.js';
import type { Voter } from './people.js';
import type { Entry } from './policy.js';
import type { ReviewState } from './review-state.js';
import { tally } from './tally.js';

/** Says what a review waits for, in ids, for Temporal's UI and for `doctor`. */
export function describeWaiting(state: ReviewState, newestVersionId: string): string {
  switch (state.status) {
    case 'PENDING': {
      const { missing, stillNeeded } = tally(state.policy, state.votes, newestVersionId);
      const open = missing.filter(({ kind }) => kind !== 'reviewer').length;
      const any = stillNeeded < open ? ` (any ${stillNeeded} of the groups)` : '';
      return `waiting for ${describeEntries(missing)}${any}`;
    }
    case 'APPROVED':
      return state.policy.release === 'manual' && !state.releaseRequested
        ? 'approved; waiting for its owner to release it'
        : 'approved; claiming the release';
    case 'REJECTED':
      return 'rejected';
    case 'REVOKED':
      return state.cancelled ? 'cancelled with its run' : 'revoked';
  }
}

/** An entry that is still open, and the people who could fill it now. */
export type Missing = { readonly entry: Entry; readonly couldFill: readonly string[] };

/**
 * Which entries of a version are missing, and who could fill each: `explain` of the API.
 *
 * A person who has approved this version already could not fill another entry of the same group.
 */
export function missingEntries(
  review: { readonly ownerId: string | null; readonly state: ReviewState },
  versionId: string,
  people: readonly Voter[],
): readonly Missing[] {
  const { policy, votes } = review.state;
  const { missing, filled } = tally(policy, votes, versionId);
  const approvers = new Set([...filled.values()].map(({ reviewerId }) => reviewerId));
  const free = people.filter((person) => mayFillEntry(review, person) && !approvers.has(person.id));
  return missing.map((entry) => ({
    entry,
    couldFill: free.filter((person) => isFillableBy(entry, person)).map(({ id }) => id),
  }));
}
