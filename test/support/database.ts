import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/store/database.js';
import { type Limits, PATIENT_LIMITS } from '../../src/store/limits.js';
import { migrate } from '../../src/store/migrate.js';

/** A database of a test file's own, with the present schema. */
export type TestDatabase = Database & {
  /** Closes it, drops it, and fails if anybody else still holds a connection to it. */
  drop(): Promise<void>;
};

const TEMPLATE = 'countersign_template';

/**
 * Clones the migrated template, which the first test file of a run makes.
 *
 * @param limits what the test's connections may take: whatever a slow machine needs, unless limits are what it is about
 */
export async function createTestDatabase(limits: Limits = PATIENT_LIMITS): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const server = openDatabase(serverUrl, { maxConnections: 1, limits: PATIENT_LIMITS });
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  try {
    await server.db.connection().execute(async (connection) => {
      await sql`select pg_advisory_lock(1)`.execute(connection);
      try {
        const { rows } = await sql`select 1 from pg_database where datname = ${TEMPLATE}`.execute(
          connection,
        );
        if (rows.length === 0) {
          await sql.raw(`create database ${TEMPLATE}`).execute(connection);
          const template = openDatabase(databaseUrl(serverUrl, TEMPLATE), {
            maxConnections: 2,
            limits: PATIENT_LIMITS,
          });
          await migrate(template.db);
          await template.close();
        }
        await sql
          .raw(`create database ${name} template ${TEMPLATE} strategy file_copy`)
          .execute(connection);
      } finally {
        await sql`select pg_advisory_unlock(1)`.execute(connection);
      }
    });
  } finally {
    await server.close();
  }
  const database = openDatabase(databaseUrl(serverUrl, name), {
    maxConnections: 20,
    limits,
  });
  return {
    ...database,
    drop: async () => {
      await database.close();
      const admin = openDatabase(serverUrl, { maxConnections: 1, limits: PATIENT_LIMITS });
      try {
        await untilUnused(admin, name);
        await sql.raw(`drop database ${name}`).execute(admin.db);
      } finally {
        await admin.close();
      }
    },
  };
}

/** The same server's URL for another database of it. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.toString();
}

// A connection that was just closed is still listed for a moment.
async function untilUnused(admin: Database, name: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const { rows } = await sql<{ query: string }>`
      select query from pg_stat_activity where datname = ${name}`.execute(admin.db);
    if (rows.length === 0) {
      return;
    }
    if (attempt === 100) {
      throw new Error(`a test leaks ${rows.length} connections: ${rows[0]?.query ?? ''}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
