import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  type Database,
  type DatabaseOptions,
  type Db,
  inTransaction,
  openDatabase,
  sqlState,
} from '../../src/store/database.js';
import { type Limits, PATIENT_LIMITS, SERVING_LIMITS } from '../../src/store/limits.js';
import { storeTrouble } from '../../src/store/store-away.js';
import { Statement } from '../../src/store/statement.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { countWaiting } from '../support/locks.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let db: Db;
let name: string;
beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  name = new URL(database.url).pathname.slice(1);
});
afterAll(() => database.drop());

/** Opens the test's database once more, as a process with these limits would. */
function another(limits: Partial<Limits>, options: DatabaseOptions = {}, url = database.url) {
  const opened = openDatabase(url, {
    maxConnections: 1,
    maxReadConnections: 1,
    limits: { ...PATIENT_LIMITS, ...limits },
    ...options,
  });
  onTestFinished(() => opened.close());
  return opened;
}

async function aProxy(): Promise<TcpProxy> {
  const proxy = await TcpProxy.inFrontOf(database.url);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** What a promise is rejected with. */
async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => expect.fail('it was not refused'),
    (error: unknown) => error,
  );
}

async function pidOf(of: Db): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(of);
  return rows[0]?.pid ?? expect.fail('a session has a process');
}

async function setting(of: Db, which: string): Promise<string> {
  const { rows } = await sql<{ value: string }>`
    select current_setting(${which}) as value`.execute(of);
  return rows[0]?.value ?? '';
}

/** Holds the default project's row until its test lets go. */
async function holdRow(): Promise<() => Promise<void>> {
  let release = (): void => {};
  const untilReleased = new Promise<void>((resolve) => {
    release = resolve;
  });
  let held = (): void => {};
  const isHeld = new Promise<void>((resolve) => {
    held = resolve;
  });
  const holding = inTransaction(db, async (tx) => {
    await tx.selectFrom('project').select('id').forUpdate().execute();
    held();
    await untilReleased;
  });
  await isHeld;
  return async () => {
    release();
    await holding;
  };
}

const lockRow = (of: Db): Promise<unknown> =>
  inTransaction(of, async (tx) => {
    await tx.selectFrom('project').select('id').forUpdate().execute();
  });

describe('limits', () => {
  test('a session has those it was opened with, and the operator’s own stand', async () => {
    const serving = another(SERVING_LIMITS).db;
    expect(await setting(serving, 'lock_timeout')).toBe('3s');
    expect(await setting(serving, 'statement_timeout')).toBe('10s');
    expect(await setting(serving, 'idle_in_transaction_session_timeout')).toBe('15s');

    const url = `${database.url}?options=-c%20lock_timeout%3D7s`;
    const configured = another(SERVING_LIMITS, {}, url).db;
    expect(await setting(configured, 'lock_timeout')).toBe('7s');
    expect(await setting(configured, 'statement_timeout')).toBe('10s');
  });

  test('a lock that somebody holds for too long is busy, and the connection stays', async () => {
    const { db: impatient } = another({ lockMs: 50 });
    const pid = await pidOf(impatient);
    const release = await holdRow();
    const error = await rejectionOf(lockRow(impatient));
    expect(error).toMatchObject({ code: '55P03' });
    expect(storeTrouble(error)).toBe('busy');
    await release();
    await lockRow(impatient);
    expect(await pidOf(impatient)).toBe(pid);
  });

  test('a statement that takes too long is busy', async () => {
    const { db: impatient } = another({ statementMs: 50 });
    const error = await rejectionOf(sql`select pg_sleep(600)`.execute(impatient));
    expect(error).toMatchObject({ code: '57014' });
    expect(storeTrouble(error)).toBe('busy');
  });

  test('a transaction in which nothing happens is ended by the server, and what it held is free', async () => {
    const { db: frozen } = another({ idleInTransactionMs: 1_000 });
    const lost = inTransaction(frozen, async (tx) => {
      await tx.selectFrom('project').select('id').forUpdate().execute();
      await lockRow(db); // waits until the server has ended the frozen one
      await tx.selectFrom('project').select('id').execute();
    });
    expect(storeTrouble(await rejectionOf(lost))).toBe('away');
    expect(await pidOf(frozen)).toBeGreaterThan(0);
  });

  test('a pool that is used up is busy', async () => {
    const { db: small } = another({ connectMs: 1_000 });
    await inTransaction(small, async (tx) => {
      await tx.selectFrom('project').select('id').execute();
      const error = await rejectionOf(pidOf(small));
      expect(storeTrouble(error)).toBe('busy');
    });
  });

  test('a server that takes connections and says nothing is away', async () => {
    const proxy = await aProxy();
    proxy.swallow();
    const { db: hopeful } = another({ connectMs: 50 }, {}, proxy.through(database.url));
    expect(storeTrouble(await rejectionOf(pidOf(hopeful)))).toBe('away');
  });

  test('a wait for locks takes no connection of those that read', async () => {
    const { db: small, reads } = another({});
    const release = await holdRow();
    const waiting = lockRow(small);
    await until('the wait', async () => (await countWaiting(db)) > 0);
    expect(await pidOf(reads)).toBeGreaterThan(0);
    await release();
    await waiting;
  });
});

describe('a connection that goes silent', () => {
  test('is given up after the query’s limit, with whatever was asked on it, and replaced', async () => {
    const proxy = await aProxy();
    const { db: cut } = another({ queryMs: 1_000 }, {}, proxy.through(database.url));
    const pid = await pidOf(cut);
    proxy.swallow();
    const error = await rejectionOf(pidOf(cut));
    expect(error).toMatchObject({ message: 'Query read timeout' });
    expect(storeTrouble(error)).toBe('away');
    proxy.resume();
    expect(await pidOf(cut)).not.toBe(pid);
    await until('the silent one to be cut', () => proxy.openConnections === 1);
  });

  test('in the middle of a transaction fails it, and nothing of it remains', async () => {
    const proxy = await aProxy();
    const { db: cut } = another({ queryMs: 1_000 }, {}, proxy.through(database.url));
    const lost = inTransaction(cut, async (tx) => {
      await tx.insertInto('project').values({ id: 'prj_lost', name: 'Lost' }).execute();
      proxy.swallow();
      await tx.selectFrom('project').select('id').execute();
    });
    expect(storeTrouble(await rejectionOf(lost))).toBe('away');
    proxy.resume();
    const left = await cut.selectFrom('project').selectAll().where('id', '=', 'prj_lost').execute();
    expect(left).toEqual([]);
  });

  test('that is cut is replaced, too', async () => {
    const proxy = await aProxy();
    const { db: cut } = another({}, {}, proxy.through(database.url));
    await pidOf(cut);
    proxy.refuse();
    expect(storeTrouble(await rejectionOf(pidOf(cut)))).toBe('away');
    proxy.resume();
    expect(await pidOf(cut)).toBeGreaterThan(0);
  });
});

describe('a server that becomes read-only', () => {
  test('loses every connection to it, those that only read included, and is not connected to again until it writes', async () => {
    const live = another({});
    const before = [await pidOf(live.db), await pidOf(live.reads)];
    const insert = (id: string) =>
      live.db.insertInto('project').values({ id, name: 'New' }).execute();
    await sql.raw(`alter database ${name} set default_transaction_read_only = on`).execute(db);
    // A session keeps its default: this is the one that hears of the change.
    await sql`set default_transaction_read_only = on`.execute(live.db);
    try {
      const first = await rejectionOf(insert('prj_demoted'));
      expect(first).toMatchObject({ code: '25006' });
      for (const ask of [
        () => insert('prj_demoted'),
        () => pidOf(live.db),
        () => pidOf(live.reads),
      ]) {
        const error = await rejectionOf(ask());
        expect(storeTrouble(error)).toBe('away');
        expect(error).toMatchObject({ name: 'StoreAwayError' });
      }
    } finally {
      await sql`set default_transaction_read_only = off`.execute(db);
      await sql.raw(`alter database ${name} reset default_transaction_read_only`).execute(db);
    }
    await insert('prj_promoted');
    const after = [await pidOf(live.db), await pidOf(live.reads)];
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  });
});

describe('inTransaction', () => {
  /** A database with this default for every new session. */
  async function withDefault(isolation: string): Promise<Database> {
    await sql
      .raw(`alter database ${name} set default_transaction_isolation = '${isolation}'`)
      .execute(db);
    onTestFinished(async () => {
      await sql.raw(`alter database ${name} reset default_transaction_isolation`).execute(db);
    });
    return another({}, { maxConnections: 20 });
  }

  test.each(['serializable', 'repeatable read'])(
    'is read committed in a database whose default is %s: twenty rivals for a row all get their turn',
    async (isolation) => {
      const strict = await withDefault(isolation);
      expect(await setting(strict.db, 'transaction_isolation')).toBe(isolation);
      const attempts = { count: 0 };
      await Promise.all(
        Array.from({ length: 20 }, () =>
          inTransaction(strict.db, async (tx) => {
            attempts.count += 1;
            const { name: value } = await tx
              .selectFrom('project')
              .select('name')
              .where('id', '=', 'prj_default')
              .forUpdate()
              .executeTakeFirstOrThrow();
            await tx
              .updateTable('project')
              .set({ name: `${value}.` })
              .where('id', '=', 'prj_default')
              .execute();
          }),
        ),
      );
      expect(attempts.count).toBe(20);
    },
  );

  test('tries again what lost a deadlock', async () => {
    await db
      .insertInto('project')
      .values([
        { id: 'prj_a', name: 'A' },
        { id: 'prj_b', name: 'B' },
      ])
      .execute();
    const lock = (tx: Parameters<Parameters<typeof inTransaction>[1]>[0], id: string) =>
      tx.selectFrom('project').select('id').where('id', '=', id).forUpdate().execute();
    let arrived = 0;
    let attempts = 0;
    const rival = (first: string, second: string) =>
      inTransaction(db, async (tx) => {
        attempts += 1;
        await lock(tx, first);
        arrived += 1;
        await until('both to hold one', () => arrived >= 2);
        await lock(tx, second);
      });
    await Promise.all([rival('prj_a', 'prj_b'), rival('prj_b', 'prj_a')]);
    // One of the two has lost at least once, and nobody in vain.
    expect(attempts).toBeGreaterThanOrEqual(3);
  });

  test('does not begin twice, and serves nobody after its end', async () => {
    let leaked: Db = db;
    await inTransaction(db, async (tx) => {
      leaked = tx;
      await expect(inTransaction(tx, async () => {})).rejects.toThrow('inside of another');
    });
    await expect(leaked.selectFrom('project').select('id').execute()).rejects.toThrow(
      'the transaction has ended',
    );
  });

  test('writes nothing where it could not begin', async () => {
    // PostgreSQL knows no such level: this begin fails, and its connection lives.
    const refused = db
      .transaction()
      .setIsolationLevel('snapshot')
      .execute((tx) =>
        tx.insertInto('project').values({ id: 'prj_alone', name: 'Alone' }).execute(),
      );
    expect(await rejectionOf(refused)).toMatchObject({ code: '42601' });
    const left = await db
      .selectFrom('project')
      .select('id')
      .where('id', '=', 'prj_alone')
      .execute();
    expect(left).toEqual([]);
  });

  test('says so where a failure inside of it was passed over, and records nothing', async () => {
    const passed = inTransaction(db, async (tx) => {
      await tx.insertInto('project').values({ id: 'prj_over', name: 'X' }).execute();
      await sql`select 1 / 0`.execute(tx).catch(() => {});
    });
    await expect(passed).rejects.toThrow('nothing of it was recorded');
    expect(
      await db.selectFrom('project').select('id').where('id', '=', 'prj_over').execute(),
    ).toEqual([]);
  });
});

describe('statements that are sent together', () => {
  test('cost one round trip, and the commit none beside the last of them', async () => {
    const proxy = await aProxy();
    const { db: counted } = another({}, {}, proxy.through(database.url));
    const vote = (id: string) =>
      inTransaction(counted, async (tx) => {
        await Promise.all([
          tx
            .selectFrom('project')
            .select('id')
            .where('id', '=', 'prj_default')
            .forUpdate()
            .execute(),
          tx.selectFrom('person').select('id').where('id', '=', id).execute(),
          tx.selectFrom('token').select('id').where('id', '=', id).execute(),
        ]);
        tx.withCommit(
          tx.insertInto('project').values({ id, name: 'One' }).execute(),
          tx.updateTable('project').set({ name: 'Two' }).where('id', '=', id).execute(),
        );
      });
    await vote('prj_first');
    const before = proxy.roundTrips;
    await vote('prj_second');
    expect(proxy.roundTrips - before).toBe(2);
    const kept = await db
      .selectFrom('project')
      .select('name')
      .where('id', '=', 'prj_second')
      .execute();
    expect(kept).toEqual([{ name: 'Two' }]);
  });

  test('are undone together where the last of them fails', async () => {
    const failed = inTransaction(db, async (tx) => {
      await tx.selectFrom('project').select('id').execute();
      tx.withCommit(
        tx.insertInto('project').values({ id: 'prj_none', name: 'None' }).execute(),
        tx.insertInto('project').values({ id: 'prj_default', name: 'Taken' }).execute(),
      );
    });
    expect(await rejectionOf(failed)).toMatchObject({ code: '23505' });
    expect(
      await db.selectFrom('project').select('id').where('id', '=', 'prj_none').execute(),
    ).toEqual([]);
  });

  test('fail with what the first of them failed with, whatever is said of those behind it', async () => {
    const { db: fresh } = another({});
    // Nobody has prepared the statement on this connection, and it is sent twice behind the failure.
    const twice = (tx: Parameters<Parameters<typeof inTransaction>[1]>[0]) =>
      sql`select ${1}::int as behind`.execute(tx);
    const codes: unknown[] = [];
    const failed = inTransaction(fresh, async (tx) => {
      const sent = [sql`select 1 / ${0}::int`.execute(tx), twice(tx), twice(tx)];
      for (const one of await Promise.allSettled(sent)) {
        codes.push(one.status === 'rejected' ? sqlState(one.reason) : null);
      }
      await Promise.all(sent);
    });
    expect(await rejectionOf(failed)).toMatchObject({ code: '22012' });
    expect(codes).toEqual(['22012', '22012', '22012']);
  });

  test('fail with what the first of them failed with, also where the commit is on its way', async () => {
    const failed = inTransaction(db, async (tx) => {
      await tx.selectFrom('project').select('id').execute();
      const one = tx.insertInto('project').values({ id: 'prj_default', name: 'Taken' }).execute();
      // The one that fails is told by way of more promises than the one behind it.
      const told = one
        .then(() => {})
        .then(() => {})
        .then(() => {});
      tx.withCommit(told, tx.insertInto('project').values({ id: 'prj_no', name: 'No' }).execute());
    });
    expect(await rejectionOf(failed)).toMatchObject({ code: '23505' });
  });

  test('leave a connection that serves on where one of them fails', async () => {
    const { db: one } = another({});
    const pid = await pidOf(one);
    const failed = inTransaction(one, async (tx) => {
      await Promise.all([
        sql`select 1 / ${0}::int`.execute(tx),
        sql`select ${1}::int`.execute(tx),
        tx.insertInto('project').values({ id: 'prj_gone', name: 'Gone' }).execute(),
      ]);
    });
    expect(await rejectionOf(failed)).toMatchObject({ code: '22012' });
    expect(await pidOf(one)).toBe(pid);
    expect(
      await one.selectFrom('project').select('id').where('id', '=', 'prj_gone').execute(),
    ).toEqual([]);
  });
});

describe('a statement that comes up again', () => {
  const rename = (of: Db, value: string) =>
    inTransaction(of, (tx) =>
      tx.selectFrom('project').selectAll().where('name', '=', value).execute(),
    );

  test('is prepared once a connection', async () => {
    const { db: one } = another({});
    for (const value of ['a', 'b', 'c', 'd']) {
      await rename(one, value);
    }
    const { rows } = await sql<{ calls: number }>`
      select (generic_plans + custom_plans)::int as calls from pg_prepared_statements
       where statement like '%"project"%'`.execute(one);
    expect(rows).toEqual([{ calls: 3 }]);
  });

  test('is prepared anew where a table has got another column meanwhile', async () => {
    const { db: two } = another({}, { maxConnections: 2 });
    const both = () => Promise.all([rename(two, 'a'), rename(two, 'b')]);
    await both();
    await both();
    await sql`alter table project add column later text`.execute(db);
    try {
      expect(await both()).toEqual([[], []]);
    } finally {
      await sql`alter table project drop column later`.execute(db);
    }
    expect(await both()).toEqual([[], []]);
  });

  test('is carried out all the same where that is noticed outside of a transaction', async () => {
    const { db: one } = another({}, { maxConnections: 1 });
    const byName = new Statement((of, { name }: { readonly name: string }) =>
      of.selectFrom('project').selectAll().where('name', '=', name),
    );
    const read = () => byName.all(one, { name: 'nobody' });
    for (let time = 1; time <= 3; time += 1) {
      await read();
    }
    await sql`alter table project add column later text`.execute(db);
    try {
      expect(await read()).toEqual([]);
    } finally {
      await sql`alter table project drop column later`.execute(db);
    }
    expect(await read()).toEqual([]);
  });
});
