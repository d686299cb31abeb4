import { ApiError, ConnectionError } from './errors.js';
import { pause } from './pause.js';
import type { Run } from './wire.js';

/** How to wait for a run. */
export type WaitOptions = {
  /** When the wait is over; by default when the run has ended. */
  readonly until?: (run: Run) => boolean;
  /** Told of the run as first seen, and whenever its lifecycle is another one. */
  readonly onChange?: (run: Run) => void;
  readonly signal?: AbortSignal | undefined;
  /** The longest time between two looks; by default 3 seconds. They are closer together at first. */
  readonly pollMs?: number;
  /** How long the server may be away before the wait is given up; by default a minute. */
  readonly patienceMs?: number;
};

const FIRST_POLL_MS = 200;

/** Whether a run will do nothing more. */
export function hasEnded({ lifecycle: { status } }: Run): boolean {
  return status === 'completed' || status === 'error' || status === 'cancelled';
}

/** Reads a run again and again until it is as wanted. */
export async function waitForRun(
  read: (signal: AbortSignal | undefined) => Promise<Run>,
  options: WaitOptions,
): Promise<Run> {
  const { until = hasEnded, onChange, signal, pollMs = 3_000, patienceMs = 60_000 } = options;
  let shown = '';
  let awaySince: number | null = null;
  for (let delayMs = Math.min(FIRST_POLL_MS, pollMs); ; delayMs = Math.min(delayMs * 1.5, pollMs)) {
    signal?.throwIfAborted();
    try {
      const run = await read(signal);
      awaySince = null;
      const lifecycle = JSON.stringify(run.lifecycle);
      if (lifecycle !== shown) {
        shown = lifecycle;
        onChange?.(run);
      }
      if (until(run)) {
        return run;
      }
    } catch (error) {
      awaySince ??= performance.now();
      if (!isAway(error) || performance.now() - awaySince >= patienceMs) {
        throw error;
      }
    }
    await pause(delayMs, signal);
  }
}

/** Whether an error may be gone in a moment: a server that restarts, or a proxy before it. */
function isAway(error: unknown): boolean {
  return (
    error instanceof ConnectionError ||
    (error instanceof ApiError && [429, 502, 503, 504].includes(error.status))
  );
}
