import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { BLOCK_TYPES, type BlockType, type Predicate } from '../../src/domain/definition.js';
import type { Json, JsonObject } from '../../src/domain/json.js';
import { isIJson } from '../../src/rules/canonical.js';
import { evaluatePredicate, wirePredicate, type Subject } from '../../src/rules/predicates.js';

function aSubject(overrides: Partial<Subject> = {}): Subject {
  return {
    placement: 'output',
    blockType: 'extract',
    data: {},
    consensus: null,
    json_schema: null,
    categories: null,
    allow_overlap: false,
    ...overrides,
  };
}

/** Whether a predicate fires on an output, with a consensus of such likelihoods. */
function fires(predicate: Predicate, overrides: Partial<Subject>): boolean {
  const { fired, because } = evaluatePredicate(predicate, aSubject(overrides));
  expect(because).not.toBe('');
  if (fired !== null) {
    expect(fired).toBe(predicate);
  }
  return fired !== null;
}

const invoice: JsonObject = {
  type: 'object',
  required: ['total'],
  properties: { total: { type: 'number' }, vendor: { required: ['name'] } },
};

function pages(...counts: readonly number[]): JsonObject {
  let next = 1;
  return {
    documents: counts.map((count, index) => ({
      name: `d${index}`,
      pages: Array.from({ length: count }, () => next++),
    })),
  };
}

function choices(...categories: readonly string[]): JsonObject {
  return { choices: categories.map((category) => ({ category })) };
}

describe('evaluatePredicate', () => {
  test('always fires every time', () => {
    expect(fires({ kind: 'always' }, {})).toBe(true);
    expect(fires({ kind: 'always' }, { placement: 'input', data: null })).toBe(true);
  });

  test.each<[BlockType, Json, JsonObject | null, boolean, string]>([
    ['extract', { total: 1 }, invoice, false, 'the output is valid'],
    ['extract', { total: '1' }, invoice, true, 'output.total: must be number, got "1"'],
    ['extract', {}, invoice, true, 'output.total: is required'],
    ['extract', { total: 1 }, null, false, 'the output is valid'],
    ['extract', [1], null, true, 'the output: expected a JSON object, got a list of 1 item'],
    ['task', 'text', null, true, 'the output: expected a JSON object, got "text"'],
    ['classifier', { category: 'other' }, null, false, 'the output is valid'],
    ['classifier', { category: 'odd' }, null, true, 'output.category: expected a category'],
    ['classifier', { category: 'other', more: 1 }, null, true, 'output.more: unknown key'],
    ['split', pages(1, 2), null, false, 'the output is valid'],
    [
      'split',
      { documents: [{ name: 'a', pages: [2, 1] }] },
      null,
      true,
      'output.documents.0.pages.1',
    ],
    ['for_each', { partitions: [] }, null, false, 'the output is valid'],
    ['for_each', { documents: [] }, null, true, 'unknown key'],
    ['extract', { total: 1 }, { typ: 'object' }, true, 'the schema cannot be used'],
  ])(
    'validation_failed on a %s of %j with the schema %j: %j',
    (blockType, data, schema, expected, reason) => {
      const subject = aSubject({
        blockType,
        data,
        json_schema: schema,
        categories: blockType === 'classifier' ? ['other'] : null,
      });
      const { fired, because } = evaluatePredicate({ kind: 'validation_failed' }, subject);
      expect(fired !== null).toBe(expected);
      expect(because).toContain(reason);
    },
  );

  test.each<[Json, boolean]>([
    [{ total: 0 }, false],
    [{ total: false, vendor: null }, false],
    [{ total: [] }, false],
    [{ total: {} }, false],
    [{ total: null }, true],
    [{ total: '  ' }, true],
    [{}, true],
    [{ total: 1, vendor: { name: '' } }, true],
    [{ total: 1, vendor: { name: 'x' } }, false],
  ])('any_required_field_null on %j: %j', (data, expected) => {
    expect(fires({ kind: 'any_required_field_null' }, { data, json_schema: invoice })).toBe(
      expected,
    );
  });

  test('any_required_field_null names the field, and fires where no schema is declared', () => {
    const predicate = { kind: 'any_required_field_null' } as const;
    const data = { total: 1, vendor: { name: null } };
    expect(evaluatePredicate(predicate, aSubject({ data, json_schema: invoice })).because).toBe(
      'output.vendor.name is required and has no answer',
    );
    expect(fires(predicate, { data })).toBe(true);
  });

  test.each<[Json | undefined, number, boolean]>([
    [0.5, 0.5, false],
    [0.49, 0.5, true],
    [0, 0, false],
    [1, 1, false],
    [0.99, 1, true],
    [{ a: 0.4, b: { c: 0.6 }, d: [0.5] }, 0.5, false],
    [{ a: 0.4, b: { c: 0.59 }, d: [0.5] }, 0.5, true],
    [{ a: 0.9, b: null }, 0.5, false],
    [{}, 0.5, true],
    ['high', 0.5, true],
    [null, 0.5, true],
    [undefined, 0, true],
  ])('confidence_lt on likelihoods %j below %d: %j', (likelihoods, threshold, expected) => {
    const consensus = likelihoods === undefined ? null : { likelihoods };
    for (const blockType of ['extract', 'task', 'classifier'] as const) {
      expect(fires({ kind: 'confidence_lt', threshold }, { blockType, consensus })).toBe(expected);
    }
  });

  test.each<[Json, boolean]>([
    [{ category: 'fraud' }, true],
    [{ category: 'legal' }, true],
    [{ category: 'Fraud' }, false],
    [{ category: 'fraud ' }, false],
    [{ category: '' }, false],
    [{ category: null }, true],
    [{}, true],
    ['fraud', true],
  ])('category_in on %j: %j', (data, expected) => {
    const predicate = { kind: 'category_in', categories: ['fraud', 'legal'] } as const;
    expect(fires(predicate, { blockType: 'classifier', data })).toBe(expected);
  });

  test.each<[JsonObject | null, number, boolean]>([
    [choices('a', 'a', 'a', 'b', 'b'), 0.2, false],
    [choices('a', 'a', 'a', 'b', 'b'), 0.21, true],
    [choices('a', 'a', 'b', 'b'), 0, false],
    [choices('a', 'a', 'b', 'b'), 0.01, true],
    [choices('a', 'a', 'a'), 1, false],
    [choices('a'), 1, false],
    [choices('a', 'b', 'c'), 0.1, true],
    [{ choices: [] }, 0, true],
    [{ choices: [{ category: 'a' }, {}] }, 0, true],
    [{ choices: 'a' }, 0, true],
    [{ likelihoods: 0.9 }, 0, true],
    [null, 0, true],
  ])('top_margin_lt on %j below %d: %j', (consensus, margin, expected) => {
    expect(fires({ kind: 'top_margin_lt', margin }, { blockType: 'classifier', consensus })).toBe(
      expected,
    );
  });

  test.each<[Json, number, boolean]>([
    [pages(1, 1), 2, false],
    [pages(1, 1), 1, true],
    [pages(1, 1), 3, true],
    [pages(), 0, false],
    [{ partitions: [{ key: 'a', pages: [] }] }, 1, false],
    [{ documents: [{}] }, 1, false],
    [{}, 0, true],
    [{ documents: {} }, 0, true],
  ])('split_count_neq on %j against %d: %j', (data, expected, outcome) => {
    expect(fires({ kind: 'split_count_neq', expected }, { blockType: 'split', data })).toBe(
      outcome,
    );
  });

  test.each<[Json, number, boolean]>([
    [pages(2, 3), 2, false],
    [pages(2, 3), 3, true],
    [pages(3, 2), 3, true],
    [pages(0), 1, true],
    [pages(), 1, false],
    [{ partitions: [{ key: 'a', pages: [1] }] }, 2, true],
    [{ documents: [{ name: 'a' }] }, 1, true],
    [{}, 1, true],
  ])('any_split_pages_lt on %j below %d: %j', (data, minPages, expected) => {
    expect(
      fires({ kind: 'any_split_pages_lt', min_pages: minPages }, { blockType: 'split', data }),
    ).toBe(expected);
  });

  test.each<[Json, Json | undefined, number, boolean]>([
    [
      pages(2, 1),
      [
        { name: 1, pages: [0.9, 0.8] },
        { name: 1, pages: [0.7] },
      ],
      0.7,
      false,
    ],
    [
      pages(2, 1),
      [
        { name: 1, pages: [0.9, 0.8] },
        { name: 1, pages: [0.69] },
      ],
      0.7,
      true,
    ],
    [
      pages(2, 1),
      [
        { name: 0.1, pages: [0.9, 0.8] },
        { name: 0.1, pages: [0.7] },
      ],
      0.7,
      false,
    ],
    [pages(1), [{ pages: [1] }], 1, false],
    [pages(2, 1), [{ name: 1, pages: [0.9, 0.8] }], 0.7, true],
    [
      pages(2, 1),
      [
        { name: 1, pages: [0.9] },
        { name: 1, pages: [0.9] },
      ],
      0.7,
      true,
    ],
    [pages(1), [{ name: 1 }], 0.1, true],
    [pages(1), [{ name: 1, pages: [null] }], 0.1, true],
    [pages(1), 0.9, 0.1, true],
    [pages(1), undefined, 0, true],
    [pages(), [], 1, false],
    [{}, [], 0, true],
  ])(
    'boundary_confidence_lt on %j with %j below %d: %j',
    (data, likelihoods, threshold, expected) => {
      const consensus = likelihoods === undefined ? null : { likelihoods };
      expect(
        fires(
          { kind: 'boundary_confidence_lt', threshold },
          { blockType: 'split', data, consensus },
        ),
      ).toBe(expected);
    },
  );

  test.each<[Json, boolean]>([
    [{ partitions: [], unassigned_pages: [3] }, true],
    [{ partitions: [], unassigned_pages: [] }, false],
    [{ partitions: [] }, false],
    [{ partitions: [], unassigned_pages: null }, true],
  ])('any_pages_unassigned on %j: %j', (data, expected) => {
    expect(fires({ kind: 'any_pages_unassigned' }, { blockType: 'for_each', data })).toBe(expected);
  });

  test('json_condition fires when its condition holds', () => {
    const predicate: Predicate = {
      kind: 'json_condition',
      condition: {
        logical_operator: 'and',
        sub_conditions: [
          {
            path_ref: { input: 'default', path: 'likelihoods.invoice_total' },
            operator: 'is_less_than',
            value: 0.85,
          },
          { path: 'data.vendor.country', operator: 'is_equal_to', value: 'US' },
        ],
      },
    };
    const data = { vendor: { country: 'US' } };
    expect(fires(predicate, { data, consensus: { likelihoods: { invoice_total: 0.8 } } })).toBe(
      true,
    );
    expect(fires(predicate, { data, consensus: { likelihoods: { invoice_total: 0.9 } } })).toBe(
      false,
    );
    expect(
      fires(predicate, {
        data: { vendor: { country: 'DE' } },
        consensus: { likelihoods: { invoice_total: 0.8 } },
      }),
    ).toBe(false);
    expect(fires(predicate, { data, consensus: null })).toBe(true);
    expect(fires(predicate, { data, consensus: { likelihoods: null } })).toBe(true);
  });

  test('json_condition fires when it would take too much work', () => {
    const predicate: Predicate = {
      kind: 'json_condition',
      condition: {
        sub_conditions: [
          { path: 'data.t', operator: 'matches_regex', value: '[ab]*a[ab]{50}(a?){100}[cd]' },
        ],
      },
    };
    const { fired, because } = evaluatePredicate(
      predicate,
      aSubject({ data: { t: 'ab'.repeat(100_000) } }),
    );
    expect(fired).toBe(predicate);
    expect(because).toBe(
      'json_condition could not be evaluated: it takes more work than one evaluation may',
    );
  });

  test('expression reads the output by its schema, or the input', () => {
    const over: Predicate = { kind: 'expression', expression: 'output.n + 1 > 10' };
    const schema = { properties: { n: { type: 'integer' } } };
    expect(fires(over, { data: { n: 10 }, json_schema: schema })).toBe(true);
    expect(fires(over, { data: { n: 9 }, json_schema: schema })).toBe(false);
    const before: Predicate = { kind: 'expression', expression: 'input.input.amount > 5' };
    expect(fires(before, { placement: 'input', data: { input: { amount: 6 }, blocks: {} } })).toBe(
      true,
    );
    expect(fires(before, { placement: 'input', data: { input: { amount: 5 }, blocks: {} } })).toBe(
      false,
    );
    const sure: Predicate = { kind: 'expression', expression: 'likelihoods.n < 0.5' };
    expect(fires(sure, { consensus: { likelihoods: { n: 0.5 } } })).toBe(false);
    expect(fires(sure, {})).toBe(true);
  });

  test('fires where a schema refers to itself without end', () => {
    const endless = { anyOf: [{ $ref: '#' }], required: [] };
    expect(fires({ kind: 'any_required_field_null' }, { data: {}, json_schema: endless })).toBe(
      true,
    );
    expect(fires({ kind: 'validation_failed' }, { data: {}, json_schema: endless })).toBe(true);
  });
});

describe('any predicate on any data', () => {
  const likelihood = { threshold: 0.5, margin: 0.5 };
  const condition = {
    sub_conditions: [
      { path: 'data.*.a', operator: 'is_greater_than', value: '1.5' },
      { path: 'likelihoods.*', operator: 'matches_regex', value: '^a' },
    ],
  };
  const predicates: readonly Predicate[] = [
    { kind: 'validation_failed' },
    { kind: 'any_required_field_null' },
    { kind: 'confidence_lt', ...likelihood },
    { kind: 'category_in', categories: ['a'] },
    { kind: 'top_margin_lt', ...likelihood },
    { kind: 'split_count_neq', expected: 1 },
    { kind: 'any_split_pages_lt', min_pages: 1 },
    { kind: 'boundary_confidence_lt', ...likelihood },
    { kind: 'any_pages_unassigned' },
    { kind: 'json_condition', condition },
    {
      kind: 'expression',
      expression: 'output.a + 1 > likelihoods.b || output.exists(k, k == "a")',
    },
  ];
  const values = fc.jsonValue({ maxDepth: 4 });

  property.prop([values, values, values, fc.constantFrom(...BLOCK_TYPES)], { numRuns: 50 })(
    'gives a verdict and a reason, and never throws',
    (data, likelihoods, choices, blockType) => {
      if (!isIJson(data) || !isIJson(likelihoods) || !isIJson(choices)) {
        return;
      }
      for (const predicate of predicates) {
        for (const consensus of [{ likelihoods, choices }, null]) {
          const subject = aSubject({ blockType, data, consensus, json_schema: invoice });
          const { fired, because } = evaluatePredicate(predicate, subject);
          expect([predicate, null]).toContain(fired);
          expect(because).not.toBe('');
        }
      }
    },
  );
});

describe('composites', () => {
  const yes: Predicate = { kind: 'always' };
  const no: Predicate = { kind: 'expression', expression: 'false' };
  const other: Predicate = { kind: 'expression', expression: 'true' };
  const any = (...predicates: readonly Predicate[]): Predicate => ({ kind: 'any_of', predicates });
  const all = (...predicates: readonly Predicate[]): Predicate => ({ kind: 'all_of', predicates });
  const both = all(yes, other);

  test.each<[string, Predicate, Predicate | null, string]>([
    ['the first child that fires', any(no, other, yes), other, 'true is true'],
    ['no child', any(no, no), null, 'none of the predicates fired'],
    ['a child of a child', any(no, any(no, any(other, yes))), other, 'true is true'],
    ['an all_of among others', any(no, both), both, 'the gate always opens; true is true'],
    ['an all_of', both, both, 'the gate always opens; true is true'],
    ['an all_of with one that does not', all(yes, no), null, 'false is false'],
    ['an all_of over an any_of', all(any(no, yes)), all(any(no, yes)), 'the gate always opens'],
    [
      'an all_of over an any_of that does not',
      all(yes, any(no)),
      null,
      'none of the predicates fired',
    ],
    ['an empty any_of, which no declaration would pass', any(), any(), 'any_of has no predicates'],
    ['an empty all_of, which no declaration would pass', all(), all(), 'all_of has no predicates'],
  ])('name %s', (_, predicate, fired, because) => {
    expect(evaluatePredicate(predicate, aSubject())).toEqual({ fired, because });
  });
});

describe('wirePredicate', () => {
  const expression: Predicate = { kind: 'expression', expression: 'output.total_amount > 10000' };
  const onTheWire = {
    kind: 'json_condition',
    condition: { logical_operator: 'and', sub_conditions: [] },
    expression: 'output.total_amount > 10000',
  };

  test('writes an expression as a condition that every client knows', () => {
    expect(wirePredicate(expression)).toEqual(onTheWire);
  });

  test('writes expressions inside composites so', () => {
    const always: Predicate = { kind: 'always' };
    expect(
      wirePredicate({
        kind: 'all_of',
        predicates: [always, { kind: 'any_of', predicates: [expression] }],
      }),
    ).toEqual({
      kind: 'all_of',
      predicates: [{ kind: 'always' }, { kind: 'any_of', predicates: [onTheWire] }],
    });
  });

  test('leaves the others as they are', () => {
    const predicate: Predicate = { kind: 'confidence_lt', threshold: 0.5 };
    expect(wirePredicate(predicate)).toEqual(predicate);
  });
});
