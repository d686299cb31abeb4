import { describe, expect, test } from 'vitest';
import type { JsonCondition, SubCondition } from '../../src/domain/definition.js';
import type { Json, JsonObject } from '../../src/domain/json.js';
import {
  checkJsonCondition,
  evaluateJsonCondition,
  readsLikelihoods,
} from '../../src/rules/json-condition.js';
import { TooMuchWork, Work } from '../../src/rules/work.js';
import { containing } from './containing.js';

const data: JsonObject = {
  total: 100,
  exact: '100.00',
  huge: '9007199254740993',
  tiny: 5e-7,
  big: 1e21,
  negative: '-0.5',
  text: 'Invoice 42',
  empty: '',
  nothing: null,
  yes: true,
  no: false,
  list: ['a', 'b', { k: 1 }],
  none: [],
  object: { a: 1, b: [2] },
  blank: {},
  day: '2026-05-13',
  moment: '2026-05-13T08:14:02.341Z',
  lines: [
    { sku: 'x', price: 10, tags: ['p'] },
    { sku: 'y', price: 20, tags: ['p', 'q'] },
  ],
  '*': 'star',
  '0': 'zero',
};

function holds(
  path: string,
  operator: string,
  value?: Json,
  likelihoods: Json | null = {},
): boolean {
  const sub: SubCondition = value === undefined ? { path, operator } : { path, operator, value };
  const condition: JsonCondition = { sub_conditions: [sub] };
  return evaluateJsonCondition(condition, { data, likelihoods }, new Work()).holds;
}

describe('evaluateJsonCondition, by operator', () => {
  test.each<[string, string, Json | undefined, boolean]>([
    ['data.total', 'exists', undefined, true],
    ['data.no', 'exists', undefined, true],
    ['data.empty', 'exists', undefined, true],
    ['data.nothing', 'exists', undefined, false],
    ['data.missing', 'exists', undefined, false],
    ['data.toString', 'exists', undefined, false],
    ['data.constructor.name', 'exists', undefined, false],
    ['data.list.length', 'exists', undefined, false],
    ['data.total', 'does_not_exist', undefined, false],
    ['data.nothing', 'does_not_exist', undefined, true],
    ['data.missing.deeper', 'does_not_exist', undefined, true],
    ['data.empty', 'is_empty', undefined, true],
    ['data.none', 'is_empty', undefined, true],
    ['data.blank', 'is_empty', undefined, true],
    ['data.nothing', 'is_empty', undefined, true],
    ['data.missing', 'is_empty', undefined, true],
    ['data.no', 'is_empty', undefined, false],
    ['data.total', 'is_empty', undefined, false],
    ['data.list', 'is_empty', undefined, false],
    ['data.empty', 'is_not_empty', undefined, false],
    ['data.missing', 'is_not_empty', undefined, false],
    ['data.text', 'is_not_empty', undefined, true],
    ['data.no', 'is_not_empty', undefined, true],
    ['data.total', 'is_equal_to', 100, true],
    ['data.total', 'is_equal_to', '100', false],
    ['data.yes', 'is_equal_to', 1, false],
    ['data.nothing', 'is_equal_to', null, true],
    ['data.missing', 'is_equal_to', null, false],
    ['data.object', 'is_equal_to', { b: [2], a: 1 }, true],
    ['data.object', 'is_equal_to', { a: 1 }, false],
    ['data.object', 'is_equal_to', { a: 1, b: [2], toString: 1 }, false],
    ['data.list', 'is_equal_to', ['a', 'b', { k: 1 }], true],
    ['data.list', 'is_equal_to', ['b', 'a', { k: 1 }], false],
    ['data.blank', 'is_equal_to', [], false],
    ['data.none', 'is_equal_to', {}, false],
    ['data', 'is_not_empty', undefined, true],
    ['data.total', 'is_not_equal_to', 100, false],
    ['data.total', 'is_not_equal_to', 99, true],
    ['data.total', 'is_not_equal_to', '100', true],
    ['data.missing', 'is_not_equal_to', 100, true],
    ['data.missing', 'is_not_equal_to', null, true],
    ['data.text', 'contains', 'voice', true],
    ['data.text', 'contains', 'VOICE', false],
    ['data.text', 'contains', '', true],
    ['data.list', 'contains', 'b', true],
    ['data.list', 'contains', { k: 1 }, true],
    ['data.list', 'contains', 'k', false],
    ['data.object', 'contains', 'a', false],
    ['data.total', 'contains', '1', false],
    ['data.missing', 'contains', 'a', false],
    ['data.text', 'contains', 4, false],
    ['data.text', 'starts_with', 'Inv', true],
    ['data.text', 'starts_with', 'inv', false],
    ['data.list', 'starts_with', 'a', false],
    ['data.text', 'ends_with', '42', true],
    ['data.text', 'ends_with', 'Invoice', false],
    ['data.total', 'ends_with', '0', false],
    ['data.text', 'matches_regex', 'e \\d+$', true],
    ['data.text', 'matches_regex', '^\\d', false],
    ['data.total', 'matches_regex', '.*', false],
    ['data.missing', 'matches_regex', '.*', false],
    ['data.total', 'is_greater_than', 99.99, true],
    ['data.total', 'is_greater_than', 100, false],
    ['data.total', 'is_greater_than', '99', true],
    ['data.exact', 'is_greater_than', 99, true],
    ['data.exact', 'is_greater_than', '100', false],
    ['data.huge', 'is_greater_than', '9007199254740992', true],
    ['data.huge', 'is_greater_than', '9007199254740993.0', false],
    ['data.tiny', 'is_greater_than', '0.0000004', true],
    ['data.tiny', 'is_greater_than', '0.0000005', false],
    ['data.big', 'is_greater_than', '999999999999999999999', true],
    ['data.big', 'is_greater_than', '1000000000000000000000', false],
    ['data.text', 'is_greater_than', 1, false],
    ['data.empty', 'is_greater_than', -1, false],
    ['data.nothing', 'is_greater_than', -1, false],
    ['data.missing', 'is_greater_than', -1, false],
    ['data.yes', 'is_greater_than', 0, false],
    ['data.total', 'is_less_than', 100.01, true],
    ['data.total', 'is_less_than', 100, false],
    ['data.negative', 'is_less_than', 0, true],
    ['data.negative', 'is_less_than', '-0.49', true],
    ['data.negative', 'is_less_than', '-0.50', false],
    ['data.missing', 'is_less_than', 1, false],
    ['data.total', 'is_greater_than_or_equal_to', '100.000', true],
    ['data.total', 'is_greater_than_or_equal_to', 100.01, false],
    ['data.exact', 'is_less_than_or_equal_to', 100, true],
    ['data.exact', 'is_less_than_or_equal_to', 99.99, false],
    ['data.yes', 'is_true', undefined, true],
    ['data.no', 'is_true', undefined, false],
    ['data.text', 'is_true', undefined, false],
    ['data.missing', 'is_true', undefined, false],
    ['data.no', 'is_false', undefined, true],
    ['data.yes', 'is_false', undefined, false],
    ['data.nothing', 'is_false', undefined, false],
    ['data.missing', 'is_false', undefined, false],
    ['data.list', 'length_equal_to', 3, true],
    ['data.list', 'length_equal_to', 2, false],
    ['data.text', 'length_equal_to', 10, false],
    ['data.object', 'length_equal_to', 2, false],
    ['data.list', 'length_greater_than', 2, true],
    ['data.list', 'length_greater_than', 3, false],
    ['data.missing', 'length_greater_than', 0, false],
    ['data.list', 'length_less_than', 4, true],
    ['data.list', 'length_less_than', 3, false],
    ['data.none', 'length_less_than', 1, true],
    ['data.day', 'is_after', '2026-05-12', true],
    ['data.day', 'is_after', '2026-05-13', false],
    ['data.day', 'is_after', '2026-05-12T23:59:59.999Z', true],
    ['data.moment', 'is_after', '2026-05-13T08:14:02.3409Z', true],
    ['data.moment', 'is_after', '2026-05-13T08:14:02.34100Z', false],
    ['data.moment', 'is_after', '2026-05-13T10:14:02+02:00', true],
    ['data.text', 'is_after', '2026-05-12', false],
    ['data.total', 'is_after', '2026-05-12', false],
    ['data.missing', 'is_after', '2026-05-12', false],
    ['data.day', 'is_before', '2026-05-13T00:00:00.001Z', true],
    ['data.day', 'is_before', '2026-05-13T00:00:00Z', false],
    ['data.moment', 'is_before', '2026-05-13T01:14:03-07:00', true],
    ['data.day', 'is_after_or_equal_to', '2026-05-13T02:00:00+02:00', true],
    ['data.day', 'is_after_or_equal_to', '2026-05-14', false],
    ['data.moment', 'is_before_or_equal_to', '2026-05-13T08:14:02.341Z', true],
    ['data.moment', 'is_before_or_equal_to', '2026-05-13T08:14:02.34Z', false],
  ])('%s %s %j: %j', (path, operator, value, expected) => {
    const sub = { path, operator, ...(value === undefined ? {} : { value }) };
    expect(checkJsonCondition({ sub_conditions: [sub] }, 'extract', 'output')).toEqual([]);
    expect(holds(path, operator, value)).toBe(expected);
  });
});

describe('evaluateJsonCondition, by path', () => {
  test.each<[string, string, Json | undefined, boolean]>([
    ['data.lines.0.sku', 'is_equal_to', 'x', true],
    ['data.lines.2.sku', 'exists', undefined, false],
    ['data.lines.00.sku', 'exists', undefined, false],
    ['data.lines.-1.sku', 'exists', undefined, false],
    ['data.0', 'is_equal_to', 'zero', true],
    ['data.*', 'is_equal_to', 'star', true],
    ['data.lines.*.price', 'is_greater_than', 5, true],
    ['data.lines.*.price', 'is_greater_than', 10, false],
    ['data.lines.*.tags.*', 'is_equal_to', 'p', false],
    ['data.lines.*.tags.*', 'matches_regex', '^[pq]$', true],
    ['data.none.*', 'is_equal_to', 'x', false],
    ['data.none.*.x', 'does_not_exist', undefined, false],
    ['data.missing.*.x', 'does_not_exist', undefined, true],
    ['data.text.*', 'exists', undefined, false],
    ['output-json-0.total', 'is_equal_to', 100, true],
  ])('%s %s %j: %j', (path, operator, value, expected) => {
    expect(holds(path, operator, value)).toBe(expected);
  });

  test('takes a path by reference too', () => {
    const sub = {
      path_ref: { input: 'default', path: 'data.total' },
      operator: 'is_equal_to',
      value: 100,
    };
    const condition = { sub_conditions: [sub] };
    expect(evaluateJsonCondition(condition, { data, likelihoods: null }, new Work())).toEqual({
      holds: true,
      because: 'every sub-condition holds',
    });
  });

  test('reads likelihoods, and takes a missing one as a comparison that fails', () => {
    expect(holds('likelihoods.total', 'is_less_than', 0.85, { total: 0.8 })).toBe(true);
    expect(holds('likelihoods.total', 'is_less_than', 0.85, { total: 0.85 })).toBe(false);
    expect(holds('likelihoods.other', 'is_less_than', 0.85, { total: 0.8 })).toBe(false);
  });

  test('holds where likelihoods are asked for and no consensus ran', () => {
    expect(holds('likelihoods.total', 'is_less_than', 0.85, null)).toBe(true);
    expect(holds('likelihoods.total', 'exists', undefined, null)).toBe(true);
    const both: JsonCondition = {
      sub_conditions: [
        { path: 'data.total', operator: 'is_greater_than', value: 1_000 },
        { path: 'likelihoods.total', operator: 'is_less_than', value: 0.85 },
      ],
    };
    expect(evaluateJsonCondition(both, { data, likelihoods: null }, new Work()).holds).toBe(false);
  });
});

describe('evaluateJsonCondition, by logical operator', () => {
  const yes: SubCondition = { path: 'data.yes', operator: 'is_true' };
  const no: SubCondition = { path: 'data.no', operator: 'is_true' };

  test.each<['and' | 'or' | undefined, readonly SubCondition[], boolean, string]>([
    [undefined, [yes, yes], true, 'every sub-condition holds'],
    [undefined, [yes, no], false, 'data.no is_true does not hold'],
    ['and', [no, yes], false, 'data.no is_true does not hold'],
    ['or', [no, yes], true, 'data.yes is_true holds'],
    ['or', [no, no], false, 'no sub-condition holds'],
    ['and', [], true, 'the condition has no sub-conditions'],
    ['or', [], true, 'the condition has no sub-conditions'],
  ])('%s of %j: %j', (operator, subs, expected, because) => {
    const condition = { ...(operator && { logical_operator: operator }), sub_conditions: subs };
    expect(evaluateJsonCondition(condition, { data, likelihoods: null }, new Work())).toEqual({
      holds: expected,
      because,
    });
  });

  test('an operator that is not known does not hold', () => {
    expect(holds('data.total', 'is_roughly', 100)).toBe(false);
    expect(holds('data.total', 'constructor', 100)).toBe(false);
  });

  test('gives up on a pattern that would take too long', () => {
    const condition = {
      sub_conditions: [
        { path: 'data.t.*', operator: 'matches_regex', value: '[ab]*a[ab]{51}(a?){100}[cd]' },
      ],
    };
    const texts = Array.from({ length: 1_000 }, () => `${'ab'.repeat(1_000)}c`);
    expect(() =>
      evaluateJsonCondition(condition, { data: { t: texts }, likelihoods: null }, new Work()),
    ).toThrow(TooMuchWork);
  });
});

describe('checkJsonCondition', () => {
  function check(sub: SubCondition, ...rest: SubCondition[]): unknown {
    return checkJsonCondition({ sub_conditions: [sub, ...rest] }, 'extract', 'output');
  }

  test.each<[SubCondition, readonly (string | number)[], string]>([
    [{ operator: 'exists' }, [], 'expected either path or path_ref, got neither'],
    [{ path: 'data', path_ref: { path: 'data' }, operator: 'exists' }, [], 'got both'],
    [
      { path: 'output.total', operator: 'exists' },
      ['path'],
      'begins with "data", "output-json-0" or "likelihoods", got "output.total"',
    ],
    [{ path: '', operator: 'exists' }, ['path'], 'begins with'],
    [{ path_ref: { path: 'x' }, operator: 'exists' }, ['path_ref', 'path'], 'begins with'],
    [{ path: 'data..total', operator: 'exists' }, ['path'], 'segments joined by single dots'],
    [{ path: 'data.total.', operator: 'exists' }, ['path'], 'segments joined by single dots'],
    [
      { path: `data.${'a'.repeat(500)}`, operator: 'exists' },
      ['path'],
      'takes 505 characters; at most 500',
    ],
    [{ path: 'data', operator: 'is_roughly' }, ['operator'], 'expected "exists", "does_not_exist"'],
    [{ path: 'data', operator: 'toString' }, ['operator'], 'got "toString"'],
    [{ path: 'data', operator: 'exists', value: true }, ['value'], 'takes no value, got true'],
    [{ path: 'data', operator: 'is_true', value: 'x' }, ['value'], 'takes no value'],
    [{ path: 'data', operator: 'is_equal_to' }, ['value'], 'needs a value'],
    [{ path: 'data', operator: 'contains' }, ['value'], 'needs a value'],
    [{ path: 'data', operator: 'starts_with', value: 3 }, ['value'], 'expected a string, got 3'],
    [{ path: 'data', operator: 'starts_with' }, ['value'], 'expected a string, got nothing'],
    [{ path: 'data', operator: 'matches_regex', value: '(' }, ['value'], 'missing closing )'],
    [
      { path: 'data', operator: 'matches_regex', value: null },
      ['value'],
      'expected a pattern, got null',
    ],
    [
      { path: 'data', operator: 'is_less_than', value: '1,000' },
      ['value'],
      'expected a number or a decimal string, got "1,000"',
    ],
    [
      { path: 'data', operator: 'is_less_than', value: '1e3' },
      ['value'],
      'expected a number or a decimal string',
    ],
    [
      { path: 'data', operator: 'is_less_than', value: true },
      ['value'],
      'expected a number or a decimal string',
    ],
    [{ path: 'data', operator: 'is_less_than' }, ['value'], 'got nothing'],
    [
      { path: 'data', operator: 'length_equal_to', value: 1.5 },
      ['value'],
      'expected an integer from 0, got 1.5',
    ],
    [
      { path: 'data', operator: 'length_equal_to', value: -1 },
      ['value'],
      'expected an integer from 0',
    ],
    [
      { path: 'data', operator: 'length_equal_to', value: '1' },
      ['value'],
      'expected an integer from 0',
    ],
    [{ path: 'data', operator: 'is_after', value: 'tomorrow' }, ['value'], 'RFC 3339'],
    [{ path: 'data', operator: 'is_after', value: '2026-02-30' }, ['value'], 'RFC 3339'],
    [{ path: 'data', operator: 'is_after', value: '2026-05-13T08:14:02' }, ['value'], 'RFC 3339'],
    [{ path: 'data', operator: 'is_after', value: 1 }, ['value'], 'RFC 3339'],
  ])('refuses %j', (sub, path, message) => {
    expect(check(sub)).toEqual([
      { path: ['sub_conditions', 0, ...path], message: containing(message) },
    ]);
  });

  test('takes null for no value where an operator has none', () => {
    expect(check({ path: 'data', operator: 'exists', value: null })).toEqual([]);
    expect(check({ path: 'data', operator: 'is_equal_to', value: null })).toEqual([]);
  });

  test('reports each sub-condition, and wants between one and a hundred of them', () => {
    const bad = { path: 'x', operator: 'y' };
    expect(check(bad, bad)).toHaveLength(4);
    expect(checkJsonCondition({ sub_conditions: [] }, 'extract', 'output')).toMatchObject([
      { path: ['sub_conditions'], message: 'expected 1 to 100 sub-conditions, got 0' },
    ]);
    const many = Array.from({ length: 101 }, () => ({ path: 'data', operator: 'exists' }));
    expect(checkJsonCondition({ sub_conditions: many }, 'extract', 'output')).toHaveLength(1);
    expect(checkJsonCondition({ sub_conditions: many.slice(1) }, 'extract', 'output')).toEqual([]);
  });

  test('knows which roots there are for a block and a placement', () => {
    const roots = {
      task: false,
      classifier: false,
      split: false,
      for_each: false,
      extract: true,
    } as const;
    for (const type of ['task', 'classifier', 'split', 'for_each', 'extract'] as const) {
      const alias = { sub_conditions: [{ path: 'output-json-0.a', operator: 'exists' }] };
      const other = { sub_conditions: [{ path: 'likelihoods.a', operator: 'exists' }] };
      expect(checkJsonCondition(alias, type, 'output').length === 0).toBe(roots[type]);
      expect(checkJsonCondition(alias, type, 'input')).toHaveLength(1);
      expect(checkJsonCondition(other, type, 'output')).toEqual([]);
      expect(checkJsonCondition(other, type, 'input')).toHaveLength(1);
    }
  });
});

describe('readsLikelihoods', () => {
  test('looks at the root alone', () => {
    expect(
      readsLikelihoods({ sub_conditions: [{ path: 'likelihoods.a', operator: 'exists' }] }),
    ).toBe(true);
    expect(
      readsLikelihoods({
        sub_conditions: [{ path_ref: { path: 'likelihoods' }, operator: 'exists' }],
      }),
    ).toBe(true);
    expect(
      readsLikelihoods({ sub_conditions: [{ path: 'data.likelihoods', operator: 'exists' }] }),
    ).toBe(false);
  });
});
