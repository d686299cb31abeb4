import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formatsPlugin from 'ajv-formats';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { BoundedCache } from './bounded-cache.js';
import { canonicalForm, canonicalJson, checkIJson } from './canonical.js';
import { compileRegex } from './linear-regex.js';
import { MAX_PROBLEMS, describe, type Problem } from './problem.js';
import { problemFromError } from './schema-errors.js';
import { COUNTED, DIALECT, FORMATS, checkKeywords, isExtension } from './schema-keywords.js';
import { allSubschemas, mapSchemas } from './schema-tree.js';
import { TooMuchWork, Work } from './work.js';

const MAX_SCHEMA_BYTES = 64 * 1024;
const MAX_SUBSCHEMAS = 2_000;

/** What one evaluation of one schema costs beside the size of what it looks at. */
const STEPS_PER_SCHEMA = 50;

type Compiled = {
  readonly validator: ValidateFunction;
  /** The validator of one schema inside, named by its path. */
  readonly inner: (path: readonly (string | number)[]) => ValidateFunction | null;
};

const compiled = new BoundedCache<string, Compiled | { readonly fault: string }>(100);
/** Spares hashing a schema again that was seen as the same object. */
const byIdentity = new WeakMap<JsonObject, string>();

/** The work of the validation that runs now. Validators are synchronous, so that there is only one. */
let current = new Work();

/**
 * What is wrong with a schema that an author declares, in the dialect 2020-12.
 *
 * 1. It is an object of at most 64 KiB and 2,000 schemas; `$schema`, if there, names 2020-12.
 * 2. Unknown keywords, formats and `type`s are refused: a misspelt one would check nothing. `x-…` is accepted.
 * 3. References are local (`#/…`) and lead to a schema; nothing is ever fetched, and `$data` means nothing.
 * 4. Patterns are of RE2's syntax and run in linear time.
 */
export function checkSchema(schema: unknown): readonly Problem[] {
  if (!isJsonObject(schema)) {
    return [{ path: [], message: `expected a JSON Schema object, got ${describe(schema)}` }];
  }
  const malformed = checkIJson(schema);
  if (malformed.length > 0) {
    return malformed;
  }
  const { byteLength } = canonicalForm(schema);
  if (byteLength > MAX_SCHEMA_BYTES) {
    return [
      {
        path: [],
        message: `takes ${byteLength} bytes as canonical JSON; at most ${MAX_SCHEMA_BYTES} are accepted`,
      },
    ];
  }
  const all = allSubschemas(schema, MAX_SUBSCHEMAS);
  if (all.length > MAX_SUBSCHEMAS) {
    return [{ path: [], message: `holds more than the ${MAX_SUBSCHEMAS} schemas accepted` }];
  }
  const known = new Set(all.map((inner) => inner.schema));
  const problems = all.flatMap((inner) => checkKeywords(schema, inner, known));
  if (problems.length > 0) {
    return problems.slice(0, MAX_PROBLEMS);
  }
  const unfit = againstMetaSchema(schema);
  if (unfit.length > 0) {
    return unfit.slice(0, MAX_PROBLEMS);
  }
  const result = compile(schema);
  return 'fault' in result ? [{ path: [], message: result.fault }] : [];
}

/**
 * The first thing in which a value does not satisfy a schema; an empty list if it does.
 *
 * A schema that `checkSchema` refuses, and a validation that takes too much work, are a problem too: what could not be
 * checked never passes.
 */
export function validate(
  schema: JsonObject,
  value: unknown,
  work = new Work(),
): readonly Problem[] {
  const result = compile(schema);
  if ('fault' in result) {
    return [{ path: [], message: `the schema cannot be used: ${result.fault}` }];
  }
  const outcome = run(result.validator, value, work);
  if (outcome === 'valid') {
    return [];
  }
  return outcome === 'invalid'
    ? [problemFromError(result.validator.errors?.[0], value)]
    : [{ path: [], message: `the value could not be checked: ${outcome.fault}` }];
}

/** True if a value satisfies a schema that lies inside another one and may refer to its other parts. */
export function satisfiesInner(
  root: JsonObject,
  path: readonly (string | number)[],
  value: unknown,
  work: Work,
): boolean {
  const result = compile(root);
  const validator = 'fault' in result ? null : result.inner(path);
  return validator !== null && run(validator, value, work) === 'valid';
}

function run(
  validator: ValidateFunction,
  value: unknown,
  work: Work,
): 'valid' | 'invalid' | { readonly fault: string } {
  current = work;
  try {
    return validator(value) ? 'valid' : 'invalid';
  } catch (error) {
    // A schema that refers to itself without end overflows the stack before the work is used up.
    if (error instanceof TooMuchWork || error instanceof RangeError) {
      return { fault: error instanceof TooMuchWork ? error.message : 'it nests too deep' };
    }
    throw error;
  }
}

let metaSchema: Ajv2020 | null = null;

function againstMetaSchema(schema: JsonObject): readonly Problem[] {
  metaSchema ??= new Ajv2020({ strict: false, allErrors: true, logger: false });
  if (metaSchema.validateSchema({ ...schema, $schema: DIALECT }) === true) {
    return [];
  }
  const seen = new Set<string>();
  // Of a place that fits none of several schemas, the first sentence says most.
  return (metaSchema.errors ?? [])
    .filter(({ instancePath }) => !seen.has(instancePath) && seen.add(instancePath))
    .map((error) => problemFromError(error, schema));
}

function compile(schema: JsonObject): Compiled | { readonly fault: string } {
  let hash = byIdentity.get(schema);
  if (hash === undefined) {
    hash = canonicalForm(schema).sha256;
    byIdentity.set(schema, hash);
  }
  return compiled.getOrMake(hash, () => compileAnew(schema));
}

function compileAnew(schema: JsonObject): Compiled | { readonly fault: string } {
  // An instance each: Ajv never forgets a schema, an `$id` or a pattern that it has seen.
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    validateSchema: false,
    meta: false,
    inlineRefs: false,
    ownProperties: true,
    logger: false,
    code: { regExp: asRegExp, optimize: false },
  });
  formatsPlugin.default(ajv, { formats: [...FORMATS], keywords: true });
  boundUrl(ajv);
  replaceUniqueItems(ajv);
  ajv.addKeyword({
    keyword: COUNTED,
    schemaType: 'boolean',
    errors: false,
    validate: (_on: unknown, data: unknown): boolean => {
      current.spend(STEPS_PER_SCHEMA + sizeOf(data));
      return true;
    },
  });
  const counted = mapSchemas(schema, forCompiling);
  try {
    ajv.addSchema(counted, 'root');
    const validator = ajv.getSchema('root');
    if (validator === undefined) {
      return { fault: 'it did not compile' };
    }
    return {
      validator,
      inner: (path) => ajv.getSchema(`root#${pointerOf(path)}`) ?? null,
    };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

/** A schema as it is compiled: counted, and without the keywords that say nothing to a validator. */
function forCompiling(schema: JsonObject): JsonObject {
  const kept = Object.entries(schema).filter(
    ([keyword]) => !isExtension(keyword) && !['$id', '$schema', 'example'].includes(keyword),
  );
  return { ...Object.fromEntries(kept), [COUNTED]: true };
}

/** Gives Ajv the linear engine in place of JavaScript's, which a hostile pattern can hang. */
const asRegExp = Object.assign(
  (pattern: string): { test: (text: string) => boolean; toString: () => string } => {
    const regex = compileRegex(pattern);
    if ('problem' in regex) {
      throw new Error(`the pattern ${describe(pattern)} ${regex.problem}`);
    }
    return {
      test: (text) => regex.test(text, current),
      toString: () => pattern,
    };
  },
  { code: 'linearRegex' },
);

/** The one format whose expression is quadratic: 169 ms for 20,000 characters, where the others take 2. */
function boundUrl(ajv: Ajv2020): void {
  const url = formatsPlugin.default.get('url');
  ajv.addFormat('url', {
    type: 'string',
    validate: (text: string) => text.length <= 4_096 && url instanceof RegExp && url.test(text),
  });
}

/** Ajv compares every item with every other: 5,000 objects took 435 ms. Canonical texts take one pass. */
function replaceUniqueItems(ajv: Ajv2020): void {
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (on: boolean, items: readonly Json[]): boolean => {
      if (!on) {
        return true;
      }
      const texts = new Set<string>();
      for (const item of items) {
        const text = canonicalJson(item);
        current.spend(20 + text.length);
        texts.add(text);
      }
      return texts.size === items.length;
    },
  });
}

function sizeOf(data: unknown): number {
  if (typeof data === 'string' || Array.isArray(data)) {
    return data.length;
  }
  return isJsonObject(data) ? Object.keys(data).length : 0;
}

function pointerOf(path: readonly (string | number)[]): string {
  return path
    .map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1'))
    .map((part) => `/${encodeURIComponent(part)}`)
    .join('');
}
