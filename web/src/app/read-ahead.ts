import type { QueryClient } from '@tanstack/react-query';
import { readFilters } from '../queue/filters.js';
import { pageQuery } from '../queue/queries.js';
import { sessionQuery, wasSignedIn } from './session.js';

/**
 * Asks for what the first page will show before it is drawn, and beside the question who is signed in.
 *
 * Whoever was not signed in when last asked is asked who they are alone.
 */
export function readAhead(queries: QueryClient): void {
  void queries.prefetchQuery(sessionQuery);
  const { pathname, search } = globalThis.location;
  if (pathname === '/' && wasSignedIn()) {
    void queries.prefetchQuery(pageQuery(readFilters(search)));
  }
}
