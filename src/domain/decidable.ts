import { mayFillEntry } from './decide.js';
import { hasRole, type Voter } from './people.js';
import type { Entry } from './policy.js';
import { shownVersionId, type ReviewState } from './review-state.js';
import { tally } from './tally.js';
import { imaginedApproval } from './waiting.js';

/** What it takes to say whether anybody can still decide a review. */
export type OpenReview = {
  readonly ownerId: string | null;
  readonly state: ReviewState;
  readonly newestVersionId: string;
  /** Every version that may be approved; its author is null for the runtime's seed. */
  readonly versions: readonly { readonly id: string; readonly authorId: string | null }[];
};

/**
 * The entries for which an undecided review lacks people; none while it can still be approved.
 *
 * It can be approved while one of its versions would complete the tally if everybody approved it who
 * may, beside the approvals that stand, or while somebody may use an override that the gate declares.
 *
 * @param people everybody who may fill one of its entries or force it; others make no difference
 */
export function lackedEntries(review: OpenReview, people: readonly Voter[]): readonly Entry[] {
  const { state } = review;
  const { policy, votes } = state;
  if (people.some((person) => mayForce(review, person))) {
    return [];
  }
  const approvers = people.filter((person) => mayFillEntry(review, person));
  const outcomes = review.versions.map(({ id, authorId }) => {
    const approvals = approvers
      .filter((person) => policy.correctionAuthorMayApprove || person.id !== authorId)
      .map((person, index) => imaginedApproval(policy, person, id, state.seq + 1 + index));
    return { id, ...tally(policy, [...votes, ...approvals], id) };
  });
  if (outcomes.some(({ complete }) => complete)) {
    return [];
  }
  const shown = shownVersionId(state, review.newestVersionId);
  return (outcomes.find(({ id }) => id === shown) ?? outcomes.at(-1))?.missing ?? [];
}

/** Whether somebody may use the override that a gate declares: the owner rule holds for it, too. */
function mayForce({ state, ownerId }: OpenReview, person: Voter): boolean {
  const { forceApprovalGroups, selfApproval } = state.policy;
  const ownerMay = hasRole(person, 'admin') && selfApproval === 'admins';
  return (
    person.kind === 'person' &&
    (person.id !== ownerId || ownerMay) &&
    forceApprovalGroups.some((group) => person.groups.includes(group))
  );
}
