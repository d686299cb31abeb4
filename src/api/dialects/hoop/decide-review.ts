import type { Answer } from '../../answer.js';
import { ok } from '../../answer.js';
import { afterCommit, castVote } from '../../cast-vote.js';
import { type ApiError, invalid, notFound, refused, signedOut } from '../../errors.js';
import type { ReviewRow } from '../../../store/tables.js';
import type { Call } from '../../route.js';
import { findNamedReview } from './find-review.js';
import { parseReviewRequest, type ReviewRequest } from './request.js';
import { type ReviewBody, showReview, showReviews } from './review-wire.js';

/** Approves, rejects or revokes a review; what is wrong is told in the contract's order of checks. */
export async function decideReview(
  call: Call,
  id: string,
  body: unknown,
): Promise<Answer<ReviewBody> | ApiError> {
  const request = parseReviewRequest(body);
  if ('message' in request) {
    return malformed(request.message);
  }
  const row = await findNamedReview(call, id);
  if (row === null) {
    return notFound('review', id);
  }
  const { verdict } = request;
  if (verdict === null) {
    return refuseUnknownStatus(row, request);
  }
  const command = {
    kind: 'vote',
    verdict,
    versionId: request.versionId,
    force: request.force,
    mayWithdraw: true,
    refusedWhenFinal: true,
    timeWindow: request.timeWindow,
    acknowledgedVersionIds: request.acknowledgedVersionIds,
  } as const;
  const isReasonKept = verdict === 'rejected' && request.rejectionReason !== '';
  const reason = isReasonKept ? request.rejectionReason : null;
  const result = await castVote(call, row.id, { command, reason });
  switch (result.kind) {
    case 'not_found':
      return notFound('review', id);
    case 'signed_out':
      return signedOut();
    case 'refused':
      return refused(...result.refusals);
    case 'recorded':
    case 'repeat':
    case 'already':
      return ok(await showDecided(call, result.review));
  }
}

/** A status that nobody can ask for: a second time window is told before it. */
function refuseUnknownStatus(row: ReviewRow, { timeWindow }: ReviewRequest): ApiError {
  return timeWindow !== null && row.timeWindow !== null
    ? refused({ code: 'TIME_WINDOW_SET', reviewId: row.id, window: row.timeWindow })
    : malformed('failed updating review status: unknown status');
}

function malformed(message: string): ApiError {
  return invalid({ loc: ['body'], message, type: 'value_error' });
}

/**
 * The review as this vote left it, although its workflow may have gone on since.
 *
 * It does not fail: the vote is durable, and an error would make the caller vote again.
 */
async function showDecided(call: Call, row: ReviewRow): Promise<ReviewBody> {
  const bare = showReview({ row, entries: [], facts: [] }, new Map());
  const read = async (): Promise<ReviewBody> => {
    const [shown] = await showReviews(call.deps.db, row.projectId, [row]);
    return shown ?? bare;
  };
  return await afterCommit(call, read, bare);
}
