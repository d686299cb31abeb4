import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { compileRegex } from './linear-regex.js';
import { isJsonList, own, resolveRef } from './schema-tree.js';
import type { Work } from './work.js';

/** Which of the schemas beside each other are followed. */
export type Following = 'what always applies' | 'what may apply';

/** Keywords whose schemas apply to the same value, in every case. */
const ALWAYS = ['allOf'] as const;
/** Keywords whose schemas apply to the same value, in some cases. */
const MAYBE_LISTS = ['anyOf', 'oneOf'] as const;
const MAYBE = ['then', 'else'] as const;

/**
 * The schemas that speak about the same value as the given ones do, these included: through `$ref` and `allOf`, and if
 * asked through alternatives too. Each comes once, so that schemas that refer to each other end.
 */
export function schemasHere(
  root: JsonObject,
  schemas: readonly JsonObject[],
  following: Following,
  work: Work,
): readonly JsonObject[] {
  const found = new Set<JsonObject>(schemas);
  // A set is walked in the order of insertion, what is added on the way included.
  for (const schema of found) {
    work.spend(60);
    const ref = own(schema, '$ref');
    const target = typeof ref === 'string' ? resolveRef(root, ref) : null;
    if (target !== null) {
      found.add(target);
    }
    const lists = following === 'what may apply' ? [...ALWAYS, ...MAYBE_LISTS] : ALWAYS;
    for (const keyword of lists) {
      alternatives(schema, keyword).forEach((inner) => found.add(inner));
    }
    if (following === 'what may apply') {
      for (const keyword of MAYBE) {
        const inner = own(schema, keyword);
        if (isJsonObject(inner)) {
          found.add(inner);
        }
      }
      const dependent = own(schema, 'dependentSchemas');
      if (isJsonObject(dependent)) {
        Object.values(dependent)
          .filter((inner) => isJsonObject(inner))
          .forEach((inner) => found.add(inner));
      }
    }
  }
  return [...found];
}

/** The schemas listed under a keyword such as `anyOf`. */
export function alternatives(schema: JsonObject, keyword: string): readonly JsonObject[] {
  const list = own(schema, keyword);
  return isJsonList(list) ? list.filter((inner) => isJsonObject(inner)) : [];
}

/** The schemas that speak about one field of an object. */
export function schemasOfField(
  schemas: readonly JsonObject[],
  field: string,
  work: Work,
): readonly JsonObject[] {
  return schemas.flatMap((schema) => {
    work.spend(30);
    const properties = own(schema, 'properties');
    const named = isJsonObject(properties) ? own(properties, field) : undefined;
    const patterns = own(schema, 'patternProperties');
    const matching = isJsonObject(patterns)
      ? Object.entries(patterns).filter(([pattern]) => matches(pattern, field, work))
      : [];
    const found = named === undefined ? [] : [named];
    found.push(...matching.map(([, inner]) => inner));
    if (found.length === 0) {
      found.push(
        own(schema, 'additionalProperties') ?? own(schema, 'unevaluatedProperties') ?? null,
      );
    }
    return found.filter((inner) => isJsonObject(inner));
  });
}

/** The schemas that speak about one item of a list. */
export function schemasOfItem(
  schemas: readonly JsonObject[],
  index: number,
  work: Work,
): readonly JsonObject[] {
  return schemas.flatMap((schema) => {
    work.spend(30);
    const prefix = own(schema, 'prefixItems');
    const placed = isJsonList(prefix) ? prefix[index] : undefined;
    const inner: Json | undefined =
      placed ?? own(schema, 'items') ?? own(schema, 'unevaluatedItems');
    return isJsonObject(inner) ? [inner] : [];
  });
}

/** The names in a schema's `type`; none if it has no such keyword. */
export function typesOf(schema: JsonObject): readonly string[] {
  const type = own(schema, 'type');
  const names = isJsonList(type) ? type : [type];
  return names.filter((name) => typeof name === 'string');
}

function matches(pattern: string, field: string, work: Work): boolean {
  const regex = compileRegex(pattern);
  return !('problem' in regex) && regex.test(field, work);
}
