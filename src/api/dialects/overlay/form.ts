import { z } from 'zod';
import { explainRefusal, type Refusal, type RefusalCode } from '../../../domain/refusals.js';
import { type Answer, answer } from '../../answer.js';
import type { ApiError } from '../../errors.js';
import { firstByRank } from '../../first-refusal.js';
import { invalidInput } from '../retab/error-wire.js';
import { formError as retabError } from '../retab/form.js';

/** The statuses of refusals, in the order in which this contract answers one of several. */
const REFUSALS = {
  VERSION_NOT_FOUND: { rank: 1, status: 404 },
  SERVICE_CANNOT_VOTE: { rank: 2, status: 403 },
  SELF_APPROVAL: { rank: 3, status: 403 },
  NOT_OWNER: { rank: 4, status: 403 },
  NOT_ELIGIBLE: { rank: 5, status: 403 },
  NOT_IN_FORCE_GROUP: { rank: 6, status: 403 },
  CORRECTION_AUTHOR: { rank: 7, status: 403 },
  NOT_ADMIN: { rank: 4, status: 403 },
  ENTRY_NOT_FOUND: { rank: 1, status: 404 },
  ASSIGNEE_UNKNOWN: { rank: 8, status: 404 },
  CORRECTIONS_NOT_ALLOWED: { rank: 8, status: 403 },
  REVIEW_CANCELLED: { rank: 9, status: 409 },
  REVIEW_DECIDED: { rank: 10, status: 409 },
  ALREADY_RELEASED: { rank: 11, status: 409 },
  NOT_APPROVED: { rank: 12, status: 409 },
  NOT_MANUAL: { rank: 13, status: 409 },
  NO_APPROVAL_OF_YOURS: { rank: 13, status: 409 },
  ENTRY_FILLED: { rank: 13, status: 409 },
  TOO_MANY_FACTS: { rank: 17, status: 409 },
  STALE_VERSION: { rank: 14, status: 409 },
  SUPERSEDED_VERSIONS: { rank: 14, status: 409 },
  TIME_WINDOW_SET: { rank: 15, status: 409 },
  OUTSIDE_TIME_WINDOW: { rank: 16, status: 409 },
} as const satisfies Record<RefusalCode, { readonly rank: number; readonly status: number }>;

const sentence = z.object({ detail: z.string() }).meta({
  id: 'OverlayError',
  description: 'Why the request was not carried out, and what to do.',
});

/** The body that errors of a status have in this contract. */
export function errorBody(status: number): z.ZodType {
  return status === 422 ? invalidInput : sentence;
}

/** The refusal that this contract answers, of all that apply. */
export function firstRefusal(refusals: readonly Refusal[]): Refusal {
  return firstByRank(refusals, REFUSALS);
}

/** An error of one sentence. */
export function saying(status: number, detail: string): Answer {
  return answer(status, { detail });
}

/** Gives an error the form of this contract: `{"detail": "one sentence"}`, a list for malformed input. */
export function formError(error: ApiError): Answer {
  if (error.code === 'refused') {
    const first = firstRefusal(error.refusals);
    return saying(REFUSALS[first.code].status, explainRefusal(first));
  }
  const formed = retabError(error);
  return error.code === 'invalid'
    ? formed
    : answer(formed.status, { detail: messageOf(formed.body) }, formed.headers);
}

const withMessage = z.object({ detail: z.object({ message: z.string() }) });

function messageOf(body: unknown): string {
  return withMessage.parse(body).detail.message;
}
