import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SYSTEM } from '../../src/store/actors.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import {
  type Change,
  endOfChanges,
  followChanges,
  readChanges,
  removeOldChanges,
} from '../../src/store/change-feed.js';
import type { Db } from '../../src/store/database.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { beginStep } from '../../src/store/ledger.js';
import { leaseDueMessages, settleMessage } from '../../src/store/outbox.js';
import { gateOf, runOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aBlock, aGate, aParkedGate, aRunningRun, park, person, vote } from '../support/parked.js';
import { until } from '../support/until.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Writes one change, as the triggers do. */
async function write(db: Db, id: string): Promise<void> {
  await sql`insert into change (project_id, kind, id) values ('prj_default', 'run', ${id})`.execute(
    db,
  );
}

/** A transaction that has written, and commits when it is told to. */
async function writing(id: string): Promise<() => Promise<void>> {
  let commit = (): void => {};
  const committing = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let written = (): void => {};
  const hasWritten = new Promise<void>((resolve) => {
    written = resolve;
  });
  const done = database.db.transaction().execute(async (tx) => {
    await write(tx, id);
    written();
    await committing;
  });
  await hasWritten;
  return async () => {
    commit();
    await done;
  };
}

/** Reads on from a cursor, again and again. */
async function reader(): Promise<() => Promise<readonly string[] | null>> {
  let cursor = await endOfChanges(database.db);
  return async () => {
    const page = await readChanges(database.db, cursor);
    ({ cursor } = page);
    return page.changes?.map(({ id }) => id).toSorted() ?? null;
  };
}

describe('the change log', () => {
  test('loses nothing when who began first commits last, and tells each change once', async () => {
    const commitFirst = await writing('began first');
    const commitSecond = await writing('began second');
    const next = await reader();
    expect(await next()).toEqual([]);
    await write(database.db, 'began third');
    expect(await next()).toEqual(['began third']);
    await commitSecond();
    expect(await next()).toEqual(['began second']);
    await write(database.db, 'began fourth');
    await commitFirst();
    expect(await next()).toEqual(['began first', 'began fourth']);
    expect(await next()).toEqual([]);
  });

  test('tells each of many changes exactly once, in whatever order they begin and commit', async () => {
    const next = await reader();
    const atWork = { count: 8 };
    const all = Array.from({ length: 300 }, (_, n) => `many ${n}`);
    const queue = [...all];
    const writers = Array.from({ length: 8 }, async (_, n) => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        const commit = await writing(id);
        // Some stay open while others begin and commit.
        await sql`select pg_sleep(${((n * 7) % 5) / 500})`.execute(database.db);
        await commit();
      }
      atWork.count -= 1;
    });
    const ending = Promise.all(writers);
    const told: string[] = [];
    while (atWork.count > 0) {
      told.push(...((await next()) ?? expect.fail('some were missed')));
    }
    await ending;
    told.push(...((await next()) ?? expect.fail('some were missed')));
    expect(told.toSorted()).toEqual(all.toSorted());
  });

  test('says nothing of what was rolled back', async () => {
    const next = await reader();
    const undone = database.db.transaction().execute(async (tx) => {
      await write(tx, 'undone');
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await next()).toEqual([]);
  });

  test('asks for everything to be read again where too much has changed, or time went back', async () => {
    const next = await reader();
    await sql`insert into change (project_id, kind, id)
              select 'prj_default', 'run', 'r' || i from generate_series(1, 501) i`.execute(
      database.db,
    );
    expect(await next()).toBeNull();
    expect(await next()).toEqual([]);
    const { rows } = await sql<{ later: string }>`
      select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000)::text as later`.execute(
      database.db,
    );
    const later = rows[0]?.later ?? '';
    const page = await readChanges(database.db, `${later}:${later}:`);
    expect(page.changes).toBeNull();
    expect((await readChanges(database.db, page.cursor)).changes).toEqual([]);
  });
});

describe('what is written to it', () => {
  /** The changes of what `work` does, without those of others. */
  async function changesOf(work: () => Promise<unknown>): Promise<readonly Change[]> {
    const cursor = await endOfChanges(database.db);
    await work();
    const { changes } = await readChanges(database.db, cursor);
    return changes ?? expect.fail('some were missed');
  }
  const inOrder = (changes: readonly Change[]) =>
    changes.map(({ kind, id, runId }) => `${kind} ${id} of ${runId}`).toSorted();

  test('are reviews, runs, steps and definitions by kind and id, and the end of a delivery', async () => {
    const { db } = database;
    const gate = { review: { id: '' }, run: { id: '', workflowId: '' }, stepId: '' };
    const opened = await changesOf(async () => Object.assign(gate, await aParkedGate(db)));
    const { review, run, stepId } = gate;
    expect(inOrder(opened)).toEqual([
      `definition ${run.workflowId} of null`,
      `review ${review.id} of ${run.id}`,
      `run ${run.id} of null`,
      `step ${stepId} of ${run.id}`,
    ]);
    const parked = await aParkedGate(db, { release: 'manual' });
    const theirs = [`review ${parked.review.id} of ${parked.run.id}`];
    expect(inOrder(await changesOf(() => vote(db, parked, person('u_ann'))))).toEqual(theirs);
    const [message, other] = await leaseDueMessages(db, { limit: 10, leaseMs: 60_000 });
    const signal = message ?? expect.fail('nothing is owed');
    expect(other).toBeUndefined();
    expect(inOrder(await changesOf(() => settleMessage(db, signal, 'failed', 'gone')))).toEqual(
      theirs,
    );
    const mended = () => sql`delete from outbox where id = ${signal.id}`.execute(db);
    expect(inOrder(await changesOf(mended))).toEqual(theirs);
  });

  test('are all rows of one statement, and none whose status stays', async () => {
    const { db } = database;
    const blocks = ['a', 'b', 'c'].map((id) => aBlock(id, { needs: [], review: aGate() }));
    const run = await aRunningRun(db, blocks);
    const gates = [await park(db, run, 'a'), await park(db, run, 'b'), await park(db, run, 'c')];
    const about = { reason: 'enough', dialect: 'native' } as const;
    expect(inOrder(await changesOf(() => cancelRun(db, SYSTEM, run.id, about, 0)))).toEqual(
      [
        ...gates.map(({ review }) => `review ${review.id} of ${run.id}`),
        `run ${run.id} of null`,
      ].toSorted(),
    );
    const untold = () =>
      db
        .updateTable('step')
        .set({ aliveAt: sql`clock_timestamp()`, errorMessage: 'x' })
        .where('runId', '=', run.id)
        .execute();
    expect(await changesOf(untold)).toEqual([]);
  });

  test('is a step that begins to wait for a function, and waits no more', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [aBlock('pay')]);
    const stepId = stepIdOf(run.id, 'pay');
    const begin = (missing: string | null) => () =>
      beginStep(db, stepId, runOf(stepId), 't', () => missing);
    const theirs = [`step ${stepId} of ${run.id}`];
    expect(inOrder(await changesOf(begin("It waits for 'pay'.")))).toEqual(theirs);
    // It asks again and again, and nothing has changed.
    expect(await changesOf(begin("It waits for 'pay'."))).toEqual([]);
    expect(inOrder(await changesOf(begin(null)))).toEqual(theirs);
  });

  test('is the review of such a step, too: its page says what it waits for', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { placement: 'input' });
    const { run, review, stepId, holder } = gate;
    await vote(db, gate, person('u_ann'));
    const caller = { ...gateOf(stepId), workflowId: holder };
    const begin = () => beginStep(db, stepId, caller, 't', () => "It waits for 'pay'.");
    expect(inOrder(await changesOf(begin))).toEqual([
      `review ${review.id} of ${run.id}`,
      `step ${stepId} of ${run.id}`,
    ]);
  });

  test('needs no NOTIFY: nothing in the database sends any', async () => {
    const { rows } = await sql`
      select proname from pg_proc
       where pronamespace = 'public'::regnamespace and prosrc ilike '%notify%'`.execute(
      database.db,
    );
    expect(rows).toEqual([]);
  });
});

describe('following it', () => {
  test('begins with null, tells what changes, and goes on where it was after its connection was cut', async () => {
    const { db } = database;
    const told: (string | null)[] = [];
    const stop = followChanges(db, (change) => told.push(change?.id ?? null));
    onTestFinished(() => stop());
    await until('it to follow', () => told.length > 0);
    expect(told).toEqual([null]);
    await write(db, 'one');
    await until('the change', () => told.includes('one'));
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()`.execute(db);
    await write(db, 'two');
    await until('the next change', () => told.includes('two'));
    expect(told).toEqual([null, 'one', 'two']);
  });
});

describe('trimming it', () => {
  test('removes what is old, however much, and keeps what is young', async () => {
    const { db } = database;
    await sql`truncate change`.execute(db);
    await sql`insert into change (project_id, kind, id, at)
              select 'prj_default', 'run', 'old', clock_timestamp() - interval '1 hour'
                from generate_series(1, 12000)`.execute(db);
    await write(db, 'young');
    expect(await removeOldChanges(db)).toBe(12_000);
    const { rows } = await sql`select id from change`.execute(db);
    expect(rows).toEqual([{ id: 'young' }]);
    expect(await removeOldChanges(db)).toBe(0);
  });
});
