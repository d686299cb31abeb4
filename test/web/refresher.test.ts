import { describe, expect, test } from 'vitest';
import type { Key } from '../../web/src/api/keys.js';
import { createRefresher } from '../../web/src/app/refresher.js';
import { until } from '../support/until.js';

/** A reading that ends when it is told to. */
type Reading = { readonly keys: readonly Key[]; readonly end: () => void };

function refresher(): {
  readonly readings: readonly Reading[];
  readonly refresh: (keys: readonly Key[]) => void;
} {
  const readings: Reading[] = [];
  const refresh = createRefresher(async (keys) => {
    await new Promise<void>((resolve) => {
      readings.push({ keys, end: resolve });
    });
  });
  return { readings, refresh };
}

describe('what has become stale is read again', () => {
  test('at once, when nothing is being read', () => {
    const { readings, refresh } = refresher();
    refresh([['inbox'], ['review', 'rev_1']]);
    expect(readings.map(({ keys }) => keys)).toEqual([[['inbox'], ['review', 'rev_1']]]);
  });

  test('one reading at a time: a hundred changes meanwhile are one more reading, each key once', async () => {
    const { readings, refresh } = refresher();
    refresh([['inbox']]);
    for (let change = 0; change < 100; change += 1) {
      refresh([['inbox'], ['review', `rev_${change % 2}`]]);
    }
    expect(readings).toHaveLength(1);
    readings[0]?.end();
    await until('the second reading', () => readings.length === 2);
    expect(readings[1]?.keys).toEqual([['inbox'], ['review', 'rev_0'], ['review', 'rev_1']]);
  });

  test('also when it becomes stale again while the second reading goes on', async () => {
    const { readings, refresh } = refresher();
    refresh([['inbox']]);
    refresh([['inbox']]);
    readings[0]?.end();
    await until('the second reading', () => readings.length === 2);
    refresh([['runs']]);
    readings[1]?.end();
    await until('the third reading', () => readings.length === 3);
    expect(readings[2]?.keys).toEqual([['runs']]);
  });

  test('and nothing is asked when nothing is stale', () => {
    const { readings, refresh } = refresher();
    refresh([]);
    expect(readings).toEqual([]);
  });
});
