import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Caller,
  invalidInput,
  type OpenedReview,
  type OpenReview,
  said,
  startApi,
  type TestApi,
  valueAt,
} from '../support/api.js';
import { actionsOf, overlayOf, overlayPath, saying, stale, standing } from './overlay-harness.js';

let api: TestApi;
let ann: Caller;
let ben: Caller;
let cy: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  ben = await api.person('u_ben', { groups: ['legal'] });
  cy = await api.person('u_cy');
});
beforeEach(() => {
  api.delivery = 'delivers';
  api.onForward = null;
});
afterAll(() => api.stop());

const FINANCE_AND_LEGAL: OpenReview = { review: { groups: ['finance', 'legal'] } };

async function factCount(review: OpenedReview): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from fact where review_id = ${review.id}`.execute(api.db);
  return rows[0]?.count ?? -1;
}

async function versionCount(review: OpenedReview): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from version where review_id = ${review.id}`.execute(api.db);
  return rows[0]?.count ?? -1;
}

describe('approved', () => {
  test('answers accepted and the overlay with its decision', async () => {
    const review = await api.openReview();
    const before = api.forwarded.length;
    const reply = await overlayOf(api, review, ann).approve(0);
    const decidedAt = valueAt(reply.body, 'overlay', 'decided_at');
    const decisionId: unknown = expect.stringMatching(/^dec_[A-Z2-7]{26}$/);
    expect(reply.status).toBe(200);
    expect(valueAt(reply.body, 'submission_status')).toBe('accepted');
    expect(standing(reply.body)).toEqual({
      status: 'approved',
      rev: 1,
      head_seq: 0,
      effective_seq: 0,
    });
    expect(valueAt(reply.body, 'overlay', 'decisions')).toEqual([
      {
        decision_id: decisionId,
        verdict: 'approved',
        decided_by: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
        decided_at: decidedAt,
        on_seq: 0,
        effective_seq: 0,
        reason: null,
        supersedes_decision_id: null,
      },
    ]);
    expect(api.forwarded).toHaveLength(before + 1);
  });

  test('`reason` is ignored', async () => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).approve(0, { reason: '  ' });
    expect(valueAt(reply.body, 'overlay', 'decisions', 0, 'reason')).toBeNull();
    expect(reply.status).toBe(200);
  });

  test('keys that are not known are ignored', async () => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).approve(0, { actor_kind: 'human' });
    expect(reply.status).toBe(200);
  });

  test('with several entries is one vote: accepted, still awaiting review, rev + 1', async () => {
    const review = await api.openReview(FINANCE_AND_LEGAL);
    const first = await overlayOf(api, review, ann).approve(0);
    expect(valueAt(first.body, 'submission_status')).toBe('accepted');
    expect(standing(first.body)).toEqual({
      status: 'awaiting_review',
      rev: 1,
      head_seq: 0,
      effective_seq: null,
    });
    expect(valueAt(first.body, 'overlay', 'decisions')).toEqual([]);
    expect(actionsOf(first.body)).toEqual(['gate_fired', 'decision_made']);
    const last = await overlayOf(api, review, ben).approve(1);
    expect(standing(last.body)).toMatchObject({ status: 'approved', rev: 2 });
    expect(valueAt(last.body, 'overlay', 'decisions', 0, 'decided_by', 'id')).toBe('u_ben');
  });

  test('the same vote again with the present stamp is already_applied', async () => {
    const review = await api.openReview(FINANCE_AND_LEGAL);
    await overlayOf(api, review, ann).approve(0);
    const again = await overlayOf(api, review, ann).approve(1);
    expect(valueAt(again.body, 'submission_status')).toBe('already_applied');
    expect(standing(again.body)).toMatchObject({ status: 'awaiting_review', rev: 1 });
    expect(await factCount(review)).toBe(1);
  });

  test('the answer is a success though Temporal is away', async () => {
    const review = await api.openReview();
    api.delivery = 'finds Temporal away';
    const reply = await overlayOf(api, review, ann).approve(0);
    expect([reply.status, valueAt(reply.body, 'submission_status')]).toEqual([200, 'accepted']);
  });
});

describe('rejected', () => {
  test('decides, and cancels the run', async () => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).reject(0);
    expect(standing(reply.body)).toEqual({
      status: 'rejected',
      rev: 1,
      head_seq: 0,
      effective_seq: null,
    });
    expect(valueAt(reply.body, 'overlay', 'decisions', 0)).toMatchObject({
      verdict: 'rejected',
      on_seq: 0,
      effective_seq: null,
      reason: 'the total is wrong',
    });
    const run = await api.get(`/v1/workflows/runs/${review.runId}`);
    expect(valueAt(run.body, 'lifecycle')).toEqual({
      status: 'cancelled',
      reason: 'the total is wrong',
    });
  });

  test('names the version that was rejected', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { total_amount: 1 });
    const reply = await overlay.reject(1, { on_seq: 0 });
    expect(valueAt(reply.body, 'overlay', 'decisions', 0)).toMatchObject({
      on_seq: 0,
      effective_seq: null,
    });
  });
});

describe('`edited_output`', () => {
  test('is appended and approved in one transaction', async () => {
    const review = await api.openReview();
    const edited_output = { total_amount: 325, vendor_name: 'Acme Corp' };
    const reply = await overlayOf(api, review, ann).approve(0, { edited_output });
    expect(standing(reply.body)).toEqual({
      status: 'approved',
      rev: 2,
      head_seq: 1,
      effective_seq: 1,
    });
    expect(valueAt(reply.body, 'overlay', 'decisions', 0)).toMatchObject({
      on_seq: 1,
      effective_seq: 1,
    });
    expect(valueAt(reply.body, 'overlay', 'versions', 1)).toMatchObject({
      seq: 1,
      parent_seq: 0,
      author: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
      origin: 'human_edit',
      snapshot: edited_output,
      note: null,
    });
    expect(valueAt(reply.body, 'overlay', 'versions', 0)).toMatchObject({
      origin: 'model_output',
      snapshot: { total_amount: null, vendor_name: 'Acme Corp' },
    });
    expect(actionsOf(reply.body)).toEqual(['gate_fired', 'version_added', 'decision_made']);
  });

  test('`reviewable_value` means the same', async () => {
    const review = await api.openReview();
    const about = { reviewable_value: { total_amount: 2 } };
    const reply = await overlayOf(api, review, ann).approve(0, about);
    expect(valueAt(reply.body, 'overlay', 'versions', 1, 'snapshot')).toEqual({ total_amount: 2 });
  });

  test('is made from `on_seq`, else from the head', async () => {
    const review = await api.openReview(FINANCE_AND_LEGAL);
    await overlayOf(api, review, ann).edit(0, { total_amount: 1 });
    const fromHead = await overlayOf(api, review, ann).approve(1, {
      edited_output: { total_amount: 2 },
    });
    expect(valueAt(fromHead.body, 'overlay', 'versions', 2, 'parent_seq')).toBe(1);
    const fromSeed = await overlayOf(api, review, ben).approve(3, {
      on_seq: 0,
      edited_output: { total_amount: 3 },
    });
    expect(valueAt(fromSeed.body, 'overlay', 'versions', 3, 'parent_seq')).toBe(0);
  });

  test.each([
    ['the head’s', { total_amount: 9 }, 1],
    ['an older one’s', { total_amount: null, vendor_name: 'Acme Corp' }, 0],
  ])('content that is %s is not appended again: its seq is used', async (_whose, content, seq) => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { total_amount: 9 });
    const reply = await overlay.approve(1, { edited_output: content });
    expect(standing(reply.body)).toEqual({
      status: 'approved',
      rev: 2,
      head_seq: 1,
      effective_seq: seq,
    });
    expect(valueAt(reply.body, 'overlay', 'decisions', 0, 'on_seq')).toBe(seq);
  });

  test('that equals what is there may be sent where no corrections are taken', async () => {
    const review = await api.openReview({ review: { corrections: 'none' } });
    const seed = { total_amount: null, vendor_name: 'Acme Corp' };
    const refusal = await overlayOf(api, review, ann).approve(0, { edited_output: {} });
    expect(said(refusal)).toEqual(
      saying(
        403,
        `The gate of review '${review.id}' takes no corrections: approve or reject the version that is there.`,
      ),
    );
    const reply = await overlayOf(api, review, ann).approve(0, { edited_output: seed });
    expect(standing(reply.body)).toMatchObject({ status: 'approved', effective_seq: 0 });
  });

  test('no version stays if the vote fails', async () => {
    const review = await api.openReview({
      review: { groups: ['finance'], correction_author_may_approve: false },
    });
    const reply = await overlayOf(api, review, ann).approve(0, { edited_output: { n: 1 } });
    expect(said(reply)).toMatchObject({ status: 403 });
    expect(await versionCount(review)).toBe(1);
    const now = await overlayOf(api, review, ann).get();
    expect(standing(now.body)).toMatchObject({ status: 'awaiting_review', rev: 0, head_seq: 0 });
    expect(actionsOf(now.body)).toEqual(['gate_fired']);
  });

  test.each([
    [
      'of the wrong shape',
      { category: 'invoice', certainty: 1 },
      {
        loc: ['body', 'edited_output', 'certainty'],
        msg: 'Unknown key; accepted: "category".',
        type: 'value_error',
      },
    ],
    ['that JSON cannot carry to everybody', { category: 'a', n: 2 ** 53 }, null],
  ])('%s is 422', async (_what, edited_output, problem) => {
    const review = await api.openReview({
      block: { id: 'kind', type: 'classifier' },
      snapshot: { category: 'invoice' },
    });
    const reply = await overlayOf(api, review, ann).approve(0, { edited_output });
    expect(reply.status).toBe(422);
    expect(valueAt(reply.body, 'detail', 0, 'loc', 1)).toBe('edited_output');
    if (problem !== null) {
      expect(said(reply)).toEqual(invalidInput(problem));
    }
    expect(await versionCount(review)).toBe(1);
  });

  test('that is too large is 413', async () => {
    const review = await api.openReview();
    const edited_output = { text: 'x'.repeat(8 * 1024 * 1024) };
    const reply = await overlayOf(api, review, ann).approve(0, { edited_output });
    const bytes = JSON.stringify(edited_output).length;
    expect(said(reply)).toEqual(
      saying(
        413,
        `edited_output takes ${bytes} bytes as canonical JSON, and at most 8388608 are accepted: make it smaller, or refer to large content by a link.`,
      ),
    );
  });
});

describe('`on_seq` and `effective_seq`', () => {
  test('`effective_seq` is what flows downstream, `on_seq` what was looked at', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { total_amount: 1 });
    const reply = await overlay.approve(1, { on_seq: 1, effective_seq: 0 });
    expect(standing(reply.body)).toMatchObject({ head_seq: 1, effective_seq: 0 });
    expect(valueAt(reply.body, 'overlay', 'decisions', 0)).toMatchObject({
      on_seq: 1,
      effective_seq: 0,
    });
    const step = await api.get(`/v1/workflows/steps/${review.stepId}`);
    expect(valueAt(step.body, 'handle_outputs', 'output-json-0', 'data')).toEqual({
      total_amount: null,
      vendor_name: 'Acme Corp',
    });
  });

  test('`effective_seq` defaults to `on_seq`, and that to the head', async () => {
    const one = await api.openReview();
    await overlayOf(api, one, ann).edit(0, { total_amount: 1 });
    expect(standing((await overlayOf(api, one, ann).approve(1)).body)).toMatchObject({
      effective_seq: 1,
    });
    const other = await api.openReview();
    await overlayOf(api, other, ann).edit(0, { total_amount: 1 });
    const reply = await overlayOf(api, other, ann).approve(1, { on_seq: 0 });
    expect(standing(reply.body)).toMatchObject({ effective_seq: 0 });
  });

  test.each(['on_seq', 'effective_seq'] as const)('%s must exist', async (key) => {
    const review = await api.openReview();
    const reply = await overlayOf(api, review, ann).approve(0, { [key]: 1 });
    expect(said(reply)).toEqual(
      invalidInput({
        loc: ['body', key],
        msg: 'There is no version with seq 1: this overlay has 0 to 0.',
        type: 'value_error',
      }),
    );
    expect(await factCount(review)).toBe(0);
  });
});

describe('the rules of the body', () => {
  let review: OpenedReview;
  beforeAll(async () => {
    review = await api.openReview();
  });
  const NOT_APPROVAL = 'leave it out of a rejection.';

  test.each([
    [
      '`version_stamp` is required',
      { verdict: 'approved' },
      { loc: ['body', 'version_stamp'], msg: 'This is required: send it.', type: 'missing' },
    ],
    [
      '`version_stamp` is an integer',
      { verdict: 'approved', version_stamp: 0.5 },
      {
        loc: ['body', 'version_stamp'],
        msg: 'Expected a whole number, got a number.',
        type: 'int_type',
      },
    ],
    [
      '`version_stamp` is no text',
      { verdict: 'approved', version_stamp: '0' },
      {
        loc: ['body', 'version_stamp'],
        msg: 'Expected a number, got a string.',
        type: 'number_type',
      },
    ],
    [
      '`version_stamp` is at least 0',
      { verdict: 'approved', version_stamp: -1 },
      {
        loc: ['body', 'version_stamp'],
        msg: 'Expected at least 0.',
        type: 'greater_than_equal',
      },
    ],
    [
      'a verdict is required',
      { version_stamp: 0 },
      { loc: ['body', 'verdict'], msg: 'This is required: send it.', type: 'missing' },
    ],
    [
      'the verdict `escalated` is not served',
      { verdict: 'escalated', version_stamp: 0, reason: 'over my head' },
      {
        loc: ['body', 'verdict'],
        msg: "Expected one of 'approved', 'rejected'.",
        type: 'enum',
      },
    ],
    [
      'a non-null `escalate_to` is not served',
      { verdict: 'approved', version_stamp: 0, escalate_to: 'u_ben' },
      {
        loc: ['body', 'escalate_to'],
        msg: 'Reviews are not escalated by this route: leave escalate_to out.',
        type: 'null_type',
      },
    ],
    [
      '`edited_output` only with `approved`',
      { verdict: 'rejected', version_stamp: 0, reason: 'no', edited_output: {} },
      {
        loc: ['body', 'edited_output'],
        msg: `Only an approval has edited_output: ${NOT_APPROVAL}`,
        type: 'value_error',
      },
    ],
    [
      '`effective_seq` only with `approved`',
      { verdict: 'rejected', version_stamp: 0, reason: 'no', effective_seq: 0 },
      {
        loc: ['body', 'effective_seq'],
        msg: `Only an approval has effective_seq: ${NOT_APPROVAL}`,
        type: 'value_error',
      },
    ],
    [
      '`edited_output` and `effective_seq` not both',
      { verdict: 'approved', version_stamp: 0, edited_output: {}, effective_seq: 0 },
      {
        loc: ['body', 'effective_seq'],
        msg: 'What was edited becomes effective: leave effective_seq out.',
        type: 'value_error',
      },
    ],
    [
      '`edited_output` and `reviewable_value` not both',
      { verdict: 'approved', version_stamp: 0, edited_output: {}, reviewable_value: {} },
      {
        loc: ['body', 'reviewable_value'],
        msg: 'It means the same as edited_output: send one of them.',
        type: 'value_error',
      },
    ],
    [
      '`reason` with `rejected`',
      { verdict: 'rejected', version_stamp: 0, reason: null },
      {
        loc: ['body', 'reason'],
        msg: 'A rejection needs a reason: say in some words what is wrong.',
        type: 'value_error',
      },
    ],
    [
      '`reason` non-blank with `rejected`',
      { verdict: 'rejected', version_stamp: 0, reason: ' \n' },
      {
        loc: ['body', 'reason'],
        msg: 'A rejection needs a reason: say in some words what is wrong.',
        type: 'value_error',
      },
    ],
  ])('%s', async (_rule, body, problem) => {
    const reply = await api.post(`${overlayPath(review)}/decision`, { as: ann, body });
    expect(said(reply)).toEqual(invalidInput(problem));
    expect(await factCount(review)).toBe(0);
  });
});

describe('`version_stamp`', () => {
  test('that is not the present rev is 409, and changes nothing but the audit', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { total_amount: 1 });
    expect(said(await overlay.approve(0))).toEqual(stale(1, 0));
    expect(said(await overlay.edit(4, {}))).toEqual(stale(1, 4));
    expect(said(await overlay.claim(0))).toEqual(stale(1, 0));
    expect(said(await overlay.release(0))).toEqual(stale(1, 0));
    const now = await overlay.get();
    expect(standing(now.body)).toMatchObject({ status: 'awaiting_review', rev: 1, head_seq: 1 });
    const rejected = { action: 'stale_write_rejected', rev_result: null };
    expect(valueAt(now.body, 'audit')).toMatchObject([
      { action: 'gate_fired', rev_observed: 0, rev_result: 0 },
      { action: 'version_added', rev_observed: 0, rev_result: 1 },
      { ...rejected, rev_observed: 0, detail: { act: 'decision', rev: 1 } },
      { ...rejected, rev_observed: 4, detail: { act: 'versions', rev: 1 } },
      { ...rejected, rev_observed: 0, detail: { act: 'claim', rev: 1 } },
      { ...rejected, rev_observed: 0, detail: { act: 'release', rev: 1 } },
    ]);
  });

  test('is counted by every change, whichever door it came in by', async () => {
    const review = await api.openReview(FINANCE_AND_LEGAL);
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    expect(said(await overlayOf(api, review, ben).approve(0))).toEqual(stale(1, 0));
  });
});

describe('`command_id`', () => {
  test('with the same body is carried out once, before the stamp is looked at', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    const about = { command_id: 'c-1', edited_output: { total_amount: 7 } };
    const first = await overlay.approve(0, about);
    expect(valueAt(first.body, 'submission_status')).toBe('accepted');
    const again = await overlay.approve(0, about);
    expect(said(again)).toEqual({
      status: 200,
      body: { submission_status: 'already_received', overlay: valueAt(first.body, 'overlay') },
    });
    expect(await factCount(review)).toBe(1);
  });

  test('with another body is 409', async () => {
    const review = await api.openReview(FINANCE_AND_LEGAL);
    await overlayOf(api, review, ann).approve(0, { command_id: 'c-1' });
    const taken = saying(
      409,
      "command_id 'c-1' was used for another request on this overlay: send that request again, or choose a new id.",
    );
    const { approve, reject, edit } = overlayOf(api, review, ann);
    expect(said(await approve(1, { command_id: 'c-1' }))).toEqual(taken);
    expect(said(await approve(0, { command_id: 'c-1', on_seq: 0 }))).toEqual(taken);
    expect(said(await reject(0, { command_id: 'c-1' }))).toEqual(taken);
    expect(said(await edit(0, {}, { command_id: 'c-1' }))).toEqual(taken);
  });

  test('of somebody else is 409: their vote is not recorded, and nobody says it is', async () => {
    const review = await api.openReview(FINANCE_AND_LEGAL);
    await overlayOf(api, review, ann).approve(0, { command_id: 'c-1' });
    const reply = await overlayOf(api, review, ben).approve(0, { command_id: 'c-1' });
    expect(reply.status).toBe(409);
    expect(await factCount(review)).toBe(1);
  });

  test('is of one overlay: another may use it again', async () => {
    const one = await api.openReview();
    const other = await api.openReview();
    for (const review of [one, other]) {
      const reply = await overlayOf(api, review, ann).approve(0, { command_id: 'c-1' });
      expect(valueAt(reply.body, 'submission_status')).toBe('accepted');
    }
  });

  test('is remembered of successes only', async () => {
    const review = await api.openReview({ review: { groups: ['finance'] } });
    const about = { command_id: 'c-1', edited_output: { total_amount: 1 } };
    expect((await overlayOf(api, review, ann).approve(5, about)).status).toBe(409);
    expect((await overlayOf(api, review, ben).approve(0, about)).status).toBe(403);
    expect(valueAt((await overlayOf(api, review, ann).approve(0, about)).body)).toMatchObject({
      submission_status: 'accepted',
    });
  });

  test('means nothing when it is null', async () => {
    const review = await api.openReview();
    await overlayOf(api, review, ann).approve(0, { command_id: null });
    expect(said(await overlayOf(api, review, ann).approve(0))).toEqual(stale(1, 0));
  });
});

describe('decided already, and the stamp is current', () => {
  test('same verdict and effective seq → already_applied', async () => {
    const review = await api.openReview();
    await overlayOf(api, review, ann).approve(0);
    const again = await overlayOf(api, review, cy).approve(1);
    expect(valueAt(again.body, 'submission_status')).toBe('already_applied');
    expect(await factCount(review)).toBe(1);
  });

  test('a late approval of an entry still open is kept, and already_applied', async () => {
    const review = await api.openReview({
      review: { groups: ['finance'], reviewers: [{ id: 'u_ben', mandatory: false }] },
    });
    await overlayOf(api, review, ann).approve(0);
    const late = await overlayOf(api, review, ben).approve(1);
    expect(valueAt(late.body, 'submission_status')).toBe('already_applied');
    expect(standing(late.body)).toMatchObject({ status: 'approved', rev: 2 });
    expect(await factCount(review)).toBe(2);
  });

  test.each([
    ['the other verdict', 'reject', {}],
    ['another effective seq', 'approve', { on_seq: 0 }],
    ['other content', 'approve', { edited_output: { total_amount: 5 } }],
  ] as const)('%s → 409', async (_what, act, about) => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { total_amount: 1 });
    await overlay.approve(1);
    const reply = await overlayOf(api, review, cy)[act](2, about);
    expect(said(reply)).toEqual(
      saying(409, `Review ${review.runId}:extract_invoice already has a decision.`),
    );
    expect(await factCount(review)).toBe(1);
    expect(await versionCount(review)).toBe(2);
  });

  test('against what the same person said before → 409, also when they repeat it', async () => {
    const review = await api.openReview({
      review: { groups: ['finance', 'legal'], on_reject: 'cancel_run' },
    });
    await overlayOf(api, review, ann).approve(0);
    await overlayOf(api, review, ben).reject(1);
    expect(said(await overlayOf(api, review, ann).approve(2))).toEqual(
      saying(409, `Review ${review.runId}:extract_invoice already has a decision.`),
    );
  });

  test('cancelled with its run → 409', async () => {
    const review = await api.openReview(FINANCE_AND_LEGAL);
    await overlayOf(api, review, ann).approve(0);
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
    const cancelled = saying(
      409,
      `The run of review '${review.id}' was cancelled: there is nothing left to decide.`,
    );
    for (const who of [ann, ben]) {
      expect(said(await overlayOf(api, review, who).approve(2))).toEqual(cancelled);
    }
    const now = await overlayOf(api, review, ann).get();
    expect(standing(now.body)).toMatchObject({ status: 'rejected', effective_seq: null });
    expect(valueAt(now.body, 'decisions')).toEqual([]);
  });
});

describe('who may not', () => {
  test('an owner who is no admin approves → 403', async () => {
    const review = await api.openReview({ owner: ann });
    expect(said(await overlayOf(api, review, ann).approve(0))).toEqual(
      saying(
        403,
        'You own this run, and only an owner who is an admin may approve it: ask another reviewer.',
      ),
    );
  });

  test('an owner who brings a correction is told of the approval, too', async () => {
    const review = await api.openReview({ owner: ann });
    const reply = await overlayOf(api, review, ann).approve(0, { edited_output: { n: 1 } });
    expect(said(reply)).toEqual(
      saying(
        403,
        'You own this run, and only an owner who is an admin may approve it: ask another reviewer.',
      ),
    );
  });

  test('somebody outside every entry → 403', async () => {
    const review = await api.openReview({ review: { groups: ['finance'] } });
    expect(said(await overlayOf(api, review, ben).approve(0))).toEqual(
      saying(403, "'u_ben' may not decide this review: it needs a member of finance."),
    );
  });

  test('a service → 403', async () => {
    const review = await api.openReview();
    const robot = await api.service('svc_robot', 'reviews:vote-as');
    expect(said(await overlayOf(api, review, robot).approve(0))).toEqual(
      saying(
        403,
        "Only a person's vote fills an entry, and 'svc_robot' is a service: vote with a person's token.",
      ),
    );
  });

  test('nobody without a credential → 401, in this contract’s form', async () => {
    const review = await api.openReview();
    const reply = await api.get(overlayPath(review), { as: null });
    expect(said(reply)).toEqual(
      saying(
        401,
        'This request carries no credential: send a token as `Authorization: Bearer <token>`.',
      ),
    );
  });
});

describe('where versions must be acknowledged', () => {
  test('the present stamp acknowledges all of them', async () => {
    const review = await api.openReview({ review: { acknowledge_superseded: true } });
    const overlay = overlayOf(api, review, ann);
    await overlay.edit(0, { total_amount: 1 });
    await overlay.edit(1, { total_amount: 2 }, { parent_seq: 0 });
    const reply = await overlay.approve(2, { on_seq: 1 });
    expect(standing(reply.body)).toMatchObject({ status: 'approved', effective_seq: 1 });
  });
});

describe('at once', () => {
  const twenty = Array.from({ length: 20 }, (_, index) => index);

  test('the same vote twenty times is recorded once', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    const replies = await Promise.all(
      twenty.map(() => overlay.approve(0, { command_id: 'one-vote' })),
    );
    const answers = replies.map(({ body }) => valueAt(body, 'submission_status'));
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'already_received')).toHaveLength(19);
    expect(await factCount(review)).toBe(1);
  });

  test('the same edited approval twenty times, without a command id, is made once', async () => {
    const review = await api.openReview();
    const overlay = overlayOf(api, review, ann);
    const replies = await Promise.all(
      twenty.map(() => overlay.approve(0, { edited_output: { total_amount: 3 } })),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(19);
    expect([await factCount(review), await versionCount(review)]).toEqual([1, 2]);
  });

  test('of two last votes one decides, and its workflow is told once', async () => {
    const review = await api.openReview({
      review: { groups: ['finance', 'legal'], min_approvals: 1 },
    });
    const replies = await Promise.all([
      overlayOf(api, review, ann).approve(0),
      overlayOf(api, review, ben).approve(0),
    ]);
    expect(replies.map(({ status }) => `${status}`).toSorted()).toEqual(['200', '409']);
    expect(api.told.filter(({ reviewId }) => reviewId === review.id)).toHaveLength(1);
  });
});
