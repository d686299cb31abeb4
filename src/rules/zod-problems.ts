import { z } from 'zod';
import { MAX_PROBLEMS, describe, oneOf, type Problem } from './problem.js';

/** An object shape that takes no other keys, and names those it takes when it meets one. */
export function closed<Shape extends z.core.$ZodShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const accepted = oneOf(Object.keys(shape));
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? `unknown key; accepted: ${accepted}` : undefined,
  });
}

/** What a schema finds wrong with a value, in our own sentences: what was given and what is accepted. */
export function shapeProblems(issues: readonly z.core.$ZodIssue[], value: unknown): Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, value)).slice(0, MAX_PROBLEMS);
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown): readonly Problem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: issue.message }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const inside = closestBranch(issue.errors);
    if (inside !== null) {
      return inside.flatMap((inner) =>
        problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, value),
      );
    }
  }
  const accepted = acceptedBy(issue);
  const message =
    accepted === null
      ? `${issue.message}, got ${describe(valueAt(value, path))}`
      : `expected ${accepted}, got ${describe(valueAt(value, path))}`;
  return [{ path, message }];
}

/** Of the branches of a union the one that fits in type, so that its own complaints are to the point. */
function closestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | null {
  return (
    branches.findLast((issues) =>
      issues.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
    ) ?? null
  );
}

function acceptedBy(issue: z.core.$ZodIssue): string | null {
  switch (issue.code) {
    case 'invalid_type':
      return NOUNS[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return sized(issue.origin, 'at least', issue.minimum);
    case 'too_big':
      return sized(issue.origin, 'at most', issue.maximum);
    case 'invalid_union': {
      if (issue.errors.length === 0) {
        return 'options' in issue && Array.isArray(issue.options) ? oneOf(issue.options) : null;
      }
      const nouns = issue.errors.flatMap((issues) => issues.map((inner) => acceptedBy(inner)));
      return nouns.filter((noun) => noun !== null).join(' or ');
    }
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'custom':
      return null;
  }
}

const NOUNS: { readonly [type: string]: string } = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

function sized(origin: string, bound: string, size: number | bigint): string {
  if (origin === 'string') {
    return `${bound} ${size} character${size === 1 ? '' : 's'}`;
  }
  return origin === 'array' ? `${bound} ${size} item${size === 1 ? '' : 's'}` : `${bound} ${size}`;
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let place: unknown = value;
  for (const part of path) {
    place =
      typeof place === 'object' && place !== null && Object.hasOwn(place, part)
        ? Reflect.get(place, part)
        : undefined;
  }
  return place;
}
