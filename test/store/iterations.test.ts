import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Block, Gate } from '../../src/domain/definition.js';
import type { Json } from '../../src/domain/json.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { addVersion } from '../../src/store/add-version.js';
import { whereaboutsOf } from '../../src/store/drift.js';
import { endRun } from '../../src/store/end-run.js';
import { takeStep } from '../../src/store/gates.js';
import { beginIterations, type Begun, endIterations } from '../../src/store/iterations.js';
import { beginStep, completeStep, failAttempt, finishStep } from '../../src/store/ledger.js';
import {
  getStepContext,
  readBlockInput,
  readEffectiveOutput,
  readItems,
} from '../../src/store/steps.js';
import type { RunRow, StepRow } from '../../src/store/tables.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aBlock, aGate, aRunningRun, claim, park, person, vote } from '../support/parked.js';

const ann = person('u_ann');
const OLD = { workflowId: 'w_old', startedAt: '2026-05-13T08:00:00.000Z' };
const NEW = { workflowId: 'w_new', startedAt: '2026-05-13T09:00:00.000Z' };

describe('iterations', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  function each(body: readonly Block[], about: Partial<Block> = {}): Block {
    return aBlock('each', { type: 'for_each', body, ...about });
  }

  /** Runs an ungated block to its end. */
  async function complete(stepId: string, output: Json): Promise<void> {
    const { db } = database;
    const beginning = await beginStep(db, stepId, null, 'a test');
    expect(beginning.kind).toBe('begin');
    const result = { output, consensus: null, source: null };
    await finishStep(db, { stepId, attemptToken: 'a test', result }, (tx, { step }) =>
      completeStep(tx, step, null),
    );
  }

  /** A run whose for_each has its items released. */
  async function released(
    items: Json,
    body: readonly Block[] = [aBlock('one')],
  ): Promise<{ readonly run: RunRow; readonly stepId: string }> {
    const run = await aRunningRun(database.db, [each(body)]);
    const stepId = stepIdOf(run.id, 'each');
    await complete(stepId, items);
    return { run, stepId };
  }

  async function stepOf(stepId: string): Promise<StepRow> {
    return (await getStepContext(database.db, stepId)).step;
  }

  async function stepsIn(stepId: string): Promise<readonly StepRow[]> {
    return await database.db
      .selectFrom('step')
      .selectAll()
      .where('parentStepId', '=', stepId)
      .orderBy('id')
      .execute();
  }

  function unended(begun: Begun): readonly number[] | string {
    return begun.kind === 'begun' ? begun.unended : begun.end;
  }

  describe('begin', () => {
    test('once the items are released, with a step for each block of each', async () => {
      const { run, stepId } = await released([{ n: 1 }, null], [aBlock('a'), aBlock('b')]);
      expect(await stepOf(stepId)).toMatchObject({ status: 'running', endedAt: null });
      expect(await beginIterations(database.db, stepId, OLD)).toMatchObject({
        kind: 'begun',
        iterationKey: null,
        unended: [0, 1],
        body: [{ id: 'a' }, { id: 'b' }],
      });
      expect(await stepsIn(stepId)).toMatchObject([
        { id: `${run.id}_a@0`, position: 0, iterationKey: '0', status: 'pending' },
        { id: `${run.id}_a@1`, position: 0, iterationKey: '1', status: 'pending' },
        { id: `${run.id}_b@0`, position: 1, iterationKey: '0', status: 'pending' },
        { id: `${run.id}_b@1`, position: 1, iterationKey: '1', status: 'pending' },
      ]);
      expect(await stepOf(stepId)).toMatchObject({ holder: 'w_old' });
      const ids = [`${run.id}_a@0`, `${run.id}_a@1`, stepId];
      expect(await readItems(database.db, ids)).toEqual(
        new Map([
          [`${run.id}_a@0`, '{"n":1}'],
          [`${run.id}_a@1`, 'null'],
        ]),
      );
    });

    test('not before', async () => {
      const run = await aRunningRun(database.db, [each([aBlock('one')])]);
      const stepId = stepIdOf(run.id, 'each');
      await expect(beginIterations(database.db, stepId, OLD)).rejects.toThrow('no released items');
    });

    test('twice changes nothing, and twenty at once are one', async () => {
      const { stepId } = await released([1, 2, 3]);
      const all = await Promise.all(
        Array.from({ length: 20 }, () => beginIterations(database.db, stepId, OLD)),
      );
      expect(all.map(unended)).toEqual(all.map(() => [0, 1, 2]));
      expect(await stepsIn(stepId)).toHaveLength(3);
    });

    test('again leaves out what has ended, and a younger workflow takes over', async () => {
      const { run, stepId } = await released([1, 2, 3]);
      await beginIterations(database.db, stepId, OLD);
      await complete(stepIdOf(run.id, 'one', '1'), 'done');
      expect(unended(await beginIterations(database.db, stepId, NEW))).toEqual([0, 2]);
      expect(await stepOf(stepId)).toMatchObject({ holder: 'w_new' });
      expect(unended(await beginIterations(database.db, stepId, OLD))).toBe('superseded');
      const owed = await database.db
        .selectFrom('outbox')
        .select('workflowId')
        .where('runId', '=', run.id)
        .where('kind', '=', 'cancel')
        .execute();
      expect(owed).toEqual([{ workflowId: 'w_old' }]);
    });

    test('with none is no error', async () => {
      const { stepId } = await released({ documents: [] });
      expect(unended(await beginIterations(database.db, stepId, OLD))).toEqual([]);
      expect(await endIterations(database.db, stepId, 'w_old')).toBe('completed');
      expect(await stepOf(stepId)).toMatchObject({ collected: '{"iterations":[]}' });
    });

    test('fails the step where there are too many, and then stays failed', async () => {
      const { stepId } = await released(Array.from({ length: 2_001 }, () => 1));
      expect(unended(await beginIterations(database.db, stepId, OLD))).toBe('failed');
      expect(unended(await beginIterations(database.db, stepId, OLD))).toBe('failed');
      expect(await stepOf(stepId)).toMatchObject({
        status: 'error',
        errorMessage: expect.stringContaining('2001 items') as unknown,
      });
    });

    test('over the items that were approved, however often they were corrected', async () => {
      const { db } = database;
      const review = aGate();
      const run = await aRunningRun(db, [each([aBlock('one')], { review })]);
      const seed = { partitions: [{ key: 'a', pages: [1, 2] }] };
      const gate = await park(db, run, 'each', seed);
      const added = await addVersion(db, ann, gate.review.id, {
        parentId: gate.review.newestVersionId,
        snapshot: { partitions: ['b', 'c'].map((key, n) => ({ key, pages: [n + 1] })) },
        note: null,
        origin: 'human_edit',
        acknowledgedVersionIds: [],
      });
      await vote(db, gate, ann);
      const versionId = added.kind === 'created' ? added.version.id : '';
      await expect(beginIterations(db, gate.stepId, OLD)).rejects.toThrow('no released items');
      expect(await claim(db, gate, { versionId })).toEqual({ granted: true, outcome: 'released' });
      expect(await claim(db, gate, { versionId })).toEqual({ granted: true, outcome: 'released' });
      expect(unended(await beginIterations(db, gate.stepId, OLD))).toEqual([0, 1]);
      const items = await readItems(db, [stepIdOf(run.id, 'one', '0')]);
      expect([...items.values()]).toEqual(['{"key":"b","pages":[1]}']);
      // Nobody is told to stop: the gate before has ended by itself.
      expect(await claim(db, gate, { versionId })).toEqual({ granted: true, outcome: 'released' });
      const cancels = await db
        .selectFrom('outbox')
        .select('id')
        .where('runId', '=', run.id)
        .where('kind', '=', 'cancel')
        .execute();
      expect(cancels).toEqual([]);
      // A gate that a restarted run asks for once more finds its part done, and takes nothing over.
      const again = { workflowId: 'w_gate_again', startedAt: new Date().toISOString() };
      expect(await takeStep(db, gate.stepId, again)).toEqual({ kind: 'ended', end: 'completed' });
      expect(await stepOf(gate.stepId)).toMatchObject({ holder: 'w_old', status: 'running' });
    });

    test('not in a run that is being cancelled', async () => {
      const { run, stepId } = await released([1]);
      await database.db
        .updateTable('run')
        .set({ status: 'cancelling' })
        .where('id', '=', run.id)
        .execute();
      expect(unended(await beginIterations(database.db, stepId, OLD))).toBe('stopped');
      expect(await stepsIn(stepId)).toEqual([]);
    });

    test('two thousand of several blocks in a moment', async () => {
      const body = Array.from({ length: 5 }, (_, index) => aBlock(`b${index}`));
      const { stepId } = await released(
        Array.from({ length: 2_000 }, (_, n) => n),
        body,
      );
      expect(unended(await beginIterations(database.db, stepId, OLD))).toHaveLength(2_000);
      expect(await stepsIn(stepId)).toHaveLength(10_000);
    });
  });

  describe('end', () => {
    test('with what they gave, byte for byte and in the order of the items', async () => {
      const control = '\u0080';
      const awkward = { '\u20ac': 0.002, '\r': 'é', '1': [1e-27, 5e-324, 333333333.3333333] };
      const { run, stepId } = await released([awkward, 'b']);
      await beginIterations(database.db, stepId, OLD);
      await complete(stepIdOf(run.id, 'one', '1'), control);
      await complete(stepIdOf(run.id, 'one', '0'), awkward);
      expect(await endIterations(database.db, stepId, 'w_old')).toBe('completed');
      const text = String.raw`{"\r":"é","1":[1e-27,5e-324,333333333.3333333],"€":0.002}`;
      const collected = `{"iterations":[{"item":${text},"iteration_key":"0","output":${text}},{"item":"b","iteration_key":"1","output":"${control}"}]}`;
      expect(await stepOf(stepId)).toMatchObject({ status: 'completed', collected });
      expect(await readEffectiveOutput(database.db, stepId)).toBe(collected);
    });

    test('by their holder, once, and twenty at once are one', async () => {
      const { run, stepId } = await released([1]);
      await beginIterations(database.db, stepId, OLD);
      await complete(stepIdOf(run.id, 'one', '0'), 1);
      expect(await endIterations(database.db, stepId, 'somebody else')).toBe('superseded');
      const ends = await Promise.all(
        Array.from({ length: 20 }, () => endIterations(database.db, stepId, 'w_old')),
      );
      expect(new Set(ends)).toEqual(new Set(['completed']));
      expect(unended(await beginIterations(database.db, stepId, NEW))).toBe('completed');
      expect(await stepOf(stepId)).toMatchObject({ holder: 'w_old' });
    });

    test('not while one has not ended', async () => {
      const { stepId } = await released([1]);
      await beginIterations(database.db, stepId, OLD);
      await expect(endIterations(database.db, stepId, 'w_old')).rejects.toThrow('have not ended');
    });

    test('in error where they gave too much together', async () => {
      const { run, stepId } = await released([1, 2]);
      await beginIterations(database.db, stepId, OLD);
      const half = 'x'.repeat(4 * 1024 * 1024 - 40);
      await complete(stepIdOf(run.id, 'one', '0'), half);
      await complete(stepIdOf(run.id, 'one', '1'), half);
      expect(await endIterations(database.db, stepId, 'w_old')).toBe('failed');
      expect(await stepOf(stepId)).toMatchObject({
        status: 'error',
        errorMessage: expect.stringContaining('more than 8388608 bytes') as unknown,
      });
    });

    test('with their run: whatever has not ended is cancelled', async () => {
      const { run, stepId } = await released([1, 2]);
      await beginIterations(database.db, stepId, OLD);
      await beginStep(database.db, stepIdOf(run.id, 'one', '0'), null, 'a test');
      await endRun(database.db, run.id, { kind: 'cancelled' });
      expect(await stepsIn(stepId)).toMatchObject([
        {
          status: 'cancelled',
          reason: 'the run was cancelled (while its block was being executed)',
        },
        { status: 'cancelled', reason: 'the run was cancelled' },
      ]);
      expect(await endIterations(database.db, stepId, 'w_old')).toBe('stopped');
    });
  });

  test('a step in an iteration is given its item, and of every block it needs the nearest step', async () => {
    const { db } = database;
    const leaf = aBlock('leaf', { needs: ['sibling', 'upper', 'rates'] });
    const inner = aBlock('inner', {
      type: 'for_each',
      needs: ['upper', 'rates'],
      body: [aBlock('sibling'), leaf],
    });
    const run = await aRunningRun(db, [
      aBlock('rates'),
      each([aBlock('upper'), inner], { needs: ['rates'] }),
    ]);
    await complete(stepIdOf(run.id, 'rates'), 'rates');
    const outerId = stepIdOf(run.id, 'each');
    await complete(outerId, ['A', 'B']);
    await beginIterations(db, outerId, OLD);
    await complete(stepIdOf(run.id, 'upper', '0'), 'upper of A');
    await complete(stepIdOf(run.id, 'upper', '1'), 'upper of B');
    const innerId = stepIdOf(run.id, 'inner', '1');
    await complete(innerId, ['x', 'y']);
    expect(await beginIterations(db, innerId, OLD)).toMatchObject({ iterationKey: '1' });
    await complete(stepIdOf(run.id, 'sibling', '1.0'), 'sibling of x');
    await complete(stepIdOf(run.id, 'sibling', '1.1'), 'sibling of y');
    const context = await getStepContext(db, stepIdOf(run.id, 'leaf', '1.1'));
    expect(await readBlockInput(db, context)).toEqual({
      input: 'y',
      blocks: { sibling: 'sibling of y', upper: 'upper of B', rates: 'rates' },
    });
  });

  describe('a refusal that does not cancel the run', () => {
    async function refused(
      gate: Partial<Gate>,
      body: (review: Gate) => readonly Block[] = (review) => [aBlock('check', { review })],
    ) {
      const { run, stepId } = await released([{ n: 1 }, { n: 2 }], body(aGate(gate)));
      await beginIterations(database.db, stepId, OLD);
      const parked = await parkAt(run, 'check', '0');
      const done = await vote(database.db, parked, ann, { verdict: 'rejected', reason: 'no' });
      expect(done).toMatchObject({ kind: 'recorded', settled: true });
      expect(
        await database.db
          .selectFrom('run')
          .select('status')
          .where('id', '=', run.id)
          .executeTakeFirst(),
      ).toEqual({ status: 'running' });
      return { run, stepId, parked };
    }

    async function parkAt(run: RunRow, blockId: string, key: string) {
      return await park(database.db, run, blockId, { n: 1 }, key);
    }

    test.each([
      ['drop', 'dropped'],
      ['continue', 'skipped'],
    ] as const)(
      'with %s ends the step as it is claimed, twenty times over',
      async (on, outcome) => {
        const { run, parked } = await refused({ on_reject: on });
        expect(await whereaboutsOf(database.db, parked.review.id)).toMatchObject({
          isSettled: false,
        });
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => claim(database.db, parked, { status: 'REJECTED' })),
        );
        expect(answers).toEqual(answers.map(() => ({ granted: true, outcome })));
        expect(await stepOf(parked.stepId)).toMatchObject({
          status: 'skipped',
          reason: 'rejected by Name of u_ann: no',
        });
        expect(await readEffectiveOutput(database.db, parked.stepId)).toBeNull();
        expect(await whereaboutsOf(database.db, parked.review.id)).toMatchObject({
          isSettled: true,
        });
        const audit = await database.db
          .selectFrom('audit')
          .select('action')
          .where('runId', '=', run.id)
          .where('action', '=', 'iteration_dropped')
          .execute();
        expect(audit).toHaveLength(on === 'drop' ? 1 : 0);
      },
    );

    test('is nobody but the holder’s to claim', async () => {
      const { parked } = await refused({ on_reject: 'drop' });
      expect(
        await claim(database.db, { ...parked, holder: 'somebody else' }, { status: 'REJECTED' }),
      ).toMatchObject({ granted: false, why: 'superseded' });
      expect(await stepOf(parked.stepId)).toMatchObject({ status: 'awaiting_review' });
    });

    test('is overtaken by a cancellation of the run', async () => {
      const { run, parked } = await refused({ on_reject: 'drop' });
      await endRun(database.db, run.id, { kind: 'cancelled' });
      expect(await claim(database.db, parked, { status: 'REJECTED' })).toEqual({
        granted: true,
        outcome: 'rejected',
      });
      expect(await stepOf(parked.stepId)).toMatchObject({ status: 'cancelled' });
    });

    const withSiblings = (review: Gate): readonly Block[] => [
      aBlock('check', { review }),
      aBlock('busy'),
      aBlock('beside', { review: aGate() }),
      aBlock('later', { needs: ['check'] }),
    ];

    test('drops what has not begun or waits, in its own iteration only', async () => {
      const { run, stepId, parked } = await refused({ on_reject: 'drop' }, withSiblings);
      const beside = await parkAt(run, 'beside', '0');
      await parkAt(run, 'beside', '1');
      await beginStep(database.db, stepIdOf(run.id, 'busy', '0'), null, 'a test');
      await claim(database.db, parked, { status: 'REJECTED' });
      const statuses = (await stepsIn(stepId)).map(({ id, status }) => [
        id.slice(run.id.length + 1),
        status,
      ]);
      expect(Object.fromEntries(statuses)).toEqual({
        'check@0': 'skipped',
        'busy@0': 'running',
        'beside@0': 'skipped',
        'later@0': 'skipped',
        'check@1': 'pending',
        'busy@1': 'pending',
        'beside@1': 'awaiting_review',
        'later@1': 'pending',
      });
      // Its gate hears of it, and ends when it asks.
      const signals = await database.db
        .selectFrom('outbox')
        .select('reviewId')
        .where('reviewId', '=', beside.review.id)
        .where('kind', '=', 'signal')
        .execute();
      expect(signals).toHaveLength(1);
      expect(await claim(database.db, beside, { status: 'REVOKED' })).toEqual({
        granted: true,
        outcome: 'skipped',
      });
    });

    test('lets what was being executed end, and begins it no more', async () => {
      const { db } = database;
      const { run, parked } = await refused({ on_reject: 'drop' }, withSiblings);
      const [ok, again, failing] = [
        stepIdOf(run.id, 'busy', '0'),
        stepIdOf(run.id, 'later', '0'),
        stepIdOf(run.id, 'check', '0'),
      ];
      await beginStep(db, ok, null, 'first');
      await claim(db, parked, { status: 'REJECTED' });
      expect(await beginStep(db, again, null, 'x')).toEqual({ kind: 'ended', end: 'skipped' });
      expect(await beginStep(db, failing, parked.holder, 'x')).toEqual({
        kind: 'ended',
        end: 'skipped',
      });
      // Its worker was lost: another attempt is not made.
      expect(await beginStep(db, ok, null, 'second')).toEqual({ kind: 'ended', end: 'skipped' });
      expect(await stepOf(ok)).toMatchObject({
        status: 'skipped',
        reason: "iteration 0 was dropped: block 'check' was rejected by Name of u_ann: no",
      });
    });

    test('a failure of what was being executed does not fail the run', async () => {
      const { db } = database;
      const { run, parked } = await refused({ on_reject: 'drop' }, withSiblings);
      const stepId = stepIdOf(run.id, 'busy', '0');
      await beginStep(db, stepId, null, 'first');
      await claim(db, parked, { status: 'REJECTED' });
      expect(await failAttempt(db, stepId, 'first', 'out of paper', false)).toBe('skipped');
      expect(await stepOf(stepId)).toMatchObject({
        status: 'skipped',
        reason: expect.stringMatching(
          /^iteration 0 was dropped: .* \(its block failed: out of paper\)$/,
        ) as unknown,
      });
    });

    test('a dropped iteration is left out, one that continues has null', async () => {
      const { db } = database;
      for (const [onReject, expected] of [
        ['drop', '{"iterations":[{"item":{"n":2},"iteration_key":"1","output":{"n":1}}]}'],
        [
          'continue',
          '{"iterations":[{"item":{"n":1},"iteration_key":"0","output":null},{"item":{"n":2},"iteration_key":"1","output":{"n":1}}]}',
        ],
      ] as const) {
        const { run, stepId, parked } = await refused({ on_reject: onReject });
        await claim(db, parked, { status: 'REJECTED' });
        const other = await parkAt(run, 'check', '1');
        await vote(db, other, ann);
        await claim(db, other);
        expect(await endIterations(db, stepId, 'w_old')).toBe('completed');
        expect(await stepOf(stepId)).toMatchObject({ collected: expected });
      }
    });
  });
});
