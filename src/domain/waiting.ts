import { describeEntries, fillableEntries, mayFillEntry, type VersionFacts } from './decide.js';
import type { VoteRecorded } from './facts.js';
import type { Voter } from './people.js';
import { type Entry, isGroupEntry, type Policy } from './policy.js';
import type { ReviewState } from './review-state.js';
import { tally } from './tally.js';
import { describeTimeWindow, type TimeWindow } from './time-window.js';

/**
 * Says what a review waits for, in ids, for Temporal's UI and for `doctor`.
 *
 * @param window the hours in which it may go on, for those who know of them
 */
export function describeWaiting(
  state: ReviewState,
  newestVersionId: string,
  window: TimeWindow | null = null,
): string {
  switch (state.status) {
    case 'PENDING': {
      const { missing, stillNeeded } = tally(state.policy, state.votes, newestVersionId);
      const open = missing.filter(isGroupEntry).length;
      const any = stillNeeded < open ? ` (any ${stillNeeded} of the groups)` : '';
      return `waiting for ${describeEntries(state.policy, missing)}${any}`;
    }
    case 'APPROVED':
      if (state.policy.release === 'manual' && !state.releaseRequested) {
        return `approved; waiting for its owner to release it${window === null ? '' : `, ${describeHours(window)}`}`;
      }
      if (window !== null) {
        return `approved; ${describeHours(window)}`;
      }
      return typeof state.policy.release === 'object'
        ? 'approved; released once its time to undo has passed'
        : 'approved; released as soon as its run goes on';
    case 'REJECTED':
      return `rejected${describeRefusal(state.policy)}`;
    case 'REVOKED':
      return state.cancelled ? 'cancelled with its run' : `revoked${describeRefusal(state.policy)}`;
  }
}

/** What a refusal comes to where it does not cancel the run. */
function describeRefusal({ onReject }: Policy): string {
  switch (onReject) {
    case 'cancel_run':
      return '';
    case 'drop':
      return '; its iteration is left out';
    case 'continue':
      return '; the run goes on without it';
  }
}

function describeHours(window: TimeWindow): string {
  return `may be executed from ${describeTimeWindow(window)}`;
}

/** An entry that is still open, and the people who could fill it now. */
export type Missing = { readonly entry: Entry; readonly couldFill: readonly string[] };

/**
 * Which entries of a version are missing, and who could fill each: `explain` of the API.
 *
 * Somebody could fill an entry when their approval, if they gave it now, would leave it filled: also
 * by freeing another person for it, where a person fills one entry only.
 */
export function missingEntries(
  review: { readonly ownerId: string | null; readonly state: ReviewState },
  version: Pick<VersionFacts, 'id' | 'authorId'>,
  people: readonly Voter[],
): readonly Missing[] {
  const { policy, votes } = review.state;
  const { missing } = tally(policy, votes, version.id);
  const wouldFill = people
    .filter((person) => mayFillEntry(review, person))
    .filter(({ id }) => policy.correctionAuthorMayApprove || id !== version.authorId)
    .map((person) => {
      const vote = imaginedApproval(policy, person, version.id, review.state.seq + 1);
      return { id: person.id, filled: tally(policy, [...votes, vote], version.id).filled };
    });
  return missing.map((entry) => ({
    entry,
    // Of several open entries of one group an approval fills the first; it might as well be this one.
    couldFill: wouldFill
      .filter(({ filled }) => missing.some((one) => isAlike(one, entry) && filled.has(one.key)))
      .map(({ id }) => id),
  }));
}

function isAlike(one: Entry, other: Entry): boolean {
  return one.kind === other.kind && one.subject === other.subject;
}

/** The approval that somebody would give, for questions of the form "what if". */
export function imaginedApproval(
  policy: Policy,
  person: Voter,
  versionId: string,
  seq: number,
): VoteRecorded {
  return {
    kind: 'vote',
    seq,
    id: '',
    reviewerId: person.id,
    versionId,
    verdict: 'approved',
    fills: fillableEntries(policy, person).map(({ key }) => key),
    forced: false,
    actingFor: null,
  };
}
