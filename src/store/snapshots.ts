import { sql } from 'kysely';
import type { JsonObject } from '../domain/json.js';
import { canonicalForm } from '../rules/canonical.js';
import { snapshotId } from '../rules/content-ids.js';
import type { Actor } from './actors.js';
import type { Db } from './database.js';
import type { SnapshotRow } from './tables.js';

/** How long a snapshot is kept after it was stored last; a review that opens has its own copy. */
const KEPT_FOR = '7 days';

/** A snapshot that is stored, and whether this call stored it. */
export type PutSnapshot = { readonly row: SnapshotRow; readonly isNew: boolean };

/** Stores a snapshot under its content; the same again is the same one, kept for longer. */
export async function putSnapshot(
  db: Db,
  actor: Actor,
  snapshot: JsonObject,
): Promise<PutSnapshot> {
  const { projectId } = actor;
  const { text, byteLength } = canonicalForm(snapshot);
  const { isNew, ...row } = await db
    .insertInto('snapshot')
    .values({
      id: snapshotId(projectId, snapshot),
      projectId,
      content: text,
      sizeBytes: byteLength,
      createdBy: actor.id,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ putAt: sql`clock_timestamp()` }))
    .returningAll()
    .returning(sql<boolean>`xmax = 0`.as('isNew'))
    .executeTakeFirstOrThrow();
  return { row, isNew };
}

/** Finds a snapshot of a project. */
export async function findSnapshot(
  db: Db,
  projectId: string,
  id: string,
): Promise<SnapshotRow | null> {
  const row = await db
    .selectFrom('snapshot')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** Removes the snapshots that were stored too long ago; says how many. */
export async function removeOldSnapshots(db: Db): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('snapshot')
    .where('putAt', '<', sql<Date>`clock_timestamp() - ${KEPT_FOR}::interval`)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
