import { z } from 'zod';
import { REVIEW_STATUSES } from '../../../domain/statuses.js';
import type { TimeWindow } from '../../../domain/time-window.js';
import type { Db } from '../../../store/database.js';
import { listPeopleById } from '../../../store/people.js';
import type { EntryRow, FactRow, PersonRow, ReviewRow } from '../../../store/tables.js';
import { showTime, showTimeOrNull, timestamp } from '../../fields.js';
import { readReviewRecords, type ReviewRecord } from '../../review-records.js';

const reviewRow = z
  .object({
    id: z.uuid(),
    group: z.string().meta({
      description: 'A group, `user:<id>` for a named reviewer, or `*` for anybody but the owner.',
    }),
    status: z.enum(['PENDING', 'APPROVED', 'REJECTED', 'REVOKED']),
    reviewed_by: z
      .object({
        id: z.string().optional(),
        name: z.string().optional(),
        email: z.string(),
        slack_id: z.string(),
      })
      .nullable(),
    review_date: timestamp.nullable(),
    forced_review: z.boolean(),
    mandatory: z.literal(false).optional().meta({ description: 'Only where it is not needed.' }),
  })
  .meta({ id: 'HoopReviewGroup' });

const timeWindow = z
  .object({
    type: z.literal('time_range'),
    configuration: z.object({ start_time: z.string(), end_time: z.string() }),
  })
  .meta({ id: 'HoopTimeWindow', description: 'Hours of every day, in UTC.' });

/** A review as a session embeds it: the fields of the contract first, then our own. */
export const embeddedReview = z
  .object({
    id: z.string(),
    type: z.literal('onetime'),
    access_duration: z.literal(0),
    status: z.enum(REVIEW_STATUSES),
    revoke_at: timestamp.nullable(),
    created_at: timestamp,
    review_groups_data: z.array(reviewRow),
    time_window: timeWindow.nullable(),
    access_request_rule_name: z.string().nullable(),
    min_approvals: z.int().nullable(),
    force_approval_groups: z.array(z.string()).nullable(),
    rejection_reason: z.string().optional(),
    run_id: z.string(),
    block_id: z.string(),
    placement: z.enum(['output', 'input']),
    version_id: z.string().meta({ description: 'The version decided on, else the newest.' }),
    rev: z.int(),
    cancelled_at: timestamp.nullable(),
  })
  .meta({ id: 'HoopEmbeddedReview' });

/** A review by itself. */
export const review = embeddedReview.extend({ session: z.string() }).meta({ id: 'HoopReview' });

type EmbeddedReviewBody = z.infer<typeof embeddedReview>;
export type ReviewBody = z.infer<typeof review>;

/** Reviews as this contract shows them, the same everywhere, in the order given. */
export async function showReviews(
  db: Db,
  projectId: string,
  rows: readonly ReviewRow[],
): Promise<readonly ReviewBody[]> {
  const records = await readReviewRecords(db, rows);
  const people = await readReviewers(db, projectId, records);
  return records.map((record) => showReview(record, people));
}

/** The people whose votes fill rows, by id. */
async function readReviewers(
  db: Db,
  projectId: string,
  records: readonly ReviewRecord[],
): Promise<ReadonlyMap<string, PersonRow>> {
  const ids = records.flatMap(({ facts }) => facts.map(({ actorId }) => actorId));
  const people = await listPeopleById(db, projectId, [...new Set(ids)]);
  return new Map(people.map((person) => [person.id, person]));
}

/** One review, of which everything has been read. */
export function showReview(
  record: ReviewRecord,
  people: ReadonlyMap<string, PersonRow>,
): ReviewBody {
  return { session: record.row.stepId, ...showEmbeddedReview(record, people) };
}

function showEmbeddedReview(
  { row, entries, facts }: ReviewRecord,
  people: ReadonlyMap<string, PersonRow>,
): EmbeddedReviewBody {
  const { gate, status, decisionReason } = row;
  const groups = gate.force_approval_groups;
  return {
    id: row.id,
    type: 'onetime',
    access_duration: 0,
    status,
    // A permission for one execution lasts no time: it ends when it begins.
    revoke_at: showTimeOrNull(row.approvedAt),
    created_at: showTime(row.createdAt),
    review_groups_data: entries.map((entry) => showRow(entry, facts, people)),
    time_window: row.timeWindow === null ? null : showTimeWindow(row.timeWindow),
    access_request_rule_name: gate.name,
    min_approvals: gate.min_approvals,
    force_approval_groups: groups.length === 0 ? null : [...groups],
    ...(status === 'REJECTED' && decisionReason !== null
      ? { rejection_reason: decisionReason }
      : {}),
    run_id: row.runId,
    block_id: row.blockId,
    placement: row.placement,
    version_id: row.decisionVersionId ?? row.newestVersionId,
    rev: row.rev,
    cancelled_at: showTimeOrNull(row.cancelledAt),
  };
}

function showRow(
  { id, kind, subject, mandatory, status, factSeq }: EntryRow,
  facts: readonly FactRow[],
  people: ReadonlyMap<string, PersonRow>,
): z.infer<typeof reviewRow> {
  const fact = factSeq === null ? undefined : facts.find(({ seq }) => seq === factSeq);
  return {
    id,
    group: kind === 'group' ? subject : kind === 'reviewer' ? `user:${subject}` : '*',
    status,
    reviewed_by: fact === undefined ? null : showReviewer(fact, people.get(fact.actorId)),
    review_date: fact === undefined ? null : showTime(fact.createdAt),
    forced_review: fact?.forced ?? false,
    ...(kind === 'reviewer' && !mandatory ? { mandatory: false as const } : {}),
  };
}

function showReviewer(
  { actorId, actorName }: FactRow,
  person: PersonRow | undefined,
): z.infer<typeof reviewRow>['reviewed_by'] {
  return {
    id: actorId,
    ...(actorName === '' ? {} : { name: actorName }),
    email: person?.email ?? '',
    slack_id: person?.slackId ?? '',
  };
}

function showTimeWindow({ start, end }: TimeWindow): z.infer<typeof timeWindow> {
  return { type: 'time_range', configuration: { start_time: start, end_time: end } };
}
