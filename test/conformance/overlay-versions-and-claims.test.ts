import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  invalidInput,
  type OpenedReview,
  said,
  startApi,
  type TestApi,
  valueAt,
} from '../support/api.js';
import { actionsOf, overlayOf, overlayPath, saying, standing } from './overlay-harness.js';

let api: TestApi;
let ann: Caller;
let ben: Caller;
let boss: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  ben = await api.person('u_ben', { groups: ['finance'] });
  boss = await api.person('u_boss', { groups: ['legal'] });
});
afterAll(() => api.stop());

const FINANCE = { review: { groups: ['finance'] } };

describe('versions', () => {
  test('answers the overlay with the new head', async () => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).edit(0, { total_amount: 1 }, { note: 'typo' });
    expect(reply.status).toBe(200);
    expect(standing(reply.body)).toEqual({
      status: 'awaiting_review',
      rev: 1,
      head_seq: 1,
      effective_seq: null,
    });
    expect(valueAt(reply.body, 'versions', 1)).toMatchObject({
      seq: 1,
      parent_seq: 0,
      author: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
      origin: 'human_edit',
      snapshot: { total_amount: 1 },
      note: 'typo',
    });
    expect(valueAt(reply.body, 'audit', 1)).toMatchObject({
      action: 'version_added',
      actor: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
      rev_observed: 0,
      rev_result: 1,
    });
  });

  test('`origin` says who made it: human_edit or agent_edit', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    const reply = await overlay.edit(0, { n: 1 }, { origin: 'agent_edit' });
    expect(valueAt(reply.body, 'versions', 1, 'origin')).toBe('agent_edit');
    expect(said(await overlay.edit(1, { n: 2 }, { origin: 'revert' }))).toEqual(
      invalidInput({
        loc: ['body', 'origin'],
        msg: "Expected one of 'human_edit', 'agent_edit'.",
        type: 'enum',
      }),
    );
  });

  test('`parent_seq` defaults to the head, and must exist', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { n: 1 });
    const fromHead = await overlay.edit(1, { n: 2 });
    expect(valueAt(fromHead.body, 'versions', 2, 'parent_seq')).toBe(1);
    const fromSeed = await overlay.edit(2, { n: 3 }, { parent_seq: 0 });
    expect(valueAt(fromSeed.body, 'versions', 3, 'parent_seq')).toBe(0);
    expect(said(await overlay.edit(3, { n: 4 }, { parent_seq: 4 }))).toEqual(
      invalidInput({
        loc: ['body', 'parent_seq'],
        msg: 'There is no version with seq 4: this overlay has 0 to 3.',
        type: 'value_error',
      }),
    );
  });

  test('`command_id` gives the same version once', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    const first = await overlay.edit(0, { n: 1 }, { command_id: 'v-1' });
    const again = await overlay.edit(0, { n: 1 }, { command_id: 'v-1' });
    expect(said(again)).toEqual(said(first));
    expect((await overlay.edit(1, { n: 2 }, { command_id: 'v-1' })).status).toBe(409);
  });

  test('the content of the head changes nothing', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { n: 1 });
    expect(standing((await overlay.edit(1, { n: 1 })).body)).toMatchObject({ rev: 1, head_seq: 1 });
  });

  test('the content of an older version is 409: it cannot become the head again', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { n: 1 });
    const seed = { total_amount: null, vendor_name: 'Acme Corp' };
    expect(said(await overlay.edit(1, seed))).toEqual(
      saying(
        409,
        'This content is version seq 0 already: decide with effective_seq 0, or send other content.',
      ),
    );
    await overlay.edit(1, { n: 2 });
    expect(said(await overlay.edit(2, { n: 1 }, { parent_seq: 0 }))).toEqual(
      saying(
        409,
        'This content is version seq 1 already: decide with effective_seq 1, or send other content.',
      ),
    );
  });

  test('a snapshot of the wrong shape is 422', async () => {
    const review = await api.openReview({
      block: { id: 'kind', type: 'classifier' },
      snapshot: { category: 'a' },
    });
    expect(said(await overlayOf(api, review, ann).edit(0, {}))).toEqual(
      invalidInput({
        loc: ['body', 'snapshot', 'category'],
        msg: 'Expected a non-empty string, got nothing.',
        type: 'value_error',
      }),
    );
  });

  test('a snapshot that is no object is 422', async () => {
    const review = await api.openReview();
    expect(said(await overlayOf(api, review, ann).edit(0, [1]))).toEqual(
      invalidInput({
        loc: ['body', 'snapshot'],
        msg: 'Expected a JSON object.',
        type: 'dict_type',
      }),
    );
  });

  test.each([
    [
      'somebody outside every entry',
      () => boss,
      "'u_boss' may not decide this review: it needs a member of finance.",
    ],
    [
      'a service',
      () => api.service('svc_robot', 'reviews:vote-as'),
      "Only a person's vote fills an entry, and 'svc_robot' is a service: vote with a person's token.",
    ],
  ])('%s → 403', async (_who, caller, sentence) => {
    const review = await api.openReview(FINANCE);
    const reply = await overlayOf(api, review, await caller()).edit(0, { n: 1 });
    expect(said(reply)).toEqual(saying(403, sentence));
  });

  test('a decided review → 409', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.approve(0);
    expect(said(await overlay.edit(1, { n: 1 }))).toEqual(
      saying(409, `Review ${review.runId}:extract_invoice already has a decision.`),
    );
  });
});

describe('claim', () => {
  const secondsBetween = (body: unknown): number => {
    const at = (key: string): number => Date.parse(String(valueAt(body, 'claim', key)));
    return (at('expires_at') - at('claimed_at')) / 1_000;
  };

  test('says who is at work, and until when; rev + 1', async () => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).claim(0, { ttl_seconds: 60 });
    expect(reply.status).toBe(200);
    expect(standing(reply.body)).toMatchObject({ status: 'awaiting_review', rev: 1 });
    expect(valueAt(reply.body, 'claim', 'holder')).toEqual({
      kind: 'human',
      id: 'u_ann',
      display_name: 'Name of u_ann',
    });
    expect(secondsBetween(reply.body)).toBe(60);
    expect(valueAt(reply.body, 'audit', 1)).toMatchObject({
      action: 'claimed',
      actor: { kind: 'human', id: 'u_ann' },
      rev_observed: 0,
      rev_result: 1,
    });
  });

  test('`ttl_seconds` is 900 by default', async () => {
    const review = await api.openReview();
    const body = { version_stamp: 0 };
    const reply = await api.post(`${overlayPath(review)}/claim`, { as: ann, body });
    expect(secondsBetween(reply.body)).toBe(900);
  });

  test.each([
    [29, 'Expected at least 30.', 'greater_than_equal'],
    [86_401, 'Expected at most 86400.', 'less_than_equal'],
  ])('`ttl_seconds` of %i → 422', async (ttl_seconds, msg, type) => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).claim(0, { ttl_seconds });
    expect(said(reply)).toEqual(invalidInput({ loc: ['body', 'ttl_seconds'], msg, type }));
  });

  test.each([30, 86_400])('`ttl_seconds` of %i is taken', async (ttl_seconds) => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).claim(0, { ttl_seconds });
    expect(secondsBetween(reply.body)).toBe(ttl_seconds);
  });

  test('is renewable by its holder', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    const first = await overlay.claim(0, { ttl_seconds: 60 });
    const renewed = await overlay.claim(1, { ttl_seconds: 3_600 });
    expect(standing(renewed.body)).toMatchObject({ rev: 2 });
    expect(valueAt(renewed.body, 'claim', 'claimed_at')).toBe(
      valueAt(first.body, 'claim', 'claimed_at'),
    );
    expect(secondsBetween(renewed.body)).toBeGreaterThanOrEqual(3_600);
  });

  test('held by somebody else and not expired → 409', async () => {
    const review = await api.openReview(FINANCE);
    const held = await overlayOf(api, review, ann).claim(0);
    const until = String(valueAt(held.body, 'claim', 'expires_at'));
    const refused = saying(
      409,
      `This overlay is claimed by Name of u_ann until ${until}: wait, or decide without claiming it.`,
    );
    expect(said(await overlayOf(api, review, ben).claim(1))).toEqual(refused);
    expect(said(await overlayOf(api, review, ben).release(1))).toEqual(refused);
    expect(valueAt((await overlayOf(api, review, ann).get()).body, 'claim', 'holder', 'id')).toBe(
      'u_ann',
    );
  });

  test('once it has expired it is null, and anybody’s to take', async () => {
    const review = await api.openReview(FINANCE);
    await overlayOf(api, review, ann).claim(0);
    await expire(review);
    const now = await overlayOf(api, review, ben).get();
    expect([valueAt(now.body, 'claim'), valueAt(now.body, 'rev')]).toEqual([null, 1]);
    const taken = await overlayOf(api, review, ben).claim(1);
    expect(valueAt(taken.body, 'claim', 'holder', 'id')).toBe('u_ben');
    expect(secondsBetween(taken.body)).toBe(900);
  });

  test('blocks no decision, no version and no vote by another door', async () => {
    const review = await api.openReview({
      review: { groups: [{ group: 'finance', required: 2 }] },
    });
    await overlayOf(api, review, ann).claim(0);
    expect((await overlayOf(api, review, ben).edit(1, { n: 1 })).status).toBe(200);
    expect((await overlayOf(api, review, ben).approve(2)).status).toBe(200);
  });

  test('of somebody who could not work on it → 403', async () => {
    const review = await api.openReview(FINANCE);
    expect(said(await overlayOf(api, review, boss).claim(0))).toEqual(
      saying(403, "'u_boss' may not decide this review: it needs a member of finance."),
    );
  });

  test('of a decided review → 409', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.approve(0);
    expect(said(await overlay.claim(1))).toEqual(
      saying(409, `Review ${review.runId}:extract_invoice already has a decision.`),
    );
  });

  test('twenty at once: one is granted', async () => {
    const review = await api.openReview(FINANCE);
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        overlayOf(api, review, index % 2 === 0 ? ann : ben).claim(0),
      ),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(19);
    expect(standing((await overlayOf(api, review, ann).get()).body)).toMatchObject({ rev: 1 });
  });
});

describe('release', () => {
  test('ends the claim of its holder; rev + 1', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.claim(0);
    const reply = await overlay.release(1);
    expect([reply.status, valueAt(reply.body, 'claim'), valueAt(reply.body, 'rev')]).toEqual([
      200,
      null,
      2,
    ]);
    expect(actionsOf(reply.body)).toEqual(['gate_fired', 'claimed', 'released']);
  });

  test('nothing to release → 200 unchanged', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    expect(standing((await overlay.release(0)).body)).toMatchObject({ rev: 0 });
    await overlay.claim(0);
    await expire(review);
    const reply = await overlay.release(1);
    expect([reply.status, valueAt(reply.body, 'rev')]).toEqual([200, 1]);
    expect(actionsOf(reply.body)).toEqual(['gate_fired', 'claimed']);
  });

  test('of a claim that outlives the decision is still its holder’s', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.claim(0);
    await overlay.approve(1);
    const reply = await overlay.release(2);
    expect(standing(reply.body)).toMatchObject({ status: 'approved', rev: 3 });
    expect(valueAt(reply.body, 'claim')).toBeNull();
  });
});

/** Lets the claim of a review end now. */
async function expire(review: OpenedReview): Promise<void> {
  await sql`update hold set expires_at = clock_timestamp() where review_id = ${review.id}`.execute(
    api.db,
  );
}
