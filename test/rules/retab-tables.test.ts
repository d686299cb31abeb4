import { describe, expect, test } from 'vitest';
import type { BlockType, Predicate, SubCondition } from '../../src/domain/definition.js';
import type { Json, JsonObject } from '../../src/domain/json.js';
import { OPERATORS } from '../../src/rules/condition-operators.js';
import { checkJsonCondition, evaluateJsonCondition } from '../../src/rules/json-condition.js';
import { checkPredicate, type PredicateContext } from '../../src/rules/predicate-check.js';
import { evaluatePredicate, type Subject } from '../../src/rules/predicates.js';
import { checkSnapshot, type SnapshotRules } from '../../src/rules/snapshot-shapes.js';
import { Work } from '../../src/rules/work.js';

// The tables of the Retab contract's part A, row by row: what a row says, its other side, and its bounds.
// The files beside this one have the messages and the corners.

describe('A5, snapshots by type', () => {
  const rows: readonly (readonly [BlockType, string, unknown, boolean, Partial<SnapshotRules>])[] =
    [
      ['extract', 'any JSON object, nulls included', { a: null, b: [{ c: null }] }, true, {}],
      ['extract', 'an empty object', {}, true, {}],
      ['extract', 'a list', [], false, {}],
      ['extract', 'null', null, false, {}],
      ['extract', 'a text', 'x', false, {}],
      ['task', 'any JSON object', { anything: [1] }, true, {}],
      ['task', 'a number', 1, false, {}],
      ['extract', 'the largest integer', { n: 2 ** 53 - 1 }, true, {}],
      ['extract', 'the smallest integer', { n: -(2 ** 53 - 1) }, true, {}],
      ['extract', 'an integer above it', { n: 2 ** 53 }, false, {}],
      ['extract', 'an integer below it', { n: -(2 ** 53) }, false, {}],
      ['extract', 'a large number that is no integer literal', { n: 1e15 + 0.5 }, true, {}],
      ['extract', 'a lone surrogate', { s: '\udc00' }, false, {}],
      ['extract', 'a pair of surrogates', { s: '\ud83d\ude00' }, true, {}],
      ['extract', 'a key with a lone surrogate', { '\ud800': 1 }, false, {}],
      ['classifier', 'a category', { category: 'x' }, true, {}],
      ['classifier', 'a category and something else', { category: 'x', score: 1 }, false, {}],
      ['classifier', 'something else', { label: 'x' }, false, {}],
      ['classifier', 'one of the categories', { category: 'a' }, true, { categories: ['a', 'b'] }],
      ['classifier', 'none of them', { category: 'c' }, false, { categories: ['a', 'b'] }],
      ['classifier', 'one in another case', { category: 'A' }, false, { categories: ['a', 'b'] }],
      ['split', 'documents', split([1, 2], [3]), true, {}],
      ['split', 'no documents', { documents: [] }, true, {}],
      [
        'split',
        'partitions of a document',
        { documents: [{ name: 'a', pages: [1], partitions: [{}] }] },
        true,
        {},
      ],
      ['split', 'partitions in place of documents', { partitions: [] }, false, {}],
      ['split', 'a document without a name', { documents: [{ pages: [1] }] }, false, {}],
      ['split', 'a document with a key', { documents: [{ key: 'a', pages: [1] }] }, false, {}],
      ['split', 'page 1', split([1]), true, {}],
      ['split', 'page 0', split([0]), false, {}],
      ['split', 'page -1', split([-1]), false, {}],
      ['split', 'half a page', split([1.5]), false, {}],
      ['split', 'pages in ascending order, with gaps', split([1, 5, 9]), true, {}],
      ['split', 'a page twice', split([1, 1]), false, {}],
      ['split', 'pages in descending order', split([2, 1]), false, {}],
      ['split', 'a page in two documents', split([1], [1]), false, {}],
      ['split', 'a page in two, overlap allowed', split([1], [1]), true, { allow_overlap: true }],
      [
        'split',
        'a page twice in one, overlap allowed',
        split([1, 1]),
        false,
        { allow_overlap: true },
      ],
      ['for_each', 'partitions', parts([1, 2], [3]), true, {}],
      ['for_each', 'documents in their place', { documents: [] }, false, {}],
      [
        'for_each',
        'a partition with a name',
        { partitions: [{ name: 'a', pages: [1] }] },
        false,
        {},
      ],
      ['for_each', 'unassigned pages', { ...parts([1]), unassigned_pages: [2, 3] }, true, {}],
      ['for_each', 'no unassigned pages', { ...parts([1]), unassigned_pages: [] }, true, {}],
      [
        'for_each',
        'unassigned pages out of order',
        { ...parts([1]), unassigned_pages: [3, 2] },
        false,
        {},
      ],
      ['for_each', 'a page both ways', { ...parts([1]), unassigned_pages: [1] }, false, {}],
      [
        'for_each',
        'a page both ways, overlap allowed',
        { ...parts([1]), unassigned_pages: [1] },
        false,
        { allow_overlap: true },
      ],
      ['for_each', 'a page in two partitions', parts([1], [1]), false, {}],
      [
        'for_each',
        'a page in two, overlap allowed',
        parts([1], [1]),
        true,
        { allow_overlap: true },
      ],
    ];

  test.each(rows)('%s: %s', (type, _, snapshot, isAccepted, rules) => {
    const problems = checkSnapshot(type, snapshot, {
      categories: null,
      allow_overlap: false,
      ...rules,
    });
    expect(problems.length === 0).toBe(isAccepted);
  });
});

function split(...pages: readonly (readonly number[])[]): JsonObject {
  return { documents: pages.map((each, index) => ({ name: `d${index}`, pages: each })) };
}

function parts(...pages: readonly (readonly number[])[]): JsonObject {
  return { partitions: pages.map((each, index) => ({ key: `k${index}`, pages: each })) };
}

const votes = (...categories: readonly string[]): JsonObject => ({
  choices: categories.map((category) => ({ category })),
});
const likely = (likelihoods: Json): JsonObject => ({ likelihoods });

const invoice: JsonObject = {
  type: 'object',
  required: ['total', 'vendor', 'lines'],
  properties: {
    total: { type: 'number' },
    vendor: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
    lines: { type: 'array', items: { type: 'object', required: ['sku'] } },
    note: { type: 'string' },
  },
};
const complete: JsonObject = { total: 0, vendor: { name: 'x' }, lines: [] };

describe('A6, predicates by kind', () => {
  const rows: readonly (readonly [
    Predicate['kind'],
    string,
    Predicate,
    Partial<Subject>,
    boolean,
  ])[] = [
    ['always', 'every time', { kind: 'always' }, {}, true],
    ...(
      [
        ['an output that satisfies the schema', { data: complete, json_schema: invoice }, false],
        ['one that does not', { data: { ...complete, total: '1' }, json_schema: invoice }, true],
        ['no schema, and the right shape', { data: {} }, false],
        ['no schema, and a list', { data: [] }, true],
        ['a classifier without a category', { blockType: 'classifier', data: {} }, true],
        ['a split out of order', { blockType: 'split', data: split([2, 1]) }, true],
        ['a split that overlaps', { blockType: 'split', data: split([1], [1]) }, true],
        [
          'a split that may',
          { blockType: 'split', data: split([1], [1]), allow_overlap: true },
          false,
        ],
        ['a for_each with documents', { blockType: 'for_each', data: split([1]) }, true],
      ] as const
    ).map(([what, about, fires]) => row({ kind: 'validation_failed' }, what, about, fires)),
    ...(
      [
        ['all answered', complete, false],
        ['0 is an answer', { ...complete, total: 0 }, false],
        ['false is an answer', { ...complete, total: false }, false],
        ['[] is an answer', { ...complete, total: [] }, false],
        ['{} is an answer', { ...complete, total: {} }, false],
        ['null', { ...complete, total: null }, true],
        ['missing', { vendor: { name: 'x' }, lines: [] }, true],
        ['an empty string', { ...complete, total: '' }, true],
        ['a blank string', { ...complete, total: ' \t\n' }, true],
        ['null where nothing is required', { ...complete, note: null }, false],
        ['null in a nested object', { ...complete, vendor: { name: null } }, true],
        ['missing in a nested object', { ...complete, vendor: {} }, true],
        ['null in an item of a list', { ...complete, lines: [{ sku: 'a' }, { sku: null }] }, true],
        ['every item answered', { ...complete, lines: [{ sku: 'a' }, { sku: 'b' }] }, false],
      ] as const
    ).map(([what, data, fires]) =>
      row({ kind: 'any_required_field_null' }, what, { data, json_schema: invoice }, fires),
    ),
    ...(
      [
        ['below the threshold', likely(0.499), true],
        ['at the threshold', likely(0.5), false],
        ['above it', likely(0.501), false],
        ['the mean of all leaves below', likely({ a: 0.9, b: [0.1, { c: 0.4 }] }), true],
        ['the mean of all leaves at it', likely({ a: 0.9, b: [0.1] }), false],
        ['no likelihoods', {}, true],
        ['no consensus', null, true],
      ] as const
    ).map(([what, consensus, fires]) =>
      row({ kind: 'confidence_lt', threshold: 0.5 }, what, { consensus }, fires),
    ),
    ...(
      [
        ['the first of the list', 'a', true],
        ['the last of the list', 'b', true],
        ['another', 'c', false],
        ['another case', 'A', false],
        ['a part of one', 'aa', false],
      ] as const
    ).map(([what, category, fires]) =>
      row(
        { kind: 'category_in', categories: ['a', 'b'] },
        what,
        { blockType: 'classifier', data: { category } },
        fires,
      ),
    ),
    ...(
      [
        ['a margin below', votes('a', 'a', 'a', 'b', 'b'), 0.201, true],
        ['a margin at it', votes('a', 'a', 'a', 'b', 'b'), 0.2, false],
        ['a margin above it', votes('a', 'a', 'a', 'a', 'b'), 0.2, false],
        ['one category only: margin 1', votes('a', 'a'), 1, false],
        ['a tie: margin 0, below', votes('a', 'b'), 0.001, true],
        ['a tie: margin 0, at it', votes('a', 'b'), 0, false],
        ['a third category does not count', votes('a', 'a', 'b', 'c'), 0.25, false],
        ['a third category counts as votes', votes('a', 'a', 'b', 'c'), 0.26, true],
        ['no votes', { choices: [] }, 0, true],
        ['no consensus', null, 0, true],
      ] as const
    ).map(([what, consensus, margin, fires]) =>
      row({ kind: 'top_margin_lt', margin }, what, { blockType: 'classifier', consensus }, fires),
    ),
    ...(
      [
        ['as many documents', split([1], [2]), 2, false],
        ['one more', split([1], [2]), 1, true],
        ['one less', split([1], [2]), 3, true],
        ['none expected and none there', split(), 0, false],
        ['none expected and one there', split([1]), 0, true],
        ['as many partitions', parts([1], [2]), 2, false],
        ['other than that', parts([1]), 2, true],
      ] as const
    ).map(([what, data, expected, fires]) =>
      row({ kind: 'split_count_neq', expected }, what, { blockType: 'split', data }, fires),
    ),
    ...(
      [
        ['every document has as many', split([1, 2], [3, 4]), 2, false],
        ['one has fewer', split([1, 2], [3]), 2, true],
        ['one has none', split([1], []), 1, true],
        ['a partition has fewer', parts([1]), 2, true],
        ['every partition has as many', parts([1]), 1, false],
        ['no split at all', split(), 1, false],
      ] as const
    ).map(([what, data, minPages, fires]) =>
      row(
        { kind: 'any_split_pages_lt', min_pages: minPages },
        what,
        { blockType: 'split', data },
        fires,
      ),
    ),
    ...(
      [
        ['every page at it', split([1, 2]), likely([{ name: 1, pages: [0.5, 0.5] }]), false],
        ['one page below', split([1, 2]), likely([{ name: 1, pages: [0.5, 0.499] }]), true],
        ['the name below', split([1]), likely([{ name: 0.1, pages: [0.5] }]), false],
        ['a partition’s page below', parts([1]), likely([{ key: 1, pages: [0.4] }]), true],
        ['a partition’s page at it', parts([1]), likely([{ key: 1, pages: [0.5] }]), false],
        ['a page without likelihood', split([1, 2]), likely([{ name: 1, pages: [0.9] }]), true],
        ['no consensus', split([1]), null, true],
      ] as const
    ).map(([what, data, consensus, fires]) =>
      row(
        { kind: 'boundary_confidence_lt', threshold: 0.5 },
        what,
        { blockType: 'split', data, consensus },
        fires,
      ),
    ),
    ...(
      [
        ['a page in no partition', { ...parts([1]), unassigned_pages: [2] }, true],
        ['none', { ...parts([1]), unassigned_pages: [] }, false],
        ['not said', parts([1]), false],
      ] as const
    ).map(([what, data, fires]) =>
      row({ kind: 'any_pages_unassigned' }, what, { blockType: 'for_each', data }, fires),
    ),
    ...(['output', 'input'] as const).flatMap((placement) =>
      ([3, 4] as const).map((value) =>
        row(
          {
            kind: 'json_condition',
            condition: { sub_conditions: [{ path: 'data.n', operator: 'is_equal_to', value }] },
          },
          `${placement}.n is 3, and ${value} is asked for`,
          { placement, data: { n: 3 } },
          value === 3,
        ),
      ),
    ),
  ];

  test.each(rows)('%s: %s', (_, _what, predicate, about, fires) => {
    const { fired } = evaluatePredicate(predicate, {
      placement: 'output',
      blockType: 'extract',
      data: {},
      consensus: null,
      json_schema: null,
      categories: null,
      allow_overlap: false,
      ...about,
    });
    expect(fired).toBe(fires ? predicate : null);
  });

  test('every kind but composites and expressions, which have tables of their own, has a row', () => {
    const kinds = new Set(rows.map(([kind]) => kind));
    expect([...kinds].toSorted()).toEqual(
      [
        'always',
        'any_pages_unassigned',
        'any_required_field_null',
        'any_split_pages_lt',
        'boundary_confidence_lt',
        'category_in',
        'confidence_lt',
        'json_condition',
        'split_count_neq',
        'top_margin_lt',
        'validation_failed',
      ].toSorted(),
    );
  });
});

function row(
  predicate: Predicate,
  what: string,
  about: Partial<Subject>,
  fires: boolean,
): readonly [Predicate['kind'], string, Predicate, Partial<Subject>, boolean] {
  return [predicate.kind, what, predicate, about, fires];
}

describe('A6, what is refused when it is declared', () => {
  const context = (type: BlockType, about: Partial<PredicateContext> = {}): PredicateContext => ({
    type,
    placement: 'output',
    json_schema: null,
    categories: null,
    n_consensus: 3,
    ...about,
  });

  test.each<[string, BlockType, readonly unknown[], readonly unknown[]]>([
    ['confidence_lt.threshold is 0..1', 'extract', [0, 0.5, 1], [-0.001, 1.001, null, '0.5']],
    ['top_margin_lt.margin is 0..1', 'classifier', [0, 0.5, 1], [-0.001, 1.001, null, '0.5']],
    ['boundary_confidence_lt.threshold is 0..1', 'split', [0, 0.5, 1], [-0.001, 1.001, null, '1']],
    ['split_count_neq.expected is an int ≥ 0', 'split', [0, 1, 2 ** 31], [-1, 0.5, null, '1']],
    ['any_split_pages_lt.min_pages is an int ≥ 1', 'split', [1, 2], [0, -1, 1.5, null, '1']],
    [
      'category_in.categories is ≥ 1 string',
      'classifier',
      [['a'], ['a', 'b']],
      [[], [1], 'a', null],
    ],
  ])('%s', (name, type, accepted, refused) => {
    const [kind = '', field = ''] = name.split(' ')[0]?.split('.') ?? [];
    for (const value of accepted) {
      expect(checkPredicate({ kind, [field]: value }, context(type))).toHaveProperty('predicate');
    }
    for (const value of [...refused, undefined]) {
      const predicate = value === undefined ? { kind } : { kind, [field]: value };
      expect(checkPredicate(predicate, context(type))).toHaveProperty('problems');
    }
  });

  test.each<[string, BlockType, unknown]>([
    ['a classifier’s on an extract', 'extract', { kind: 'category_in', categories: ['a'] }],
    ['a split’s on a classifier', 'classifier', { kind: 'split_count_neq', expected: 1 }],
    ['a for_each’s on a split', 'split', { kind: 'any_pages_unassigned' }],
    ['an extract’s on a for_each', 'for_each', { kind: 'confidence_lt', threshold: 1 }],
    ['branch_in', 'extract', { kind: 'branch_in', branches: ['a'] }],
    ['field_confidence_lt', 'extract', { kind: 'field_confidence_lt', field: 'a', threshold: 1 }],
  ])('%s, alone and inside composites', (_, type, predicate) => {
    for (const declared of [
      predicate,
      { kind: 'any_of', predicates: [{ kind: 'always' }, predicate] },
      { kind: 'all_of', predicates: [{ kind: 'any_of', predicates: [predicate] }] },
    ]) {
      expect(checkPredicate(declared, context(type))).toHaveProperty('problems');
    }
  });

  test.each(['validation_failed', 'any_required_field_null'])(
    '%s before the block, inside a composite too',
    (kind) => {
      const before = context('extract', { placement: 'input' });
      expect(checkPredicate({ kind }, before)).toHaveProperty('problems');
      const inside = { kind: 'any_of', predicates: [{ kind }] };
      expect(checkPredicate(inside, before)).toHaveProperty('problems');
    },
  );

  test.each<[BlockType, unknown]>([
    ['extract', { kind: 'confidence_lt', threshold: 1 }],
    ['classifier', { kind: 'top_margin_lt', margin: 1 }],
    ['split', { kind: 'boundary_confidence_lt', threshold: 1 }],
    ['for_each', { kind: 'boundary_confidence_lt', threshold: 1 }],
  ])('on a %s %j warns with n_consensus 1, and not with 2', (type, predicate) => {
    const warned = checkPredicate(predicate, context(type, { n_consensus: 1 }));
    expect(warned).toMatchObject({ warnings: [{ path: [] }] });
    expect(checkPredicate(predicate, context(type, { n_consensus: 2 }))).toMatchObject({
      warnings: [],
    });
  });
});

describe('A7, operators', () => {
  /** By operator: a value it is compared with, what holds, and what does not although its type is right. */
  const rows: {
    readonly [operator: string]: {
      readonly value?: Json;
      readonly holds: readonly Json[];
      readonly fails: readonly Json[];
      readonly wrong: readonly Json[];
      /** Whether it holds of what is missing, and of null. */
      readonly missing?: true;
      readonly null?: true;
    };
  } = {
    exists: { holds: [0, false, '', [], {}], fails: [], wrong: [] },
    does_not_exist: {
      holds: [],
      fails: [0, false, '', [], {}],
      wrong: [],
      missing: true,
      null: true,
    },
    is_empty: {
      holds: ['', [], {}],
      fails: [' ', [null], { a: null }, 0, false],
      wrong: [],
      missing: true,
      null: true,
    },
    is_not_empty: { holds: [' ', [null], { a: null }, 0, false], fails: ['', [], {}], wrong: [] },
    is_equal_to: { value: 1, holds: [1], fails: [2, 1.0000001], wrong: ['1', true, [1], { a: 1 }] },
    is_not_equal_to: {
      value: 1,
      holds: [2, '1', true, [1]],
      fails: [1],
      wrong: [],
      missing: true,
      null: true,
    },
    contains: {
      value: 'b',
      holds: ['abc', 'b', ['a', 'b']],
      fails: ['aBc', 'ac', ['ab'], []],
      wrong: [1, true, { b: 1 }],
    },
    starts_with: {
      value: 'ab',
      holds: ['ab', 'abc'],
      fails: ['cab', 'ABc', ''],
      wrong: [['ab'], 1, { ab: 1 }],
    },
    ends_with: {
      value: 'bc',
      holds: ['bc', 'abc'],
      fails: ['bcd', 'aBC', ''],
      wrong: [['bc'], 1, { bc: 1 }],
    },
    matches_regex: { value: 'b+', holds: ['b', 'abbc'], fails: ['', 'B'], wrong: [['b'], 1, true] },
    is_greater_than: {
      value: 2,
      holds: [3, 2.0000001, '2.01', '10'],
      fails: [2, '2.0', 1, '1.99', -3],
      wrong: ['', 'x', '3 ', '1e3', true, [3]],
    },
    is_less_than: {
      value: 2,
      holds: [1, 1.9999999, '1.99', '-10'],
      fails: [2, '2.00', 3, '2.01'],
      wrong: ['', 'x', '1,5', false, [1]],
    },
    is_greater_than_or_equal_to: {
      value: 2,
      holds: [2, '2.0', 3],
      fails: [1.9999999, '1.99'],
      wrong: ['', true, [2]],
    },
    is_less_than_or_equal_to: {
      value: 2,
      holds: [2, '2.0', 1],
      fails: [2.0000001, '2.01'],
      wrong: ['', false, [2]],
    },
    is_true: { holds: [true], fails: [false], wrong: ['true', 1, [true], {}] },
    is_false: { holds: [false], fails: [true], wrong: ['false', 0, '', [], {}] },
    length_equal_to: {
      value: 2,
      holds: [[1, 2]],
      fails: [[1], [1, 2, 3], []],
      wrong: ['ab', 2, { a: 1, b: 2 }],
    },
    length_greater_than: {
      value: 1,
      holds: [[1, 2]],
      fails: [[1], []],
      wrong: ['ab', 2, { a: 1, b: 2 }],
    },
    length_less_than: { value: 1, holds: [[]], fails: [[1], [1, 2]], wrong: ['', 0, {}] },
    is_after: {
      value: '2026-05-13',
      holds: ['2026-05-14', '2026-05-13T00:00:00.001Z', '2026-05-12T23:00:00-02:00'],
      fails: ['2026-05-13', '2026-05-13T00:00:00Z', '2026-05-12'],
      wrong: ['tomorrow', '2026-05-14T00:00:00', '2026-13-01', 1_800_000_000_000, ['2026-05-14']],
    },
    is_before: {
      value: '2026-05-13',
      holds: ['2026-05-12', '2026-05-12T23:59:59.999Z', '2026-05-13T01:00:00+02:00'],
      fails: ['2026-05-13', '2026-05-13T02:00:00+02:00', '2026-05-14'],
      wrong: ['yesterday', '2026-02-30', 0, ['2026-05-12']],
    },
    is_after_or_equal_to: {
      value: '2026-05-13',
      holds: ['2026-05-13', '2026-05-13T00:00:00Z', '2026-05-14'],
      fails: ['2026-05-12', '2026-05-12T23:59:59.999Z'],
      wrong: ['x', 1, null],
    },
    is_before_or_equal_to: {
      value: '2026-05-13',
      holds: ['2026-05-13', '2026-05-13T00:00:00Z', '2026-05-12'],
      fails: ['2026-05-14', '2026-05-13T00:00:00.001Z'],
      wrong: ['x', 1, null],
    },
  };

  test('each has a row', () => {
    expect(Object.keys(rows)).toEqual(Object.keys(OPERATORS));
  });

  function holds(operator: string, found: Json | undefined, value: Json | undefined): boolean {
    const sub: SubCondition = {
      path: 'data.x',
      operator,
      ...(value === undefined ? {} : { value }),
    };
    const condition = { sub_conditions: [sub] };
    expect(checkJsonCondition(condition, 'extract', 'output')).toEqual([]);
    const data = found === undefined ? {} : { x: found };
    return evaluateJsonCondition(condition, { data, likelihoods: null }, new Work()).holds;
  }

  test.each(Object.entries(rows))('%s', (operator, about) => {
    const { value } = about;
    expect(about.holds.filter((found) => !holds(operator, found, value))).toEqual([]);
    expect(about.fails.filter((found) => holds(operator, found, value))).toEqual([]);
    expect(about.wrong.filter((found) => holds(operator, found, value))).toEqual([]);
    expect(holds(operator, undefined, value)).toBe(about.missing === true);
    expect(holds(operator, null, value)).toBe(about.null === true);
  });

  test.each(Object.entries(rows))(
    '%s over every element: all must hold, and none do not',
    (operator, about) => {
      const [good, bad] = [about.holds[0], about.fails[0]];
      const over = (x: readonly Json[]): boolean =>
        evaluateJsonCondition(
          {
            sub_conditions: [
              {
                path: 'data.x.*',
                operator,
                ...(about.value === undefined ? {} : { value: about.value }),
              },
            ],
          },
          { data: { x }, likelihoods: null },
          new Work(),
        ).holds;
      expect(over([])).toBe(false);
      if (good !== undefined) {
        expect(over([good, good])).toBe(true);
      }
      if (good !== undefined && bad !== undefined) {
        expect(over([good, bad])).toBe(false);
        expect(over([bad, good])).toBe(false);
      }
    },
  );

  test.each(Object.entries(rows))(
    '%s is refused with a value it cannot take, and without one it needs',
    (operator, { value }) => {
      const check = (sub: Partial<SubCondition>): number =>
        checkJsonCondition(
          { sub_conditions: [{ path: 'data.x', operator, ...sub }] },
          'extract',
          'output',
        ).length;
      if (value === undefined) {
        expect(check({})).toBe(0);
        expect(check({ value: 'x' })).toBe(1);
      } else {
        expect(check({ value })).toBe(0);
        expect(check({})).toBe(1);
      }
    },
  );
});
