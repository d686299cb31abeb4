import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { FOR_EACH_RUN } from '../../src/domain/messages.js';
import type { ForEachOrder } from '../../src/domain/orders.js';
import { beginStep, completeStep, finishStep } from '../../src/store/ledger.js';
import { listReviews } from '../../src/store/reviews.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import {
  block,
  forEach,
  gate,
  type Installation,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { aRunningRun } from '../support/parked.js';
import { runOf } from '../support/callers.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';

const u1 = reviewer('u1');

describe('many iterations', () => {
  let on: Installation;
  let op: Operator;
  let letGo: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });

  beforeAll(async () => {
    on = await startInstallation({
      hold_seven: async ({ input }) => {
        if (input === 7) {
          await held;
        }
        return input;
      },
    });
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  // What is at work at once is no leak, and an operator's log must not say so.
  const warnings: string[] = [];
  const hear = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', hear);
  afterAll(() => {
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });

  async function pending(run: RunRow): Promise<readonly ReviewRow[]> {
    const filter = {
      workflowId: null,
      runId: run.id,
      blockId: null,
      stepId: null,
      iterationKey: null,
      decisionStatus: 'pending' as const,
    };
    const page = { before: null, after: null, limit: 200, order: 'asc' as const };
    return (await listReviews(on.database.db, run.projectId, filter, page)).rows;
  }

  test('five hundred gates are reviewed by one person through the list of their run, a hundred at once', async () => {
    const items = Array.from({ length: 500 }, (_, n) => ({ n }));
    const run = await on.run([forEach('each', [block('check', { review: gate() })])], {
      each: items,
    });
    const seen = new Set<string>();
    let most = 0;
    while (seen.size < items.length) {
      const rows = await until('reviews to decide', async () => {
        const open = (await pending(run)).filter(({ id }) => !seen.has(id));
        return open.length > 0 && open;
      });
      most = Math.max(most, rows.length);
      await Promise.all(
        rows.map(async (row) => {
          seen.add(row.id);
          expect(await on.vote(row, u1)).toMatchObject({ kind: 'recorded', settled: true });
        }),
      );
    }
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    const { collected } = await on.step(run, 'each');
    const iterations = items.map((item, n) => ({
      item,
      iteration_key: String(n),
      output: item,
    }));
    expect(JSON.parse(collected ?? '')).toEqual({ iterations });
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(100);
    const { holder } = await on.step(run, 'each');
    expect((await op.history(holder ?? '')).length).toBeLessThan(51_200);
  }, 600_000);

  test('when its history has grown it begins no more, waits for what is under way, and continues as new', async () => {
    const { db } = on.database;
    const items = Array.from({ length: 110 }, (_, n) => n);
    const one = block('one', { executor: { kind: 'function', name: 'hold_seven' } });
    // Its run is at work in the store alone, so that the test can start the workflow of its iterations.
    const run = await aRunningRun(db, [forEach('each', [one])], { inputs: { each: items } });
    const stepId = stepIdOf(run.id, 'each');
    const attemptToken = 'a test';
    await beginStep(db, stepId, runOf(stepId), attemptToken);
    await finishStep(
      db,
      { stepId, attemptToken, result: { output: items, consensus: null, source: null } },
      (tx, now) => completeStep(tx, now.run, now.step, null),
    );
    const order: ForEachOrder = {
      run_id: run.id,
      workflow_id: run.workflowId,
      block_id: 'each',
      step_id: stepId,
      full_history: 100,
    };
    const handle = await op.client.workflow.start(FOR_EACH_RUN, {
      workflowId: `${stepId}~test`,
      taskQueue: on.temporal.taskQueue,
      args: [order],
    });
    const statuses = async (): Promise<readonly string[]> =>
      (
        await db.selectFrom('step').select('status').where('parentStepId', '=', stepId).execute()
      ).map(({ status }) => status);
    await until(
      'the others under way to end',
      async () => {
        const now = await statuses();
        return now.filter((status) => status === 'completed').length === 99;
      },
      60_000,
    );
    expect((await statuses()).filter((status) => status === 'pending')).toHaveLength(10);
    expect((await handle.describe()).runId).toBe(handle.firstExecutionRunId);
    letGo();
    expect(await handle.result()).toEqual({ kind: 'ended', end: 'completed', run: 'completed' });
    expect((await handle.describe()).runId).not.toBe(handle.firstExecutionRunId);
    const { collected } = await on.step(run, 'each');
    expect(JSON.parse(collected ?? '')).toEqual({
      iterations: items.map((item) => ({ item, iteration_key: String(item), output: item })),
    });
    const attempts = await db
      .selectFrom('step')
      .select('attempt')
      .where('runId', '=', run.id)
      .execute();
    expect(new Set(attempts.map(({ attempt }) => attempt))).toEqual(new Set([1]));
  }, 240_000);
});
