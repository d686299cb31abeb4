import type { Json } from '../api/wire.js';
import { dotted, isList, isObject, isSame, type JsonPath } from './json-values.js';

/** One field that differs between two snapshots; `before` or `after` is undefined where the field is not there. */
export type FieldChange = {
  readonly path: JsonPath;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before: Json | undefined;
  readonly after: Json | undefined;
};

/**
 * What differs between two snapshots, field by field, in the order of the later one.
 *
 * 1. Objects are compared key by key. What is of another kind than before is one change.
 * 2. Items of lists that are the same on both sides are matched first; of what is left between two matches
 *    the items in the same place are compared with each other, and the rest was added or removed.
 * 3. The path of an item is its place in the later list, or in the earlier one if it is gone.
 */
export function diffSnapshots(before: Json, after: Json): readonly FieldChange[] {
  return diffAt([], before, after);
}

/** The dotted paths of everything that differs. */
export function changedPaths(before: Json, after: Json): ReadonlySet<string> {
  return new Set(diffSnapshots(before, after).map(({ path }) => dotted(path)));
}

function diffAt(
  path: JsonPath,
  before: Json | undefined,
  after: Json | undefined,
): readonly FieldChange[] {
  if (before === undefined || after === undefined) {
    const kind = before === undefined ? 'added' : 'removed';
    return before === after ? [] : [{ path, kind, before, after }];
  }
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(after), ...Object.keys(before)])];
    return keys.flatMap((key) =>
      diffAt(
        [...path, key],
        Object.hasOwn(before, key) ? before[key] : undefined,
        Object.hasOwn(after, key) ? after[key] : undefined,
      ),
    );
  }
  if (isList(before) && isList(after)) {
    return diffLists(path, before, after);
  }
  return isSame(before, after) ? [] : [{ path, kind: 'changed', before, after }];
}

function diffLists(
  path: JsonPath,
  before: readonly Json[],
  after: readonly Json[],
): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  let from = 0;
  let to = 0;
  for (const [matchBefore, matchAfter] of [
    ...matchItems(before, after),
    [before.length, after.length] as const,
  ]) {
    const count = Math.max(matchBefore - from, matchAfter - to);
    for (let offset = 0; offset < count; offset += 1) {
      const old = from + offset < matchBefore ? from + offset : null;
      const now = to + offset < matchAfter ? to + offset : null;
      changes.push(
        ...diffAt(
          [...path, now ?? old ?? 0],
          old === null ? undefined : before[old],
          now === null ? undefined : after[now],
        ),
      );
    }
    from = matchBefore + 1;
    to = matchAfter + 1;
  }
  return changes;
}

/** Above this many comparisons only equal ends are matched. */
const MAX_COMPARISONS = 250_000;

/** Pairs of places that hold the same item, ascending on both sides: a longest common subsequence. */
function matchItems(
  before: readonly Json[],
  after: readonly Json[],
): readonly (readonly [number, number])[] {
  const a = before.map(keyOf);
  const b = after.map(keyOf);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) {
    start += 1;
  }
  let end = 0;
  while (
    end < a.length - start &&
    end < b.length - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  ) {
    end += 1;
  }
  const head = Array.from({ length: start }, (_, index) => [index, index] as const);
  const tail = Array.from(
    { length: end },
    (_, index) => [a.length - end + index, b.length - end + index] as const,
  );
  const middle = longestCommon(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return [...head, ...middle.map(([i, j]) => [i + start, j + start] as const), ...tail];
}

function longestCommon(
  a: readonly string[],
  b: readonly string[],
): readonly (readonly [number, number])[] {
  if (a.length * b.length > MAX_COMPARISONS) {
    return [];
  }
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) {
      pairs.push([i, j]);
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return pairs;
}

/** The same text for the same JSON, whatever the order of keys. */
function keyOf(value: Json): string {
  return JSON.stringify(value, (_key, inner: Json) =>
    isObject(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
