import { SYSTEM } from '../../src/store/actors.js';
import { createSignInLink } from '../../src/store/sign-ins.js';
import type { TestApi } from './api.js';

/** What a page of the inbox sends with everything that changes something. */
export const FROM_OUR_PAGE = { 'x-countersign-csrf': '1', 'sec-fetch-site': 'same-origin' };

/** Makes a one-time link of a person and gives its code. */
export async function linkFor(
  { db }: Pick<TestApi, 'db'>,
  personId: string,
  minutes = 15,
): Promise<string> {
  const code = await createSignInLink(db, SYSTEM, personId, minutes);
  if (code === null) {
    throw new Error(`there is no person ${personId}`);
  }
  return code;
}

/** Signs a person in by a link and gives the cookie that their browser sends from then on. */
export async function signIn(api: TestApi, personId: string): Promise<string> {
  const code = await linkFor(api, personId);
  const reply = await api.post(`/v1/session/links/${code}`, { as: null, headers: FROM_OUR_PAGE });
  return (reply.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}
