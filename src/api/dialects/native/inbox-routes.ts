import { z } from 'zod';
import { fillableEntries, mayFillEntry } from '../../../domain/decide.js';
import { parseDurationMs } from '../../../domain/duration.js';
import { foldReview } from '../../../domain/review-state.js';
import { REVIEW_STATUSES } from '../../../domain/statuses.js';
import { standingVotes } from '../../../domain/tally.js';
import { type Actor, asVoter } from '../../../store/actors.js';
import {
  COUNTED_AT_MOST,
  countInbox,
  INBOX_VIEWS,
  type InboxFilter,
  listInbox,
  readFacets,
  SEARCHED_AT_MOST,
} from '../../../store/inbox.js';
import { type Resume, resumesOf } from '../../../store/outbox.js';
import { readFact } from '../../../store/reviews.js';
import { readWorkflowNames } from '../../../store/workflows.js';
import { ok } from '../../answer.js';
import {
  anyId,
  integerParam,
  listOf,
  listQuery,
  showTimeOrNull,
  text,
  timestamp,
} from '../../fields.js';
import { type ReviewRecord, readReviewRecords } from '../../review-records.js';
import { route } from '../../route.js';
import { showPage } from '../retab/pages.js';
import { review, showReview } from '../retab/review-wire.js';
import { native } from './dialect.js';

const tag = 'Inbox';

const ownVote = z
  .object({
    verdict: z.enum(['approved', 'rejected', 'revoked']),
    version_id: z.string(),
    seq: z.int(),
  })
  .meta({ id: 'OwnVote' });

/** By when a decision is wanted; a part of our own, which no other contract has. */
export const dueAt = timestamp
  .nullable()
  .meta({ description: 'By when a decision is wanted; null where it is never due.' });

/** A review with what it means to the person who looks at it. */
const item = review
  .extend({
    due_at: dueAt,
    workflow_name: z.string().nullable(),
    can_fill: z.array(z.string()).meta({ description: 'Open entries the reader may fill.' }),
    my_vote: ownVote.nullable(),
    resume_status: z.enum(['resumed', 'pending', 'failed', 'skipped']),
  })
  .meta({ id: 'InboxItem' });

const filters = {
  workflow_id: anyId.optional(),
  block_id: anyId.optional(),
  run_id: anyId.optional(),
  group: anyId.optional().meta({ description: 'Reviews that still wait for this group.' }),
  status: z.enum(REVIEW_STATUSES).optional(),
  older_than: z
    .string()
    .refine((value) => parseDurationMs(value) !== null, {
      error: 'Expected a duration such as "30m", "24h" or "7d".',
    })
    .optional(),
  overdue: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'With `true`: undecided reviews whose `due_at` has passed.' }),
  search: text(200)
    .optional()
    .meta({
      description: `Words in names, ids, owner or reason. A page searches the next ${SEARCHED_AT_MOST} reviews of the list, a count the newest ${SEARCHED_AT_MOST}; narrow by workflow, run or status to reach further back.`,
    }),
};

type Filters = { readonly [Key in keyof typeof filters]?: z.output<(typeof filters)[Key]> };

function readFilter(query: Filters): InboxFilter {
  return {
    workflowId: query.workflow_id ?? null,
    blockId: query.block_id ?? null,
    runId: query.run_id ?? null,
    group: query.group ?? null,
    statuses: query.status === undefined ? [] : [query.status],
    olderThanMs: query.older_than === undefined ? null : parseDurationMs(query.older_than),
    isOverdue: query.overdue === 'true',
    search: (query.search ?? '').split(/\s+/).filter((word) => word !== ''),
  };
}

const ORDERS = { oldest: 'asc', newest: 'desc', due: 'due' } as const;

const list = route({
  id: 'inbox.list',
  method: 'get',
  path: '/v1/inbox',
  summary: 'Lists reviews as the reader sees them; by default those that wait for them.',
  tag,
  dialect: native,
  query: listQuery({
    view: z.enum(INBOX_VIEWS).default('waiting'),
    ...filters,
    order: z.enum(['oldest', 'newest', 'due']).default('oldest').meta({
      description:
        '`due`: what is due soonest first, then what is never due; of one time the oldest.',
    }),
    before: anyId.optional(),
    after: anyId.optional(),
    limit: integerParam(1, 200, 50),
  }),
  responses: { 200: listOf(item) },
  handle: async ({ deps, actor }, { query }) => {
    const { db } = deps;
    const page = await listInbox(db, actor, query.view, readFilter(query), {
      order: ORDERS[query.order],
      before: query.before ?? null,
      after: query.after ?? null,
      limit: query.limit,
    });
    const [records, resumes, names] = await Promise.all([
      readReviewRecords(db, page.rows),
      resumesOf(
        db,
        page.rows.map(({ id }) => id),
      ),
      readWorkflowNames(
        db,
        actor.projectId,
        page.rows.map(({ workflowId }) => workflowId),
      ),
    ]);
    return ok(
      showPage(
        page,
        records.map((record) => showItem(record, actor, resumes.get(record.row.id), names)),
      ),
    );
  },
});

function showItem(
  record: ReviewRecord,
  reader: Actor,
  resume: Resume | undefined,
  names: ReadonlyMap<string, string>,
): z.infer<typeof item> {
  const { row } = record;
  return {
    ...showReview(record),
    due_at: showTimeOrNull(row.dueAt),
    workflow_name: names.get(row.workflowId) ?? null,
    ...showOwnPart(record, reader),
    resume_status: resume?.status ?? 'skipped',
  };
}

/** Which open entries the reader may fill, and how they have voted. */
export function showOwnPart(
  { row, entries, facts }: ReviewRecord,
  reader: Actor,
): Pick<z.infer<typeof item>, 'can_fill' | 'my_vote'> {
  const voter = asVoter(reader);
  const state = foldReview(row.policy, facts.map(readFact));
  const fillable =
    row.status === 'PENDING' && mayFillEntry({ ownerId: row.ownerId, state }, voter)
      ? fillableEntries(state.policy, voter).map(({ key }) => key)
      : [];
  const open = entries.filter(({ status }) => status === 'PENDING').map(({ key }) => key);
  const standing =
    voter.kind === 'person'
      ? standingVotes(state.votes).find(({ reviewerId }) => reviewerId === voter.id)
      : undefined;
  return {
    can_fill: fillable.filter((key) => open.includes(key)),
    my_vote:
      standing === undefined
        ? null
        : { verdict: standing.verdict, version_id: standing.versionId, seq: standing.seq },
  };
}

const counts = route({
  id: 'inbox.counts',
  method: 'get',
  path: '/v1/inbox/counts',
  summary: 'Counts the reviews of every view; counting stops at `capped_at`.',
  tag,
  dialect: native,
  query: z.object(filters),
  responses: {
    200: z
      .object({
        waiting: z.int(),
        open_to_me: z.int(),
        decided_by_me: z.int(),
        all: z.int(),
        capped_at: z.int(),
      })
      .meta({ id: 'InboxCounts' }),
  },
  handle: async ({ deps, actor }, { query }) =>
    ok({ ...(await countInbox(deps.db, actor, readFilter(query))), capped_at: COUNTED_AT_MOST }),
});

const facets = route({
  id: 'inbox.facets',
  method: 'get',
  path: '/v1/inbox/facets',
  summary: 'Says which workflows, blocks and groups undecided reviews belong to.',
  tag,
  dialect: native,
  responses: {
    200: z
      .object({
        workflows: z.array(
          z.object({ id: z.string(), name: z.string().nullable(), count: z.int() }),
        ),
        blocks: z.array(
          z.object({ workflow_id: z.string(), block_id: z.string(), count: z.int() }),
        ),
        groups: z.array(z.object({ name: z.string(), count: z.int() })),
      })
      .meta({ id: 'InboxFacets' }),
  },
  handle: async ({ deps, actor }) => {
    const { blocks, groups } = await readFacets(deps.db, actor.projectId);
    const byWorkflow = new Map<string, number>();
    for (const { workflowId, count } of blocks) {
      byWorkflow.set(workflowId, (byWorkflow.get(workflowId) ?? 0) + count);
    }
    const names = await readWorkflowNames(deps.db, actor.projectId, [...byWorkflow.keys()]);
    return ok({
      workflows: [...byWorkflow].map(([id, count]) => ({ id, name: names.get(id) ?? null, count })),
      blocks: blocks.map(({ workflowId, blockId, count }) => ({
        workflow_id: workflowId,
        block_id: blockId,
        count,
      })),
      groups,
    });
  },
});

export const INBOX_ROUTES = [list, counts, facets] as const;
