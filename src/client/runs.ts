import { Pages } from './pages.js';
import type { ListRuns, ListSteps, SettleStep, StartRun } from './requests.js';
import { path, type Transport } from './transport.js';
import { waitForRun, type WaitOptions } from './wait-for-run.js';
import type { CancelRunResponse, LoopItem, RetryRunResponse, Run, Step } from './wire.js';

const MAX_PAGE = 100;
const MAX_STEP_PAGE = 200;

/** The part of the API that is about runs. */
export type RunsClient = ReturnType<typeof runsClient>;

/** Makes the part of a client that is about runs. */
export function runsClient(transport: Transport) {
  const get = (runId: string): Promise<Run> => transport.get(path`/v1/workflows/runs/${runId}`);
  return {
    /**
     * Starts a run of a workflow.
     *
     * With a `command_id` it is safe to send again, also after a `ConnectionError`: the same id gives the same run.
     */
    start: (run: StartRun): Promise<Run> => transport.send('POST', '/v1/workflows/runs', run),

    /** Reads one run. */
    get,

    /** Lists runs, newest first. */
    list: ({ metadata, ...query }: ListRuns = {}): Pages<Run> =>
      new Pages(
        (page) =>
          transport.get('/v1/workflows/runs', {
            ...query,
            metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
            ...page,
          }),
        MAX_PAGE,
      ),

    /** Cancels a run, durably, and with it its undecided reviews; an ended run stays as it is. */
    cancel: (
      runId: string,
      options: { readonly reason?: string | undefined } = {},
    ): Promise<CancelRunResponse> =>
      transport.send('POST', path`/v1/workflows/runs/${runId}/cancel`, options),

    /**
     * Goes on with a run in error from the steps that failed (all, or those named); approvals are kept.
     *
     * A run that is not in error, or no longer, is a 409 `run_not_in_error`.
     */
    retry: (
      runId: string,
      options: { readonly steps?: readonly string[] | undefined } = {},
    ): Promise<RetryRunResponse> =>
      transport.send('POST', path`/v1/workflows/runs/${runId}/retry`, options),

    /**
     * Waits until a run has ended, however long that takes, or until what `until` asks for.
     *
     * A run that is being cancelled has ended once what was approved has been executed. It polls, and sits out a server that is away for less than a minute. A `signal` (for instance
     * `AbortSignal.timeout(60_000)`) ends the wait by throwing its reason; the run goes on.
     */
    waitFor: (runId: string, options: WaitOptions = {}): Promise<Run> =>
      waitForRun((signal) => transport.get(path`/v1/workflows/runs/${runId}`, {}, signal), options),
  };
}

/** The part of the API that is about steps. */
export type StepsClient = ReturnType<typeof stepsClient>;

/** Makes the part of a client that is about steps. */
export function stepsClient(transport: Transport) {
  return {
    /** Lists steps, oldest first. */
    list: (query: ListSteps = {}): Pages<Step> =>
      new Pages(
        (page) => transport.get('/v1/workflows/steps', { ...query, ...page }),
        MAX_STEP_PAGE,
      ),

    /** Reads one step with its input and output. */
    get: (stepId: string): Promise<Step> => transport.get(path`/v1/workflows/steps/${stepId}`),

    /** Says what became of a block whose outcome is unknown; then its run can be retried. */
    settle: (stepId: string, settlement: SettleStep): Promise<Step> =>
      transport.send('POST', path`/v1/workflows/steps/${stepId}/settle`, settlement),

    /** Lists the items of a for_each in their order, those of loops inside of it among them. */
    items: (stepId: string): Pages<LoopItem> =>
      new Pages(
        (page) => transport.get(path`/v1/workflows/steps/${stepId}/items`, page),
        MAX_STEP_PAGE,
      ),
  };
}
