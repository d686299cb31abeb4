// oxlint-disable typescript/no-unsafe-call, typescript/no-unsafe-return, typescript/no-unsafe-argument, typescript/no-unsafe-member-access -- what the compiler refuses has no type
import { expectTypeOf } from 'vitest';
import {
  allOf,
  atLeast,
  block,
  defineBlocks,
  defineWorkflow,
  fn,
  gate,
  group,
  pass,
  person,
  supplied,
  type BlockFunctionOf,
  type BlockFunctions,
  type DeclaredGate,
  type FromSchema,
  type Json,
  type JsonObject,
  type OutputOf,
} from '../../src/index.js';
import type { DefinitionRequest } from '../../src/client/index.js';

// A schema gives the type of what it describes, as far as its keywords are read.
expectTypeOf<FromSchema<{ type: 'string' }>>().toEqualTypeOf<string>();
expectTypeOf<FromSchema<{ type: 'integer' }>>().toEqualTypeOf<number>();
expectTypeOf<FromSchema<{ type: readonly ['number', 'null'] }>>().toEqualTypeOf<number | null>();
expectTypeOf<FromSchema<{ enum: readonly ['a', 1, null] }>>().toEqualTypeOf<'a' | 1 | null>();
expectTypeOf<FromSchema<{ const: 'a' }>>().toEqualTypeOf<'a'>();
expectTypeOf<FromSchema<{ type: 'array'; items: { type: 'boolean' } }>>().toEqualTypeOf<
  readonly boolean[]
>();
expectTypeOf<FromSchema<{ type: 'array' }>>().toEqualTypeOf<readonly Json[]>();
expectTypeOf<
  FromSchema<{
    type: 'object';
    required: readonly ['a'];
    properties: { a: { type: 'string' }; b: { type: 'null' } };
  }>
>().toEqualTypeOf<{ readonly a: string; readonly b?: null }>();
expectTypeOf<
  FromSchema<{ type: 'object'; additionalProperties: { type: 'number' } }>
>().toEqualTypeOf<{ readonly [key: string]: number }>();
expectTypeOf<FromSchema<{ type: 'object' }>>().toEqualTypeOf<JsonObject>();
// What is not read, and what is no literal, says nothing: never something wrong.
expectTypeOf<FromSchema<{ $ref: '#/$defs/a' }>>().toEqualTypeOf<Json>();
expectTypeOf<FromSchema<JsonObject>>().toEqualTypeOf<Json>();
expectTypeOf<FromSchema<true>>().toEqualTypeOf<Json>();

const SCHEMA = {
  type: 'object',
  required: ['total', 'vendor', 'lines'],
  properties: {
    total: { type: ['number', 'null'] },
    urgent: { type: 'boolean' },
    kind: { enum: ['invoice', 'credit_note'] },
    vendor: { type: 'object', properties: { country: { type: 'string' } } },
    lines: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } } } },
  },
} as const;
type Invoice = {
  readonly total: number | null;
  readonly urgent?: boolean;
  readonly kind?: 'invoice' | 'credit_note';
  readonly vendor: { readonly country?: string };
  readonly lines: readonly { readonly sku?: string }[];
};

const extract = block.extract('extract', { executor: fn('read'), schema: SCHEMA });
const classify = block.classifier('classify', {
  executor: supplied(),
  categories: ['invoice', 'receipt'],
});
const split = block.split('split', { executor: supplied() });
const task = block.task('task', { executor: supplied() });

// The schema's type reaches the fields of a typed `when`, each with the operators of its type.
extract.review({ when: ({ output }) => output.total.gt(10_000).or(output.urgent) });
extract.review({ when: ({ output }) => output.lines.some((line) => line.sku.startsWith('x')) });
extract.review({ when: ({ output }) => output.kind.in(['invoice']) });
extract.review({ when: ({ likelihoods }) => likelihoods.vendor.country.lt(0.5) });
// @ts-expect-error -- the schema has no such field
extract.review({ when: ({ output }) => output.totl.gt(10_000) });
// @ts-expect-error -- nor inside of another
extract.review({ when: ({ output }) => output.vendor.city.eq('Berlin') });
// @ts-expect-error -- text is not greater than a number
extract.review({ when: ({ output }) => output.vendor.country.gt(5) });
// @ts-expect-error -- a number does not start with anything
extract.review({ when: ({ output }) => output.total.startsWith('1') });
// @ts-expect-error -- a number is not compared with text
extract.review({ when: ({ output }) => output.total.gt('10000') });
// @ts-expect-error -- the enum has no such member
extract.review({ when: ({ output }) => output.kind.eq('receipt') });
// @ts-expect-error -- a country is never null by its schema
extract.review({ when: ({ output }) => output.vendor.country.eq(null) });
// @ts-expect-error -- a number alone is no condition
extract.review({ when: ({ output }) => output.total });
// @ts-expect-error -- a likelihood is a number
extract.review({ when: ({ likelihoods }) => likelihoods.vendor.country.eq('DE') });
// Without a schema every operator fits, and fields are asked for by name.
task.review({ when: ({ output }) => output.field('a').gt(1).or(output.field('b').contains('x')) });

// The predicates of a `when` are those that fit the type of its block, and its placement.
extract.review({ when: ({ anyRequiredFieldNull }) => anyRequiredFieldNull() });
classify.review({ when: ({ categoryIn }) => categoryIn('receipt') });
classify.review({ when: ({ output }) => output.category.eq('receipt') });
split.review({ when: ({ splitCountNeq }) => splitCountNeq(2) });
split.review({ when: ({ output }) => output.documents.size().gt(3) });
extract.review({ placement: 'input', when: ({ always }) => always() });
// @ts-expect-error -- an extract has no parts
extract.review({ when: ({ splitCountNeq }) => splitCountNeq(2) });
// @ts-expect-error -- a split has no category
split.review({ when: ({ categoryIn }) => categoryIn('receipt') });
// @ts-expect-error -- a split may have unassigned pages, but only partitions say so
split.review({ when: ({ anyPagesUnassigned }) => anyPagesUnassigned() });
// @ts-expect-error -- a classifier's output has no fields to miss
classify.review({ when: ({ anyRequiredFieldNull }) => anyRequiredFieldNull() });
// @ts-expect-error -- the block has no such category
classify.review({ when: ({ categoryIn }) => categoryIn('invoice', 'letter') });
// @ts-expect-error -- at least one category
classify.review({ when: ({ categoryIn }) => categoryIn() });
// @ts-expect-error -- before it runs there is no output
extract.review({ placement: 'input', when: ({ output }) => output.total.gt(1) });
// @ts-expect-error -- and nothing to validate
extract.review({ placement: 'input', when: ({ validationFailed }) => validationFailed() });
// @ts-expect-error -- a likelihood is at most 1
extract.review({ when: ({ confidenceLt }) => confidenceLt(85) });
// @ts-expect-error -- a part has at least one page
split.review({ when: ({ anySplitPagesLt }) => anySplitPagesLt(0) });
// @ts-expect-error -- there are no half parts
split.review({ when: ({ splitCountNeq }) => splitCountNeq(1.5) });
extract.review({
  when: ({ jsonCondition }) =>
    // @ts-expect-error -- there is no root outputs
    jsonCondition({ subConditions: [{ path: 'outputs.a', operator: 'exists' }] }),
});
extract.review({
  when: ({ jsonCondition }) =>
    // @ts-expect-error -- is_after compares with a date
    jsonCondition({ subConditions: [{ path: 'data.a', operator: 'is_after', value: 7 }] }),
});

// Counts are counted by the compiler.
expectTypeOf(atLeast(2, group('legal')).required).toEqualTypeOf<2>();
atLeast(2, group('a'), group('b'));
// @ts-expect-error -- nobody would have to approve
atLeast(0, group('a'));
// @ts-expect-error -- half a person
atLeast(1.5, group('a'));
// @ts-expect-error -- three of two groups
atLeast(3, group('a'), group('b'));
// @ts-expect-error -- some of several groups counts one member of each
atLeast(1, atLeast(2, group('a')), group('b'));
// @ts-expect-error -- a person is not counted among groups
atLeast(1, group('a'), person('u'));
allOf(group('a'), atLeast(2, group('b')), person('u'), person('v', { optional: true }));
allOf(atLeast(1, group('a'), group('b')), person('u'));
// @ts-expect-error -- the count would count c, too
allOf(atLeast(1, group('a'), group('b')), group('c'));
// @ts-expect-error -- the same group twice
allOf(group('a'), atLeast(2, group('a')));
// @ts-expect-error -- the same person twice
allOf(person('u'), person('u', { optional: true }));
// @ts-expect-error -- nobody would have to approve
allOf(person('u', { optional: true }), person('v', { optional: true }));
// What is only known when it runs is left to the server.
const many: number = 2;
const names: readonly string[] = ['a', 'b'];
allOf(atLeast(many, group('a')), ...names.map((name) => group(name)));

// A gate's options fit its placement.
task.review({ placement: 'input', release: 'manual' });
task.review({ release: { after: '30s' } });
// @ts-expect-error -- a manual release needs placement input
task.review({ release: 'manual' });
// @ts-expect-error -- it is a length of time
task.review({ release: { after: 'soon' } });
// @ts-expect-error -- nobody would have to approve
task.review({ approve: person('u', { optional: true }) });
// @ts-expect-error -- there is no such option
task.review({ titel: 'Totals' });
// @ts-expect-error -- a block has one gate
task.review({}).review({});

// Needs are blocks, and must be in the workflow.
const book = block.task('book', { needs: [extract], executor: fn('book') });
const workflow = defineWorkflow({ id: 'w', blocks: [extract, classify, book] });
// @ts-expect-error -- extract is not in it
defineWorkflow({ id: 'w', blocks: [classify, book] });
// @ts-expect-error -- there is no block extrct
block.task('book', { needs: [extrct], executor: fn('book') });
// @ts-expect-error -- two blocks are called extract
defineWorkflow({ id: 'w', blocks: [extract, extract.review({})] });
// What it compiles to is what the client sends.
expectTypeOf(workflow).toExtend<DefinitionRequest>();
expectTypeOf(workflow).toExtend<JsonObject>();
expectTypeOf<DeclaredGate>().toExtend<JsonObject>();

// Outputs flow into the functions behind the blocks that need them.
expectTypeOf<OutputOf<typeof workflow, 'extract'>>().toEqualTypeOf<Invoice>();
type Book = BlockFunctionOf<typeof workflow, 'book'>;
expectTypeOf<Parameters<Book>[0]>().toEqualTypeOf<{
  readonly input: Json;
  readonly blocks: { readonly extract: Invoice };
}>();
// Without needs it is the block before.
expectTypeOf<
  Parameters<BlockFunctionOf<typeof workflow, 'classify'>>[0]['blocks']
>().toEqualTypeOf<{ readonly extract: Invoice }>();
const functions = defineBlocks(workflow, {
  read: () => ({ output: { total: 1, vendor: {}, lines: [] }, source: 'https://example.com' }),
  book: async ({ blocks }) => await Promise.resolve({ booked: blocks.extract.total }),
});
expectTypeOf(functions).toHaveProperty('book');
expectTypeOf(defineBlocks({ a: () => 1 })).toExtend<BlockFunctions>();
defineBlocks(workflow, {
  // @ts-expect-error -- the schema wants a number or null
  read: () => ({ total: '1', vendor: {}, lines: [] }),
  // @ts-expect-error -- book does not need classify
  book: ({ blocks }) => blocks.classify,
});
// @ts-expect-error -- book is missing
defineBlocks(workflow, { read: () => ({ total: 1, vendor: {}, lines: [] }) });
// @ts-expect-error -- no block is called so
expectTypeOf<BlockFunctionOf<typeof workflow, 'bok'>>().toBeNever();

// A block without a function says nothing about what the functions of others are given.
const passed = block.task('passed', { needs: [extract], executor: pass() });
const last = block.task('last', { needs: [passed], executor: fn('last') });
defineBlocks(defineWorkflow({ id: 'w', blocks: [extract, passed, last] }), {
  read: () => ({ total: 1, vendor: {}, lines: [] }),
  last: ({ blocks }) => blocks.passed.total,
});

// Where a rejection goes on without an output, what needs it may get null.
const optional = extract.review({ onReject: 'continue' });
const after = block.task('after', { needs: [optional], executor: pass() });
const going = defineWorkflow({ id: 'w', blocks: [optional, after] });
expectTypeOf<Parameters<BlockFunctionOf<typeof going, 'after'>>[0]['blocks']>().toEqualTypeOf<{
  readonly extract: Invoice | null;
}>();
// What is passed on keeps its type.
expectTypeOf<OutputOf<typeof going, 'after'>>().toEqualTypeOf<Invoice | null>();

// A body gets its item, and may need its own blocks and what its forEach needs.
const page = block.extract('page', { needs: [extract], executor: fn('page') });
const check = block.task('check', { needs: [page], executor: pass() });
const each = block.forEach('each', {
  needs: [split, extract],
  executor: fn('parts'),
  mapMethod: 'split_by_key',
  key: 'number',
  body: [page, check.review({ onReject: 'drop' })],
});
const end = block.task('end', { needs: [each], executor: fn('end') });
const looping = defineWorkflow({ id: 'w', blocks: [extract, split, each, end] });
expectTypeOf<Parameters<BlockFunctionOf<typeof looping, 'page'>>[0]>().toEqualTypeOf<{
  readonly input: { readonly key: string; readonly pages: readonly number[] };
  readonly blocks: { readonly extract: Invoice };
}>();
expectTypeOf<Parameters<BlockFunctionOf<typeof looping, 'end'>>[0]['blocks']>().toEqualTypeOf<{
  readonly each: {
    readonly iterations: readonly {
      readonly iteration_key: string;
      readonly item: { readonly key: string; readonly pages: readonly number[] };
      readonly output: JsonObject;
    }[];
  };
}>();
// Several blocks that no other needs give their outputs by id.
const both = defineWorkflow({
  id: 'w',
  blocks: [
    split,
    block.forEach('documents', {
      needs: [split],
      executor: pass(),
      body: [
        block.task('one', { executor: supplied() }),
        block.classifier('two', { needs: [], executor: supplied(), categories: ['a'] }),
      ],
    }),
    block.task('last', { executor: fn('last') }),
  ],
});
type Last = Parameters<BlockFunctionOf<typeof both, 'last'>>[0]['blocks']['documents'];
expectTypeOf<Last['iterations'][number]['output']>().toEqualTypeOf<{
  readonly one: Json;
  readonly two: { readonly category: 'a' };
}>();
expectTypeOf<Last['iterations'][number]['item']['name']>().toEqualTypeOf<string>();
// In a body, too, a block that does not say what it needs needs the one before it.
const chain = defineWorkflow({
  id: 'w',
  blocks: [
    block.forEach('each', {
      executor: supplied(),
      body: [
        block.task('first', { executor: supplied() }),
        block.classifier('second', { executor: supplied(), categories: ['a'] }),
      ],
    }),
    block.task('last', { executor: fn('last') }),
  ],
});
type Chained = Parameters<BlockFunctionOf<typeof chain, 'last'>>[0]['blocks']['each'];
expectTypeOf<Chained['iterations'][number]['output']>().toEqualTypeOf<{
  readonly category: 'a';
}>();
// @ts-expect-error -- page needs extract, which the forEach does not
block.forEach('each', { needs: [split], executor: supplied(), body: [page] });
// @ts-expect-error -- a body has blocks
block.forEach('each', { executor: supplied(), body: [] });
// @ts-expect-error -- an iteration is dropped inside a forEach only
defineWorkflow({ id: 'w', blocks: [task.review({ onReject: 'drop' })] });
const outside = block.task('outside', { needs: [page], executor: pass() });
// @ts-expect-error -- outside of the body nobody can need a block of it
defineWorkflow({ id: 'w', blocks: [extract, split, each, outside] });
each.review({ when: ({ anyPagesUnassigned }) => anyPagesUnassigned() });
block
  .forEach('each', { executor: supplied(), body: [task] })
  // @ts-expect-error -- its gate on partitions needs a split by key
  .review({ when: 'true' });
block.forEach('each', { executor: supplied(), body: [task] }).review({ placement: 'input' });

// An own workflow's gate knows its snapshot, and is the policy that it asks with.
expectTypeOf(
  gate<{ readonly amount: number }>({ when: ({ output }) => output.amount.gt(100) }),
).toEqualTypeOf<DeclaredGate>();
// @ts-expect-error -- the snapshot has no such field
gate<{ readonly amount: number }>({ when: ({ output }) => output.amout.gt(100) });
// @ts-expect-error -- a rejection is an answer there
gate({ onReject: 'continue' });
