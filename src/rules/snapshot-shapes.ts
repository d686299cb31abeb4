import type { BlockType } from '../domain/definition.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { parseCanonical } from './canonical.js';
import { MAX_PROBLEMS, describe, oneOf, under, type Problem } from './problem.js';

/** What of a block decides the shape of its snapshots. */
export type SnapshotRules = {
  readonly categories: readonly string[] | null;
  readonly allow_overlap: boolean;
};

/**
 * What is wrong with a snapshot of a block: its shape, what I-JSON cannot hold, or its size.
 *
 * The block's `json_schema` is not asked: an extraction with a null where the schema wants a number is just what a
 * reviewer is shown, and may approve. The predicate `validation_failed` is there for that.
 */
export function checkSnapshot(
  blockType: BlockType,
  snapshot: unknown,
  rules: SnapshotRules,
): readonly Problem[] {
  const canonical = parseCanonical(snapshot);
  return 'problems' in canonical ? canonical.problems : checkShape(blockType, snapshot, rules);
}

/** The shape alone, for values that are known to be I-JSON. */
export function checkShape(
  blockType: BlockType,
  snapshot: unknown,
  rules: SnapshotRules,
): readonly Problem[] {
  if (!isJsonObject(snapshot)) {
    return [{ path: [], message: `expected a JSON object, got ${describe(snapshot)}` }];
  }
  switch (blockType) {
    case 'extract':
    case 'task':
      return [];
    case 'classifier':
      return checkClassifier(snapshot, rules.categories);
    case 'split':
      return checkSplit(snapshot, rules.allow_overlap).slice(0, MAX_PROBLEMS);
    case 'for_each':
      return checkForEach(snapshot, rules.allow_overlap).slice(0, MAX_PROBLEMS);
  }
}

function checkClassifier(
  snapshot: JsonObject,
  categories: readonly string[] | null,
): readonly Problem[] {
  const { category } = snapshot;
  const problems = unknownKeys(snapshot, ['category']);
  if (typeof category !== 'string' || category === '') {
    return [...problems, expected(['category'], 'a non-empty string', category)];
  }
  return categories === null || categories.includes(category)
    ? problems
    : [
        ...problems,
        expected(['category'], `a category of the block (${oneOf(categories)})`, category),
      ];
}

function checkSplit(snapshot: JsonObject, allowOverlap: boolean): readonly Problem[] {
  const { documents } = snapshot;
  const problems = unknownKeys(snapshot, ['documents']);
  if (!Array.isArray(documents)) {
    return [...problems, expected(['documents'], 'a list', documents)];
  }
  const parts = parseParts(documents, 'name', ['partitions'], allowOverlap);
  return [...problems, ...under(['documents'], parts.problems)];
}

function checkForEach(snapshot: JsonObject, allowOverlap: boolean): readonly Problem[] {
  const { partitions, unassigned_pages: unassigned } = snapshot;
  const problems = unknownKeys(snapshot, ['partitions', 'unassigned_pages']);
  if (!Array.isArray(partitions)) {
    return [...problems, expected(['partitions'], 'a list', partitions)];
  }
  const parts = parseParts(partitions, 'key', [], allowOverlap);
  const rest = unassigned === undefined ? { pages: [] } : parsePages(unassigned);
  return [
    ...problems,
    ...under(['partitions'], parts.problems),
    ...under(
      ['unassigned_pages'],
      'problem' in rest
        ? [rest.problem]
        : rest.pages.flatMap((page, index) =>
            parts.holders.has(page)
              ? [{ path: [index], message: `page ${page} lies in a partition too` }]
              : [],
          ),
    ),
  ];
}

/** The documents of a split or the partitions of a for_each, read: which page lies where, and what is wrong. */
function parseParts(
  parts: readonly unknown[],
  label: 'name' | 'key',
  optionalLists: readonly string[],
  allowOverlap: boolean,
): { readonly holders: ReadonlyMap<number, number>; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const holders = new Map<number, number>();
  for (const [index, part] of parts.entries()) {
    if (problems.length >= MAX_PROBLEMS) {
      break;
    }
    if (!isJsonObject(part)) {
      problems.push(expected([index], 'an object', part));
      continue;
    }
    problems.push(...under([index], unknownKeys(part, [label, 'pages', ...optionalLists])));
    if (typeof part[label] !== 'string' || part[label] === '') {
      problems.push(expected([index, label], 'a non-empty string', part[label]));
    }
    for (const list of optionalLists) {
      if (part[list] !== undefined && !Array.isArray(part[list])) {
        problems.push(expected([index, list], 'a list', part[list]));
      }
    }
    const read = parsePages(part['pages']);
    if ('problem' in read) {
      problems.push(...under([index, 'pages'], [read.problem]));
      continue;
    }
    const shared = allowOverlap ? -1 : read.pages.findIndex((page) => holders.has(page));
    const page = read.pages[shared];
    if (page !== undefined) {
      problems.push({
        path: [index, 'pages', shared],
        message: `page ${page} lies in the part at index ${holders.get(page)} already, and this block does not allow overlap`,
      });
    }
    for (const held of read.pages) {
      holders.set(held, holders.get(held) ?? index);
    }
  }
  return { holders, problems };
}

/** A list of pages: integers from 1, strictly ascending; or the first thing that is wrong with it. */
function parsePages(
  value: unknown,
): { readonly pages: readonly number[] } | { readonly problem: Problem } {
  if (!Array.isArray(value)) {
    return { problem: expected([], 'a list of page numbers', value) };
  }
  const items: readonly unknown[] = value;
  const pages: number[] = [];
  for (const [index, page] of items.entries()) {
    if (typeof page !== 'number' || !Number.isInteger(page) || page < 1) {
      return { problem: expected([index], 'a page number from 1', page) };
    }
    const previous = pages.at(-1) ?? 0;
    if (page <= previous) {
      return {
        problem: {
          path: [index],
          message: `expected pages in strictly ascending order, got ${page} after ${previous}`,
        },
      };
    }
    pages.push(page);
  }
  return { pages };
}

function expected(path: readonly (string | number)[], what: string, given: unknown): Problem {
  return { path, message: `expected ${what}, got ${describe(given)}` };
}

function unknownKeys(value: JsonObject, accepted: readonly string[]): readonly Problem[] {
  return Object.keys(value)
    .filter((key) => !accepted.includes(key))
    .slice(0, MAX_PROBLEMS)
    .map((key) => ({ path: [key], message: `unknown key; accepted: ${oneOf(accepted)}` }));
}
