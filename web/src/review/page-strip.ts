import type { Json, JsonObject } from '../api/wire.js';
import { isList, isObject } from './json-values.js';

/** One document of a split, or one partition of a for_each. */
export type Part = {
  readonly name: string;
  /** A short mark for the strip: A, B, … Z, A2, … */
  readonly mark: string;
  readonly pages: readonly number[];
};

/** One page and the parts it is in, by their place in the list. */
export type StripPage = { readonly page: number; readonly parts: readonly number[] };

/** A split as a strip of pages. */
export type PageStrip = {
  readonly parts: readonly Part[];
  /** Every page from 1 to the last one that is named. */
  readonly pages: readonly StripPage[];
  /** Pages that are in no part: between others, or listed as unassigned. */
  readonly unassigned: readonly number[];
  /** Pages that are in more than one part. */
  readonly shared: readonly number[];
};

/** Longer documents are shown by their ranges alone. */
export const MAX_STRIP = 400;

/** Reads a split's or a for_each's snapshot; null where it does not have that shape. */
export function pageStrip(snapshot: JsonObject): PageStrip | null {
  const list = snapshot['documents'] ?? snapshot['partitions'];
  if (!isList(list)) {
    return null;
  }
  const parts: Part[] = [];
  for (const [index, item] of list.entries()) {
    const name = isObject(item) ? (item['name'] ?? item['key']) : undefined;
    const pages = isObject(item) ? pagesOf(item['pages']) : null;
    if (typeof name !== 'string' || pages === null) {
      return null;
    }
    parts.push({ name, mark: markOf(index), pages });
  }
  const listed = pagesOf(snapshot['unassigned_pages']) ?? [];
  const last = [...parts.flatMap(({ pages }) => pages), ...listed].reduce(
    (a, b) => Math.max(a, b),
    0,
  );
  const owners = new Map<number, number[]>();
  for (const [index, { pages }] of parts.entries()) {
    for (const page of pages) {
      owners.set(page, [...(owners.get(page) ?? []), index]);
    }
  }
  const pages = Array.from({ length: last }, (_, index): StripPage => {
    return { page: index + 1, parts: owners.get(index + 1) ?? [] };
  });
  return {
    parts,
    pages,
    unassigned: pages.filter(({ parts: owned }) => owned.length === 0).map(({ page }) => page),
    shared: pages.filter(({ parts: owned }) => owned.length > 1).map(({ page }) => page),
  };
}

function pagesOf(value: Json | undefined): readonly number[] | null {
  return isList(value)
    ? value.filter((page): page is number => typeof page === 'number' && page >= 1)
    : null;
}

function markOf(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  const round = Math.floor(index / 26);
  return round === 0 ? letter : `${letter}${round + 1}`;
}
