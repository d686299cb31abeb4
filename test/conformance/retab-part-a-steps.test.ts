import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller as Asking } from '../../src/domain/ledger.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { beginIterations, endIterations } from '../../src/store/iterations.js';
import { beginStep, completeStep, finishStep } from '../../src/store/ledger.js';
import {
  type Caller,
  domainError,
  invalidInput,
  said,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';
import { loopOf } from '../support/callers.js';

let api: TestApi;
let ann: Caller;

const STEPS = '/v1/workflows/steps';

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann');
});
afterAll(() => api.stop());

/** Starts a run of these blocks and begins it. */
async function begin(workflowId: string, blocks: readonly object[], inputs = {}): Promise<string> {
  await api.send('PUT', `/v1/workflows/${workflowId}`, { body: { blocks } });
  const body = { workflow_id: workflowId, json_inputs: inputs };
  const runId = textAt((await api.post('/v1/workflows/runs', { body })).body, 'id');
  await api.progress.begin(runId);
  return runId;
}

const supplied = { executor: { kind: 'supplied' } };

test('a step as the contract shows it', async () => {
  const review = await api.openReview({
    workflowId: 'wf_invoices',
    block: { label: 'Extract' },
  });
  const reply = await api.get(`${STEPS}/${review.stepId}`);
  expect(said(reply)).toEqual({
    status: 200,
    body: {
      run_id: review.runId,
      block_id: 'extract_invoice',
      step_id: `${review.runId}_extract_invoice`,
      block_type: 'extract',
      block_label: 'Extract',
      lifecycle: { status: 'awaiting_review' },
      created_at: textAt(reply.body, 'created_at'),
      started_at: textAt(reply.body, 'started_at'),
      completed_at: null,
      model: null,
      loop_containers: [],
      handle_inputs: {},
      handle_outputs: {},
      artifact: null,
      retry_count: 0,
      type: 'extract',
      workflow_id: 'wf_invoices',
      parent_step_id: null,
      iteration_key: null,
      source: null,
      outcome_unknown: false,
      waiting_for: null,
      review_id: review.id,
    },
  });
});

describe('handle_outputs', () => {
  test('of a step without a gate is its own output', async () => {
    const runId = await begin('wf_open', [{ id: 'take', type: 'task', ...supplied }], {
      take: { total: 1 },
    });
    await api.progress.complete(runId, 'take');
    expect((await api.get(`${STEPS}/${runId}_take`)).body).toMatchObject({
      lifecycle: { status: 'completed' },
      review_id: null,
      handle_outputs: { 'output-json-0': { type: 'json', data: { total: 1 } } },
    });
  });

  test('of a gated step is the version that was approved', async () => {
    const review = await api.openReview({
      review: { release: { after: '1h' } },
      snapshot: { total: 1 },
    });
    const created = await api.post('/v1/workflows/reviews/versions', {
      as: ann,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { total: 2 } },
    });
    const body = { version_id: textAt(created.body, 'id') };
    await api.post(`${review.path}/approve`, { as: ann, body });
    const path = `${STEPS}/${review.stepId}`;
    expect(valueAt((await api.get(path)).body, 'handle_outputs')).toEqual({});
    await api.db
      .updateTable('review')
      .set({ decidedAt: new Date(0) })
      .where('id', '=', review.id)
      .execute();
    await api.progress.check(review.row);
    const expected = { 'output-json-0': { type: 'json', data: { total: 2 } } };
    expect((await api.get(path)).body).toMatchObject({
      lifecycle: { status: 'completed' },
      handle_outputs: expected,
    });
    const list = await api.get(`${STEPS}?run_id=${review.runId}`);
    expect(valueAt(list.body, 'data', 0, 'handle_outputs')).toEqual(expected);
  });

  test('an input under review is in handle_inputs', async () => {
    const review = await api.openReview({
      review: { placement: 'input' },
      snapshot: { table: 'orders' },
    });
    expect((await api.get(`${STEPS}/${review.stepId}`)).body).toMatchObject({
      handle_inputs: { 'input-json-0': { type: 'json', data: { table: 'orders' } } },
      handle_outputs: {},
    });
  });
});

describe('the lifecycle of a step', () => {
  let runId: string;
  beforeAll(async () => {
    runId = await begin('wf_cycle', [{ id: 'take', type: 'task', ...supplied }], { take: {} });
  });

  test.each([
    ['pending', {}, { status: 'pending' }],
    ['running', { status: 'running' }, { status: 'running' }],
    [
      'error',
      { status: 'error', errorMessage: 'the model gave up' },
      {
        status: 'error',
        message: 'the model gave up',
        stage: null,
        category: null,
        details: null,
      },
    ],
    [
      'error without a message',
      { status: 'error', errorMessage: null },
      {
        status: 'error',
        message: 'The block failed and left no message.',
        stage: null,
        category: null,
        details: null,
      },
    ],
    [
      'skipped',
      { status: 'skipped', reason: 'not asked for' },
      {
        status: 'skipped',
        reason: 'not asked for',
      },
    ],
    [
      'skipped without a reason, which clients require',
      { status: 'skipped', reason: null },
      { status: 'skipped', reason: 'the step was skipped' },
    ],
    [
      'cancelled without a reason, which clients require',
      { status: 'cancelled', reason: null },
      { status: 'cancelled', reason: 'the run was cancelled' },
    ],
  ] as const)('%s', async (_case, change, lifecycle) => {
    if (Object.keys(change).length > 0) {
      await api.db.updateTable('step').set(change).where('id', '=', `${runId}_take`).execute();
    }
    const { body } = await api.get(`${STEPS}/${runId}_take`);
    expect(valueAt(body, 'lifecycle')).toEqual(lifecycle);
  });

  test('a cancelled run gives its open steps its reason', async () => {
    const review = await api.openReview();
    const body = { version_id: review.seedId, reason: 'wrong vendor' };
    await api.post(`${review.path}/reject`, { as: ann, body });
    await api.progress.end(review.runId, { kind: 'cancelled' });
    expect((await api.get(`${STEPS}/${review.stepId}`)).body).toMatchObject({
      lifecycle: { status: 'cancelled', reason: 'wrong vendor' },
    });
  });
});

test('an iteration names the loops it is in, outermost first', async () => {
  const runId = await begin('wf_loops', [
    { id: 'pages', type: 'task', ...supplied },
    { id: 'lines', type: 'task', ...supplied },
    { id: 'line', type: 'task', ...supplied },
  ]);
  const nest = async (id: string, parent: string, key: string): Promise<void> => {
    await api.db
      .updateTable('step')
      .set({ parentStepId: `${runId}_${parent}`, iterationKey: key })
      .where('id', '=', `${runId}_${id}`)
      .execute();
  };
  await nest('lines', 'pages', '2');
  await nest('line', 'lines', '2.0');
  const { body } = await api.get(`${STEPS}/${runId}_line`);
  const loop = (id: string, iteration: number) => ({
    container_id: id,
    iteration,
    is_parallel: true,
    parallel_item_index: iteration,
  });
  expect(body).toMatchObject({
    iteration_key: '2.0',
    parent_step_id: `${runId}_lines`,
    loop_containers: [loop('pages', 2), loop('lines', 0)],
  });
});

describe('a for_each', () => {
  let runId: string;
  let loop: Asking;

  /** Brings a block of the body to its end, in one iteration. */
  async function complete(blockId: string, key: string): Promise<void> {
    const stepId = stepIdOf(runId, blockId, key);
    const beginning = await beginStep(api.db, stepId, loop, 'a test');
    const output = beginning.kind === 'begin' ? beginning.input.input : null;
    await finishStep(
      api.db,
      { stepId, attemptToken: 'a test', result: { output, consensus: null, source: null } },
      (tx, { run, step }) => completeStep(tx, run, step, null),
    );
  }
  const read = async (id: string): Promise<unknown> =>
    (await api.get(`${STEPS}/${encodeURIComponent(id)}`)).body;

  beforeAll(async () => {
    const line = { id: 'line', type: 'task', ...supplied };
    runId = await begin('wf_each', [{ id: 'pages', type: 'for_each', body: [line], ...supplied }], {
      pages: ['a', { b: null }],
    });
    loop = loopOf(`${runId}_pages`);
  });

  test('shows the items that it iterates over, then what the iterations gave', async () => {
    await api.progress.complete(runId, 'pages');
    await beginIterations(api.db, `${runId}_pages`, loop);
    expect(await read(`${runId}_pages`)).toMatchObject({
      block_type: 'for_each',
      lifecycle: { status: 'running' },
      completed_at: null,
      handle_outputs: { 'output-json-0': { type: 'json', data: ['a', { b: null }] } },
    });
    await complete('line', '0');
    await complete('line', '1');
    await endIterations(api.db, `${runId}_pages`, loop);
    expect(await read(`${runId}_pages`)).toMatchObject({
      lifecycle: { status: 'completed' },
      handle_outputs: {
        'output-json-0': {
          data: {
            iterations: [
              { iteration_key: '0', item: 'a', output: 'a' },
              { iteration_key: '1', item: { b: null }, output: { b: null } },
            ],
          },
        },
      },
    });
  });

  test('gives each step in an iteration its item, and its place', async () => {
    expect(await read(`${runId}_line@1`)).toMatchObject({
      step_id: `${runId}_line@1`,
      block_id: 'line',
      parent_step_id: `${runId}_pages`,
      iteration_key: '1',
      loop_containers: [
        { container_id: 'pages', iteration: 1, is_parallel: true, parallel_item_index: 1 },
      ],
      handle_inputs: { 'input-json-0': { type: 'json', data: { b: null } } },
      handle_outputs: { 'output-json-0': { type: 'json', data: { b: null } } },
    });
  });

  test.each([
    ['iteration_key', () => 'iteration_key=1', ['line@1']],
    ['parent_step_id', () => `parent_step_id=${runId}_pages`, ['line@0', 'line@1']],
    ['block_id, of every iteration', () => 'block_id=line', ['line@0', 'line@1']],
    ['step_id', () => `step_id=${encodeURIComponent(`${runId}_line@0`)}`, ['line@0']],
  ])('its steps are listed by %s', async (_case, query, ids) => {
    const reply = await api.get(`${STEPS}?run_id=${runId}&${query()}`);
    expect(textsAt(reply.body, 'step_id').toSorted()).toEqual(ids.map((id) => `${runId}_${id}`));
  });
});

describe('listing', () => {
  let one: string;
  let other: string;
  beforeAll(async () => {
    const blocks = [
      { id: 'take', type: 'extract', ...supplied },
      { id: 'sort', type: 'classifier', ...supplied },
      { id: 'send', type: 'task', ...supplied },
    ];
    one = await begin('wf_list_a', blocks);
    other = await begin('wf_list_b', blocks);
    await api.db
      .updateTable('step')
      .set({ status: 'error' })
      .where('id', '=', `${one}_sort`)
      .execute();
  });

  const listed = async (query: string): Promise<readonly string[]> => {
    const reply = await api.get(`${STEPS}?${query}`);
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
    return textsAt(reply.body, 'step_id').map((id) =>
      id.replace(`${one}_`, 'one_').replace(`${other}_`, 'other_'),
    );
  };

  test.each([
    ['run_id', () => `run_id=${one}`, ['one_send', 'one_sort', 'one_take']],
    ['workflow_id', () => 'workflow_id=wf_list_b', ['other_send', 'other_sort', 'other_take']],
    ['block_id', () => `block_id=sort&workflow_id=wf_list_a`, ['one_sort']],
    ['step_id', () => `step_id=${other}_take`, ['other_take']],
    ['status', () => `run_id=${one}&status=error`, ['one_sort']],
    ['status failed, an older word', () => `run_id=${one}&status=failed`, ['one_sort']],
    ['status queued, an older word', () => `run_id=${one}&status=queued`, ['one_send', 'one_take']],
    [
      'status, repeated',
      () => `run_id=${one}&status=pending&status=error`,
      ['one_send', 'one_sort', 'one_take'],
    ],
    ['block_type', () => `run_id=${one}&block_type=classifier`, ['one_sort']],
    [
      'block_type extract, which tasks appear as',
      () => `run_id=${one}&block_type=extract`,
      ['one_send', 'one_take'],
    ],
    ['block_type task', () => `run_id=${one}&block_type=task`, ['one_send']],
    [
      'block_type, repeated',
      () => `run_id=${one}&block_type=classifier&block_type=task`,
      ['one_send', 'one_sort'],
    ],
  ])('%s', async (_case, query, expected) => {
    expect((await listed(query())).toSorted()).toEqual(expected);
  });

  test('pages walk the whole list, 20 rows by default', async () => {
    const seen: string[] = [];
    let after: unknown = undefined;
    while (after !== null) {
      const cursor = typeof after === 'string' ? `&after=${after}` : '';
      const { body } = await api.get(`${STEPS}?limit=4${cursor}`);
      seen.push(...textsAt(body, 'step_id'));
      after = valueAt(body, 'list_metadata', 'after');
    }
    expect(new Set(seen).size).toBe(seen.length);
    const whole = await api.get(`${STEPS}?limit=200`);
    expect(textsAt(whole.body, 'step_id')).toEqual(seen);
    const reversed = await api.get(`${STEPS}?limit=200&order=desc`);
    expect(textsAt(reversed.body, 'step_id')).toEqual(seen.toReversed());
  });

  test.each(['block_type=loop', 'status=open', 'limit=0', 'limit=201', 'after=nope'])(
    '%s → 422',
    async (query) => {
      const reply = await api.get(`${STEPS}?${query}`);
      expect(reply.status).toBe(422);
      expect(valueAt(reply.body, 'detail', 0, 'loc', 0)).toBe('query');
    },
  );

  test('one wrong value among several is named by its place', async () => {
    expect(said(await api.get(`${STEPS}?status=pending&status=open`))).toEqual(
      invalidInput({
        loc: ['query', 'status', 1],
        msg: "Expected one of 'pending', 'running', 'awaiting_review', 'completed', 'error', 'skipped', 'cancelled', 'failed', 'queued'.",
        type: 'enum',
      }),
    );
  });
});

test('an unknown step → 404 step_not_found', async () => {
  expect(said(await api.get(`${STEPS}/nope`))).toEqual(
    domainError(
      404,
      'step_not_found',
      "There is no step 'nope' in this project: check the id, or list what there is.",
    ),
  );
});
