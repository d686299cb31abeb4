import { createHash } from 'node:crypto';
import serialize from 'canonicalize';
import type { Json } from '../domain/json.js';
import { MAX_PROBLEMS, describe, type Problem } from './problem.js';

/** The most that one snapshot may take as canonical UTF-8 text. */
export const MAX_SNAPSHOT_BYTES = 8 * 1024 * 1024;

/** How many brackets deep JSON may nest: an object of scalars is one deep. */
const MAX_NESTING = 100;

/** No text of nine megabytes holds more: each takes a character and a comma. */
const MAX_VALUES = 5_000_000;

/** A value's canonical text, with its length in UTF-8 and its hash. */
export type CanonicalForm = {
  readonly text: string;
  readonly byteLength: number;
  /** SHA-256 of the text's UTF-8, as lower-case hex. */
  readonly sha256: string;
};

/**
 * The RFC 8785 text of a value: equal values give equal texts, whatever the order of their keys.
 *
 * It is for values that `checkIJson` accepts; what has no canonical text (NaN, a lone surrogate) throws.
 */
export function canonicalJson(value: Json): string {
  const text = serialize(value);
  if (text === undefined) {
    throw new Error(`${describe(value)} has no JSON text`);
  }
  return text;
}

/** True for what `checkIJson` finds nothing wrong with. */
export function isIJson(value: unknown): value is Json {
  return checkIJson(value).length === 0;
}

/** The canonical text of a value that `checkIJson` accepts, ready to be stored. */
export function canonicalForm(value: Json): CanonicalForm {
  const text = canonicalJson(value);
  return {
    text,
    byteLength: Buffer.byteLength(text, 'utf8'),
    sha256: createHash('sha256').update(text, 'utf8').digest('hex'),
  };
}

/** The canonical text of something unknown, or why it is no I-JSON or too large to be stored. */
export function parseCanonical(
  value: unknown,
  maxBytes: number = MAX_SNAPSHOT_BYTES,
): CanonicalForm | { readonly problems: readonly Problem[] } {
  if (!isIJson(value)) {
    return { problems: checkIJson(value) };
  }
  const form = canonicalForm(value);
  return form.byteLength > maxBytes
    ? {
        problems: [
          {
            path: [],
            message: `takes ${form.byteLength} bytes as canonical JSON; at most ${maxBytes} are accepted`,
          },
        ],
      }
    : form;
}

/** A container on the way down, and how many of its children were visited. */
type Level = {
  readonly keys: readonly string[] | null;
  readonly children: readonly unknown[];
  next: number;
};

/**
 * What keeps a value from being I-JSON (RFC 7493), so that what is shipped equals what was approved.
 *
 * 1. A number whose value is an integer lies within ±(2^53−1), and every number is finite.
 * 2. No string and no key has a lone surrogate.
 * 3. Brackets nest at most `MAX_NESTING` deep.
 * 4. Everything is what `JSON.parse` gives: no undefined, bigint, date or class.
 * 5. It holds `MAX_VALUES` at most. (Forty lists of which each holds the next twice would be a million million.)
 *
 * NUL characters pass: canonical text writes them as `\u0000`, six ordinary characters. (PostgreSQL takes that in a
 * `text` column; a cast to `jsonb` refuses it.)
 *
 * The walk keeps its own stack, because a hundred thousand brackets would overflow the real one.
 */
export function checkIJson(value: unknown): readonly Problem[] {
  const problems: Problem[] = [];
  const levels: Level[] = [];
  const here = (): (string | number)[] =>
    levels.map(({ keys, next }) => (keys === null ? next - 1 : (keys[next - 1] ?? '')));

  let visited = 0;
  const visit = (item: unknown): void => {
    visited += 1;
    const fault = ownFault(item);
    if (fault !== null) {
      problems.push({ path: here(), message: fault });
      return;
    }
    if (typeof item !== 'object' || item === null) {
      return;
    }
    if (levels.length === MAX_NESTING) {
      problems.push({
        path: here(),
        message: `nests deeper than the ${MAX_NESTING} levels accepted`,
      });
      return;
    }
    levels.push(
      Array.isArray(item)
        ? { keys: null, children: item, next: 0 }
        : { keys: Object.keys(item), children: Object.values(item), next: 0 },
    );
  };

  visit(value);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (level.next === level.children.length || problems.length >= MAX_PROBLEMS) {
      levels.pop();
      continue;
    }
    if (visited === MAX_VALUES) {
      return [{ path: [], message: `has more than the ${MAX_VALUES} values accepted` }];
    }
    const index = level.next;
    level.next += 1;
    if (LONE_SURROGATE.test(level.keys?.[index] ?? '')) {
      problems.push({
        path: here(),
        message: 'is a key with a lone surrogate, which no UTF-8 text can hold',
      });
    }
    visit(level.children[index]);
  }
  return problems;
}

/** With the flag `u` a surrogate that has its partner is part of one character and does not match. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Why a value is no JSON, looking at itself alone; null for good scalars and for containers. */
function ownFault(value: unknown): string | null {
  if (value === null || typeof value === 'boolean' || Array.isArray(value)) {
    return null;
  }
  if (typeof value === 'string') {
    return LONE_SURROGATE.test(value) ? 'has a lone surrogate, which no UTF-8 text can hold' : null;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      return `is ${value}; JSON has finite numbers only`;
    }
    return Number.isInteger(value) && !Number.isSafeInteger(value)
      ? `is ${value}, beyond ±(2^53−1), where integers lose digits; send it as a string`
      : null;
  }
  if (typeof value !== 'object') {
    return `is ${describe(value)}; only what JSON can say is accepted`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null
    ? null
    : 'is an instance of a class; only what JSON can say is accepted';
}
