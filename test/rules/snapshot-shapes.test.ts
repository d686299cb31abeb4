import { describe, expect, test } from 'vitest';
import type { BlockType } from '../../src/domain/definition.js';
import { MAX_PROBLEMS } from '../../src/rules/problem.js';
import { checkSnapshot, type SnapshotRules } from '../../src/rules/snapshot-shapes.js';
import { containing } from './containing.js';

const plain: SnapshotRules = { categories: null, allow_overlap: false };
const overlapping: SnapshotRules = { ...plain, allow_overlap: true };
const labelled: SnapshotRules = { ...plain, categories: ['invoice', 'other'] };

describe('checkSnapshot', () => {
  test.each<[BlockType, unknown, SnapshotRules]>([
    ['extract', {}, plain],
    ['extract', { total: null, nested: { list: [1, 'a', null] } }, plain],
    ['extract', JSON.parse('{"__proto__":{"a":1},"constructor":2}'), plain],
    ['task', { anything: true }, plain],
    ['classifier', { category: 'whatever' }, plain],
    ['classifier', { category: 'other' }, labelled],
    ['split', { documents: [] }, plain],
    ['split', { documents: [{ name: 'a', pages: [] }] }, plain],
    [
      'split',
      {
        documents: [
          { name: 'a', pages: [1, 2] },
          { name: 'a', pages: [3, 9] },
        ],
      },
      plain,
    ],
    ['split', { documents: [{ name: 'a', pages: [1], partitions: [{ key: 'k' }] }] }, plain],
    [
      'split',
      {
        documents: [
          { name: 'a', pages: [1] },
          { name: 'b', pages: [1] },
        ],
      },
      overlapping,
    ],
    ['for_each', { partitions: [{ key: 'a', pages: [1, 2] }] }, plain],
    ['for_each', { partitions: [{ key: 'a', pages: [1] }], unassigned_pages: [2, 3] }, plain],
    [
      'for_each',
      {
        partitions: [
          { key: 'a', pages: [1] },
          { key: 'b', pages: [1] },
        ],
      },
      overlapping,
    ],
  ])('accepts for %s %j', (blockType, snapshot, rules) => {
    expect(checkSnapshot(blockType, snapshot, rules)).toEqual([]);
  });

  test.each<[BlockType, unknown, SnapshotRules, readonly (string | number)[], string]>([
    ['extract', [], plain, [], 'expected a JSON object, got a list of 0 items'],
    ['extract', null, plain, [], 'expected a JSON object, got null'],
    ['task', 'text', plain, [], 'expected a JSON object, got "text"'],
    ['extract', { n: 2 ** 53 }, plain, ['n'], 'beyond ±(2^53−1)'],
    ['extract', { s: '\ud800' }, plain, ['s'], 'lone surrogate'],
    ['extract', { s: 'a'.repeat(8 * 1024 * 1024) }, plain, [], 'at most 8388608 are accepted'],
    ['classifier', {}, plain, ['category'], 'expected a non-empty string, got nothing'],
    ['classifier', { category: '' }, plain, ['category'], 'expected a non-empty string, got ""'],
    ['classifier', { category: 3 }, plain, ['category'], 'expected a non-empty string, got 3'],
    [
      'classifier',
      { category: 'invoice', score: 1 },
      labelled,
      ['score'],
      'unknown key; accepted: "category"',
    ],
    [
      'classifier',
      { category: 'Invoice' },
      labelled,
      ['category'],
      'expected a category of the block ("invoice" or "other"), got "Invoice"',
    ],
    ['split', {}, plain, ['documents'], 'expected a list, got nothing'],
    ['split', { documents: {} }, plain, ['documents'], 'expected a list, got an object'],
    ['split', { documents: [], more: 1 }, plain, ['more'], 'unknown key; accepted: "documents"'],
    ['split', { documents: ['a'] }, plain, ['documents', 0], 'expected an object, got "a"'],
    [
      'split',
      { documents: [{ pages: [1] }] },
      plain,
      ['documents', 0, 'name'],
      'expected a non-empty string, got nothing',
    ],
    [
      'split',
      { documents: [{ name: '', pages: [1] }] },
      plain,
      ['documents', 0, 'name'],
      'expected a non-empty string, got ""',
    ],
    [
      'split',
      { documents: [{ name: 'a' }] },
      plain,
      ['documents', 0, 'pages'],
      'expected a list of page numbers, got nothing',
    ],
    [
      'split',
      { documents: [{ name: 'a', pages: [0] }] },
      plain,
      ['documents', 0, 'pages', 0],
      'expected a page number from 1, got 0',
    ],
    [
      'split',
      { documents: [{ name: 'a', pages: [1.5] }] },
      plain,
      ['documents', 0, 'pages', 0],
      'got 1.5',
    ],
    [
      'split',
      { documents: [{ name: 'a', pages: ['1'] }] },
      plain,
      ['documents', 0, 'pages', 0],
      'got "1"',
    ],
    [
      'split',
      { documents: [{ name: 'a', pages: [1, 1] }] },
      plain,
      ['documents', 0, 'pages', 1],
      'strictly ascending order, got 1 after 1',
    ],
    [
      'split',
      { documents: [{ name: 'a', pages: [2, 1] }] },
      overlapping,
      ['documents', 0, 'pages', 1],
      'got 1 after 2',
    ],
    [
      'split',
      { documents: [{ name: 'a', pages: [1], partitions: {} }] },
      plain,
      ['documents', 0, 'partitions'],
      'expected a list, got an object',
    ],
    [
      'split',
      { documents: [{ name: 'a', pages: [1], page: 1 }] },
      plain,
      ['documents', 0, 'page'],
      'unknown key; accepted: "name", "pages" or "partitions"',
    ],
    [
      'split',
      {
        documents: [
          { name: 'a', pages: [1, 3] },
          { name: 'b', pages: [2, 3] },
        ],
      },
      plain,
      ['documents', 1, 'pages', 1],
      'page 3 lies in the part at index 0 already',
    ],
    ['for_each', {}, plain, ['partitions'], 'expected a list, got nothing'],
    [
      'for_each',
      { partitions: [{ name: 'a', pages: [1], key: 'k' }] },
      plain,
      ['partitions', 0, 'name'],
      'unknown key; accepted: "key" or "pages"',
    ],
    [
      'for_each',
      { partitions: [{ pages: [1] }] },
      plain,
      ['partitions', 0, 'key'],
      'expected a non-empty string, got nothing',
    ],
    [
      'for_each',
      {
        partitions: [
          { key: 'a', pages: [1] },
          { key: 'b', pages: [1] },
        ],
      },
      plain,
      ['partitions', 1, 'pages', 0],
      'does not allow overlap',
    ],
    [
      'for_each',
      { partitions: [], unassigned_pages: null },
      plain,
      ['unassigned_pages'],
      'expected a list of page numbers, got null',
    ],
    [
      'for_each',
      { partitions: [], unassigned_pages: [2, 1] },
      plain,
      ['unassigned_pages', 1],
      'got 1 after 2',
    ],
    [
      'for_each',
      { partitions: [{ key: 'a', pages: [1] }], unassigned_pages: [1] },
      plain,
      ['unassigned_pages', 0],
      'page 1 lies in a partition too',
    ],
  ])('refuses for %s %j', (blockType, snapshot, rules, path, message) => {
    expect(checkSnapshot(blockType, snapshot, rules)).toEqual([
      { path, message: containing(message) },
    ]);
  });

  test('reports all that is wrong, up to twenty problems', () => {
    const documents = Array.from({ length: 500 }, () => ({}));
    expect(checkSnapshot('split', { documents, more: 1 }, plain)).toHaveLength(MAX_PROBLEMS);
    expect(checkSnapshot('split', { documents: [{ nam: 'a' }] }, plain)).toHaveLength(3);
  });
});
