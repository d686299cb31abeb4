import { readFile, writeFile } from 'node:fs/promises';
import { SYSTEM } from '../store/actors.js';
import { openDatabase } from '../store/database.js';
import { findPerson, listPeopleById, type PersonStatement, putPerson } from '../store/people.js';
import { createToken, findActorBySecret } from '../store/tokens.js';

/** The person that a new installation begins with: the admin role, and no groups. */
export const ADMIN_ID = 'admin';

/**
 * Makes sure that there is an admin and that the file holds a token that works for them.
 *
 * Idempotent: a person or a token that is there already is kept, and of the others whoever was removed
 * stays so. The file has mode 0600.
 */
export async function bootstrap(
  databaseUrl: string,
  tokenFile: string,
  others: readonly PersonStatement[] = [],
): Promise<void> {
  const database = openDatabase(databaseUrl, { maxConnections: 2 });
  const { db } = database;
  try {
    if ((await findPerson(db, SYSTEM.projectId, ADMIN_ID)) === null) {
      await putPerson(
        db,
        SYSTEM,
        {
          id: ADMIN_ID,
          name: 'Admin',
          email: 'admin@localhost',
          slackId: '',
          groups: [],
          roles: ['reviewer', 'admin'],
        },
        'bootstrap',
      );
    }
    const ids = others.map(({ id }) => id);
    const there = await listPeopleById(db, SYSTEM.projectId, ids);
    for (const person of others) {
      if (there.every(({ id }) => id !== person.id)) {
        await putPerson(db, SYSTEM, person, 'bootstrap');
      }
    }
    const known = await readFile(tokenFile, 'utf8').catch(() => '');
    const holder = known === '' ? null : await findActorBySecret(db, known.trim());
    if (holder?.id !== ADMIN_ID) {
      const { secret } = await createToken(db, SYSTEM, { personId: ADMIN_ID });
      await writeFile(tokenFile, `${secret}\n`, { mode: 0o600 });
    }
  } finally {
    await database.close();
  }
}
