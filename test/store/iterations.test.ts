import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Block, Gate } from '../../src/domain/definition.js';
import type { Json } from '../../src/domain/json.js';
import { FOR_EACH_RUN } from '../../src/domain/messages.js';
import type { Caller } from '../../src/domain/ledger.js';
import type { Blocked, Ended } from '../../src/domain/orders.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { addVersion } from '../../src/store/add-version.js';
import { whereaboutsOf } from '../../src/store/drift.js';
import { endRun } from '../../src/store/end-run.js';
import { checkGate, takeStep } from '../../src/store/gates.js';
import { beginIterations, type Begun, endIterations } from '../../src/store/iterations.js';
import { beginStep, completeStep, failAttempt, finishStep } from '../../src/store/ledger.js';
import {
  getStepContext,
  readBlockInput,
  readEffectiveOutput,
  readItems,
} from '../../src/store/steps.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import { getRun } from '../../src/store/runs.js';
import type { RunRow, StepRow } from '../../src/store/tables.js';
import { gateOf, loopOf, runOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aBlock, aGate, aRunningRun, check, park, person, vote } from '../support/parked.js';

const ann = person('u_ann');

describe('iterations', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  function each(body: readonly Block[], about: Partial<Block> = {}): Block {
    return aBlock('each', { type: 'for_each', body, ...about });
  }

  /** The workflow that runs an ungated block: of an iteration that which holds its for_each. */
  async function runnerOf(stepId: string): Promise<Caller> {
    const { parentStepId } = await stepOf(stepId);
    return parentStepId === null
      ? runOf(stepId)
      : { workflowId: (await stepOf(parentStepId)).holder ?? '', workflowType: FOR_EACH_RUN };
  }

  async function begin(stepId: string, token = 'a test'): ReturnType<typeof beginStep> {
    return await beginStep(database.db, stepId, await runnerOf(stepId), token);
  }

  /** Runs an ungated block to its end. */
  async function complete(stepId: string, output: Json): Promise<void> {
    expect(await begin(stepId)).toMatchObject({ kind: 'begin' });
    const result = { output, consensus: null, source: null };
    const finish = { stepId, attemptToken: 'a test', result };
    await finishStep(database.db, finish, (tx, now) => completeStep(tx, now.run, now.step, null));
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
    switch (begun.kind) {
      case 'begun':
        return begun.unended;
      case 'ended':
        return begun.end;
      default:
        return begun.kind;
    }
  }

  function endOf(ending: Ended | Blocked): string {
    return ending.kind === 'ended' ? ending.end : ending.kind;
  }

  describe('begin', () => {
    test('once the items are released, with a step for each block of each', async () => {
      const { run, stepId } = await released([{ n: 1 }, null], [aBlock('a'), aBlock('b')]);
      expect(await stepOf(stepId)).toMatchObject({ status: 'running', endedAt: null });
      expect(await beginIterations(database.db, stepId, loopOf(stepId))).toMatchObject({
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
      expect(await stepOf(stepId)).toMatchObject({ holder: loopOf(stepId).workflowId });
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
      const notYet = { kind: 'blocked', by: [stepId] };
      expect(await beginIterations(database.db, stepId, loopOf(stepId), true)).toEqual(notYet);
      await begin(stepId);
      expect(await beginIterations(database.db, stepId, loopOf(stepId), true)).toEqual(notYet);
      expect(await stepOf(stepId)).toMatchObject({ holder: null, holderNumber: 0 });
    });

    test('for nobody but a for_each run that was started for the step', async () => {
      const { stepId } = await released([1]);
      const strangers: readonly Caller[] = [
        null,
        runOf(stepId),
        loopOf(`${stepId}2`),
        { ...loopOf(stepId), workflowId: stepId },
        { ...loopOf(stepId), workflowType: 'somebodysOwn' },
      ];
      for (const caller of strangers) {
        expect(await beginIterations(database.db, stepId, caller, true)).toEqual({
          kind: 'not_theirs',
        });
      }
      // The gate of the step has done its part when its items are released.
      expect(unended(await beginIterations(database.db, stepId, gateOf(stepId), true))).toBe(
        'completed',
      );
      expect(await stepsIn(stepId)).toEqual([]);
      expect(await stepOf(stepId)).toMatchObject({ holder: null });
    });

    test('twice changes nothing, and twenty at once are one', async () => {
      const { stepId } = await released([1, 2, 3]);
      const all = await Promise.all(
        Array.from({ length: 20 }, () => beginIterations(database.db, stepId, loopOf(stepId))),
      );
      expect(all.map(unended)).toEqual(all.map(() => [0, 1, 2]));
      expect(await stepsIn(stepId)).toHaveLength(3);
    });

    test('again leaves out what has ended, and another workflow takes over once it is confirmed', async () => {
      const { run, stepId } = await released([1, 2, 3]);
      await beginIterations(database.db, stepId, loopOf(stepId));
      await complete(stepIdOf(run.id, 'one', '1'), 'done');
      const next = loopOf(stepId, 'next');
      expect(await beginIterations(database.db, stepId, next)).toEqual({
        kind: 'verify',
        parentWorkflowId: run.id,
      });
      expect(await stepOf(stepId)).toMatchObject({ holder: loopOf(stepId).workflowId });
      expect(unended(await beginIterations(database.db, stepId, next, true))).toEqual([0, 2]);
      expect(await stepOf(stepId)).toMatchObject({ holder: next.workflowId });
      for (const isConfirmed of [false, true]) {
        expect(
          unended(await beginIterations(database.db, stepId, loopOf(stepId), isConfirmed)),
        ).toBe('superseded');
      }
      // Nor do the blocks of an iteration begin for the one before.
      const inside = stepIdOf(run.id, 'one', '0');
      expect(await beginStep(database.db, inside, loopOf(stepId), 'late')).toEqual({
        kind: 'not_theirs',
      });
      const owed = await database.db
        .selectFrom('outbox')
        .select('workflowId')
        .where('runId', '=', run.id)
        .where('kind', '=', 'cancel')
        .execute();
      expect(owed).toEqual([{ workflowId: loopOf(stepId).workflowId }]);
    });

    test('with none is no error', async () => {
      const { stepId } = await released({ documents: [] });
      expect(unended(await beginIterations(database.db, stepId, loopOf(stepId)))).toEqual([]);
      expect(endOf(await endIterations(database.db, stepId, loopOf(stepId)))).toBe('completed');
      expect(await stepOf(stepId)).toMatchObject({ collected: '{"iterations":[]}' });
    });

    test('fails the step where there are too many, and then stays failed', async () => {
      const { stepId } = await released(Array.from({ length: 2_001 }, () => 1));
      expect(unended(await beginIterations(database.db, stepId, loopOf(stepId)))).toBe('failed');
      expect(unended(await beginIterations(database.db, stepId, loopOf(stepId)))).toBe('failed');
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
      expect(added.kind).toBe('created');
      const notYet = { kind: 'blocked', by: [gate.stepId] };
      expect(await beginIterations(db, gate.stepId, loopOf(gate.stepId))).toEqual(notYet);
      await vote(db, gate, ann);
      const done = { kind: 'ended', end: 'completed', run: null };
      expect(await check(db, gate)).toEqual(done);
      expect(unended(await beginIterations(db, gate.stepId, loopOf(gate.stepId)))).toEqual([0, 1]);
      const items = await readItems(db, [stepIdOf(run.id, 'one', '0')]);
      expect([...items.values()]).toEqual(['{"key":"b","pages":[1]}']);
      // Nobody is told to stop: the gate before has ended by itself.
      expect(await check(db, gate)).toEqual(done);
      const cancels = await db
        .selectFrom('outbox')
        .select('id')
        .where('runId', '=', run.id)
        .where('kind', '=', 'cancel')
        .execute();
      expect(cancels).toEqual([]);
      // A gate that a restarted run asks for once more finds its part done, and takes nothing over.
      const again = gateOf(gate.stepId, 'again');
      expect(await takeStep(db, gate.stepId, again, true)).toEqual(done);
      expect(await stepOf(gate.stepId)).toMatchObject({
        holder: loopOf(gate.stepId).workflowId,
        status: 'running',
      });
    });

    test('not in a run that is being cancelled', async () => {
      const { run, stepId } = await released([1]);
      await database.db
        .updateTable('run')
        .set({ status: 'cancelling' })
        .where('id', '=', run.id)
        .execute();
      expect(unended(await beginIterations(database.db, stepId, loopOf(stepId)))).toBe('stopped');
      expect(await stepsIn(stepId)).toEqual([]);
    });

    test('two thousand of several blocks in a moment', async () => {
      const body = Array.from({ length: 5 }, (_, index) => aBlock(`b${index}`));
      const { stepId } = await released(
        Array.from({ length: 2_000 }, (_, n) => n),
        body,
      );
      expect(unended(await beginIterations(database.db, stepId, loopOf(stepId)))).toHaveLength(
        2_000,
      );
      expect(await stepsIn(stepId)).toHaveLength(10_000);
    });
  });

  describe('end', () => {
    test('with what they gave, byte for byte and in the order of the items', async () => {
      const control = '\u0080';
      const awkward = { '\u20ac': 0.002, '\r': 'é', '1': [1e-27, 5e-324, 333333333.3333333] };
      const { run, stepId } = await released([awkward, 'b']);
      await beginIterations(database.db, stepId, loopOf(stepId));
      await complete(stepIdOf(run.id, 'one', '1'), control);
      await complete(stepIdOf(run.id, 'one', '0'), awkward);
      expect(endOf(await endIterations(database.db, stepId, loopOf(stepId)))).toBe('completed');
      const text = String.raw`{"\r":"é","1":[1e-27,5e-324,333333333.3333333],"€":0.002}`;
      const collected = `{"iterations":[{"item":${text},"iteration_key":"0","output":${text}},{"item":"b","iteration_key":"1","output":"${control}"}]}`;
      expect(await stepOf(stepId)).toMatchObject({ status: 'completed', collected });
      expect(await readEffectiveOutput(database.db, stepId)).toBe(collected);
    });

    test('by their holder, once, and twenty at once are one', async () => {
      const { run, stepId } = await released([1]);
      await beginIterations(database.db, stepId, loopOf(stepId));
      await complete(stepIdOf(run.id, 'one', '0'), 1);
      const strangers = [null, runOf(stepId), gateOf(stepId, 'x'), loopOf(stepId, 'another')];
      for (const caller of strangers) {
        expect(endOf(await endIterations(database.db, stepId, caller))).toBe('superseded');
      }
      expect(await stepOf(stepId)).toMatchObject({ status: 'running', collected: null });
      const ends = await Promise.all(
        Array.from({ length: 20 }, () => endIterations(database.db, stepId, loopOf(stepId))),
      );
      expect(new Set(ends.map(endOf))).toEqual(new Set(['completed']));
      const next = loopOf(stepId, 'next');
      expect(unended(await beginIterations(database.db, stepId, next, true))).toBe('completed');
      expect(await stepOf(stepId)).toMatchObject({ holder: loopOf(stepId).workflowId });
      expect(await getRun(database.db, run.id)).toMatchObject({ status: 'completed' });
    });

    test('not while one has not ended, which is named', async () => {
      const { run, stepId } = await released([1]);
      await beginIterations(database.db, stepId, loopOf(stepId));
      expect(await endIterations(database.db, stepId, loopOf(stepId))).toEqual({
        kind: 'blocked',
        by: [stepIdOf(run.id, 'one', '0')],
      });
      expect(await stepOf(stepId)).toMatchObject({ status: 'running', collected: null });
    });

    test('not while the steps of some have yet to be written', async () => {
      const { run, stepId } = await released([1, 2]);
      await beginIterations(database.db, stepId, loopOf(stepId));
      await complete(stepIdOf(run.id, 'one', '0'), 'done');
      // As if whoever began them had been cut off between two batches.
      const missing = stepIdOf(run.id, 'one', '1');
      await database.db.deleteFrom('step').where('id', '=', missing).execute();
      expect(await endIterations(database.db, stepId, loopOf(stepId))).toEqual({
        kind: 'blocked',
        by: [stepId],
      });
      expect(await stepOf(stepId)).toMatchObject({ status: 'running', collected: null });
      expect(unended(await beginIterations(database.db, stepId, loopOf(stepId)))).toEqual([1]);
    });

    test('in error where they gave too much together', async () => {
      const { run, stepId } = await released([1, 2]);
      await beginIterations(database.db, stepId, loopOf(stepId));
      const half = 'x'.repeat(4 * 1024 * 1024 - 40);
      await complete(stepIdOf(run.id, 'one', '0'), half);
      await complete(stepIdOf(run.id, 'one', '1'), half);
      expect(endOf(await endIterations(database.db, stepId, loopOf(stepId)))).toBe('failed');
      expect(await stepOf(stepId)).toMatchObject({
        status: 'error',
        errorMessage: expect.stringContaining('more than 8388608 bytes') as unknown,
      });
    });

    test('with their run: whatever has not ended is cancelled', async () => {
      const { run, stepId } = await released([1, 2]);
      await beginIterations(database.db, stepId, loopOf(stepId));
      await begin(stepIdOf(run.id, 'one', '0'));
      await endRun(database.db, run.id, { kind: 'cancelled' });
      expect(await stepsIn(stepId)).toMatchObject([
        {
          status: 'cancelled',
          reason: 'the run was cancelled (while its block was being executed)',
        },
        { status: 'cancelled', reason: 'the run was cancelled' },
      ]);
      expect(endOf(await endIterations(database.db, stepId, loopOf(stepId)))).toBe('stopped');
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
    await beginIterations(db, outerId, loopOf(outerId));
    await complete(stepIdOf(run.id, 'upper', '0'), 'upper of A');
    await complete(stepIdOf(run.id, 'upper', '1'), 'upper of B');
    const innerId = stepIdOf(run.id, 'inner', '1');
    await complete(innerId, ['x', 'y']);
    expect(await beginIterations(db, innerId, loopOf(innerId))).toMatchObject({
      iterationKey: '1',
    });
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
      before: (run: RunRow) => Promise<unknown> = async () => {},
    ) {
      const { run, stepId } = await released([{ n: 1 }, { n: 2 }], body(aGate(gate)));
      await beginIterations(database.db, stepId, loopOf(stepId));
      const parked = await parkAt(run, 'check', '0');
      await before(run);
      const done = await vote(database.db, parked, ann, { verdict: 'rejected', reason: 'no' });
      expect(done).toMatchObject({ kind: 'recorded', settled: true });
      expect(await getRun(database.db, run.id)).toMatchObject({ status: 'running' });
      return { run, stepId, parked };
    }

    async function parkAt(run: RunRow, blockId: string, key: string) {
      return await park(database.db, run, blockId, { n: 1 }, key);
    }

    test.each([
      ['drop', 'dropped'],
      ['continue', 'skipped'],
    ] as const)(
      'with %s ends the step in the transaction of the vote, and says so whoever asks, twenty times over',
      async (on, end) => {
        const { run, parked } = await refused({ on_reject: on });
        const ended = await stepOf(parked.stepId);
        expect(ended).toMatchObject({
          status: 'skipped',
          reason: 'rejected by Name of u_ann: no',
        });
        expect(await whereaboutsOf(database.db, parked.review.id)).toMatchObject({
          isSettled: true,
        });
        const callers = [null, gateOf(parked.stepId), gateOf(parked.stepId, 'another')];
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            checkGate(database.db, parked.stepId, callers[n % callers.length] ?? null),
          ),
        );
        expect(answers).toEqual(answers.map(() => ({ kind: 'ended', end, run: null })));
        expect(await stepOf(parked.stepId)).toEqual(ended);
        expect(await readEffectiveOutput(database.db, parked.stepId)).toBeNull();
        const audit = await database.db
          .selectFrom('audit')
          .select('action')
          .where('runId', '=', run.id)
          .where('action', '=', 'iteration_dropped')
          .execute();
        expect(audit).toHaveLength(on === 'drop' ? 1 : 0);
      },
    );

    test('comes too late after a cancellation of the run', async () => {
      const { db } = database;
      const { run, stepId } = await released(
        [{ n: 1 }],
        [aBlock('check', { review: aGate({ on_reject: 'drop' }) })],
      );
      await beginIterations(db, stepId, loopOf(stepId));
      const parked = await parkAt(run, 'check', '0');
      await endRun(db, run.id, { kind: 'cancelled' });
      expect(await vote(db, parked, ann, { verdict: 'rejected' })).toMatchObject({
        kind: 'refused',
        refusals: [{ code: 'REVIEW_CANCELLED' }],
      });
      expect(await check(db, parked)).toEqual({ kind: 'ended', end: 'stopped', run: 'cancelled' });
      expect(await stepOf(parked.stepId)).toMatchObject({ status: 'cancelled' });
    });

    const withSiblings = (review: Gate): readonly Block[] => [
      aBlock('check', { review }),
      aBlock('busy'),
      aBlock('beside', { review: aGate() }),
      aBlock('later', { needs: ['check'] }),
    ];
    const SKIPPED = { kind: 'ended', end: 'skipped', run: null };

    test('drops what has not begun or waits, in its own iteration only', async () => {
      const { db } = database;
      const { run, stepId } = await refused({ on_reject: 'drop' }, withSiblings, async (begun) => {
        await parkAt(begun, 'beside', '0');
        await parkAt(begun, 'beside', '1');
        await begin(stepIdOf(begun.id, 'busy', '0'));
      });
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
      const beside = { stepId: stepIdOf(run.id, 'beside', '0') };
      const review = await findReviewOfStep(db, beside.stepId);
      const signals = await db
        .selectFrom('outbox')
        .select('reviewId')
        .where('reviewId', '=', review?.id ?? '')
        .where('kind', '=', 'signal')
        .execute();
      expect(signals).toHaveLength(1);
      expect(await check(db, beside)).toEqual(SKIPPED);
    });

    test('lets what was being executed end, and begins it no more', async () => {
      const { db } = database;
      const { run, parked } = await refused({ on_reject: 'drop' }, withSiblings, (begun) =>
        begin(stepIdOf(begun.id, 'busy', '0'), 'first'),
      );
      const busy = stepIdOf(run.id, 'busy', '0');
      expect(await stepOf(busy)).toMatchObject({ status: 'running' });
      expect(await begin(stepIdOf(run.id, 'later', '0'))).toEqual(SKIPPED);
      expect(await beginStep(db, parked.stepId, gateOf(parked.stepId), 'x')).toEqual(SKIPPED);
      // Its worker was lost: another attempt is not made.
      expect(await begin(busy, 'second')).toEqual(SKIPPED);
      expect(await stepOf(busy)).toMatchObject({
        status: 'skipped',
        reason: "iteration 0 was dropped: block 'check' was rejected by Name of u_ann: no",
      });
    });

    test('a failure of what was being executed does not fail the run', async () => {
      const { db } = database;
      const { run } = await refused({ on_reject: 'drop' }, withSiblings, (begun) =>
        begin(stepIdOf(begun.id, 'busy', '0'), 'first'),
      );
      const stepId = stepIdOf(run.id, 'busy', '0');
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
        const { run, stepId } = await refused({ on_reject: onReject });
        const other = await parkAt(run, 'check', '1');
        await vote(db, other, ann);
        expect(await endIterations(db, stepId, loopOf(stepId))).toEqual({
          kind: 'ended',
          end: 'completed',
          run: 'completed',
        });
        expect(await stepOf(stepId)).toMatchObject({ collected: expected });
      }
    });
  });
});
