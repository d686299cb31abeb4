import type { Block, Json, JsonObject } from '../api/wire.js';
import { declaredKeys, isList, isObject } from './json-values.js';

type Common = {
  readonly isNullable: boolean;
  readonly description: string | null;
};

/** How a value is entered: made from a JSON Schema, or from a value where there is none. */
export type Field = Common &
  (
    | {
        readonly kind: 'text';
        readonly format: 'plain' | 'long' | 'date' | 'time';
        readonly pattern: string | null;
      }
    | {
        readonly kind: 'number';
        readonly isInteger: boolean;
        readonly minimum: number | null;
        readonly maximum: number | null;
      }
    | { readonly kind: 'boolean' }
    | { readonly kind: 'choice'; readonly options: readonly Json[] }
    | { readonly kind: 'pages' }
    | { readonly kind: 'object'; readonly properties: readonly Property[] }
    | { readonly kind: 'list'; readonly item: Field }
    | { readonly kind: 'json' }
  );

/** A named field of an object. */
export type Property = {
  readonly key: string;
  readonly isRequired: boolean;
  readonly field: Field;
};

const MAX_DEPTH = 12;

/** What decides how a block's snapshot is entered. */
export type FormRules = Pick<Block, 'type' | 'json_schema' | 'categories'>;

/** The form for a snapshot of a block. */
export function formModel(rules: FormRules, snapshot: JsonObject): Field {
  switch (rules.type) {
    case 'classifier':
      return object([
        property(
          'category',
          rules.categories === null
            ? { kind: 'text', format: 'plain', pattern: null, ...PLAIN }
            : { kind: 'choice', options: rules.categories, ...PLAIN },
        ),
      ]);
    case 'split':
      return object([property('documents', list(partField('name', snapshot['documents'])))]);
    case 'for_each':
      return object([
        property('partitions', list(partField('key', snapshot['partitions']))),
        ...('unassigned_pages' in snapshot
          ? [property('unassigned_pages', { kind: 'pages', ...PLAIN })]
          : []),
      ]);
    case 'extract':
    case 'task':
      return rules.json_schema === null
        ? fieldOfValue(snapshot, 0)
        : withUnknown(fieldOf(rules.json_schema, rules.json_schema, 0), snapshot, 0);
  }
}

const PLAIN: Common = { isNullable: false, description: null };

function property(key: string, field: Field): Property {
  return { key, isRequired: true, field };
}

function object(properties: readonly Property[]): Field {
  return { kind: 'object', properties, ...PLAIN };
}

function list(item: Field): Field {
  return { kind: 'list', item, ...PLAIN };
}

/** A document or a partition; what else it may hold stays, and is not shown. */
function partField(name: 'name' | 'key', parts: Json | undefined): Field {
  const hasPartitions =
    isList(parts) && parts.some((part) => isObject(part) && 'partitions' in part);
  return object([
    property(name, { kind: 'text', format: 'plain', pattern: null, ...PLAIN }),
    property('pages', { kind: 'pages', ...PLAIN }),
    ...(hasPartitions
      ? [{ key: 'partitions', isRequired: false, field: { kind: 'json', ...PLAIN } as const }]
      : []),
  ]);
}

/** The field of a schema; what a form cannot express is entered as JSON. */
function fieldOf(root: JsonObject, schema: Json | undefined, depth: number): Field {
  if (!isObject(schema) || depth > MAX_DEPTH) {
    return { kind: 'json', ...PLAIN };
  }
  const ref = schema['$ref'];
  if (typeof ref === 'string') {
    return fieldOf(root, followRef(root, ref), depth + 1);
  }
  const description = textOf(schema['description']);
  const either = schema['anyOf'] ?? schema['oneOf'];
  if (isList(either)) {
    const others = either.filter((one) => !isObject(one) || one['type'] !== 'null');
    return others.length === 1 && others.length < either.length
      ? { ...fieldOf(root, others[0], depth + 1), isNullable: true }
      : { kind: 'json', isNullable: false, description };
  }
  if ('allOf' in schema || 'not' in schema || 'if' in schema) {
    return { kind: 'json', isNullable: false, description };
  }
  const { types, isNullable } = typesOf(schema);
  const common = { isNullable, description };
  if (isList(schema['enum'])) {
    const options = schema['enum'].filter((option) => option !== null);
    return { kind: 'choice', options, description, isNullable: schema['enum'].includes(null) };
  }
  if ('const' in schema) {
    return { kind: 'choice', options: [schema['const'] ?? null], ...common };
  }
  const [type, ...more] = types;
  if (type === undefined || more.length > 0) {
    return { kind: 'json', ...common };
  }
  switch (type) {
    case 'string':
      return { kind: 'text', ...textForm(schema), ...common };
    case 'number':
    case 'integer':
      return {
        kind: 'number',
        isInteger: type === 'integer',
        minimum: numberOf(schema['minimum']),
        maximum: numberOf(schema['maximum']),
        ...common,
      };
    case 'boolean':
      return { kind: 'boolean', ...common };
    case 'array':
      return isObject(schema['items'])
        ? { kind: 'list', item: fieldOf(root, schema['items'], depth + 1), ...common }
        : { kind: 'json', ...common };
    case 'object': {
      const properties = isObject(schema['properties']) ? schema['properties'] : null;
      if (properties === null) {
        return { kind: 'json', ...common };
      }
      const required = isList(schema['required']) ? schema['required'] : [];
      return {
        kind: 'object',
        properties: declaredKeys(schema).map((key) => ({
          key,
          isRequired: required.includes(key),
          field: fieldOf(root, properties[key], depth + 1),
        })),
        ...common,
      };
    }
    default:
      return { kind: 'json', ...common };
  }
}

function typesOf(schema: JsonObject): {
  readonly types: readonly string[];
  readonly isNullable: boolean;
} {
  const type = schema['type'];
  const all = isList(type) ? type.filter((one) => typeof one === 'string') : [type];
  const known = all.filter((one): one is string => typeof one === 'string');
  const implied = known.length === 0 && 'properties' in schema ? ['object'] : known;
  return { types: implied.filter((one) => one !== 'null'), isNullable: known.includes('null') };
}

function textForm(schema: JsonObject): {
  readonly format: 'plain' | 'long' | 'date' | 'time';
  readonly pattern: string | null;
} {
  const format = schema['format'];
  const maximum = numberOf(schema['maxLength']);
  return {
    format:
      format === 'date'
        ? 'date'
        : format === 'date-time'
          ? 'time'
          : maximum !== null && maximum > 200
            ? 'long'
            : 'plain',
    pattern: textOf(schema['pattern']),
  };
}

/** Fields that a snapshot has and its schema does not name can be entered too. */
function withUnknown(field: Field, value: Json | undefined, depth: number): Field {
  if (field.kind === 'object' && isObject(value)) {
    const known = field.properties.map((one) => ({
      ...one,
      field: withUnknown(one.field, value[one.key], depth + 1),
    }));
    const names = new Set(known.map(({ key }) => key));
    const unknown = Object.keys(value).filter((key) => !names.has(key));
    return {
      ...field,
      properties: [
        ...known,
        ...unknown.map((key) => ({
          key,
          isRequired: false,
          field: fieldOfValue(value[key], depth + 1),
        })),
      ],
    };
  }
  return field;
}

/** The field that a value suggests. */
function fieldOfValue(value: Json | undefined, depth: number): Field {
  if (depth > MAX_DEPTH) {
    return { kind: 'json', ...PLAIN };
  }
  if (isObject(value)) {
    return object(
      Object.entries(value).map(([key, inner]) => property(key, fieldOfValue(inner, depth + 1))),
    );
  }
  if (isList(value)) {
    const [first] = value;
    const item = first === undefined ? null : fieldOfValue(first, depth + 1);
    const isUniform = value.every((one) => kindOf(one) === kindOf(first));
    return item === null || !isUniform ? { kind: 'json', ...PLAIN } : list(item);
  }
  switch (typeof value) {
    case 'string': {
      const format = value.length > 120 || value.includes('\n') ? 'long' : 'plain';
      return { kind: 'text', format, pattern: null, ...PLAIN };
    }
    case 'number':
      return { kind: 'number', isInteger: false, minimum: null, maximum: null, ...PLAIN };
    case 'boolean':
      return { kind: 'boolean', ...PLAIN };
    default:
      return { kind: 'json', ...PLAIN, isNullable: true };
  }
}

function kindOf(value: Json | undefined): string {
  return value === null ? 'null' : isList(value) ? 'list' : typeof value;
}

function followRef(root: JsonObject, ref: string): Json | undefined {
  if (!ref.startsWith('#/')) {
    return undefined;
  }
  let here: Json | undefined = root;
  for (const part of ref.slice(2).split('/')) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    here = isObject(here) ? here[key] : undefined;
  }
  return here;
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

/** An empty value to begin with: of a new item of a list, for instance. */
export function emptyValue(field: Field): Json {
  if (field.isNullable) {
    return null;
  }
  switch (field.kind) {
    case 'text':
      return '';
    case 'number':
    case 'json':
      return null;
    case 'boolean':
      return false;
    case 'choice':
      return field.options[0] ?? null;
    case 'pages':
    case 'list':
      return [];
    case 'object':
      return Object.fromEntries(
        field.properties
          .filter(({ isRequired }) => isRequired)
          .map(({ key, field: inner }) => [key, emptyValue(inner)]),
      );
  }
}
