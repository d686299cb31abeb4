import { isJsonObject, type Json } from './json.js';
import { matchItems } from './list-matching.js';
import type { SnapshotPath } from './snapshot-path.js';

/** One place at which two snapshots differ. */
export type Difference =
  | { readonly kind: 'added'; readonly path: SnapshotPath; readonly after: Json }
  | { readonly kind: 'removed'; readonly path: SnapshotPath; readonly before: Json }
  | {
      readonly kind: 'changed';
      readonly path: SnapshotPath;
      readonly before: Json;
      readonly after: Json;
    };

/**
 * Every place at which one snapshot differs from another, from the outside in.
 *
 * 1. Objects are compared key by key: first the keys of `before` in their order, then the added ones.
 * 2. Items of lists that are the same on both sides are matched first; of what is left between two matches
 *    the items in the same place are compared with each other, and the rest was added or removed.
 * 3. The path of an item is its place in the later list, or in the earlier one if it is gone.
 * 4. What is of another kind (an object where a number was) is one change of the whole.
 * 5. Two snapshots without a difference have the same canonical text, so the same version id. `0` and `-0`
 *    are one number there, so they are here.
 */
export function diffSnapshots(before: Json, after: Json): readonly Difference[] {
  const differences: Difference[] = [];
  collect(before, after, [], differences);
  return differences;
}

function collect(before: Json, after: Json, path: SnapshotPath, found: Difference[]): void {
  if (isJsonObject(before) && isJsonObject(after)) {
    const added = Object.keys(after).filter((key) => !Object.hasOwn(before, key));
    for (const key of [...Object.keys(before), ...added]) {
      collectChild(ownValue(before, key), ownValue(after, key), [...path, key], found);
    }
  } else if (isList(before) && isList(after)) {
    collectItems(before, after, path, found);
  } else if (before !== after) {
    found.push({ kind: 'changed', path, before, after });
  }
}

function collectItems(
  before: readonly Json[],
  after: readonly Json[],
  path: SnapshotPath,
  found: Difference[],
): void {
  let from = 0;
  let to = 0;
  for (const [old, now] of [...matchItems(before, after), [before.length, after.length] as const]) {
    for (; from < old || to < now; from += 1, to += 1) {
      collectChild(
        from < old ? before[from] : undefined,
        to < now ? after[to] : undefined,
        [...path, to < now ? to : from],
        found,
      );
    }
    from = old + 1;
    to = now + 1;
  }
}

/** `undefined` is what JSON does not have: the place is missing. */
function collectChild(
  before: Json | undefined,
  after: Json | undefined,
  path: SnapshotPath,
  found: Difference[],
): void {
  if (before !== undefined && after !== undefined) {
    collect(before, after, path, found);
  } else if (after !== undefined) {
    found.push({ kind: 'added', path, after });
  } else if (before !== undefined) {
    found.push({ kind: 'removed', path, before });
  }
}

function ownValue(value: { readonly [key: string]: Json }, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
