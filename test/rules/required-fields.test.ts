// oxlint-disable unicorn/no-thenable -- `then` is a keyword of JSON Schema
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.js';
import { firstUnanswered } from '../../src/rules/required-fields.js';
import { TooMuchWork, Work } from '../../src/rules/work.js';

const total: JsonObject = { type: 'object', required: ['total'] };

const address: JsonObject = { required: ['street'], properties: { street: { type: 'string' } } };
const nested: JsonObject = {
  required: ['vendor'],
  properties: {
    vendor: { required: ['name'], properties: { address } },
    lines: { items: { required: ['sku'] } },
    pair: { prefixItems: [{ required: ['a'] }], items: { required: ['b'] } },
    extra: { additionalProperties: { required: ['c'] } },
    coded: { patternProperties: { '^x': { required: ['d'] } } },
  },
};
const referring: JsonObject = {
  allOf: [{ $ref: '#/$defs/base' }],
  properties: { parent: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
  $defs: { base: { required: ['id'] } },
};
const union: JsonObject = {
  oneOf: [
    { properties: { kind: { const: 'card' } }, required: ['kind', 'number'] },
    { properties: { kind: { enum: ['cash'] } }, required: ['kind', 'drawer'] },
  ],
};
const either: JsonObject = {
  anyOf: [
    { type: 'object', required: ['a'] },
    { type: 'object', required: ['b'] },
  ],
};
const conditional: JsonObject = {
  properties: { country: { type: 'string' } },
  if: { properties: { country: { const: 'US' } }, required: ['country'] },
  then: { required: ['state'] },
  else: { required: ['vat'] },
};
const dependent: JsonObject = {
  dependentRequired: { iban: ['bic'] },
  dependentSchemas: { card: { required: ['expiry'] } },
};

describe('firstUnanswered', () => {
  test.each<[string, JsonObject, Json, readonly (string | number)[] | null]>([
    ['null', total, { total: null }, ['total']],
    ['missing', total, {}, ['total']],
    ['an empty string', total, { total: '' }, ['total']],
    ['a blank string', total, { total: ' \t\n' }, ['total']],
    ['zero', total, { total: 0 }, null],
    ['false', total, { total: false }, null],
    ['an empty list', total, { total: [] }, null],
    ['an empty object', total, { total: {} }, null],
    ['a value', total, { total: 'x' }, null],
    ['an optional null', total, { total: 1, note: null }, null],
    ['an inherited name', { required: ['toString'] }, {}, ['toString']],
    ['no required fields', {}, { a: null }, null],
    ['no object', total, 'text', null],
    ['inside an object', nested, { vendor: { name: ' ' } }, ['vendor', 'name']],
    [
      'deeper inside',
      nested,
      { vendor: { name: 'a', address: {} } },
      ['vendor', 'address', 'street'],
    ],
    ['an optional object left out', nested, { vendor: { name: 'a' } }, null],
    ['an optional object that is null', nested, { vendor: { name: 'a', address: null } }, null],
    [
      'inside a list',
      nested,
      { vendor: { name: 'a' }, lines: [{ sku: 1 }, { sku: null }] },
      ['lines', 1, 'sku'],
    ],
    ['inside a full list', nested, { vendor: { name: 'a' }, lines: [{ sku: 1 }] }, null],
    ['a placed item', nested, { vendor: { name: 'a' }, pair: [{}] }, ['pair', 0, 'a']],
    [
      'a further item',
      nested,
      { vendor: { name: 'a' }, pair: [{ a: 1 }, { a: 1 }] },
      ['pair', 1, 'b'],
    ],
    [
      'an additional property',
      nested,
      { vendor: { name: 'a' }, extra: { z: {} } },
      ['extra', 'z', 'c'],
    ],
    [
      'a property by pattern',
      nested,
      { vendor: { name: 'a' }, coded: { x1: {} } },
      ['coded', 'x1', 'd'],
    ],
    ['a property of no pattern', nested, { vendor: { name: 'a' }, coded: { y: {} } }, null],
    ['through references', referring, {}, ['id']],
    ['through alternatives', referring, { id: 1, parent: { id: null } }, ['parent', 'id']],
    ['through alternatives, null', referring, { id: 1, parent: null }, null],
    ['a branch by its constant', union, { kind: 'card', number: null }, ['number']],
    ['a branch that is answered', union, { kind: 'cash', drawer: 1 }, null],
    ['the other branch only', union, { kind: 'cash', number: 1 }, ['drawer']],
    ['branches told apart by a null', union, { kind: null, number: 1, drawer: 1 }, ['kind']],
    ['one of two branches answered', either, { b: 1 }, null],
    ['neither of two branches answered', either, { c: 1 }, ['a']],
    ['a branch of another type', either, [{ c: 1 }], null],
    ['a branch that nobody can tell', union, { number: 1, drawer: 1 }, ['kind']],
    ['a condition that holds', conditional, { country: 'US', vat: 1 }, ['state']],
    ['a condition that does not', conditional, { country: 'DE', state: 1 }, ['vat']],
    ['a condition answered', conditional, { country: 'DE', vat: 'DE1' }, null],
    ['a dependent field', dependent, { iban: 'x' }, ['bic']],
    ['a dependent schema', dependent, { card: 'x' }, ['expiry']],
    ['nothing to depend on', dependent, {}, null],
  ])('judges %s', (_, schema, value, path) => {
    expect(firstUnanswered(schema, value, new Work())).toEqual(path);
  });

  test('ends on schemas that refer to each other', () => {
    const schema: JsonObject = {
      $ref: '#/$defs/a',
      $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [{ $ref: '#/$defs/a' }], required: ['x'] } },
    };
    expect(firstUnanswered(schema, {}, new Work())).toEqual(['x']);
  });

  test('gives up on alternatives that double with every level', () => {
    const branch: JsonObject = { properties: { x: { $ref: '#' } } };
    let value: JsonObject = { y: 1 };
    for (let level = 0; level < 60; level += 1) {
      value = { x: value };
    }
    const schema: JsonObject = { anyOf: [{ ...branch }, { ...branch }], required: [] };
    expect(() => firstUnanswered(schema, value, new Work(1_000_000))).toThrow(TooMuchWork);
  });
});
