import type { Page, PageRequest } from '../../../store/paging.js';

/** The page that a list's query asks for. */
export function pageRequest(query: {
  readonly order: 'asc' | 'desc';
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}): PageRequest {
  const { order, before, after, limit } = query;
  return { order, before: before ?? null, after: after ?? null, limit };
}

/** A page in the envelope of every list; a cursor is null where nothing lies beyond it. */
export function showPage<Body>(page: Page<unknown>, data: readonly Body[]) {
  return { data, list_metadata: { before: page.before, after: page.after } };
}
