import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { listen, type LiveState } from '../api/events.js';
import { KEYS, staleKeysOf } from '../api/keys.js';

const POLL_MS = 5_000;

/** Keeps what is on screen fresh: told of changes where the server tells, else by asking. */
export function useLive(): LiveState {
  const queries = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');

  useEffect(
    () =>
      listen({
        onChange: (changes) => {
          for (const queryKey of staleKeysOf(changes)) {
            void queries.invalidateQueries({ queryKey });
          }
        },
        onGap: () => void readAgain(queries),
        onState: setState,
      }),
    [queries],
  );

  useEffect(() => {
    if (state !== 'polling') {
      return undefined;
    }
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') {
        void readAgain(queries);
      }
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [queries, state]);

  return state;
}

/** Makes everything stale but who is signed in; what is on screen is read again at once. */
async function readAgain(queries: QueryClient): Promise<void> {
  await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== KEYS.session[0] });
}
