import { SYSTEM } from '../store/actors.js';
import { openDatabase } from '../store/database.js';
import { findPerson } from '../store/people.js';
import { createSignInLink } from '../store/sign-ins.js';
import { say } from './output/printable.js';

const VALID_FOR_MINUTES = 24 * 60;

/** Prints a one-time sign-in link for each of these people who is there: one line each. */
export async function printSignInLinks(
  databaseUrl: string,
  siteUrl: string,
  personIds: readonly string[],
): Promise<void> {
  const database = openDatabase(databaseUrl, { maxConnections: 1 });
  const { db } = database;
  try {
    for (const id of personIds) {
      const person = await findPerson(db, SYSTEM.projectId, id);
      const code = await createSignInLink(db, SYSTEM, id, VALID_FOR_MINUTES);
      if (person !== null && code !== null) {
        const as = [person.name, ...person.groups].join(', ');
        console.log(say`sign in once as ${as}: ${signInUrl(siteUrl, code)}`);
      }
    }
  } finally {
    await database.close();
  }
}

/** The address of a one-time link. */
export function signInUrl(siteUrl: string, code: string): string {
  return new URL(`/signin/link/${code}`, siteUrl).href;
}
