import { z } from 'zod';
import { isTerminal, type ReviewStatus } from '../../../domain/statuses.js';
import { checkIJson, isIJson } from '../../../rules/canonical.js';
import type { ClaimedVoteResult } from '../../../store/claimed-vote.js';
import { type Answer, ok } from '../../answer.js';
import { atPlace } from '../../check-snapshot.js';
import { type ApiError, forbidden } from '../../errors.js';
import { jsonObject, text } from '../../fields.js';
import { route } from '../../route.js';
import { unstorableText } from '../../unstorable-text.js';
import { claimVote, noStep, refuseClaim } from './claim-vote.js';
import { velt } from './dialect.js';
import { id, reason, request, result, tag } from './envelope.js';
import { fail } from './status.js';

const ACTIONS = {
  'reviewer-approve': { verdict: 'approved', force: false },
  'reviewer-reject': { verdict: 'rejected', force: false },
  'force-approve': { verdict: 'approved', force: true },
  'force-reject': { verdict: 'rejected', force: true },
  'force-complete': null,
  'force-fail': null,
} as const;

const action = z.enum([
  'reviewer-approve',
  'reviewer-reject',
  'force-approve',
  'force-reject',
  'force-complete',
  'force-fail',
]);

const resolveRequest = request('VeltResolveRequest', {
  executionId: id,
  stepId: id,
  action,
  actorId: text(256).min(1),
  output: jsonObject.optional(),
  reason: reason.optional(),
});

type Resolution = z.infer<typeof resolveRequest>['data'];

/** Decides on a step in somebody's name, and past its reviewers where its gate lets them. */
export const resolve = route({
  id: 'velt.steps.resolve',
  method: 'post',
  path: '/v2/workflow/steps/resolve',
  summary: "Records a reviewer's vote on a human step, or the override that its gate declares.",
  tag,
  dialect: velt,
  body: resolveRequest,
  responses: {
    200: result('VeltResolveResult', {
      resolved: z.boolean(),
      executionId: z.string(),
      stepId: z.string(),
      action,
    }),
  },
  furtherErrors: [501],
  handle: async (call, { body: { data } }) => {
    const unkept = checkOutput(data);
    if (unkept !== null) {
      return unkept;
    }
    const act = ACTIONS[data.action];
    if (act === null) {
      return fail(
        'UNIMPLEMENTED',
        `'${data.action}' is not served: it would let an output through that nobody approved, or settle a step that runs.`,
      );
    }
    const { force, verdict } = act;
    const scope = force ? 'admin' : 'reviews:vote-as';
    if (!call.actor.scopes.includes(scope)) {
      return forbidden(
        `'${data.action}' needs a service token with the scope '${scope}': ask an admin for one.`,
      );
    }
    const { executionId: runId, stepId, actorId: reviewerId, output = null } = data;
    const voted = await claimVote(call, {
      runId,
      stepId,
      reviewerId,
      verdict,
      reason: data.reason,
      versionId: null,
      override: { action: data.action, force, output },
    });
    return answerResolution(data, force, voted);
  },
});

/** What the audit is to keep must be text that it can keep. */
function checkOutput({ output }: Resolution): ApiError | null {
  if (output === undefined) {
    return null;
  }
  const problems = isIJson(output) ? unstorableText(output) : checkIJson(output);
  return problems.length === 0 ? null : atPlace(problems, ['body', 'data', 'output']);
}

function answerResolution(
  data: Resolution,
  force: boolean,
  voted: ClaimedVoteResult,
): Answer | ApiError {
  const { executionId, stepId, actorId } = data;
  switch (voted.kind) {
    case 'not_found':
      return force
        ? fail('FAILED_PRECONDITION', 'resolveStep not applied: step-not-found')
        : noStep(executionId, stepId);
    case 'not_declared':
      return fail(
        'PERMISSION_DENIED',
        `'${actorId}' is not a declared reviewer of step '${stepId}': name one of its reviewers.`,
      );
    case 'unknown_person':
      return fail(
        'PERMISSION_DENIED',
        `'${actorId}' is not in the directory, so nobody can decide in their name: ask an admin to add them.`,
      );
    case 'voted_before':
      return voted.isSame
        ? showResolved(data, voted.review.status)
        : fail(
            'FAILED_PRECONDITION',
            `'${actorId}' has already decided on step '${stepId}', the other way: the first decision stands.`,
          );
    case 'recorded':
      return showResolved(data, voted.result.review.status);
    default:
      return refuseClaim(voted, stepId);
  }
}

function showResolved(
  { executionId, stepId, action: done }: Resolution,
  status: ReviewStatus,
): Answer {
  return ok({ result: { resolved: isTerminal(status), executionId, stepId, action: done } });
}
