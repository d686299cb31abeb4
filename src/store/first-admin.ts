import type { Actor } from './actors.js';
import type { Db } from './database.js';
import { findPerson, listPeople, putPerson } from './people.js';
import { createToken } from './tokens.js';

/** What became of the wish for a first admin. */
export type FirstAdmin =
  | { readonly kind: 'there_is_one'; readonly adminIds: readonly string[] }
  | { readonly kind: 'taken'; readonly personId: string }
  | { readonly kind: 'made'; readonly tokenId: string; readonly secret: string };

/**
 * Makes a person with the admin role, and a token for them; for an installation that nobody can get into yet.
 *
 * It refuses where an admin is there already, or another person of that id, unless it is forced: then a person who
 * is there keeps their groups and roles, and gets the admin role and a further token.
 */
export async function createFirstAdmin(
  db: Db,
  actor: Actor,
  person: { readonly id: string; readonly name: string; readonly email: string },
  force: boolean,
): Promise<FirstAdmin> {
  const people = await listPeople(db, actor.projectId);
  const admins = people.filter(({ roles }) => roles.includes('admin'));
  if (admins.length > 0 && !force) {
    return { kind: 'there_is_one', adminIds: admins.map(({ id }) => id) };
  }
  const known = await findPerson(db, actor.projectId, person.id);
  if (known !== null && !force) {
    return { kind: 'taken', personId: person.id };
  }
  await putPerson(
    db,
    actor,
    {
      id: person.id,
      name: person.name,
      email: person.email,
      slackId: known?.slackId ?? '',
      groups: known?.groups ?? [],
      roles: [...(known?.roles ?? ['reviewer']), 'admin'],
    },
    known?.directorySource ?? 'bootstrap',
  );
  const { row, secret } = await createToken(db, actor, { personId: person.id });
  return { kind: 'made', tokenId: row.id, secret };
}
