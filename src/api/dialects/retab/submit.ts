import { z } from 'zod';
import type { Verdict } from '../../../domain/facts.js';
import type { ReviewRow } from '../../../store/tables.js';
import { type Answer, ok } from '../../answer.js';
import { aftermathOf, type CastVote } from '../../cast-vote.js';
import { type ApiError, notFound, refused, signedOut } from '../../errors.js';
import { readReviewRecord } from '../../review-records.js';
import type { Call } from '../../route.js';
import { firstRefusal } from './form.js';
import { review, showReview } from './review-wire.js';

/** What a submitted decision is answered with. */
export const submitResponse = z
  .object({
    submission_status: z.enum(['accepted', 'already_applied', 'conflict']),
    resume_status: z.enum(['resumed', 'pending', 'failed', 'skipped']),
    resume_error: z.string().nullable(),
    review,
  })
  .meta({ id: 'SubmitResponse' });

type SubmitBody = z.infer<typeof submitResponse>;

/** What was submitted: a vote on a version, or an act on the review itself. */
export type Submission =
  | { readonly kind: 'vote'; readonly verdict: Verdict; readonly versionId: string }
  | { readonly kind: 'withdrawal' | 'reassignment' | 'release' };

/**
 * Answers a submitted decision as the contract's table says.
 *
 * A vote that the review was decided against is a `conflict`, also when it repeats what the same
 * person said before the others decided.
 */
export async function answerSubmission(
  call: Call,
  reviewId: string,
  result: CastVote,
  submission: Submission,
): Promise<Answer | ApiError> {
  switch (result.kind) {
    case 'not_found':
      return notFound('review', reviewId);
    case 'signed_out':
      return signedOut();
    case 'refused': {
      const first = firstRefusal(result.refusals);
      return first.code === 'REVIEW_DECIDED' && submission.kind === 'vote'
        ? await conflict(call, result.review)
        : refused(...result.refusals);
    }
    case 'recorded':
      return await submitted(
        call,
        result,
        // A late vote changes nothing; a withdrawal or a release is always late, and does.
        result.late && submission.kind === 'vote' ? 'already_applied' : 'accepted',
      );
    case 'repeat':
    case 'already': {
      const { review: row } = result;
      if (row.cancelledAt !== null) {
        return refused({ code: 'REVIEW_CANCELLED', reviewId });
      }
      return disagrees(row, submission)
        ? await conflict(call, row)
        : await submitted(call, result, 'already_applied');
    }
  }
}

function disagrees({ verdict, decisionVersionId }: ReviewRow, submission: Submission): boolean {
  return (
    submission.kind === 'vote' &&
    verdict !== null &&
    (verdict !== submission.verdict || decisionVersionId !== submission.versionId)
  );
}

async function submitted(
  call: Call,
  cast: Parameters<typeof aftermathOf>[1],
  status: 'accepted' | 'already_applied',
): Promise<Answer<SubmitBody>> {
  const { record, resume } = await aftermathOf(call, cast);
  return ok({
    submission_status: status,
    resume_status: resume.status,
    resume_error: resume.error,
    review: showReview(record),
  });
}

async function conflict(call: Call, row: ReviewRow): Promise<Answer<SubmitBody>> {
  return ok({
    submission_status: 'conflict',
    resume_status: 'skipped',
    resume_error: `Review ${row.id} already has a decision.`,
    review: showReview(await readReviewRecord(call.deps.db, row)),
  });
}
