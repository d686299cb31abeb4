import type { BlockResult } from '../domain/definition.js';

/**
 * What came of executing a block.
 *
 * 1. `result`: it answered its output.
 * 2. `failure`: it answered that it failed, or, where it has not run, was certainly never begun. `isFinal`: it would
 *    fail again, so that no further attempt is made. `retryAfterMs`: how long to leave it alone before the next.
 * 3. `silence`: it may have done its work, and gave no answer.
 * 4. `uncalled`: it was cancelled before the block was called.
 */
export type Execution =
  | { readonly kind: 'result'; readonly result: BlockResult }
  | BlockFailure
  | BlockSilence
  | BlockUncalled;

export type BlockFailure = {
  readonly kind: 'failure';
  readonly message: string;
  readonly isFinal: boolean;
  readonly hasRun: boolean;
  readonly retryAfterMs: number | null;
};

export type BlockSilence = { readonly kind: 'silence'; readonly message: string };

export type BlockUncalled = { readonly kind: 'uncalled' };

/** What an execution is told of itself. */
export type ExecutionContext = {
  readonly stepId: string;
  readonly runId: string;
  readonly attempt: number;
  /** The block is in the body of a for_each, and its input is the item. */
  readonly isInIteration?: boolean;
  readonly cancelled: AbortSignal;
  readonly heartbeat: () => void;
};

/** A failure that another attempt may mend. */
export function failed(message: string, retryAfterMs: number | null = null): BlockFailure {
  return { kind: 'failure', message, isFinal: false, hasRun: true, retryAfterMs };
}

/** A failure that no further attempt would mend. */
export function failedForGood(message: string): BlockFailure {
  return { kind: 'failure', message, isFinal: true, hasRun: true, retryAfterMs: null };
}

/** The same failure of a block that was certainly never begun. */
export function unbegun(failure: BlockFailure): BlockFailure {
  return { ...failure, hasRun: false };
}
