import { type Command, decide, fillableEntries, type LockedReview } from './decide.js';
import type { VoteRecorded } from './facts.js';
import type { Voter } from './people.js';
import { entriesOf, type Policy } from './policy.js';
import type { Refusal } from './refusals.js';

/**
 * Whether a gate knows somebody whom a trusted backend names as its reviewer.
 *
 * 1. whom the gate names, or an admin in their place, also when the directory does not (any more);
 * 2. a known person who may fill one of its entries; where it declares none, any known person;
 * 3. whose vote filled an entry when it was recorded: groups that change later do not rewrite that.
 *
 * @param person the reviewer as the directory has them; null for somebody it does not know
 */
export function isDeclaredReviewer(
  policy: Policy,
  reviewerId: string,
  person: Voter | null,
  votes: readonly VoteRecorded[],
): boolean {
  const entries = entriesOf(policy);
  const isOpenToAll = entries.some(({ kind }) => kind === 'anyone');
  return (
    policy.reviewers.some(({ id }) => id === reviewerId) ||
    entries.some(({ kind, subject }) => kind === 'reviewer' && subject === reviewerId) ||
    (person !== null && (isOpenToAll || fillableEntries(policy, person).length > 0)) ||
    votes.some((vote) => vote.reviewerId === reviewerId && vote.fills.length > 0)
  );
}

/** Why an owner who may not approve may not reject, either, where a backend speaks for them. */
export function refuseOwnerRejection(
  review: LockedReview,
  command: Extract<Command, { kind: 'vote' }>,
  voter: Voter,
): readonly Refusal[] {
  const approval = decide(review, { ...command, verdict: 'approved' }, voter);
  const isOwnerOutside =
    command.verdict === 'rejected' &&
    approval.kind === 'refused' &&
    approval.refusals.some(({ code }) => code === 'SELF_APPROVAL');
  return isOwnerOutside
    ? [{ code: 'NOT_ELIGIBLE', personId: voter.id, needs: 'somebody who does not own the run' }]
    : [];
}
