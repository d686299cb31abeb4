import { describe, expect, test } from 'vitest';
import { lacksContent } from '../../src/domain/block-input.js';
import type { Block } from '../../src/domain/definition.js';
import { parseDefinition } from '../../src/rules/definition.js';

/** A block as it is stored, but for what a test is about. */
function block(about: object): Block {
  const declared = { id: 'one', type: 'task', executor: { kind: 'supplied' }, ...about };
  const parsed = parseDefinition('any', { blocks: [{ ...declared, needs: [] }] });
  const [one] = 'problems' in parsed ? [] : parsed.definition.blocks;
  if (one === undefined) {
    throw new Error(JSON.stringify(parsed));
  }
  return { ...one, needs: ['a', 'b'] };
}

const output = {};
const input = { placement: 'input' };
const body = [{ id: 'x', type: 'task', executor: { kind: 'supplied' } }];
const PASS = { executor: { kind: 'pass' } } as const;

describe('lacksContent', () => {
  const nothing = { input: null, blocks: { a: null, b: null } };
  test.each<readonly [string, object, boolean, boolean]>([
    ['a gate on the output of what is passed on', { ...PASS, review: output }, true, true],
    ['a gate on the input', { review: input }, true, false],
    ['a for_each over what is passed on', { ...PASS, type: 'for_each', body }, true, true],
    ['what passes on without a gate', PASS, false, false],
    ['what computes, with a gate on its output', { review: output }, false, false],
  ])('of %s', (_what, about, alone, withItem) => {
    const one = block(about);
    expect(lacksContent(one, nothing, false)).toBe(alone);
    expect(lacksContent(one, { ...nothing, blocks: { a: null, b: 0 } }, false)).toBe(false);
    expect(lacksContent(one, { ...nothing, input: 0 }, false)).toBe(false);
    // In an iteration the input is the item, which nobody passes on beside what is needed.
    expect(lacksContent(one, { ...nothing, input: { n: 1 } }, true)).toBe(withItem);
    expect(lacksContent({ ...one, needs: [] }, { input: null, blocks: {} }, false)).toBe(false);
  });
});
