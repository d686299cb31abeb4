import { type Kysely, Migrator, sql } from 'kysely';
import { MIGRATIONS } from './migrations.js';
import type { Tables } from './tables.js';

/** A schema that this version of Countersign cannot work with; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/**
 * Brings the schema up to this version and says which steps it took.
 *
 * Any number of processes may do so at once: they queue on an advisory lock and all but the first
 * find nothing to do. A schema newer than this version is refused before anything is touched.
 *
 * @throws SchemaError for a newer schema, or when a step fails (nothing of that step remains)
 */
export async function migrate(db: Kysely<Tables>): Promise<readonly string[]> {
  await refuseNewerSchema(db);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw new SchemaError(
      'The database schema could not be brought up to date: see the cause, mend it, and run `countersign migrate` again.',
      { cause: error },
    );
  }
  return (results ?? []).map(({ migrationName }) => migrationName);
}

/**
 * Refuses to go on unless the schema is exactly the one this version was written for.
 *
 * @throws SchemaError when it is older, newer or not there
 */
export async function checkSchema(db: Kysely<Tables>): Promise<void> {
  await refuseNewerSchema(db);
  const applied = await appliedMigrations(db);
  const missing = Object.keys(MIGRATIONS).filter((name) => !applied.includes(name));
  if (missing.length > 0) {
    throw new SchemaError(
      `The database lacks schema step ${missing.join(', ')}: run \`countersign migrate\` first.`,
    );
  }
}

async function refuseNewerSchema(db: Kysely<Tables>): Promise<void> {
  const unknown = (await appliedMigrations(db)).filter((name) => !(name in MIGRATIONS));
  if (unknown.length > 0) {
    throw new SchemaError(
      `The database schema is newer than this version of Countersign (it has ${unknown.join(', ')}): upgrade Countersign, or point DATABASE_URL at another database.`,
    );
  }
}

async function appliedMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from kysely_migration order by name`
    .execute(db)
    .catch((error: unknown) => {
      if (isUndefinedTable(error)) {
        return { rows: [] };
      }
      throw error;
    });
  return rows.map(({ name }) => name);
}

function isUndefinedTable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42P01';
}
