import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createReadiness } from '../../src/api/readiness.js';
import { openDatabase } from '../../src/store/database.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

const logger = pino({ level: 'silent' });

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A process with a single connection for its requests, and one aside. */
function aProcess() {
  const [store, aside] = [1, 1].map((maxConnections) =>
    openDatabase(database.url, { maxConnections }),
  );
  if (store === undefined || aside === undefined) {
    throw new Error('two were opened');
  }
  onTestFinished(async () => {
    await Promise.all([store.close(), aside.close()]);
  });
  return { store, readiness: createReadiness({ db: store.db, probe: aside.db }, logger) };
}

/** Holds the only connection of a process until it is told to let go. */
async function hold(store: ReturnType<typeof aProcess>['store']): Promise<() => Promise<void>> {
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let began = (): void => {};
  const hasBegun = new Promise<void>((resolve) => {
    began = resolve;
  });
  const done = store.db.connection().execute(async () => {
    began();
    await held;
  });
  await hasBegun;
  return async () => {
    letGo();
    await done;
  };
}

test('a process whose connections are all in use is exhausted, and ready again when one is free', async () => {
  const { store, readiness } = aProcess();
  expect(await readiness.askStore()).toBe('ok');
  const letGo = await hold(store);
  expect(await readiness.askStore()).toBe('exhausted');
  await letGo();
  await until('it to be ready again', async () => (await readiness.askStore()) === 'ok');
});

test('a connection that was cut is no absence', async () => {
  const { readiness } = aProcess();
  expect(await readiness.askStore()).toBe('ok');
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()`.execute(database.db);
  expect(await readiness.askStore()).toBe('ok');
});

test('a database that does not answer is away', async () => {
  const gone = openDatabase('postgres://nobody@127.0.0.1:1/none');
  onTestFinished(() => gone.close());
  const readiness = createReadiness({ db: gone.db, probe: gone.db }, logger);
  expect(await readiness.askStore()).toBe('away');
  expect(await readiness.backlog()).toBeNull();
});

test('however many ask, each question is with PostgreSQL once at a time', async () => {
  const { store, readiness } = aProcess();
  const letGo = await hold(store);
  const answers = Promise.all(
    Array.from({ length: 50 }, () => [readiness.askStore(), readiness.backlog()]).flat(),
  );
  expect(new Set(await answers)).toEqual(new Set(['exhausted', null]));
  const sent: string[] = [];
  const counted = store.db.withPlugin({
    transformQuery: ({ node }) => {
      sent.push(node.kind);
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  await letGo();
  const again = createReadiness({ db: counted, probe: counted }, logger);
  await Promise.all(Array.from({ length: 50 }, () => [again.askStore(), again.backlog()]).flat());
  expect(sent).toHaveLength(2);
});
