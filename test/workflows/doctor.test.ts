import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnose, type Finding, isSafeUnattended, repair } from '../../src/delivery/doctor.js';
import { ensureSearchAttributes } from '../../src/delivery/search-attributes.js';
import { openTemporal } from '../../src/delivery/temporal.js';
import { findTemporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporalServer } from '../../src/dev/temporal-server.js';
import { GATED_BLOCK_RUN } from '../../src/domain/messages.js';
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
import { testHome } from '../support/test-home.js';
import { until } from '../support/until.js';

describe('doctor', () => {
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    on = await startInstallation();
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  async function parked(): Promise<{ run: RunRow; review: ReviewRow; holder: string }> {
    const run = await on.run([block('extract', { review: gate() }), passing('book', 'extract')], {
      extract: { total: 5 },
    });
    const review = await on.reviewOf(run, 'extract');
    return { run, review, holder: (await on.step(run, 'extract')).holder ?? '' };
  }

  async function findings(runId: string | null): Promise<readonly Finding[]> {
    return (await diagnose(on.database.db, on.temporal, 0)).filter((one) => one.runId === runId);
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
    const command = {
      kind: 'vote',
      verdict: 'approved',
      versionId: null,
      force: false,
      mayWithdraw: false,
      refusedWhenFinal: false,
      timeWindow: null,
      acknowledgedVersionIds: [],
    } as const;
    const request = { command, reason: null, dialect: 'native' } as const;
    await recordVote(on.database.db, reviewer('u1'), review.id, request, 60_000);
    await sql`update outbox set state = 'delivered', lease_until = null, lease_token = null
               where review_id = ${review.id}`.execute(on.database.db);
  }

  test('tells a workflow again of a decision it never heard of, also unattended', async () => {
    const { run, review } = await parked();
    await lostVote(review);
    const found = await findings(run.id);
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
    const { run, review } = await parked();
    await lostVote(review);
    await sql`update outbox set state = 'failed', last_error = 'INVALID_ARGUMENT: too large'
               where review_id = ${review.id}`.execute(on.database.db);
    const found = await findings(run.id);
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

  test('finds a workflow that runs for nothing, and cancels it', async () => {
    const workflowId = 'run_FORGOTTEN_extract~0';
    await op.client.workflow.start(GATED_BLOCK_RUN, {
      workflowId,
      taskQueue: on.temporal.taskQueue,
      args: [{ step_id: 'run_FORGOTTEN_extract', timeout_ms: 1_000 }],
      startDelay: '1 hour',
    });
    const found = await until('visibility to know it', async () => {
      const orphans = (await findings(null)).filter(({ message }) => message.includes(workflowId));
      return orphans.length > 0 ? orphans : null;
    });
    expect(found).toMatchObject([{ code: 'WORKFLOW_ORPHANED' }]);
    await mend(found);
    await until('it to end', async () => (await op.status(workflowId)) !== 'RUNNING');
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
    const found = await until('Temporal to answer again', () =>
      diagnose(on.database.db, on.temporal, 0).catch(() => null),
    );
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
