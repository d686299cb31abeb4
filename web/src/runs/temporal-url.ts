/** The page of a run in Temporal's own UI, whose workflow has the run's id; null where no UI is known. */
export function temporalUrl(uiUrl: string | null, runId: string): string | null {
  return uiUrl === null
    ? null
    : `${uiUrl.replace(/\/$/, '')}/namespaces/default/workflows/${encodeURIComponent(runId)}`;
}
