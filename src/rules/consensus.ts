import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { isJsonList, own } from './schema-tree.js';

/** The likelihoods that a consensus gave, or null if none ran. */
export function likelihoodsOf(consensus: JsonObject | null): Json | null {
  return (consensus === null ? undefined : own(consensus, 'likelihoods')) ?? null;
}

/** The mean of all numbers in a tree of likelihoods (a lone number is its own mean); null if there is none. */
export function overallLikelihood(likelihoods: Json | null): number | null {
  let sum = 0;
  let count = 0;
  const waiting: (Json | null)[] = [likelihoods];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next === 'number') {
      sum += next;
      count += 1;
    } else if (isJsonList(next) || isJsonObject(next)) {
      for (const child of Object.values(next)) {
        waiting.push(child);
      }
    }
  }
  return count === 0 ? null : sum / count;
}

/**
 * By what share of the votes the first category leads the second; null if there are no votes.
 *
 * The difference of the counts is divided once: the difference of two shares, 0.6 − 0.4, is a hair below 0.2.
 */
export function topMargin(consensus: JsonObject | null): number | null {
  const votes = countVotes(consensus);
  if (votes === null) {
    return null;
  }
  const [first = 0, second = 0] = votes.map(({ count }) => count);
  return (first - second) / votes.reduce((sum, { count }) => sum + count, 0);
}

/** A category, and how many votes of a consensus it got. */
export type VoteCount = { readonly category: string; readonly count: number };

/** How many votes each category got, most first; null if there are no votes. */
export function countVotes(consensus: JsonObject | null): readonly VoteCount[] | null {
  const choices = consensus === null ? undefined : own(consensus, 'choices');
  if (!isJsonList(choices) || choices.length === 0) {
    return null;
  }
  const votes = new Map<string, number>();
  for (const choice of choices) {
    const category = isJsonObject(choice) ? own(choice, 'category') : undefined;
    if (typeof category !== 'string') {
      return null;
    }
    votes.set(category, (votes.get(category) ?? 0) + 1);
  }
  return [...votes]
    .map(([category, count]) => ({ category, count }))
    .toSorted((a, b) => b.count - a.count);
}

/** The likelihoods of every page of every part of a split, in order; null where a part or a page has none. */
export function pageLikelihoods(
  likelihoods: Json | null,
  pageCounts: readonly number[],
): readonly number[] | null {
  if (!isJsonList(likelihoods) || likelihoods.length < pageCounts.length) {
    return null;
  }
  const found: number[] = [];
  for (const [index, part] of likelihoods.entries()) {
    const pages = isJsonObject(part) ? own(part, 'pages') : undefined;
    if (!isJsonList(pages) || pages.length < (pageCounts[index] ?? 0)) {
      return null;
    }
    for (const page of pages) {
      if (typeof page !== 'number') {
        return null;
      }
      found.push(page);
    }
  }
  return found;
}

/** The parts of a split: its documents or its partitions; null if the output lists neither. */
export function partsOf(output: Json): readonly Json[] | null {
  const parts = isJsonObject(output)
    ? (own(output, 'documents') ?? own(output, 'partitions'))
    : undefined;
  return isJsonList(parts) ? parts : null;
}

/** How many pages each part of a split has; null if that cannot be read. */
export function pageCountsOf(output: Json): readonly number[] | null {
  const counts: number[] = [];
  for (const part of partsOf(output) ?? [null]) {
    const pages = isJsonObject(part) ? own(part, 'pages') : undefined;
    if (!isJsonList(pages)) {
      return null;
    }
    counts.push(pages.length);
  }
  return counts;
}
