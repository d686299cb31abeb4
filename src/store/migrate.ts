import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Db, inTransaction, sqlState } from './database.js';
import { MIGRATIONS } from './migrations.js';
import type { SchemaStep } from './schema-step.js';
import { storeTrouble } from './store-away.js';

/** A schema that this version of Countersign cannot work with; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** How a schema is brought up to date. */
type MigrateOptions = {
  /** Told what it waits for, each time before it does. */
  readonly onWait?: (line: string) => void;
  readonly steps?: Readonly<Record<string, SchemaStep>>;
  /** How long a step waits for a lock: for so long others queue behind it. Then it lets them pass. */
  readonly lockMs?: number;
  readonly pauseMs?: number;
};

/** How often a step may find a table in use; with the pauses that is a quarter of an hour. */
const ATTEMPTS = 200;

/** Names the lock among all advisory locks of the database. */
const LOCK = '3853314791062309107';

/**
 * Brings the schema up to this version and says which steps it took.
 *
 * Any number of processes may do so at once: they queue on an advisory lock and all but the first
 * find nothing to do. A schema newer than this version is refused before anything is touched. Each
 * step is a transaction of its own (or none, see `SchemaStep`), and never waits long for a table that
 * is in use, because everybody else would wait behind it.
 *
 * @param db opened with `PATIENT_LIMITS`: a step takes as long as it takes
 * @throws SchemaError for a newer schema, or when a step fails (nothing of that step remains)
 */
export async function migrate(db: Db, options: MigrateOptions = {}): Promise<readonly string[]> {
  const { steps = MIGRATIONS } = options;
  return await db.connection().execute(async (session) => {
    await takeLock(session, options);
    try {
      await refuseNewerSchema(session, steps);
      await sql`create table if not exists kysely_migration (
        name varchar(255) primary key, timestamp varchar(255) not null)`.execute(session);
      const applied = await appliedMigrations(session);
      const pending = Object.entries(steps).filter(([name]) => !applied.includes(name));
      for (const [name, step] of pending) {
        await take(session, name, step, options);
      }
      return pending.map(([name]) => name);
    } finally {
      await sql`select pg_advisory_unlock(${LOCK})`.execute(session).catch(() => {}); // it ends with its session
    }
  });
}

/**
 * Waits until nobody else migrates.
 *
 * By looking, because a statement that waited for the lock would keep a snapshot, and an index that
 * is built concurrently waits for everybody who has one.
 */
async function takeLock(session: Db, { onWait, pauseMs = 100 }: MigrateOptions): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { rows } = await sql<{ isOurs: boolean }>`
      select pg_try_advisory_lock(${LOCK}) as "isOurs"`.execute(session);
    if (rows[0]?.isOurs === true) {
      return;
    }
    if (attempt === 1) {
      onWait?.('waiting for another process that brings the schema up to date');
    }
    await delay(pauseMs);
  }
}

async function take(
  session: Db,
  name: string,
  step: SchemaStep,
  { onWait, lockMs = 1_000, pauseMs = 3_000 }: MigrateOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await (step.isOutsideTransaction === true
        ? takeOutsideTransaction(session, name, step)
        : takeInTransaction(session, name, step, lockMs));
      return;
    } catch (error) {
      if (attempt >= ATTEMPTS || storeTrouble(error) !== 'busy') {
        throw new SchemaError(
          'The database schema could not be brought up to date: see the cause, mend it, and run `countersign migrate` again.',
          { cause: error },
        );
      }
      onWait?.(`waiting for a table that is in use, to take schema step ${name}`);
    }
    await delay(pauseMs * (0.5 + Math.random()));
  }
}

async function takeInTransaction(
  session: Db,
  name: string,
  step: SchemaStep,
  lockMs: number,
): Promise<void> {
  await inTransaction(session, async (tx) => {
    await sql`select set_config('lock_timeout', ${`${lockMs}`}, true),
                     set_config('statement_timeout', '0', true)`.execute(tx);
    await step.up(tx);
    await remember(tx, name);
  });
}

/** Nobody queues behind what such a step locks, so it waits for as long as it has to. */
async function takeOutsideTransaction(session: Db, name: string, step: SchemaStep): Promise<void> {
  const { rows } = await sql<{ lock: string; statement: string }>`
    select current_setting('lock_timeout') as lock,
           current_setting('statement_timeout') as statement`.execute(session);
  const { lock = '0', statement = '0' } = rows[0] ?? {};
  await limit(session, '0', '0');
  try {
    await step.up(session);
    await remember(session, name);
  } finally {
    await limit(session, lock, statement).catch(() => {}); // a session that broke is given up anyway
  }
}

async function limit(session: Db, lock: string, statement: string): Promise<void> {
  await sql`select set_config('lock_timeout', ${lock}, false),
                   set_config('statement_timeout', ${statement}, false)`.execute(session);
}

async function remember(db: Db, name: string): Promise<void> {
  await sql`insert into kysely_migration (name, timestamp)
            values (${name}, ${new Date().toISOString()})`.execute(db);
}

/**
 * Refuses to go on unless the schema is exactly the one this version was written for.
 *
 * @throws SchemaError when it is older, newer or not there
 */
export async function checkSchema(db: Db): Promise<void> {
  await refuseNewerSchema(db, MIGRATIONS);
  const applied = await appliedMigrations(db);
  const missing = Object.keys(MIGRATIONS).filter((name) => !applied.includes(name));
  if (missing.length > 0) {
    throw new SchemaError(
      `The database lacks schema step ${missing.join(', ')}: run \`countersign migrate\` first.`,
    );
  }
}

async function refuseNewerSchema(
  db: Db,
  steps: Readonly<Record<string, SchemaStep>>,
): Promise<void> {
  const unknown = (await appliedMigrations(db)).filter((name) => !(name in steps));
  if (unknown.length > 0) {
    throw new SchemaError(
      `The database schema is newer than this version of Countersign (it has ${unknown.join(', ')}): upgrade Countersign, or point DATABASE_URL at another database.`,
    );
  }
}

async function appliedMigrations(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from kysely_migration order by name`
    .execute(db)
    .catch((error: unknown) => {
      if (sqlState(error) === '42P01') {
        return { rows: [] };
      }
      throw error;
    });
  return rows.map(({ name }) => name);
}
