import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formatsPlugin from 'ajv-formats';
import type { Json, JsonObject } from '../domain/json.js';
import { isJsonObject } from '../domain/json.js';
import { BoundedCache } from './bounded-cache.js';
import { canonicalForm, canonicalJson, checkIJson } from './canonical.js';
import { compileRegex } from './linear-regex.js';
import { MAX_PROBLEMS, describe, oneOf, type Problem } from './problem.js';
import {
  allSubschemas,
  mapSchemas,
  own,
  refPath,
  resolveRef,
  type Subschema,
} from './schema-tree.js';
import { TooMuchWork, Work } from './work.js';

const MAX_SCHEMA_BYTES = 64 * 1024;
const MAX_SUBSCHEMAS = 2_000;
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Every keyword that is accepted, beside those beginning with `x-`, which say nothing to a validator. */
const KEYWORDS = new Set(
  [
    '$schema $id $ref $defs definitions $comment title description default examples example deprecated readOnly',
    'writeOnly contentMediaType contentEncoding type enum const multipleOf maximum exclusiveMaximum minimum',
    'exclusiveMinimum maxLength minLength pattern format formatMinimum formatMaximum formatExclusiveMinimum',
    'formatExclusiveMaximum maxItems minItems uniqueItems maxContains minContains maxProperties minProperties',
    'required dependentRequired properties patternProperties additionalProperties propertyNames prefixItems items',
    'contains allOf anyOf oneOf not if then else dependentSchemas unevaluatedProperties unevaluatedItems',
  ].flatMap((line) => line.split(' ')),
);

/** What to write in place of keywords that other dialects have. */
const INSTEAD: { readonly [keyword: string]: string } = {
  nullable: 'write "type": ["string", "null"] or the like',
  $anchor: 'write "$ref": "#/$defs/..."',
  $dynamicAnchor: 'write "$ref": "#/$defs/..."',
  $dynamicRef: 'write "$ref": "#/$defs/..."',
  $recursiveRef: 'write "$ref": "#"',
  dependencies: 'write "dependentRequired" or "dependentSchemas"',
  additionalItems: 'write "prefixItems" and "items"',
  id: 'write "$id"',
};

const FORMATS = [
  'byte',
  'date',
  'date-time',
  'double',
  'duration',
  'email',
  'float',
  'hostname',
  'int32',
  'int64',
  'ipv4',
  'ipv6',
  'iso-date-time',
  'iso-time',
  'json-pointer',
  'password',
  'regex',
  'relative-json-pointer',
  'time',
  'uri',
  'uri-reference',
  'uri-template',
  'url',
  'uuid',
] as const;

/** The keyword that every schema is given in the copy that is compiled, so that its evaluation is counted. */
const COUNTED = 'x-counted';
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
    ? [fromError(result.validator.errors?.[0], value)]
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

function checkKeywords(
  root: JsonObject,
  { path, schema }: Subschema,
  known: ReadonlySet<JsonObject>,
): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (tail: readonly (string | number)[], message: string): void => {
    problems.push({ path: [...path, ...tail], message });
  };
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword.toLowerCase().startsWith('x-') && keyword !== COUNTED) {
      continue;
    }
    if (!KEYWORDS.has(keyword)) {
      const instead = Object.hasOwn(INSTEAD, keyword) ? `; ${INSTEAD[keyword]}` : '';
      report([keyword], `unknown keyword of JSON Schema 2020-12${instead}`);
    } else if ((keyword === '$id' || keyword === '$schema') && path.length > 0) {
      report([keyword], 'is accepted at the top of the schema only');
    } else if (keyword === '$schema' && value !== DIALECT && value !== `${DIALECT}#`) {
      report([keyword], `expected "${DIALECT}", got ${describe(value)}`);
    } else if (keyword === '$ref' && typeof value === 'string') {
      const target = refPath(value) === null ? null : resolveRef(root, value);
      if (target === null || !known.has(target)) {
        report(
          [keyword],
          `expected a reference to a schema in here (#/$defs/...), got ${describe(value)}`,
        );
      }
    } else if (keyword === 'pattern' && typeof value === 'string') {
      const regex = compileRegex(value);
      if ('problem' in regex) {
        report([keyword], regex.problem);
      }
    } else if (keyword === 'format' && !(FORMATS as readonly unknown[]).includes(value)) {
      report([keyword], `expected ${oneOf(FORMATS)}, got ${describe(value)}`);
    } else if (keyword === 'patternProperties' && isJsonObject(value)) {
      for (const pattern of Object.keys(value)) {
        const regex = compileRegex(pattern);
        if ('problem' in regex) {
          report([keyword, pattern], regex.problem);
        }
      }
    }
  }
  const named = own(schema, 'properties');
  if (isJsonObject(named) && Object.hasOwn(named, '__proto__')) {
    // Ajv leaves that name out without a word: it would check nothing.
    report(['properties', '__proto__'], 'this name is not accepted');
  }
  return problems;
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
    .map((error) => fromError(error, schema));
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
    ([keyword]) =>
      !keyword.toLowerCase().startsWith('x-') && !['$id', '$schema', 'example'].includes(keyword),
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

/** Ajv's error as a problem that says what was given. */
function fromError(error: ErrorObject | undefined, value: unknown): Problem {
  if (error === undefined) {
    return { path: [], message: 'does not satisfy the schema' };
  }
  const path: (string | number)[] = [];
  let place: unknown = value;
  for (const part of error.instancePath.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(place)) {
      path.push(Number(key));
      place = place[Number(key)];
    } else {
      path.push(key);
      place = isJsonObject(place) ? own(place, key) : undefined;
    }
  }
  const params: { readonly [key: string]: unknown } = error.params;
  switch (error.keyword) {
    case 'required':
    case 'dependentRequired':
      return { path: [...path, String(params['missingProperty'])], message: 'is required' };
    case 'additionalProperties':
      return {
        path: [...path, String(params['additionalProperty'])],
        message: 'is not accepted here',
      };
    case 'unevaluatedProperties':
      return {
        path: [...path, String(params['unevaluatedProperty'])],
        message: 'is not accepted here',
      };
    case 'enum': {
      const allowed: unknown = params['allowedValues'];
      const words = Array.isArray(allowed) ? allowed.slice(0, 30) : [];
      return { path, message: `expected ${oneOf(words)}, got ${describe(place)}` };
    }
    case 'const':
      return {
        path,
        message: `expected ${describe(params['allowedValue'])}, got ${describe(place)}`,
      };
    case 'uniqueItems':
      return { path, message: 'expected items that all differ' };
    default:
      return {
        path,
        message: `${error.message ?? 'does not satisfy the schema'}, got ${describe(place)}`,
      };
  }
}
