import { isJsonObject, type Json } from '../domain/json.js';
import { compareDecimals, parseDecimal } from './decimal.js';
import { compileRegex } from './linear-regex.js';
import { describe } from './problem.js';
import { isJsonList, own } from './schema-tree.js';
import { compareMoments, parseMoment } from './timestamp.js';
import type { Work } from './work.js';

/** A value at the end of a path; undefined where nothing is. */
export type Found = Json | undefined;

type Operator = {
  /** What is wrong with the declared value, or null. */
  readonly checkValue: (value: Found) => string | null;
  readonly holds: (found: Found, value: Json, work: Work) => boolean;
};

const noValue = (value: Found): string | null =>
  value === undefined || value === null
    ? null
    : `this operator takes no value, got ${describe(value)}`;

const anyValue = (value: Found): string | null =>
  value === undefined ? 'this operator needs a value' : null;

const valueThat =
  (what: string, fits: (value: Json) => boolean) =>
  (value: Found): string | null =>
    value !== undefined && fits(value) ? null : `expected ${what}, got ${describe(value)}`;

const aString = valueThat('a string', (value) => typeof value === 'string');
const aNumber = valueThat('a number or a decimal string', (value) => parseDecimal(value) !== null);
const aLength = valueThat(
  'an integer from 0',
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
);
const aMoment = valueThat(
  'an RFC 3339 date or date-time, as "2026-05-13" or "2026-05-13T08:14:02Z"',
  (value) => parseMoment(value) !== null,
);
const aPattern = (value: Found): string | null => {
  if (typeof value !== 'string') {
    return `expected a pattern, got ${describe(value)}`;
  }
  const regex = compileRegex(value);
  return 'problem' in regex ? `${describe(value)} ${regex.problem}` : null;
};

const strings = (test: (found: string, value: string) => boolean): Operator => ({
  checkValue: aString,
  holds: (found, value, work) => {
    if (typeof found !== 'string' || typeof value !== 'string') {
      return false;
    }
    work.spend(found.length / 4);
    return test(found, value);
  },
});

const numbers = (test: (order: number) => boolean): Operator => ({
  checkValue: aNumber,
  holds: (found, value) => {
    const left = found === undefined ? null : parseDecimal(found);
    const right = parseDecimal(value);
    return left !== null && right !== null && test(compareDecimals(left, right));
  },
});

const moments = (test: (order: number) => boolean): Operator => ({
  checkValue: aMoment,
  holds: (found, value) => {
    const left = found === undefined ? null : parseMoment(found);
    const right = parseMoment(value);
    return left !== null && right !== null && test(compareMoments(left, right));
  },
});

const lengths = (test: (length: number, value: number) => boolean): Operator => ({
  checkValue: aLength,
  holds: (found, value) =>
    isJsonList(found) && typeof value === 'number' && test(found.length, value),
});

const bare = (holds: (found: Found) => boolean): Operator => ({ checkValue: noValue, holds });

/** Every operator. Nothing is coerced: a wrong type or a missing value makes a comparison false. */
export const OPERATORS: { readonly [operator: string]: Operator } = {
  exists: bare((found) => found !== undefined && found !== null),
  does_not_exist: bare((found) => found === undefined || found === null),
  is_empty: bare(isEmpty),
  is_not_empty: bare((found) => !isEmpty(found)),
  is_equal_to: { checkValue: anyValue, holds: equals },
  // A missing value is not equal to anything.
  is_not_equal_to: {
    checkValue: anyValue,
    holds: (found, value, work) => !equals(found, value, work),
  },
  contains: {
    checkValue: anyValue,
    holds: (found, value, work) => {
      if (isJsonList(found)) {
        return found.some((item) => equals(item, value, work));
      }
      if (typeof found !== 'string' || typeof value !== 'string') {
        return false;
      }
      work.spend(found.length / 4);
      return found.includes(value);
    },
  },
  starts_with: strings((found, value) => found.startsWith(value)),
  ends_with: strings((found, value) => found.endsWith(value)),
  matches_regex: {
    checkValue: aPattern,
    holds: (found, value, work) => {
      const regex = typeof value === 'string' ? compileRegex(value) : null;
      return (
        typeof found === 'string' &&
        regex !== null &&
        !('problem' in regex) &&
        regex.test(found, work)
      );
    },
  },
  is_greater_than: numbers((order) => order > 0),
  is_less_than: numbers((order) => order < 0),
  is_greater_than_or_equal_to: numbers((order) => order >= 0),
  is_less_than_or_equal_to: numbers((order) => order <= 0),
  is_true: bare((found) => found === true),
  is_false: bare((found) => found === false),
  length_equal_to: lengths((length, value) => length === value),
  length_greater_than: lengths((length, value) => length > value),
  length_less_than: lengths((length, value) => length < value),
  is_after: moments((order) => order > 0),
  is_before: moments((order) => order < 0),
  is_after_or_equal_to: moments((order) => order >= 0),
  is_before_or_equal_to: moments((order) => order <= 0),
};

function equals(found: Found, value: Json, work: Work): boolean {
  work.spend(5 + (typeof found === 'string' ? found.length / 4 : 0));
  if (isJsonList(found)) {
    return (
      isJsonList(value) &&
      found.length === value.length &&
      value.every((item, index) => equals(found[index], item, work))
    );
  }
  if (isJsonObject(found)) {
    return (
      isJsonObject(value) &&
      Object.keys(found).length === Object.keys(value).length &&
      Object.entries(value).every(([key, item]) => equals(own(found, key), item, work))
    );
  }
  return found === value;
}

function isEmpty(found: Found): boolean {
  return (
    found === undefined ||
    found === null ||
    found === '' ||
    (isJsonList(found) && found.length === 0) ||
    (isJsonObject(found) && Object.keys(found).length === 0)
  );
}
