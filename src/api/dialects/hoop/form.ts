import { z } from 'zod';
import { explainRefusal, type Refusal, type RefusalCode } from '../../../domain/refusals.js';
import { type Answer, answer } from '../../answer.js';
import type { ApiError } from '../../errors.js';
import { firstByRank } from '../../first-refusal.js';
import { requiredText } from './request.js';

const errorMessage = z
  .object({ message: z.string() })
  .meta({ id: 'HoopError', description: 'Why the request was not carried out.' });

/** The body of every error of this contract. */
export function errorBody(): z.ZodType {
  return errorMessage;
}

const WRONG_STATE = 'review is in wrong state';
const NOT_ELIGIBLE = 'not eligible for review';

/**
 * How a vote is refused here; of several refusals that apply, the one with the lowest rank.
 *
 * Its order of checks: a second time window, the state, self-approval, what only an approval can be
 * followed by, and then who may. Texts are the contract's; null is our own sentence, for what it does
 * not know.
 */
const REFUSALS = {
  VERSION_NOT_FOUND: {
    rank: 1,
    status: 404,
    message: 'failed updating review status: version not found',
  },
  TIME_WINDOW_SET: {
    rank: 2,
    status: 400,
    message: 'failed updating review status: time window can only be set once',
  },
  REVIEW_CANCELLED: { rank: 3, status: 400, message: WRONG_STATE },
  REVIEW_DECIDED: { rank: 3, status: 400, message: WRONG_STATE },
  ALREADY_RELEASED: { rank: 3, status: 400, message: WRONG_STATE },
  SELF_APPROVAL: { rank: 4, status: 400, message: 'unable to self approve review' },
  NOT_APPROVED: { rank: 5, status: 400, message: WRONG_STATE },
  SERVICE_CANNOT_VOTE: { rank: 6, status: 400, message: NOT_ELIGIBLE },
  NOT_OWNER: { rank: 6, status: 400, message: NOT_ELIGIBLE },
  NOT_ADMIN: { rank: 6, status: 400, message: NOT_ELIGIBLE },
  NOT_ELIGIBLE: { rank: 6, status: 400, message: NOT_ELIGIBLE },
  NOT_IN_FORCE_GROUP: { rank: 6, status: 400, message: NOT_ELIGIBLE },
  CORRECTION_AUTHOR: { rank: 6, status: 400, message: NOT_ELIGIBLE },
  STALE_VERSION: { rank: 7, status: 400, message: null },
  SUPERSEDED_VERSIONS: { rank: 7, status: 400, message: null },
  CORRECTIONS_NOT_ALLOWED: { rank: 8, status: 400, message: null },
  NOT_MANUAL: { rank: 8, status: 400, message: null },
  NO_APPROVAL_OF_YOURS: { rank: 8, status: 400, message: null },
  ENTRY_NOT_FOUND: { rank: 8, status: 400, message: null },
  ENTRY_FILLED: { rank: 8, status: 400, message: null },
  ASSIGNEE_UNKNOWN: { rank: 8, status: 400, message: null },
  TOO_MANY_FACTS: { rank: 9, status: 400, message: null },
  OUTSIDE_TIME_WINDOW: { rank: 8, status: 400, message: null },
} as const satisfies Record<
  RefusalCode,
  { readonly rank: number; readonly status: number; readonly message: string | null }
>;

/** Gives an error the form of this contract, `{"message": …}`, at a door with its own word for 404. */
export function formErrorWith(notFoundMessage: string): (error: ApiError) => Answer {
  return (error) => {
    switch (error.code) {
      case 'unauthenticated':
        return say(401, error.header === 'api-key' ? 'unauthorize' : 'access denied', {
          'www-authenticate': 'Bearer',
        });
      case 'forbidden':
        return say(403, 'access denied');
      case 'not_found':
        return say(404, error.what === 'page' ? 'resource not found' : notFoundMessage);
      case 'invalid':
        return formInvalid(error.problems, notFoundMessage);
      case 'refused':
        return formRefusal(error.refusals);
      case 'method_not_allowed':
        return say(405, `${error.method} is not possible here: use ${error.allow}.`, {
          allow: error.allow,
        });
      case 'unsupported_media_type':
        return say(415, error.message);
      case 'too_large':
        return say(413, error.message);
      case 'parent_conflict':
        return say(409, `this content is version '${error.versionId}' already`);
      case 'conflict':
        return say(409, error.message);
      case 'unavailable':
      case 'busy':
        return say(503, error.message, { 'retry-after': '2' });
      case 'internal':
        return say(
          500,
          `something went wrong here: tell an operator the request id '${error.requestId}'`,
        );
    }
  };
}

function formInvalid(
  problems: Extract<ApiError, { code: 'invalid' }>['problems'],
  notFoundMessage: string,
): Answer {
  if (problems.some(({ loc: [part] }) => part === 'path')) {
    // A path of any form that names nothing is just that.
    return say(404, notFoundMessage);
  }
  const [first] = problems;
  const isBodyMissing = first?.type === 'missing' && first.loc.length === 1;
  return say(400, isBodyMissing ? requiredText('Status') : (first?.message ?? ''));
}

function formRefusal(refusals: readonly Refusal[]): Answer {
  const first = firstByRank(refusals, REFUSALS);
  const { status, message } = REFUSALS[first.code];
  return say(status, message ?? explainRefusal(first));
}

function say(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return answer(status, { message }, headers);
}
