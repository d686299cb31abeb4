import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/json.js';
import type { WhenExtract } from '../../src/authoring/when.js';
import {
  block,
  defineWorkflow,
  gate,
  supplied,
  type Condition,
  type FromSchema,
} from '../../src/index.js';
import { isIJson } from '../../src/rules/canonical.js';
import { checkExpression, evaluateExpression } from '../../src/rules/cel.js';

const SCHEMA = {
  type: 'object',
  properties: {
    total: { type: ['number', 'null'] },
    limit: { type: 'number' },
    pages: { type: 'integer' },
    urgent: { type: ['boolean', 'null'] },
    paid: { type: 'boolean' },
    kind: { enum: ['invoice', 'credit_note', null] },
    note: { type: ['string', 'null'] },
    in: { type: 'string' },
    'a-b': { type: 'string' },
    size: { type: 'number' },
    isNull: { type: 'number' },
    tags: { type: 'array', items: { type: 'string' } },
    vendor: { type: 'object', properties: { country: { type: 'string' } } },
    lines: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          amount: { type: 'number' },
          codes: { type: 'array', items: { type: 'integer' } },
        },
      },
    },
    anything: {},
  },
} as const;

const OUTPUT: JsonObject = {
  total: 12_000.5,
  limit: 10,
  pages: 3,
  urgent: null,
  paid: true,
  kind: 'invoice',
  note: null,
  in: 'x',
  'a-b': 'y',
  size: 4,
  isNull: 5,
  tags: ['a', 'b'],
  vendor: { country: 'DE' },
  lines: [
    { amount: 10, codes: [1, 2] },
    { amount: 20, codes: [] },
  ],
  anything: { deep: [{ value: 'x' }] },
};

const reviewable = block.extract('a', { executor: supplied(), schema: SCHEMA });
type Scope = WhenExtract<FromSchema<typeof SCHEMA>>;

/** The CEL that a gate is stored with. */
function compiled(when: (scope: Scope) => Condition): string {
  const workflow = defineWorkflow({ id: 'w', blocks: [reviewable.review({ when })] });
  return workflow.blocks[0]?.review?.when ?? '';
}

describe('a typed condition is the CEL that it reads like, and holds when that does', () => {
  test.each<[(scope: Scope) => Condition, string, boolean]>([
    [({ output }) => output.total.gt(10_000), 'output.total > 10000.0', true],
    [({ output }) => output.total.gte(12_000.5), 'output.total >= 12000.5', true],
    [({ output }) => output.total.lt(-0.5), 'output.total < -0.5', false],
    [({ output }) => output.total.lte(1e21), 'output.total <= 1e+21', true],
    [({ output }) => output.total.gt(output.limit), 'output.total > output.limit', true],
    [({ output }) => output.total.eq(null), 'output.total == null', false],
    [({ output }) => output.limit.in([10, 20]), 'output.limit in [10.0, 20.0]', true],
    [({ output }) => output.pages.eq(3), 'output.pages == 3', true],
    [({ output }) => output.pages.ne(3), 'output.pages != 3', false],
    [({ output }) => output.pages.in([3, 4]), 'output.pages in [3, 4]', true],
    [({ output }) => output.note.isNull(), 'output.note == null', true],
    [({ output }) => output.note.isNotNull(), 'output.note != null', false],
    [({ output }) => output.note.isPresent(), 'has(output.note)', true],
    [({ output }) => output.note.isMissing(), '!has(output.note)', false],
    [({ output }) => output.kind.eq('invoice'), 'output.kind == "invoice"', true],
    [
      ({ output }) => output.kind.in(['credit_note', null]),
      'output.kind in ["credit_note", null]',
      false,
    ],
    [({ output }) => output.paid, 'output.paid', true],
    [({ output }) => output.paid.not(), '!output.paid', false],
    [({ output }) => output.paid.eq(false), 'output.paid == false', false],
    [
      ({ output }) => output.paid.and(output.limit.gt(3)),
      'output.paid && output.limit > 3.0',
      true,
    ],
    [
      ({ output }) => output.vendor.country.startsWith('D'),
      'output.vendor.country.startsWith("D")',
      true,
    ],
    [
      ({ output }) => output.vendor.country.endsWith('"'),
      'output.vendor.country.endsWith("\\"")',
      false,
    ],
    [
      ({ output }) => output.vendor.country.contains('E'),
      'output.vendor.country.contains("E")',
      true,
    ],
    [
      ({ output }) => output.vendor.country.matches('^[A-Z]{2}$'),
      'output.vendor.country.matches("^[A-Z]{2}$")',
      true,
    ],
    [({ output }) => output.vendor.country.size().eq(2), 'output.vendor.country.size() == 2', true],
    [({ output }) => output.tags.size().gt(2), 'output.tags.size() > 2', false],
    [({ output }) => output.tags.has('b'), '"b" in output.tags', true],
    [({ output }) => output.tags.at(1).eq('b'), 'output.tags[1] == "b"', true],
    [({ output }) => output.lines.at(0).amount.eq(10), 'output.lines[0].amount == 10.0', true],
    [
      ({ output }) => output.lines.some((line) => line.amount.gt(15)),
      'output.lines.exists(item, item.amount > 15.0)',
      true,
    ],
    [
      ({ output }) =>
        output.lines.every((line) => line.codes.some((code) => code.eq(1).or(line.amount.eq(20)))),
      'output.lines.all(item, item.codes.exists(item2, item2 == 1 || item.amount == 20.0))',
      false,
    ],
    [({ output }) => output.in.eq('x'), 'output["in"] == "x"', true],
    [({ output }) => output['a-b'].eq('y'), 'output["a-b"] == "y"', true],
    [({ output }) => output['a-b'].isPresent(), '"a-b" in output', true],
    // A field that is called like an operator is a field until it is called.
    [({ output }) => output.size.gt(3), 'output.size > 3.0', true],
    [({ output }) => output.isNull.eq(5), 'output.isNull == 5.0', true],
    [({ output }) => output.vendor.isNull(), 'output.vendor == null', false],
    [
      ({ output }) => output.anything.field('deep').at(0).field('value').eq('x'),
      'output.anything.deep[0].value == "x"',
      true,
    ],
    [
      ({ output }) => output.anything.eq({ deep: [{ value: 'x' }] }),
      'output.anything == {"deep": [{"value": "x"}]}',
      true,
    ],
    [
      ({ output, expression }) =>
        output.limit.gt(3).and(expression('output.pages > 5 || true'), output.paid),
      'output.limit > 3.0 && (output.pages > 5 || true) && output.paid',
      true,
    ],
    [
      ({ output }) =>
        output.limit.gt(3).and(output.paid).or(output.pages.eq(1)).or(output.paid.not()),
      '(output.limit > 3.0 && output.paid) || output.pages == 1 || !output.paid',
      true,
    ],
    [
      ({ output }) => output.limit.gt(30).or(output.pages.eq(1)).and(output.paid),
      '(output.limit > 30.0 || output.pages == 1) && output.paid',
      false,
    ],
    [
      ({ output }) => output.limit.gt(30).or(output.pages.eq(1)).not(),
      '!(output.limit > 30.0 || output.pages == 1)',
      true,
    ],
    [({ output }) => output.limit.gt(30).not().not(), '!(!(output.limit > 30.0))', false],
    [
      ({ likelihoods }) => likelihoods.vendor.country.lt(0.5),
      'likelihoods.vendor.country < 0.5',
      false,
    ],
    [
      ({ likelihoods }) => likelihoods.lines.at(0).amount.lt(0.5),
      'likelihoods.lines[0].amount < 0.5',
      true,
    ],
  ])('%s', (when, cel, holds) => {
    expect(compiled(when)).toBe(cel);
    expect(checkExpression(cel, 'output')).toBeNull();
    const likelihoods = { vendor: { country: 0.9 }, lines: [{ amount: 0.1 }] };
    const { opens, because } = evaluateExpression(cel, { output: OUTPUT, likelihoods }, SCHEMA);
    expect(because).toBe(`${cel} is ${holds}`);
    expect(opens).toBe(holds);
  });
});

describe('a condition of an input gate', () => {
  test('speaks of the needs, typed by what they give', () => {
    const pay = block
      .task('pay', { needs: [reviewable], executor: supplied() })
      .review({ placement: 'input', when: ({ input }) => input.blocks.a.total.gt(5) });
    expect(defineWorkflow({ id: 'w', blocks: [reviewable, pay] }).blocks[1]?.review).toEqual({
      placement: 'input',
      when: 'input.blocks.a.total > 5.0',
    });
  });
});

describe('whatever a field is called and compared with', () => {
  const anyName = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('in', 'null', 'true', 'constructor', '__proto__', 'eq', 'field', 'loop'),
  );
  const anyJson = fc.jsonValue({ maxDepth: 3 });

  property.prop([anyName, anyJson], { numRuns: 500 })(
    'the expression is one that the gate can read, and equals what it says',
    (name, value) => {
      if (!isIJson(value)) {
        return;
      }
      const { when = '' } = gate({ when: ({ output }) => output.field(name).eq(value) });
      expect(checkExpression(when, 'output')).toBeNull();
      const output = Object.fromEntries([[name, value]]);
      const { because } = evaluateExpression(when, { output, likelihoods: null }, null);
      expect(because).toMatch(/ is true$|\.\.\. is true$/);
    },
  );
});
