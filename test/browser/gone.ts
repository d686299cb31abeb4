import { sql } from 'kysely';
import { inject } from 'vitest';
import { type Db, openDatabase } from '../../src/store/database.js';

/** Works in the database of the stack. */
export async function inStore<T>(work: (db: Db) => Promise<T>): Promise<T> {
  const database = openDatabase(inject('databaseUrl'), { maxConnections: 1 });
  try {
    return await work(database.db);
  } finally {
    await database.close();
  }
}

/** Puts a step into the hands of a workflow that Temporal does not know, as after a restore of Temporal; the undo. */
export async function loseWorkflow(stepId: string): Promise<() => Promise<void>> {
  const hold = async (holder: string | null): Promise<string | null> =>
    await inStore(async (db) => {
      const { rows } = await sql<{ holder: string | null }>`
        with before as (select holder from step where id = ${stepId})
        update step set holder = ${holder} from before where id = ${stepId} returning before.holder`.execute(
        db,
      );
      return rows[0]?.holder ?? null;
    });
  const before = await hold(`${stepId}_gone`);
  return async () => {
    await hold(before);
    await inStore(async (db) => {
      await sql`delete from outbox where state = 'failed'
        and review_id = (select id from review where step_id = ${stepId})`.execute(db);
    });
  };
}

/** Owes Temporal a start that nobody sends for an hour: whatever else belongs to the run waits behind it; the undo. */
export async function oweStart(runId: string): Promise<() => Promise<void>> {
  const id = await inStore(async (db) => {
    const { rows } = await sql<{ id: string }>`
      insert into outbox (project_id, run_id, kind, workflow_id, state, attempts, last_error, created_at, next_attempt_at)
      select project_id, id, 'start', id, 'pending', 7, 'the engine did not answer',
             clock_timestamp() - interval '10 minutes', clock_timestamp() + interval '1 hour'
        from run where id = ${runId} returning id`.execute(db);
    return rows[0]?.id ?? '';
  });
  return async () => {
    await inStore(async (db) => {
      await sql`delete from outbox where id = ${id}`.execute(db);
    });
  };
}
