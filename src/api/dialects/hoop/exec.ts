import { z } from 'zod';
import type { Refusal, RefusalCode } from '../../../domain/refusals.js';
import { isReleased, isFinal } from '../../../domain/statuses.js';
import { describeTimeWindow } from '../../../domain/time-window.js';
import { findStep, readEffectiveOutput } from '../../../store/steps.js';
import type { ReviewRow } from '../../../store/tables.js';
import { type Answer, answer, ok } from '../../answer.js';
import { awaitReview } from '../../await-review.js';
import { afterCommit, castVote } from '../../cast-vote.js';
import { type ApiError, notFound, signedOut } from '../../errors.js';
import { firstByRank } from '../../first-refusal.js';
import type { Call } from '../../route.js';
import { findNamedReview } from './find-review.js';

/** What an execution came to, or that it goes on. */
export const execution = z
  .object({
    has_review: z.literal(false),
    session_id: z.string(),
    output: z.string().meta({
      description: "The block's result as JSON text; of a failed block what it said.",
    }),
    output_status: z.enum(['success', 'failed', 'running']),
    truncated: z.boolean(),
    execution_time: z.int().meta({ description: 'Milliseconds.' }),
    exit_code: z.literal([0, 1, -2]),
    ai_analysis: z.null(),
  })
  .meta({ id: 'HoopExecution' });

type ExecutionBody = z.infer<typeof execution>;

/** How long a request waits for the outcome before the answer is that it goes on. */
const WAIT_MS = 50_000;

/** How much of a result is shown here; the whole of it is read as a step. */
const MAX_OUTPUT_LENGTH = 1_000_000;

const NOT_RELEASABLE = 'review not approved or already executed';
const NOT_ALLOWED = 'unable to execute session';

/**
 * How a request to execute is refused; of several refusals that apply, the one with the lowest rank.
 *
 * Who asks comes first, then what the review is at, then the hour. What only a vote can be refused
 * for has a line because every refusal has one.
 */
const REFUSALS = {
  NOT_OWNER: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  SERVICE_CANNOT_VOTE: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  SELF_APPROVAL: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  NOT_ELIGIBLE: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  CORRECTION_AUTHOR: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  CORRECTIONS_NOT_ALLOWED: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  NOT_IN_FORCE_GROUP: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  NOT_ADMIN: { rank: 1, say: () => refuse(403, NOT_ALLOWED) },
  ALREADY_RELEASED: {
    rank: 2,
    say: ({ status }, stepId) =>
      status === 'PROCESSING' ? beingProcessed(stepId) : refuse(403, NOT_RELEASABLE),
  },
  NOT_APPROVED: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  REVIEW_CANCELLED: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  REVIEW_DECIDED: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  VERSION_NOT_FOUND: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  STALE_VERSION: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  SUPERSEDED_VERSIONS: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  TIME_WINDOW_SET: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  NO_APPROVAL_OF_YOURS: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  ENTRY_NOT_FOUND: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  ENTRY_FILLED: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  ASSIGNEE_UNKNOWN: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  TOO_MANY_FACTS: { rank: 2, say: () => refuse(403, NOT_RELEASABLE) },
  OUTSIDE_TIME_WINDOW: {
    rank: 3,
    say: ({ window }) =>
      refuse(403, `execution not allowed outside the time window ${describeTimeWindow(window)}`),
  },
  NOT_MANUAL: { rank: 4, say: () => null },
} as const satisfies {
  readonly [Code in RefusalCode]: {
    readonly rank: number;
    /** The answer; null where the execution comes by itself, and is worth waiting for. */
    readonly say: (refusal: Extract<Refusal, { code: Code }>, stepId: string) => Answer | null;
  };
};

/**
 * Asks for the execution of what was approved, and waits for what comes of it.
 *
 * The transaction that records the request releases the step, once, and the workflow executes its block.
 * What is released without being asked is waited for in the same way.
 */
export async function execute(call: Call, id: string): Promise<Answer | ApiError> {
  const row = await findNamedReview(call, id);
  if (row === null) {
    return notFound('review', id);
  }
  const result = await castVote(call, row.id, { command: { kind: 'release' }, reason: null });
  switch (result.kind) {
    case 'not_found':
      return notFound('review', id);
    case 'signed_out':
      return signedOut();
    case 'refused':
      return answerRefusals(result.refusals, row.stepId) ?? (await awaitOutcome(call, row));
    case 'repeat':
    case 'already':
      // Somebody has asked before, and its block is about to be executed.
      return beingProcessed(row.stepId);
    case 'recorded':
      return await awaitOutcome(call, row);
  }
}

function answerRefusals(refusals: readonly Refusal[], stepId: string): Answer | null {
  return sayRefusal(firstByRank(refusals, REFUSALS), stepId);
}

function sayRefusal(refusal: Refusal, stepId: string): Answer | null {
  switch (refusal.code) {
    case 'ALREADY_RELEASED':
      return REFUSALS[refusal.code].say(refusal, stepId);
    case 'OUTSIDE_TIME_WINDOW':
      return REFUSALS[refusal.code].say(refusal);
    default:
      return REFUSALS[refusal.code].say();
  }
}

function beingProcessed(stepId: string): Answer {
  return refuse(409, `the session ${stepId} is already being processed`);
}

function refuse(status: number, message: string): Answer {
  return answer(status, { message });
}

/** The request is durable: whatever happens while its outcome is waited for, it goes on. */
async function awaitOutcome(call: Call, row: ReviewRow): Promise<Answer> {
  const goesOn = answer(202, running(row.stepId));
  const read = async (): Promise<Answer> => {
    const waitMs = call.deps.execWaitMs ?? WAIT_MS;
    const review = await awaitReview(call, row.id, (one) => hasOutcome(call, one), waitMs);
    return review === null ? goesOn : await answerOutcome(call, review);
  };
  return await afterCommit(call, read, goesOn);
}

/** Also of a block that failed before it began there is an outcome, although nothing was executed. */
async function hasOutcome(
  { deps }: Call,
  { status, projectId, stepId }: ReviewRow,
): Promise<boolean> {
  return status === 'PROCESSING'
    ? (await findStep(deps.db, projectId, stepId))?.status === 'error'
    : isFinal(status);
}

async function answerOutcome(call: Call, review: ReviewRow): Promise<Answer> {
  // Withdrawn, or cancelled with its run, before anything was executed.
  return isReleased(review.status)
    ? ok(await showOutcome(call, review))
    : refuse(403, NOT_RELEASABLE);
}

async function showOutcome({ deps }: Call, review: ReviewRow): Promise<ExecutionBody> {
  const { stepId, releasedAt, endedAt } = review;
  const step = await findStep(deps.db, review.projectId, stepId);
  const isFailed = step?.status === 'error';
  const output = isFailed ? step.errorMessage : await readEffectiveOutput(deps.db, stepId);
  return {
    has_review: false,
    session_id: stepId,
    ...cut(output ?? ''),
    output_status: isFailed ? 'failed' : 'success',
    execution_time: (endedAt?.getTime() ?? 0) - (releasedAt?.getTime() ?? 0),
    exit_code: exitCodeOf(review.status, isFailed),
    ai_analysis: null,
  };
}

/** 0 for success, 1 for a block that failed, -2 where nobody can know. */
export function exitCodeOf(status: ReviewRow['status'], isFailed: boolean): 0 | 1 | -2 {
  if (status === 'UNKNOWN') {
    return -2;
  }
  return isFailed ? 1 : 0;
}

function running(stepId: string): ExecutionBody {
  return {
    has_review: false,
    session_id: stepId,
    output: '',
    output_status: 'running',
    truncated: false,
    execution_time: 0,
    exit_code: -2,
    ai_analysis: null,
  };
}

/** A text cut to what is shown, never between the halves of a surrogate pair. */
function cut(output: string): Pick<ExecutionBody, 'output' | 'truncated'> {
  if (output.length <= MAX_OUTPUT_LENGTH) {
    return { output, truncated: false };
  }
  const isPair = /[\uD800-\uDBFF]/.test(output.charAt(MAX_OUTPUT_LENGTH - 1));
  return { output: output.slice(0, MAX_OUTPUT_LENGTH - (isPair ? 1 : 0)), truncated: true };
}
