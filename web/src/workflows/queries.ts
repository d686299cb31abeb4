import { queryOptions } from '@tanstack/react-query';
import { get, path } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Page, WorkflowSummary, WorkflowVersion } from '../api/wire.js';

const MAX_PAGE = 200;

/** The workflows of the project. */
export const workflowsQuery = queryOptions({
  queryKey: [...KEYS.workflows, 'list'],
  queryFn: ({ signal }) => get<Page<WorkflowSummary>>('/v1/workflows', { limit: MAX_PAGE }, signal),
});

/** One workflow, without its blocks. */
export function workflowQuery(id: string) {
  return queryOptions({
    queryKey: [...KEYS.workflows, id, 'workflow'],
    queryFn: ({ signal }) => get<WorkflowSummary>(path`/v1/workflows/${id}`, {}, signal),
  });
}

/** The versions of a workflow, oldest first. */
export function workflowVersionsQuery(id: string) {
  return queryOptions({
    queryKey: [...KEYS.workflows, id, 'versions'],
    queryFn: ({ signal }) =>
      get<Page<WorkflowVersion>>(path`/v1/workflows/${id}/versions`, { limit: MAX_PAGE }, signal),
  });
}
