import { describe, expect, test } from 'vitest';
import { isJsonObject } from '../../src/domain/json.js';

describe('isJsonObject', () => {
  test.each<readonly [unknown, boolean]>([
    [{}, true],
    [{ a: 1 }, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    [undefined, false],
    ['{}', false],
    [0, false],
    [true, false],
    [() => ({}), false],
  ])('of %j is %j', (value, is) => {
    expect(isJsonObject(value)).toBe(is);
  });
});
