import { describe, expect, test } from 'vitest';
import type { Predicate } from '../../src/domain/definition.js';
import { type FiredOn, firedPaths } from '../../src/rules/fired-paths.js';

const on: FiredOn = {
  blockType: 'extract',
  data: { total: null, vendor: { country: 'FR' }, lines: [{ amount: 'x' }] },
  json_schema: {
    type: 'object',
    required: ['total', 'vendor'],
    properties: {
      total: { type: ['number', 'null'] },
      vendor: { type: 'object', properties: { country: { const: 'DE' } } },
      lines: { type: 'array', items: { type: 'object' } },
    },
  },
};
const sub = (path: string) => ({ path, operator: 'exists' });
const expression = (source: string): Predicate => ({ kind: 'expression', expression: source });

describe('the values that opened a review', () => {
  test.each<[string, Predicate, readonly string[]]>([
    ['always: none in particular', { kind: 'always' }, []],
    ['the required field without an answer', { kind: 'any_required_field_null' }, ['total']],
    ['what breaks the schema', { kind: 'validation_failed' }, ['vendor.country']],
    ['the category', { kind: 'category_in', categories: ['a'] }, ['category']],
    ['the documents of a split', { kind: 'split_count_neq', expected: 2 }, ['documents']],
    ['pages without a part', { kind: 'any_pages_unassigned' }, ['unassigned_pages']],
    [
      'the paths of a condition, whichever root they begin with',
      {
        kind: 'json_condition',
        condition: {
          sub_conditions: [
            sub('data.lines.*.amount'),
            sub('likelihoods.total'),
            { path_ref: { input: 'default', path: 'output-json-0.total' }, operator: 'exists' },
            sub('data'),
          ],
        },
      },
      ['lines.*.amount', 'total'],
    ],
    [
      'the fields that an expression reads, each once and whole',
      expression(
        'has(output.vendor.country) && output.vendor.country != "DE" && size(output.lines) > 0',
      ),
      ['vendor.country', 'lines'],
    ],
    [
      'not the variable of a comprehension',
      expression('output.lines.all(l, l.amount > 1)'),
      ['lines'],
    ],
    ['nothing of what cannot be read', expression('output.'), []],
    [
      'those of every child of all_of',
      { kind: 'all_of', predicates: [expression('output.total == null'), { kind: 'always' }] },
      ['total'],
    ],
  ])('%s', (_case, predicate, paths) => {
    expect(firedPaths(predicate, on)).toEqual(paths);
  });

  test('the partitions of a for_each', () => {
    const forEach = { ...on, blockType: 'for_each' } as const;
    expect(firedPaths({ kind: 'any_split_pages_lt', min_pages: 1 }, forEach)).toEqual([
      'partitions',
    ]);
  });
});
