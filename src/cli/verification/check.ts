import { canonicalJson } from '../../rules/canonical.js';
import type { Json } from '../../domain/json.js';

/** One comparison of what was derived with what the server says. */
export type Check = {
  readonly name: string;
  /** null: it could not be made, and `note` says why. */
  readonly passed: boolean | null;
  /** What follows from facts, gate and versions. */
  readonly derived: Json;
  readonly served: Json;
  readonly note: string | null;
};

/** Compares two values; they are equal when their canonical texts are. */
export function compare(name: string, derived: Json, served: Json): Check {
  const passed = canonicalJson(derived) === canonicalJson(served);
  return { name, passed, derived, served, note: null };
}

/** A rule that everything of a kind keeps; `broken` says which do not, and how. */
export function holds(name: string, broken: readonly string[]): Check {
  return { name, passed: broken.length === 0, derived: [], served: broken, note: null };
}

/** A comparison that could not be made. */
export function unchecked(name: string, note: string): Check {
  return { name, passed: null, derived: null, served: null, note };
}
