import { sql } from 'kysely';
import type { Role, Voter } from '../domain/people.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction } from './database.js';
import { endSignIns } from './sign-ins.js';
import type { PersonRow } from './tables.js';

/** A person as an admin states them; groups and roles replace what was known before. */
export type PersonStatement = {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly slackId: string;
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
};

/** Stores a person, new or known; somebody who was removed comes back under the same id. */
export async function putPerson(
  db: Db,
  actor: Actor,
  person: PersonStatement,
  source = 'admin',
): Promise<PersonRow> {
  return await inTransaction(db, async (tx) => {
    const values = {
      name: person.name,
      email: person.email,
      slackId: person.slackId,
      groups: [...new Set(person.groups)],
      roles: [...new Set(person.roles)],
      directorySource: source,
      removedAt: null,
    };
    const row = await tx
      .insertInto('person')
      .values({ projectId: actor.projectId, id: person.id, ...values })
      .onConflict((conflict) =>
        conflict.columns(['projectId', 'id']).doUpdateSet({
          ...values,
          directoryAt: sql`clock_timestamp()`,
          updatedAt: sql`clock_timestamp()`,
        }),
      )
      .returningAll()
      .executeTakeFirstOrThrow();
    await recordAudit(tx, actor, 'person_put', {
      detail: { person_id: person.id, groups: values.groups, roles: values.roles },
    });
    return row;
  });
}

/** Lists the people of a project by id. */
export async function listPeople(db: Db, projectId: string): Promise<readonly PersonRow[]> {
  return await db
    .selectFrom('person')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('removedAt', 'is', null)
    .orderBy('id')
    .execute();
}

/** Finds a person who has not been removed. */
export async function findPerson(db: Db, projectId: string, id: string): Promise<PersonRow | null> {
  const row = await db
    .selectFrom('person')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('id', '=', id)
    .where('removedAt', 'is', null)
    .executeTakeFirst();
  return row ?? null;
}

/** Finds several people by their ids, those who have been removed among them: they did what they did. */
export async function listPeopleById(
  db: Db,
  projectId: string,
  ids: readonly string[],
): Promise<readonly PersonRow[]> {
  return ids.length === 0
    ? []
    : await db
        .selectFrom('person')
        .selectAll()
        .where('projectId', '=', projectId)
        .where('id', 'in', [...ids])
        .execute();
}

/**
 * Removes a person: they can no longer sign in or vote, and their tokens and sessions end at once.
 *
 * @returns whether there was such a person
 */
export async function removePerson(db: Db, actor: Actor, id: string): Promise<boolean> {
  return await inTransaction(db, async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('person')
      .set({ removedAt: sql`clock_timestamp()`, updatedAt: sql`clock_timestamp()` })
      .where('projectId', '=', actor.projectId)
      .where('id', '=', id)
      .where('removedAt', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) {
      return false;
    }
    await tx
      .updateTable('token')
      .set({ revokedAt: sql`clock_timestamp()` })
      .where('projectId', '=', actor.projectId)
      .where('personId', '=', id)
      .where('revokedAt', 'is', null)
      .execute();
    await endSignIns(tx, actor.projectId, id);
    await recordAudit(tx, actor, 'person_removed', { detail: { person_id: id } });
    return true;
  });
}

/** A person as the rules of the domain see them. */
export function personAsVoter(person: PersonRow): Voter {
  return { id: person.id, kind: 'person', groups: person.groups, roles: person.roles };
}
