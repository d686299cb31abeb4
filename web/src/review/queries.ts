import { queryOptions } from '@tanstack/react-query';
import { get, path } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Explanation, Fact, Page, ReviewContext, Version } from '../api/wire.js';

const MAX_PAGE = 200;

/** What surrounds a review: its gate, block and run, and what the person who looks may do. */
export function contextQuery(id: string) {
  return queryOptions({
    queryKey: [...KEYS.review, id, 'context'],
    queryFn: ({ signal }) =>
      get<ReviewContext>(path`/v1/workflows/reviews/${id}/context`, {}, signal),
  });
}

/** Every version of a review, oldest first. */
export function versionsQuery(id: string) {
  return queryOptions({
    queryKey: [...KEYS.review, id, 'versions'],
    queryFn: ({ signal }) =>
      allPages<Version>((after) =>
        get('/v1/workflows/reviews/versions', { review_id: id, limit: MAX_PAGE, after }, signal),
      ),
  });
}

/** Which entries are missing, and who could fill them. */
export function explanationQuery(id: string) {
  return queryOptions({
    queryKey: [...KEYS.review, id, 'explain'],
    queryFn: ({ signal }) =>
      get<Explanation>(path`/v1/workflows/reviews/${id}/explain`, {}, signal),
  });
}

/** Everything that was recorded of a review, in order. */
export function factsQuery(id: string) {
  return queryOptions({
    queryKey: [...KEYS.review, id, 'facts'],
    queryFn: ({ signal }) =>
      allPages<Fact>((after) =>
        get(path`/v1/workflows/reviews/${id}/votes`, { limit: MAX_PAGE, after }, signal),
      ),
  });
}

async function allPages<Row>(
  read: (after: string | null) => Promise<Page<Row>>,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let after: string | null = null;
  do {
    const page: Page<Row> = await read(after);
    rows.push(...page.data);
    after = page.list_metadata.after;
  } while (after !== null);
  return rows;
}
