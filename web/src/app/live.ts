import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { listen, type LiveState } from '../api/events.js';
import { type Key, KEYS, staleKeysOf } from '../api/keys.js';
import { createRefresher } from './refresher.js';

const POLL_MS = 5_000;

/** Keeps what is on screen fresh: told of changes where the server tells, else by asking. */
export function useLive(): LiveState {
  const queries = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');

  const refresh = useMemo(() => refresherOf(queries), [queries]);

  useEffect(
    () =>
      listen({
        onChange: (changes) => refresh(staleKeysOf(changes)),
        onGap: () => refresh(EVERYTHING),
        onState: setState,
      }),
    [refresh],
  );

  useEffect(() => {
    if (state !== 'polling') {
      return undefined;
    }
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') {
        refresh(EVERYTHING);
      }
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [refresh, state]);

  return state;
}

/** Everything but who is signed in. */
const EVERYTHING: readonly Key[] = Object.values(KEYS).filter((key) => key !== KEYS.session);

/** Makes answers stale; those that are on screen are read again at once. */
function refresherOf(queries: QueryClient): (keys: readonly Key[]) => void {
  return createRefresher(async (keys) => {
    await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
  });
}
