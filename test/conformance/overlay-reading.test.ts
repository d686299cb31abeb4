import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  domainError,
  invalidInput,
  type OpenedReview,
  said,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';
import { isJsonObject } from '../../src/domain/json.js';
import { overlayOf, overlayPath, saying, standing } from './overlay-harness.js';

let api: TestApi;
let ann: Caller;
let ben: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  ben = await api.person('u_ben', { groups: ['legal'] });
});
afterAll(() => api.stop());

const QUEUE = '/v1/workflows/reviews';

describe('an overlay', () => {
  test('has every field of the contract', async () => {
    const review = await api.openReview({ workflowId: 'wf_invoices' });
    const at = review.row.createdAt.toISOString();
    const wfv: unknown = expect.stringMatching(/^wfv_[A-Z2-7]{26}$/);
    const entryId: unknown = expect.stringMatching(/^aud_\d+$/);
    const time: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(said(await overlayOf(api, review, ann).get())).toEqual({
      status: 200,
      body: {
        _id: `${review.runId}:extract_invoice`,
        organization_id: 'prj_default',
        workflow_id: 'wf_invoices',
        workflow_version_id: wfv,
        workflow_run_id: review.runId,
        block_id: 'extract_invoice',
        block_run_id: `${review.runId}_extract_invoice`,
        block_type: 'extract',
        type: 'extract',
        review_id: review.id,
        triggered_by: { kind: 'always' },
        priority: 0,
        status: 'awaiting_review',
        awaiting_since: at,
        decided_at: null,
        rev: 0,
        claim: null,
        head_seq: 0,
        effective_seq: null,
        versions: [
          {
            seq: 0,
            parent_seq: null,
            author: { kind: 'agent', id: 'u_admin', display_name: 'u_admin' },
            origin: 'model_output',
            snapshot: { total_amount: null, vendor_name: 'Acme Corp' },
            // of {"total_amount":null,"vendor_name":"Acme Corp"}
            content_sha256: SHA256_OF_THE_SEED,
            note: null,
            created_at: at,
          },
        ],
        decisions: [],
        audit: [
          {
            entry_id: entryId,
            action: 'gate_fired',
            actor: { kind: 'agent', id: 'countersign', display_name: 'Countersign' },
            at: time,
            rev_observed: 0,
            rev_result: 0,
            detail: {
              step_id: review.stepId,
              version_id: review.seedId,
              because: 'the gate asks for a review every time',
            },
          },
        ],
      },
    });
  });

  test.each([
    ['extract', 'extract', { n: 1 }],
    ['task', 'extract', { n: 1 }],
    ['classifier', 'classifier', { category: 'a' }],
    ['split', 'split', { documents: [{ name: 'a', pages: [1] }] }],
  ] as const)('of a block of type %s reports the type %s', async (type, reported, snapshot) => {
    const review = await api.openReview({ block: { id: 'b', type }, snapshot });
    const reply = await overlayOf(api, review, ann).get();
    expect([valueAt(reply.body, 'block_type'), valueAt(reply.body, 'type')]).toEqual([
      reported,
      type,
    ]);
  });

  test('shows an expression as a condition without parts', async () => {
    const review = await api.openReview({
      review: { when: 'output.total_amount == null' },
      fired: { predicate: { kind: 'expression', expression: 'output.total_amount == null' } },
    });
    expect(valueAt((await overlayOf(api, review, ann).get()).body, 'triggered_by')).toEqual({
      kind: 'json_condition',
      condition: { logical_operator: 'and', sub_conditions: [] },
      expression: 'output.total_amount == null',
    });
  });

  test('is 404 until the gate has fired', async () => {
    const path = `${QUEUE}/run_none/extract_invoice`;
    const nothing = saying(
      404,
      "No review overlay found for run_id='run_none' block_id='extract_invoice'",
    );
    const stamped = { version_stamp: 0 };
    expect(said(await api.get(path, { as: ann }))).toEqual(nothing);
    for (const [act, body] of [
      ['decision', { ...stamped, verdict: 'approved' }],
      ['versions', { ...stamped, snapshot: {} }],
      ['claim', stamped],
      ['release', stamped],
    ] as const) {
      expect(said(await api.post(`${path}/${act}`, { as: ann, body }))).toEqual(nothing);
    }
  });

  test('of another run’s step is 404', async () => {
    const one = await api.openReview();
    const other = await api.openReview();
    const reply = await api.get(overlayPath(one, other.stepId), { as: ann });
    expect(reply.status).toBe(404);
  });

  test('answers 405 to what it does not take', async () => {
    const review = await api.openReview();
    const reply = await api.send('PUT', overlayPath(review), { as: ann, body: {} });
    expect(said(reply)).toEqual(saying(405, 'PUT is not possible here: use GET, HEAD.'));
  });

  test.each([
    ['awaiting_review', 'PENDING'],
    ['approved', 'APPROVED'],
    ['approved', 'EXECUTED'],
    ['rejected', 'REJECTED'],
    ['rejected', 'REVOKED'],
  ] as const)('is reported %s when its review is %s', async (reported, status) => {
    const review = await reviewThatIs(status);
    const reply = await overlayOf(api, review, ann).get();
    expect(valueAt(reply.body, 'status')).toBe(reported);
    const same = await api.get(`${QUEUE}/${review.id}`, { as: ann });
    expect(valueAt(same.body, 'status')).toBe(status);
  });
});

const SHA256_OF_THE_SEED = '4cb28ddfeeb2688b04e614bdfd15e7fe9c45a05360a3f6da12e0d9d7c258c256';

/** Brings a review to a status. */
async function reviewThatIs(
  status: 'PENDING' | 'APPROVED' | 'EXECUTED' | 'REJECTED' | 'REVOKED',
  about: Parameters<TestApi['openReview']>[0] = {},
): Promise<OpenedReview> {
  const held = status === 'APPROVED' ? { review: { release: { after: '1h' } } } : {};
  const review = await api.openReview({ ...held, ...about });
  const overlay = overlayOf(api, review, ann);
  switch (status) {
    case 'PENDING':
      break;
    case 'APPROVED':
    case 'EXECUTED':
      await overlay.approve(0);
      break;
    case 'REJECTED':
      await overlay.reject(0);
      break;
    case 'REVOKED':
      await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
      break;
  }
  return review;
}

describe('the queue', () => {
  test('is what a GET with `status` or `mine` and without `decision_status` means', async () => {
    const review = await api.openReview({ workflowId: 'wf_queue' });
    const overlays = await api.get(`${QUEUE}?status=awaiting_review&workflow_id=wf_queue`);
    expect(said(overlays)).toMatchObject({
      status: 200,
      body: { data: [{ _id: `${review.runId}:extract_invoice` }], has_more: false },
    });
    const mine = await api.get(`${QUEUE}?mine=true&workflow_id=wf_queue`, { as: ann });
    expect(textsAt(mine.body, 'review_id')).toEqual([review.id]);
    const partA = await api.get(
      `${QUEUE}?status=awaiting_review&decision_status=pending&workflow_id=wf_queue`,
    );
    expect(textsAt(partA.body, 'id')).toEqual([review.id]);
    expect(valueAt(partA.body, 'list_metadata')).toEqual({ before: null, after: null });
  });

  test('an item is an overlay without versions, decisions and audit', async () => {
    const review = await api.openReview({ workflowId: 'wf_item' });
    const overlay = overlayOf(api, review, ann);
    await overlay.claim(0);
    await overlay.edit(1, { total_amount: 5 });
    const whole = (await overlay.get()).body;
    const history = ['versions', 'decisions', 'audit'];
    expect(history.every((key) => Array.isArray(valueAt(whole, key)))).toBe(true);
    const summary = isJsonObject(whole)
      ? Object.fromEntries(Object.entries(whole).filter(([key]) => !history.includes(key)))
      : null;
    const reply = await api.get(`${QUEUE}?status=awaiting_review&workflow_id=wf_item`);
    expect(valueAt(reply.body, 'data')).toEqual([summary]);
    expect(standing(summary)).toMatchObject({ rev: 2, head_seq: 1 });
  });

  test('is the oldest first, all of one priority, and says whether there is more', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.push((await api.openReview({ workflowId: 'wf_order' })).id);
    }
    const page = (limit: number) =>
      api.get(`${QUEUE}?status=awaiting_review&mine=false&workflow_id=wf_order&limit=${limit}`);
    const two = await page(2);
    expect(textsAt(two.body, 'review_id')).toEqual(ids.slice(0, 2));
    expect(valueAt(two.body, 'has_more')).toBe(true);
    const three = await page(3);
    expect(textsAt(three.body, 'review_id')).toEqual(ids);
    expect(valueAt(three.body, 'has_more')).toBe(false);
  });

  test('`status` is awaiting_review, approved or rejected', async () => {
    const by: Record<string, string[]> = { awaiting_review: [], approved: [], rejected: [] };
    for (const [status, shown] of [
      ['PENDING', 'awaiting_review'],
      ['APPROVED', 'approved'],
      ['EXECUTED', 'approved'],
      ['REJECTED', 'rejected'],
      ['REVOKED', 'rejected'],
    ] as const) {
      const { id } = await reviewThatIs(status, { workflowId: 'wf_by_status' });
      by[shown]?.push(id);
    }
    for (const [status, ids] of Object.entries(by)) {
      const reply = await api.get(`${QUEUE}?status=${status}&workflow_id=wf_by_status`);
      expect(textsAt(reply.body, 'review_id')).toEqual(ids);
    }
    const waiting = await api.get(`${QUEUE}?mine=false&workflow_id=wf_by_status`);
    expect(textsAt(waiting.body, 'review_id')).toEqual(by['awaiting_review']);
  });

  test('`mine` is what the caller may fill an open entry of', async () => {
    const workflowId = 'wf_mine';
    const anybody = await api.openReview({ workflowId });
    const finance = await api.openReview({ workflowId, review: { groups: ['finance'] } });
    const both = await api.openReview({ workflowId, review: { groups: ['finance', 'legal'] } });
    const named = await api.openReview({ workflowId, review: { reviewers: [{ id: 'u_ben' }] } });
    const owned = await api.openReview({ workflowId, owner: ann });
    const mine = async (as: Caller): Promise<readonly string[]> =>
      textsAt(
        (await api.get(`${QUEUE}?mine=true&workflow_id=${workflowId}`, { as })).body,
        'review_id',
      );
    expect(await mine(ann)).toEqual([anybody.id, finance.id, both.id]);
    expect(await mine(ben)).toEqual([anybody.id, both.id, named.id, owned.id]);
    await overlayOf(api, both, ann).approve(0);
    expect(await mine(ann)).toEqual([anybody.id, finance.id]);
    expect(await mine(ben)).toContain(both.id);
    expect(await mine(await api.service('svc_reader', 'reviews:read'))).toEqual([]);
  });

  test.each([
    [
      'status=escalated',
      {
        loc: ['query', 'status'],
        msg: "Expected one of 'awaiting_review', 'approved', 'rejected'.",
        type: 'enum',
      },
    ],
    [
      'mine=perhaps',
      {
        loc: ['query', 'mine'],
        msg: "Expected one of '0', '1', 'true', 'false', 'True', 'False'.",
        type: 'enum',
      },
    ],
    [
      'mine=true&limit=0',
      { loc: ['query', 'limit'], msg: 'Expected at least 1.', type: 'greater_than_equal' },
    ],
    [
      'mine=true&limit=201',
      { loc: ['query', 'limit'], msg: 'Expected at most 200.', type: 'less_than_equal' },
    ],
  ])('?%s is 422', async (query, problem) => {
    expect(said(await api.get(`${QUEUE}?${query}`))).toEqual(invalidInput(problem));
  });
});

describe('a block with several reviews in its run', () => {
  let runId: string;
  let first: { readonly id: string; readonly stepId: string };
  let second: { readonly id: string; readonly stepId: string };

  beforeAll(async () => {
    const block = { id: 'check', type: 'task', executor: { kind: 'supplied' }, review: {} };
    await api.send('PUT', '/v1/workflows/wf_each', { body: { blocks: [block] } });
    const started = await api.post('/v1/workflows/runs', {
      body: { workflow_id: 'wf_each', json_inputs: { check: { n: 1 } } },
    });
    runId = textAt(started.body, 'id');
    await api.progress.begin(runId);
    const whole = await api.db
      .selectFrom('step')
      .selectAll()
      .where('runId', '=', runId)
      .executeTakeFirstOrThrow();
    await api.db
      .insertInto('step')
      .values(
        ['0', '1'].map((key) => ({ ...whole, id: `${runId}_check@${key}`, iterationKey: key })),
      )
      .execute();
    first = await api.progress.openReview(runId, 'check@0');
    second = await api.progress.openReview(runId, 'check@1');
  });

  const at = (blockId: string) => api.get(`${QUEUE}/${runId}/${blockId}`, { as: ann });

  test.each(['as it is', 'percent-encoded'])('is addressed by its step id, %s', async (how) => {
    const asIs = how === 'as it is';
    const id = `${runId}_check@1`;
    const reply = await at(asIs ? id : encodeURIComponent(id));
    expect(said(reply)).toMatchObject({
      status: 200,
      body: {
        _id: `${runId}:${id}`,
        block_id: id,
        block_run_id: id,
        review_id: second.id,
      },
    });
  });

  test('its bare block id is 409, and names the step ids', async () => {
    const several = saying(
      409,
      `Block 'check' has several reviews in run '${runId}': put a step id in place of the block id (${first.stepId}, ${second.stepId}).`,
    );
    expect(said(await at('check'))).toEqual(several);
    for (const act of ['decision', 'versions', 'claim', 'release']) {
      const body = { verdict: 'approved', snapshot: {}, version_stamp: 0 };
      const reply = await api.post(`${QUEUE}/${runId}/check/${act}`, { as: ann, body });
      expect(said(reply)).toEqual(several);
    }
  });

  test('is reported by its step id in the queue', async () => {
    const reply = await api.get(`${QUEUE}?status=awaiting_review&workflow_id=wf_each`);
    expect(textsAt(reply.body, 'block_id')).toEqual([first.stepId, second.stepId]);
  });

  test('is decided by its step id, and its sibling is left alone', async () => {
    const body = { verdict: 'approved', version_stamp: 0 };
    const path = `${QUEUE}/${runId}/${first.stepId}/decision`;
    expect((await api.post(path, { as: ann, body })).status).toBe(200);
    expect(valueAt((await at(second.stepId)).body, 'status')).toBe('awaiting_review');
    const again = await api.post(path, {
      as: ann,
      body: { ...body, verdict: 'rejected', reason: 'no', version_stamp: 1 },
    });
    expect(said(again)).toEqual(
      saying(409, `Review ${runId}:${first.stepId} already has a decision.`),
    );
  });
});

describe('routing', () => {
  test('the literal `versions` comes first', async () => {
    const reply = await api.get(`${QUEUE}/versions/rvr_none`);
    expect(said(reply)).toEqual(
      domainError(
        404,
        'version_not_found',
        "There is no version 'rvr_none' in this project: check the id, or list what there is.",
      ),
    );
  });

  test('then what begins with `rev_`: nothing of it is an overlay', async () => {
    const reply = await api.get(`${QUEUE}/rev_none/extract_invoice`);
    expect(said(reply)).toEqual(
      domainError(
        404,
        'review_not_found',
        `There is no review '${QUEUE}/rev_none/extract_invoice' in this project: check the id, or list what there is.`,
      ),
    );
  });
});
