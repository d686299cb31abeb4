import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepIdOf } from '../../src/domain/step-ids.js';
import {
  invalidInput,
  said,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';

const supplied = { executor: { kind: 'supplied' } };
const BODY = [
  { id: 'check', type: 'task', label: 'Check', ...supplied },
  { id: 'book', type: 'task', needs: ['check'], ...supplied },
];

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

/** A run whose for_each has begun to iterate over so many items; its id. */
async function iterating(body: readonly object[], items: readonly unknown[]): Promise<string> {
  const blocks = [{ id: 'each', type: 'for_each', body, ...supplied }];
  await api.send('PUT', '/v1/workflows/wf_loop', { body: { blocks } });
  const reply = await api.post('/v1/workflows/runs', {
    body: { workflow_id: 'wf_loop', json_inputs: { each: items } },
  });
  const runId = textAt(reply.body, 'id');
  await api.progress.begin(runId);
  await api.progress.complete(runId, 'each');
  await api.progress.iterate(`${runId}_each`);
  return runId;
}

/** Puts steps into a state, as if they had come that far. */
async function put(
  runId: string,
  status: 'awaiting_review' | 'completed' | 'skipped' | 'error',
  ...steps: readonly (readonly [blockId: string, key: string])[]
): Promise<void> {
  await api.db
    .updateTable('step')
    .set({ status, ...(status === 'error' ? { errorMessage: 'no such account' } : {}) })
    .where(
      'id',
      'in',
      steps.map(([blockId, key]) => stepIdOf(runId, blockId, key)),
    )
    .execute();
}

const read = async (stepId: string, query = ''): Promise<unknown> =>
  (await api.get(`/v1/workflows/steps/${encodeURIComponent(stepId)}/items${query}`)).body;

describe('the items of a for_each', () => {
  test('come in their order, each with its steps, and how all of them stand', async () => {
    const runId = await iterating(BODY, [1, 2, 3, 4]);
    await put(runId, 'awaiting_review', ['check', '1']);
    await put(runId, 'completed', ['check', '0'], ['check', '2'], ['book', '2']);
    await put(runId, 'error', ['check', '3']);
    await put(runId, 'skipped', ['book', '3']);
    const step = (blockId: string, key: string, about: object) => ({
      step_id: `${runId}_${blockId}@${key}`,
      block_id: blockId,
      block_label: blockId === 'check' ? 'Check' : 'book',
      outcome_unknown: false,
      waiting_for: null,
      review_id: null,
      ...about,
    });
    const error = {
      status: 'error',
      message: 'no such account',
      stage: null,
      category: null,
      details: null,
    };
    expect(await read(`${runId}_each`)).toMatchObject({
      data: [
        {
          iteration_key: '0',
          steps: [
            step('check', '0', { lifecycle: { status: 'completed' } }),
            step('book', '0', { lifecycle: { status: 'pending' } }),
          ],
        },
        {
          iteration_key: '1',
          steps: [
            step('check', '1', { lifecycle: { status: 'awaiting_review' } }),
            step('book', '1', { lifecycle: { status: 'pending' } }),
          ],
        },
        { iteration_key: '2', steps: [{ lifecycle: { status: 'completed' } }, {}] },
        {
          iteration_key: '3',
          steps: [
            step('check', '3', { lifecycle: error }),
            step('book', '3', { lifecycle: { status: 'skipped' } }),
          ],
        },
      ],
      list_metadata: { before: null, after: null },
      counts: { items: 4, waiting: 1, ended: 2 },
    });
  });

  test('are paged by their places, which are numbers', async () => {
    const runId = await iterating(
      BODY,
      Array.from({ length: 12 }, (_, index) => index),
    );
    const seen: string[] = [];
    let after: unknown = '';
    while (typeof after === 'string') {
      const page = await read(`${runId}_each`, `?limit=5${after === '' ? '' : `&after=${after}`}`);
      expect(valueAt(page, 'counts')).toEqual({ items: 12, waiting: 0, ended: 0 });
      seen.push(...textsAt(page, 'iteration_key'));
      after = valueAt(page, 'list_metadata', 'after');
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => String(index)));
  });

  test('have those of loops inside of them behind them, and these can be asked for alone', async () => {
    const inner = { id: 'inner', type: 'for_each', body: BODY, ...supplied };
    const runId = await iterating([inner], [['a'], ['b', 'c']]);
    for (const key of ['0', '1']) {
      await api.db
        .updateTable('step')
        .set({ status: 'running', output: JSON.stringify(key === '0' ? ['a'] : ['b', 'c']) })
        .where('id', '=', `${runId}_inner@${key}`)
        .execute();
      await api.progress.iterate(`${runId}_inner@${key}`);
    }
    const all = await read(`${runId}_each`);
    expect(textsAt(all, 'iteration_key')).toEqual(['0', '0.0', '1', '1.0', '1.1']);
    expect(valueAt(all, 'counts', 'items')).toBe(5);
    expect(textsAt(await read(`${runId}_inner@1`), 'iteration_key')).toEqual(['1.0', '1.1']);
  });

  test('are none of a step that is no for_each', async () => {
    const runId = await iterating(BODY, [1]);
    expect(await read(`${runId}_check@0`)).toEqual({
      data: [],
      list_metadata: { before: null, after: null },
      counts: { items: 0, waiting: 0, ended: 0 },
    });
  });

  test.each(['x', '1.', '-1', '1'.repeat(10)])('after %j begin nowhere: 422', async (after) => {
    const runId = await iterating(BODY, [1]);
    const reply = await api.get(`/v1/workflows/steps/${runId}_each/items?after=${after}`);
    expect(said(reply)).toEqual(
      invalidInput({
        loc: ['query', 'after'],
        msg: 'Expected the `iteration_key` of an item.',
        type: 'string_pattern_mismatch',
      }),
    );
  });

  test('of an unknown step are 404', async () => {
    const reply = await api.get('/v1/workflows/steps/run_x_each/items');
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([404, 'step_not_found']);
  });
});
