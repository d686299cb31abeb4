import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SYSTEM } from '../../src/store/actors.js';
import { inTransaction, openDatabase } from '../../src/store/database.js';
import { oweAgain, oweNewsAgain } from '../../src/store/drift.js';
import { takeStep } from '../../src/store/gates.js';
import {
  asResume,
  type LeasedMessage,
  leaseDueMessages,
  makeAllDue,
  nextDueInMs,
  oweMessage,
  postponeMessage,
  readBacklog,
  renewLeases,
  type Resume,
  resumeOf,
  settleMessage,
} from '../../src/store/outbox.js';
import { createRun } from '../../src/store/runs.js';
import type { OutboxRow, RunRow } from '../../src/store/tables.js';
import { putWorkflow } from '../../src/store/workflows.js';
import { gateOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aBlock, aDefinition, aParkedGate, aRun, person, vote } from '../support/parked.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
// What one test owes is none of the next one's business.
afterEach(async () => {
  await database.db.deleteFrom('outbox').execute();
});
afterAll(() => database.drop());

const ALL = { limit: 1_000, leaseMs: 60_000 };

/** Owes a cancel of a run's workflow, or of another one. */
async function oweCancel(
  run: Pick<RunRow, 'id'>,
  leaseMs = 0,
  workflowId = run.id,
): Promise<{ readonly id: string; readonly leaseToken: string } | null> {
  const message = { projectId: 'prj_default', runId: run.id, kind: 'cancel', workflowId } as const;
  return await inTransaction(database.db, (tx) => oweMessage(tx, message, leaseMs));
}

/** A run whose start is still owed. */
async function aRunToStart(leaseMs = 0): ReturnType<typeof createRun> {
  const version = await putWorkflow(database.db, SYSTEM, aDefinition([aBlock('only')]));
  const request = { version, inputs: {}, metadata: null, ownerId: null, commandId: null };
  return await createRun(database.db, SYSTEM, { ...request, trigger: 'api' }, leaseMs);
}

async function rowOf(id: string): Promise<OutboxRow> {
  return await database.db
    .selectFrom('outbox')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
}

/** Lets the leases on all rows end. */
async function endLeases(): Promise<void> {
  await database.db
    .updateTable('outbox')
    .set({ leaseUntil: sql`clock_timestamp() - interval '1 ms'` })
    .where('leaseUntil', 'is not', null)
    .execute();
}

async function leaseOne(): Promise<LeasedMessage> {
  const [message, ...others] = await leaseDueMessages(database.db, ALL);
  expect(others).toEqual([]);
  return message ?? expect.fail('nothing was due');
}

describe('leaseDueMessages', () => {
  test('gives 400 runs of 5 messages to eight senders, none twice at once, and each start before the rest of its run', async () => {
    const { db } = database;
    const version = await putWorkflow(db, SYSTEM, aDefinition([aBlock('only')]));
    const request = { version, inputs: {}, metadata: null, ownerId: null, commandId: null };
    const owe = async (): Promise<void> => {
      const { run } = await createRun(db, SYSTEM, { ...request, trigger: 'api' }, 0);
      await inTransaction(db, async (tx) => {
        for (let n = 0; n < 4; n += 1) {
          const workflowId = `${run.id}_${n}`;
          const about = { projectId: 'prj_default', runId: run.id, workflowId };
          await oweMessage(tx, { ...about, kind: 'cancel' }, 0);
        }
      });
    };
    const todo = Array.from({ length: 400 }, () => owe);
    const oweAll = async (): Promise<void> => {
      for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
        await next();
      }
    };
    await Promise.all(Array.from({ length: 16 }, oweAll));

    const leased = new Set<string>();
    const started = new Set<string>();
    const faults: string[] = [];
    let settled = 0;
    const leaseAll = async (): Promise<void> => {
      while (settled < 2_000) {
        const messages = await leaseDueMessages(db, { limit: 50, leaseMs: 60_000 });
        for (const { id, runId, kind, attempts } of messages) {
          if (leased.has(id) || attempts !== 1) {
            faults.push(`${kind} ${id} was leased twice`);
          }
          leased.add(id);
          if (kind !== 'start' && !started.has(runId)) {
            faults.push(`${kind} ${id} was leased before the start of its run`);
          }
        }
        await Promise.all(
          messages.map(async (message) => {
            if (message.kind === 'start') {
              started.add(message.runId);
            }
            if (!(await settleMessage(db, message, 'delivered'))) {
              faults.push(`${message.id} was not ours any more`);
            }
          }),
        );
        settled += messages.length;
      }
    };
    await Promise.all(Array.from({ length: 8 }, leaseAll));

    expect(faults).toEqual([]);
    expect(leased.size).toBe(2_000);
    expect(await readBacklog(db)).toEqual({ pending: 0, oldestPendingMs: null, failed: 0 });
    expect(await db.selectFrom('outbox').selectAll().execute()).toEqual([]);
  });

  test('holds what belongs to a run while its start is owed, also while that is being sent', async () => {
    const { db } = database;
    const { run, lease } = await aRunToStart(60_000);
    // Not even who owes it may send it past the start.
    expect(await oweCancel(run, 60_000)).toBeNull();
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
    await postponeMessage(db, lease ?? expect.fail('no lease'), 60_000, 'away');
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
    await makeAllDue(db);
    const start = await leaseOne();
    expect(start).toMatchObject({ kind: 'start', workflowId: run.id, attempts: 2 });
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
    await settleMessage(db, start, 'delivered');
    expect(await leaseOne()).toMatchObject({ kind: 'cancel', runId: run.id });
  });

  test('lets the rest of a run go on when its start has failed for good, and other runs in any case', async () => {
    const { db } = database;
    const { run, lease } = await aRunToStart(60_000);
    await oweCancel(run);
    const other = await aRun(db);
    await oweCancel(other);
    expect(await leaseOne()).toMatchObject({ runId: other.id });
    await settleMessage(db, lease ?? expect.fail('no lease'), 'failed', 'too large');
    expect(await leaseOne()).toMatchObject({ runId: run.id });
  });

  test('gives the oldest due first, no more than asked for, and leaves alone what is not due', async () => {
    const { db } = database;
    const run = await aRun(db);
    for (const n of [1, 2, 3, 4]) {
      await oweCancel(run, 0, `w${n}`);
    }
    const rows = await db
      .selectFrom('outbox')
      .select('id')
      .where('kind', '=', 'cancel')
      .orderBy('id')
      .execute();
    const waitedMs = [10, 30, 20, -60_000];
    for (const [index, { id }] of rows.entries()) {
      await db
        .updateTable('outbox')
        .set({
          nextAttemptAt: sql`clock_timestamp() - ${waitedMs[index] ?? 0} * interval '1 second'`,
        })
        .where('id', '=', id)
        .execute();
    }
    const first = await leaseDueMessages(db, { limit: 2, leaseMs: 60_000 });
    expect(new Set(first.map(({ workflowId }) => workflowId))).toEqual(new Set(['w2', 'w3']));
    expect((await leaseDueMessages(db, ALL)).map(({ workflowId }) => workflowId)).toEqual(['w1']);
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
  });

  test('skips what another session is about to lease, instead of waiting for it', async () => {
    const { db, url } = database;
    const run = await aRun(db);
    await oweCancel(run, 0, 'w1');
    await oweCancel(run, 0, 'w2');
    const impatient = openDatabase(`${url}?options=-c%20lock_timeout%3D2s`, { maxConnections: 1 });
    onTestFinished(() => impatient.close());
    await db.transaction().execute(async (tx) => {
      await tx
        .selectFrom('outbox')
        .select('id')
        .where('workflowId', '=', 'w1')
        .forUpdate()
        .execute();
      expect(await leaseDueMessages(impatient.db, ALL)).toMatchObject([{ workflowId: 'w2' }]);
    });
    expect(await leaseOne()).toMatchObject({ workflowId: 'w1' });
  });

  test('addresses a signal to whoever holds the step when it is sent', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 2 }] });
    await vote(db, gate, person('u_ann', 'finance'));
    const first = await leaseOne();
    expect(first).toMatchObject({
      kind: 'signal',
      workflowId: gate.holder,
      reviewId: gate.review.id,
      payload: { review_id: gate.review.id, fact: { seq: 1 }, status: { status: 'PENDING' } },
    });
    await postponeMessage(db, first, 0, 'it is gone');
    const next = gateOf(gate.stepId, 'next');
    await takeStep(db, gate.stepId, next, true);
    const again = await leaseDueMessages(db, ALL);
    expect(again.map(({ kind, workflowId, attempts }) => [kind, workflowId, attempts])).toEqual([
      ['signal', next.workflowId, 2],
      ['cancel', gate.holder, 1],
    ]);
  });
});

describe('a lease', () => {
  test('is taken with the message by who owes it, and ends by itself', async () => {
    const { db } = database;
    const run = await aRun(db);
    const lease = (await oweCancel(run, 60_000)) ?? expect.fail('no lease');
    expect(await rowOf(lease.id)).toMatchObject({ state: 'pending', attempts: 1 });
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
    expect(lease).toMatchObject({
      kind: 'cancel',
      runId: run.id,
      workflowId: run.id,
      attempts: 1,
    });
    await endLeases();
    expect(await leaseOne()).toMatchObject({ id: lease.id, attempts: 2 });
  });

  test('that was lost writes nothing: neither an end nor a delay', async () => {
    const { db } = database;
    const run = await aRun(db);
    const lost = (await oweCancel(run, 60_000)) ?? expect.fail('no lease');
    await endLeases();
    const held = await leaseOne();
    expect(held).toMatchObject({ id: lost.id });
    expect(held.leaseToken).not.toBe(lost.leaseToken);

    const before = await rowOf(lost.id);
    expect(await settleMessage(db, lost, 'failed', 'too late')).toBe(false);
    await postponeMessage(db, lost, 60_000, 'too late');
    expect(await rowOf(lost.id)).toEqual(before);

    expect(await settleMessage(db, held, 'delivered')).toBe(true);
    expect(await settleMessage(db, held, 'failed', 'once more')).toBe(false);
    await postponeMessage(db, held, 0, 'once more');
    expect(await db.selectFrom('outbox').selectAll().execute()).toEqual([]);
  });

  test('that has run out, and that nobody else has taken, still settles its message', async () => {
    const { db } = database;
    const lease = (await oweCancel(await aRun(db), 60_000)) ?? expect.fail('no lease');
    await endLeases();
    expect(await settleMessage(db, lease, 'delivered')).toBe(true);
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
  });

  test('is of one batch: two senders have different tokens', async () => {
    const { db } = database;
    const run = await aRun(db);
    for (const n of [1, 2, 3, 4]) {
      await oweCancel(run, 0, `w${n}`);
    }
    const batches = [
      await leaseDueMessages(db, { limit: 2, leaseMs: 60_000 }),
      await leaseDueMessages(db, { limit: 2, leaseMs: 60_000 }),
    ];
    const tokens = batches.map((batch) => new Set(batch.map(({ leaseToken }) => leaseToken)));
    expect(tokens.map(({ size }) => size)).toEqual([1, 1]);
    expect(new Set(tokens.flatMap((set) => [...set])).size).toBe(2);
  });
});

describe('renewLeases', () => {
  test('prolongs what is still held, and gives back nothing that was lost', async () => {
    const { db } = database;
    const run = await aRun(db);
    const lost = (await oweCancel(run, 60_000, 'w1')) ?? expect.fail('no lease');
    await endLeases();
    const taken = await leaseOne();
    const held = (await oweCancel(run, 60_000, 'w2')) ?? expect.fail('no lease');
    const before = [await rowOf(taken.id), await rowOf(held.id)];
    await renewLeases(db, [lost, held], 120_000);
    expect(await rowOf(taken.id)).toEqual(before[0]);
    const renewed = await rowOf(held.id);
    expect(renewed).toEqual({ ...before[1], leaseUntil: renewed.leaseUntil });
    expect(renewed.leaseUntil?.getTime()).toBeGreaterThan(
      (before[1]?.leaseUntil?.getTime() ?? Infinity) + 30_000,
    );
  });
});

describe('postponeMessage and makeAllDue', () => {
  test('keep what is owed owed: later by a delay, or at once', async () => {
    const { db } = database;
    const run = await aRun(db);
    await oweCancel(run);
    const message = await leaseOne();
    await postponeMessage(db, message, 60_000, 'UNAVAILABLE: away');
    expect(await rowOf(message.id)).toMatchObject({
      state: 'pending',
      lastError: 'UNAVAILABLE: away',
      leaseToken: null,
      leaseUntil: null,
      attempts: 1,
    });
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
    await makeAllDue(db);
    expect(await leaseOne()).toMatchObject({ id: message.id, attempts: 2 });
  });

  test('do not touch what is leased or settled', async () => {
    const { db } = database;
    const run = await aRun(db);
    await oweCancel(run, 0, 'w1');
    const settled = await leaseOne();
    await settleMessage(db, settled, 'delivered');
    await oweCancel(run, 0, 'w2');
    await leaseOne();
    await makeAllDue(db);
    expect(await leaseDueMessages(db, ALL)).toEqual([]);
  });
});

describe('nextDueInMs', () => {
  test('is the time to the next message that could be leased, and null where there is none', async () => {
    const { db } = database;
    expect(await nextDueInMs(db)).toBeNull();
    const run = await aRun(db);
    await oweCancel(run);
    expect(await nextDueInMs(db)).toBe(0);
    const message = await leaseOne();
    expect(await nextDueInMs(db)).toBeNull();
    await postponeMessage(db, message, 60_000, 'away');
    expect(await nextDueInMs(db)).toBeGreaterThan(30_000);
    expect(await nextDueInMs(db)).toBeLessThanOrEqual(60_000);
    await oweCancel(run, 60_000);
    expect(await nextDueInMs(db)).toBeGreaterThan(30_000);
    await endLeases();
    expect(await nextDueInMs(db)).toBe(0);
  });

  test('counts what waits behind a start as little as the lease does', async () => {
    const { db } = database;
    const { run, lease } = await aRunToStart(60_000);
    await oweCancel(run);
    expect(await nextDueInMs(db)).toBeNull();
    await postponeMessage(db, lease ?? expect.fail('no lease'), 60_000, 'away');
    expect(await nextDueInMs(db)).toBeGreaterThan(30_000);
  });
});

describe('resumeOf', () => {
  const resumed: Resume = { status: 'resumed', error: null };
  test.each<[{ readonly [Key in 'state' | 'lastError']: OutboxRow[Key] | null }, Resume]>([
    [{ state: null, lastError: null }, resumed],
    [
      { state: 'pending', lastError: null },
      {
        status: 'pending',
        error:
          'The vote is recorded; the workflow will be told as soon as Temporal answers (it is being told).',
      },
    ],
    [
      { state: 'pending', lastError: 'UNAVAILABLE: away' },
      {
        status: 'pending',
        error:
          'The vote is recorded; the workflow will be told as soon as Temporal answers (UNAVAILABLE: away).',
      },
    ],
    [
      { state: 'failed', lastError: "workflow 'w' has ended" },
      {
        status: 'failed',
        error:
          "The vote is recorded, but its workflow could not be told: workflow 'w' has ended. An operator can run `countersign doctor --fix`.",
      },
    ],
    [
      { state: 'failed', lastError: null },
      {
        status: 'failed',
        error:
          'The vote is recorded, but its workflow could not be told: unknown. An operator can run `countersign doctor --fix`.',
      },
    ],
  ])('says of a message %j what the API says', ({ state, lastError }, resume) => {
    expect(asResume(state, lastError)).toEqual(resume);
  });

  test('is about the latest vote, and says skipped where nobody has to be told', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 3 }] });
    expect(await resumeOf(db, gate.review.id)).toEqual({ status: 'skipped', error: null });
    await vote(db, gate, person('u_ann', 'finance'));
    await settleMessage(db, await leaseOne(), 'failed', 'it has ended');
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'failed' });
    await vote(db, gate, person('u_bob', 'finance'));
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'pending' });
    await settleMessage(db, await leaseOne(), 'delivered');
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'resumed' });
    // The cancel that a rejection owes is not what the review is asked about.
    await vote(db, gate, person('u_cid', 'finance'), { verdict: 'rejected' });
    for (const message of await leaseDueMessages(db, ALL)) {
      await settleMessage(db, message, message.kind === 'cancel' ? 'failed' : 'delivered');
    }
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'resumed' });
  });
});

describe('oweAgain', () => {
  const signals = async (reviewId: string) =>
    await database.db
      .selectFrom('outbox')
      .select(['factId', 'payload', 'state', 'attempts'])
      .where('reviewId', '=', reviewId)
      .execute();

  test('owes the latest fact of a review as it was owed before, when that had left the outbox', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 3 }] });
    await vote(db, gate, person('u_ann', 'finance'));
    await vote(db, gate, person('u_bob', 'finance'));
    const [, latest] = await signals(gate.review.id);
    for (const message of await leaseDueMessages(db, ALL)) {
      await settleMessage(db, message, 'delivered');
    }
    const news = { runId: gate.run.id, reviewId: gate.review.id, seq: 2 };
    expect([await oweNewsAgain(db, news), await oweNewsAgain(db, news)]).toEqual([true, true]);
    expect(await signals(gate.review.id)).toEqual([latest]);
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'pending' });
  });

  test('owes what failed from the start, and nothing where nobody has to be told', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    const news = { runId: gate.run.id, reviewId: gate.review.id, seq: 0 };
    expect(await oweNewsAgain(db, news)).toBe(false);
    expect(await signals(gate.review.id)).toEqual([]);
    await vote(db, gate, person('u_ann'));
    const message = await leaseOne();
    await settleMessage(db, message, 'failed', 'it has ended');
    await oweAgain(db, message.id);
    expect(await signals(gate.review.id)).toMatchObject([{ state: 'pending', attempts: 0 }]);
    expect(await leaseOne()).toMatchObject({ id: message.id });
  });
});

describe('readBacklog', () => {
  test('counts what is owed and what failed, and says since when the oldest is owed', async () => {
    const { db } = database;
    expect(await readBacklog(db)).toEqual({ pending: 0, oldestPendingMs: null, failed: 0 });
    const run = await aRun(db);
    await db.deleteFrom('outbox').execute();
    for (const n of [1, 2, 3, 4]) {
      await oweCancel(run, 0, `w${n}`);
    }
    const [delivered, failed] = await leaseDueMessages(db, { limit: 2, leaseMs: 60_000 });
    await settleMessage(db, delivered ?? expect.fail('none'), 'delivered');
    await settleMessage(db, failed ?? expect.fail('none'), 'failed', 'gone');
    const [oldest] = await leaseDueMessages(db, { limit: 1, leaseMs: 60_000 });
    await db
      .updateTable('outbox')
      .set({ createdAt: sql`clock_timestamp() - interval '1 minute'` })
      .where('id', '=', oldest?.id ?? '')
      .execute();
    const backlog = await readBacklog(db);
    expect(backlog).toMatchObject({ pending: 2, failed: 1 });
    expect(backlog.oldestPendingMs).toBeGreaterThanOrEqual(59_990); // times are rounded to milliseconds
    expect(backlog.oldestPendingMs).toBeLessThan(90_000);
  });
});
