import { describe, expect, test } from 'vitest';
import workflow from '../../examples/invoice-intake/workflow.js';
import { BLOCK_TYPES } from '../../src/domain/definition.js';
import { gate, type DeclaredBlock } from '../../src/index.js';
import { definitionVersionId } from '../../src/rules/content-ids.js';
import { parseDefinition } from '../../src/rules/definition.js';
import { PROGRAMS } from './programs.js';

/** The definition that a body is stored as. */
function stored(id: string, body: unknown): unknown {
  const parsed = parseDefinition(id, body);
  return 'definition' in parsed ? parsed.definition : parsed;
}

describe('defineWorkflow', () => {
  test.each(PROGRAMS)('compiles $about to what an author would write in JSON', (program) => {
    const { id, ...body } = program.built;
    expect(body.blocks).toStrictEqual(program.blocks);
    expect(JSON.parse(JSON.stringify(program.built))).toEqual(program.built);
    expect(stored(id, body)).toHaveProperty('blocks');
    expect(stored(id, body)).toEqual(stored(id, { ...body, blocks: program.blocks }));
  });

  test('can say everything that a definition can say', () => {
    const written = PROGRAMS.flatMap(({ blocks }) => blocks.flatMap((block) => withBody(block)));
    const gates = written.flatMap(({ review }) => (review === undefined ? [] : [review]));
    const keys = (objects: readonly object[]): readonly string[] =>
      [...new Set(objects.flatMap((one) => Object.keys(one)))].toSorted();
    expect([...new Set(written.map(({ type }) => type))].toSorted()).toEqual(
      BLOCK_TYPES.toSorted(),
    );
    const blockKeys =
      'id type label needs executor review json_schema categories n_consensus map_method key allow_overlap body execution';
    expect(keys(written)).toEqual(blockKeys.split(' ').toSorted());
    const gateKeys =
      'name instructions link predicate when placement groups reviewers min_approvals self_approval one_person_one_entry corrections correction_author_may_approve release on_reject force_approval_groups acknowledge_superseded due_in';
    expect(keys(gates)).toEqual(gateKeys.split(' ').toSorted());
  });

  test('gives the invoice example the version that it had when it was written in JSON', () => {
    const { id, ...body } = workflow;
    const parsed = parseDefinition(id, body);
    expect('definition' in parsed && definitionVersionId('prj_default', parsed.definition)).toBe(
      'wfv_AXQRUFSUQMTQDNJVRZFKNJ6LGI',
    );
  });
});

describe('gate', () => {
  test('compiles the gate of an own workflow to the form that a block has', () => {
    const review = gate<{ readonly amount: number; readonly to: { readonly country?: string } }>({
      title: 'Refund',
      when: ({ output }) => output.amount.gt(100).and(output.to.country.isPresent()),
      release: { after: '1m' },
    });
    expect(review).toStrictEqual({
      name: 'Refund',
      when: 'output.amount > 100.0 && has(output.to.country)',
      release: { after: '1m' },
    });
    const blocks = [{ id: 'a', type: 'task', executor: { kind: 'supplied' }, review }];
    expect(stored('w', { blocks })).toHaveProperty('blocks');
  });
});

function withBody(block: DeclaredBlock): readonly DeclaredBlock[] {
  return [block, ...(block.body ?? []).flatMap((inner) => withBody(inner))];
}
