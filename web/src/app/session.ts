import { queryOptions, useQuery } from '@tanstack/react-query';
import { get } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Session, SessionPerson } from '../api/wire.js';

/** Who is signed in. */
export const sessionQuery = queryOptions({
  queryKey: KEYS.session,
  queryFn: async ({ signal }) => {
    const session = await get<Session>('/v1/session', {}, signal);
    remember(session.person !== null);
    return session;
  },
  staleTime: 60_000,
});

const SIGNED_IN_KEY = 'countersign.signed-in';

/** Whether somebody was signed in when last asked: a guess, on which nothing but an early question depends. */
export function wasSignedIn(): boolean {
  return localStorage.getItem(SIGNED_IN_KEY) !== null;
}

function remember(isSignedIn: boolean): void {
  if (isSignedIn) {
    localStorage.setItem(SIGNED_IN_KEY, 'yes');
  } else {
    localStorage.removeItem(SIGNED_IN_KEY);
  }
}

/** Who is signed in; undefined until that is known. */
export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

/** Whether a person may see the operator's page. */
export function mayOperate(person: SessionPerson): boolean {
  return person.roles.includes('admin') || person.roles.includes('auditor');
}
