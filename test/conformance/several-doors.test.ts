import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  type OpenedReview,
  type Reply,
  startApi,
  type TestApi,
  textAt,
  valueAt,
} from '../support/api.js';
import { put } from '../support/hoop.js';
import { ask, backend, type Backend, decideFor, replayed } from '../support/velt.js';
import { actionsOf, overlayOf, standing } from './overlay-harness.js';

let api: TestApi;
let ann: Caller;
let ben: Caller;
let cy: Caller;
let app: Backend;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  ben = await api.person('u_ben', { groups: ['legal'] });
  cy = await api.person('u_cy', { groups: ['sre'] });
  await api.person('u_di', { groups: ['risk'] });
  app = await backend(api, 'svc_app', 'reviews:vote-as', 'reviews:read');
});
afterAll(() => api.stop());

const BOTH = { review: { groups: ['finance', 'legal'] } };

/** The two contracts that name versions, as doors to one gate. */
const DOORS = {
  'part A': (review: OpenedReview, as: Caller): Promise<Reply> =>
    api.post(`${review.path}/approve`, { as, body: { version_id: review.seedId } }),
  'part B': async (review: OpenedReview, as: Caller): Promise<Reply> => {
    const overlay = overlayOf(api, review, as);
    return await overlay.approve(Number(valueAt((await overlay.get()).body, 'rev')));
  },
} as const;
type Door = keyof typeof DOORS;

describe('one gate, several doors', () => {
  test.each<[Door, Door]>([
    ['part A', 'part B'],
    ['part B', 'part A'],
    ['part A', 'part A'],
    ['part B', 'part B'],
  ])('votes by %s and then %s add up, and show in each other', async (first, second) => {
    const review = await api.openReview(BOTH);
    await DOORS[first](review, ann);
    const half = await overlayOf(api, review, ben).get();
    expect(standing(half.body)).toMatchObject({ status: 'awaiting_review', rev: 1 });
    expect(actionsOf(half.body)).toEqual(['gate_fired', 'decision_made']);
    const seen = await api.get(review.path, { as: ben });
    expect(valueAt(seen.body, 'entries', 0, 'vote', 'reviewer', 'id')).toBe('u_ann');

    expect((await DOORS[second](review, ben)).status).toBe(200);
    const overlay = await overlayOf(api, review, ann).get();
    const partA = await api.get(review.path, { as: ann });
    expect(standing(overlay.body)).toMatchObject({ status: 'approved', rev: 2, effective_seq: 0 });
    expect(valueAt(partA.body, 'status')).toBe('EXECUTED');
    const whoInA = valueAt(partA.body, 'decision', 'author');
    expect(valueAt(overlay.body, 'decisions', 0, 'decided_by')).toEqual(whoInA);
    expect(valueAt(overlay.body, 'decisions', 0, 'decided_at')).toBe(
      valueAt(partA.body, 'decision', 'decided_at'),
    );
  });

  test.each<[Door, Door]>([
    ['part A', 'part B'],
    ['part B', 'part A'],
  ])('a vote by %s is repeated by %s without a second one', async (first, second) => {
    const review = await api.openReview(BOTH);
    await DOORS[first](review, ann);
    const again = await DOORS[second](review, ann);
    expect(valueAt(again.body, 'submission_status')).toBe('already_applied');
    expect(valueAt((await api.get(review.path)).body, 'rev')).toBe(1);
  });

  test('a version of one is a version of the other', async () => {
    const review = await api.openReview(BOTH);
    const edited = await overlayOf(api, review, ann).edit(0, { total_amount: 1 });
    const versions = await api.get(`/v1/workflows/reviews/versions?review_id=${review.id}`);
    const id = textAt(versions.body, 'data', 1, 'id');
    expect(valueAt(versions.body, 'data', 1, 'content_sha256')).toBe(
      valueAt(edited.body, 'versions', 1, 'content_sha256'),
    );
    const body = { review_id: review.id, parent_id: id, snapshot: { total_amount: 2 } };
    await api.post('/v1/workflows/reviews/versions', { as: ben, body });
    const overlay = await overlayOf(api, review, ann).get();
    expect(valueAt(overlay.body, 'versions', 2)).toMatchObject({
      seq: 2,
      parent_seq: 1,
      snapshot: { total_amount: 2 },
    });
  });

  test('approvals of different versions do not add up, whichever doors they came by', async () => {
    const review = await api.openReview(BOTH);
    await overlayOf(api, review, ann).approve(0, { edited_output: { total_amount: 1 } });
    await DOORS['part A'](review, ben);
    expect(standing((await overlayOf(api, review, ann).get()).body)).toMatchObject({
      status: 'awaiting_review',
    });
    const last = await overlayOf(api, review, ben).approve(3);
    expect(standing(last.body)).toMatchObject({ status: 'approved', effective_seq: 1 });
  });

  test('two last votes at once by two doors decide once', async () => {
    const review = await api.openReview({
      review: { groups: ['finance', 'legal'], min_approvals: 1 },
    });
    const [inA, inB] = await Promise.all([
      DOORS['part A'](review, ann),
      overlayOf(api, review, ben).approve(0),
    ]);
    expect(inA.status).toBe(200);
    expect([200, 409]).toContain(inB.status);
    const entries = valueAt((await api.get(review.path)).body, 'entries');
    const overlay = await overlayOf(api, review, ann).get();
    expect(valueAt(overlay.body, 'decisions')).toHaveLength(1);
    expect(entries).toHaveLength(2);
  });

  test('a withdrawal shows as a rejection in both', async () => {
    const review = await api.openReview({
      owner: ann,
      review: { groups: ['legal'], release: { after: '1h' } },
    });
    await overlayOf(api, review, ben).approve(0);
    await api.post(`${review.path}/withdraw`, { as: ann, body: { reason: 'wrong invoice' } });
    const overlay = await overlayOf(api, review, ann).get();
    expect(standing(overlay.body)).toMatchObject({ status: 'rejected', effective_seq: null });
    expect(valueAt(overlay.body, 'decisions')).toMatchObject([
      {
        verdict: 'rejected',
        decided_by: { id: 'u_ann' },
        on_seq: 0,
        effective_seq: null,
        reason: 'wrong invoice',
      },
    ]);
  });
});

describe('one gate, all four contracts', () => {
  /** Whoever each contract shows to have voted, in order of the gate's entries. */
  async function votersSeen(review: OpenedReview): Promise<Readonly<Record<string, unknown>>> {
    const [partA, overlay, hoop] = [
      await api.get(review.path),
      await overlayOf(api, review, ann).get(),
      await api.get(`/api/reviews/${review.id}`),
    ];
    const rows = [0, 1, 2, 3];
    const idOf = (id: unknown): unknown => id ?? null;
    return {
      partA: rows.map((n) => idOf(valueAt(partA.body, 'entries', n, 'vote', 'reviewer', 'id'))),
      overlay: actionsOf(overlay.body).filter((action) => action === 'decision_made').length,
      hoop: rows.map((n) => idOf(valueAt(hoop.body, 'review_groups_data', n, 'reviewed_by', 'id'))),
    };
  }

  test('votes add up, and each shows the others', async () => {
    const review = await api.openReview({
      review: { groups: ['finance', 'legal', 'sre', 'risk'] },
    });
    await DOORS['part A'](review, ann);
    await DOORS['part B'](review, ben);
    await put(api, review, cy, { status: 'APPROVED' });
    const three = ['u_ann', 'u_ben', 'u_cy', null];
    expect(await votersSeen(review)).toEqual({ partA: three, overlay: 3, hoop: three });
    for (const who of ['u_ann', 'u_ben', 'u_cy']) {
      const again = await decideFor(api, app, review, who, { decision: 'reject' });
      expect({ status: again.status, body: again.body }).toEqual(replayed('pending'));
    }

    const last = await decideFor(api, app, review, 'u_di');
    expect(valueAt(last.body, 'result')).toEqual({
      recorded: true,
      aggregatorStatus: 'resolved',
      resumeScheduled: true,
    });
    const four = ['u_ann', 'u_ben', 'u_cy', 'u_di'];
    expect(await votersSeen(review)).toEqual({ partA: four, overlay: 4, hoop: four });
    const execution = await ask(api, app, 'executions/get', { executionId: review.runId });
    expect(valueAt(execution.body, 'result', 'steps', 0, 'output')).toMatchObject({
      approveCount: 4,
      mandatoryApproveCount: 4,
      decision: 'approve',
    });
  });
});
