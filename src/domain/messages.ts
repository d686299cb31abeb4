import type { Fact } from './facts.js';
import { isJsonObject, type Json, type JsonObject } from './json.js';
import { REVIEW_STATUSES, type ReviewStatus } from './statuses.js';

/** The signal that carries a recorded fact to the gated block run that waits for it. */
export const REVIEWER_DECISION = 'reviewerDecision';

/**
 * The signal that tells a run that one of its gated steps has ended: a hint, by which it may begin the next
 * block before the gate itself has ended. The ledger rules on whether it does.
 */
export const STEP_ENDED = 'stepEnded';

/** The payload of `stepEnded`. */
export type StepEnded = { readonly step_id: string };

/** The Temporal task queue that Countersign's workers poll unless configured otherwise. */
export const DEFAULT_TASK_QUEUE = 'countersign';

/** Names of the workflow types, as they appear in Temporal. */
export const WORKFLOW_RUN = 'workflowRun';
export const GATED_BLOCK_RUN = 'gatedBlockRun';
export const FOR_EACH_RUN = 'forEachRun';

/**
 * Search attributes (Keyword) by which an operator finds runs and gates in Temporal's UI.
 *
 * Each is work for Temporal's visibility store at every start and end. So only the gate of an author's own
 * workflow says its run: the workflows of any other run have its id at the front of their own.
 */
export const SEARCH_ATTRIBUTES = {
  workflow: 'CountersignWorkflow',
  run: 'CountersignRun',
  block: 'CountersignBlock',
} as const;

/** Where a review stood when a fact had been recorded: what the signal tells beside the fact. */
export type DeliveredStatus = {
  readonly status: ReviewStatus;
  readonly versionId: string | null;
};

/** The payload of `reviewerDecision`: ids and verdicts, never a snapshot or a reason. */
export type ReviewerDecision = {
  readonly review_id: string;
  readonly fact: Fact;
  readonly status: DeliveredStatus;
};

/**
 * Reads a signal's payload without believing it: null for whatever is not a `ReviewerDecision`.
 *
 * Anybody who can reach Temporal can send a signal, so this must take every value there is.
 */
export function parseReviewerDecision(payload: unknown): ReviewerDecision | null {
  if (!isJsonObject(payload) || !isJsonObject(payload['fact'])) {
    return null;
  }
  const fact = parseFact(payload['fact']);
  const status = parseStatus(payload['status']);
  const reviewId = payload['review_id'];
  return fact === null || status === null || typeof reviewId !== 'string'
    ? null
    : { review_id: reviewId, fact, status };
}

function parseFact(fact: JsonObject): Fact | null {
  const { kind, seq, id, actorId } = fact;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1 || typeof id !== 'string') {
    return null;
  }
  if (kind === 'vote') {
    return parseVote(fact, { seq, id });
  }
  if (typeof actorId !== 'string') {
    return null;
  }
  switch (kind) {
    case 'withdrawn':
    case 'release_requested':
    case 'cancelled':
      return { kind, seq, id, actorId };
    case 'reassigned':
      return parseReassignment(fact, { seq, id, actorId });
    default:
      return null;
  }
}

function parseReassignment(
  { entry, to }: JsonObject,
  recorded: { seq: number; id: string; actorId: string },
): Fact | null {
  if (typeof entry !== 'string' || !isJsonObject(to)) {
    return null;
  }
  const { kind, subject } = to;
  return (kind === 'group' || kind === 'reviewer') && typeof subject === 'string'
    ? { kind: 'reassigned', ...recorded, entry, to: { kind, subject } }
    : null;
}

function parseVote(fact: JsonObject, recorded: { seq: number; id: string }): Fact | null {
  const { reviewerId, versionId, verdict, fills, forced, actingFor } = fact;
  const isVote =
    typeof reviewerId === 'string' &&
    typeof versionId === 'string' &&
    (verdict === 'approved' || verdict === 'rejected' || verdict === 'revoked') &&
    isStrings(fills) &&
    typeof forced === 'boolean' &&
    (actingFor === null || typeof actingFor === 'string');
  return isVote
    ? { kind: 'vote', ...recorded, reviewerId, versionId, verdict, fills, forced, actingFor }
    : null;
}

function parseStatus(value: Json | undefined): DeliveredStatus | null {
  if (!isJsonObject(value)) {
    return null;
  }
  const status = REVIEW_STATUSES.find((known) => known === value['status']);
  const versionId = value['versionId'];
  return status !== undefined && (versionId === null || typeof versionId === 'string')
    ? { status, versionId }
    : null;
}

function isStrings(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
