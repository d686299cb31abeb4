import type { Placement } from './definition.js';
import type { RunStatus } from './statuses.js';

// What workflows ask of activities and tell each other: ids, verdicts and numbers only, because all
// of it stays in Temporal's histories.

/** Starts `workflowRun`. */
export type RunOrder = { readonly run_id: string };

/** One block of a run, as its workflow needs to know it. */
export type BlockOrder = {
  readonly blockId: string;
  readonly stepId: string;
  readonly needs: readonly string[];
  readonly gate: Placement | null;
  readonly timeoutMs: number;
};

/** The blocks of a run in an order in which every need comes first; null for a run not to be begun. */
export type RunPlan = {
  readonly status: RunStatus;
  readonly workflowId: string;
  readonly blocks: readonly BlockOrder[] | null;
};

/** Starts `gatedBlockRun`. */
export type GateOrder = { readonly step_id: string; readonly timeout_ms: number };

/** How a step ended. */
export type StepEnd = 'completed' | 'failed' | 'unknown' | 'stopped' | 'superseded';

/** How a gated block run ended: as its step did, or refused by its reviewers. */
export type GateEnd = StepEnd | 'rejected';

/** How a run's workflow found it to end. */
export type RunEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly stepId: string }
  | { readonly kind: 'cancelled' };
