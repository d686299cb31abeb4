import type { Predicate } from '../../../src/domain/definition.js';
import type { Review } from '../api/wire.js';
import { predicateWords } from '../workflows/predicate-words.js';

/** Why a review opened, in words: a condition by what it asks, anything else by what the server found. */
export function becauseWords({
  triggered_by: fired,
  because,
}: Pick<Review, 'triggered_by' | 'because'>): string {
  const isCondition = fired['kind'] === 'json_condition' && !('expression' in fired);
  // What fired is one of the predicates that definitions have; the wire only says that it is an object.
  const words = isCondition ? predicateWords(fired as unknown as Predicate) : because; // oxlint-disable-line typescript/no-unsafe-type-assertion
  // What begins with code stays as it is.
  return /^[a-z]+ /.test(words) ? words.charAt(0).toUpperCase() + words.slice(1) : words;
}

/**
 * The values to mark: those that opened the review.
 *
 * An expression reads many values, and the server names the part of it that was true: then only what that part
 * speaks of is marked.
 */
export function markedPaths({
  review,
  fired_paths: paths,
}: {
  readonly review: Pick<Review, 'because'>;
  readonly fired_paths: readonly string[];
}): readonly string[] {
  const named = paths.filter((path) => mentions(review.because, path));
  return named.length === 0 ? paths : named;
}

function mentions(text: string, path: string): boolean {
  const escaped = path.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  return new RegExp(String.raw`\b(?:output|input|data)\.${escaped}(?![\w.])`).test(text);
}
