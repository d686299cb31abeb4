import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';

/** Keywords of JSON Schema 2020-12 whose value is one schema. */
const ONE = [
  'not',
  'if',
  'then',
  'else',
  'items',
  'contains',
  'additionalProperties',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
] as const;
/** Keywords whose value is a list of schemas. */
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const;
/** Keywords whose value holds schemas by name. */
const MAPS = [
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
] as const;

/** A schema inside a schema, and the way to it. */
export type Subschema = {
  readonly path: readonly (string | number)[];
  readonly schema: JsonObject;
};

/** The schemas directly inside a schema; `true` and `false` are left out, they hold nothing. */
function directSubschemas(schema: JsonObject): readonly Subschema[] {
  const found: Subschema[] = [];
  const add = (path: readonly (string | number)[], value: Json | undefined): void => {
    if (isJsonObject(value)) {
      found.push({ path, schema: value });
    }
  };
  for (const keyword of ONE) {
    add([keyword], own(schema, keyword));
  }
  for (const keyword of LISTS) {
    const list = own(schema, keyword);
    if (isJsonList(list)) {
      list.forEach((value, index) => add([keyword, index], value));
    }
  }
  for (const keyword of MAPS) {
    const map = own(schema, keyword);
    if (isJsonObject(map)) {
      for (const [name, value] of Object.entries(map)) {
        add([keyword, name], value);
      }
    }
  }
  return found;
}

/** A schema and all schemas inside it, parents first; stops once more than `most` were found. */
export function allSubschemas(root: JsonObject, most: number): readonly Subschema[] {
  const found: Subschema[] = [{ path: [], schema: root }];
  // The list grows while it is walked.
  for (const { path, schema } of found) {
    if (found.length > most) {
      break;
    }
    for (const inner of directSubschemas(schema)) {
      found.push({ path: [...path, ...inner.path], schema: inner.schema });
    }
  }
  return found;
}

/** A copy of a schema in which `change` was applied to every schema, the inner ones first. */
export function mapSchemas(
  schema: JsonObject,
  change: (copy: JsonObject) => JsonObject,
): JsonObject {
  const copy: { [key: string]: Json } = { ...schema };
  const mapped = (value: Json): Json => (isJsonObject(value) ? mapSchemas(value, change) : value);
  for (const keyword of ONE) {
    const value = own(schema, keyword);
    if (value !== undefined) {
      copy[keyword] = mapped(value);
    }
  }
  for (const keyword of LISTS) {
    const list = own(schema, keyword);
    if (isJsonList(list)) {
      copy[keyword] = list.map((value) => mapped(value));
    }
  }
  for (const keyword of MAPS) {
    const map = own(schema, keyword);
    if (isJsonObject(map)) {
      copy[keyword] = Object.fromEntries(
        Object.entries(map).map(([name, value]) => [name, mapped(value)]),
      );
    }
  }
  return change(copy);
}

/** The way that a local reference such as `#/$defs/vendor` points along; null if it is no such reference. */
export function refPath(ref: string): readonly string[] | null {
  if (ref === '#' || ref === '#/') {
    return [];
  }
  if (!ref.startsWith('#/')) {
    return null;
  }
  try {
    return ref
      .slice(2)
      .split('/')
      .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return null;
  }
}

/** The schema that a local reference names, or null. */
export function resolveRef(root: JsonObject, ref: string): JsonObject | null {
  const path = refPath(ref);
  if (path === null) {
    return null;
  }
  let place: Json | undefined = root;
  for (const part of path) {
    place = childOf(place, part);
  }
  return isJsonObject(place) ? place : null;
}

/** What lies under a key of an object or under an index of a list; undefined if there is nothing. */
export function childOf(value: Json | undefined, part: string): Json | undefined {
  if (isJsonObject(value)) {
    return own(value, part);
  }
  return isJsonList(value) && /^(?:0|[1-9]\d*)$/.test(part) ? value[Number(part)] : undefined;
}

/** An object's own property; what objects inherit (`constructor`, `toString`) is not there. */
export function own<Value>(
  object: { readonly [key: string]: Value },
  key: string,
): Value | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Tells a list; unlike `Array.isArray` it keeps the type of the items. */
export function isJsonList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
