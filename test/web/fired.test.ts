import { expect, test } from 'vitest';
import { firedWords, standsFor } from '../../web/src/review/because.js';

test.each([
  ['total_amount', ['total_amount'], true],
  ['total_amount', ['total'], false],
  ['lines.*.amount', ['lines', 3, 'amount'], true],
  ['lines.*.amount', ['lines', 3, 'amount', 'net'], false],
  ['lines.*.amount', ['lines', 3], false],
  ['lines.*.amount', ['lines', 3, 'quantity'], false],
  ['lines.1', ['lines', 1], true],
])('%s stands for %j: %s', (fired, path, does) => {
  expect(standsFor(fired, path)).toBe(does);
});

test('a path that fired is said in words, items counted from 1', () => {
  expect(firedWords('lines.*.net_amount')).toBe('Lines › every item › Net amount');
  expect(firedWords('lines.0')).toBe('Lines › 1');
});
