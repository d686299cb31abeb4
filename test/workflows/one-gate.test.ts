import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addVersion } from '../../src/store/add-version.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { readEffectiveOutput } from '../../src/store/steps.js';
import {
  block,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';

describe('one gate', () => {
  let on: Installation;
  const executed: string[] = [];

  beforeAll(async () => {
    on = await startInstallation({
      drop_table: ({ input }, { stepId }) => {
        executed.push(stepId);
        return { done: input };
      },
      fail: () => {
        throw new Error('no such table');
      },
    });
  });
  afterAll(() => on.stop());

  test('an approved output flows on byte for byte, corrections included', async () => {
    const run = await on.run(
      [
        block('extract', { review: gate({ groups: [{ group: 'finance', required: 2 }] }) }),
        passing('book', 'extract'),
      ],
      { extract: { total: 5, note: 'é' } },
    );
    const review = await on.reviewOf(run, 'extract');
    const added = await addVersion(on.database.db, reviewer('u1', 'finance'), review.id, {
      parentId: review.newestVersionId,
      snapshot: { note: 'é', total: 7, empty: null },
      note: null,
      origin: 'human_edit',
      acknowledgedVersionIds: [],
    });
    expect(added.kind).toBe('created');
    await on.vote(review, reviewer('u1', 'finance'));
    const second = await on.vote(review, reviewer('u2', 'finance'));
    expect(second).toMatchObject({ kind: 'recorded', settled: true });

    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    const text = '{"empty":null,"note":"é","total":7}';
    expect(await readEffectiveOutput(on.database.db, stepIdOf(run.id, 'extract'))).toBe(text);
    expect(await on.step(run, 'book')).toMatchObject({ status: 'completed', output: text });
    expect(await on.reviewOf(run, 'extract')).toMatchObject({ status: 'EXECUTED' });
  });

  test('a rejection cancels the run, and nothing behind the gate begins', async () => {
    const run = await on.run([block('extract', { review: gate() }), passing('book', 'extract')], {
      extract: { total: 5 },
    });
    const review = await on.reviewOf(run, 'extract');
    await on.vote(review, reviewer('u1'), { verdict: 'rejected', reason: 'wrong vendor' });
    expect(await on.ended(run)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'wrong vendor',
      cancelledBy: 'u1',
    });
    expect(await on.step(run, 'book')).toMatchObject({ status: 'cancelled', output: null });
  });

  test('an approved input is executed once, and not before', async () => {
    const run = await on.run(
      [
        block('drop', {
          executor: { kind: 'function', name: 'drop_table' },
          execution: { repeatable: false, attempts: 1, timeout: '30s' },
          review: gate({ placement: 'input', corrections: 'none' }),
        }),
      ],
      { drop: { table: 'orders' } },
    );
    const review = await on.reviewOf(run, 'drop');
    expect(executed).not.toContain(stepIdOf(run.id, 'drop'));
    await on.vote(review, reviewer('u1'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(executed.filter((id) => id === stepIdOf(run.id, 'drop'))).toHaveLength(1);
    expect(await on.step(run, 'drop')).toMatchObject({ output: '{"done":{"table":"orders"}}' });
    expect(await on.reviewOf(run, 'drop')).toMatchObject({ status: 'EXECUTED' });
  });

  test('a gate whose predicate does not fire lets the block through without a review', async () => {
    const small = gate({ predicate: { kind: 'expression', expression: 'output.total > 100.0' } });
    const run = await on.run([block('extract', { review: small }), passing('book', 'extract')], {
      extract: { total: 5 },
    });
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test('a block that fails ends the run with its message, after its attempts', async () => {
    const failing = block('fetch', {
      executor: { kind: 'function', name: 'fail' },
      execution: { repeatable: true, attempts: 2, timeout: '30s' },
    });
    const run = await on.run([failing]);
    expect(await on.ended(run)).toMatchObject({
      status: 'error',
      errorMessage: 'no such table',
      failingStepId: stepIdOf(run.id, 'fetch'),
    });
    expect(await on.step(run, 'fetch')).toMatchObject({ failures: 2 });
  });
});
