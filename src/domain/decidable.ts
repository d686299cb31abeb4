import { describeEntries, type LockedReview, mayFillEntry, mayForceApproval } from './decide.js';
import type { Voter } from './people.js';
import type { Entry, Policy } from './policy.js';
import { shownVersionId } from './review-state.js';
import { standingVotes, type Tally, tally } from './tally.js';
import { imaginedApproval } from './waiting.js';

/** What it takes to say whether anybody can still decide a review. */
export type OpenReview = Pick<LockedReview, 'ownerId' | 'state' | 'versions'>;

/**
 * The entries for which an undecided review lacks people; none while it can still be approved, and for one
 * that is decided.
 *
 * It can be approved while one of its versions would complete the tally if everybody approved it who
 * may, beside the approvals that stand, or while somebody may use an override that the gate declares.
 * What is left of one that cannot is a rejection, the end of its run, or an admin: `explain`, doctor, and the
 * answer to a change of the directory all go by this.
 *
 * @param people everybody who may fill one of its entries or force it; others make no difference
 * @returns what the version that is shown lacks, the newest as a rule
 */
export function lackedEntries(review: OpenReview, people: readonly Voter[]): readonly Entry[] {
  const { state, versions } = review;
  if (state.status !== 'PENDING' || people.some((person) => mayForceApproval(review, person))) {
    return [];
  }
  const approvers = people.filter((person) => mayFillEntry(review, person));
  const outcomes = versions.map((version) => bestOutcome(review, version, approvers));
  if (outcomes.some(({ complete }) => complete)) {
    return [];
  }
  const shown = shownVersionId(state, versions.at(-1)?.id ?? '');
  return outcomes[versions.findIndex(({ id }) => id === shown)]?.missing ?? [];
}

/** Of so many who have approved already it is asked whether they had better do so again; the others do not. */
const ASKED_AGAIN = 6;

/**
 * The best that can come of a version when everybody approves it who may.
 *
 * Nobody who has approved need do so again, and lose by it what they could fill then: their groups may have
 * changed since, and entries been reassigned. So both are tried.
 */
function bestOutcome(
  { state: { policy, votes, seq } }: OpenReview,
  { id: versionId, authorId }: OpenReview['versions'][number],
  approvers: readonly Voter[],
): Tally {
  const hopes = approvers
    .filter(({ id }) => policy.correctionAuthorMayApprove || id !== authorId)
    .map((person, index) => imaginedApproval(policy, person, versionId, seq + 1 + index));
  const haveApproved = new Set(
    standingVotes(votes)
      .filter((vote) => vote.verdict === 'approved' && vote.versionId === versionId)
      .map(({ reviewerId }) => reviewerId),
  );
  const first = hopes.filter(({ reviewerId }) => !haveApproved.has(reviewerId));
  const again = hopes.filter(({ reviewerId }) => haveApproved.has(reviewerId));
  const whenKept = tally(policy, [...votes, ...first], versionId);
  return choicesOf(again.slice(0, ASKED_AGAIN)).reduce((best, some) => {
    const outcome = tally(policy, [...votes, ...first, ...some], versionId);
    return isBetter(outcome, best) ? outcome : best;
  }, whenKept);
}

function isBetter(one: Tally, other: Tally): boolean {
  return one.complete === other.complete ? one.missing.length < other.missing.length : one.complete;
}

/** Every choice of one or more of them. */
function choicesOf<T>(of: readonly T[]): readonly (readonly T[])[] {
  return of.reduce<readonly (readonly T[])[]>(
    (before, one) => [...before, ...before.map((some) => [...some, one]), [one]],
    [],
  );
}

/** Says what nobody can give, and what is to be done about it: `nobody can give it (reviewer u_cfo): an admin …`. */
export function describeLack(policy: Policy, lacked: readonly Entry[]): string {
  return `nobody can give it (${describeEntries(policy, lacked)}): ${WAY_OUT}`;
}

/** What is left where nobody can decide, in the same words wherever that is said. */
export const WAY_OUT =
  'an admin can add somebody who can (PUT /v1/users/{id}) or reassign the entry (POST /v1/workflows/reviews/{id}/reassign), or the run be cancelled';
