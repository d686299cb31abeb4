import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunRow } from '../../src/store/tables.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { block, type Installation, startInstallation } from '../support/installation.js';
import { until } from '../support/until.js';

/** How long a worker that stops waits for its blocks, and a moment. */
const GRACE_IS_OVER_MS = 10_600;

describe('between the ledger’s leave to begin a block and its call', () => {
  let on: Installation;
  const called: string[] = [];

  beforeAll(async () => {
    on = await startInstallation({
      once: (_, { stepId }) => {
        called.push(stepId);
        return {};
      },
    });
  });
  afterAll(() => on.stop());

  const callsOf = (run: RunRow): number =>
    called.filter((id) => id === stepIdOf(run.id, 'act')).length;

  /** Starts a run of one block that must not be repeated. */
  const start = async (): Promise<RunRow> =>
    await on.run([
      block('act', {
        executor: { kind: 'function', name: 'once' },
        execution: { repeatable: false, attempts: 1, timeout: '30s' },
      }),
    ]);

  /** Lets PostgreSQL take its time over each begin, by a statement that has the step's id as `new.id`. */
  async function slowly(statement: string): Promise<{ readonly atOnce: () => Promise<void> }> {
    const { db } = on.database;
    await sql`create table if not exists beginning (step_id text)`.execute(db);
    await sql`
      create function begin_slowly() returns trigger language plpgsql as $$ begin
        ${sql.raw(statement)}
        return new;
      end $$`.execute(db);
    await sql`
      create trigger begin_slowly before update of started_at on step for each row
        when (new.status = 'running') execute function begin_slowly()`.execute(db);
    return {
      atOnce: async () => {
        await sql`drop function begin_slowly() cascade`.execute(db);
      },
    };
  }

  test('an answer that took long is asked for again: another attempt may have come meanwhile', async () => {
    const { db } = on.database;
    const slow = await slowly(`
      insert into beginning values (new.id);
      if (select count(*) from beginning where step_id = new.id) = 1 then
        perform pg_sleep(5.2);
      end if;`);
    const run = await start();
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    await slow.atOnce();
    const { rows } = await sql`
      select 1 from beginning where step_id = ${stepIdOf(run.id, 'act')}`.execute(db);
    expect(rows.length).toBeGreaterThanOrEqual(2);
    expect(callsOf(run)).toBe(1);
  });

  test('an attempt that was overtaken before its call takes its begin back', async () => {
    const slow = await slowly(`
      update run set status = 'error', ended_at = now() where id = new.run_id;
      perform pg_sleep(5.2);`);
    const run = await start();
    await on.ended(run);
    await until('the begin to be taken back', async () => {
      const { attemptToken, startedAt } = await on.step(run, 'act');
      return startedAt !== null && attemptToken === null;
    });
    await slow.atOnce();
    expect(await on.step(run, 'act')).toMatchObject({ status: 'pending', attempt: 0 });
    expect(callsOf(run)).toBe(0);
  });

  test('a worker that stops calls nothing more and takes the begin back, so that the next one calls', async () => {
    const { db } = on.database;
    const slow = await slowly(`
      while not exists (select 1 from beginning where step_id = new.id) loop
        perform pg_sleep(0.05);
      end loop;`);
    const run = await start();
    await until('the begin', async () => {
      const { rows } = await sql`
        select 1 from pg_stat_activity
         where datname = current_database() and wait_event = 'PgSleep'`.execute(db);
      return rows.length > 0;
    });
    const stopped = on.worker.stop();
    await delay(GRACE_IS_OVER_MS);
    await sql`insert into beginning values (${stepIdOf(run.id, 'act')})`.execute(db);
    await stopped;
    await until('the begin to be taken back', async () => {
      const { attemptToken } = await on.step(run, 'act');
      return attemptToken === null;
    });
    expect(await on.step(run, 'act')).toMatchObject({ status: 'pending', attempt: 0 });
    expect(callsOf(run)).toBe(0);
    await slow.atOnce();
    await on.startWorker();
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(callsOf(run)).toBe(1);
  });
});
