import { describe, expect, test } from 'vitest';
import { checkValue } from '../../web/src/review/check-value.js';
import { emptyValue, type Field, formModel } from '../../web/src/review/form-model.js';
import { dotted, withValueAt } from '../../web/src/review/json-values.js';
import { problemsBySnapshotPath } from '../../web/src/review/correcting.js';

function extract(json_schema: Parameters<typeof formModel>[0]['json_schema']): Field {
  return formModel({ type: 'extract', json_schema, categories: null }, {});
}

function fieldOf(field: Field, key: string): Field | undefined {
  return field.kind === 'object'
    ? field.properties.find((property) => property.key === key)?.field
    : undefined;
}

describe('formModel', () => {
  test.each([
    [{ type: 'string' }, { kind: 'text', format: 'plain', isNullable: false }],
    [{ type: ['string', 'null'] }, { kind: 'text', isNullable: true }],
    [
      { type: 'string', format: 'date' },
      { kind: 'text', format: 'date' },
    ],
    [
      { type: 'string', format: 'date-time' },
      { kind: 'text', format: 'time' },
    ],
    [
      { type: 'string', maxLength: 5_000 },
      { kind: 'text', format: 'long' },
    ],
    [
      { type: 'integer', minimum: 1 },
      { kind: 'number', isInteger: true, minimum: 1, maximum: null },
    ],
    [{ type: 'number' }, { kind: 'number', isInteger: false }],
    [
      { type: 'boolean', description: 'Paid?' },
      { kind: 'boolean', description: 'Paid?' },
    ],
    [
      { type: ['string', 'null'], enum: ['a', 'b', null] },
      { kind: 'choice', options: ['a', 'b'], isNullable: true },
    ],
    [{ const: 'x' }, { kind: 'choice', options: ['x'] }],
    [{ anyOf: [{ type: 'number' }, { type: 'null' }] }, { kind: 'number', isNullable: true }],
    [{ $ref: '#/$defs/amount' }, { kind: 'number' }],
    [
      { type: 'array', items: { type: 'string' } },
      { kind: 'list', item: { kind: 'text' } },
    ],
    [{ anyOf: [{ type: 'number' }, { type: 'string' }] }, { kind: 'json' }],
    [{ type: ['number', 'string'] }, { kind: 'json' }],
    [{ type: 'object' }, { kind: 'json' }],
    [{ allOf: [{ type: 'string' }] }, { kind: 'json' }],
    [true, { kind: 'json' }],
  ])('makes of %j a field %j', (schema, expected) => {
    const root = {
      type: 'object',
      properties: { it: schema },
      $defs: { amount: { type: 'number' } },
    };
    expect(fieldOf(extract(root), 'it')).toMatchObject(expected);
  });

  test('ends with a schema that refers to itself', () => {
    const root = { type: 'object', properties: { next: { $ref: '#' } } };
    expect(JSON.stringify(extract(root))).toContain('"kind":"json"');
  });

  test('shows required fields first, in their order: stored schemas have lost every other', () => {
    const field = extract({
      type: 'object',
      required: ['z', 'm'],
      properties: { a: {}, m: {}, z: {} },
    });
    expect(field.kind === 'object' ? field.properties.map(({ key }) => key) : []).toEqual([
      'z',
      'm',
      'a',
    ]);
  });

  test('offers what a snapshot has beyond its schema', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const field = formModel(
      { type: 'task', json_schema: schema, categories: null },
      { a: 'x', extra: 1 },
    );
    expect(fieldOf(field, 'extra')).toMatchObject({ kind: 'number' });
  });

  test('takes the shape of the snapshot where there is no schema', () => {
    const field = formModel(
      { type: 'task', json_schema: null, categories: null },
      { text: 'x', flag: true, rows: [{ n: 1 }], mixed: [1, 'a'], nothing: null },
    );
    expect(
      ['text', 'flag', 'rows', 'mixed', 'nothing'].map((key) => fieldOf(field, key)?.kind),
    ).toEqual(['text', 'boolean', 'list', 'json', 'json']);
  });

  test('knows classifiers and splits', () => {
    const classifier = formModel(
      { type: 'classifier', json_schema: null, categories: ['a', 'b'] },
      { category: 'a' },
    );
    expect(fieldOf(classifier, 'category')).toMatchObject({ kind: 'choice', options: ['a', 'b'] });
    const split = formModel(
      { type: 'split', json_schema: null, categories: null },
      { documents: [] },
    );
    expect(fieldOf(split, 'documents')).toMatchObject({
      kind: 'list',
      item: { properties: [{ key: 'name' }, { key: 'pages', field: { kind: 'pages' } }] },
    });
  });
});

describe('emptyValue', () => {
  test('begins a new item with what its schema requires', () => {
    const field = extract({
      type: 'object',
      required: ['name', 'count', 'note', 'parts'],
      properties: {
        name: { type: 'string' },
        count: { type: 'number' },
        note: { type: ['string', 'null'] },
        parts: { type: 'array', items: { type: 'string' } },
        more: { type: 'string' },
      },
    });
    expect(emptyValue(field)).toEqual({ name: '', count: null, note: null, parts: [] });
  });
});

describe('checkValue', () => {
  const schema = {
    type: 'object',
    required: ['due', 'country'],
    properties: {
      due: { type: ['string', 'null'], format: 'date' },
      country: { type: 'string', pattern: '^[A-Z]{2}$' },
      kind: { enum: ['a', 'b'] },
      lines: {
        type: 'array',
        items: { type: 'object', properties: { n: { type: 'integer', minimum: 1 } } },
      },
    },
  };

  test.each([
    [{ due: null, country: 'SE' }, []],
    [{ due: '2026-02-30', country: 'SE' }, ['due: Expected a date such as 2026-05-13.']],
    [{ due: null }, ['country: This field is missing.']],
    [{ due: null, country: null }, ['country: This has no value.']],
    [{ due: null, country: 'se' }, ['country: Expected a text of the form ^[A-Z]{2}$.']],
    [{ due: 3, country: 'SE' }, ['due: Expected text, not 3.']],
    [{ due: null, country: 'SE', kind: 'c' }, ['kind: Expected one of: "a", "b".']],
    [
      { due: null, country: 'SE', lines: [{ n: 1 }, { n: 0 }, { n: 1.5 }] },
      ['lines.1.n: Expected at least 1.', 'lines.2.n: Expected a whole number.'],
    ],
    [{ due: null, country: 'SE', lines: 'x' }, ['lines: Expected a list, not "x".']],
  ])('says of %j %j', (value, expected) => {
    expect(
      checkValue(extract(schema), value).map(({ path, message }) => `${dotted(path)}: ${message}`),
    ).toEqual(expected);
  });

  test('does not try a pattern that could take for ever', () => {
    const field = extract({
      type: 'object',
      properties: { a: { type: 'string', pattern: '^(a+)+$' } },
    });
    expect(checkValue(field, { a: `${'a'.repeat(60)}!` })).toEqual([]);
  });
});

test('problems of the server are found again by the field they are about', () => {
  const problems = [
    { path: 'body.snapshot.documents.0.pages', message: 'expected ascending pages' },
    { path: 'body.note', message: 'too long' },
  ];
  expect([...problemsBySnapshotPath(problems)]).toEqual([
    ['documents.0.pages', 'expected ascending pages'],
  ]);
});

test('a value is changed where it stands, and nothing else is', () => {
  const before = { a: [{ b: 1 }, { b: 2 }], c: 3 };
  expect(withValueAt(before, ['a', 1, 'b'], 9)).toEqual({ a: [{ b: 1 }, { b: 9 }], c: 3 });
  expect(before.a[1]).toEqual({ b: 2 });
});
