import { describe, expect, test } from 'vitest';
import { approvedInput, passedOn, reviewableInput } from '../../src/domain/block-input.js';
import type { BlockInput } from '../../src/domain/definition.js';
import type { Json, JsonObject } from '../../src/domain/json.js';

const first = { needs: [] };
const second = { needs: ['ocr'] };
const third = { needs: ['ocr', 'split'] };
const blocks = { ocr: { text: 'Total 325' }, split: [1, 2] };

describe('reviewableInput', () => {
  test('of a block that needs no other is its own json input', () => {
    expect(reviewableInput(first, { input: { table: 'orders' }, blocks: {} })).toEqual({
      table: 'orders',
    });
  });

  test('of a block that needs others is all that it will be given', () => {
    const given: BlockInput = { input: null, blocks };
    expect(reviewableInput(third, given)).toEqual({ input: null, blocks });
  });

  test.each<readonly [Json]>([[null], [7], ['text'], [[{ a: 1 }]]])(
    'is null where %j is all there is to show: a snapshot is an object',
    (input) => {
      expect(reviewableInput(first, { input, blocks: {} })).toBeNull();
      expect(reviewableInput(second, { input, blocks })).toEqual({ input, blocks });
    },
  );
});

describe('approvedInput', () => {
  test.each<readonly [string, { readonly needs: readonly string[] }, BlockInput]>([
    ['its own input', first, { input: { table: 'orders' }, blocks: {} }],
    ['the outputs it needs', second, { input: null, blocks }],
    ['both', third, { input: { currency: 'EUR' }, blocks }],
  ])('gives a block what was shown to its reviewers: %s', (_title, block, given) => {
    const snapshot = reviewableInput(block, given);
    expect(snapshot && approvedInput(block, snapshot)).toEqual(given);
  });

  test.each<readonly [JsonObject, BlockInput]>([
    [{}, { input: null, blocks: {} }],
    [{ input: 7 }, { input: 7, blocks: {} }],
    [
      { blocks: [1], input: 'x' },
      { input: 'x', blocks: {} },
    ],
    [
      { blocks: { ocr: null }, more: true },
      { input: null, blocks: { ocr: null } },
    ],
  ])('reads the corrected snapshot %j as an input', (snapshot, given) => {
    expect(approvedInput(second, snapshot)).toEqual(given);
  });
});

describe('passedOn', () => {
  test.each<readonly [string, { readonly needs: readonly string[] }, BlockInput, Json]>([
    ['its own input, if it has one', second, { input: { a: 1 }, blocks }, { a: 1 }],
    ['its own input, though it be false', second, { input: false, blocks }, false],
    ['the output of its single need', second, { input: null, blocks }, { text: 'Total 325' }],
    ['null for a single need without an output', second, { input: null, blocks: {} }, null],
    ['the outputs by need', third, { input: null, blocks }, blocks],
    ['nothing, where it has nothing', first, { input: null, blocks: {} }, {}],
  ])('is %s', (_title, block, given, output) => {
    expect(passedOn(block, given)).toEqual(output);
  });
});
