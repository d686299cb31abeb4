import type { Predicate } from '../../../src/domain/definition.js';
import type { Review } from '../api/wire.js';
import { dotted, fieldLabel, type JsonPath } from './json-values.js';
import { expressionWords } from '../workflows/expression-words.js';
import { predicateWords } from '../workflows/predicate-words.js';

/** Why a review opened, in words: a condition by what it asks, anything else by what the server found. */
export function becauseWords({
  triggered_by: fired,
  because,
}: Pick<Review, 'triggered_by' | 'because'>): string {
  const isCondition = fired['kind'] === 'json_condition' && !('expression' in fired);
  const words = isCondition
    ? // What fired is one of the predicates that definitions have; the wire only says that it is an object.
      predicateWords(fired as unknown as Predicate) // oxlint-disable-line typescript/no-unsafe-type-assertion
    : because.split('; ').map(foundWords).join('; ');
  // What begins with code stays as it is.
  return /^[a-z]+ /.test(words) ? words.charAt(0).toUpperCase() + words.slice(1) : words;
}

const IS_TRUE = / is true$/;

/** What the server found, in words where that is an expression, or a part of one, that people can read as words. */
function foundWords(found: string): string {
  return IS_TRUE.test(found) ? (expressionWords(found.replace(IS_TRUE, '')) ?? found) : found;
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

/** Whether a path that fired stands for a place in a snapshot; `*` is every item of a list. */
export function standsFor(fired: string, path: JsonPath): boolean {
  const here = dotted(path);
  if (!fired.includes('*')) {
    return fired === here;
  }
  const parts = fired.split('.');
  const own = here.split('.');
  return (
    parts.length === own.length && parts.every((part, index) => part === '*' || part === own[index])
  );
}

/** A path that fired, in words. */
export function firedWords(fired: string): string {
  return fired
    .split('.')
    .map((key) =>
      key === '*' ? 'every item' : /^\d+$/.test(key) ? String(Number(key) + 1) : fieldLabel(key),
    )
    .join(' › ');
}

function mentions(text: string, path: string): boolean {
  const escaped = path.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  return new RegExp(String.raw`\b(?:output|input|data)\.${escaped}(?![\w.])`).test(text);
}
