import { queryOptions, useQuery } from '@tanstack/react-query';
import { get } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Session, SessionPerson } from '../api/wire.js';

/** Who is signed in. */
export const sessionQuery = queryOptions({
  queryKey: KEYS.session,
  queryFn: ({ signal }) => get<Session>('/v1/session', {}, signal),
  staleTime: 60_000,
});

/** Who is signed in; undefined until that is known. */
export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

/** Whether a person may see the operator's page. */
export function mayOperate(person: SessionPerson): boolean {
  return person.roles.includes('admin') || person.roles.includes('auditor');
}
