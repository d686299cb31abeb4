import { celMap, type CelValue } from '@bufbuild/cel';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { listOf } from './cel-functions.js';
import { schemasHere, schemasOfField, schemasOfItem, typesOf } from './schema-reading.js';
import { isJsonList } from './schema-tree.js';
import type { Work } from './work.js';

/**
 * A JSON value as expressions see it.
 *
 * Whether a number is an `int` or a `double` is the schema's word: `integer` gives an int, and everything else, no
 * schema included, a double. Never does the value decide, or 10 and 10.5 would take different paths through
 * `output.total + 1`. (A value that its schema does not allow, 10.5 for an integer, stays a double.)
 */
export function toCelValue(value: Json, schema: JsonObject | null, work: Work): CelValue {
  return schema === null ? convert(value, null, [], work) : convert(value, schema, [schema], work);
}

function convert(
  value: Json,
  root: JsonObject | null,
  schemas: readonly JsonObject[],
  work: Work,
): CelValue {
  work.spend(10);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return value;
  }
  const here = root === null ? [] : schemasHere(root, schemas, 'what may apply', work);
  if (typeof value === 'number') {
    const types = new Set(here.flatMap((schema) => typesOf(schema)));
    const isInteger = types.has('integer') && !types.has('number');
    return isInteger && Number.isSafeInteger(value) ? BigInt(value) : value;
  }
  if (isJsonList(value)) {
    return listOf(
      value.map((item, index) => convert(item, root, schemasOfItem(here, index, work), work)),
    );
  }
  // A Map of our own: the library takes an object with a key `constructor` or `$typeName` for something else.
  const fields = new Map<string, CelValue>();
  if (isJsonObject(value)) {
    for (const [key, child] of Object.entries(value)) {
      fields.set(key, convert(child, root, schemasOfField(here, key, work), work));
    }
  }
  return celMap(fields);
}

/** Roughly how many characters of JSON a value takes; counting stops above `most`. */
export function roughSize(value: Json, most: number): number {
  let size = 0;
  const waiting: Json[] = [value];
  for (let next = waiting.pop(); next !== undefined && size <= most; next = waiting.pop()) {
    size += typeof next === 'string' ? next.length + 2 : 4;
    if (isJsonList(next)) {
      // One by one, and none that is not counted: a call with a million arguments overflows the stack.
      for (const item of next.slice(0, most)) {
        waiting.push(item);
      }
    } else if (isJsonObject(next)) {
      for (const [key, child] of Object.entries(next)) {
        size += key.length + 3;
        waiting.push(child);
      }
    }
  }
  return size;
}
