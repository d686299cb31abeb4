import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { InboxCounts, InboxFacets, InboxRow, Page } from '../api/wire.js';
import { type Filters, narrowing, PAGE_SIZE } from './filters.js';

/** One page of the queue; the page before it stays on screen until this one is there. */
export function pageQuery(filters: Filters) {
  const { view, order, after, before } = filters;
  const query = { view, order, ...narrowing(filters), after, before, limit: PAGE_SIZE };
  return queryOptions({
    queryKey: [...KEYS.inbox, 'page', query],
    queryFn: ({ signal }) => get<Page<InboxRow>>('/v1/inbox', query, signal),
    placeholderData: keepPreviousData,
  });
}

/** How many reviews each view has under the same filters. */
export function countsQuery(filters: Filters) {
  const query = narrowing(filters);
  return queryOptions({
    queryKey: [...KEYS.inbox, 'counts', query],
    queryFn: ({ signal }) => get<InboxCounts>('/v1/inbox/counts', query, signal),
    placeholderData: keepPreviousData,
  });
}

/** What one can filter by; read now and then, and not with every change, because it hardly ever changes. */
export const facetsQuery = queryOptions({
  queryKey: KEYS.facets,
  queryFn: ({ signal }) => get<InboxFacets>('/v1/inbox/facets', {}, signal),
  staleTime: 30_000,
  refetchInterval: 60_000,
});
