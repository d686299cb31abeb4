import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Placement } from '../../src/domain/definition.js';
import type { Fact, Verdict } from '../../src/domain/facts.js';
import type { Assignee, Entry } from '../../src/domain/policy.js';
import type { Decision } from '../../src/domain/review-state.js';
import {
  REVIEW_STATUSES,
  RUN_STATUSES,
  STEP_STATUSES,
  type VotedStatus,
} from '../../src/domain/statuses.js';
import type { Actor } from '../../src/store/actors.js';
import type { NewVersion } from '../../src/store/add-version.js';
import { CHANGE_KINDS } from '../../src/store/change-feed.js';
import { type Database, type Db, inTransaction, openDatabase } from '../../src/store/database.js';
import { PATIENT_LIMITS } from '../../src/store/limits.js';
import { checkSchema, migrate, SchemaError } from '../../src/store/migrate.js';
import { MIGRATIONS } from '../../src/store/migrations.js';
import type { LeasedMessage } from '../../src/store/outbox.js';
import { buildIndexes, type SchemaStep } from '../../src/store/schema-step.js';
import type { OutboxRow, RunRow, VersionRow } from '../../src/store/tables.js';
import { createTestDatabase, databaseUrl, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

let server: Database;
beforeAll(() => {
  server = openDatabase(inject('postgresUrl'), { maxConnections: 2, limits: PATIENT_LIMITS });
});
afterAll(() => server.close());

/** A database without any table, which is dropped when its test ends. */
async function anEmptyDatabase(): Promise<string> {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  await sql.raw(`create database ${name} template template0`).execute(server.db);
  onTestFinished(async () => {
    await until(`nobody to be connected to ${name}`, async () => {
      const { rows } = await sql`select 1 from pg_stat_activity where datname = ${name}`.execute(
        server.db,
      );
      return rows.length === 0;
    });
    await sql.raw(`drop database ${name}`).execute(server.db);
  });
  return databaseUrl(inject('postgresUrl'), name);
}

async function withDatabase<T>(url: string, use: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase(url, { maxConnections: 2, limits: PATIENT_LIMITS });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

const ALL = Object.keys(MIGRATIONS);

/** The name, message and all of what a promise is rejected with. */
async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => expect.fail('it was not refused'),
    (error: unknown) => (error instanceof Error ? error : expect.fail('it threw no error')),
  );
}

describe('migrate', () => {
  test('brings an empty database up to date once, when twenty processes do it at the same time', async () => {
    const url = await anEmptyDatabase();
    const taken = await Promise.all(
      Array.from({ length: 20 }, () => withDatabase(url, ({ db }) => migrate(db))),
    );
    expect(taken.filter((steps) => steps.length > 0)).toEqual([ALL]);
    await withDatabase(url, async ({ db }) => {
      await checkSchema(db);
      const { rows } = await sql<{ name: string }>`
        select name from kysely_migration order by name`.execute(db);
      expect(rows.map(({ name }) => name)).toEqual(ALL);
      const projects = await db.selectFrom('project').select('id').execute();
      expect(projects).toEqual([{ id: 'prj_default' }]);
    });
  });

  test('does nothing where everything has been done', async () => {
    const url = await anEmptyDatabase();
    await withDatabase(url, async ({ db }) => {
      await migrate(db);
      await db.insertInto('project').values({ id: 'prj_kept', name: 'Kept' }).execute();
      expect(await migrate(db)).toEqual([]);
      const projects = await db.selectFrom('project').select('id').orderBy('id').execute();
      expect(projects.map(({ id }) => id)).toEqual(['prj_default', 'prj_kept']);
    });
  });

  test('refuses a schema that is newer than this version, and touches nothing', async () => {
    const url = await anEmptyDatabase();
    await withDatabase(url, async ({ db }) => {
      await migrate(db);
      await sql`insert into kysely_migration (name, timestamp)
                values ('9998_more', ''), ('9999_tomorrow', '')`.execute(db);
      await sql`delete from kysely_migration where name = ${ALL[0]}`.execute(db);
      const message =
        'The database schema is newer than this version of Countersign (it has 9998_more, 9999_tomorrow): upgrade Countersign, or point DATABASE_URL at another database.';
      for (const check of [migrate, checkSchema]) {
        const error = await rejectionOf(check(db));
        expect(error).toBeInstanceOf(SchemaError);
        expect(error).toMatchObject({ name: 'SchemaError', message });
      }
      const { rows } = await sql<{ name: string }>`
        select name from kysely_migration order by name`.execute(db);
      expect(rows.map(({ name }) => name)).toEqual([...ALL.slice(1), '9998_more', '9999_tomorrow']);
    });
  });

  test('leaves nothing of a step that fails, and says to mend the cause', async () => {
    const url = await anEmptyDatabase();
    await withDatabase(url, async ({ db }) => {
      await sql`create table audit (mine int)`.execute(db);
      const error = await rejectionOf(migrate(db));
      expect(error).toMatchObject({
        name: 'SchemaError',
        message:
          'The database schema could not be brought up to date: see the cause, mend it, and run `countersign migrate` again.',
        cause: { code: '42P07' },
      });
      const { rows } = await sql<{ name: string }>`
        select table_name as name from information_schema.tables
         where table_schema = 'public' and table_name not like 'kysely%'`.execute(db);
      expect(rows).toEqual([{ name: 'audit' }]);

      await sql`drop table audit`.execute(db);
      expect(await migrate(db)).toEqual(ALL);
    });
  });
});

describe('the steps of a migration', () => {
  const statement = (text: string): SchemaStep => ({
    async up(db) {
      await sql.raw(text).execute(db);
    },
  });
  const things = statement('create table thing (id int primary key, value int)');
  const stepsTaken = async (db: Db): Promise<readonly string[]> => {
    const { rows } = await sql<{ name: string }>`
      select name from kysely_migration order by name`.execute(db);
    return rows.map(({ name }) => name);
  };
  const isUsable = async (db: Db, index: string): Promise<boolean | undefined> => {
    const { rows } = await sql<{ valid: boolean }>`
      select indisvalid as valid from pg_index where indexrelid = to_regclass(${index})`.execute(
      db,
    );
    return rows[0]?.valid;
  };

  test('are a transaction each: those before the one that fails stay', async () => {
    await withDatabase(await anEmptyDatabase(), async ({ db }) => {
      const steps = { '0001_a': things, '0002_b': statement('create table b (id nothing)') };
      const error = await rejectionOf(migrate(db, { steps }));
      expect(error).toMatchObject({ name: 'SchemaError', cause: { code: '42704' } });
      expect(await stepsTaken(db)).toEqual(['0001_a']);
      const mended = { ...steps, '0002_b': statement('create table b (id int)') };
      expect(await migrate(db, { steps: mended })).toEqual(['0002_b']);
    });
  });

  test('let others pass while they wait for a table that is in use, and are taken once it is free', async () => {
    await withDatabase(await anEmptyDatabase(), async ({ db, url }) => {
      await migrate(db, { steps: { '0001_a': things } });
      await withDatabase(url, async (other) => {
        let waits = 0;
        let release = (): void => {};
        const released = new Promise<void>((resolve) => {
          release = resolve;
        });
        let migrated: Promise<readonly string[]> = Promise.resolve([]);
        await inTransaction(other.db, async (tx) => {
          await sql`select * from thing`.execute(tx);
          migrated = migrate(db, {
            steps: {
              '0001_a': things,
              '0002_b': statement('alter table thing add column more int'),
            },
            lockMs: 50,
            pauseMs: 50,
            onWait: () => {
              waits += 1;
              if (waits === 2) {
                release();
              }
            },
          });
          await released;
          // What came behind the migration is served all the same.
          await sql`select * from thing`.execute(other.reads);
        });
        expect(await migrated).toEqual(['0002_b']);
      });
    });
  });

  test('build an index while others write', async () => {
    await withDatabase(await anEmptyDatabase(), async ({ db, url }) => {
      const indexes = {
        '0001_a': things,
        '0002_b': buildIndexes({ by_value: 'on thing (value)' }),
      };
      await migrate(db, { steps: { '0001_a': things } });
      await withDatabase(url, async (other) => {
        let migrated: Promise<readonly string[]> = Promise.resolve([]);
        await inTransaction(other.db, async (tx) => {
          await sql`insert into thing values (1, 1)`.execute(tx);
          migrated = migrate(db, { steps: indexes });
          await until('the build to wait for that transaction', async () => {
            const { rows } = await sql`select 1 from pg_stat_progress_create_index
              where phase like 'waiting for%'`.execute(other.reads);
            return rows.length > 0;
          });
          await sql`insert into thing values (2, 2)`.execute(other.reads);
        });
        expect(await migrated).toEqual(['0002_b']);
        expect(await isUsable(db, 'by_value')).toBe(true);
      });
    });
  });

  test('build an index anew of which an attempt has left only an invalid one', async () => {
    await withDatabase(await anEmptyDatabase(), async ({ db }) => {
      const steps = {
        '0001_a': things,
        '0002_b': buildIndexes({
          by_value: 'unique on thing (value)',
          by_id: 'on thing (id desc)',
        }),
      };
      await migrate(db, { steps: { '0001_a': things } });
      await sql`insert into thing values (1, 7), (2, 7)`.execute(db);
      expect(await rejectionOf(migrate(db, { steps }))).toMatchObject({ cause: { code: '23505' } });
      expect(await isUsable(db, 'by_value')).toBe(false);
      await sql`delete from thing where id = 2`.execute(db);
      expect(await migrate(db, { steps })).toEqual(['0002_b']);
      expect([await isUsable(db, 'by_value'), await isUsable(db, 'by_id')]).toEqual([true, true]);
    });
  });

  test('are taken once by twenty processes, also where they build indexes', async () => {
    const url = await anEmptyDatabase();
    const steps = { '0001_a': things, '0002_b': buildIndexes({ by_value: 'on thing (value)' }) };
    const taken = await Promise.all(
      Array.from({ length: 20 }, () => withDatabase(url, ({ db }) => migrate(db, { steps }))),
    );
    expect(taken.filter((names) => names.length > 0)).toEqual([['0001_a', '0002_b']]);
  });
});

describe('checkSchema', () => {
  test('refuses a database that was never migrated, or not far enough, and says what to run', async () => {
    const url = await anEmptyDatabase();
    await withDatabase(url, async ({ db }) => {
      const message = `The database lacks schema step ${ALL.join(', ')}: run \`countersign migrate\` first.`;
      expect(await rejectionOf(checkSchema(db))).toMatchObject({ name: 'SchemaError', message });
      await migrate(db);
      const last = ALL.at(-1) ?? '';
      await sql`delete from kysely_migration where name = ${last}`.execute(db);
      expect(await rejectionOf(checkSchema(db))).toMatchObject({
        name: 'SchemaError',
        message: `The database lacks schema step ${last}: run \`countersign migrate\` first.`,
      });
    });
  });

  test('lets a failure to ask through as what it is', async () => {
    const gone = databaseUrl(inject('postgresUrl'), 't_that_never_was');
    await withDatabase(gone, async ({ db }) => {
      expect(await rejectionOf(checkSchema(db))).toMatchObject({ code: '3D000' });
    });
  });
});

/** Every member of a union of strings; one that is missing or too many does not compile. */
function membersOf<Union extends string>(members: Record<Union, true>): readonly string[] {
  return Object.keys(members);
}

describe('the schema', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  test('holds each column of a closed set to exactly the union that the code knows', async () => {
    const { rows } = await sql<{ column: string; definition: string }>`
      select c.relname || '.' || a.attname as column, pg_get_constraintdef(k.oid) as definition
        from pg_constraint k
        join pg_class c on c.oid = k.conrelid
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any(k.conkey)
       where k.contype = 'c' and k.connamespace = 'public'::regnamespace
         and array_length(k.conkey, 1) = 1
       order by 1`.execute(database.db);
    const held = rows.filter(({ definition }) => definition.includes('ANY'));
    const sets = held.map(({ column, definition }): [string, readonly string[]] => [
      column,
      [...definition.matchAll(/'([^']*)'::text/g)].map(([, value]) => value ?? ''),
    ]);
    const expected: Record<string, readonly string[]> = {
      'change.kind': CHANGE_KINDS,
      'entry.kind': membersOf<Entry['kind']>({ group: true, reviewer: true, anyone: true }),
      'entry.status': membersOf<VotedStatus>({
        PENDING: true,
        APPROVED: true,
        REJECTED: true,
        REVOKED: true,
      }),
      'fact.actor_kind': membersOf<Actor['kind']>({ person: true, service: true, system: true }),
      'fact.kind': membersOf<Fact['kind']>({
        vote: true,
        withdrawn: true,
        reassigned: true,
        release_requested: true,
        cancelled: true,
      }),
      'fact.to_kind': membersOf<Assignee['kind']>({ group: true, reviewer: true }),
      'fact.verdict': membersOf<Verdict>({ approved: true, rejected: true, revoked: true }),
      'outbox.kind': membersOf<LeasedMessage['kind']>({
        start: true,
        restart: true,
        signal: true,
        cancel: true,
      }),
      'outbox.state': membersOf<OutboxRow['state']>({
        pending: true,
        failed: true,
      }),
      'review.placement': membersOf<Placement>({ output: true, input: true }),
      'review.status': REVIEW_STATUSES,
      'review.verdict': membersOf<Decision['verdict']>({ approved: true, rejected: true }),
      'run.kind': membersOf<RunRow['kind']>({ workflow: true, external: true }),
      'run.status': RUN_STATUSES,
      'step.status': STEP_STATUSES,
      'version.author_kind': membersOf<VersionRow['authorKind']>({
        human: true,
        agent: true,
        model: true,
      }),
      'version.origin': membersOf<NewVersion['origin'] | 'model_output' | 'revert'>({
        model_output: true,
        human_edit: true,
        agent_edit: true,
        revert: true,
      }),
    };
    expect(Object.fromEntries(sets)).toEqual(expected);
    // What else is checked is no closed set.
    expect(
      rows.filter(({ definition }) => !definition.includes('ANY')).map(({ column }) => column),
    ).toEqual(['fact.seq']);
  });

  test('holds votes to what a vote has, a token to one subject, and a window to the vote it came with', async () => {
    const { rows } = await sql<{ table: string; definition: string }>`
      select conrelid::regclass::text as table, pg_get_constraintdef(oid) as definition
        from pg_constraint
       where contype = 'c' and connamespace = 'public'::regnamespace
         and array_length(conkey, 1) > 1 order by 1, 2 desc`.execute(database.db);
    expect(rows).toEqual([
      {
        table: 'fact',
        definition:
          "CHECK (((kind = 'vote'::text) = ((version_id IS NOT NULL) AND (verdict IS NOT NULL) AND (fills IS NOT NULL) AND (forced IS NOT NULL))))",
      },
      {
        table: 'fact',
        definition:
          "CHECK (((kind = 'reassigned'::text) = ((entry_key IS NOT NULL) AND (to_kind IS NOT NULL) AND (to_subject IS NOT NULL))))",
      },
      {
        table: 'review',
        definition: 'CHECK (((time_window IS NULL) = (time_window_seq IS NULL)))',
      },
      { table: 'token', definition: 'CHECK (((person_id IS NULL) <> (service IS NULL)))' },
    ]);
  });

  test('has a project in every row of every table', async () => {
    const { rows } = await sql<{ name: string; nullable: string | null }>`
      select t.table_name as name, c.is_nullable as nullable
        from information_schema.tables t
        left join information_schema.columns c
          on c.table_schema = t.table_schema and c.table_name = t.table_name
         and c.column_name = 'project_id'
       where t.table_schema = 'public' order by 1`.execute(database.db);
    const without = rows.filter(({ nullable }) => nullable !== 'NO').map(({ name }) => name);
    // A project is its own; the other one is the migrator's.
    expect(without).toEqual(['kysely_migration', 'project']);
    expect(rows.length).toBeGreaterThan(13);
  });

  test('is what the types of the tables were generated from', async () => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    const verify = promisify(execFile)('node_modules/.bin/kysely-codegen', ['--verify'], {
      cwd: root,
      env: { ...process.env, DATABASE_URL: database.url },
    });
    await expect(verify).resolves.toBeDefined();

    await sql`alter table audit add column more text`.execute(database.db);
    const differing = promisify(execFile)('node_modules/.bin/kysely-codegen', ['--verify'], {
      cwd: root,
      env: { ...process.env, DATABASE_URL: database.url },
    });
    await expect(differing).rejects.toMatchObject({ code: 1 });
    await sql`alter table audit drop column more`.execute(database.db);
  });
});
