import { explainRefusal, type Refusal, type RefusalCode } from '../../../domain/refusals.js';
import type { Answer } from '../../answer.js';
import { asSentence, type ApiError, type InvalidInput } from '../../errors.js';
import { firstByRank } from '../../first-refusal.js';
import { fail, type StatusWord } from './status.js';

const NOT_ELIGIBLE = 'not eligible for review';

/**
 * How a vote is refused here; of several refusals that apply, the one with the lowest rank.
 *
 * Its order of checks: the version, the state of the review, self-approval, who may, and then what
 * this contract has no way to say. Texts are the contract's; null is our own sentence.
 */
const REFUSALS = {
  VERSION_NOT_FOUND: { rank: 1, status: 'NOT_FOUND', message: null },
  REVIEW_CANCELLED: { rank: 2, status: 'FAILED_PRECONDITION', message: null },
  REVIEW_DECIDED: { rank: 2, status: 'FAILED_PRECONDITION', message: null },
  ALREADY_RELEASED: { rank: 2, status: 'FAILED_PRECONDITION', message: null },
  NOT_APPROVED: { rank: 2, status: 'FAILED_PRECONDITION', message: null },
  SELF_APPROVAL: { rank: 3, status: 'PERMISSION_DENIED', message: 'unable to self approve review' },
  SERVICE_CANNOT_VOTE: { rank: 4, status: 'PERMISSION_DENIED', message: NOT_ELIGIBLE },
  NOT_OWNER: { rank: 4, status: 'PERMISSION_DENIED', message: NOT_ELIGIBLE },
  NOT_ELIGIBLE: { rank: 4, status: 'PERMISSION_DENIED', message: NOT_ELIGIBLE },
  NOT_ADMIN: { rank: 4, status: 'PERMISSION_DENIED', message: NOT_ELIGIBLE },
  NOT_IN_FORCE_GROUP: { rank: 4, status: 'PERMISSION_DENIED', message: null },
  CORRECTION_AUTHOR: { rank: 5, status: 'PERMISSION_DENIED', message: null },
  CORRECTIONS_NOT_ALLOWED: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  STALE_VERSION: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  SUPERSEDED_VERSIONS: {
    rank: 6,
    status: 'FAILED_PRECONDITION',
    message:
      'This would discard versions that nobody built on, and its gate wants that acknowledged: approve it through the reviews API.',
  },
  TIME_WINDOW_SET: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  OUTSIDE_TIME_WINDOW: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  NOT_MANUAL: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  NO_APPROVAL_OF_YOURS: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  ENTRY_NOT_FOUND: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  ENTRY_FILLED: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  ASSIGNEE_UNKNOWN: { rank: 6, status: 'FAILED_PRECONDITION', message: null },
  TOO_MANY_FACTS: { rank: 7, status: 'FAILED_PRECONDITION', message: null },
} as const satisfies Record<
  RefusalCode,
  { readonly rank: number; readonly status: StatusWord; readonly message: string | null }
>;

/** Gives an error the form of this contract: `{"error": {"message", "status"}}`. */
export function formError(error: ApiError): Answer {
  switch (error.code) {
    case 'unauthenticated':
      return fail('UNAUTHENTICATED', error.message);
    case 'forbidden':
      return fail('PERMISSION_DENIED', error.message);
    case 'not_found':
      return fail('NOT_FOUND', error.message);
    case 'invalid':
      return formInvalid(error.problems);
    case 'refused':
      return formRefusals(error.refusals);
    case 'method_not_allowed':
    case 'unsupported_media_type':
      return badRequest();
    case 'too_large':
      return fail('INVALID_ARGUMENT', error.message);
    case 'parent_conflict':
      return fail('ALREADY_EXISTS', `This content is version '${error.versionId}' already.`);
    case 'conflict':
      return fail('FAILED_PRECONDITION', error.message);
    case 'unavailable':
    case 'busy':
      return fail('UNAVAILABLE', asSentence(error.message), null, { 'retry-after': '2' });
    case 'internal':
      return fail('INTERNAL', 'INTERNAL');
  }
}

function badRequest(): Answer {
  return fail('INVALID_ARGUMENT', 'Bad Request');
}

/** Problems of a header speak for themselves, those of `data` are listed; all others are one word. */
function formInvalid(problems: readonly InvalidInput[]): Answer {
  const [first] = problems;
  if (first?.loc[0] === 'header') {
    return fail('INVALID_ARGUMENT', first.message);
  }
  const isOfData = problems.every(({ loc: [part, key] }) => part === 'body' && key === 'data');
  return isOfData
    ? fail('INVALID_ARGUMENT', 'The data is not valid: correct what details.issues names.', {
        issues: problems.map(({ loc, message, type }) => ({
          code: type,
          path: loc.slice(2),
          message,
        })),
      })
    : badRequest();
}

function formRefusals(refusals: readonly Refusal[]): Answer {
  const first = firstByRank(refusals, REFUSALS);
  const { status, message } = REFUSALS[first.code];
  return fail(status, message ?? explainRefusal(first));
}
