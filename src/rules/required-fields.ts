import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { satisfiesInner } from './json-schema.js';
import {
  alternatives,
  schemasHere,
  schemasOfField,
  schemasOfItem,
  typesOf,
} from './schema-reading.js';
import { allSubschemas, isJsonList, own } from './schema-tree.js';
import type { Work } from './work.js';

type Path = readonly (string | number)[];

/**
 * The way to the first required field that has no answer, or null if all of them have one.
 *
 * 1. No answer is null, a missing field, or a string of white space. `0`, `false`, `[]` and `{}` are answers.
 * 2. Objects inside objects and lists count where they are there; what is optional and left out does not.
 * 3. `$ref` and `allOf` are followed. Of `anyOf` and `oneOf` the branches count that the value can belong to, by the
 *    types and constants they name: it lacks something if it does under each of them.
 * 4. `if` is evaluated, and then `then` or `else` counts; `dependentSchemas` and `dependentRequired` count where their
 *    field is there.
 */
export function firstUnanswered(schema: JsonObject, value: Json, work: Work): Path | null {
  const places = new Map(
    allSubschemas(schema, Number.POSITIVE_INFINITY).map((inner) => [inner.schema, inner.path]),
  );
  return search({ root: schema, places, work }, [schema], value, []);
}

type Reading = {
  readonly root: JsonObject;
  readonly places: ReadonlyMap<JsonObject, Path>;
  readonly work: Work;
};

function search(
  reading: Reading,
  schemas: readonly JsonObject[],
  value: Json,
  path: Path,
): Path | null {
  const { root, work } = reading;
  work.spend(300);
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const here = withDependents(reading, schemas, value);
  if (isJsonObject(value)) {
    const missing = here
      .flatMap((schema) => requiredOf(schema, value))
      .find((field) => isUnanswered(own(value, field)));
    if (missing !== undefined) {
      return [...path, missing];
    }
  }
  for (const [key, child] of childrenOf(value)) {
    const inner =
      typeof key === 'number' ? schemasOfItem(here, key, work) : schemasOfField(here, key, work);
    const found = inner.length === 0 ? null : search(reading, inner, child, [...path, key]);
    if (found !== null) {
      return found;
    }
  }
  for (const keyword of ['anyOf', 'oneOf']) {
    for (const schema of here) {
      const branches = alternatives(schema, keyword).filter((branch) =>
        admits(root, branch, value, work),
      );
      const lacks = branches.map((branch) => search(reading, [branch], value, path));
      const [first] = lacks;
      if (first !== undefined && first !== null && lacks.every((lack) => lack !== null)) {
        return first;
      }
    }
  }
  return null;
}

/** The schemas that apply here, those that a condition or the presence of a field brings in included. */
function withDependents(
  reading: Reading,
  schemas: readonly JsonObject[],
  value: Json,
): readonly JsonObject[] {
  const { root, places, work } = reading;
  let here = schemasHere(root, schemas, 'what always applies', work);
  // Each round may bring in schemas that bring in others; it ends when a round brings nothing.
  for (let before = -1; before !== here.length;) {
    before = here.length;
    const more = here.flatMap((schema) => {
      const condition = own(schema, 'if');
      const conditionPath = isJsonObject(condition) ? places.get(condition) : undefined;
      const branch =
        conditionPath === undefined
          ? undefined
          : own(schema, satisfiesInner(root, conditionPath, value, work) ? 'then' : 'else');
      const dependent = own(schema, 'dependentSchemas');
      const present =
        isJsonObject(dependent) && isJsonObject(value)
          ? Object.entries(dependent).filter(([field]) => Object.hasOwn(value, field))
          : [];
      return [branch, ...present.map(([, inner]) => inner)].filter((inner) => isJsonObject(inner));
    });
    here = schemasHere(root, [...here, ...more], 'what always applies', work);
  }
  return here;
}

function requiredOf(schema: JsonObject, value: JsonObject): readonly string[] {
  const required = own(schema, 'required');
  const dependent = own(schema, 'dependentRequired');
  const present = isJsonObject(dependent)
    ? Object.entries(dependent).filter(([field]) => Object.hasOwn(value, field))
    : [];
  return [required, ...present.map(([, names]) => names)]
    .flatMap((names) => (isJsonList(names) ? names : []))
    .filter((name) => typeof name === 'string');
}

/** Whether an object or a list can belong to a branch, by the type and the constants that the branch names. */
function admits(root: JsonObject, branch: JsonObject, value: Json, work: Work): boolean {
  const here = schemasHere(root, [branch], 'what always applies', work);
  if (!here.every((schema) => admitsType(schema, value))) {
    return false;
  }
  if (!isJsonObject(value)) {
    return true;
  }
  // A field without an answer excludes nothing: whether it should have one is the question.
  return Object.entries(value).every(
    ([field, child]) =>
      isUnanswered(child) ||
      schemasHere(root, schemasOfField(here, field, work), 'what always applies', work).every(
        (schema) => admitsConstant(schema, child),
      ),
  );
}

function admitsType(schema: JsonObject, value: Json): boolean {
  const types = typesOf(schema);
  return types.length === 0 || types.includes(Array.isArray(value) ? 'array' : 'object');
}

function admitsConstant(schema: JsonObject, value: Json): boolean {
  const constant = own(schema, 'const');
  const list = own(schema, 'enum');
  const isScalar = typeof value !== 'object' || value === null;
  return (
    !isScalar ||
    ((constant === undefined || constant === value) && (!isJsonList(list) || list.includes(value)))
  );
}

function isUnanswered(value: Json | undefined): boolean {
  return (
    value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
  );
}

function childrenOf(value: Json): readonly (readonly [string | number, Json])[] {
  if (isJsonList(value)) {
    return value.map((item, index) => [index, item]);
  }
  return isJsonObject(value) ? Object.entries(value) : [];
}
