import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnose, type Finding, repair } from '../../src/delivery/doctor.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import {
  block,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';

const u1 = reviewer('u1', 'finance');
const u2 = reviewer('u2', 'finance');

type Parked = { readonly run: RunRow; readonly review: ReviewRow; readonly holder: string };

describe('what an operator does in Temporal', () => {
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    on = await startInstallation();
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  async function parked(): Promise<Parked> {
    const run = await on.run(
      [
        block('extract', { review: gate({ groups: [{ group: 'finance', required: 2 }] }) }),
        passing('book', 'extract'),
      ],
      { extract: { total: 5 } },
    );
    const review = await on.reviewOf(run, 'extract');
    const { holder } = await on.step(run, 'extract');
    return { run, review, holder: holder ?? '' };
  }

  /** What concerns this run, with everything mended. */
  async function doctorFix({ run }: Parked): Promise<readonly Finding['code'][]> {
    const findings = (await diagnose(on.database.db, on.temporal, 0)).filter(
      ({ runId }) => runId === run.id,
    );
    for (const { remedy } of findings) {
      if (remedy !== null) {
        await repair(on.database.db, on.temporal, remedy);
      }
    }
    return findings.map(({ code }) => code);
  }

  async function expectCompleted({ run }: Parked): Promise<void> {
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.reviewOf(run, 'extract')).toMatchObject({ status: 'EXECUTED', seq: 2 });
    expect(await on.step(run, 'book')).toMatchObject({ output: '{"total":5}' });
    await until('the workflow to complete', async () => (await op.status(run.id)) === 'COMPLETED');
  }

  async function newHolder(parkedAt: Parked): Promise<string> {
    return await until('a new holder', async () => {
      const { holder } = await on.step(parkedAt.run, 'extract');
      return holder === parkedAt.holder ? null : holder;
    });
  }

  test.each(['first', 'latest'] as const)(
    'a run reset to its %s task while waiting takes every vote that follows',
    async (to) => {
      const at = await parked();
      await op.idle(at.holder);
      await op.reset(at.run.id, to);
      if (to === 'first') {
        await newHolder(at);
      }
      await on.vote(at.review, u1);
      await on.vote(at.review, u2);
      await expectCompleted(at);
      await until('the gate before to end', async () => (await op.status(at.holder)) !== 'RUNNING');
    },
  );

  test('finds what belongs to a run by its id, and by its workflow', async () => {
    const { run, holder } = await parked();
    const found = async (query: string): Promise<readonly string[]> => {
      const ids: string[] = [];
      for await (const { workflowId } of op.client.workflow.list({ query })) {
        ids.push(workflowId);
      }
      return ids.toSorted();
    };
    const both = [run.id, holder].toSorted();
    for (const query of [
      `WorkflowId STARTS_WITH '${run.id}'`,
      `CountersignWorkflow = '${run.workflowId}' AND WorkflowId STARTS_WITH '${run.id}'`,
    ]) {
      await until(query, async () => (await found(query)).join() === both.join());
    }
    const gate = `CountersignBlock = 'extract' AND WorkflowId STARTS_WITH '${run.id}'`;
    await until(gate, async () => (await found(gate)).join() === holder);
  });

  test('a run reset after the first vote keeps that vote', async () => {
    const at = await parked();
    await on.vote(at.review, u1);
    await op.idle(at.holder);
    await op.reset(at.run.id, 'first');
    await newHolder(at);
    await on.vote(at.review, u2);
    await expectCompleted(at);
  });

  test.each(['first', 'latest'] as const)(
    'a gate reset to its %s task while waiting takes every vote that follows',
    async (to) => {
      const at = await parked();
      await op.idle(at.holder);
      await op.reset(at.holder, to);
      await on.vote(at.review, u1);
      await on.vote(at.review, u2);
      await expectCompleted(at);
    },
  );

  test.each(['first', 'latest'] as const)(
    'a gate reset to its %s task after the first vote keeps that vote',
    async (to) => {
      const at = await parked();
      await on.vote(at.review, u1);
      await op.idle(at.holder);
      await op.reset(at.holder, to);
      await on.vote(at.review, u2);
      await expectCompleted(at);
    },
  );

  test('a completed run that is reset changes nothing', async () => {
    const at = await parked();
    await on.vote(at.review, u1);
    await on.vote(at.review, u2);
    await expectCompleted(at);
    const before = await on.step(at.run, 'book');
    await op.reset(at.run.id, 'first');
    await until('it to end again', async () => (await op.status(at.run.id)) === 'COMPLETED');
    expect(await on.step(at.run, 'book')).toEqual(before);
  });

  test.each([
    ['run', 'RUN_GONE'],
    ['gate', 'RUN_GONE'],
  ] as const)('a %s terminated while waiting is started again by doctor', async (which, code) => {
    const at = await parked();
    await on.vote(at.review, u1);
    await op.terminate(which === 'run' ? at.run.id : at.holder);
    await until('the run to be gone', async () => (await op.status(at.run.id)) !== 'RUNNING');
    await until('the gate to be gone', async () => (await op.status(at.holder)) !== 'RUNNING');

    const lost = await on.vote(at.review, u2);
    expect(lost).toMatchObject({ kind: 'recorded', settled: true });
    expect(await on.step(at.run, 'book')).toMatchObject({ status: 'pending' });

    expect(await doctorFix(at)).toContain(code);
    await expectCompleted(at);
    expect(await doctorFix(at)).toEqual([]);
  });

  test('a run that is cancelled after its workflow was terminated ends in the store', async () => {
    const at = await parked();
    await op.terminate(at.run.id);
    await until('it to be gone', async () => (await op.status(at.run.id)) !== 'RUNNING');
    const about = { reason: 'no longer needed', dialect: 'native' as const };
    await cancelRun(on.database.db, u1, at.run.id, about, 0);
    expect(await on.ended(at.run)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'no longer needed',
    });
  });

  test.each(['run', 'gate'] as const)(
    'a %s cancelled in Temporal cancels the run in the store',
    async (which) => {
      const at = await parked();
      await on.vote(at.review, u1);
      await op.cancel(which === 'run' ? at.run.id : at.holder);
      expect(await on.ended(at.run)).toMatchObject({ status: 'cancelled' });
      const review = await on.reviewOf(at.run, 'extract');
      expect(review.cancelledAt).not.toBeNull();
      expect(review).toMatchObject({ status: 'REVOKED', verdict: null });
      expect(await on.vote(at.review, u2)).toMatchObject({
        kind: 'refused',
        refusals: [{ code: 'REVIEW_CANCELLED', reviewId: at.review.id }],
      });
      expect(await on.step(at.run, 'book')).toMatchObject({ status: 'cancelled', output: null });
    },
  );

  test('a cancelled run shows as Canceled in Temporal', async () => {
    const at = await parked();
    const about = { reason: 'no longer needed', dialect: 'native' as const };
    await cancelRun(on.database.db, u1, at.run.id, about, 0);
    await on.ended(at.run);
    await until('it to show', async () => (await op.status(at.run.id)) === 'CANCELLED');
  });

  test('doctor finds nothing wrong with a run that waits', async () => {
    const at = await parked();
    expect(await doctorFix(at)).toEqual([]);
  });
});
