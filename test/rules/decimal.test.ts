import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/domain/json.js';
import { compareDecimals, parseDecimal } from '../../src/rules/decimal.js';

function compare(left: Json, right: Json): number {
  const [one, other] = [parseDecimal(left), parseDecimal(right)];
  if (one === null || other === null) {
    throw new Error(`${JSON.stringify([left, right])} are not two decimals`);
  }
  return Math.sign(compareDecimals(one, other));
}

describe('parseDecimal', () => {
  test.each<Json>([
    '',
    '-',
    '.',
    '1.',
    '.5',
    '+1',
    '1e3',
    '1,000',
    ' 1',
    '1 ',
    '0x1',
    'NaN',
    '١',
    true,
    null,
    [],
    {},
    '1'.repeat(1001),
  ])('does not take %j for a number', (value) => {
    expect(parseDecimal(value)).toBeNull();
  });
});

describe('compareDecimals', () => {
  test.each<[Json, Json, number]>([
    ['0', '-0.00', 0],
    [-0, '0', 0],
    ['007', 7, 0],
    ['1.10', '1.1', 0],
    ['0.1', '0.09', 1],
    ['10', '9', 1],
    ['-10', '-9', -1],
    ['-1', '1', -1],
    ['1', '-1', 1],
    ['123456789012345678901234567890.1', '123456789012345678901234567890.2', -1],
    [1e21, '1000000000000000000000', 0],
    [1.5e300, `15${'0'.repeat(299)}`, 0],
    [-1.25e-7, '-0.000000125', 0],
    [5e-324, '0', 1],
  ])('of %j and %j is %j', (left, right, order) => {
    expect(compare(left, right)).toBe(order);
    expect(compare(right, left)).toBe(-order + 0);
  });

  const doubles = fc.double({ noDefaultInfinity: true, noNaN: true });
  property.prop([doubles, doubles])('orders numbers as numbers', (left, right) => {
    expect(compare(left, right)).toBe(Math.sign(left === right ? 0 : left > right ? 1 : -1));
  });

  property.prop([fc.bigInt(), fc.bigInt()])('orders integers of any size', (left, right) => {
    const order = left === right ? 0 : left > right ? 1 : -1;
    expect(compare(String(left), String(right))).toBe(order);
  });
});
