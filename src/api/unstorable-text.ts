import { isJsonObject, type Json } from '../domain/json.js';
import type { Problem } from '../rules/problem.js';
import { isStorable } from './fields.js';

/**
 * Where a value has text that a `jsonb` column cannot hold: a NUL character, in a key or a string.
 *
 * For I-JSON only: that nests no deeper than the walk can follow.
 */
export function unstorableText(value: Json, path: readonly (string | number)[] = []): Problem[] {
  if (typeof value === 'string') {
    return isStorable(value) ? [] : [{ path, message: 'has a NUL character; remove it' }];
  }
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([key, item]) => [
      ...(isStorable(key) ? [] : [{ path, message: 'has a key with a NUL character; rename it' }]),
      ...unstorableText(item, [...path, key]),
    ]);
  }
  return Array.isArray(value)
    ? value.flatMap((item: Json, index) => unstorableText(item, [...path, index]))
    : [];
}
