import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, path, type Query } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Page, Review, Run, Step } from '../api/wire.js';

const PAGE_SIZE = 50;
const MAX_STEPS = 200;

/** One page of runs, newest first. */
export function runsQuery(query: Query) {
  return queryOptions({
    queryKey: [...KEYS.runs, query],
    queryFn: ({ signal }) =>
      get<Page<Run>>('/v1/workflows/runs', { limit: PAGE_SIZE, ...query }, signal),
    placeholderData: keepPreviousData,
  });
}

/** One run. */
export function runQuery(id: string) {
  return queryOptions({
    queryKey: [...KEYS.run, id, 'run'],
    queryFn: ({ signal }) => get<Run>(path`/v1/workflows/runs/${id}`, {}, signal),
  });
}

/** The first steps of a run, oldest first. */
export function stepsQuery(runId: string) {
  return queryOptions({
    queryKey: [...KEYS.run, runId, 'steps'],
    queryFn: ({ signal }) =>
      get<Page<Step>>('/v1/workflows/steps', { run_id: runId, limit: MAX_STEPS }, signal),
  });
}

/** The reviews of a run, oldest first. */
export function runReviewsQuery(runId: string) {
  return queryOptions({
    queryKey: [...KEYS.run, runId, 'reviews'],
    queryFn: ({ signal }) =>
      get<Page<Review>>(
        '/v1/workflows/reviews',
        { run_id: runId, decision_status: 'all', limit: MAX_STEPS },
        signal,
      ),
  });
}
