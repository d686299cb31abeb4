// oxlint-disable unicorn/no-thenable -- `then` is a keyword of JSON Schema
import { describe, expect, test } from 'vitest';
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.js';
import { checkExpression, evaluateExpression, expressionReads } from '../../src/rules/cel.js';
import { Work } from '../../src/rules/work.js';
import { containing } from './containing.js';

function evaluate(
  source: string,
  output: Json = {},
  schema: JsonObject | null = null,
  work = new Work(),
): { readonly opens: boolean; readonly because: string } {
  return evaluateExpression(source, { output, likelihoods: null }, schema, work);
}

const invoice: JsonObject = {
  total: 12_000.5,
  count: 3,
  vendor: 'Acme Corp',
  note: null,
  day: '2026-05-13T08:14:02Z',
  tags: ['a', 'b'],
  lines: [
    { sku: 'x', price: 10 },
    { sku: 'y', price: 20 },
  ],
  'a-b': true,
};

describe('evaluateExpression, by the specification', () => {
  test.each<[string, boolean]>([
    ['output.total > 10000', true],
    ['output.total > 20000', false],
    ['output.count == 3', true],
    ['output.count == 3.0 && 3 == 3.0', true],
    ['output.vendor == "Acme Corp"', true],
    ["output.vendor == 'acme corp'", false],
    ['output["a-b"]', true],
    ['output.note == null', true],
    ['output.vendor == null', false],
    ['"1" == 1', false],
    ['output.tags == ["a", "b"]', true],
    ['output.lines[0] == {"sku": "x", "price": 10.0}', true],
    ['output.tags[1] == "b"', true],
    ['output.tags.size() == 2 && size(output.vendor) == 9', true],
    ['"é".size() == 1', true],
    ['"b" in output.tags', true],
    ['"z" in output.tags', false],
    ['"vendor" in output', true],
    ['"note" in output', true],
    ['"missing" in output', false],
    ['has(output.vendor)', true],
    ['has(output.note)', true],
    ['has(output.missing)', false],
    ['has(output.constructor) || has(output.toString) || has(output.__proto__)', false],
    ['has(output.missing) && output.missing > 5', false],
    ['has({"a": 1}.a)', true],
    [
      'output.vendor.startsWith("Acme") && output.vendor.endsWith("Corp") && output.vendor.contains("e C")',
      true,
    ],
    ['output.vendor.matches("^[A-Z]\\\\w+ C")', true],
    ['output.vendor.matches("^corp")', false],
    ['matches(output.vendor, "Corp$")', true],
    ['output.lines.all(line, line.price > 5)', true],
    ['output.lines.all(line, line.price > 15)', false],
    ['output.lines.exists(line, line.sku == "y")', true],
    ['output.lines.exists_one(line, line.price > 5)', false],
    ['output.lines.filter(line, line.price > 15).size() == 1', true],
    ['output.lines.map(line, line.price * 2.0) == [20.0, 40.0]', true],
    ['output.lines.map(line, line.price > 15, line.sku) == ["y"]', true],
    ['output.lines.map(line, line.sku).exists(sku, sku == "y")', true],
    ['{"a": 1, "b": 2}.exists(key, key == "b")', true],
    ['[[1, 2], [3]].all(row, row.all(cell, cell > 0))', true],
    ['output.lines.exists(output, output.sku == "y")', true],
    ['[].all(x, false)', true],
    ['[].exists(x, true)', false],
    ['[1, 2] + [3] == [1, 2, 3] && ([1] + [])[0] == 1', true],
    ['"a" + "b" == "ab" && b"a" + b"b" == b"ab"', true],
    ['7 / 2 == 3 && 7 % 2 == 1 && -7 / 2 == -3', true],
    ['7.0 / 2.0 == 3.5', true],
    ['1.0 / 0.0 > 1e308', true],
    ['output.total > 0 ? true : output.missing', true],
    ['!(1 > 2) && (true || false)', true],
    ['true || output.missing', true],
    ['false && output.missing', false],
    ['output.missing || true', true],
    [
      'type(output.total) == double && type(1) == int && type("") == string && type([]) == list',
      true,
    ],
    [
      'type(output) == map && type(null) == null_type && type(true) == bool && type(type(1)) == type',
      true,
    ],
    ['int("42") == 42 && int("+42") == 42', true],
    ['int("-7") == -7 && int(3.9) == 3', true],
    ['double("12.50") == 12.5 && double("-1e3") == -1000.0 && double(2) == 2.0', true],
    ['string(12) == "12" && string(1.5) == "1.5" && string(true) == "true"', true],
    ['bool("true") && !bool("false")', true],
    ['uint(3) == 3u', true],
    ['dyn(1) == 1.0', true],
    ['timestamp(output.day) > timestamp("2026-05-13T08:14:01Z")', true],
    ['timestamp(output.day) - timestamp("2026-05-12T08:14:02Z") == duration("24h")', true],
    ['timestamp(output.day) + duration("1h") < timestamp("2026-05-13T09:14:02Z")', false],
    ['timestamp(1700000000) == timestamp("2023-11-14T22:13:20Z")', true],
    ['int(timestamp("2023-11-14T22:13:20Z")) == 1700000000', true],
    ['timestamp(output.day).getFullYear() == 2026 && timestamp(output.day).getMonth() == 4', true],
    ['timestamp(output.day).getDate() == 13 && timestamp(output.day).getDayOfMonth() == 12', true],
    [
      'timestamp(output.day).getDayOfWeek() == 3 && timestamp(output.day).getDayOfYear() == 132',
      true,
    ],
    ['timestamp(output.day).getHours() == 8 && timestamp(output.day).getMinutes() == 14', true],
    [
      'timestamp(output.day).getSeconds() == 2 && timestamp(output.day).getMilliseconds() == 0',
      true,
    ],
    ['timestamp("2026-03-29T02:30:00Z").getHours() == 2', true],
    ['timestamp("2026-03-29T02:30:00Z").getHours("Europe/Berlin") == 4', true],
    ['timestamp("2026-12-31T23:30:00Z").getFullYear("+01:00") == 2027', true],
    ['timestamp("2026-01-01T00:30:00Z").getDate("-01:00") == 31', true],
    ['duration("90m").getHours() == 1 && duration("90s").getMinutes() == 1', true],
    ['"2026-05-13" < "2026-06-01"', true],
  ])('%s is %j', (source, expected) => {
    expect(checkExpression(source, 'output')).toBeNull();
    expect(evaluate(source, invoice)).toEqual({
      opens: expected,
      because: `${source} is ${expected}`,
    });
  });

  test('does not depend on the time zone of the machine', () => {
    const before = process.env['TZ'];
    try {
      process.env['TZ'] = 'Europe/Berlin';
      expect(evaluate('timestamp("2026-03-29T02:30:00Z").getHours() == 2').opens).toBe(true);
    } finally {
      if (before === undefined) {
        delete process.env['TZ'];
      } else {
        process.env['TZ'] = before;
      }
    }
  });
});

describe('evaluateExpression, telling why', () => {
  const long = 'a'.repeat(60);
  const [yes, no] = [`output.count > 2.0 && "${long}" != ""`, `output.vendor == "${long}"`];

  test.each<[string, string, string]>([
    ['the alternative that is true', `${no} || ${no} || (${yes}) || ${no}`, `(${yes}) is true`],
    [
      'all that are, also those that stand in brackets or beside strings with operators in them',
      `${no} || output.count > 2.0 || ${no} || output.vendor != "|| && (${long}"`,
      `output.count > 2.0 is true; output.vendor != "|| && (${long}" is true`,
    ],
    [
      'raw strings and comments as they are',
      `${no} || output.vendor != r"\\${long}\\" // ( || ${long}\n || ${no}`,
      `output.vendor != r"\\${long}\\" // ( || ${long} is true`,
    ],
    [
      'every part of a chain of conditions',
      `output.count > 2.0 && output.count > 1.0 && "${long}${long}${long}" != ""`,
      `output.count > 2.0 is true; output.count > 1.0 is true; "${long}${long}${long}" != "" is true`,
    ],
    [
      'what is neither as it stands, cut',
      `"${long}${long}${long}${long}" != ""`,
      `"${long}${long}${long}${'a'.repeat(16)}... is true`,
    ],
    [
      'a choice as a whole, whatever its branches are',
      `output.count > 2.0 ? true : ${no} || ${no} || ${no}`,
      `${`output.count > 2.0 ? true : ${no} || ${no} || ${no}`.slice(0, 197)}... is true`,
    ],
  ])('names %s', (_what, source, because) => {
    expect(source.length).toBeGreaterThan(200);
    expect(checkExpression(source, 'output')).toBeNull();
    expect(evaluate(source, { count: 3, vendor: 'Acme' })).toEqual({ opens: true, because });
  });

  test('shows as many parts as can be read, and says how many more there are', () => {
    const source = Array.from({ length: 60 }, (_, n) => `output.count > ${n}.5 - 70.0`).join(
      ' || ',
    );
    const { because } = evaluate(source, { count: 3 });
    expect(because).toMatch(/^output\.count > 0\.5 - 70\.0 is true; .*; and \d+ more$/);
    expect(because.length).toBeLessThan(800);
  });

  test('costs no more than once again, whatever its parts are', () => {
    const part = 'output.l.exists(a, output.l.exists(b, output.l.exists(c, a + b + c < 0.0)))';
    const source = `true || ${Array.from({ length: 20 }, () => part).join(' || ')}`;
    const l = Array.from({ length: 400 }, (_, n) => n);
    expect(evaluate(source, { l })).toEqual({ opens: true, because: 'true is true' });
  });
});

describe('evaluateExpression, failing closed', () => {
  test.each<[string, string]>([
    ['output.missing > 5', 'field not found: missing'],
    ['output.note > 5', "no matching overload for '_>_' applied to '(null_type, int)'"],
    ['output.vendor > 5', "no matching overload for '_>_' applied to '(string, int)'"],
    ['output.tags[7] == "a"', 'out of bounds'],
    ['output.count + 1 > 100', "no matching overload for '_+_' applied to '(double, int)'"],
    ['has(output.missing.deeper)', 'field not found: missing'],
    [
      'has(output.vendor.deeper)',
      'has() was asked for the field deeper of something that has no fields',
    ],
    ['output.missing || false', 'field not found: missing'],
    ['output.missing && true', 'field not found: missing'],
    ['output.tags.all(tag, tag > 1)', 'no matching overload'],
    ['!output.vendor', 'no matching overload'],
    ['output.vendor ? false : false', 'no matching overload'],
    ['1 / 0 > 1', 'divide by zero'],
    ['9223372036854775807 + 1 > 0', 'int overflow'],
    ['double("12,000") > 5.0', 'spells no double'],
    ['double("") > 5.0', 'spells no double'],
    ['int("") == 1', 'spells no int'],
    ['int("0x10") == 1', 'spells no int'],
    ['int("99999999999999999999") == 1', 'spells no int'],
    ['int("9999999999999999999") == 1', 'beyond 64 bits'],
    ['bool("yes")', "Unable to convert string 'yes' to bool"],
    ['timestamp("2026-05-13") > timestamp("2026-01-01T00:00:00Z")', 'Failed to parse timestamp'],
    ['timestamp(output.day).getHours("Mars/Base") == 1', 'Invalid time zone'],
    ['likelihoods.total < 0.5', 'no consensus ran, so there are no likelihoods'],
    ['has(likelihoods.total) && likelihoods.total < 0.5', 'no consensus ran'],
  ])('%s opens, because it failed', (source, reason) => {
    expect(checkExpression(source, 'output')).toBeNull();
    const { opens, because } = evaluate(source, invoice);
    expect(opens).toBe(true);
    expect(because).toContain(reason);
    expect(because).toMatch(/^the expression failed: /);
  });

  test.each([
    ['output.total', 'output.total is a double, neither true nor false'],
    ['output.vendor', 'output.vendor is a string, neither true nor false'],
    ['output.note', 'output.note is a null_type, neither true nor false'],
    ['output.lines', 'output.lines is a list, neither true nor false'],
    ['output', 'output is a map, neither true nor false'],
  ])('%s opens, because it is no boolean', (source, because) => {
    expect(evaluate(source, invoice)).toEqual({ opens: true, because });
  });

  test.each([
    'constructor',
    'toString == 1',
    '__proto__',
    '__proto__ != {}',
    'hasOwnProperty',
    'process',
    'nope(1)',
    '(',
    '',
  ])('%s, which no declaration would pass, opens too', (source) => {
    expect(evaluate(source, invoice).opens).toBe(true);
  });

  test('says that likelihoods are absent only where that is the cause', () => {
    expect(evaluate('output.missing > 1').because).not.toContain('consensus');
    expect(evaluate('output.a > 100 && likelihoods.a < 0.9', { a: 1 }).opens).toBe(false);
  });

  test('sees likelihoods when a consensus ran', () => {
    const bindings = { output: invoice, likelihoods: { total: 0.7 } };
    expect(evaluateExpression('likelihoods.total < 0.8', bindings, null).opens).toBe(true);
    expect(evaluateExpression('likelihoods.total < 0.7', bindings, null).opens).toBe(false);
  });

  test('sees the input where the gate stands before the block, and nothing else', () => {
    const bindings = { input: { amount: 7 } };
    expect(evaluateExpression('input.amount > 5', bindings, null).opens).toBe(true);
    expect(evaluateExpression('input.amount > 9', bindings, null).opens).toBe(false);
    expect(evaluateExpression('output.amount > 9', bindings, null).because).toContain('failed');
  });
});

describe('integers', () => {
  const schema: JsonObject = {
    properties: {
      a: { type: 'integer' },
      maybe: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
      listed: { type: ['integer', 'null'] },
      either: { oneOf: [{ type: 'integer' }, { type: 'number' }] },
      far: { $ref: '#/$defs/count' },
      list: { items: { type: 'integer' } },
      pair: { prefixItems: [{ type: 'integer' }], items: { type: 'number' } },
      decided: { if: { const: 1 }, then: { type: 'integer' }, else: { type: 'integer' } },
      depending: { dependentSchemas: { k: { properties: { n: { type: 'integer' } } } } },
      rest: { unevaluatedItems: { type: 'integer' } },
      no: { not: { type: 'integer' } },
      b: { type: 'number' },
    },
    patternProperties: { '^n_': { type: 'integer' } },
    additionalProperties: { type: 'integer' },
    $defs: { count: { allOf: [{ type: 'integer' }] } },
  };
  const value: JsonObject = {
    a: 10,
    maybe: 10,
    listed: 10,
    either: 10,
    far: 10,
    list: [10],
    pair: [10, 10],
    b: 10,
    n_x: 10,
    other: 10,
    decided: 10,
    depending: { k: 1, n: 10 },
    rest: [10],
    no: 10,
  };

  test.each<[string, 'int' | 'double']>([
    ['output.a', 'int'],
    ['output.maybe', 'int'],
    ['output.listed', 'int'],
    ['output.either', 'double'],
    ['output.far', 'int'],
    ['output.list[0]', 'int'],
    ['output.pair[0]', 'int'],
    ['output.pair[1]', 'double'],
    ['output.decided', 'int'],
    ['output.depending.n', 'int'],
    ['output.rest[0]', 'int'],
    ['output.no', 'double'],
    ['output.b', 'double'],
    ['output.n_x', 'int'],
    ['output.other', 'int'],
  ])('%s is an %s by its schema', (path, type) => {
    expect(evaluate(`type(${path}) == ${type}`, value, schema).opens).toBe(true);
    expect(evaluate(`type(${path}) == double`, value, null).opens).toBe(true);
  });

  test('take one path through arithmetic, whatever the value', () => {
    expect(evaluate('output.a + 1 > 100', { a: 10 }, schema).opens).toBe(false);
    expect(evaluate('output.b + 1.0 > 100.0', { b: 10 }, schema).opens).toBe(false);
    expect(evaluate('output.b + 1.0 > 100.0', { b: 10.5 }, schema).opens).toBe(false);
  });

  test('that are none stay doubles, so that the arithmetic fails and the gate opens', () => {
    expect(evaluate('output.a + 1 > 100', { a: 10.5 }, schema).opens).toBe(true);
    expect(evaluate('type(output.a) == double', { a: 1e300 }, schema).opens).toBe(true);
  });
});

describe('checkExpression', () => {
  test.each<[string, string]>([
    ['output.x > > 1', 'cannot be read at line 1, column 10: found > but expecting end of input'],
    ['output.x >\n 1 )', 'cannot be read at line 2, column 4'],
    ['', 'cannot be read at line 1, column 1: found end of input where a value is expected'],
    ['output.?x', 'cannot be read at line 1, column 7'],
    ['"\\ud800"', 'cannot be read: surrogate'],
    [
      'true || nope(1)',
      'cannot be accepted at line 1, column 9: it calls the unknown function nope()',
    ],
    ['output.x.substring(1) == ""', 'it calls the unknown function substring()'],
    ['timestamp(output.d) > now()', 'it calls the unknown function now()'],
    [
      'true || outptu.x',
      'column 9: it has the unknown name outptu (it may speak of "output" or "likelihoods")',
    ],
    ['input.x', 'it has the unknown name input'],
    ['output.all(k, output[k] > k1)', 'it has the unknown name k1'],
    ['[1].all(x, true) && x == 1', 'column 21: it has the unknown name x'],
    ['[x].all(x, true)', 'column 2: it has the unknown name x'],
    ['constructor == 1', 'it has the unknown name constructor'],
    ['google.protobuf.Timestamp', 'it has the unknown name google'],
    ['google.protobuf.Duration{seconds: 1}', 'it builds a message google.protobuf.Duration'],
    ['has(output)', 'it calls has() in a form it does not have'],
    ['output.all(1, true)', 'it calls all() in a form it does not have'],
    ['size()', 'it calls size() with 0 arguments, a form it does not have'],
    ['output.x.size(1)', 'it calls size() with 1 arguments on a value, a form it does not have'],
    ['startsWith("a", "b")', 'it calls startsWith() with 2 arguments, a form it does not have'],
    ['output.x.matches(output.y)', 'a pattern that is not a literal string'],
    ['output.x.matches("(")', 'missing closing )'],
    ['output.x.matches("(?=a)")', 'no look-around'],
    ['['.repeat(51) + ']'.repeat(51), 'nests 51 brackets deep; at most 50 are accepted'],
    ['('.repeat(1000), 'nests 1000 brackets deep'],
    [`${'1+'.repeat(300)}1 > 0`, 'nests deeper than the 200 levels accepted'],
    [`"${'é'.repeat(1024)}" == ""`, 'takes 2056 bytes; at most 2048 are accepted'],
  ])('refuses %s', (source, message) => {
    expect(checkExpression(source, 'output')).toEqual({
      path: [],
      message: containing(message),
    });
  });

  test('accepts the longest source and the deepest brackets', () => {
    expect(checkExpression(`"${'a'.repeat(2040)}" == ""`, 'output')).toBeNull();
    expect(checkExpression(`${'['.repeat(50)}${']'.repeat(50)} == []`, 'output')).toBeNull();
  });

  test('knows other roots before a block has run', () => {
    expect(checkExpression('input.x > 1', 'input')).toBeNull();
    expect(checkExpression('output.x > 1', 'input')?.message).toContain('it may speak of "input"');
    expect(checkExpression('likelihoods.x > 1', 'input')).not.toBeNull();
  });

  test('knows names inside strings from names', () => {
    expect(checkExpression('"nope(1)" == output.x', 'output')).toBeNull();
    expect(expressionReads('"likelihoods" == output.x', 'likelihoods')).toBe(false);
    expect(expressionReads('output.likelihoods == 1', 'likelihoods')).toBe(false);
    expect(expressionReads('output.x.exists(y, y > likelihoods.y)', 'likelihoods')).toBe(true);
    expect(expressionReads('(', 'likelihoods')).toBe(false);
  });
});

describe('hostile expressions', () => {
  const numbers = Array.from({ length: 3_000 }, (_, index) => index);
  const text = 'a'.repeat(900_000);

  test.each<[string, string, Json]>([
    [
      'loops in loops',
      'output.l.all(a, output.l.all(b, output.l.all(c, a + b + c >= 0.0)))',
      { l: numbers },
    ],
    [
      'loops over literals',
      `[${'1,'.repeat(150)}1].all(a, [${'1,'.repeat(150)}1].all(b, [${'1,'.repeat(150)}1].all(c, [${'1,'.repeat(150)}1].all(d, true))))`,
      {},
    ],
    ['a text that doubles', `[output.s]${'.map(x, x + x)'.repeat(100)}.size() == 1`, { s: 'abc' }],
    ['a list that doubles', `[[1, 2]]${'.map(x, x + x)'.repeat(100)}.size() == 1`, {}],
    ['a tree that doubles', `[[1]]${'.map(x, [x, x])'.repeat(100)}[0] == [1]`, {}],
    ['a tree compared with itself', `[[[1]]${'.map(x, [x, x])'.repeat(60)}[0]].all(z, z == z)`, {}],
    [
      'long texts in a loop',
      '!output.l.exists(a, output.t.contains("zz"))',
      { l: numbers, t: text },
    ],
    [
      'patterns in a loop',
      '!output.l.exists(a, output.t.matches("(a|b)*c(a|b){20}d"))',
      { l: numbers, t: text },
    ],
    ['more data than it may see', 'output.t == ""', { t: text, more: text }],
  ])('%s open, in a moment', (_, source, output) => {
    const { opens, because } = evaluate(source, output, null, new Work(5_000_000));
    expect(opens).toBe(true);
    expect(because).toMatch(/more work than one evaluation may|there are more|at most 2097152/);
  });

  test('a loop that is cut short does not become false', () => {
    const source = 'output.l.exists(a, output.l.exists(b, output.l.exists(c, a + b + c < 0.0)))';
    expect(evaluate(source, { l: numbers }).opens).toBe(true);
  });

  test('a pattern that hangs a backtracking engine is no matter', () => {
    expect(evaluate('output.t.matches("^(a+)+$")', { t: `${'a'.repeat(5_000)}!` }).opens).toBe(
      false,
    );
  });

  test('ordinary lists are well within the bounds', () => {
    expect(
      evaluate('output.l.map(x, x * 2.0).filter(x, x > 5997.0).size() == 1', { l: numbers }),
    ).toMatchObject({ because: containing('is true') });
    expect(
      evaluate('output.l.all(a, output.l.exists(b, a == b))', { l: numbers.slice(0, 300) }),
    ).toMatchObject({ because: containing('is true') });
  });

  test('what grows by + is bounded before it fills the memory', () => {
    for (const seed of ['[[1, 2]]', '["ab"]', '[b"ab"]']) {
      expect(evaluate(`${seed}${'.map(x, x + x)'.repeat(40)}.size() == 3`).because).toMatch(
        /^the expression failed: a result of \+ has \d+ items or characters; at most 2097152 may be$/,
      );
    }
  });

  test('each round of a loop costs, even if nothing is done in it', () => {
    const loop = 'output.l.all(a, true)';
    expect(evaluate(loop, { l: numbers }, null, new Work(350_000)).because).toBe(`${loop} is true`);
    expect(evaluate(loop, { l: numbers }, null, new Work(250_000)).because).toContain('more work');
  });

  test('work that is used up fails like any error, and does not become an answer', () => {
    const hostile = 'output.l.all(a, output.l.all(b, output.l.all(c, a + b + c >= 0.0)))';
    const because = 'the expression failed: it takes more work than one evaluation may';
    const verdict = (source: string): unknown =>
      evaluate(source, { l: numbers }, null, new Work(1_000_000));
    expect(verdict(hostile)).toEqual({ opens: true, because });
    expect(verdict(`!${hostile}`)).toEqual({ opens: true, because });
    expect(verdict(`${hostile} || output.l.size() == 1`)).toEqual({ opens: true, because });
    expect(verdict(`${hostile} && false`)).toMatchObject({ opens: false });
  });

  test('long lists are seen, and too deep ones open', () => {
    const list = Array.from({ length: 200_000 }, () => 1);
    expect(evaluate('output.list.size() == 3', { list })).toMatchObject({ opens: false });
    const bomb: unknown = JSON.parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(isJsonObject(bomb) && evaluate('output.a == 1', bomb)).toEqual({
      opens: true,
      because: 'the expression failed: Maximum call stack size exceeded',
    });
    expect(evaluate('output.list.size() == 3', { list }, null, new Work(1_000)).because).toBe(
      'the expression failed: it takes more work than one evaluation may',
    );
  });

  test('keys that are names of the language are data', () => {
    const output: unknown = JSON.parse(
      '{"constructor":{"name":"x"},"$typeName":"y","__proto__":{"a":1},"toJSON":2}',
    );
    if (!isJsonObject(output)) {
      throw new Error('the text is an object');
    }
    expect(
      evaluate(
        'output.constructor.name == "x" && output["$typeName"] == "y" && output.__proto__.a == 1.0',
        output,
      ),
    ).toMatchObject({ opens: true, because: containing('is true') });
    expect(evaluate('output.toJSON == 3', output).opens).toBe(false);
  });
});
