import { explainRefusal, type Refusal, type RefusalCode } from '../../../domain/refusals.js';
import type { Json } from '../../../domain/json.js';
import { type Answer, answer } from '../../answer.js';
import { asSentence, type ApiError, type Named } from '../../errors.js';
import { firstByRank } from '../../first-refusal.js';

/**
 * How this contract answers each refusal; of several that apply, the one with the lowest rank.
 *
 * Its order of checks: the version exists, the caller is eligible, then the state of the review.
 */
const REFUSALS = {
  VERSION_NOT_FOUND: { rank: 1, status: 404, code: 'version_not_found' },
  SERVICE_CANNOT_VOTE: { rank: 2, status: 403, code: 'not_eligible' },
  SELF_APPROVAL: { rank: 3, status: 403, code: 'self_approval' },
  NOT_OWNER: { rank: 4, status: 403, code: 'not_eligible' },
  NOT_ELIGIBLE: { rank: 5, status: 403, code: 'not_eligible' },
  NOT_IN_FORCE_GROUP: { rank: 6, status: 403, code: 'not_eligible' },
  CORRECTION_AUTHOR: { rank: 7, status: 403, code: 'not_eligible' },
  NOT_ADMIN: { rank: 4, status: 403, code: 'not_eligible' },
  ENTRY_NOT_FOUND: { rank: 1, status: 404, code: 'entry_not_found' },
  ASSIGNEE_UNKNOWN: { rank: 8, status: 404, code: 'assignee_not_found' },
  CORRECTIONS_NOT_ALLOWED: { rank: 8, status: 403, code: 'not_eligible' },
  REVIEW_CANCELLED: { rank: 9, status: 409, code: 'review_cancelled' },
  REVIEW_DECIDED: { rank: 10, status: 409, code: 'review_decided' },
  ALREADY_RELEASED: { rank: 11, status: 409, code: 'already_released' },
  NOT_APPROVED: { rank: 12, status: 409, code: 'not_approved' },
  NOT_MANUAL: { rank: 13, status: 409, code: 'not_manual' },
  NO_APPROVAL_OF_YOURS: { rank: 13, status: 409, code: 'no_approval_of_yours' },
  ENTRY_FILLED: { rank: 13, status: 409, code: 'entry_filled' },
  TOO_MANY_FACTS: { rank: 17, status: 409, code: 'too_many_facts' },
  STALE_VERSION: { rank: 14, status: 409, code: 'stale_version' },
  SUPERSEDED_VERSIONS: { rank: 14, status: 409, code: 'superseded_versions' },
  TIME_WINDOW_SET: { rank: 15, status: 409, code: 'time_window_set' },
  OUTSIDE_TIME_WINDOW: { rank: 16, status: 409, code: 'outside_time_window' },
} as const satisfies Record<
  RefusalCode,
  { readonly rank: number; readonly status: number; readonly code: string }
>;

const NOT_FOUND = {
  review: 'review_not_found',
  version: 'version_not_found',
  run: 'run_not_found',
  step: 'step_not_found',
  workflow: 'workflow_not_found',
  user: 'user_not_found',
  token: 'token_not_found',
  snapshot: 'snapshot_not_found',
  link: 'sign_in_link_not_found',
  page: 'not_found',
} as const satisfies Record<Named, string>;

/** The refusal that this contract answers, of all that apply. */
export function firstRefusal(refusals: readonly Refusal[]): Refusal {
  return firstByRank(refusals, REFUSALS);
}

/** Gives an error the form of this contract: `{"detail": …}`, a list for malformed input. */
export function formError(error: ApiError): Answer {
  switch (error.code) {
    case 'invalid':
      return answer(422, {
        detail: error.problems.map(({ loc, message, type }) => ({ loc, msg: message, type })),
      });
    case 'unauthenticated':
      return domainError(401, error.code, error.message, {}, { 'www-authenticate': 'Bearer' });
    case 'forbidden':
      return domainError(403, error.code, error.message);
    case 'not_found':
      return domainError(404, NOT_FOUND[error.what], error.message);
    case 'method_not_allowed':
      return domainError(
        405,
        error.code,
        `${error.method} is not possible here: use ${error.allow}.`,
        {},
        { allow: error.allow },
      );
    case 'unsupported_media_type':
      return domainError(415, error.code, error.message);
    case 'too_large':
      return domainError(413, `${error.what}_too_large`, error.message, {
        max_bytes: error.maxBytes,
      });
    case 'refused':
      return refusalError(firstRefusal(error.refusals));
    case 'parent_conflict':
      return domainError(
        409,
        error.code,
        `This content is version '${error.versionId}' already, under another parent: use that version, or name its parent.`,
        {
          version_id: error.versionId,
          existing_parent_id: error.existingParentId,
          requested_parent_id: error.requestedParentId,
        },
      );
    case 'conflict':
      return domainError(409, error.reason, error.message);
    case 'unavailable':
    case 'busy':
      return domainError(503, error.code, asSentence(error.message), {}, { 'retry-after': '2' });
    case 'internal':
      return domainError(
        500,
        'internal_error',
        `Something went wrong here: tell an operator the request id '${error.requestId}'.`,
      );
  }
}

function refusalError(refusal: Refusal): Answer {
  const { status, code } = REFUSALS[refusal.code];
  return domainError(status, code, explainRefusal(refusal), detailsOf(refusal));
}

function detailsOf(refusal: Refusal): { readonly [key: string]: Json } {
  switch (refusal.code) {
    case 'STALE_VERSION':
      return { newest_version_id: refusal.newestVersionId };
    case 'SUPERSEDED_VERSIONS':
      return { version_ids: refusal.versionIds };
    case 'REVIEW_DECIDED':
      return {
        review_id: refusal.reviewId,
        status: refusal.status,
        version_id: refusal.versionId,
      };
    case 'ENTRY_NOT_FOUND':
      return { entries: refusal.keys };
    case 'ENTRY_FILLED':
      return { review_id: refusal.reviewId, entry: refusal.entry, filled_by: refusal.filledBy };
    case 'TOO_MANY_FACTS':
      return { review_id: refusal.reviewId, max: refusal.max };
    case 'NOT_APPROVED':
    case 'ALREADY_RELEASED':
      return { review_id: refusal.reviewId, status: refusal.status };
    default:
      return {};
  }
}

function domainError(
  status: number,
  code: string,
  message: string,
  details: { readonly [key: string]: Json } = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return answer(status, { detail: { code, message, details } }, headers);
}
