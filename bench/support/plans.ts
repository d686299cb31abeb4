import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import type { Db } from '../../src/store/database.js';
import type { Tables } from '../../src/store/tables.js';

/** Runs work on a connection that explains each statement with what it took; `onPlan` is told. */
export async function explaining(
  url: string,
  work: (db: Db) => Promise<void>,
  onPlan: (plan: string) => void,
): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  const client = await pool.connect();
  client.on('notice', ({ message }) => onPlan(message ?? ''));
  await client.query(`
    load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
    set auto_explain.log_buffers = on; set client_min_messages = log;`);
  client.release();
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
  try {
    await work(db);
  } finally {
    await db.destroy();
  }
}
