// oxlint-disable unicorn/no-thenable -- `then` is a keyword of JSON Schema
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/json.js';
import { checkSchema, satisfiesInner, validate } from '../../src/rules/json-schema.js';
import { MAX_PROBLEMS } from '../../src/rules/problem.js';
import { Work } from '../../src/rules/work.js';
import { containing } from './containing.js';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

describe('checkSchema', () => {
  test.each<[string, unknown]>([
    ['an empty schema', {}],
    [
      'the dialect and an id at the top',
      { $schema: DIALECT, $id: 'https://example.com/invoice', type: 'object' },
    ],
    [
      'annotations',
      {
        title: 'T',
        description: 'D',
        default: 1,
        examples: [2],
        example: 3,
        deprecated: true,
        readOnly: true,
        $comment: 'c',
      },
    ],
    [
      'extensions',
      {
        'x-prompt': 'read it',
        'X-SystemPrompt': { properties: 1 },
        properties: { a: { 'x-order': 1 } },
      },
    ],
    [
      'local references',
      {
        properties: { a: { $ref: '#/$defs/n' } },
        $defs: { n: { properties: { next: { $ref: '#/$defs/n' } } } },
      },
    ],
    ['a reference to itself', { properties: { child: { $ref: '#' } } }],
    ['a reference with escapes', { $ref: '#/$defs/a~1b%20c', $defs: { 'a/b c': {} } }],
    ['definitions', { $ref: '#/definitions/a', definitions: { a: { type: 'string' } } }],
    [
      'every applicator',
      {
        allOf: [{}],
        anyOf: [true],
        oneOf: [{}],
        not: false,
        if: {},
        then: {},
        else: {},
        prefixItems: [{}],
        items: {},
        contains: {},
        propertyNames: {},
        patternProperties: { '^a': {} },
        dependentSchemas: { a: {} },
        unevaluatedProperties: false,
      },
    ],
    ['a nullable type', { type: ['string', 'null'] }],
    ['a pattern and a format', { type: 'string', pattern: '^[A-Z]{2}', format: 'date-time' }],
    [
      'keywords as names of properties',
      { properties: { $ref: { type: 'string' }, const: {}, nullable: {} } },
    ],
    [
      'a schema-like constant',
      { const: { $ref: 'https://example.com', typ: 1 }, enum: [{ pattern: '(' }] },
    ],
    [
      'names that objects inherit',
      { properties: { constructor: { type: 'string' } }, required: ['toString'] },
    ],
  ])('accepts %s', (_, schema) => {
    expect(checkSchema(schema)).toEqual([]);
  });

  test.each<[string, unknown, readonly (string | number)[], string]>([
    ['a list', [], [], 'expected a JSON Schema object, got a list of 0 items'],
    ['a boolean', true, [], 'expected a JSON Schema object, got true'],
    [
      'an unknown keyword',
      { properties: { a: { requried: [] } } },
      ['properties', 'a', 'requried'],
      'unknown keyword',
    ],
    [
      'nullable',
      { type: 'string', nullable: true },
      ['nullable'],
      'write "type": ["string", "null"]',
    ],
    ['a dynamic reference', { $dynamicRef: '#a' }, ['$dynamicRef'], 'write "$ref": "#/$defs/..."'],
    [
      'another dialect',
      { $schema: 'http://json-schema.org/draft-07/schema#' },
      ['$schema'],
      `expected "${DIALECT}"`,
    ],
    [
      'an inner id',
      { $defs: { a: { $id: 'b' } } },
      ['$defs', 'a', '$id'],
      'at the top of the schema only',
    ],
    [
      'a remote reference',
      { $ref: 'https://example.com/a.json' },
      ['$ref'],
      'expected a reference to a schema in here',
    ],
    [
      'a file',
      { $ref: 'file:///etc/passwd' },
      ['$ref'],
      'expected a reference to a schema in here',
    ],
    [
      'a dangling reference',
      { items: { $ref: '#/$defs/a' } },
      ['items', '$ref'],
      'expected a reference to a schema in here',
    ],
    [
      'a reference to what is no schema',
      { $ref: '#/examples/0', examples: [{ type: 'string' }] },
      ['$ref'],
      'expected a reference',
    ],
    [
      'a reference to what objects inherit',
      { $ref: '#/constructor' },
      ['$ref'],
      'expected a reference',
    ],
    ['a bad pattern', { anyOf: [{ pattern: '(?=a)' }] }, ['anyOf', 0, 'pattern'], 'no look-around'],
    [
      'a bad property pattern',
      { patternProperties: { '(': {} } },
      ['patternProperties', '('],
      'missing closing )',
    ],
    ['an unknown format', { format: 'iban' }, ['format'], 'got "iban"'],
    [
      'an unknown type',
      { properties: { a: { type: 'strin' } } },
      ['properties', 'a', 'type'],
      'got "strin"',
    ],
    ['a list of items', { items: [{}] }, ['items'], 'got a list of 1 item'],
    [
      '$data',
      { properties: { a: { minimum: { $data: '1/b' } } } },
      ['properties', 'a', 'minimum'],
      'must be number, got an object',
    ],
    [
      'a condition that decides nothing',
      { if: {} },
      [],
      '"if" without "then" and "else" is ignored',
    ],
    [
      'the property __proto__',
      JSON.parse('{"properties":{"__proto__":{"type":"string"}}}'),
      ['properties', '__proto__'],
      'not accepted',
    ],
    ['64 KiB', { description: 'a'.repeat(64 * 1024) }, [], 'at most 65536 are accepted'],
    [
      '2,000 schemas',
      {
        properties: Object.fromEntries(
          Array.from({ length: 2001 }, (_, index) => [`k${index}`, {}]),
        ),
      },
      [],
      'more than the 2000 schemas accepted',
    ],
    ['an integer beyond the range', { minimum: 2 ** 60 }, ['minimum'], 'beyond ±(2^53−1)'],
  ])('refuses %s', (_, schema, path, message) => {
    expect(checkSchema(schema)).toEqual([{ path, message: containing(message) }]);
  });

  test('refuses deep schemas without overflowing the stack', () => {
    const deep: unknown = JSON.parse('{"not":'.repeat(50_000) + '{}' + '}'.repeat(50_000));
    expect(checkSchema(deep)).toMatchObject([{ message: containing('nests deeper') }]);
  });

  test('reports at most twenty problems', () => {
    const allOf = Array.from({ length: 100 }, () => ({ typ: 1 }));
    expect(checkSchema({ allOf })).toHaveLength(MAX_PROBLEMS);
  });
});

describe('validate', () => {
  const invoice: JsonObject = {
    type: 'object',
    required: ['total', 'constructor'],
    properties: {
      total: { type: 'number', minimum: 0 },
      lines: { type: 'array', items: { $ref: '#/$defs/line' }, uniqueItems: true },
      country: { enum: ['DE', 'FR'] },
      code: { pattern: '^[A-Z]+$' },
      day: { type: 'string', format: 'date' },
    },
    additionalProperties: false,
    patternProperties: { '^constructor$': {} },
    $defs: { line: { type: 'object', required: ['sku'] } },
  };

  test.each<[string, JsonObject, readonly (string | number)[] | null, string]>([
    ['a good value', { total: 1, constructor: 1 }, null, ''],
    ['an inherited name', { total: 1 }, ['constructor'], 'is required'],
    ['a wrong type', { total: '1', constructor: 1 }, ['total'], 'must be number, got "1"'],
    ['a wrong number', { total: -1, constructor: 1 }, ['total'], 'must be >= 0, got -1'],
    [
      'a wrong item',
      { total: 1, constructor: 1, lines: [{ sku: 1 }, {}] },
      ['lines', 1, 'sku'],
      'is required',
    ],
    ['an unknown key', { total: 1, constructor: 1, more: 1 }, ['more'], 'is not accepted here'],
    [
      'an unlisted word',
      { total: 1, constructor: 1, country: 'IT' },
      ['country'],
      'expected "DE" or "FR", got "IT"',
    ],
    ['a pattern', { total: 1, constructor: 1, code: 'a' }, ['code'], 'must match pattern'],
    [
      'a format',
      { total: 1, constructor: 1, day: '2026-02-30' },
      ['day'],
      'must match format "date"',
    ],
    ['items that differ', { total: 1, constructor: 1, lines: [{ sku: 1 }, { sku: 2 }] }, null, ''],
    [
      'items that repeat',
      {
        total: 1,
        constructor: 1,
        lines: [
          { sku: 1, a: 2 },
          { a: 2, sku: 1 },
        ],
      },
      ['lines'],
      'expected items that all differ',
    ],
  ])('judges %s', (_, value, path, message) => {
    expect(validate(invoice, value)).toEqual(
      path === null ? [] : [{ path, message: containing(message) }],
    );
  });

  test.each<[JsonObject, JsonObject, readonly (string | number)[], string]>([
    [{ properties: { a: { const: 'x' } } }, { a: 'y' }, ['a'], 'expected "x", got "y"'],
    [{ dependentRequired: { a: ['b'] } }, { a: 1 }, ['b'], 'is required'],
    [{ unevaluatedProperties: false }, { 'a/b': 1 }, ['a/b'], 'is not accepted here'],
    [{ properties: { 'a/~b': { type: 'null' } } }, { 'a/~b': 1 }, ['a/~b'], 'must be null, got 1'],
    [{ formatMinimum: '2026-01-01', format: 'date' }, {}, [], ''],
    [
      { properties: { a: { format: 'date', formatMinimum: '2026-01-01' } } },
      { a: '2025-12-31' },
      ['a'],
      'should be >= 2026-01-01, got "2025-12-31"',
    ],
  ])('of %j says what is wrong with %j', (schema, value, path, message) => {
    expect(checkSchema(schema)).toEqual([]);
    expect(validate(schema, value)).toEqual(
      message === '' ? [] : [{ path, message: containing(message) }],
    );
  });

  test('does not confuse schemas that carry the same id', () => {
    expect(validate({ $id: 'https://example.com/a', type: 'string' }, 1)).toHaveLength(1);
    expect(validate({ $id: 'https://example.com/a', type: 'number' }, 1)).toEqual([]);
  });

  test('takes a schema it was not asked to check as one that nothing satisfies', () => {
    expect(validate({ typ: 'string' }, 'a')).toEqual([
      { path: [], message: containing('the schema cannot be used') },
    ]);
    expect(validate({ pattern: '(?=a)' }, 'a')).toHaveLength(1);
    expect(validate({ $ref: 'https://example.com/x' }, 'a')).toHaveLength(1);
  });

  test('ends when a schema refers to itself without end', () => {
    expect(validate({ $ref: '#' }, {})).toEqual([
      { path: [], message: containing('could not be checked') },
    ]);
    expect(validate({ anyOf: [{ $ref: '#' }, { $ref: '#' }] }, {})).toHaveLength(1);
  });

  test('ends when alternatives double with every level', () => {
    const branch = (): JsonObject => ({
      properties: { x: { $ref: '#' }, last: { type: 'number' } },
    });
    const schema: JsonObject = { anyOf: [branch(), branch()] };
    let value: JsonObject = { last: 'no number' };
    for (let level = 0; level < 90; level += 1) {
      value = { x: value, last: 'no number' };
    }
    expect(validate(schema, value, new Work(1_000_000))).toEqual([
      { path: [], message: containing('more work than one evaluation may') },
    ]);
  });

  test('ends when references double with every level', () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, level) => [
        `d${level}`,
        { allOf: [{ $ref: `#/$defs/d${level + 1}` }, { $ref: `#/$defs/d${level + 1}` }] },
      ]),
    );
    const schema = { $ref: '#/$defs/d0', $defs: { ...$defs, d40: { type: 'object' } } };
    expect(checkSchema(schema)).toEqual([]);
    expect(validate(schema, {}, new Work(1_000_000))).toHaveLength(1);
  });

  test('ends when patterns and formats meet hostile texts', () => {
    const text = `http://${'a:'.repeat(100_000)}`;
    expect(validate({ pattern: String.raw`^(\w+\s?)*$` }, `${'a'.repeat(100_000)}!`)).toHaveLength(
      1,
    );
    expect(validate({ type: 'string', format: 'url' }, text)).toHaveLength(1);
    expect(validate({ type: 'string', format: 'email' }, `a@${'a-'.repeat(50_000)}!`)).toHaveLength(
      1,
    );
  });

  test('compares many items without comparing each with every other', () => {
    const items = Array.from({ length: 50_000 }, (_, index) => ({ index }));
    expect(validate({ uniqueItems: true }, items)).toEqual([]);
    expect(validate({ uniqueItems: true }, [...items, { index: 0 }])).toHaveLength(1);
    expect(validate({ uniqueItems: false }, [1, 1])).toEqual([]);
  });

  test('keeps validating after a validation that took too much', () => {
    expect(validate({ type: 'string' }, 'a', new Work(1))).toHaveLength(1);
    expect(validate({ type: 'string' }, 'a')).toEqual([]);
  });
});

describe('satisfiesInner', () => {
  test('evaluates a schema inside another, with its references', () => {
    const root: JsonObject = {
      properties: { 'a/b': { if: { $ref: '#/$defs/yes' }, then: {} } },
      $defs: { yes: { const: 'yes' } },
    };
    const path = ['properties', 'a/b', 'if'];
    expect(satisfiesInner(root, path, 'yes', new Work())).toBe(true);
    expect(satisfiesInner(root, path, 'no', new Work())).toBe(false);
    expect(satisfiesInner(root, ['nowhere'], 'yes', new Work())).toBe(false);
  });
});
