import type { Assignee } from './policy.js';
import type { ReviewStatus } from './statuses.js';
import { describeTimeWindow, type TimeWindow } from './time-window.js';

/**
 * Why a command was not carried out: an answer, not a fault.
 *
 * The codes are public and stable. `decide` returns all that apply; every dialect answers the one
 * that its contract ranks first, so a new code here does not compile until each has a line for it.
 */
export type Refusal =
  | { readonly code: 'SERVICE_CANNOT_VOTE'; readonly service: string }
  | { readonly code: 'VERSION_NOT_FOUND'; readonly versionId: string; readonly reviewId: string }
  | { readonly code: 'SELF_APPROVAL'; readonly selfApproval: 'never' | 'admins' }
  | { readonly code: 'NOT_ELIGIBLE'; readonly personId: string; readonly needs: string }
  | { readonly code: 'CORRECTION_AUTHOR'; readonly versionId: string }
  | { readonly code: 'NOT_IN_FORCE_GROUP'; readonly forceGroups: readonly string[] }
  | { readonly code: 'REVIEW_CANCELLED'; readonly reviewId: string }
  | {
      readonly code: 'REVIEW_DECIDED';
      readonly reviewId: string;
      readonly status: ReviewStatus;
      readonly versionId: string | null;
    }
  | { readonly code: 'NOT_APPROVED'; readonly reviewId: string; readonly status: ReviewStatus }
  | { readonly code: 'ALREADY_RELEASED'; readonly reviewId: string; readonly status: ReviewStatus }
  | { readonly code: 'NOT_MANUAL'; readonly reviewId: string }
  | { readonly code: 'NOT_OWNER'; readonly personId: string }
  | { readonly code: 'NOT_ADMIN'; readonly personId: string }
  | {
      readonly code: 'NO_APPROVAL_OF_YOURS';
      readonly reviewId: string;
      readonly personId: string;
    }
  | {
      readonly code: 'TOO_MANY_FACTS';
      readonly reviewId: string;
      readonly personId: string;
      readonly max: number;
      /** Whether it is the person who has acted so often, or everybody together. */
      readonly isOfPerson: boolean;
    }
  | {
      readonly code: 'ENTRY_NOT_FOUND';
      readonly reviewId: string;
      readonly entry: string;
      readonly keys: readonly string[];
    }
  | {
      readonly code: 'ENTRY_FILLED';
      readonly reviewId: string;
      readonly entry: string;
      readonly filledBy: string;
    }
  | { readonly code: 'ASSIGNEE_UNKNOWN'; readonly to: Assignee }
  | { readonly code: 'CORRECTIONS_NOT_ALLOWED'; readonly reviewId: string }
  | {
      readonly code: 'STALE_VERSION';
      readonly versionId: string;
      readonly newestVersionId: string;
    }
  | { readonly code: 'SUPERSEDED_VERSIONS'; readonly versionIds: readonly string[] }
  | { readonly code: 'TIME_WINDOW_SET'; readonly reviewId: string; readonly window: TimeWindow }
  | {
      readonly code: 'OUTSIDE_TIME_WINDOW';
      readonly reviewId: string;
      readonly window: TimeWindow;
    };

export type RefusalCode = Refusal['code'];

/** Says in one sentence why a command was refused, and what to do about it. */
export function explainRefusal(refusal: Refusal): string {
  switch (refusal.code) {
    case 'SERVICE_CANNOT_VOTE':
      return `Only a person's vote fills an entry, and '${refusal.service}' is a service: vote with a person's token.`;
    case 'VERSION_NOT_FOUND':
      return `Version '${refusal.versionId}' does not belong to review '${refusal.reviewId}': list its versions and name one of them.`;
    case 'SELF_APPROVAL':
      return refusal.selfApproval === 'never'
        ? 'You own this run, and its gate never lets the owner approve: ask another reviewer.'
        : 'You own this run, and only an owner who is an admin may approve it: ask another reviewer.';
    case 'NOT_ELIGIBLE':
      return `'${refusal.personId}' may not decide this review: it needs ${refusal.needs}.`;
    case 'CORRECTION_AUTHOR':
      return `You wrote version '${refusal.versionId}', and this gate wants somebody else to approve a correction: ask another reviewer.`;
    case 'NOT_IN_FORCE_GROUP':
      return refusal.forceGroups.length === 0
        ? 'This gate declares no group that may force an approval: vote without force.'
        : `Only members of ${refusal.forceGroups.join(', ')} may force an approval here: vote without force.`;
    case 'REVIEW_CANCELLED':
      return `The run of review '${refusal.reviewId}' was cancelled: there is nothing left to decide.`;
    case 'REVIEW_DECIDED':
      return `Review ${refusal.reviewId} already has a decision.`;
    case 'NOT_APPROVED':
      return `Review '${refusal.reviewId}' is ${refusal.status}, and only an APPROVED review can be withdrawn or released: read it again.`;
    case 'ALREADY_RELEASED':
      return `Review '${refusal.reviewId}' has been released (${refusal.status}): it can no longer be withdrawn or released.`;
    case 'NOT_MANUAL':
      return `Review '${refusal.reviewId}' is released without being asked: its gate does not declare release 'manual'.`;
    case 'NOT_OWNER':
      return `'${refusal.personId}' may not do this: it is for the run's owner or an admin.`;
    case 'NOT_ADMIN':
      return `'${refusal.personId}' may not do this: ask an admin.`;
    case 'NO_APPROVAL_OF_YOURS':
      return `No approval of '${refusal.personId}' stands on review '${refusal.reviewId}', so there is none to take back: read the review again.`;
    case 'TOO_MANY_FACTS':
      return refusal.isOfPerson
        ? `'${refusal.personId}' has acted on review '${refusal.reviewId}' ${refusal.max} times, which is as often as one person may: only a vote that decides it is taken still, so reject it or ask another reviewer.`
        : `Review '${refusal.reviewId}' has ${refusal.max} recorded acts, which is as many as one may have: only a vote that decides it is taken still, so reject it or cancel its run.`;
    case 'ENTRY_NOT_FOUND':
      return `Review '${refusal.reviewId}' has no entry '${refusal.entry}': name one of ${refusal.keys.join(', ')}.`;
    case 'ENTRY_FILLED':
      return `Entry '${refusal.entry}' of review '${refusal.reviewId}' is filled by the approval of '${refusal.filledBy}': reassign one that is open, or have that approval taken back first.`;
    case 'ASSIGNEE_UNKNOWN':
      return refusal.to.kind === 'group'
        ? `Nobody is in group '${refusal.to.subject}': add its members with PUT /v1/users/{id}, or name another group.`
        : `There is no person '${refusal.to.subject}': store them with PUT /v1/users/{id}, or name somebody else.`;
    case 'CORRECTIONS_NOT_ALLOWED':
      return `The gate of review '${refusal.reviewId}' takes no corrections: approve or reject the version that is there.`;
    case 'STALE_VERSION':
      return `Version '${refusal.versionId}' is no longer the newest one, which is '${refusal.newestVersionId}': look at what changed, and vote again.`;
    case 'SUPERSEDED_VERSIONS':
      return `This would discard versions that nobody built on: re-send this request with acknowledged_superseded_version_ids=[${refusal.versionIds.join(', ')}]`;
    case 'TIME_WINDOW_SET':
      return `Review '${refusal.reviewId}' has a time window already (${describeTimeWindow(refusal.window)}), and it can be set only once: vote without one.`;
    case 'OUTSIDE_TIME_WINDOW':
      return `Review '${refusal.reviewId}' may be released from ${describeTimeWindow(refusal.window)} only: ask again then.`;
  }
}
