import { expect, test } from 'vitest';
import { BoundedCache } from '../../src/rules/bounded-cache.js';

test('a bounded cache makes each value once, and forgets what was used longest ago', () => {
  const made: string[] = [];
  const cache = new BoundedCache<string, string>(2);
  const get = (key: string): string =>
    cache.getOrMake(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  expect([get('a'), get('b'), get('a'), get('c'), get('a'), get('b')]).toEqual([
    'A',
    'B',
    'A',
    'C',
    'A',
    'B',
  ]);
  expect(made).toEqual(['a', 'b', 'c', 'b']);
  expect(cache.size).toBe(2);
});
