import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { isJsonObject, type JsonObject } from '../../src/domain/json.js';
import {
  canonicalForm,
  canonicalJson,
  checkIJson,
  isIJson,
  parseCanonical,
} from '../../src/rules/canonical.js';
import { MAX_PROBLEMS } from '../../src/rules/problem.js';
import { containing } from './containing.js';

function parse(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) {
    throw new Error(`${text} is no object`);
  }
  return value;
}

describe('canonicalJson', () => {
  test('writes the sample of RFC 8785, section 3.2.2', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    // 1E30 is an integer that I-JSON cannot hold, so this one sample goes around the check.
    expect(canonicalJson(parse(text))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  test('sorts keys by their UTF-16 units, as the sample of section 3.2.3 does', () => {
    const value = parse(
      String.raw`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew","1":"One","\ud83d\ude00":"Face","\u0080":"Control","\u00f6":"Diaeresis"}`,
    );
    expect(canonicalJson(value).match(/(?<=:")[A-Z]\w+/g)).toEqual([
      'Carriage',
      'One',
      'Control',
      'Diaeresis',
      'Euro',
      'Face',
      'Hebrew',
    ]);
  });

  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the double %s of RFC 8785, appendix B, as %s', (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text);
  });

  test('keeps the names that objects inherit', () => {
    const text = '{"__proto__":{"a":1},"constructor":null,"toJSON":"x"}';
    expect(canonicalJson(parse(text))).toBe(text);
  });

  property.prop([fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))])(
    'gives the same text whatever the order of the keys',
    (object) => {
      const reversed = Object.fromEntries(Object.entries(object).toReversed());
      if (isIJson(object) && isIJson(reversed)) {
        expect(canonicalJson(reversed)).toBe(canonicalJson(object));
      }
    },
  );

  property.prop([fc.dictionary(fc.string(), fc.jsonValue())])(
    'gives a text that says the same value',
    (value) => {
      if (isIJson(value)) {
        const text = canonicalJson(value);
        expect(canonicalJson(parse(text))).toBe(text);
      }
    },
  );
});

describe('canonicalForm', () => {
  test('measures and hashes the UTF-8 of the text', () => {
    expect(canonicalForm({ b: '€', a: null })).toEqual({
      text: '{"a":null,"b":"€"}',
      byteLength: 20,
      sha256: 'af53b2cad0092a0d79b4363936eb0d65dce0aecf4508a6345e4c4728ee6de2fa',
    });
  });
});

describe('parseCanonical', () => {
  test('accepts exactly as many bytes as it was allowed', () => {
    expect(parseCanonical('aaaa', 6)).toMatchObject({ byteLength: 6 });
    expect(parseCanonical('aaaaa', 6)).toEqual({
      problems: [{ path: [], message: 'takes 7 bytes as canonical JSON; at most 6 are accepted' }],
    });
  });

  test('accepts 8 MiB by default', () => {
    const most = 8 * 1024 * 1024;
    expect(parseCanonical('a'.repeat(most - 2))).toMatchObject({ byteLength: most });
    expect(parseCanonical('a'.repeat(most - 1))).toHaveProperty('problems');
  });

  test('reports what is no I-JSON', () => {
    expect(parseCanonical({ a: Number.NaN })).toMatchObject({ problems: [{ path: ['a'] }] });
  });
});

describe('checkIJson', () => {
  test.each<[string, unknown]>([
    ['the largest integer', 2 ** 53 - 1],
    ['the smallest integer', -(2 ** 53 - 1)],
    ['a fraction of any size', 1.5e-300],
    ['minus zero', -0],
    ['a pair of surrogates', '\u{1F600}'],
    ['a NUL character', 'a\0b'],
    ['a hundred levels', JSON.parse('['.repeat(100) + ']'.repeat(100))],
    ['an object without a prototype', Object.create(null)],
    ['names that objects inherit', JSON.parse('{"__proto__":{"constructor":1}}')],
  ])('accepts %s', (_, value) => {
    expect(checkIJson(value)).toEqual([]);
  });

  test.each<[string, unknown, readonly (string | number)[], string]>([
    ['an integer above the range', { a: [1, 2 ** 53] }, ['a', 1], 'beyond ±(2^53−1)'],
    ['an integer below the range', -(2 ** 53), [], 'beyond ±(2^53−1)'],
    ['an integer written with an exponent', JSON.parse('1e300'), [], 'beyond ±(2^53−1)'],
    ['an overflow', JSON.parse('[1e400]'), [0], 'finite numbers only'],
    ['NaN', Number.NaN, [], 'finite numbers only'],
    ['a lone high surrogate', { a: 'x\ud83d' }, ['a'], 'lone surrogate'],
    ['a lone low surrogate', ['\ude00x'], [0], 'lone surrogate'],
    ['a lone surrogate in a key', { '\ud83d': 1 }, ['\ud83d'], 'is a key with a lone surrogate'],
    [
      'a hundred and one levels',
      JSON.parse('['.repeat(101) + ']'.repeat(101)),
      Array(100).fill(0),
      'nests deeper than the 100 levels',
    ],
    ['undefined', { a: undefined }, ['a'], 'only what JSON can say'],
    ['a bigint', 1n, [], 'only what JSON can say'],
    ['a function', () => 1, [], 'only what JSON can say'],
    ['a date', { a: new Date(0) }, ['a'], 'instance of a class'],
    ['a map', new Map(), [], 'instance of a class'],
  ])('refuses %s', (_, value, path, message) => {
    expect(checkIJson(value)).toEqual([{ path, message: containing(message) }]);
  });

  test('reports every place, with its path, and stops after twenty', () => {
    expect(checkIJson({ a: [Number.NaN], b: { c: 1n } }).map(({ path }) => path)).toEqual([
      ['a', 0],
      ['b', 'c'],
    ]);
    expect(checkIJson(Array.from({ length: 1000 }, () => Number.NaN))).toHaveLength(MAX_PROBLEMS);
  });

  test('survives a hundred thousand brackets', () => {
    const bomb: unknown = JSON.parse('[{"a":'.repeat(50_000) + '1' + '}]'.repeat(50_000));
    expect(checkIJson(bomb)).toHaveLength(1);
    expect(parseCanonical(bomb)).toHaveProperty('problems');
  });
});
