import { z } from 'zod';
import { ok } from '../../answer.js';
import { versionId } from '../../fields.js';
import { route } from '../../route.js';
import { claimVote, noStep, refuseClaim } from './claim-vote.js';
import { velt } from './dialect.js';
import { aggregatorStatus, id, reason, request, result, showAggregator, tag } from './envelope.js';
import { fail } from './status.js';

/** Records the decision of a reviewer whom the calling backend names. */
export const recordDecision = route({
  id: 'velt.steps.recordReviewerDecision',
  method: 'post',
  path: '/v2/workflow/steps/recordReviewerDecision',
  summary: 'Records, for the reviewer it names, a decision on a waiting human step.',
  tag,
  dialect: velt,
  body: request('VeltDecisionRequest', {
    executionId: id,
    stepId: id,
    reviewerId: id,
    decision: z.enum(['approve', 'reject']),
    reason: reason.optional(),
    versionId: versionId.optional(),
  }),
  responses: {
    200: result('VeltDecisionResult', {
      recorded: z.boolean(),
      aggregatorStatus,
      resumeScheduled: z.boolean(),
      rejectionReason: z.literal('idempotent').optional(),
    }),
  },
  handle: async (call, { body: { data } }) => {
    const { executionId: runId, stepId, reviewerId, decision } = data;
    const voted = await claimVote(call, {
      runId,
      stepId,
      reviewerId,
      verdict: decision === 'approve' ? 'approved' : 'rejected',
      reason: data.reason,
      versionId: data.versionId ?? null,
      override: null,
    });
    switch (voted.kind) {
      case 'not_found':
        return noStep(runId, stepId);
      case 'not_declared':
        return fail(
          'INVALID_ARGUMENT',
          `'${reviewerId}' is not a declared reviewer of step '${stepId}': name one of its reviewers.`,
        );
      case 'voted_before':
        return ok({
          result: {
            recorded: false,
            aggregatorStatus: showAggregator(voted.review.status),
            resumeScheduled: false,
            rejectionReason: 'idempotent',
          },
        });
      case 'unknown_person':
        return fail(
          'FAILED_PRECONDITION',
          `'${reviewerId}' is not in the directory, so nobody can decide in their name: ask an admin to add them.`,
        );
      case 'recorded':
        return ok({
          result: {
            recorded: true,
            aggregatorStatus: showAggregator(voted.result.review.status),
            resumeScheduled: voted.result.kind === 'recorded' && voted.result.settled,
          },
        });
      default:
        return refuseClaim(voted, stepId);
    }
  },
});
