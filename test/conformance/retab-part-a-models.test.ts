import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, startApi, type TestApi, valueAt } from '../support/api.js';

let api: TestApi;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
});
afterAll(() => api.stop());

const BLOCKS = [
  ['extract', {}, { total: 1 }],
  ['task', { type: 'task' }, { any: 'json' }],
  ['classifier', { type: 'classifier', categories: ['invoice', 'other'] }, { category: 'other' }],
  ['split', { type: 'split' }, { documents: [{ name: 'a', pages: [1] }] }],
] as const;

describe('block types', () => {
  test.each(BLOCKS)('%s', async (type, block, snapshot) => {
    const review = await api.openReview({ block, snapshot });
    const shown = type === 'task' ? 'extract' : type;
    const { body } = await api.get(review.path);
    expect(body).toMatchObject({ block_type: shown, type });
    const step = await api.get(`/v1/workflows/steps/${review.stepId}`);
    expect(step.body).toMatchObject({ block_type: shown, type });
  });
});

test('a for_each, and an iteration inside it', async () => {
  const review = await api.openReview({ workflowId: 'wf_each' });
  await api.db
    .updateTable('review')
    .set({ blockType: 'for_each', iterationKey: '3.0', parentStepId: `${review.runId}_pages` })
    .where('id', '=', review.id)
    .execute();
  expect((await api.get(review.path)).body).toMatchObject({
    block_type: 'for_each',
    type: 'for_each',
    iteration_key: '3.0',
    parent_step_id: `${review.runId}_pages`,
  });
});

test('a list row and a single review are the same', async () => {
  const review = await api.openReview({ workflowId: 'wf_same' });
  const list = await api.get('/v1/workflows/reviews?workflow_id=wf_same');
  expect(valueAt(list.body, 'data', 0)).toEqual((await api.get(review.path)).body);
});

test('both names of the run and both names of the time are there', async () => {
  const review = await api.openReview();
  await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
  const { body } = await api.get(review.path);
  expect(valueAt(body, 'run_id')).toBe(review.runId);
  expect(valueAt(body, 'workflow_run_id')).toBe(review.runId);
  expect(valueAt(body, 'decision', 'created_at')).toBe(valueAt(body, 'decision', 'decided_at'));
});

describe('triggered_by', () => {
  const expression = 'output.total > 10.0';
  const wireExpression = {
    kind: 'json_condition',
    condition: { logical_operator: 'and', sub_conditions: [] },
    expression,
  };
  const condition = {
    kind: 'json_condition',
    condition: {
      logical_operator: 'and',
      sub_conditions: [{ path: 'data.total', operator: 'exists' }],
    },
  } as const;

  test.each([
    ['always', { kind: 'always' } as const, { kind: 'always' }],
    ['a predicate with own fields', { kind: 'confidence_lt', threshold: 0.5 } as const, null],
    ['a json_condition', condition, null],
    [
      'an expression, as a json_condition',
      { kind: 'expression', expression } as const,
      wireExpression,
    ],
    [
      'an all_of with an expression inside',
      { kind: 'all_of', predicates: [condition, { kind: 'expression', expression }] } as const,
      { kind: 'all_of', predicates: [condition, wireExpression] },
    ],
  ])('%s', async (_case, predicate, shown) => {
    const review = await api.openReview({ fired: { predicate } });
    const { body } = await api.get(review.path);
    expect(valueAt(body, 'triggered_by')).toEqual(shown ?? predicate);
  });
});

describe('what rides along', () => {
  test('the words of the gate, its placement and its owner', async () => {
    const review = await api.openReview({
      review: {
        name: 'Invoice totals',
        instructions: 'Compare with the PDF',
        link: 'https://example.com/a',
        placement: 'input',
      },
      fired: { because: 'the total is missing' },
    });
    expect((await api.get(review.path)).body).toMatchObject({
      name: 'Invoice totals',
      instructions: 'Compare with the PDF',
      link: 'https://example.com/a',
      placement: 'input',
      because: 'the total is missing',
      owner_id: 'u_admin',
      newest_version_id: review.seedId,
      status: 'PENDING',
      rev: 0,
    });
  });

  test('an entry of a named reviewer says whether it is mandatory', async () => {
    const review = await api.openReview({
      review: { groups: ['finance'], reviewers: [{ id: 'u_fyi', mandatory: false }] },
    });
    expect(valueAt((await api.get(review.path)).body, 'entries')).toEqual([
      {
        key: 'group:finance#1',
        kind: 'group',
        subject: 'finance',
        mandatory: true,
        status: 'PENDING',
        vote: null,
      },
      {
        key: 'user:u_fyi',
        kind: 'reviewer',
        subject: 'u_fyi',
        mandatory: false,
        status: 'PENDING',
        vote: null,
      },
    ]);
  });

  test('a status beyond APPROVED shows, and the decision stays', async () => {
    const review = await api.openReview({ review: { placement: 'input' } });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    expect(await api.progress.check(review.row)).toEqual({ kind: 'execute' });
    const { body } = await api.get(review.path);
    expect(body).toMatchObject({
      status: 'PROCESSING',
      decision: { verdict: 'approved', author: { id: 'u_ann' } },
    });
    expect(valueAt(body, 'released_at')).not.toBeNull();
  });
});

describe('the author of a decision', () => {
  test('a person is human, with a name that is not empty', async () => {
    const nameless = await api.person('u_nameless');
    await api.db.updateTable('person').set({ name: '' }).where('id', '=', 'u_nameless').execute();
    const review = await api.openReview();
    const body = { version_id: review.seedId };
    const reply = await api.post(`${review.path}/approve`, { as: nameless, body });
    expect(valueAt(reply.body, 'review', 'decision', 'author')).toEqual({
      kind: 'human',
      id: 'u_nameless',
      display_name: 'u_nameless',
    });
  });

  test('an approval withdrawn before its release shows as rejected by whoever withdrew it', async () => {
    const review = await api.openReview({ review: { release: { after: '1h' } } });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    await api.post(`${review.path}/withdraw`, { body: { reason: 'too early' } });
    expect((await api.get(review.path)).body).toMatchObject({
      status: 'REVOKED',
      cancelled_at: null,
      decision: {
        verdict: 'rejected',
        version_id: review.seedId,
        author: { kind: 'human', id: 'u_admin', display_name: 'Name of u_admin' },
        reason: 'too early',
      },
    });
  });

  test('what follows from the system is by the agent Countersign', async () => {
    const review = await api.openReview({ review: { release: { after: '1h' } } });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    await api.progress.end(review.runId, { kind: 'cancelled' });
    expect((await api.get(review.path)).body).toMatchObject({
      status: 'REVOKED',
      decision: {
        verdict: 'rejected',
        author: { kind: 'agent', id: 'countersign', display_name: 'Countersign' },
      },
    });
  });

  test('a service that cancels an approved run is an agent', async () => {
    const review = await api.openReview({ review: { release: { after: '1h' } } });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    const robot = await api.service('robot', 'runs:write');
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`, { as: robot });
    expect(valueAt((await api.get(review.path)).body, 'decision', 'author')).toEqual({
      kind: 'agent',
      id: 'robot',
      display_name: 'robot',
    });
  });
});

test('cancelled_at is set when the run was cancelled while the review was undecided', async () => {
  const review = await api.openReview();
  await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
  const { body } = await api.get(review.path);
  expect(body).toMatchObject({ status: 'REVOKED', decision: null });
  expect(valueAt(body, 'cancelled_at')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});
