import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  comparing,
  diagnose,
  diagnoseWithin,
  type Finding,
  isSafeUnattended,
  type Remedy,
  repair,
} from '../../src/delivery/doctor.js';
import { createDriftAudit } from '../../src/delivery/drift-audit.js';
import { ensureSearchAttributes } from '../../src/delivery/search-attributes.js';
import { openTemporal } from '../../src/delivery/temporal.js';
import { findTemporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporalServer } from '../../src/dev/temporal-server.js';
import { GATED_BLOCK_RUN } from '../../src/domain/messages.js';
import { SYSTEM } from '../../src/store/actors.js';
import { putPerson, removePerson } from '../../src/store/people.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import { createTestDatabase } from '../support/database.js';
import {
  block,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { testHome } from '../support/test-home.js';
import { until } from '../support/until.js';
import { APPROVAL, recordVote } from '../support/voters.js';

describe('doctor', () => {
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    on = await startInstallation();
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  async function parked(
    placement: 'output' | 'input' = 'output',
  ): Promise<{ run: RunRow; review: ReviewRow; holder: string }> {
    const extract = block('extract', { review: gate({ placement }) });
    const run = await on.run([extract, passing('book', 'extract')], {
      extract: { total: 5 },
    });
    const review = await on.reviewOf(run, 'extract');
    return { run, review, holder: (await on.step(run, 'extract')).holder ?? '' };
  }

  async function findings(runId: string | null): Promise<readonly Finding[]> {
    return (await diagnose(on.database.db, on.temporal, 0)).filter((one) => one.runId === runId);
  }

  /** What doctor finds once the workflows are at rest, which it leaves alone while they are at work. */
  async function foundAtRest(runId: string, count: number): Promise<readonly Finding[]> {
    return await until('doctor to find it', async () => {
      const all = await findings(runId);
      return all.length >= count ? all : null;
    });
  }

  async function mend(found: readonly Finding[]): Promise<void> {
    for (const { remedy } of found) {
      if (remedy !== null) {
        await repair(on.database.db, on.temporal, remedy);
      }
    }
  }

  /** Records a vote whose message is lost although the store believes it was delivered. */
  async function lostVote(review: ReviewRow): Promise<void> {
    await keptVote(review);
    await sql`delete from outbox where review_id = ${review.id}`.execute(on.database.db);
  }

  /** Records a vote whose message nobody else sends for a while. */
  async function keptVote(review: ReviewRow): Promise<void> {
    await recordVote(on.database.db, reviewer('u1'), review.id, APPROVAL, 60_000);
  }

  test('tells a workflow again of a step that has ended, also unattended', async () => {
    const { run, review } = await parked();
    await lostVote(review);
    const found = await until('doctor to find it', async () => {
      const all = await orphans(run.id);
      return all.length > 0 ? all : null;
    });
    expect(found).toMatchObject([{ code: 'WORKFLOW_ORPHANED', remedy: { kind: 'tell_ended' } }]);
    expect(found.every(({ remedy }) => remedy !== null && isSafeUnattended(remedy))).toBe(true);
    await mend(found);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await findings(run.id)).toEqual([]);
  });

  test('tells a workflow again of a release it never heard of, also unattended', async () => {
    const { run, review } = await parked('input');
    await lostVote(review);
    const found = await foundAtRest(run.id, 1);
    expect(found.map(({ code }) => code)).toEqual(['VOTE_UNHEARD']);
    expect(found.every(({ remedy }) => remedy !== null && isSafeUnattended(remedy))).toBe(true);
    await mend(found);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await findings(run.id)).toEqual([]);
  });

  test('does not take an approval that waits for its owner for one that was not heard', async () => {
    const run = await on.run([block('extract', { review: gate({ release: { after: '1h' } }) })], {
      extract: { total: 5 },
    });
    await on.vote(await on.reviewOf(run, 'extract'), reviewer('u1'));
    expect(await findings(run.id)).toEqual([]);
  });

  test('sends again what could not be delivered', async () => {
    const { run, review } = await parked('input');
    await keptVote(review);
    await sql`update outbox set state = 'failed', lease_token = null, lease_until = null, last_error = 'INVALID_ARGUMENT: too large'
               where review_id = ${review.id}`.execute(on.database.db);
    const found = await foundAtRest(run.id, 2);
    expect(found.map(({ code }) => code)).toEqual(['VOTE_UNHEARD', 'MESSAGE_FAILED']);
    expect(found.at(-1)?.message).toBe(
      `The signal of run ${run.id} could not be delivered (INVALID_ARGUMENT: too large): it can be sent again.`,
    );
    await mend(found);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await findings(run.id)).toEqual([]);
  });

  test('tells a workflow again of a cancellation that was lost', async () => {
    const { run } = await parked();
    await sql`update run set status = 'cancelling', cancel_reason = 'lost' where id = ${run.id}`.execute(
      on.database.db,
    );
    const found = await findings(run.id);
    expect(found.map(({ code }) => code)).toEqual(['CANCEL_UNHEARD']);
    await mend(found);
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled', cancelReason: 'lost' });
  });

  /** Starts a gate that has nothing to do for an hour, and waits until Temporal lists it. */
  async function idleGate(workflowId: string): Promise<void> {
    await op.client.workflow.start(GATED_BLOCK_RUN, {
      workflowId,
      taskQueue: on.temporal.taskQueue,
      args: [{ step_id: workflowId.slice(0, workflowId.lastIndexOf('~')), timeout_ms: 1_000 }],
      startDelay: '1 hour',
    });
    await until('visibility to know it', async () => {
      for await (const running of on.temporal.listRunning()) {
        if (running.workflowId === workflowId) {
          return true;
        }
      }
      return false;
    });
  }

  /** What is found where nothing is given time to end by itself. */
  async function orphans(runId: string | null): Promise<readonly Finding[]> {
    const compared = comparing(on.database.db, on.temporal, { settlingMs: 0, lingerMs: 0 });
    const { findings: found } = await diagnoseWithin(compared, Number.POSITIVE_INFINITY);
    return found.filter((one) => one.runId === runId && one.code.startsWith('WORKFLOW_'));
  }

  test('counts workflows that the store knows nothing of, and leaves them alone', async () => {
    const workflowId = 'run_FORGOTTEN_extract~0';
    await idleGate(workflowId);
    const found = await orphans(null);
    expect(found).toMatchObject([{ code: 'WORKFLOW_UNKNOWN', remedy: null }]);
    expect(found[0]?.message).toContain(
      `1 belong to no run of this database, for one '${workflowId}'`,
    );
    await op.terminate(workflowId);
  });

  test('does nothing at a database that is empty: every workflow there is unknown to it', async () => {
    const { run, review, holder } = await parked();
    const empty = await createTestDatabase();
    const audit = createDriftAudit(
      { db: empty.db, temporal: on.temporal, logger: pino({ level: 'silent' }) },
      { settlingMs: 0, lingerMs: 0 },
    );
    await until('visibility to know them', async () =>
      ((await audit.pass()) ?? new Map()).has('WORKFLOW_UNKNOWN'),
    );
    for (const { remedy } of await diagnose(empty.db, on.temporal, 0)) {
      expect(remedy).toBeNull();
    }
    await empty.drop();
    expect([await op.status(run.id), await op.status(holder)]).toEqual(['RUNNING', 'RUNNING']);
    await on.vote(review, reviewer('u1'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test('cancels an execution whose run has ended, and no other of the same workflow', async () => {
    const { run, review, holder } = await parked();
    await on.vote(review, reviewer('u1'));
    await on.ended(run);
    await until('its gate to end', async () => (await op.status(holder)) !== 'RUNNING');
    const workflowId = `${run.id}_extract~0`;
    await idleGate(workflowId);
    expect(await findings(run.id)).toEqual([]); // it may linger for a while
    const [found] = await orphans(run.id);
    expect(found).toMatchObject({ code: 'WORKFLOW_ORPHANED', remedy: { kind: 'cancel_orphan' } });
    const remedy = found?.remedy ?? expect.fail('nothing to mend it with');
    expect(isSafeUnattended(remedy)).toBe(true);
    const another: Remedy =
      remedy.kind === 'cancel_orphan'
        ? { ...remedy, execution: '00000000-0000-4000-8000-000000000000' }
        : remedy;
    expect(await repair(on.database.db, on.temporal, another)).toBe('no longer so');
    expect(await op.status(workflowId)).toBe('RUNNING');
    expect(await repair(on.database.db, on.temporal, remedy)).toBe('mended');
    await until('it to end', async () => (await op.status(workflowId)) !== 'RUNNING');
    expect(await repair(on.database.db, on.temporal, remedy)).toBe('no longer so');
  });

  test('cancels a holder that was replaced and runs again, and never one that is yet to hold the step', async () => {
    const { run, review, holder } = await parked();
    await op.idle(holder);
    await op.reset(run.id, 'first');
    await until('a new holder', async () => (await on.step(run, 'extract')).holder !== holder);
    await until('the gate before to end', async () => (await op.status(holder)) !== 'RUNNING');
    const newcomer = `${run.id}_extract~new`;
    await idleGate(newcomer);
    expect(await orphans(run.id)).toEqual([]);
    await idleGate(holder); // as of a Temporal that was restored
    const found = await orphans(run.id);
    expect(found).toMatchObject([{ remedy: { kind: 'cancel_orphan', workflowId: holder } }]);
    await mend(found);
    await until('it to end', async () => (await op.status(holder)) !== 'RUNNING');
    expect(await op.status(newcomer)).toBe('RUNNING');
    await op.terminate(newcomer);
    await on.vote(review, reviewer('u1'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test('finds whatever else there is when one question fails, and says which one did', async () => {
    const { run, review } = await parked('input');
    const other = await parked();
    await lostVote(review);
    const flaky = {
      ...on.temporal,
      describe: async (workflowId: string, execution?: string) => {
        if (workflowId === other.run.id) {
          throw new Error('14 UNAVAILABLE: one hiccup');
        }
        return await on.temporal.describe(workflowId, execution);
      },
    };
    const found = await diagnose(on.database.db, flaky, 0);
    const codesOf = (runId: string) =>
      found.filter((one) => one.runId === runId).map(({ code }) => code);
    expect(codesOf(run.id)).toEqual(['VOTE_UNHEARD']);
    expect(codesOf(other.run.id)).toEqual(['COULD_NOT_ASK']);
    await mend(await findings(run.id));
    await on.vote(other.review, reviewer('u1'));
    await on.ended(other.run);
  });

  test('carries out no remedy that is not called for', async () => {
    const { run, review, holder } = await parked();
    const { db } = on.database;
    const atRest = async (workflowId: string) =>
      await until(`${workflowId} to be at rest`, async () => {
        const now = await on.temporal.describe(workflowId);
        return now.isBusy ? null : now;
      });
    const at = await atRest(run.id);
    const gateAt = await atRest(holder);
    const about = { runId: run.id, workflowId: run.workflowId };
    const execution = at.execution ?? '';
    const stepId = `${run.id}_extract`;
    const { historyLength } = at;
    const remedies: readonly Remedy[] = [
      { kind: 'restart_run', ...about },
      { kind: 'replace_execution', ...about, execution, historyLength, stepId, holder },
      { kind: 'end_cancelled_run', runId: run.id },
      { kind: 'cancel_again', runId: run.id, workflowId: run.id, execution },
      {
        kind: 'cancel_orphan',
        runId: run.id,
        workflowId: holder,
        execution: gateAt.execution ?? '',
      },
      { kind: 'owe_review_again', runId: run.id, reviewId: review.id, seq: review.seq },
    ];
    for (const remedy of remedies) {
      expect([remedy.kind, await repair(db, on.temporal, remedy)]).toEqual([
        remedy.kind,
        'no longer so',
      ]);
    }
    expect([await on.temporal.describe(run.id), await on.temporal.describe(holder)]).toEqual([
      at,
      gateAt,
    ]);
    await on.vote(review, reviewer('u1'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test('starts a run again once, however many doctors saw that it was gone', async () => {
    const { run, review } = await parked();
    await op.terminate(run.id);
    const [found] = await until('doctor to find it', async () => {
      const all = await findings(run.id);
      return all.some(({ code }) => code === 'RUN_GONE') ? all : null;
    });
    const remedy = found?.remedy ?? expect.fail('nothing to mend it with');
    expect(isSafeUnattended(remedy)).toBe(false);
    const outcomes = [];
    for (let doctor = 0; doctor < 3; doctor += 1) {
      outcomes.push(await repair(on.database.db, on.temporal, remedy));
    }
    expect(outcomes).toEqual(['mended', 'no longer so', 'no longer so']);
    await on.vote(review, reviewer('u1'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test('replaces an execution that does not notice that its gate is gone, and keeps the votes', async () => {
    const twoOfThem = gate({ groups: [{ group: 'finance', required: 2 }] });
    const blocks = [block('extract', { review: twoOfThem }), passing('book', 'extract')];
    const run = await on.run(blocks, { extract: { total: 5 } });
    const review = await on.reviewOf(run, 'extract');
    const holder = (await on.step(run, 'extract')).holder ?? '';
    await on.vote(review, reviewer('u1', 'finance'));
    // As of a Temporal that was restored from before the gate was begun anew: it has the one before, and its run.
    const lost = `${run.id}_extract~lost`;
    await op.idle(holder);
    await sql`update step set holder = ${lost}, holder_number = holder_number + 1 where holder = ${holder}`.execute(
      on.database.db,
    );
    const [found] = await foundAtRest(run.id, 1);
    expect(found).toMatchObject({
      code: 'GATE_GONE',
      reviewId: review.id,
      message: `Step ${run.id}_extract waits for workflow '${lost}', which does not exist in Temporal, and its run's workflow does not notice: that can be replaced, and the ledger keeps what was done.`,
      remedy: { kind: 'replace_execution', runId: run.id, holder: lost },
    });
    const remedy = found?.remedy ?? expect.fail('nothing to mend it with');
    expect(isSafeUnattended(remedy)).toBe(false);
    const { db } = on.database;
    const stale: Remedy =
      remedy.kind === 'replace_execution'
        ? { ...remedy, historyLength: remedy.historyLength + 1 }
        : remedy;
    expect(await repair(db, on.temporal, stale)).toBe('no longer so');
    expect(await repair(db, on.temporal, remedy)).toBe('mended');
    expect(await repair(db, on.temporal, remedy)).toBe('no longer so');
    await until('a new gate', async () => (await on.step(run, 'extract')).holder !== lost);
    await until('the gate before to end', async () => (await op.status(holder)) !== 'RUNNING');
    await on.vote(review, reviewer('u2', 'finance'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'book')).toMatchObject({ output: '{"total":5}' });
    expect(await findings(run.id)).toEqual([]);
    const { rows } =
      await sql`select 1 from audit where run_id = ${run.id} and action = 'run_restarted'`.execute(
        db,
      );
    expect(rows).toHaveLength(1);
  });

  test('says of a review that nobody can approve any more', async () => {
    const { db } = on.database;
    const only = { id: 'u_only', name: 'Only', email: 'only@example.com', slackId: '' };
    await putPerson(db, SYSTEM, { ...only, groups: [], roles: ['reviewer'] });
    const reviewers = [{ id: 'u_only', mandatory: true }];
    const run = await on.run([block('extract', { review: gate({ reviewers }) })], {
      extract: { total: 5 },
    });
    const review = await on.reviewOf(run, 'extract');
    expect(await findings(run.id)).toEqual([]);
    await removePerson(db, SYSTEM, 'u_only');
    expect(await findings(run.id)).toMatchObject([
      { code: 'UNDECIDABLE', runId: run.id, reviewId: review.id, remedy: null },
    ]);
  });

  test('says that nobody polls', async () => {
    const lonely = { ...on.temporal, hasWorker: async () => false };
    const found = await diagnose(on.database.db, lonely, 0);
    expect(found.map(({ code }) => code)).toContain('NO_WORKER');
  });
});

describe('a Temporal server that has lost everything (restored from a backup that was made before)', () => {
  test('gets its runs again from doctor, and people go on where they were', async () => {
    const home = await testHome('restored');
    const { path: cli } = await findTemporalCli({ env: process.env });
    const before = await startTemporalServer({ home: home.path, cli, inMemory: true });
    await registerSearchAttributes(before.address);
    const on = await startInstallation({}, { TEMPORAL_ADDRESS: before.address });
    const twoOfThem = gate({ groups: [{ group: 'finance', required: 2 }] });
    const run = await on.run(
      [block('extract', { review: twoOfThem }), passing('book', 'extract')],
      {
        extract: { total: 5 },
      },
    );
    const review = await on.reviewOf(run, 'extract');
    const { holder } = await on.step(run, 'extract');
    await on.vote(review, reviewer('u1', 'finance'));

    await before.stop();
    const after = await startTemporalServer({
      home: home.path,
      cli,
      inMemory: true,
      port: before.port,
    });
    await registerSearchAttributes(after.address);
    await until('Temporal to answer again', () =>
      on.temporal.probe().then(
        () => true,
        () => false,
      ),
    );
    const found = await diagnose(on.database.db, on.temporal, 0);
    expect(found.filter(({ code }) => code !== 'NO_WORKER').map(({ code }) => code)).toEqual([
      'RUN_GONE',
    ]);
    expect(found[0]?.message).toContain('does not exist in Temporal');
    for (const { remedy } of found) {
      if (remedy !== null) {
        await repair(on.database.db, on.temporal, remedy);
      }
    }
    await until('the new gate', async () => (await on.step(run, 'extract')).holder !== holder);
    await on.vote(review, reviewer('u2', 'finance'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'book')).toMatchObject({ output: '{"total":5}' });

    await on.stop();
    await after.stop();
    await home.remove();
  }, 90_000);

  async function registerSearchAttributes(address: string): Promise<void> {
    const temporal = openTemporal({ TEMPORAL_ADDRESS: address });
    await ensureSearchAttributes(temporal.connection, temporal.namespace);
    await temporal.close();
  }
});
