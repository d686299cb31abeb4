import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cancelRun } from '../../src/store/cancel-run.js';
import { getRun } from '../../src/store/runs.js';
import { settleStep } from '../../src/store/settle-step.js';
import { SYSTEM } from '../../src/store/actors.js';
import type { RunRow } from '../../src/store/tables.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import {
  block,
  forEach,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';

let on: Installation;
let op: Operator;
/** What is thrown by `flaky` as long as it is not empty. */
let trouble = '';
const executed: string[] = [];
const held = new Map<string, () => void>();

beforeAll(async () => {
  on = await startInstallation({
    flaky: ({ input }, { stepId }) => {
      executed.push(stepId);
      if (trouble !== '') {
        throw new Error(trouble);
      }
      return { done: input };
    },
    held: async ({ input }, { stepId }) => {
      executed.push(stepId);
      await new Promise<void>((resolve) => held.set(stepId, resolve));
      return { done: input };
    },
    deaf: () => new Promise(() => {}),
  });
  op = new Operator(on.temporal.connection);
});
afterAll(() => on.stop());

const calling = (name: string, about: Parameters<typeof block>[1] = {}): ReturnType<typeof block> =>
  block('act', {
    executor: { kind: 'function', name },
    execution: { repeatable: false, attempts: 1, timeout: '30s' },
    ...about,
  });
const input = gate({ placement: 'input', corrections: 'none' });
const u1 = reviewer('u1');
const countOf = (run: RunRow): number =>
  executed.filter((id) => id === stepIdOf(run.id, 'act')).length;

/** Waits until a block is being executed, and gives what lets it go on. */
const beingHeld = (run: RunRow): Promise<() => void> =>
  until('the block to be executed', () => held.get(stepIdOf(run.id, 'act')));

describe('a block that failed for good', () => {
  test('is begun again by a retry with the approval that was given, and a vote of meanwhile counts', async () => {
    trouble = 'the bank is closed';
    const beside = block('beside', { review: gate() });
    const after = passing('after', 'beside');
    const run = await on.run([calling('flaky', { review: input }), beside, after], {
      act: { amount: 7 },
      beside: { total: 1 },
    });
    const asked = await on.reviewOf(run, 'beside');
    await on.vote(await on.reviewOf(run, 'act'), u1);
    expect(await on.ended(run)).toMatchObject({ status: 'error', errorMessage: trouble });
    expect(await on.reviewOf(run, 'act')).toMatchObject({ status: 'EXECUTED' });
    expect(await on.reviewOf(run, 'beside')).toMatchObject({ status: 'PENDING' });
    await on.vote(asked, u1);
    expect(await on.reviewOf(run, 'beside')).toMatchObject({ status: 'APPROVED' });

    trouble = '';
    // At once: the execution before may not have ended in Temporal yet.
    expect(await on.retry(run)).toMatchObject({ kind: 'retried' });
    expect(await on.ended(run)).toMatchObject({ status: 'completed', errorMessage: null });
    expect(await on.step(run, 'act')).toMatchObject({ output: '{"done":{"amount":7}}' });
    expect(await on.step(run, 'after')).toMatchObject({ output: '{"total":1}' });
    expect(countOf(run)).toBe(2);
  });

  test('may fail again, and be retried again', async () => {
    trouble = 'still closed';
    const run = await on.run([calling('flaky')], { act: 1 });
    for (const _ of [1, 2]) {
      expect(await on.ended(run)).toMatchObject({ status: 'error' });
      await on.retry(run);
    }
    expect(await on.ended(run)).toMatchObject({ status: 'error', errorMessage: trouble });
    trouble = '';
    await on.retry(run);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(countOf(run)).toBe(4);
  });

  test('in one iteration leaves the others as they are, and only that one is begun again', async () => {
    trouble = 'no paper';
    const print = block('print', { executor: { kind: 'function', name: 'flaky' } });
    const run = await on.run(
      [forEach('each', [block('check', { review: gate() }), { ...print, needs: ['check'] }])],
      { each: [{ n: 1 }, { n: 2 }] },
    );
    await on.vote(await on.reviewOf(run, 'check', '1'), u1);
    expect(await on.ended(run)).toMatchObject({
      status: 'error',
      failingStepId: stepIdOf(run.id, 'print', '1'),
    });
    expect(await on.reviewOf(run, 'check', '0')).toMatchObject({ status: 'PENDING' });
    trouble = '';
    await on.retry(run);
    await on.vote(await on.reviewOf(run, 'check', '0'), u1);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });
});

describe('an unknown outcome', () => {
  const silent = { repeatable: false, attempts: 1, timeout: '300ms' };

  test('that a person settles lets the run go on: with their output, or by running again', async () => {
    for (const happened of [true, false]) {
      const act = calling('deaf', { review: input, execution: silent });
      const run = await on.run([act, passing('after', 'act')], { act: { amount: 7 } });
      await on.vote(await on.reviewOf(run, 'act'), u1);
      expect(await on.ended(run)).toMatchObject({ status: 'error' });
      expect(await on.reviewOf(run, 'act')).toMatchObject({ status: 'UNKNOWN' });
      expect(await on.retry(run)).toMatchObject({ refusal: { code: 'outcome_unknown' } });
      const result = { output: { paid: true }, consensus: null, source: null };
      await settleStep(
        on.database.db,
        SYSTEM,
        stepIdOf(run.id, 'act'),
        happened ? { happened, result } : { happened },
      );
      await on.retry(run);
      if (happened) {
        expect(await on.ended(run)).toMatchObject({ status: 'completed' });
        expect(await on.step(run, 'after')).toMatchObject({ output: '{"paid":true}' });
        expect(await on.reviewOf(run, 'act')).toMatchObject({ status: 'EXECUTED' });
      } else {
        // The same function is silent again: it was begun anew, and nobody was asked anew.
        expect(await on.ended(run)).toMatchObject({ status: 'error' });
        expect(await on.step(run, 'act')).toMatchObject({ outcomeUnknown: true, attempt: 1 });
      }
    }
  });
});

describe('a function that no worker has', () => {
  test('is waited for, behind an approval too, and runs when a worker has it', async () => {
    const plain = await on.run([calling('later')], { act: 1 });
    const gated = await on.run([calling('later', { review: input })], { act: { amount: 7 } });
    await on.vote(await on.reviewOf(gated, 'act'), u1);
    for (const run of [plain, gated]) {
      await until('the step to say what it waits for', async () => {
        const { waitingFor } = await on.step(run, 'act').catch(() => ({ waitingFor: null }));
        return waitingFor;
      });
      expect(await on.step(run, 'act')).toMatchObject({
        attempt: 0,
        failures: 0,
        waitingFor:
          "It waits for a worker that has the function 'later': start one with --blocks and a module that defines it.",
      });
      expect(await getRun(on.database.db, run.id)).toMatchObject({ status: 'running' });
    }
    expect(await on.reviewOf(gated, 'act')).toMatchObject({ status: 'PROCESSING' });
    await on.startWorker({ later: ({ input: given }) => ({ did: given }) });
    for (const run of [plain, gated]) {
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
      expect(await on.step(run, 'act')).toMatchObject({ attempt: 1, waitingFor: null });
    }
    expect(await on.reviewOf(gated, 'act')).toMatchObject({ status: 'EXECUTED' });
  }, 120_000);

  test('does not keep its run from being cancelled, and was never executed', async () => {
    const run = await on.run([calling('never', { review: input })], { act: { amount: 7 } });
    await on.vote(await on.reviewOf(run, 'act'), u1);
    await until('it to wait', async () => (await on.step(run, 'act')).waitingFor);
    await cancelRun(on.database.db, u1, run.id, { reason: 'enough', dialect: 'native' }, 0);
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
    expect(await on.reviewOf(run, 'act')).toMatchObject({ status: 'REVOKED', releasedAt: null });
    expect(await on.step(run, 'act')).toMatchObject({ status: 'cancelled', waitingFor: null });
  });
});

describe('a run that is cancelled while an approved block is executed', () => {
  test('ends when the block has, and keeps what it gave', async () => {
    const run = await on.run([calling('held', { review: input })], { act: { amount: 7 } });
    await on.vote(await on.reviewOf(run, 'act'), u1);
    const release = await beingHeld(run);
    await cancelRun(on.database.db, u1, run.id, { reason: 'enough', dialect: 'native' }, 0);
    await until('the cancel to be heard', async () =>
      (await op.history(run.id)).some(
        ({ workflowExecutionCancelRequestedEventAttributes: asked }) =>
          asked !== null && asked !== undefined,
      ),
    );
    expect(await getRun(on.database.db, run.id)).toMatchObject({ status: 'cancelling' });
    release();
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
    expect(await on.reviewOf(run, 'act')).toMatchObject({ status: 'EXECUTED' });
    expect(await on.step(run, 'act')).toMatchObject({ status: 'completed' });
  });

  test('does so although its workflow is gone: what the block gives is neither lost nor called unknown', async () => {
    const run = await on.run([calling('held', { review: input })], { act: { amount: 7 } });
    await on.vote(await on.reviewOf(run, 'act'), u1);
    const release = await beingHeld(run);
    await op.terminate(run.id);
    await cancelRun(on.database.db, u1, run.id, { reason: 'enough', dialect: 'native' }, 0);
    // The sender finds nobody to tell, and ends the run in the store as far as it can be.
    await until('the cancel to be settled', async () => {
      const owed = await on.database.db
        .selectFrom('outbox')
        .select('state')
        .where('runId', '=', run.id)
        .where('kind', '=', 'cancel')
        .execute();
      return owed.every(({ state }) => state !== 'pending');
    });
    expect(await getRun(on.database.db, run.id)).toMatchObject({ status: 'cancelling' });
    release();
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
    expect(await on.reviewOf(run, 'act')).toMatchObject({ status: 'EXECUTED' });
    expect(await on.step(run, 'act')).toMatchObject({
      status: 'completed',
      output: '{"done":{"amount":7}}',
    });
  });
});

describe('behind a step that was refused with continue', () => {
  const refused = block('a', { review: gate({ on_reject: 'continue' }) });

  test('a gate that has nothing left to ask about is skipped with it, also behind blocks that pass on', async () => {
    const run = await on.run(
      [
        refused,
        passing('plain', 'a'),
        passing('output', 'a', { review: gate() }),
        calling('flaky', { needs: ['plain'], review: input }),
        forEach('each', [block('one')], { needs: ['a'], executor: { kind: 'pass' } }),
        passing('after', 'output'),
      ],
      { a: { total: 1 } },
    );
    await on.vote(await on.reviewOf(run, 'a'), u1, { verdict: 'rejected', reason: 'not ours' });
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    const reason = "nothing came of block 'a' (rejected by Name of u1: not ours)";
    for (const blockId of ['output', 'act', 'each']) {
      expect(await on.step(run, blockId)).toMatchObject({ status: 'skipped', reason });
    }
    for (const blockId of ['plain', 'after']) {
      expect(await on.step(run, blockId)).toMatchObject({ status: 'completed', output: 'null' });
    }
  });

  test('a gate with an input of its own asks about that', async () => {
    const run = await on.run([refused, { ...calling('flaky', { review: input }), needs: ['a'] }], {
      a: { total: 1 },
      act: { amount: 7 },
    });
    await on.vote(await on.reviewOf(run, 'a'), u1, { verdict: 'rejected', reason: 'not ours' });
    await on.vote(await on.reviewOf(run, 'act'), u1);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'act')).toMatchObject({ status: 'completed' });
  });
});
