import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, path, type Query } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { InboxRow, LoopItems, Page, Run, Step } from '../api/wire.js';

const PAGE_SIZE = 50;
const MAX_STEPS = 200;
const WAITING_SIZE = 20;

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

/** The steps of a run, oldest first: those of its own blocks, all made when it began, come before any of an iteration. */
export function stepsQuery(runId: string) {
  return queryOptions({
    queryKey: [...KEYS.run, runId, 'steps'],
    queryFn: ({ signal }) =>
      get<Page<Step>>('/v1/workflows/steps', { run_id: runId, limit: MAX_STEPS }, signal),
  });
}

/** The items of a for_each of a run, as many pages of them as have been asked for. */
export function itemsQuery({ run_id: runId, step_id: stepId }: Step) {
  return infiniteQueryOptions({
    queryKey: [...KEYS.run, runId, 'items', stepId],
    queryFn: ({ signal, pageParam: after }) =>
      get<LoopItems>(path`/v1/workflows/steps/${stepId}/items`, { after }, signal),
    initialPageParam: '',
    getNextPageParam: ({ list_metadata: { after } }) => after,
  });
}

/** The first reviews that a run waits at, the longest waiting first: undecided ones, or approved ones that have not gone on. */
export function waitingQuery(runId: string, status: 'PENDING' | 'APPROVED') {
  const query = { view: 'all', run_id: runId, status, order: 'oldest', limit: WAITING_SIZE };
  return queryOptions({
    queryKey: [...KEYS.run, runId, 'waiting', status],
    queryFn: ({ signal }) => get<Page<InboxRow>>('/v1/inbox', query, signal),
  });
}
