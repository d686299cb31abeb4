import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_VALUE_BYTES } from '../../src/domain/external-review.js';
import { MAX_SNAPSHOT_BYTES } from '../../src/rules/canonical.js';
import { removeOldSnapshots } from '../../src/store/snapshots.js';
import { type Caller, startApi, type TestApi, valueAt } from '../support/api.js';
import { openExternal } from '../support/external.js';

let api: TestApi;
let service: Caller;

beforeAll(async () => {
  api = await startApi();
  service = await api.service('svc_shop', 'runs:write', 'reviews:read');
});
afterAll(() => api.stop());

describe('a snapshot for a review by reference', () => {
  test('is there once, whatever the order of its keys', async () => {
    const first = await api.post('/v1/snapshots', { as: service, body: { a: 1, b: [2] } });
    expect(first.status).toBe(201);
    expect(valueAt(first.body, 'id')).toMatch(/^snp_[A-Z2-7]{26}$/);
    expect(valueAt(first.body, 'size_bytes')).toBe(15);
    const again = await api.post('/v1/snapshots', { body: { b: [2], a: 1 } });
    expect(again).toMatchObject({ status: 200, body: first.body });
    const other = await api.post('/v1/snapshots', { body: { a: 1, b: [3] } });
    expect(other.status).toBe(201);

    const id = String(valueAt(first.body, 'id'));
    const read = await api.get(`/v1/snapshots/${id}`, { as: service });
    expect(read).toMatchObject({
      status: 200,
      body: { id, size_bytes: 15, snapshot: { a: 1, b: [2] }, created_by: 'svc_shop' },
    });
  });

  test('takes 8 MiB and not a byte more', async () => {
    const around = '{"x":""}'.length;
    const full = await api.post('/v1/snapshots', {
      body: { x: 'x'.repeat(MAX_SNAPSHOT_BYTES - around) },
    });
    expect(full).toMatchObject({ status: 201, body: { size_bytes: MAX_SNAPSHOT_BYTES } });
    const over = await api.post('/v1/snapshots', {
      body: { x: 'x'.repeat(MAX_SNAPSHOT_BYTES - around + 1) },
    });
    expect(over.status).toBe(413);
    expect(valueAt(over.body, 'detail', 'code')).toBe('snapshot_too_large');
    expect(valueAt(over.body, 'detail', 'message')).toContain(
      `The snapshot takes ${MAX_SNAPSHOT_BYTES + 1} bytes`,
    );
  });

  test.each([
    ['a list', [1]],
    ['a number that loses digits', { n: 2 ** 60 }],
  ])('is refused when it is %s', async (_, body) => {
    expect((await api.post('/v1/snapshots', { body })).status).toBe(422);
  });

  test('that is not there is not found', async () => {
    const reply = await api.get('/v1/snapshots/snp_NONE');
    expect(reply.status).toBe(404);
    expect(valueAt(reply.body, 'detail', 'code')).toBe('snapshot_not_found');
  });

  test('is removed seven days after it was stored last', async () => {
    const [kept, gone] = await Promise.all(
      [{ kept: true }, { gone: true }].map(async (body) =>
        String(valueAt((await api.post('/v1/snapshots', { body })).body, 'id')),
      ),
    );
    await sql`update snapshot set put_at = clock_timestamp() - interval '7 days 1 second'
               where id in (${kept}, ${gone})`.execute(api.db);
    await api.post('/v1/snapshots', { body: { kept: true } });
    expect(await removeOldSnapshots(api.db)).toBe(1);
    expect((await api.get(`/v1/snapshots/${kept}`)).status).toBe(200);
    expect((await api.get(`/v1/snapshots/${gone}`)).status).toBe(404);
  });
});

describe('a correction of what an own workflow is handed', () => {
  const large = { x: 'x'.repeat(MAX_VALUE_BYTES) };
  const correct = async (review: { id: string; newestVersionId: string }, snapshot: object) =>
    await api.post('/v1/workflows/reviews/versions', {
      body: { review_id: review.id, parent_id: review.newestVersionId, snapshot },
    });

  test('by value takes at most 1 MiB, and says so', async () => {
    const { review } = await openExternal(api.db);
    const reply = await correct(review, large);
    expect(reply.status).toBe(422);
    expect(valueAt(reply.body, 'detail', '0')).toMatchObject({
      loc: ['body', 'snapshot'],
      msg: `This review hands its snapshot to a workflow by value, and takes at most ${MAX_VALUE_BYTES} bytes as canonical JSON: the correction takes ${MAX_VALUE_BYTES + 8}. Make it smaller, or have the workflow ask for the review by reference.`,
    });
    const fits = { x: 'x'.repeat(MAX_VALUE_BYTES - 8) };
    expect((await correct(review, fits)).status).toBe(201);
  });

  test('by reference takes as much as any', async () => {
    const stored = await api.post('/v1/snapshots', { body: { small: true } });
    const ref = String(valueAt(stored.body, 'id'));
    const { review } = await openExternal(api.db, { snapshot: null, snapshot_ref: ref });
    expect((await correct(review, large)).status).toBe(201);
  });
});

test('an external run and its review read as any other', async () => {
  const { review, runId } = await openExternal(api.db, {
    workflow_id: 'refund-7',
    policy: { name: 'Refund' },
  });
  const metadata = encodeURIComponent(JSON.stringify({ workflow_id: 'refund-7' }));
  const runs = await api.get(`/v1/workflows/runs?metadata=${metadata}`);
  expect(valueAt(runs.body, 'data', '0')).toMatchObject({
    id: runId,
    workflow_id: 'external:refund',
    lifecycle: { status: 'awaiting_review', waiting_for_block_ids: ['review'] },
    started_by: 'workflow:refund-7',
    metadata: { workflow_id: 'refund-7', workflow_type: 'refund', key: 'refund' },
  });
  expect((await api.get(`/v1/workflows/reviews/${review.id}`)).status).toBe(200);
  expect((await api.get(`/v1/workflows/reviews/${review.id}/explain`)).status).toBe(200);
  expect((await api.get('/v1/workflows/external:refund')).status).toBe(200);
  const steps = await api.get(`/v1/workflows/steps?run_id=${runId}`);
  expect(valueAt(steps.body, 'data', '0', 'lifecycle', 'status')).toBe('awaiting_review');

  const cancelled = await api.post(`/v1/workflows/runs/${runId}/cancel`);
  expect(cancelled).toMatchObject({
    status: 200,
    body: { cancellation_status: 'cancellation_requested' },
  });
});
