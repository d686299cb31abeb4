import { describe, expect, test } from 'vitest';
import type { Review, Step } from '../../src/client/index.js';
import { itemWords, reviewTitle } from '../../web/src/queue/waiting-words.js';
import { countItems, loopsOf } from '../../web/src/runs/loops.js';

const BLOCKS = [
  { id: 'before', type: 'task' },
  {
    id: 'each',
    type: 'for_each',
    label: 'Each bill',
    body: [
      { id: 'check', type: 'task' },
      { id: 'book', type: 'task' },
    ],
  },
];

// What the pages make of a step or a review depends on these fields alone.
function step(block_id: string, iteration_key: string | null, status: string): Step {
  const step_id = `run_${block_id}@${iteration_key ?? ''}`;
  return { step_id, block_id, block_label: block_id, iteration_key, lifecycle: { status } } as Step; // oxlint-disable-line typescript/no-unsafe-type-assertion
}

function reviewOf(step_id: string): Review {
  return { id: `rev_of_${step_id}`, step_id } as Review; // oxlint-disable-line typescript/no-unsafe-type-assertion
}

describe('loopsOf', () => {
  test('sorts the steps of a body by item and block, and knows which review is whose', () => {
    const steps = [
      step('before', null, 'completed'),
      step('book', '10', 'pending'),
      step('check', '10', 'awaiting_review'),
      step('each', null, 'running'),
      step('check', '9', 'skipped'),
      step('book', '9', 'skipped'),
    ];
    const loops = loopsOf(BLOCKS, steps, [reviewOf('run_check@10')]);
    expect(loops).toHaveLength(1);
    const [loop] = loops;
    if (loop === undefined) {
      return;
    }
    expect(loop.label).toBe('Each bill');
    expect(
      loop.items.map(({ key, steps: own }) => [
        key,
        ...own.map(({ step: each, review }) => `${each.block_id} ${review?.id ?? 'none'}`),
      ]),
    ).toEqual([
      ['9', 'check none', 'book none'],
      ['10', 'check rev_of_run_check@10', 'book none'],
    ]);
    expect(countItems(loop)).toEqual({ waiting: 1, ended: 1 });
  });

  test('gives nothing where nothing loops', () => {
    expect(loopsOf(BLOCKS.slice(0, 1), [step('before', null, 'running')], [])).toEqual([]);
  });
});

test.each([
  ['0', 'item 1'],
  ['9', 'item 10'],
  ['3.0', 'item 4.1'],
])('the place %s is called %s', (key, words) => {
  expect(itemWords(key)).toBe(words);
});

test.each([
  [{ name: 'Totals', block_id: 'b', iteration_key: null }, null, 'Totals'],
  [{ name: null, block_id: 'b', iteration_key: null }, 'Label', 'Label'],
  [{ name: null, block_id: 'b', iteration_key: '1' }, null, 'b, item 2'],
])('a review %j is called by what it has', (row, label, title) => {
  expect(reviewTitle(row, label)).toBe(title);
});
