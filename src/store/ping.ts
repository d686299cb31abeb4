import { sql } from 'kysely';
import type { Db } from './database.js';

/** Asks PostgreSQL for nothing: what is left is whether it answers, over a connection of this pool. */
export async function ping(db: Db): Promise<void> {
  await sql`select 1`.execute(db);
}
