import { describe, expect, test } from 'vitest';
import { BLOCK_TYPES, type PredicateKind } from '../../src/domain/definition.js';
import { checkPredicate, type PredicateContext } from '../../src/rules/predicate-check.js';
import { containing } from './containing.js';

function aContext(overrides: Partial<PredicateContext> = {}): PredicateContext {
  return {
    type: 'extract',
    placement: 'output',
    json_schema: { type: 'object' },
    categories: null,
    n_consensus: 3,
    ...overrides,
  };
}

const condition = { sub_conditions: [{ path: 'data.a', operator: 'exists' }] };

/** The smallest valid predicate of each kind. */
const smallest: {
  readonly [Kind in PredicateKind]: { readonly kind: Kind; readonly [field: string]: unknown };
} = {
  always: { kind: 'always' },
  validation_failed: { kind: 'validation_failed' },
  any_required_field_null: { kind: 'any_required_field_null' },
  confidence_lt: { kind: 'confidence_lt', threshold: 0.5 },
  category_in: { kind: 'category_in', categories: ['a'] },
  top_margin_lt: { kind: 'top_margin_lt', margin: 0.5 },
  split_count_neq: { kind: 'split_count_neq', expected: 0 },
  any_split_pages_lt: { kind: 'any_split_pages_lt', min_pages: 1 },
  boundary_confidence_lt: { kind: 'boundary_confidence_lt', threshold: 0.5 },
  any_pages_unassigned: { kind: 'any_pages_unassigned' },
  json_condition: { kind: 'json_condition', condition },
  expression: { kind: 'expression', expression: 'true' },
  any_of: { kind: 'any_of', predicates: [{ kind: 'always' }] },
  all_of: { kind: 'all_of', predicates: [{ kind: 'always' }] },
};

const everywhere: readonly PredicateKind[] = [
  'always',
  'validation_failed',
  'json_condition',
  'expression',
  'any_of',
  'all_of',
];
const pairing = {
  extract: ['any_required_field_null', 'confidence_lt'],
  task: ['any_required_field_null', 'confidence_lt'],
  classifier: ['category_in', 'confidence_lt', 'top_margin_lt'],
  split: ['split_count_neq', 'any_split_pages_lt', 'boundary_confidence_lt'],
  for_each: [
    'split_count_neq',
    'any_split_pages_lt',
    'boundary_confidence_lt',
    'any_pages_unassigned',
  ],
} as const;

describe('checkPredicate', () => {
  test.each(
    Object.values(smallest).flatMap((predicate) =>
      BLOCK_TYPES.map((type) => [predicate.kind, type] as const),
    ),
  )('accepts %s on blocks of type %s exactly where the contract pairs them', (kind, type) => {
    const own: readonly string[] = pairing[type];
    const isPaired = everywhere.includes(kind) || own.includes(kind);
    const onOutput = checkPredicate(smallest[kind], aContext({ type }));
    expect('predicate' in onOutput).toBe(isPaired);
    if ('problems' in onOutput) {
      expect(onOutput.problems).toEqual([
        {
          path: ['kind'],
          message: containing(`for the output of a block of type ${type}: `),
        },
      ]);
    }
    const onInput = checkPredicate(
      kind === 'expression' ? { kind, expression: 'input.a' } : smallest[kind],
      aContext({ type, placement: 'input' }),
    );
    expect('predicate' in onInput).toBe(
      ['always', 'json_condition', 'expression', 'any_of', 'all_of'].includes(kind),
    );
  });

  test.each<[unknown, readonly (string | number)[], string]>([
    [null, [], 'expected a predicate object, got null'],
    ['always', [], 'expected a predicate object, got "always"'],
    [{}, ['kind'], 'got nothing'],
    [{ kind: 'sometimes' }, ['kind'], 'got "sometimes"'],
    [{ kind: 'constructor' }, ['kind'], 'got "constructor"'],
    [
      { kind: 'branch_in', branches: ['a'] },
      ['kind'],
      'branch_in never fires and cannot be declared',
    ],
    [
      { kind: 'field_confidence_lt', field: 'a', threshold: 0.5 },
      ['kind'],
      'declare json_condition over likelihoods.<field>',
    ],
    [{ kind: 'always', threshold: 1 }, ['threshold'], 'unknown key; accepted: "kind"'],
    [{ kind: 'confidence_lt' }, ['threshold'], 'expected a number, got nothing'],
    [{ kind: 'confidence_lt', threshold: '0.5' }, ['threshold'], 'expected a number, got "0.5"'],
    [{ kind: 'confidence_lt', threshold: -0.01 }, ['threshold'], 'expected at least 0, got -0.01'],
    [{ kind: 'confidence_lt', threshold: 1.01 }, ['threshold'], 'expected at most 1, got 1.01'],
    [{ kind: 'json_condition' }, ['condition'], 'expected an object, got nothing'],
    [
      { kind: 'json_condition', condition: { sub_conditions: [] } },
      ['condition', 'sub_conditions'],
      'expected 1 to 100',
    ],
    [
      { kind: 'json_condition', condition: { logical_operator: 'xor', sub_conditions: [] } },
      ['condition', 'logical_operator'],
      'expected "and" or "or", got "xor"',
    ],
    [
      { kind: 'json_condition', condition: { sub_conditions: [{ path: 'data' }] } },
      ['condition', 'sub_conditions', 0, 'operator'],
      'expected a string, got nothing',
    ],
    [
      {
        kind: 'json_condition',
        condition: { sub_conditions: [{ path: 'x', operator: 'exists' }] },
      },
      ['condition', 'sub_conditions', 0, 'path'],
      'begins with',
    ],
    [
      {
        kind: 'json_condition',
        condition: {
          sub_conditions: [{ path_ref: { path: 'data', index: 1 }, operator: 'exists' }],
        },
      },
      ['condition', 'sub_conditions', 0, 'path_ref', 'index'],
      'unknown key',
    ],
    [{ kind: 'expression', expression: 'output.x > >' }, ['expression'], 'cannot be read'],
    [{ kind: 'expression', expression: 5 }, ['expression'], 'expected a string, got 5'],
    [
      { kind: 'any_of', predicates: [] },
      ['predicates'],
      'expected at least 1 item, got a list of 0 items',
    ],
    [{ kind: 'all_of', predicates: [] }, ['predicates'], 'expected at least 1 item'],
    [{ kind: 'all_of' }, ['predicates'], 'expected a list, got nothing'],
    [{ kind: 'any_of', predicates: [{ kind: 'always' }], more: 1 }, ['more'], 'unknown key'],
    [
      {
        kind: 'any_of',
        predicates: [{ kind: 'always' }, { kind: 'all_of', predicates: [{ kind: 'branch_in' }] }],
      },
      ['predicates', 1, 'predicates', 0, 'kind'],
      'branch_in',
    ],
    [
      { kind: 'any_of', predicates: Array.from({ length: 101 }, () => ({ kind: 'always' })) },
      ['predicates'],
      'expected at most 100 items',
    ],
    [{ kind: 'expression', expression: '\ud800' }, ['expression'], 'lone surrogate'],
  ])('refuses %j', (predicate, path, message) => {
    expect(checkPredicate(predicate, aContext())).toEqual({
      problems: [{ path, message: containing(message) }],
    });
  });

  test.each<[PredicateContext['type'], unknown, readonly (string | number)[], string]>([
    [
      'classifier',
      { kind: 'category_in', categories: [] },
      ['categories'],
      'expected at least 1 item',
    ],
    [
      'classifier',
      { kind: 'category_in', categories: [''] },
      ['categories', 0],
      'expected at least 1 character',
    ],
    ['classifier', { kind: 'top_margin_lt', margin: 1.1 }, ['margin'], 'expected at most 1'],
    ['classifier', { kind: 'top_margin_lt', margin: -1 }, ['margin'], 'expected at least 0'],
    [
      'split',
      { kind: 'split_count_neq', expected: -1 },
      ['expected'],
      'expected at least 0, got -1',
    ],
    [
      'split',
      { kind: 'split_count_neq', expected: 1.5 },
      ['expected'],
      'expected an integer, got 1.5',
    ],
    [
      'split',
      { kind: 'any_split_pages_lt', min_pages: 0 },
      ['min_pages'],
      'expected at least 1, got 0',
    ],
    [
      'split',
      { kind: 'boundary_confidence_lt', threshold: 2 },
      ['threshold'],
      'expected at most 1, got 2',
    ],
  ])('refuses on blocks of type %s %j', (type, predicate, path, message) => {
    expect(checkPredicate(predicate, aContext({ type }))).toEqual({
      problems: [{ path, message: containing(message) }],
    });
  });

  test.each([0, 1])('accepts the bound %d of a likelihood', (bound) => {
    expect(checkPredicate({ kind: 'confidence_lt', threshold: bound }, aContext())).toHaveProperty(
      'predicate',
    );
  });

  test('fills in the logical operator, and keeps values as they are', () => {
    const subs = [{ path: 'data.a', operator: 'is_equal_to', value: { b: [null] } }];
    expect(
      checkPredicate({ kind: 'json_condition', condition: { sub_conditions: subs } }, aContext()),
    ).toEqual({
      predicate: {
        kind: 'json_condition',
        condition: { logical_operator: 'and', sub_conditions: subs },
      },
      warnings: [],
    });
  });

  test('refuses a category that the block does not know', () => {
    const context = aContext({ type: 'classifier', categories: ['fraud', 'other'] });
    expect(
      checkPredicate({ kind: 'category_in', categories: ['fraud', 'Other'] }, context),
    ).toEqual({
      problems: [
        {
          path: ['categories', 1],
          message: 'expected a category of the block ("fraud" or "other"), got "Other"',
        },
      ],
    });
  });

  test.each<[unknown, boolean]>([
    [smallest.always, false],
    [smallest.confidence_lt, true],
    [smallest.json_condition, false],
    [
      {
        kind: 'json_condition',
        condition: { sub_conditions: [{ path: 'likelihoods.a', operator: 'exists' }] },
      },
      true,
    ],
    [{ kind: 'expression', expression: 'output.a > 1' }, false],
    [{ kind: 'expression', expression: 'output.a > 1 && likelihoods.a < 0.5' }, true],
  ])('warns that %j reads a consensus that does not run: %j', (predicate, expected) => {
    const alone = checkPredicate(predicate, aContext({ n_consensus: 1 }));
    expect('warnings' in alone && alone.warnings.length > 0).toBe(expected);
    expect(checkPredicate(predicate, aContext({ n_consensus: 2 }))).toMatchObject({ warnings: [] });
  });

  test('warns at the place, inside composites too', () => {
    const predicate = { kind: 'any_of', predicates: [smallest.always, smallest.confidence_lt] };
    expect(checkPredicate(predicate, aContext({ n_consensus: 1 }))).toMatchObject({
      warnings: [
        {
          path: ['predicates', 1],
          message: containing(
            'confidence_lt reads a consensus, which does not run with n_consensus 1',
          ),
        },
      ],
    });
  });

  test('warns where required fields are asked for and no schema is declared', () => {
    expect(
      checkPredicate(smallest.any_required_field_null, aContext({ json_schema: null })),
    ).toMatchObject({
      warnings: [{ path: [], message: containing('does not declare') }],
    });
  });

  test('takes ten levels and no more, however deep they are sent', () => {
    const nested = (levels: number): unknown => {
      let predicate: unknown = { kind: 'always' };
      for (let level = 1; level < levels; level += 1) {
        predicate = { kind: 'any_of', predicates: [predicate] };
      }
      return predicate;
    };
    expect(checkPredicate(nested(10), aContext())).toHaveProperty('predicate');
    expect(checkPredicate(nested(11), aContext())).toHaveProperty('problems');
    expect(checkPredicate(nested(50_000), aContext())).toHaveProperty('problems');
  });
});
