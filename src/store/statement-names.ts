import { BoundedCache } from '../rules/bounded-cache.js';

/** PostgreSQL keeps a prepared statement for as long as its connection lives: so there are not too many. */
const NAMED_AT_MOST = 256;

/** Statements that were seen once; lists of many lengths give one each, and may push each other out. */
const SEEN_AT_MOST = 1_024;

/**
 * Gives each statement that comes up again a name, under which a connection prepares it once.
 *
 * A statement that came up once only has none: lists of parameters give statements without end.
 */
export class StatementNames {
  readonly #seen = new BoundedCache<string, { isAgain: boolean }>(SEEN_AT_MOST);
  readonly #names = new Map<string, string>();

  /** The name of a statement, or null where it is not worth one. */
  nameOf(text: string): string | null {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= NAMED_AT_MOST) {
      return known ?? null;
    }
    const seen = this.#seen.getOrMake(text, () => ({ isAgain: false }));
    if (!seen.isAgain) {
      seen.isAgain = true;
      return null;
    }
    const name = `countersign_${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}
