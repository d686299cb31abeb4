import type { Json, JsonObject } from '../api/wire.js';

/** Where a value stands in a snapshot: keys and indexes from the root. */
export type JsonPath = readonly (string | number)[];

/** Whether a value is an object, and neither a list nor null. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is a list. `Array.isArray` alone loses that it may not be changed. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** A path as servers and people write it: `lines.0.amount`. */
export function dotted(path: JsonPath): string {
  return path.join('.');
}

/** What stands at a path; undefined where there is nothing. */
export function valueAt(value: Json | undefined, path: JsonPath): Json | undefined {
  let here = value;
  for (const key of path) {
    if (isList(here) && typeof key === 'number') {
      here = here[key];
    } else if (isObject(here) && typeof key === 'string' && Object.hasOwn(here, key)) {
      here = here[key];
    } else {
      return undefined;
    }
  }
  return here;
}

/** The same value with another at a path; what leads there is made where it is missing. */
export function withValueAt(value: Json | undefined, path: JsonPath, inner: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) {
    return inner;
  }
  if (typeof key === 'number') {
    const list = isList(value) ? [...value] : [];
    list[key] = withValueAt(list[key], rest, inner);
    return list;
  }
  const object = isObject(value) ? value : {};
  return { ...object, [key]: withValueAt(object[key], rest, inner) };
}

/** The same value without the key that a path ends in; where there is none, the same value. */
export function withoutKeyAt(value: Json, path: JsonPath): Json {
  const key = path.at(-1);
  const holder = valueAt(value, path.slice(0, -1));
  if (key === undefined || !isObject(holder)) {
    return value;
  }
  const kept = Object.entries(holder).filter(([each]) => each !== key);
  return withValueAt(value, path.slice(0, -1), Object.fromEntries(kept));
}

/** Whether two values are the same JSON, whatever the order of keys. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) {
    return true;
  }
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
    );
  }
  return false;
}

/** The keys that a schema declares: the required ones in their order, then the others; stored schemas keep no other. */
export function declaredKeys(schema: Json | undefined | null): readonly string[] {
  const properties = schema === null || !isObject(schema) ? undefined : schema['properties'];
  if (schema === null || !isObject(schema) || !isObject(properties)) {
    return [];
  }
  const { required } = schema;
  const first = isList(required)
    ? required.filter(
        (key): key is string => typeof key === 'string' && Object.hasOwn(properties, key),
      )
    : [];
  return [...new Set([...first, ...Object.keys(properties)])];
}

const ABBREVIATIONS: ReadonlySet<string> = new Set([
  'bic',
  'iban',
  'id',
  'ip',
  'pdf',
  'sku',
  'sql',
  'uri',
  'url',
  'vat',
]);

/** A field's name for people: `total_amount` becomes `Total amount`, `vat_id` `VAT ID`; what is not snake_case stays. */
export function fieldLabel(key: string): string {
  if (!/^[a-z0-9_]*[a-z0-9][a-z0-9_]*$/.test(key)) {
    return key;
  }
  const words = key
    .split('_')
    .filter((word) => word !== '')
    .map((word) => (ABBREVIATIONS.has(word) ? word.toUpperCase() : word))
    .join(' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
