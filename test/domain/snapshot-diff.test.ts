import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.js';
import { isJsonObject } from '../../src/domain/json.js';
import { type Difference, diffSnapshots } from '../../src/domain/snapshot-diff.js';
import { editSnapshot, type SnapshotEdit } from '../../src/domain/snapshot-edit.js';
import { parsePath, showPath, type SnapshotPath } from '../../src/domain/snapshot-path.js';
import { canonicalJson } from '../../src/rules/canonical.js';

/** Few keys and values, so that two snapshots have much in common. */
const anyKey = fc.constantFrom('a', 'b', '__proto__', 'two words', 'dotted.key', '0', '');
const anyValue: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(null, true, 0, -0, 1, 'x', ''),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(anyKey, tie('value')), { maxLength: 4 })
      .map((entries): Json => Object.fromEntries<Json>(entries)),
  ),
})).value;
const anySnapshot = fc
  .array(fc.tuple(anyKey, anyValue), { maxLength: 5 })
  .map((entries): JsonObject => Object.fromEntries(entries));

function edited(snapshot: JsonObject, edits: readonly SnapshotEdit[]): JsonObject {
  return edits.reduce((before, edit) => {
    const after = editSnapshot(before, edit);
    if ('problem' in after) {
      throw new Error(after.problem);
    }
    return after.snapshot;
  }, snapshot);
}

describe('diffSnapshots', () => {
  test.each<[string, JsonObject, JsonObject, readonly Difference[]]>([
    ['the same twice', { a: 1, b: [{}] }, { b: [{}], a: 1 }, []],
    [
      'a changed value',
      { a: { b: 1 } },
      { a: { b: 2 } },
      [{ kind: 'changed', path: ['a', 'b'], before: 1, after: 2 }],
    ],
    [
      'keys that come and go, the old ones first',
      { gone: 1, kept: 1 },
      { fresh: null, kept: 1 },
      [
        { kind: 'removed', path: ['gone'], before: 1 },
        { kind: 'added', path: ['fresh'], after: null },
      ],
    ],
    [
      'null, which is a value',
      { a: null },
      { a: 1 },
      [{ kind: 'changed', path: ['a'], before: null, after: 1 }],
    ],
    [
      'a row put in at the front',
      { l: [{ a: 1 }, { a: 2 }] },
      { l: [{ a: 0 }, { a: 1 }, { a: 2 }] },
      [{ kind: 'added', path: ['l', 0], after: { a: 0 } }],
    ],
    [
      'a row taken out',
      { l: [{ a: 0 }, { a: 1 }, { a: 2 }] },
      { l: [{ a: 1 }, { a: 2 }] },
      [{ kind: 'removed', path: ['l', 0], before: { a: 0 } }],
    ],
    [
      'a cell of a row',
      { l: [{ a: 0, b: 5 }, { a: 1 }] },
      { l: [{ a: 0, b: 6 }, { a: 1 }] },
      [{ kind: 'changed', path: ['l', 0, 'b'], before: 5, after: 6 }],
    ],
    [
      'a row put in before one that stays, where both ends differ',
      { l: [1, 5, 9] },
      { l: [2, 7, 5, 8] },
      [
        { kind: 'changed', path: ['l', 0], before: 1, after: 2 },
        { kind: 'added', path: ['l', 1], after: 7 },
        { kind: 'changed', path: ['l', 3], before: 9, after: 8 },
      ],
    ],
    [
      'another kind of value as a whole',
      { a: { b: 1 } },
      { a: [1] },
      [{ kind: 'changed', path: ['a'], before: { b: 1 }, after: [1] }],
    ],
    ['keys that objects have by themselves', {}, {}, []],
    [
      'a key with a name of its own in JavaScript',
      {},
      { constructor: 1 },
      [{ kind: 'added', path: ['constructor'], after: 1 }],
    ],
  ])('tells %s', (_what, before, after, differences) => {
    expect(diffSnapshots(before, after)).toEqual(differences);
  });

  test.prop([anySnapshot, anySnapshot], { numRuns: 1_000 })(
    'is empty where the canonical texts are equal, and nowhere else',
    (before, after) => {
      const isSame = canonicalJson(before) === canonicalJson(after);
      expect(diffSnapshots(before, after).length === 0).toBe(isSame);
    },
  );

  test.prop([anySnapshot, anySnapshot], { numRuns: 1_000 })(
    'names what is there: the later place, or the earlier one of what is gone',
    (before, after) => {
      for (const one of diffSnapshots(before, after)) {
        const isGone = one.kind === 'removed';
        // Inside of a list that has moved only the last part of an earlier place is known.
        if (!isGone || one.path.length === 1) {
          expect(valueAt(isGone ? before : after, one.path)).toEqual(
            isGone ? one.before : one.after,
          );
        }
      }
    },
  );

  test.prop([anySnapshot, anySnapshot], { numRuns: 500 })(
    'names no place of the later snapshot twice, and none inside another',
    (before, after) => {
      const texts = diffSnapshots(before, after)
        .filter(({ kind }) => kind !== 'removed')
        .map(({ path }) => path.map(String).join('\n'));
      for (const [index, text] of texts.entries()) {
        const others = texts.filter((_, at) => at !== index);
        expect(others.some((other) => other === text || other.startsWith(`${text}\n`))).toBe(false);
      }
    },
  );

  test.prop([fc.array(anyValue, { maxLength: 8 }), fc.nat({ max: 8 }), anyValue], { numRuns: 500 })(
    'of an item that is put in or taken out is that item alone',
    (items, place, item) => {
      const longer = items.toSpliced(Math.min(place, items.length), 0, item);
      const said = (differences: readonly Difference[]): readonly string[] =>
        differences.map((one) => {
          const value = one.kind === 'added' ? one.after : one.before;
          return `${one.kind} ${canonicalJson({ value })}`;
        });
      const text = canonicalJson({ value: item });
      expect(said(diffSnapshots({ items }, { items: longer }))).toEqual([`added ${text}`]);
      expect(said(diffSnapshots({ items: longer }, { items }))).toEqual([`removed ${text}`]);
    },
  );

  test('gives up on matching, not on comparing, where lists are very long', () => {
    const before = Array.from({ length: 2_000 }, (_, index) => index);
    const after = before.map((value) => value + 1);
    expect(diffSnapshots(before, after)).toHaveLength(2_000);
  });
});

function valueAt(value: Json | undefined, [key, ...rest]: SnapshotPath): Json | undefined {
  if (key === undefined || value === undefined) {
    return value;
  }
  if (typeof key === 'number') {
    return Array.isArray(value) ? valueAt((value as readonly Json[])[key], rest) : undefined;
  }
  return isJsonObject(value) ? valueAt(value[key], rest) : undefined;
}

describe('a path', () => {
  test.each<[SnapshotPath, string]>([
    [['total_amount'], 'total_amount'],
    [['lines', 2, 'amount'], 'lines[2].amount'],
    [['lines', 0, 1], 'lines[0][1]'],
    [['größe', 'x-y'], 'größe.x-y'],
    [['a b', 'c'], '["a b"].c'],
    [['a', 'b.c', '0', '"'], 'a["b.c"]["0"]["\\""]'],
    [['a', ''], 'a[""]'],
  ])('%j is written %s', (path, text) => {
    expect(showPath(path)).toBe(text);
    expect(parsePath(text)).toEqual(path);
  });

  test.prop([fc.array(fc.oneof(fc.string(), fc.nat({ max: 999 })), { minLength: 1 })])(
    'is read as it was written',
    (path) => {
      expect(parsePath(showPath(path))).toEqual(path);
    },
  );

  test.each(['', '.a', 'a.', 'a..b', 'a b', 'a[', 'a[x]', 'a[-1]', '["a', 'a["b"', '["\\x"]', '0'])(
    '%j is none',
    (text) => {
      expect(parsePath(text)).toBeNull();
    },
  );
});

describe('editSnapshot', () => {
  const snapshot = { total: 1, lines: [{ n: 1 }, { n: 2 }], note: null };

  test.each<[string, SnapshotEdit, JsonObject]>([
    ['sets a key', { kind: 'set', path: ['total'], value: 2 }, { ...snapshot, total: 2 }],
    ['adds a key', { kind: 'set', path: ['fresh'], value: [] }, { ...snapshot, fresh: [] }],
    [
      'sets inside a list',
      { kind: 'set', path: ['lines', 1, 'n'], value: 3 },
      { ...snapshot, lines: [{ n: 1 }, { n: 3 }] },
    ],
    [
      'adds an item behind the last',
      { kind: 'set', path: ['lines', 2], value: {} },
      { ...snapshot, lines: [{ n: 1 }, { n: 2 }, {}] },
    ],
    ['removes a key', { kind: 'unset', path: ['note'] }, { total: 1, lines: snapshot.lines }],
    [
      'removes an item, and the others move up',
      { kind: 'unset', path: ['lines', 0] },
      { ...snapshot, lines: [{ n: 2 }] },
    ],
  ])('%s', (_what, edit, result) => {
    const before = structuredClone(snapshot);
    expect(editSnapshot(snapshot, edit)).toEqual({ snapshot: result });
    expect(snapshot).toEqual(before);
  });

  test.each<[SnapshotPath, 'set' | 'unset', RegExp]>([
    [['lnes', 0], 'set', /^There is no lnes:/],
    [['lines', 3], 'set', /^There is no lines\[3\] \(the list has 2 items\)/],
    [['lines', 2, 'n'], 'set', /^There is no lines\[2\]/],
    [['gone'], 'unset', /^There is no gone:/],
    [['lines', 2], 'unset', /^There is no lines\[2\]/],
    [['total', 'x'], 'set', /^total is no object, so it has no key "x"\./],
    [['total', 0], 'set', /^total is no list, so it has no item \[0\]\./],
    [[0], 'set', /^\(all\) is no list/],
    [['toString'], 'unset', /^There is no toString:/],
  ])('at %j it refuses to %s what is not there', (path, kind, problem) => {
    const edit = kind === 'set' ? { kind, path, value: 1 } : { kind, path };
    const edited = editSnapshot(snapshot, edit);
    expect('problem' in edited ? edited.problem : edited).toMatch(problem);
  });

  test.prop([anySnapshot, anyKey, anyValue])(
    'leaves everything else alone',
    (before, key, value) => {
      const after = edited(before, [{ kind: 'set', path: [key], value }]);
      expect(isJsonObject(after)).toBe(true);
      for (const one of Object.keys(before).filter((name) => name !== key)) {
        expect(Reflect.get(after, one)).toBe(Reflect.get(before, one));
      }
    },
  );
});
