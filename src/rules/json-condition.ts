import type { BlockType, JsonCondition, Placement, SubCondition } from '../domain/definition.js';
import { isJsonObject, type Json } from '../domain/json.js';
import { compareDecimals, parseDecimal } from './decimal.js';
import { compileRegex } from './linear-regex.js';
import { describe, oneOf, type Problem } from './problem.js';
import { childOf, isJsonList, own } from './schema-tree.js';
import { compareMoments, parseMoment } from './timestamp.js';
import type { Work } from './work.js';

/** What a `json_condition` is evaluated on. */
export type ConditionSubject = {
  readonly data: Json;
  /** Null if no consensus ran. */
  readonly likelihoods: Json | null;
};

/** A value at the end of a path; undefined where nothing is. */
type Found = Json | undefined;

type Operator = {
  /** What is wrong with the declared value, or null. */
  readonly checkValue: (value: Found) => string | null;
  readonly holds: (found: Found, value: Json, work: Work) => boolean;
};

const MAX_PATH_LENGTH = 500;
const MAX_SUB_CONDITIONS = 100;

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
const OPERATORS: { readonly [operator: string]: Operator } = {
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

/**
 * What is wrong with a condition that an author declares on a block of a type.
 *
 * The shape (which keys there are, and of which type) is the caller's to have checked.
 */
export function checkJsonCondition(
  condition: JsonCondition,
  blockType: BlockType,
  placement: Placement,
): readonly Problem[] {
  const { sub_conditions: subConditions } = condition;
  if (subConditions.length === 0 || subConditions.length > MAX_SUB_CONDITIONS) {
    return [
      {
        path: ['sub_conditions'],
        message: `expected 1 to ${MAX_SUB_CONDITIONS} sub-conditions, got ${subConditions.length}`,
      },
    ];
  }
  const roots = rootsOf(blockType, placement);
  return subConditions.flatMap((sub, index) => {
    const path = ['sub_conditions', index];
    return [...checkPath(sub, path, roots), ...checkOperator(sub, path)];
  });
}

/** True if a condition looks at likelihoods, which are there only when a consensus ran. */
export function readsLikelihoods(condition: JsonCondition): boolean {
  return condition.sub_conditions.some((sub) => rootOf(sub) === 'likelihoods');
}

/**
 * Whether a condition holds, and in words why.
 *
 * A sub-condition over likelihoods holds when no consensus ran: what cannot be known must not pass in silence.
 */
export function evaluateJsonCondition(
  condition: JsonCondition,
  subject: ConditionSubject,
  work: Work,
): { readonly holds: boolean; readonly because: string } {
  const { logical_operator: operator = 'and', sub_conditions: subConditions } = condition;
  if (subConditions.length === 0) {
    return { holds: true, because: 'the condition has no sub-conditions' };
  }
  const deciding = operator === 'or';
  for (const sub of subConditions) {
    const { holds, because } = evaluateSub(sub, subject, work);
    if (holds === deciding) {
      return { holds, because };
    }
  }
  return {
    holds: !deciding,
    because: deciding ? 'no sub-condition holds' : 'every sub-condition holds',
  };
}

function evaluateSub(
  sub: SubCondition,
  subject: ConditionSubject,
  work: Work,
): { readonly holds: boolean; readonly because: string } {
  const [root, ...segments] = pathOf(sub).split('.');
  const operator = own(OPERATORS, sub.operator);
  if (root === 'likelihoods' && subject.likelihoods === null) {
    return { holds: true, because: 'no consensus ran, so there are no likelihoods to compare' };
  }
  const start = root === 'likelihoods' ? subject.likelihoods : subject.data;
  const holds =
    operator !== undefined &&
    holdsAlong(start, segments, (found) => operator.holds(found, sub.value ?? null, work), work);
  const value = sub.value === undefined || sub.value === null ? '' : ` ${describe(sub.value)}`;
  return {
    holds,
    because: `${pathOf(sub)} ${sub.operator}${value} ${holds ? 'holds' : 'does not hold'}`,
  };
}

/** Follows a path, and at every `*` asks for all elements; a list without elements does not match. */
function holdsAlong(
  value: Found,
  segments: readonly string[],
  test: (found: Found) => boolean,
  work: Work,
): boolean {
  work.spend(20);
  const [segment, ...rest] = segments;
  if (segment === undefined) {
    return test(value);
  }
  if (segment === '*' && isJsonList(value)) {
    return value.length > 0 && value.every((item) => holdsAlong(item, rest, test, work));
  }
  return holdsAlong(childOf(value, segment), rest, test, work);
}

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

function checkPath(
  sub: SubCondition,
  at: readonly (string | number)[],
  roots: readonly string[],
): readonly Problem[] {
  if ((sub.path === undefined) === (sub.path_ref === undefined)) {
    const given = sub.path === undefined ? 'neither' : 'both';
    return [{ path: at, message: `expected either path or path_ref, got ${given}` }];
  }
  const path = sub.path === undefined ? [...at, 'path_ref', 'path'] : [...at, 'path'];
  const text = pathOf(sub);
  if (text.length > MAX_PATH_LENGTH) {
    return [
      {
        path,
        message: `takes ${text.length} characters; at most ${MAX_PATH_LENGTH} are accepted`,
      },
    ];
  }
  if (!roots.includes(rootOf(sub))) {
    return [
      {
        path,
        message: `expected a path that begins with ${oneOf(roots)}, got ${describe(text)}`,
      },
    ];
  }
  return text.split('.').includes('')
    ? [{ path, message: `expected segments joined by single dots, got ${describe(text)}` }]
    : [];
}

function checkOperator(sub: SubCondition, at: readonly (string | number)[]): readonly Problem[] {
  const operator = own(OPERATORS, sub.operator);
  if (operator === undefined) {
    return [
      {
        path: [...at, 'operator'],
        message: `expected ${oneOf(Object.keys(OPERATORS))}, got ${describe(sub.operator)}`,
      },
    ];
  }
  const fault = operator.checkValue(sub.value);
  return fault === null ? [] : [{ path: [...at, 'value'], message: fault }];
}

function rootsOf(blockType: BlockType, placement: Placement): readonly string[] {
  if (placement === 'input') {
    // Before a block has run there is neither an output nor a consensus.
    return ['data'];
  }
  return blockType === 'extract'
    ? ['data', 'output-json-0', 'likelihoods']
    : ['data', 'likelihoods'];
}

function pathOf(sub: SubCondition): string {
  return sub.path ?? sub.path_ref?.path ?? '';
}

function rootOf(sub: SubCondition): string {
  return pathOf(sub).split('.')[0] ?? '';
}
