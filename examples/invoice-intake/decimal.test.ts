import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { centsToNumber, divideRounded, formatCents, parseCents } from './decimal.js';

const amounts = fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n });

describe('amounts', () => {
  test.prop([amounts])('survive JSON to the cent', (cents) => {
    const json = JSON.stringify(centsToNumber(cents));
    expect(parseCents(json, 'it')).toBe(cents);
  });

  test.prop([amounts])('are read back as they are printed', (cents) => {
    expect(parseCents(formatCents(cents), 'it')).toBe(cents);
  });

  test.each([
    ['0', 0n],
    ['-0.20', -20n],
    ['+7', 700n],
    ['.5', 50n],
    ['5.', 500n],
    ['1.5000', 150n],
    ['0.1', 10n],
  ])('%s is read exactly', (text, cents) => {
    expect(parseCents(text, 'it')).toBe(cents);
  });

  test.each(['', '.', '-', '1 000', '1,5', '0x10', 'NaN', '--1', '1'.repeat(31)])(
    '%j is no amount',
    (text) => {
      expect(() => parseCents(text, 'it')).toThrow('it is not a decimal number');
    },
  );
});

test.each([
  [5n, 2n, 3n],
  [-5n, 2n, -3n],
  [4n, 3n, 1n],
  [5n, -3n, -2n],
  [0n, 7n, 0n],
])('%d / %d is rounded to %d', (dividend, divisor, quotient) => {
  expect(divideRounded(dividend, divisor)).toBe(quotient);
});
