import type { Command } from '../../../domain/decide.js';
import {
  type ClaimedVote,
  type ClaimedVoteResult,
  recordClaimedVote,
} from '../../../store/claimed-vote.js';
import type { ReviewRow } from '../../../store/tables.js';
import type { Answer } from '../../answer.js';
import { tellOfVote } from '../../cast-vote.js';
import type { ApiError } from '../../errors.js';
import { forbidden, notFound, refused, SIGNED_OUT } from '../../errors.js';
import type { Call } from '../../route.js';
import { fail } from './status.js';

/** A vote as a request names it. */
type Claim = Pick<ClaimedVote, 'runId' | 'stepId' | 'reviewerId' | 'override'> & {
  readonly verdict: 'approved' | 'rejected';
  readonly reason: string | undefined;
  readonly versionId: string | null;
};

/** Records a vote for the reviewer whom the backend names, and tells the workflow that waits. */
export async function claimVote(call: Call, claim: Claim): Promise<ClaimedVoteResult> {
  const { deps, actor, dialect } = call;
  const { verdict, versionId, reason = '', ...about } = claim;
  const command: Extract<Command, { kind: 'vote' }> = {
    kind: 'vote',
    verdict,
    versionId,
    force: claim.override?.force === true && verdict === 'approved',
    mayWithdraw: false,
    refusedWhenFinal: true,
    timeWindow: null,
    acknowledgedVersionIds: [],
  };
  const vote = {
    ...about,
    command,
    reason: reason === '' ? null : reason,
    dialect: dialect.name,
    maxAgeMs: deps.voteAsMaxAgeMs ?? null,
  };
  const voted = await deps.turns.ofRun(claim.runId, () =>
    recordClaimedVote(deps.db, actor, vote, deps.forwardLeaseMs),
  );
  if (voted.kind === 'recorded') {
    await tellOfVote(call, verdict, voted.result);
  }
  return voted;
}

type NotRecorded = Exclude<
  ClaimedVoteResult,
  { readonly kind: 'recorded' | 'voted_before' | 'not_declared' | 'unknown_person' | 'not_found' }
>;

/** The answer to a vote that was not recorded, where every route of the contract gives the same. */
export function refuseClaim(voted: NotRecorded, stepId: string): Answer | ApiError {
  switch (voted.kind) {
    case 'signed_out':
      return forbidden(SIGNED_OUT);
    case 'no_gate':
      return fail(
        'FAILED_PRECONDITION',
        `Step '${stepId}' has no gate, so nobody decides on it: name a human step.`,
      );
    case 'not_waiting':
      return notWaiting(stepId, voted.review);
    case 'directory_too_old':
      return fail(
        'FAILED_PRECONDITION',
        `The reviewer's directory entry is of ${voted.directoryAt.toISOString()}, which is too old to decide by: have an admin put it again.`,
      );
    case 'refused':
      return refused(...voted.refusals);
  }
}

/** The answer where the run does not exist, or has no such step. */
export function noStep(executionId: string, stepId: string): ApiError {
  const error = notFound('step', stepId);
  const message = `There is no step '${stepId}' in an execution '${executionId}' of this project: check both ids.`;
  return error.kind === 'error' && error.code === 'not_found' ? { ...error, message } : error;
}

function notWaiting(stepId: string, review: ReviewRow | null): Answer {
  const why =
    review === null
      ? 'its review is not open'
      : review.cancelledAt === null
        ? `its review is ${review.status}`
        : 'its run was cancelled';
  return fail(
    'FAILED_PRECONDITION',
    `Step '${stepId}' is not waiting for a decision (${why}): read the execution again.`,
  );
}
