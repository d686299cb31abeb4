import { isJsonObject, type JsonObject } from '../domain/json.js';
import { compileRegex } from './linear-regex.js';
import { describe, oneOf, type Problem } from './problem.js';
import { own, refPath, resolveRef, type Subschema } from './schema-tree.js';

/** The one dialect of JSON Schema that is understood. */
export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** The keyword that every schema is given in the copy that is compiled, so that its evaluation is counted. */
export const COUNTED = 'x-counted';
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

/** Every format that is checked. */
export const FORMATS = [
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

/** Keywords that say nothing to a validator: notes to other programs. */
export function isExtension(keyword: string): boolean {
  return keyword.toLowerCase().startsWith('x-');
}

/**
 * What is wrong with the keywords of one schema inside a root, itself alone.
 *
 * @param known all schemas of the root, which is where references may lead
 */
export function checkKeywords(
  root: JsonObject,
  { path, schema }: Subschema,
  known: ReadonlySet<JsonObject>,
): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (tail: readonly (string | number)[], message: string): void => {
    problems.push({ path: [...path, ...tail], message });
  };
  for (const [keyword, value] of Object.entries(schema)) {
    if (isExtension(keyword)) {
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
