/** One thing wrong with what was given, and the way to it from the value that was checked. */
export type Problem = {
  readonly path: readonly (string | number)[];
  readonly message: string;
};

/** How many problems one check reports; more would not help anybody and could fill the memory. */
export const MAX_PROBLEMS = 20;

/** The same problems, seen from further out. */
export function under(
  prefix: readonly (string | number)[],
  problems: readonly Problem[],
): readonly Problem[] {
  return problems.map(({ path, message }) => ({ path: [...prefix, ...path], message }));
}

/** A value as a message names it: scalars as JSON (long ones cut), containers by their size. */
export function describe(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'number') {
    return String(value);
  }
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  }
  if (Array.isArray(value)) {
    return value.length === 1 ? 'a list of 1 item' : `a list of ${value.length} items`;
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Words as a sentence lists them: `"a", "b" or "c"`. */
export function oneOf(words: readonly unknown[]): string {
  const quoted = words.map((word) => describe(word));
  const last = quoted.pop() ?? 'nothing';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}
