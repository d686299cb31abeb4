import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stepIdOf } from '../../src/domain/step-ids.js';
import type { Block } from '../../src/domain/definition.js';
import type { RunningWorker } from '../../src/cli/worker-process.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import type { RunRow } from '../../src/store/tables.js';
import {
  block,
  gate,
  type Installation,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';

const u1 = reviewer('u1');

describe('a cancellation beside an approval', () => {
  let on: Installation;
  let op: Operator;
  let worker: RunningWorker;
  const paid: string[] = [];

  beforeAll(async () => {
    on = await startInstallation({
      pay: (_, { stepId }) => {
        paid.push(stepId);
        return { paid: true };
      },
    });
    op = new Operator(on.temporal.connection);
    worker = on.worker;
  });
  beforeEach(() => {
    paid.length = 0;
  });
  afterAll(() => on.stop());

  const payout = (about: Partial<Block> = {}): Block =>
    block('payout', {
      executor: { kind: 'function', name: 'pay' },
      execution: { repeatable: false, attempts: 1, timeout: '30s' },
      review: gate({ placement: 'input', corrections: 'none' }),
      ...about,
    });

  /** Lets something happen while no worker is there to act on it. */
  async function whileAway<T>(act: () => Promise<T>): Promise<T> {
    await worker.stop();
    const done = await act();
    worker = await on.startWorker();
    return done;
  }

  async function cancel(run: RunRow): Promise<void> {
    const about = { reason: 'stop', dialect: 'native' as const };
    await cancelRun(on.database.db, reviewer('u_admin'), run.id, about, 0);
  }

  async function expectNoGuess(run: RunRow): Promise<void> {
    const step = await on.step(run, 'payout');
    const review = await on.reviewOf(run, 'payout');
    const isExecuted = paid.includes(stepIdOf(run.id, 'payout'));
    expect(paid.length).toBeLessThanOrEqual(1);
    expect(step.outcomeUnknown).toBe(false);
    expect(step.status).toBe(isExecuted ? 'completed' : 'cancelled');
    expect(review.status === 'EXECUTED').toBe(isExecuted);
    expect(review.status).not.toBe('UNKNOWN');
  }

  test('that was released and did not begin leaves no outcome unknown', async () => {
    const run = await on.run([payout()], { payout: { amount: 5 } });
    const review = await on.reviewOf(run, 'payout');
    await op.idle((await on.step(run, 'payout')).holder ?? '');
    await whileAway(async () => {
      await on.vote(review, u1);
      expect(await on.reviewOf(run, 'payout')).toMatchObject({ status: 'PROCESSING' });
      await cancel(run);
    });
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled', cancelReason: 'stop' });
    await expectNoGuess(run);
  });

  test('that came first lets nothing begin, and the approval is refused', async () => {
    const run = await on.run([payout()], { payout: { amount: 5 } });
    const review = await on.reviewOf(run, 'payout');
    await op.idle((await on.step(run, 'payout')).holder ?? '');
    await whileAway(async () => {
      await cancel(run);
      expect(await on.vote(review, u1)).toMatchObject({
        kind: 'refused',
        refusals: [{ code: 'REVIEW_CANCELLED' }],
      });
    });
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
    expect(paid).toEqual([]);
    await expectNoGuess(run);
  });

  test.each(['output', 'input'] as const)(
    'of a run whose gate (%s) has not been opened ends it as cancelled',
    async (placement) => {
      const declared = payout({ review: gate({ placement, corrections: 'none' }) });
      const asked = await whileAway(async () => {
        const run = await on.run([declared], { payout: { amount: 5 } });
        await cancel(run);
        return run;
      });
      expect(await on.ended(asked)).toMatchObject({ status: 'cancelled' });
      // It stops at the gate, which the store does not let open.
      await until('its gate to have ended', async () =>
        (await op.history(asked.id)).some(
          ({ childWorkflowExecutionCompletedEventAttributes: ended }) => Boolean(ended),
        ),
      );
      expect(paid).toEqual([]);
      expect(await on.step(asked, 'payout')).toMatchObject({ outcomeUnknown: false });
    },
  );

  test.each(['run', 'gate'] as const)(
    'by an operator, of the %s, beside its release leaves no outcome unknown',
    async (which) => {
      const run = await on.run([payout()], { payout: { amount: 5 } });
      const review = await on.reviewOf(run, 'payout');
      const holder = (await on.step(run, 'payout')).holder ?? '';
      await op.idle(holder);
      await whileAway(async () => {
        await on.vote(review, u1);
        await op.cancel(which === 'run' ? run.id : holder);
      });
      await on.ended(run);
      await expectNoGuess(run);
      expect(paid).toEqual([stepIdOf(run.id, 'payout')]);
    },
  );
});
