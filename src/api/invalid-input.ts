import { z } from 'zod';
import type { InvalidInput } from './errors.js';

/** What a schema made of a value: the parsed value, or everything that is wrong with it. */
export type Checked =
  | { readonly problems: null; readonly value: unknown }
  | { readonly problems: readonly InvalidInput[] };

/** Checks one part of a request; the problems carry the path to the very value that is wrong. */
export function checkInput(
  schema: z.ZodType,
  value: unknown,
  part: 'path' | 'query' | 'body',
): Checked {
  if (value === undefined && !schema.safeParse(undefined).success) {
    return { problems: [missing([part])] };
  }
  const parsed = schema.safeParse(value, { error: describeIssue });
  return parsed.success
    ? { problems: null, value: parsed.data }
    : { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, value, part)) };
}

function missing(loc: InvalidInput['loc']): InvalidInput {
  return { loc, message: 'This is required: send it.', type: 'missing' };
}

function problemsOf(issue: z.core.$ZodIssue, input: unknown, part: string): InvalidInput[] {
  const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
  const loc = [part, ...path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      loc: [...loc, key],
      message: 'This key is not known here: leave it out.',
      type: 'extra_forbidden',
    }));
  }
  if (valueAt(input, path) === undefined) {
    return [missing(loc)];
  }
  return [{ loc, message: issue.message, type: typeOf(issue) }];
}

function valueAt(input: unknown, path: readonly (string | number)[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) {
      return undefined;
    }
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** The `type` of a problem, in the words that the published contract's own server uses. */
function typeOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? `${issue.expected}_type`;
    case 'invalid_value':
      return 'enum';
    case 'invalid_format':
      return 'string_pattern_mismatch';
    case 'too_small':
      return issue.origin === 'string'
        ? 'string_too_short'
        : issue.origin === 'array'
          ? 'too_short'
          : 'greater_than_equal';
    case 'too_big':
      return issue.origin === 'string'
        ? 'string_too_long'
        : issue.origin === 'array'
          ? 'too_long'
          : 'less_than_equal';
    case 'custom':
      return typeof issue.params?.['type'] === 'string' ? issue.params['type'] : 'value_error';
    default:
      return 'value_error';
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  array: 'list_type',
  boolean: 'bool_type',
  object: 'dict_type',
  record: 'dict_type',
};

const PLAIN_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'an object',
  record: 'an object',
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  null: 'null',
};

/** Says what would have been accepted, where a schema has no words of its own. */
function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `Expected ${PLAIN_NAMES[issue.expected] ?? issue.expected}, got ${kindOf(issue.input)}.`;
    case 'invalid_value':
      return `Expected one of ${issue.values.map((value) => `'${String(value)}'`).join(', ')}.`;
    case 'too_small':
      return issue.origin === 'string'
        ? `Expected at least ${issue.minimum} characters.`
        : issue.origin === 'array'
          ? `Expected at least ${issue.minimum} items.`
          : `Expected at least ${issue.minimum}.`;
    case 'too_big':
      return issue.origin === 'string'
        ? `Expected at most ${issue.maximum} characters.`
        : issue.origin === 'array'
          ? `Expected at most ${issue.maximum} items.`
          : `Expected at most ${issue.maximum}.`;
    default:
      return undefined;
  }
}

function kindOf(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  return Array.isArray(value) ? 'a list' : (PLAIN_NAMES[typeof value] ?? typeof value);
}

/**
 * The query string as a schema reads it: of a repeated parameter the last value, or all of them where
 * the schema wants a list.
 */
export function readQuery(schema: z.ZodObject, search: URLSearchParams): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  const fields: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  for (const [name, field] of Object.entries(fields)) {
    const values = search.getAll(name);
    if (values.length > 0) {
      query[name] = isList(field) ? values : values.at(-1);
    }
  }
  return query;
}

function isList(field: z.core.$ZodType): boolean {
  if (field instanceof z.ZodDefault || field instanceof z.ZodOptional) {
    return isList(field.unwrap());
  }
  return field instanceof z.ZodArray;
}
