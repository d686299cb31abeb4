import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Block } from '../../src/domain/definition.js';
import { STEP_ENDED } from '../../src/domain/messages.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { recordVote } from '../../src/store/record-vote.js';
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
import { APPROVAL } from '../support/voters.js';

const u1 = reviewer('u1', 'finance');
const finance = gate({ groups: [{ group: 'finance', required: 1 }] });

/** Longer than any test waits: nobody tells the gate of the vote. */
const NEVER_SENT_MS = 3_600_000;

describe('a run that has gone on before its gate heard of the release', () => {
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    on = await startInstallation({ extract: () => ({ total: 5 }) });
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  type Ahead = {
    readonly run: RunRow;
    /** The gate that was approved and does not know it. */
    readonly behind: string;
    /** The review, and the gate, at which the run waits now. */
    readonly review: ReviewRow;
    readonly holder: string;
  };

  /** Approves the first of two gates, and tells the run alone. */
  async function aRunAhead(extract: Partial<Block> = {}): Promise<Ahead> {
    const run = await on.run(
      [
        block('extract', { ...extract, review: finance }),
        passing('again', 'extract', { review: finance }),
        passing('book', 'again'),
      ],
      { extract: { total: 5 } },
    );
    const first = await on.reviewOf(run, 'extract');
    const behind = (await on.step(run, 'extract')).holder ?? '';
    await op.idle(behind);
    await recordVote(on.database.db, u1, first.id, APPROVAL, NEVER_SENT_MS);
    await op.client.workflow.getHandle(run.id).signal(STEP_ENDED, { step_id: first.stepId });
    const review = await on.reviewOf(run, 'again');
    const holder = (await on.step(run, 'again')).holder ?? '';
    await op.idle(holder);
    expect(await op.status(behind)).toBe('RUNNING');
    return { run, behind, review, holder };
  }

  async function expectCompleted({ run }: Ahead): Promise<void> {
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'book')).toMatchObject({
      status: 'completed',
      output: '{"total":5}',
    });
    expect(await on.reviewOf(run, 'extract')).toMatchObject({ status: 'EXECUTED', seq: 1 });
    expect(await on.reviewOf(run, 'again')).toMatchObject({ status: 'EXECUTED', seq: 1 });
  }

  const endOf = async (workflowId: string): Promise<string> =>
    await until(`${workflowId} to end`, async () => {
      const status = await op.status(workflowId);
      return status === 'RUNNING' ? null : status;
    });

  test('does not mind that this gate is terminated', async () => {
    const ahead = await aRunAhead();
    await op.terminate(ahead.behind);
    await op.idle(ahead.run.id);
    await on.vote(ahead.review, u1);
    await expectCompleted(ahead);
    expect(await endOf(ahead.run.id)).toBe('COMPLETED');
  });

  test.each(['first', 'latest'] as const)(
    'does not mind that this gate is reset to its %s task',
    async (to) => {
      const ahead = await aRunAhead({ executor: { kind: 'function', name: 'extract' } });
      await op.reset(ahead.behind, to);
      await on.vote(ahead.review, u1);
      await expectCompleted(ahead);
      // A gate that begins again finds its step ended; one that only waits again is told in the end.
      await (to === 'first'
        ? expect(endOf(ahead.behind)).resolves.toBe('COMPLETED')
        : op.terminate(ahead.behind));
      expect(await endOf(ahead.run.id)).toBe('COMPLETED');
    },
  );

  test('does not mind that this gate is reset, where it was opened at once', async () => {
    const ahead = await aRunAhead();
    await op.reset(ahead.behind, 'latest');
    await on.vote(ahead.review, u1);
    await expectCompleted(ahead);
    expect(await endOf(ahead.behind)).toBe('COMPLETED');
    expect(await endOf(ahead.run.id)).toBe('COMPLETED');
  });

  test('can be reset to its first task: a new gate takes over, and the one before is told', async () => {
    const ahead = await aRunAhead();
    await op.reset(ahead.run.id, 'first');
    await until('a new gate', async () => {
      const { holder } = await on.step(ahead.run, 'again');
      return holder !== ahead.holder;
    });
    await endOf(ahead.holder);
    await on.vote(ahead.review, u1);
    await expectCompleted(ahead);
    expect(await endOf(ahead.run.id)).toBe('COMPLETED');
  });

  test('can be cancelled: the gate asks the store, and its step has ended', async () => {
    const ahead = await aRunAhead();
    const about = { reason: 'no longer needed', dialect: 'native' as const };
    await cancelRun(on.database.db, u1, ahead.run.id, about, 0);
    expect(await on.ended(ahead.run)).toMatchObject({ status: 'cancelled' });
    expect(await on.step(ahead.run, 'extract')).toMatchObject({ status: 'completed' });
    expect(await on.reviewOf(ahead.run, 'extract')).toMatchObject({ status: 'EXECUTED' });
    expect(await on.reviewOf(ahead.run, 'again')).toMatchObject({ status: 'REVOKED' });
    expect(await endOf(ahead.behind)).toBe('COMPLETED');
  });
});
