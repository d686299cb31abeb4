import { z } from 'zod';
import { DECISION_STATUSES, findReview, listReviews } from '../../../store/reviews.js';
import { ok } from '../../answer.js';
import { type CastVote, castVote } from '../../cast-vote.js';
import { notFound } from '../../errors.js';
import { anyId, listOf, listQuery, pageParams, prose, versionId } from '../../fields.js';
import { readReviewRecord, readReviewRecords } from '../../review-records.js';
import { type Call, route } from '../../route.js';
import { retab } from './dialect.js';
import { pageRequest, showPage } from './pages.js';
import { review, showReview } from './review-wire.js';
import { answerSubmission, submitResponse } from './submit.js';

const tag = 'Reviews';
const params = z.object({ review_id: anyId });

const list = route({
  id: 'reviews.list',
  method: 'get',
  path: '/v1/workflows/reviews',
  summary: 'Lists reviews; by default those that are undecided.',
  tag,
  dialect: retab,
  query: listQuery({
    workflow_id: anyId.optional(),
    run_id: anyId.optional(),
    block_id: anyId.optional(),
    step_id: anyId.optional(),
    iteration_key: anyId.optional(),
    decision_status: z.enum(DECISION_STATUSES).default('pending'),
    ...pageParams({ max: 200, byDefault: 50, order: 'asc' }),
  }),
  responses: { 200: listOf(review) },
  handle: async ({ deps, actor }, { query }) => {
    const filter = {
      workflowId: query.workflow_id ?? null,
      runId: query.run_id ?? null,
      blockId: query.block_id ?? null,
      stepId: query.step_id ?? null,
      iterationKey: query.iteration_key ?? null,
      decisionStatus: query.decision_status,
    };
    const page = await listReviews(deps.db, actor.projectId, filter, pageRequest(query));
    page.rows.forEach((row) => deps.turns.learn(row));
    const records = await readReviewRecords(deps.db, page.rows);
    return ok(showPage(page, records.map(showReview)));
  },
});

const get = route({
  id: 'reviews.get',
  method: 'get',
  path: '/v1/workflows/reviews/{review_id}',
  summary: 'Reads one review.',
  tag,
  dialect: retab,
  params,
  responses: { 200: review },
  handle: async ({ deps, actor }, { params: { review_id: id } }) => {
    const row = await findReview(deps.db, actor.projectId, id);
    if (row === null) {
      return notFound('review', id);
    }
    deps.turns.learn(row);
    return ok(showReview(await readReviewRecord(deps.db, row)));
  },
});

/** Version ids that somebody knows about; null is what some clients send for none. */
export const acknowledged = z.array(anyId).max(10_000).nullish();

/** Ours: what a page sends, so that a vote from a screen that is behind is refused (409 `stale_version`). */
const ifNewest = z
  .boolean()
  .default(false)
  .meta({ description: 'Refuse the vote if a newer version has been added meanwhile.' });

const approve = route({
  id: 'reviews.approve',
  method: 'post',
  path: '/v1/workflows/reviews/{review_id:rev_}/approve',
  summary:
    'Approves one version: one vote, which decides once it completes what the gate requires.',
  tag,
  dialect: retab,
  params,
  body: z
    .strictObject({
      version_id: versionId,
      acknowledged_superseded_version_ids: acknowledged,
      if_newest: ifNewest,
    })
    .meta({ id: 'ApproveRequest' }),
  responses: { 200: submitResponse },
  rereadsCaller: true,
  handle: async (call, { params: { review_id: id }, body }) => {
    const vote = {
      verdict: 'approved',
      versionId: body.version_id,
      acknowledgedVersionIds: body.acknowledged_superseded_version_ids ?? [],
      onlyIfNewest: body.if_newest,
    } as const;
    const result = await castOn(call, id, vote, null);
    return await answerSubmission(call, id, result, { kind: 'vote', ...vote });
  },
});

const reject = route({
  id: 'reviews.reject',
  method: 'post',
  path: '/v1/workflows/reviews/{review_id:rev_}/reject',
  summary:
    'Rejects the review: it ends at once, and its run with it unless the gate says otherwise.',
  tag,
  dialect: retab,
  params,
  body: z
    .strictObject({ version_id: versionId, reason: prose(10_000), if_newest: ifNewest })
    .meta({ id: 'RejectRequest' }),
  responses: { 200: submitResponse },
  rereadsCaller: true,
  handle: async (call, { params: { review_id: id }, body }) => {
    const vote = {
      verdict: 'rejected',
      versionId: body.version_id,
      acknowledgedVersionIds: [],
      onlyIfNewest: body.if_newest,
    } as const;
    const result = await castOn(call, id, vote, body.reason);
    return await answerSubmission(call, id, result, { kind: 'vote', ...vote });
  },
});

async function castOn(
  call: Call,
  reviewId: string,
  vote: {
    readonly verdict: 'approved' | 'rejected';
    readonly versionId: string;
    readonly acknowledgedVersionIds: readonly string[];
    readonly onlyIfNewest: boolean;
  },
  reason: string | null,
): Promise<CastVote> {
  const command = {
    kind: 'vote',
    force: false,
    mayWithdraw: false,
    refusedWhenFinal: false,
    timeWindow: null,
    ...vote,
  } as const;
  return await castVote(call, reviewId, { command, reason });
}

export const REVIEW_ROUTES = [list, get, approve, reject] as const;
