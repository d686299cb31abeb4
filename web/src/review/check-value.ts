import type { Json } from '../api/wire.js';
import type { Field } from './form-model.js';
import { isList, isObject, type JsonPath } from './json-values.js';

/** Something odd about an entered value, and where. */
export type ValueProblem = { readonly path: JsonPath; readonly message: string };

const MAX_PROBLEMS = 50;

/**
 * What an entered value has that its form does not expect.
 *
 * It advises. What the server refuses, it refuses by its own rules: a correction may well leave a field empty that
 * the schema requires.
 */
export function checkValue(field: Field, value: Json | undefined): readonly ValueProblem[] {
  return checkAt([], field, value).slice(0, MAX_PROBLEMS);
}

function checkAt(path: JsonPath, field: Field, value: Json | undefined): readonly ValueProblem[] {
  const problem = (message: string): readonly ValueProblem[] => [{ path, message }];
  if (value === undefined) {
    return problem('This field is missing.');
  }
  if (value === null) {
    return field.isNullable || field.kind === 'json' ? [] : problem('This has no value.');
  }
  switch (field.kind) {
    case 'json':
      return [];
    case 'text':
      return typeof value === 'string'
        ? checkText(field, value, problem)
        : problem(expected('text', value));
    case 'number':
      if (typeof value !== 'number') {
        return problem(expected('a number', value));
      }
      if (field.isInteger && !Number.isInteger(value)) {
        return problem('Expected a whole number.');
      }
      if (field.minimum !== null && value < field.minimum) {
        return problem(`Expected at least ${field.minimum}.`);
      }
      return field.maximum !== null && value > field.maximum
        ? problem(`Expected at most ${field.maximum}.`)
        : [];
    case 'boolean':
      return typeof value === 'boolean' ? [] : problem(expected('true or false', value));
    case 'choice':
      return field.options.includes(value)
        ? []
        : problem(
            `Expected one of: ${field.options.map((one) => JSON.stringify(one)).join(', ')}.`,
          );
    case 'pages':
      return isList(value) && value.every((page) => Number.isInteger(page))
        ? []
        : problem(expected('a list of pages', value));
    case 'list':
      return isList(value)
        ? value.flatMap((item, index) => checkAt([...path, index], field.item, item))
        : problem(expected('a list', value));
    case 'object':
      return isObject(value)
        ? field.properties.flatMap(({ key, isRequired, field: inner }) =>
            !isRequired && !Object.hasOwn(value, key)
              ? []
              : checkAt([...path, key], inner, Object.hasOwn(value, key) ? value[key] : undefined),
          )
        : problem(expected('an object', value));
  }
}

function checkText(
  field: Extract<Field, { readonly kind: 'text' }>,
  value: string,
  problem: (message: string) => readonly ValueProblem[],
): readonly ValueProblem[] {
  if (field.format === 'date' && !isDate(value)) {
    return problem('Expected a date such as 2026-05-13.');
  }
  if (field.format === 'time' && Number.isNaN(Date.parse(value))) {
    return problem('Expected a date and time such as 2026-05-13T08:00:00Z.');
  }
  return field.pattern !== null && !matches(field.pattern, value)
    ? problem(`Expected a text of the form ${field.pattern}.`)
    : [];
}

function isDate(value: string): boolean {
  const month = /^\d{4}-(\d{2})-\d{2}$/.exec(value)?.[1];
  // A day that its month does not have becomes one of the next.
  return month !== undefined && new Date(`${value}T00:00:00Z`).getUTCMonth() + 1 === Number(month);
}

const MAX_PATTERN = 200;

/** A pattern that a browser cannot read says nothing; the server reads it in its own way. */
function matches(pattern: string, value: string): boolean {
  // A browser has no linear-time matcher: what may take for ever is not tried.
  if (
    pattern.length > MAX_PATTERN ||
    value.length > MAX_PATTERN ||
    /[)\]}*+?][*+{]/.test(pattern.replaceAll(/\{\d+\}/g, ''))
  ) {
    return true;
  }
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true;
  }
}

function expected(what: string, value: Json): string {
  const got = isList(value) ? 'a list' : isObject(value) ? 'an object' : JSON.stringify(value);
  return `Expected ${what}, not ${got.length > 40 ? `${got.slice(0, 40)}…` : got}.`;
}
