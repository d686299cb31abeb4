import { sql } from 'kysely';
import { type Actor, SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { type Database, type Db, inTransaction, type Tx } from './database.js';
import type { PersonStatement } from './people.js';
import { beginSession } from './sign-ins.js';
import type { PersonRow } from './tables.js';

const SOURCE = 'oidc';

/**
 * Makes or refreshes a person as their directory states them, and begins a session of theirs.
 *
 * @returns the secret of the session; null for somebody who was removed, or whose id is a local person's
 */
export async function signInFromDirectory(db: Db, person: PersonStatement): Promise<string | null> {
  return await inTransaction(db, async (tx) => {
    const row = await refreshPerson(tx, person);
    return row === null
      ? null
      : await beginSession(tx, { projectId: row.projectId, personId: row.id }, SOURCE);
  });
}

/** The person whom a token of their directory states, made or refreshed where that says something new. */
export async function findActorFromDirectory(
  { db, reads }: Pick<Database, 'db' | 'reads'>,
  person: PersonStatement,
): Promise<Actor | null> {
  const known = await reads
    .selectFrom('person')
    .selectAll()
    .where('projectId', '=', SYSTEM.projectId)
    .where('id', '=', person.id)
    .where('removedAt', 'is', null)
    .where('directorySource', '=', SOURCE)
    .executeTakeFirst();
  const row =
    known !== undefined && saysTheSame(known, person)
      ? known
      : await inTransaction(db, (tx) => refreshPerson(tx, person));
  if (row === null) {
    return null;
  }
  const { projectId, id, name, email, groups, roles } = row;
  return { projectId, id, kind: 'person', name, email, groups, roles, scopes: [], tokenId: null };
}

/** One statement, so that nobody comes back who is being removed meanwhile. */
async function refreshPerson(tx: Tx, person: PersonStatement): Promise<PersonRow | null> {
  const values = {
    name: person.name,
    email: person.email,
    groups: [...new Set(person.groups)],
    roles: [...new Set(person.roles)],
    directorySource: SOURCE,
  };
  const row = await tx
    .insertInto('person')
    .values({ projectId: SYSTEM.projectId, id: person.id, slackId: person.slackId, ...values })
    .onConflict((conflict) =>
      conflict
        .columns(['projectId', 'id'])
        .doUpdateSet({
          ...values,
          directoryAt: sql`clock_timestamp()`,
          updatedAt: sql`clock_timestamp()`,
        })
        .where('person.removedAt', 'is', null)
        // The people of the installation itself are nobody's of a directory, whatever it calls its own.
        .where('person.directorySource', '<>', 'bootstrap'),
    )
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) {
    return null;
  }
  const { groups, roles } = values;
  await recordAudit(tx, SYSTEM, 'person_put', {
    detail: { person_id: person.id, groups, roles, source: SOURCE },
  });
  return row;
}

function saysTheSame(known: PersonRow, person: PersonStatement): boolean {
  const part = ({ name, email, groups, roles }: PersonStatement | PersonRow): string =>
    JSON.stringify([name, email, [...new Set(groups)], [...new Set(roles)]]);
  return part(known) === part(person);
}
