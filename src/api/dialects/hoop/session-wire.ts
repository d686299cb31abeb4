import { z } from 'zod';
import { BLOCK_TYPES } from '../../../domain/definition.js';
import { isStepEnded } from '../../../domain/statuses.js';
import { canonicalJson } from '../../../rules/canonical.js';
import type { Db } from '../../../store/database.js';
import { listPeopleById } from '../../../store/people.js';
import { findReviewOfStep, findVersion } from '../../../store/reviews.js';
import { getRun } from '../../../store/runs.js';
import { readJsonObject } from '../../../store/stored-json.js';
import type { PersonRow, ReviewRow, RunRow, StepRow } from '../../../store/tables.js';
import { showTime, showTimeOrNull, timestamp } from '../../fields.js';
import { exitCodeOf } from './exec.js';
import { embeddedReview, showReviews } from './review-wire.js';

const nothing = z.object({});

/** A session: a step with what is about to be executed, and its review if it has one. */
export const session = z
  .object({
    id: z.string(),
    org_id: z.string(),
    script: z.object({ data: z.string() }),
    script_size: z.int(),
    labels: nothing,
    integrations_metadata: z.null(),
    metadata: nothing,
    metrics: nothing,
    user: z.string(),
    user_id: z.string(),
    user_name: z.string(),
    type: z.literal('custom'),
    connection_subtype: z.enum(BLOCK_TYPES),
    connection: z.string(),
    resource_name: z.string(),
    role_name: z.string(),
    connection_tags: nothing,
    review: embeddedReview.nullable(),
    verb: z.literal('exec'),
    status: z.enum(['open', 'ready', 'done']),
    exit_code: z.literal([0, 1, -2]).nullable(),
    event_size: z.literal(0),
    correlation_id: z.string(),
    start_date: timestamp,
    end_date: timestamp.nullable(),
    ai_analysis: z.null(),
    guardrails_info: z.null(),
    identity_type: z.enum(['user', 'machine']),
  })
  .meta({ id: 'HoopSession' });

type SessionBody = z.infer<typeof session>;

/** A step as this contract shows it, with a review or without. */
export async function showSession(db: Db, step: StepRow): Promise<SessionBody> {
  const run = await getRun(db, step.runId);
  const review = await findReviewOfStep(db, step.id);
  const people = await listPeopleById(db, step.projectId, [run.ownerId ?? '', run.startedBy]);
  const owner = people.find(({ id }) => id === run.ownerId);
  const data = await readScript(db, run, step, review);
  return {
    id: step.id,
    org_id: step.projectId,
    script: { data },
    script_size: Buffer.byteLength(data),
    labels: {},
    integrations_metadata: null,
    metadata: {},
    metrics: {},
    user: owner?.email ?? '',
    user_id: run.ownerId ?? '',
    user_name: owner?.name ?? '',
    type: 'custom',
    connection_subtype: step.blockType,
    connection: step.blockId,
    resource_name: step.workflowId,
    role_name: step.blockId,
    connection_tags: {},
    review: review === null ? null : await showEmbedded(db, review),
    verb: 'exec',
    ...showState(step, review),
    event_size: 0,
    correlation_id: step.runId,
    start_date: showTime(startOf(step, review)),
    ai_analysis: null,
    guardrails_info: null,
    identity_type: startedByPerson(run, people) ? 'user' : 'machine',
  };
}

/** What is about to be executed: the newest version, else what the block was given for itself. */
async function readScript(
  db: Db,
  run: RunRow,
  step: StepRow,
  review: ReviewRow | null,
): Promise<string> {
  if (review !== null) {
    const version = await findVersion(db, review.projectId, review.newestVersionId);
    return version?.snapshot ?? '';
  }
  const given = readJsonObject(run.inputs)[step.blockId];
  return step.input ?? (given === undefined ? '' : canonicalJson(given));
}

async function showEmbedded(db: Db, row: ReviewRow): Promise<SessionBody['review']> {
  const [shown] = await showReviews(db, row.projectId, [row]);
  if (shown === undefined) {
    return null;
  }
  const { session: _itself, ...embedded } = shown;
  return embedded;
}

function showState(
  step: StepRow,
  review: ReviewRow | null,
): Pick<SessionBody, 'status' | 'exit_code' | 'end_date'> {
  const isFailed = step.status === 'error';
  const status = review === null ? null : review.status;
  switch (status) {
    case null:
      return isStepEnded(step.status)
        ? {
            status: 'done',
            exit_code: exitCodeOfStep(step),
            end_date: showTimeOrNull(step.endedAt),
          }
        : { status: 'open', exit_code: null, end_date: null };
    case 'PENDING':
      return { status: 'open', exit_code: null, end_date: null };
    case 'PROCESSING':
      return isFailed
        ? { status: 'done', exit_code: 1, end_date: showTimeOrNull(step.endedAt) }
        : { status: 'open', exit_code: null, end_date: null };
    case 'APPROVED':
      return { status: 'ready', exit_code: null, end_date: null };
    case 'REJECTED':
    case 'REVOKED':
      return { status: 'done', exit_code: null, end_date: showTimeOrNull(review?.endedAt ?? null) };
    case 'EXECUTED':
    case 'UNKNOWN':
      return {
        status: 'done',
        exit_code: exitCodeOf(status, isFailed),
        end_date: showTimeOrNull(review?.endedAt ?? null),
      };
  }
}

/** A step that was not executed to an end has no exit code. */
function exitCodeOfStep({ status, outcomeUnknown }: StepRow): SessionBody['exit_code'] {
  if (status !== 'completed' && status !== 'error') {
    return null;
  }
  return outcomeUnknown ? -2 : status === 'error' ? 1 : 0;
}

function startOf(step: StepRow, review: ReviewRow | null): Date {
  return review?.placement === 'input' ? review.createdAt : (step.startedAt ?? step.createdAt);
}

function startedByPerson({ startedBy }: RunRow, people: readonly PersonRow[]): boolean {
  return people.some(({ id }) => id === startedBy);
}
