import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/domain/json.js';
import { changedPaths, diffSnapshots } from '../../web/src/review/diff.js';
import { dotted, isSame, valueAt } from '../../web/src/review/json-values.js';

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => value as Json); // oxlint-disable-line typescript/no-unsafe-type-assertion -- fast-check's own name for it

function shown(before: Json, after: Json): readonly string[] {
  return diffSnapshots(before, after).map(
    ({ path, kind, before: old, after: now }) =>
      `${kind} ${dotted(path)}: ${JSON.stringify(old)} -> ${JSON.stringify(now)}`,
  );
}

describe('diffSnapshots', () => {
  test.each([
    ['a changed field', { a: 1 }, { a: 2 }, ['changed a: 1 -> 2']],
    ['an added field', {}, { a: null }, ['added a: undefined -> null']],
    ['a removed field', { a: null }, {}, ['removed a: null -> undefined']],
    ['a field inside', { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, ['changed a.c: 2 -> 3']],
    ['another kind of value', { a: [1] }, { a: { b: 1 } }, ['changed a: [1] -> {"b":1}']],
    ['the order of keys, which says nothing', { a: 1, b: 2 }, { b: 2, a: 1 }, []],
    [
      'a row put in at the front',
      { l: [{ a: 1 }, { a: 2 }] },
      { l: [{ a: 0 }, { a: 1 }, { a: 2 }] },
      ['added l.0: undefined -> {"a":0}'],
    ],
    [
      'a row taken out',
      { l: [{ a: 0 }, { a: 1 }, { a: 2 }] },
      { l: [{ a: 1 }, { a: 2 }] },
      ['removed l.0: {"a":0} -> undefined'],
    ],
    [
      'a cell of a row',
      { l: [{ a: 0, b: 5 }, { a: 1 }] },
      { l: [{ a: 0, b: 6 }, { a: 1 }] },
      ['changed l.0.b: 5 -> 6'],
    ],
    [
      'a row put in before one that stays, where both ends differ',
      { l: [1, 5, 9] },
      { l: [2, 7, 5, 8] },
      ['changed l.0: 1 -> 2', 'added l.1: undefined -> 7', 'changed l.3: 9 -> 8'],
    ],
  ])('shows %s', (_what, before: Json, after: Json, expected) => {
    expect(shown(before, after)).toEqual(expected);
  });

  property.prop([json, json])('is empty only between equals', (before, after) => {
    expect(diffSnapshots(before, after).length === 0).toBe(isSame(before, after));
  });

  property.prop([json, json])('names values that are there', (before, after) => {
    for (const change of diffSnapshots(before, after)) {
      if (change.kind !== 'removed') {
        expect(isSame(valueAt(after, change.path), change.after)).toBe(true);
      }
    }
  });

  test('gives up on matching, not on comparing, where lists are very long', () => {
    const before = Array.from({ length: 2_000 }, (_, index) => index);
    const after = before.map((value) => value + 1);
    expect(changedPaths(before, after).size).toBe(2_000);
  });
});
