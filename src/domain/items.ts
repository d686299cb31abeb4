import { isJsonObject, type Json } from './json.js';

/** How many items a for_each takes at most. */
export const MAX_ITEMS = 2_000;

/** The items of a for_each, or the sentence why there are none. */
export type Items = { readonly items: readonly Json[] } | { readonly problem: string };

/**
 * Reads the items that a for_each runs its body for off what it was given: a list, or an object with a
 * list `partitions` (what its reviewers see) or `documents` (what a split gives).
 */
export function itemsOf(blockId: string, output: Json): Items {
  const items = listIn(output);
  if (items === null) {
    return {
      problem: `Block '${blockId}' is a for_each and was given no items: its output must be a list, or an object with a list 'partitions' or 'documents'.`,
    };
  }
  return items.length > MAX_ITEMS
    ? {
        problem: `Block '${blockId}' was given ${items.length} items, and a for_each takes ${MAX_ITEMS} at most: divide them over several runs.`,
      }
    : { items };
}

function listIn(output: Json): readonly Json[] | null {
  const candidates = isJsonObject(output) ? [output['partitions'], output['documents']] : [output];
  return candidates.find(isList) ?? null;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
