import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  comparing,
  diagnoseWithin,
  diagnose,
  type Finding,
  repair,
} from '../../src/delivery/doctor.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import type { RunRow } from '../../src/store/tables.js';
import {
  block,
  forEach,
  gate,
  type Installation,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';
import { recordVote } from '../support/voters.js';

const u1 = reviewer('u1');

/** A run whose first iteration has ended, and whose second and third wait for people. */
type Parked = {
  readonly run: RunRow;
  /** The workflow of the iterations, and that of the second one's gate. */
  readonly loop: string;
  readonly gate: string;
};

describe('what an operator does in Temporal while a run iterates', () => {
  let on: Installation;
  let op: Operator;
  const executed: string[] = [];

  beforeAll(async () => {
    on = await startInstallation({
      note: ({ blocks }, { stepId }) => {
        executed.push(stepId);
        return blocks['check'] ?? null;
      },
    });
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  async function parked(): Promise<Parked> {
    const check = block('check', { review: gate() });
    const note = block('note', {
      executor: { kind: 'function', name: 'note' },
      needs: ['check'],
    });
    const run = await on.run([forEach('each', [check, note])], {
      each: [{ n: 0 }, { n: 1 }, { n: 2 }],
    });
    await on.vote(await on.reviewOf(run, 'check', '0'), u1);
    await until('the first iteration to end', async () => {
      const step = await on.step(run, 'note', '0');
      return step.status === 'completed';
    });
    await on.reviewOf(run, 'check', '2');
    await on.reviewOf(run, 'check', '1');
    const { holder: loop } = await on.step(run, 'each');
    const { holder } = await on.step(run, 'check', '1');
    return { run, loop: loop ?? '', gate: holder ?? '' };
  }

  async function voteOn({ run }: Parked, ...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await on.vote(await on.reviewOf(run, 'check', key), u1);
    }
  }

  async function expectCompleted({ run }: Parked): Promise<void> {
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'each')).toMatchObject({
      collected:
        '{"iterations":[{"item":{"n":0},"iteration_key":"0","output":{"n":0}},{"item":{"n":1},"iteration_key":"1","output":{"n":1}},{"item":{"n":2},"iteration_key":"2","output":{"n":2}}]}',
    });
    const ids = ['0', '1', '2'].map((key) => stepIdOf(run.id, 'note', key));
    expect(executed.filter((id) => id.startsWith(run.id)).toSorted()).toEqual(ids);
    await until('the workflow to complete', async () => (await op.status(run.id)) === 'COMPLETED');
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

  test('doctor finds nothing wrong with a run that iterates', async () => {
    const at = await parked();
    expect(at.loop).not.toBe('');
    expect(await doctorFix(at)).toEqual([]);
    await voteOn(at, '1', '2');
    await expectCompleted(at);
  });

  test.each([
    ['run', 'first'],
    ['run', 'latest'],
    ['loop', 'first'],
    ['loop', 'latest'],
    ['gate', 'first'],
  ] as const)(
    'a %s that is reset to its %s task goes on where the ledger is',
    async (which, to) => {
      const at = await parked();
      await voteOn(at, '1');
      await until('it to be counted', async () => {
        const step = await on.step(at.run, 'note', '1');
        return step.status === 'completed';
      });
      const workflowId = which === 'run' ? at.run.id : which === 'loop' ? at.loop : '';
      const { holder } = await on.step(at.run, 'check', '2');
      await op.reset(workflowId === '' ? (holder ?? '') : workflowId, to);
      await voteOn(at, '2');
      await expectCompleted(at);
    },
  );

  test.each(['run', 'loop', 'gate'] as const)(
    'a %s that is terminated is started again by doctor, and nothing is run twice',
    async (which) => {
      const at = await parked();
      await op.terminate(which === 'run' ? at.run.id : at[which]);
      await until('the run to be gone', async () => (await op.status(at.run.id)) !== 'RUNNING');
      await voteOn(at, '1');
      expect(await doctorFix(at)).toContain('RUN_GONE');
      await voteOn(at, '2');
      await expectCompleted(at);
      await until('the loop before to end', async () => (await op.status(at.loop)) !== 'RUNNING');
      expect(await doctorFix(at)).toEqual([]);
    },
  );

  test('a loop that is gone while its run goes on is found', async () => {
    const at = await parked();
    const { db } = on.database;
    await db
      .updateTable('step')
      .set({ holder: 'nobody' })
      .where('id', '=', stepIdOf(at.run.id, 'each'))
      .execute();
    expect(await doctorFix(at)).toEqual(['GATE_GONE']);
    await voteOn(at, '1', '2');
    await expectCompleted(at);
  });

  test('a rejection that its gate never heard of is told again, and the run goes on without it', async () => {
    const { db } = on.database;
    const continuing = block('check', { review: gate({ on_reject: 'continue' }) });
    const run = await on.run([forEach('each', [continuing])], { each: [{ n: 0 }] });
    const review = await on.reviewOf(run, 'check', '0');
    const command = {
      kind: 'vote',
      verdict: 'rejected',
      versionId: null,
      force: false,
      mayWithdraw: false,
      refusedWhenFinal: false,
      timeWindow: null,
      acknowledgedVersionIds: [],
    } as const;
    const lost = { command, reason: null, dialect: 'native' } as const;
    await recordVote(db, u1, review.id, lost, 60_000);
    await db.deleteFrom('outbox').where('reviewId', '=', review.id).execute();
    const compared = comparing(db, on.temporal, { settlingMs: 0, lingerMs: 0 });
    const found = await until('doctor to find it', async () => {
      const { findings } = await diagnoseWithin(compared, Number.POSITIVE_INFINITY);
      const theirs = findings.filter(({ runId }) => runId === run.id);
      return theirs.length > 0 ? theirs : null;
    });
    expect(found).toMatchObject([{ code: 'WORKFLOW_ORPHANED', remedy: { kind: 'tell_ended' } }]);
    for (const { remedy } of found) {
      await repair(db, on.temporal, remedy ?? expect.fail('nothing to mend it with'));
    }
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'check', '0')).toMatchObject({ status: 'skipped' });
  });

  test.each(['run', 'loop', 'gate'] as const)(
    'a %s that is cancelled in Temporal cancels the run in the store',
    async (which) => {
      const at = await parked();
      await op.cancel(which === 'run' ? at.run.id : at[which]);
      expect(await on.ended(at.run)).toMatchObject({ status: 'cancelled' });
      expect(await on.reviewOf(at.run, 'check', '2')).toMatchObject({ status: 'REVOKED' });
      expect(await on.step(at.run, 'each')).toMatchObject({ status: 'cancelled' });
      expect(await on.step(at.run, 'check', '0')).toMatchObject({ status: 'completed' });
    },
  );

  test('a completed run that is reset changes nothing', async () => {
    const at = await parked();
    await voteOn(at, '1', '2');
    await expectCompleted(at);
    const before = await on.step(at.run, 'each');
    await op.reset(at.run.id, 'first');
    await until('it to end again', async () => (await op.status(at.run.id)) === 'COMPLETED');
    expect(await on.step(at.run, 'each')).toEqual(before);
    await expectCompleted(at);
  });

  test('another worker goes on where one has stopped', async () => {
    const at = await parked();
    const other = await on.startWorker();
    await on.worker.stop();
    await voteOn(at, '2', '1');
    await expectCompleted(at);
    await on.startWorker();
    await other.stop();
  });
});
