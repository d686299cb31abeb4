import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WAY_OUT } from '../../src/domain/decidable.js';
import {
  type Caller,
  type OpenedReview,
  type Reply,
  startApi,
  type TestApi,
  valueAt,
} from '../support/api.js';

let api: TestApi;
let ann: Caller;
let owner: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  owner = await api.person('u_owner', { groups: ['finance'] });
});
afterAll(() => api.stop());

const manual = { groups: ['finance'], placement: 'input', release: 'manual' };
const approve = ({ path, seedId }: OpenedReview, as: Caller): Promise<Reply> =>
  api.post(`${path}/approve`, { as, body: { version_id: seedId } });
const takeBack = ({ path }: OpenedReview, as: Caller, more: object = {}): Promise<Reply> =>
  api.post(`${path}/withdraw`, { as, body: { reason: 'the wrong one', ...more } });
const reassign = ({ path }: OpenedReview, as: Caller, entry: string, to: object): Promise<Reply> =>
  api.post(`${path}/reassign`, { as, body: { entry, to, reason: 'left us' } });
const explain = async ({ path }: OpenedReview): Promise<unknown> =>
  (await api.get(`${path}/explain`)).body;

describe('whoever approved takes it back', () => {
  test.each([
    ['without a word on what', {}],
    ['calling it revoked', { verdict: 'revoked' }],
    ['naming it', { what: 'own_approval' }],
  ])('%s: the review is open again, and its owner cannot execute it', async (_how, body) => {
    const review = await api.openReview({ owner, review: manual });
    await approve(review, ann);
    expect((await api.get(`${review.path}/context`, { as: ann })).body).toMatchObject({
      my: { take_back: { allowed: true }, withdraw: { allowed: false } },
    });
    expect(await takeBack(review, ann, body)).toMatchObject({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'resumed',
        review: { status: 'PENDING', decision: null },
      },
    });
    const run = await api.get(`/v1/workflows/runs/${review.runId}`);
    expect(valueAt(run.body, 'lifecycle', 'status')).not.toBe('cancelled');
    expect((await api.post(`/api/sessions/${review.stepId}/exec`, { as: owner })).status).toBe(403);
    expect((await takeBack(review, ann, body)).body).toMatchObject({
      submission_status: 'already_applied',
    });
    expect((await api.get(`${review.path}/context`, { as: ann })).body).toMatchObject({
      my: { take_back: { allowed: false }, vote: null },
    });
    const { body: votes } = await api.get(`${review.path}/votes`);
    expect(valueAt(votes, 'data', 1)).toMatchObject({ kind: 'withdrawn', actor: { id: 'u_ann' } });
  });

  test('and an admin who approved says which of the two they mean', async () => {
    const open = () => api.openReview({ owner, review: { placement: 'input', release: 'manual' } });
    const [one, other] = [await open(), await open()];
    await approve(one, api.admin);
    await approve(other, api.admin);
    expect((await takeBack(one, api.admin, { what: 'own_approval' })).body).toMatchObject({
      review: { status: 'PENDING' },
    });
    expect((await takeBack(other, api.admin)).body).toMatchObject({
      review: { status: 'REVOKED' },
    });
  });

  test('and whoever did not has nothing to take back', async () => {
    const review = await api.openReview({ owner, review: manual });
    expect(await takeBack(review, ann, { what: 'own_approval' })).toMatchObject({
      status: 409,
      body: { detail: { code: 'no_approval_of_yours' } },
    });
    expect(
      (await takeBack(review, ann, { what: 'own_approval', verdict: 'rejected' })).status,
    ).toBe(422);
  });

  test('is in the overlay’s audit as what reopened it', async () => {
    const review = await api.openReview({ owner, review: manual });
    await approve(review, ann);
    await takeBack(review, ann);
    const { body } = await api.get(`/v1/workflows/reviews/${review.runId}/${review.row.blockId}`);
    expect(JSON.stringify(body)).toContain('"action":"reopened"');
  });
});

describe('a review that nobody can decide any more', () => {
  test('is named by the removal that caused it, in its explanation, and an admin reassigns it', async () => {
    const cfo = await api.person('u_cfo');
    const review = await api.openReview({ owner, review: { reviewers: [{ id: cfo.id }] } });
    const kept = await api.openReview({ owner, review: { groups: ['finance'] } });
    expect(String(valueAt(await explain(review), 'waiting_for'))).not.toMatch(/nobody/i);
    const removal = await api.send('DELETE', '/v1/users/u_cfo');
    expect(removal.body).toMatchObject({
      removed: true,
      warnings: [{ code: 'reviews_nobody_can_decide', count: 1, review_ids: [review.id] }],
    });
    expect(JSON.stringify(removal.body)).not.toContain(kept.id);
    expect(String(valueAt(await explain(review), 'waiting_for'))).toMatch(
      /nobody can give it.*reassign/i,
    );

    expect((await reassign(review, ann, 'user:u_cfo', { reviewer: 'u_ann' })).status).toBe(403);
    expect(await reassign(review, api.admin, 'user:u_cfo', { reviewer: 'u_nobody' })).toMatchObject(
      {
        status: 404,
        body: { detail: { code: 'assignee_not_found' } },
      },
    );
    expect(await reassign(review, api.admin, 'user:none', { reviewer: 'u_ann' })).toMatchObject({
      status: 404,
      body: { detail: { code: 'entry_not_found' } },
    });
    expect(await reassign(review, api.admin, 'user:u_cfo', { reviewer: 'u_ann' })).toMatchObject({
      status: 200,
      body: { submission_status: 'accepted', resume_status: 'resumed' },
    });
    expect(await explain(review)).toMatchObject({
      waiting_for: 'It is waiting for reviewer u_ann.',
      missing: [{ key: 'user:u_cfo', subject: 'u_ann', could_fill: [{ id: 'u_ann' }] }],
    });
    const { body: votes } = await api.get(`${review.path}/votes`);
    expect(valueAt(votes, 'data', 0)).toMatchObject({
      kind: 'reassigned',
      entry: 'user:u_cfo',
      to: { kind: 'reviewer', subject: 'u_ann' },
      reason: 'left us',
    });
    expect((await approve(review, ann)).body).toMatchObject({ review: { status: 'APPROVED' } });
  });

  test('is named by the change of groups that caused it, once', async () => {
    await api.person('u_tax', { groups: ['tax'] });
    const review = await api.openReview({ owner, review: { groups: ['tax'] } });
    const about = { name: 'Tax', email: 'tax@example.com' };
    const put = (groups: readonly string[]): Promise<Reply> =>
      api.send('PUT', '/v1/users/u_tax', { body: { ...about, groups } });
    expect((await put(['tax', 'more'])).body).toMatchObject({ warnings: [] });
    expect((await put(['more'])).body).toMatchObject({ warnings: [{ review_ids: [review.id] }] });
    expect((await put([])).body).toMatchObject({ warnings: [] });
  });

  test('is none while somebody may use its override, in the answer to a change as in its explanation', async () => {
    const ola = await api.person('u_ola', { groups: ['oncall'] });
    const review = await api.openReview({
      owner,
      review: { groups: ['empty'], force_approval_groups: ['oncall'] },
    });
    expect(await explain(review)).toMatchObject({
      waiting_for: 'It is waiting for a member of empty.',
    });
    expect((await api.send('DELETE', `/v1/users/${ola.id}`)).body).toMatchObject({
      warnings: [
        {
          review_ids: [review.id],
          message: `Nobody can decide 1 open review any more: ${WAY_OUT}.`,
        },
      ],
    });
    expect(String(valueAt(await explain(review), 'waiting_for'))).toContain(WAY_OUT);
  });

  test('because its owner is the last member of the group says so', async () => {
    await api.person('u_one', { groups: ['two'] });
    const last = await api.person('u_last', { groups: ['two'] });
    const review = await api.openReview({
      owner: last,
      review: { groups: [{ group: 'two', required: 2 }] },
    });
    expect(String(valueAt(await explain(review), 'waiting_for'))).toMatch(/nobody/i);
  });
});
