import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/json.js';
import { isIJson } from '../../src/rules/canonical.js';
import { checkExpression, evaluateExpression, expressionReads } from '../../src/rules/cel.js';
import { checkPredicate } from '../../src/rules/predicate-check.js';
import { evaluatePredicate } from '../../src/rules/predicates.js';
import { Work } from '../../src/rules/work.js';

/** Counts what an evaluation asks for, also what it goes on asking for once its steps are used up. */
class CountedWork extends Work {
  spent = 0;
  asked = 0;
  refused = 0;

  override spend(steps: number): void {
    this.asked += 1;
    expect(steps).toBeGreaterThanOrEqual(0);
    try {
      super.spend(steps);
      this.spent += steps;
    } catch (error) {
      this.refused += 1;
      throw error;
    }
  }
}

const STEPS = 100_000;
/** An error in a step ends each loop at its next round, so that little is asked for when nothing is left. */
const MOST_REFUSED = 20_000;

const OUTPUT: JsonObject = {
  total: 12_000.5,
  count: 3,
  vendor: 'Acme Corp ünïcode 漢字 \u{1F600}',
  note: null,
  day: '2026-05-13T08:14:02Z',
  tags: ['a', 'b', 'a'],
  lines: [{ sku: 'x', price: 10 }, { sku: 'y', price: null }, {}],
  many: Array.from({ length: 100 }, (_, index) => index),
  long: 'ab'.repeat(5_000),
  'a-b': true,
  constructor: { name: 'x' },
};
const SCHEMA: JsonObject = {
  type: 'object',
  properties: { count: { type: 'integer' }, many: { items: { type: 'integer' } } },
};

/**
 * What holds of every source, whatever it is: declaring it gives null or one sentence, evaluating it a verdict with a
 * reason, within its steps, the same each time; and nothing but a plain `false` keeps the gate shut.
 */
function expectSane(source: string): void {
  for (const placement of ['output', 'input'] as const) {
    const problem = checkExpression(source, placement);
    if (problem !== null) {
      expect(problem.path).toEqual([]);
      expect(problem.message).toMatch(/^the expression \S/);
    }
  }
  const declared = checkPredicate(
    { kind: 'expression', expression: source },
    { type: 'extract', placement: 'output', json_schema: SCHEMA, categories: null, n_consensus: 1 },
  );
  expect('predicate' in declared || declared.problems.length > 0).toBe(true);
  expect(typeof expressionReads(source, 'likelihoods')).toBe('boolean');

  const bindings: readonly Parameters<typeof evaluateExpression>[1][] = [
    { output: OUTPUT, likelihoods: { total: 0.5 } },
    { output: {}, likelihoods: null },
    { input: OUTPUT },
  ];
  for (const each of bindings) {
    const work = new CountedWork(STEPS);
    const first = evaluateExpression(source, each, SCHEMA, work);
    expect(typeof first.opens).toBe('boolean');
    expect(first.because.trim()).not.toBe('');
    expect(work.spent).toBeLessThanOrEqual(STEPS);
    expect(work.refused).toBeLessThanOrEqual(MOST_REFUSED);
    if (!first.opens) {
      expect(first.because).not.toMatch(/failed|neither|more work|may see/);
      // A short-circuit can swallow the error that the steps ran out with; no verdict may rest on that.
      expect(work.refused === 0 || !evaluateExpression(source, each, SCHEMA).opens).toBe(true);
    }
    const again = new CountedWork(STEPS);
    expect(evaluateExpression(source, each, SCHEMA, again)).toEqual(first);
    expect([again.spent, again.asked]).toEqual([work.spent, work.asked]);
  }
}

// A grammar of CEL, with names, functions and constants that exist and some that do not.

const constant = fc.oneof(
  fc.constantFrom(
    '0',
    '1',
    '-1',
    '3',
    '100',
    '9223372036854775807',
    '-9223372036854775808',
    '9223372036854775808',
    '0x7fffffffffffffff',
    '0xffffffffffffffffff',
    '1u',

    '18446744073709551615u',
    '18446744073709551616u',
    '1.5',
    '-0.0',
    '1e308',
    '1e999',
    '5e-324',

    'true',
    'false',
    'null',
    '""',
    '"a"',
    "'b'",
    '"\\u00e9"',
    '"漢字"',
    '"\u{1F600}"',
    'r"\\d+"',
    'b"\\xff"',
    '"""x"""',
    '"\\ud83d\\ude00"',
    '[]',
    '{}',
    '{1: 2, 1: 3}',
    '{"a": null}',
    'duration("1h")',
    'duration("-1.5s")',
    'duration("10000000000000s")',
    'duration("")',
    'timestamp("2026-02-30T00:00:00Z")',
    'timestamp("0001-01-01T00:00:00Z")',

    'timestamp("9999-12-31T23:59:59.999999999Z")',
    'timestamp(9223372036854775807)',
    'timestamp("x")',
    'timestamp("2026-05-13T08:14:02+23:59")',
    'int',
    'double',
    'type(1)',
  ),
  fc.integer().map(String),
  fc.double().map(String),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => JSON.stringify(text)),
);

const name = fc.constantFrom(
  'output',
  'likelihoods',
  'input',
  'x',
  'y',
  'total',
  'count',
  'vendor',
  'note',
  'tags',
  'lines',

  'many',
  'long',
  'day',
  'missing',
  'constructor',
  '__proto__',
  'toString',
  'größe',
  '漢字',
  'in',
  'this',
);

const pattern = fc.constantFrom(
  '"a+"',
  '"^(a+)+$"',
  '"(a|aa)+$"',
  '"(a?){100}a{100}"',
  '"[ab]*a[ab]{50}(a?){100}[cd]"',
  '"("',

  '"(?=a)"',
  '"\\\\p{L}+"',
  '"(?i)\\\\x{1F600}"',
  '"a{1001}"',
  '"(((a{30}){30}){30})"',
  'output.vendor',
);

const { expression: grammar } = fc.letrec<{ readonly expression: string }>((tie) => {
  const inner = tie('expression');
  const binary = fc.constantFrom(
    '+',
    '-',
    '*',
    '/',
    '%',
    '==',
    '!=',
    '<',
    '<=',
    '>',
    '>=',
    'in',
    '&&',
    '||',
  );
  const macro = fc.constantFrom(
    'all',
    'exists',
    'exists_one',
    'filter',
    'map',
    'existsOne',
    'nope',
  );
  const method = fc.constantFrom(
    'size',
    'startsWith',
    'endsWith',
    'contains',
    'getHours',
    'getFullYear',
    'getDayOfYear',
    'nope',
  );
  const fn = fc.constantFrom(
    'size',
    'int',
    'uint',
    'double',
    'string',
    'bytes',
    'bool',
    'type',
    'dyn',
    'timestamp',
    'duration',
    'has',
    'matches',
    '@charge',
    'nope',
  );
  return {
    expression: fc.oneof(
      { depthSize: 'medium', maxDepth: 4, withCrossShrink: true },
      constant,
      name.map((field) => `output.${field}`),
      name,
      fc.tuple(inner, name).map(([target, field]) => `${target}.${field}`),
      fc.tuple(inner, inner).map(([target, index]) => `${target}[${index}]`),
      fc
        .tuple(inner, binary, inner)
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc.tuple(fc.constantFrom('!', '-', '!!', '--'), inner).map(([sign, of]) => `${sign}${of}`),
      fc.tuple(inner, inner, inner).map(([test_, yes, no]) => `(${test_} ? ${yes} : ${no})`),
      fc
        .tuple(inner, macro, fc.constantFrom('x', 'y', 'output', '1'), inner)
        .map(([over, loop, variable, body]) => `${over}.${loop}(${variable}, ${body})`),
      fc
        .tuple(inner, macro, inner)
        .map(([over, loop, body]) => `${over}.${loop}(x, true, ${body})`),
      fc
        .tuple(inner, method, fc.array(inner, { maxLength: 2 }))
        .map(([target, called, args]) => `${target}.${called}(${args.join(', ')})`),
      fc
        .tuple(fn, fc.array(inner, { maxLength: 2 }))
        .map(([called, args]) => `${called}(${args.join(', ')})`),
      fc.tuple(inner, pattern).map(([text, regex]) => `${text}.matches(${regex})`),
      fc.tuple(inner, name).map(([target, field]) => `has(${target}.${field})`),
      fc.array(inner, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc
        .array(fc.tuple(inner, inner), { maxLength: 2 })
        .map((entries) => `{${entries.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
    ),
  };
});

/** A few seconds of work, and more on a machine that is busy. */
const PATIENCE = 120_000;

describe('any expression is declared or refused, and decides or opens', () => {
  property.prop([grammar], { numRuns: 120 })('made by the grammar', expectSane, PATIENCE);

  const real = [
    'output.total > 10000',
    'has(output.vendor) && output.vendor.startsWith("Acme") || output.total / 2.0 >= 5.5',
    'output.lines.all(line, has(line.price) && line.price > 5.0)',
    'output.lines.filter(l, l.sku == "x").map(l, l.price).exists(p, p > 3.0)',
    'timestamp(output.day) - duration("24h") < timestamp("2026-05-13T00:00:00Z")',
    'output.vendor.matches("^[A-Z][a-z]+ Corp$") ? output.count + 1 > 3 : likelihoods.total < 0.8',
    '{"a": [1, 2u, 3.0]}["a"][0] in [1, 2] && !("z" in output)',
    'size(output.tags) == 3 && output.tags.exists_one(t, t == "b")',
    'output["a-b"] == true && type(output.count) == int',
  ];
  const snippet = fc.oneof(
    fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '\\',
      '.',
      ',',
      '?',
      ':',
      '&&',
      '||',
      '!',
      '-',
      '%',
      '//',

      '\n',
      '\0',
      '\u200b',
      '\ud800',
      '\udc00',
      '\u{1F600}',
      'é',
      '.?',
      '[?',
      '@',
      '`',
      '#',
      '$',
      '0x',
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
    constant,
  );
  const edit = fc.record({ at: fc.nat(120), drop: fc.nat(12), put: snippet });
  const mutated = fc
    .tuple(
      fc.constantFrom(...real),
      fc.constantFrom(...real),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
    )
    .map(([source, other, edits]) =>
      edits.reduce(
        (text, { at, drop, put }) => `${text.slice(0, at)}${put}${text.slice(at + drop)}`,
        edits.length % 2 === 0 ? `${source} && ${other}` : source,
      ),
    );

  property.prop([mutated], { numRuns: 250 })('made of a real one by edits', expectSane, PATIENCE);

  property.prop([fc.string({ unit: 'binary', maxLength: 200 })], { numRuns: 100 })(
    'made of any characters',
    expectSane,
    PATIENCE,
  );

  const deep = (open: string, close: string, depth: number, core = '1'): string =>
    `${open.repeat(depth)}${core}${close.repeat(depth)}`;

  test.each<[string, string]>([
    ...[49, 50, 51, 200, 900].flatMap((depth): [string, string][] => [
      [`${depth} brackets`, deep('(', ')', depth)],
      [`${depth} lists`, `${deep('[', ']', depth)} == []`],
      [`${depth} maps`, deep('{1:', '}', depth)],
      [`${depth} calls`, deep('size([', '])', Math.min(depth, 250))],
      [`${depth} indexes`, `output${deep('[output', ']', Math.min(depth, 250), '.x')}`],
      [`${depth} negations`, `${'!'.repeat(depth)}true`],
      [`${depth} minus signs`, `${'-'.repeat(depth)}1 > 0`],
      [`${depth} fields`, `output${'.a'.repeat(depth)}`],
      [
        `${depth} conditions`,
        `${'true ? '.repeat(Math.min(depth, 250))}true${' : false'.repeat(Math.min(depth, 250))}`,
      ],
    ]),
    ['open brackets alone', '('.repeat(2_048)],
    ['closing brackets alone', ')'.repeat(2_048)],
    ['quotes alone', '"'.repeat(2_047)],
    ['backslashes', `"${'\\'.repeat(1_001)}"`],
    ['a chain of or', `${'output.a || '.repeat(150)}true`],
    ['a chain of and', `${'true && '.repeat(200)}output.a`],
    ['a chain of +', `${'1 + '.repeat(190)}1 > 0`],
    ['a chain of comparisons', `${'1 < '.repeat(190)}1`],
    ['a chain of in', `${'1 in '.repeat(150)}[1]`],
    ['a huge integer', `${'9'.repeat(2_000)} > 1`],
    ['a huge hexadecimal', `0x${'f'.repeat(2_000)} > 1`],
    ['a huge double', `${'9'.repeat(1_000)}.${'9'.repeat(900)} > 1.0`],
    ['a huge exponent', `1e${'9'.repeat(300)} > 1.0`],
    ['a long name', `${'a'.repeat(2_040)} == 1`],
    ['a list of many', `[${'1,'.repeat(900)}1].size() > 1`],
    [
      'a map of many',
      `{${Array.from({ length: 150 }, (_, key) => `${key}: 1`).join(',')}}.size() > 1`,
    ],
    [
      'loops in loops',
      'output.many.all(a, output.many.all(b, output.many.all(c, a + b + c >= 0)))',
    ],
    [
      'loops in conditions of loops',
      'output.many.filter(a, output.many.filter(b, output.many.exists(c, c == -1)).size() == 0).size() == 0',
    ],
    ['maps of maps of maps', `[1]${'.map(x, [x, x, x])'.repeat(90)} == []`],
    [
      'loops that swallow errors',
      'output.many.exists(a, output.many.exists(b, a / 0 == b) || true) && output.many.all(a, a / 0 == 1 || false)',
    ],
    [
      'errors swallowed after the steps are gone',
      'output.many.all(a, output.many.all(b, output.many.all(c, c >= 0))) || false',
    ],
    [
      'a search that finds nothing until the steps are gone',
      'output.many.exists(a, output.many.exists(b, output.many.exists(c, a + b + c == 297)))',
    ],
    [
      'a count that is not finished when the steps are gone',
      'output.many.exists_one(a, output.many.all(b, output.many.all(c, a <= 99)))',
    ],
    [
      'shutting by errors swallowed',
      'output.many.all(a, output.many.all(b, output.many.all(c, c >= 0))) && false',
    ],
    ['texts that double', `["ab"]${'.map(x, x + x)'.repeat(120)}.size() == 1`],
    ['bytes that double', `[b"ab"]${'.map(x, x + x)'.repeat(120)}.size() == 1`],
    ['a regex bomb', 'output.long.matches("(a*)*(a*)*(a*)*b{0,1000}$")'],
    [
      'regex bombs in a loop',
      'output.many.all(x, output.long.matches("[ab]*a[ab]{50}(a?){100}[cd]"))',
    ],
    ['a regex too large', `"".matches("${'(a{30}){30}'.repeat(20)}")`],
    ['a regex of brackets', `"".matches("${'('.repeat(900)}${')'.repeat(900)}")`],
    ['the least integer negated', '-(-9223372036854775808) > 0'],
    ['the least integer divided', '-9223372036854775808 / -1 > 0'],
    ['the least integer by modulo', '-9223372036854775808 % -1 == 0'],
    ['overflow by addition', '9223372036854775807 + 1 > 0'],
    ['overflow by multiplication', '9223372036854775807 * 9223372036854775807 > 0'],
    ['unsigned underflow', '0u - 1u > 0u'],
    ['a double too large for an int', 'int(1e300) > 0'],
    ['NaN for an int', 'int(0.0 / 0.0) > 0'],
    ['NaN compared with itself', '0.0 / 0.0 == 0.0 / 0.0'],
    ['a duration beyond its range', 'duration("315576000001s") > duration("0s")'],
    ['a duration of nothing', 'duration("") == duration("0s")'],
    ['a duration without unit', 'duration("5") == duration("5s")'],
    ['a duration of many digits', `duration("${'9'.repeat(500)}s") > duration("0s")`],
    [
      'durations added beyond range',
      'duration("315576000000s") + duration("315576000000s") > duration("0s")',
    ],
    [
      'a time beyond year 9999',
      'timestamp("9999-12-31T23:59:59Z") + duration("1s") > timestamp("2026-01-01T00:00:00Z")',
    ],
    [
      'a time before year 1',
      'timestamp("0001-01-01T00:00:00Z") - duration("1s") < timestamp("2026-01-01T00:00:00Z")',
    ],
    ['a time of huge seconds', 'timestamp(9223372036854775807) > timestamp(0)'],
    [
      'the 30th of February',
      'timestamp("2026-02-30T00:00:00Z") == timestamp("2026-03-02T00:00:00Z")',
    ],
    ['a leap second', 'timestamp("2016-12-31T23:59:60Z") > timestamp("2016-12-31T23:59:59Z")'],
    ['a zone of nonsense', 'timestamp("2026-01-01T00:00:00Z").getHours("+99:99") > 0'],
    ['a zone of an empty text', 'timestamp("2026-01-01T00:00:00Z").getHours("") >= 0'],
    ['names not of ASCII', 'größe > 1 || output.größe > 1'],
    ['fields not of ASCII', 'output["größe"] == 1 || output["漢字"] == 1'],
    ['a right-to-left override', '"\u202e" == output.vendor // \u202e'],
    ['a lone surrogate', '"\ud800" == output.vendor'],
    ['an escape of a lone surrogate', '"\\ud800" == output.vendor'],
    ['an escape beyond Unicode', '"\\U00110000" == output.vendor'],
    ['an octal escape beyond a byte', 'b"\\777" == b""'],
    ['NUL', '"\0" == output.vendor \0'],
    ['a byte order mark', '\ufeffoutput.total > 1.0'],
    ['a comment without end', 'true // '.padEnd(2_040, 'x')],
    ['white space alone', ' \n\t\r'.repeat(500)],
    ['the prototype', 'output.__proto__.constructor == {}'],
    ['an internal function', '@charge(1) || @tick(true)'],
    ['an internal function by name', '`@charge`(1) == 1'],
    ['a message', 'google.protobuf.Any{type_url: "x"} == null'],
    ['a type as a value', 'int(int) == 1'],
    ['keys of every kind', '{1: 1, 1u: 2, 1.0: 3, true: 4, "1": 5}[1] == 1'],
    ['a list as a key', '{[1]: 1}[[1]] == 1'],
    ['null as a key', '{null: 1}[null] == 1'],
  ])('%s', (_, source) => {
    expectSane(source);
  });
});

test('every round of a loop is paid for, one that does nothing too', () => {
  const rounds = (body: string): string => `output.many.all(x, ${body})`;
  const work = new CountedWork(STEPS);
  const { opens } = evaluateExpression(
    rounds(rounds(rounds('true'))),
    { output: OUTPUT, likelihoods: null },
    null,
    work,
  );
  expect(opens).toBe(true);
  expect(work.refused).toBeGreaterThan(0);
});

describe('a predicate with any expression', () => {
  const anything = fc.oneof(grammar, mutatedText());

  property.prop([anything, fc.jsonValue({ maxDepth: 3 })], { numRuns: 100 })(
    'gives a verdict on any data, inside composites too',
    (source, value) => {
      const data = isIJson(value) ? value : null;
      const leaf = { kind: 'expression', expression: source } as const;
      for (const predicate of [
        leaf,
        { kind: 'any_of', predicates: [leaf] },
        { kind: 'all_of', predicates: [leaf, leaf] },
      ] as const) {
        const { fired, because } = evaluatePredicate(predicate, {
          placement: 'output',
          blockType: 'task',
          data,
          consensus: null,
          json_schema: null,
          categories: null,
          allow_overlap: false,
        });
        expect(because).not.toBe('');
        expect([null, leaf, predicate]).toContain(fired);
      }
    },
  );
});

function mutatedText(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.string({ maxLength: 20 }), grammar)
    .map(([noise, source]) => `${source}${noise}`);
}
