import { z } from 'zod';
import { REVIEW_STATUSES, type ReviewStatus } from '../../../domain/statuses.js';
import { type Behind, listNewestReviews } from '../../../store/sessions.js';
import { ok } from '../../answer.js';
import { notFound } from '../../errors.js';
import { type Call, route } from '../../route.js';
import { decideReview } from './decide-review.js';
import { deciding, hoop } from './dialect.js';
import { findNamedReview } from './find-review.js';
import { reviewRequest } from './request.js';
import { review, type ReviewBody, showReviews } from './review-wire.js';

const tag = 'Reviews (hoop)';
const params = z.object({ id: z.string() });

/** How many reviews are read at a time: the list has no pages, and a statement has its limits. */
const BATCH = 1_000;

const list = route({
  id: 'hoop.reviews.list',
  method: 'get',
  path: '/api/reviews',
  summary: 'Lists every review, newest first.',
  tag,
  dialect: hoop,
  query: z.object({
    status: z
      .string()
      .optional()
      .transform((status) => (status === '' ? undefined : status?.toUpperCase()))
      .pipe(
        z
          .enum(REVIEW_STATUSES, {
            error: `unknown status: use one of ${REVIEW_STATUSES.join(', ')}`,
          })
          .optional(),
      )
      .meta({ override: { type: 'string', enum: [...REVIEW_STATUSES] } }),
  }),
  responses: { 200: z.array(review) },
  handle: async (call, { query }) => ok(await readAll(call, query.status ?? null)),
});

async function readAll(
  { deps, actor }: Call,
  status: ReviewStatus | null,
): Promise<readonly ReviewBody[]> {
  const shown: ReviewBody[] = [];
  let behind: Behind | null = null;
  for (;;) {
    const rows = await listNewestReviews(deps.db, actor.projectId, status, behind, BATCH);
    shown.push(...(await showReviews(deps.db, actor.projectId, rows)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) {
      return shown;
    }
    behind = last;
  }
}

const get = route({
  id: 'hoop.reviews.get',
  method: 'get',
  path: '/api/reviews/{id}',
  summary: 'Reads one review, by its id or its session.',
  tag,
  dialect: hoop,
  params,
  responses: { 200: review },
  handle: async (call, { params: { id } }) => {
    const row = await findNamedReview(call, id);
    if (row === null) {
      return notFound('review', id);
    }
    const [shown] = await showReviews(call.deps.db, row.projectId, [row]);
    return ok(shown);
  },
});

const put = route({
  id: 'hoop.reviews.put',
  method: 'put',
  path: '/api/reviews/{id}',
  summary: 'Approves, rejects or revokes a review, by its id or its session.',
  tag,
  dialect: deciding,
  params,
  body: reviewRequest,
  responses: { 200: review },
  handle: async (call, { params: { id }, body }) => await decideReview(call, id, body),
});

export const REVIEW_ROUTES = [list, get, put] as const;
