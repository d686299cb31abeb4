import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/http.js';
import { toSignIn } from './sign-in-again.js';

const MAX_RETRIES = 3;

/** Keeps what the server answered, for as long as changes are listened for. */
export function createQueries(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: onAnyError }),
    mutationCache: new MutationCache({ onError: onAnyError }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // An answer that says no will say no again; one that never came may come.
        retry: (count, error) =>
          count < MAX_RETRIES &&
          (!(error instanceof ApiError) || error.status === 429 || error.status === 503),
        retryDelay: (count) => Math.min(500 * 2 ** count, 5_000),
        refetchOnWindowFocus: true,
      },
    },
  });
}

/** Whose session has ended signs in again, and comes back to where they were. */
function onAnyError(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) {
    toSignIn();
  }
}
