import { describe, expect, test } from 'vitest';
import { passedOn } from '../../src/domain/block-input.js';
import { allBlocks, findBlock, sinksOf } from '../../src/domain/blocks.js';
import { collectedText } from '../../src/domain/collected.js';
import { itemsOf, MAX_ITEMS } from '../../src/domain/items.js';
import type { Json } from '../../src/domain/json.js';
import { iterationAt, iterationKeyOf, stepIdOf } from '../../src/domain/step-ids.js';
import { aBlock } from '../support/parked.js';

describe('names', () => {
  test.each([
    [null, 'run_x_b'],
    ['0', 'run_x_b@0'],
    ['3.11', 'run_x_b@3.11'],
  ])('the step of a block in iteration %j is %s', (key, id) => {
    expect(stepIdOf('run_x', 'b', key)).toBe(id);
  });

  test('an iteration is named by the place of its item, behind the one around it', () => {
    expect(iterationKeyOf(null, 0)).toBe('0');
    expect(iterationKeyOf('3', 11)).toBe('3.11');
  });

  test.each<[string | null, number, string | null]>([
    [null, 0, null],
    ['3.1.4', 0, null],
    ['3.1.4', 1, '3'],
    ['3.1.4', 2, '3.1'],
    ['3.1.4', 3, '3.1.4'],
  ])('of %j the key %d deep is %j', (key, depth, expected) => {
    expect(iterationAt(key, depth)).toBe(expected);
  });
});

describe('itemsOf', () => {
  test.each<[Json, readonly Json[]]>([
    [[], []],
    [
      [1, null, { a: [] }],
      [1, null, { a: [] }],
    ],
    [{ partitions: [{ key: 'a', pages: [1] }], unassigned_pages: [2] }, [{ key: 'a', pages: [1] }]],
    [{ documents: [{ name: 'a', pages: [1] }] }, [{ name: 'a', pages: [1] }]],
    [{ documents: ['d'], partitions: ['p'] }, ['p']],
    [{ documents: ['d'], partitions: null }, ['d']],
  ])('of %j are %j', (output, items) => {
    expect(itemsOf('each', output)).toEqual({ items });
  });

  test.each<[Json]>([[null], ['abc'], [5], [true], [{}], [{ items: [] }], [{ documents: {} }]])(
    'there are none in %j',
    (output) => {
      expect(itemsOf('each', output)).toEqual({
        problem:
          "Block 'each' is a for_each and was given no items: its output must be a list, or an object with a list 'partitions' or 'documents'.",
      });
    },
  );

  test('are at most 2,000', () => {
    const some = Array.from({ length: MAX_ITEMS }, () => 1);
    expect(itemsOf('each', some)).toHaveProperty('items');
    expect(itemsOf('each', { documents: [...some, 1] })).toEqual({
      problem:
        "Block 'each' was given 2001 items, and a for_each takes 2000 at most: divide them over several runs.",
    });
  });
});

describe('blocks', () => {
  const leaf = aBlock('leaf');
  const inner = aBlock('inner', { type: 'for_each', body: [leaf] });
  const outer = aBlock('outer', { type: 'for_each', body: [aBlock('first'), inner] });
  const blocks = [aBlock('before'), outer];

  test('are found wherever they are declared, with the for_eaches around them', () => {
    expect(findBlock(blocks, 'before')).toEqual({ block: blocks[0], around: [] });
    expect(findBlock(blocks, 'leaf')).toEqual({ block: leaf, around: [outer, inner] });
    expect(findBlock(blocks, 'nobody')).toBeNull();
    expect(allBlocks(blocks).map(({ id }) => id)).toEqual([
      'before',
      'outer',
      'first',
      'inner',
      'leaf',
    ]);
  });

  test('that no other of a body needs are its last ones, in the order of their ids', () => {
    const body = [aBlock('c'), aBlock('a'), aBlock('b', { needs: ['a'] }), aBlock('Z')];
    expect(sinksOf(body).map(({ id }) => id)).toEqual(['Z', 'b', 'c']);
  });
});

describe('collectedText', () => {
  const one = (outputs: readonly (readonly [string, string])[], item = '1e-7') => ({
    iterationKey: '0',
    item,
    outputs: new Map(outputs),
  });

  test('of no iterations is an empty list', () => {
    expect(collectedText([], ['a'])).toBe('{"iterations":[]}');
  });

  test('puts texts together as they are, its keys in the order of RFC 8785', () => {
    expect(collectedText([one([['a', '{"n":0.1}']])], ['a'])).toBe(
      '{"iterations":[{"item":1e-7,"iteration_key":"0","output":{"n":0.1}}]}',
    );
  });

  test('names several last blocks, and has null for what was skipped', () => {
    expect(collectedText([one([['b', '2']])], ['a', 'b'])).toBe(
      '{"iterations":[{"item":1e-7,"iteration_key":"0","output":{"a":null,"b":2}}]}',
    );
    expect(collectedText([one([])], ['a'])).toBe(
      '{"iterations":[{"item":1e-7,"iteration_key":"0","output":null}]}',
    );
  });
});

describe('pass in an iteration', () => {
  test.each<[readonly string[], Json, Json]>([
    [[], { n: 1 }, { n: 1 }],
    [[], null, null],
    [['a'], { n: 1 }, 'of a'],
    [['a', 'b'], { n: 1 }, { a: 'of a', b: 'of b' }],
  ])('of a block that needs %j, with the item %j, hands on %j', (needs, item, expected) => {
    const blocks = Object.fromEntries(needs.map((id) => [id, `of ${id}`]));
    expect(passedOn({ needs }, { input: item, blocks }, true)).toEqual(expected);
  });
});
