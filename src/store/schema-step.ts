import { type Kysely, type Migration, sql } from 'kysely';

/**
 * One step of the schema.
 *
 * It runs in a transaction of its own, with all that it locks locked until its end. What would take
 * long runs outside of one, and has to be idempotent: where it is cut off, it begins again.
 */
export type SchemaStep = Migration & { readonly isOutsideTransaction?: true };

/**
 * A step that builds indexes while everybody goes on reading and writing.
 *
 * @param indexes by name, each as `on table (columns) where …`, with `unique ` before it for a unique one
 */
export function buildIndexes(indexes: Readonly<Record<string, string>>): SchemaStep {
  return {
    isOutsideTransaction: true,
    async up(db) {
      for (const [name, definition] of Object.entries(indexes)) {
        await buildIndex(db, name, definition);
      }
    },
  };
}

/** An attempt that was cut off leaves an index that is maintained and never used: it goes first. */
async function buildIndex(db: Parameters<Migration['up']>[0], name: string, definition: string) {
  const isValid = await findValidity(db, name);
  if (isValid === true) {
    return;
  }
  if (isValid === false) {
    await sql.raw(`drop index concurrently ${name}`).execute(db);
  }
  const [, unique = '', rest = ''] = /^(unique )?(.*)$/s.exec(definition) ?? [];
  await sql.raw(`create ${unique}index concurrently ${name} ${rest}`).execute(db);
}

/** Whether an index may be used; null where there is none of this name. */
async function findValidity(db: Kysely<unknown>, name: string): Promise<boolean | null> {
  const { rows } = await sql<{ isValid: boolean }>`
    select indisvalid as "isValid" from pg_index where indexrelid = to_regclass(${name})`.execute(
    db,
  );
  return rows[0]?.isValid ?? null;
}
