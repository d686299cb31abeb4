import { z } from 'zod';
import { addVersion } from '../../../store/add-version.js';
import { findReview, findVersion, listVersions } from '../../../store/reviews.js';
import { readJsonObject } from '../../../store/stored-json.js';
import type { VersionRow } from '../../../store/tables.js';
import { answer, ok } from '../../answer.js';
import { notFound, refused } from '../../errors.js';
import { checkReviewSnapshot, checkSnapshotSize } from '../../check-snapshot.js';
import {
  anyId,
  jsonObject,
  listOf,
  listQuery,
  pageParams,
  showTime,
  text,
  timestamp,
} from '../../fields.js';
import { route } from '../../route.js';
import { retab } from './dialect.js';
import { pageRequest, showPage } from './pages.js';
import { actor, showAuthor } from './people.js';
import { acknowledged } from './review-routes.js';

const tag = 'Versions';

const version = z
  .object({
    id: z.string().regex(/^rvr_[A-Z2-7]{26}$/),
    review_id: z.string(),
    parent_id: z.string().nullable(),
    author: actor,
    snapshot: jsonObject,
    note: z.string().nullable(),
    created_at: timestamp,
    origin: z.enum(['model_output', 'human_edit', 'agent_edit', 'revert']),
    content_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .meta({ id: 'Version' });

function showVersion(row: VersionRow): z.infer<typeof version> {
  return {
    id: row.id,
    review_id: row.reviewId,
    parent_id: row.parentId,
    author: showAuthor(row),
    snapshot: readJsonObject(row.snapshot),
    note: row.note,
    created_at: showTime(row.createdAt),
    origin: row.origin,
    content_sha256: row.snapshotSha256,
  };
}

const create = route({
  id: 'versions.create',
  method: 'post',
  path: '/v1/workflows/reviews/versions',
  summary:
    'Adds a version, a complete snapshot made from another one; the same content is there once.',
  tag,
  dialect: retab,
  bodySize: 'snapshot',
  body: z
    .strictObject({
      review_id: anyId,
      parent_id: anyId,
      snapshot: jsonObject,
      note: text(10_000).nullish(),
      acknowledged_superseded_version_ids: acknowledged,
    })
    .meta({ id: 'CreateVersionRequest' }),
  responses: { 200: version, 201: version },
  handle: async ({ deps, actor: caller }, { body }) => {
    const { review_id: reviewId, snapshot } = body;
    const unfit = checkSnapshotSize(snapshot);
    if (unfit !== null) {
      return unfit;
    }
    const review = await findReview(deps.db, caller.projectId, reviewId);
    if (review === null) {
      return notFound('review', reviewId);
    }
    const misshapen = await checkReviewSnapshot(deps.db, review, snapshot);
    if (misshapen !== null) {
      return misshapen;
    }
    const correction = {
      parentId: body.parent_id,
      snapshot,
      note: body.note ?? null,
      origin: 'human_edit',
      acknowledgedVersionIds: body.acknowledged_superseded_version_ids ?? [],
    } as const;
    const added = await deps.turns.ofRun(review.runId, () =>
      addVersion(deps.db, caller, reviewId, correction),
    );
    switch (added.kind) {
      case 'not_found':
        return notFound('review', reviewId);
      case 'refused':
        return refused(...added.refusals);
      case 'parent_conflict':
        return { code: 'parent_conflict', ...added, kind: 'error' };
      case 'created':
        return answer(201, showVersion(added.version));
      case 'existing':
        return ok(showVersion(added.version));
    }
  },
});

const list = route({
  id: 'versions.list',
  method: 'get',
  path: '/v1/workflows/reviews/versions',
  summary: 'Lists the versions of one review, oldest first.',
  tag,
  dialect: retab,
  query: listQuery({
    review_id: anyId,
    ...pageParams({ max: 200, byDefault: 50, order: 'asc' }),
  }),
  responses: { 200: listOf(version) },
  handle: async ({ deps, actor: caller }, { query }) => {
    const review = await findReview(deps.db, caller.projectId, query.review_id);
    if (review === null) {
      return notFound('review', query.review_id);
    }
    const page = await listVersions(deps.db, caller.projectId, review.id, pageRequest(query));
    return ok(showPage(page, page.rows.map(showVersion)));
  },
});

const get = route({
  id: 'versions.get',
  method: 'get',
  path: '/v1/workflows/reviews/versions/{version_id}',
  summary: 'Reads one version with its snapshot.',
  tag,
  dialect: retab,
  params: z.object({ version_id: anyId }),
  responses: { 200: version },
  handle: async ({ deps, actor: caller }, { params: { version_id: id } }) => {
    const row = await findVersion(deps.db, caller.projectId, id);
    return row === null ? notFound('version', id) : ok(showVersion(row));
  },
});

export const VERSION_ROUTES = [create, list, get] as const;
