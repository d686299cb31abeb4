import type { Client, Role } from '../../src/client/index.js';

/** The people of the browser tests, by the first part of their id. */
export const PEOPLE = {
  dana: { name: 'Dana Rivera', groups: ['finance'] },
  lee: { name: 'Lee Okafor', groups: ['legal'] },
  sam: { name: 'Sam Lindqvist', groups: ['finance', 'legal'] },
  kim: { name: 'Kim Novak', groups: [] },
  /** Sees everything, and may decide nothing. */
  alex: { name: 'Alex Moreau', groups: [], roles: ['auditor'] },
} as const;
type Person = {
  readonly name: string;
  readonly groups: readonly string[];
  readonly roles?: readonly Role[];
};
export type PersonId = keyof typeof PEOPLE;

/** Makes the people, and a token for each. */
export async function makePeople(admin: Client): Promise<Readonly<Record<PersonId, string>>> {
  const token = async (id: PersonId): Promise<string> => {
    const person: Person = PEOPLE[id];
    await admin.users.put(id, { ...person, email: `${id}@example.com` });
    return (await admin.tokens.create({ user_id: id })).token;
  };
  return {
    dana: await token('dana'),
    lee: await token('lee'),
    sam: await token('sam'),
    kim: await token('kim'),
    alex: await token('alex'),
  };
}
