// oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-call, typescript/no-unsafe-return -- what the compiler refuses has no type
import { describe, expect, test } from 'vitest';
import type { BlockTypes } from '../../src/authoring/block.js';
import {
  allOf,
  atLeast,
  block,
  type Block,
  defineBlocks,
  DefinitionError,
  defineWorkflow,
  fn,
  gate,
  group,
  pass,
  person,
  supplied,
} from '../../src/index.js';

const extract = block.extract('extract', {
  executor: fn('read'),
  schema: {
    type: 'object',
    required: ['total'],
    properties: { total: { type: 'number' }, vendor: { type: 'string' } },
  },
});
const classify = block.classifier('classify', {
  executor: supplied(),
  categories: ['invoice', 'receipt'],
});
const book = block.task('book', { needs: [extract], executor: fn('book') });
const refused = extract.review({ onReject: 'drop' });
const task = block.task('task', { executor: supplied() });

/** Each of these the compiler refuses; in JavaScript it is the sentence of the error. */
const mistakes: readonly [string, () => unknown, string][] = [
  [
    'a need that is not in the workflow',
    // @ts-expect-error -- extract is missing from blocks
    () => defineWorkflow({ id: 'w', blocks: [book] }),
    'Block "book" needs "extract", which is not in this workflow: add it to blocks.',
  ],
  [
    'a need by its id',
    () => {
      // @ts-expect-error -- a need is a block, so that its type is known
      const wrong = block.task('a', { needs: ['b'], executor: pass() });
      return gated(wrong);
    },
    'Block "a" needs something that is no block: needs is a list of blocks, not of their ids.',
  ],
  [
    'an id that two blocks have',
    // @ts-expect-error -- both are called task
    () => defineWorkflow({ id: 'w', blocks: [task, task] }),
    'Two blocks have the id "task": give one of them another.',
  ],
  [
    'an id that a block and one of a body have, which no type tells',
    () => {
      const each = block.forEach('each', { executor: supplied(), body: [task] });
      return defineWorkflow({ id: 'w', blocks: [each, task] });
    },
    'Two blocks have the id "task": give one of them another.',
  ],
  [
    'a drop outside of a forEach',
    // @ts-expect-error -- there is no iteration to drop
    () => defineWorkflow({ id: 'w', blocks: [refused] }),
    'The gate of block "extract" drops an iteration, and it is in none: "drop" is for the body of a forEach.',
  ],
  [
    'a body that needs what its forEach does not',
    () => {
      const each = block.forEach('each', {
        executor: supplied(),
        // @ts-expect-error -- each does not need extract
        body: [book],
      });
      return defineWorkflow({ id: 'w', blocks: [extract, each] });
    },
    'Block "book" needs "extract", which is neither in its body nor among the needs of "each".',
  ],
  [
    'a predicate of another type of block',
    () =>
      // @ts-expect-error -- an extract has no parts to count
      gated(extract.review({ when: ({ splitCountNeq }) => splitCountNeq(3) })),
    'The gate of block "extract" is wrong: split_count_neq does not fit the output of a block of type extract, for which there are always, validation_failed, json_condition, expression, any_of, all_of, any_required_field_null, confidence_lt.',
  ],
  [
    'a predicate of an output on an input',
    () =>
      gated(
        extract.review({
          placement: 'input',
          // @ts-expect-error -- before the block has run there is nothing to validate
          when: ({ anyOf, validationFailed }) => anyOf(validationFailed()),
        }),
      ),
    'The gate of block "extract" is wrong: validation_failed does not fit the input of a block of type extract, for which there are always, json_condition, expression, any_of, all_of.',
  ],
  [
    'a category that the block does not have',
    () =>
      // @ts-expect-error -- it is spelt receipt
      gated(classify.review({ when: ({ categoryIn }) => categoryIn('reciept', 'invoice') })),
    'The gate of block "classify" is wrong: category "reciept" is none of the block: it has invoice, receipt.',
  ],
  [
    'an operator that no field has',
    () =>
      // @ts-expect-error -- it is gt
      gated(extract.review({ when: ({ output }) => output.total.above(3) })),
    'The gate of block "extract" is wrong: its when cannot be written down: fields have no operator above().',
  ],
  [
    'a value that is no JSON',
    () =>
      // @ts-expect-error -- undefined is no JSON
      gated(extract.review({ when: ({ output }) => output.total.eq(undefined) })),
    'The gate of block "extract" is wrong: its when cannot be written down: cannot compare with a value of type undefined: JSON has none.',
  ],
  [
    'a number that is no JSON, which no type tells',
    () => gated(extract.review({ when: ({ output }) => output.total.gt(Number.NaN) })),
    'The gate of block "extract" is wrong: its when cannot be written down: cannot compare with NaN: JSON has no such number.',
  ],
  [
    'a when that gives nothing',
    () =>
      gated(
        extract.review({
          // @ts-expect-error -- it has to give a condition
          when: () => {},
        }),
      ),
    'The gate of block "extract" is wrong: its when cannot be written down: it gave neither a condition nor a predicate.',
  ],
  [
    'a when that is neither CEL nor a function',
    // @ts-expect-error -- predicates are made inside the function
    () => gated(extract.review({ when: { kind: 'always' } })),
    'The gate of block "extract" is wrong: its when is {"kind":"always"}, neither CEL nor a function.',
  ],
  [
    'a condition joined with something else',
    () =>
      // @ts-expect-error -- true is no condition
      gated(extract.review({ when: ({ output }) => output.total.gt(3).or(true) })),
    'The gate of block "extract" is wrong: its when cannot be written down: or() takes conditions only.',
  ],
  [
    'a loop without a condition',
    () =>
      gated(
        // @ts-expect-error -- true is no condition
        task.review({ when: ({ output }) => output.some(() => true) }),
      ),
    'The gate of block "task" is wrong: its when cannot be written down: the function of some() or every() gave no condition.',
  ],
  [
    'an item that is asked whether it is there, which no type tells',
    () => gated(task.review({ when: ({ output }) => output.at(0).isPresent() })),
    'The gate of block "task" is wrong: its when cannot be written down: output[0] is no field of an object, so it cannot be asked whether it is present.',
  ],
  [
    'a manual release of an output',
    // @ts-expect-error -- a manual release needs placement input
    () => gated(extract.review({ release: 'manual' })),
    'The gate of block "extract" is wrong: a manual release lets an approved input go on and needs placement "input".',
  ],
  [
    'a count of nobody',
    // @ts-expect-error -- the count is from 1
    () => gated(extract.review({ approve: atLeast(0, group('legal')) })),
    'The gate of block "extract" is wrong: it wants 0 members of group "legal".',
  ],
  [
    'more groups than there are',
    // @ts-expect-error -- three of two groups
    () => gated(extract.review({ approve: atLeast(3, group('a'), group('b')) })),
    'The gate of block "extract" is wrong: it wants 3 of 2 groups.',
  ],
  [
    'a count that is no number',
    // @ts-expect-error -- the count is a number
    () => gated(extract.review({ approve: atLeast('2', group('a'), group('b')) })),
    'The gate of block "extract" is wrong: it wants NaN of 2 groups.',
  ],
  [
    'some of several groups, one of which wants two',
    // @ts-expect-error -- min_approvals cannot stand beside required above 1
    () => gated(extract.review({ approve: atLeast(1, atLeast(2, group('a')), group('b')) })),
    'The gate of block "extract" is wrong: atLeast over several groups counts one member of each, and one of them wants more.',
  ],
  [
    'some of several groups beside another group',
    () =>
      gated(
        // @ts-expect-error -- min_approvals would count c, too
        extract.review({ approve: allOf(atLeast(1, group('a'), group('b')), group('c')) }),
      ),
    'The gate of block "extract" is wrong: atLeast over several groups counts all its groups, and another group stands beside it.',
  ],
  [
    'some of several groups twice',
    () =>
      gated(
        extract.review({
          approve: allOf(
            // @ts-expect-error -- there is one min_approvals
            atLeast(1, group('a'), group('b')),
            atLeast(1, group('c'), group('d')),
          ),
        }),
      ),
    'The gate of block "extract" is wrong: more than one atLeast over several groups stands in it.',
  ],
  [
    'a group that stands there twice',
    // @ts-expect-error -- the same group
    () => gated(extract.review({ approve: allOf(group('a'), group('a')) })),
    'The gate of block "extract" is wrong: it names group "a" twice.',
  ],
  [
    'a person who stands there twice',
    // @ts-expect-error -- the same person
    () => gated(extract.review({ approve: allOf(person('u'), person('u')) })),
    'The gate of block "extract" is wrong: it names person "u" twice.',
  ],
  [
    'an optional person alone',
    // @ts-expect-error -- nobody would have to approve
    () => gated(extract.review({ approve: person('u', { optional: true }) })),
    'The gate of block "extract" is wrong: every person in it is optional, so that nobody would have to approve.',
  ],
  [
    'an approval that is none',
    // @ts-expect-error -- it is group('finance')
    () => gated(extract.review({ approve: 'finance' })),
    'The gate of block "extract" is wrong: its approve is neither group, person, atLeast nor allOf of these.',
  ],
  [
    'an approval by nobody of nothing',
    // @ts-expect-error -- all of nothing would be open to nobody, or to anybody
    () => gated(extract.review({ approve: allOf() })),
    'The gate of block "extract" is wrong: its approve is neither group, person, atLeast nor allOf of these.',
  ],
  [
    'a misspelt option of a gate',
    // @ts-expect-error -- it is instructions
    () => gated(extract.review({ instrctions: 'x' })),
    'The gate of block "extract" is wrong: there is no option instrctions; there are title, instructions, link, approve, selfApproval, onePersonOneEntry, corrections, correctionAuthorMayApprove, forceApprovalGroups, acknowledgeSuperseded, dueIn, placement, when, release, onReject.',
  ],
  [
    'what a rejection cannot do',
    // @ts-expect-error -- it is cancel
    () => gated(extract.review({ onReject: 'cancel_run' })),
    'The gate of block "extract" is wrong: its onReject is "cancel_run", and there are cancel, drop, continue.',
  ],
  [
    'a placement that there is not',
    // @ts-expect-error -- input or output
    () => gated(extract.review({ placement: 'before' })),
    'The gate of block "extract" is wrong: its placement is "before", and there are output, input.',
  ],
  [
    'an option of another type of block',
    // @ts-expect-error -- categories are a classifier's
    () => gated(block.task('task', { executor: supplied(), categories: ['a'] })),
    'Block "task" is wrong: there is no option categories; there are executor, needs, label, nConsensus, execution, schema.',
  ],
  [
    'a block without an executor',
    // @ts-expect-error -- how would it get its output?
    () => gated(block.task('task', {})),
    `Block "task" has no executor: it says how the block gets its output, as fn('name') does.`,
  ],
  [
    'a block without an executor behind a gate',
    // @ts-expect-error -- a gate does not give it one
    () => gated(block.task('task', {}).review({})),
    `Block "task" has no executor: it says how the block gets its output, as fn('name') does.`,
  ],
  [
    'a block of which nothing is said',
    // @ts-expect-error -- it needs an executor at least
    () => gated(block.task('task')),
    `Block "task" has no executor: it says how the block gets its output, as fn('name') does.`,
  ],
  [
    'a body that holds something else',
    () =>
      gated(
        // @ts-expect-error -- a body is made of blocks
        block.forEach('each', { executor: supplied(), body: [{ id: 'x' }] }),
      ),
    'The body of block "each" holds something that is no block.',
  ],
  [
    'blocks that are none',
    // @ts-expect-error -- blocks are made with block.task and the others
    () => defineWorkflow({ id: 'w', blocks: [{ id: 'a', type: 'task' }] }),
    'The blocks of a workflow are a list of what block.extract, block.task and the others make.',
  ],
  [
    'a workflow without blocks',
    // @ts-expect-error -- there is at least one
    () => defineWorkflow({ id: 'w', blocks: [] }),
    'The blocks of a workflow are a list of what block.extract, block.task and the others make.',
  ],
  [
    'a misspelt option of a workflow',
    // @ts-expect-error -- it is name
    () => defineWorkflow({ id: 'w', title: 'x', blocks: [task] }),
    'The workflow is wrong: there is no option title; there are id, name, metadata, blocks.',
  ],
  [
    'a gate of an own workflow that says what a rejection does',
    // @ts-expect-error -- the workflow gets the rejection as an answer
    () => gate({ onReject: 'continue' }),
    'The gate is wrong: an own workflow has neither placement nor onReject: it gets the rejection as an answer.',
  ],
  [
    'a function that is missing',
    () => {
      const workflow = defineWorkflow({ id: 'w', blocks: [extract, book] });
      // @ts-expect-error -- book is missing
      return defineBlocks(workflow, { read: () => ({ total: 1 }) });
    },
    'The workflow runs the function "book", which is not declared: add it.',
  ],
];

function gated(one: Block<string, BlockTypes & { readonly drops: false }>): unknown {
  return defineWorkflow({ id: 'w', blocks: [one] });
}

function problemsOf(make: () => unknown): readonly string[] {
  try {
    make();
    return [];
  } catch (error) {
    if (error instanceof DefinitionError) {
      return error.problems;
    }
    throw error;
  }
}

describe('what the compiler refuses is a sentence for whoever writes JavaScript', () => {
  test.each(mistakes)('%s', (_, make, sentence) => {
    expect(problemsOf(make)).toEqual([sentence]);
  });

  test('all of them are in one error, a line each', () => {
    const make = (): unknown =>
      // @ts-expect-error -- three mistakes at once
      defineWorkflow({ id: 'w', blocks: [book, book, refused.review] });
    expect(problemsOf(make)).toEqual([
      'The blocks of a workflow are a list of what block.extract, block.task and the others make.',
      'Two blocks have the id "book": give one of them another.',
      'Block "book" needs "extract", which is not in this workflow: add it to blocks.',
      'Block "book" needs "extract", which is not in this workflow: add it to blocks.',
    ]);
    expect(make).toThrow(/^The blocks .*\nTwo blocks have/);
  });
});
