import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/json.js';
import { countVotes, topMargin } from '../../src/rules/consensus.js';

const votes = (...categories: readonly string[]): JsonObject => ({
  choices: categories.map((category) => ({ category })),
});

test.each<[string, JsonObject | null, ReturnType<typeof countVotes>, number | null]>([
  ['none that ran', null, null, null],
  ['one without votes', { choices: [] }, null, null],
  ['one whose votes name no category', { choices: [{ category: 'a' }, {}] }, null, null],
  ['one voice', votes('a'), [{ category: 'a', count: 1 }], 1],
  [
    'several, most first',
    votes('b', 'a', 'a', 'c', 'a'),
    [
      { category: 'a', count: 3 },
      { category: 'b', count: 1 },
      { category: 'c', count: 1 },
    ],
    0.4,
  ],
  [
    'a tie, in the order in which they came',
    votes('b', 'a'),
    [
      { category: 'b', count: 1 },
      { category: 'a', count: 1 },
    ],
    0,
  ],
])('a consensus: %s', (_what, consensus, counted, margin) => {
  expect(countVotes(consensus)).toEqual(counted);
  expect(topMargin(consensus)).toBe(margin);
});
