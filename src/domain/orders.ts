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
  /** A for_each: once its items are released, its body runs for each of them. */
  readonly iterates?: boolean;
};

/** The blocks of a run in an order in which every need comes first; null for a run not to be begun. */
export type RunPlan = {
  readonly status: RunStatus;
  readonly workflowId: string;
  readonly blocks: readonly BlockOrder[] | null;
};

/** Starts `gatedBlockRun`. */
export type GateOrder = { readonly step_id: string; readonly timeout_ms: number };

/** Starts `forEachRun`. */
export type ForEachOrder = {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly block_id: string;
  readonly step_id: string;
  /** How many events its history may have before it continues as new; a sensible number if absent. */
  readonly full_history?: number;
};

/** A block of a body: in every iteration it is another step, whose id follows from the iteration's key. */
export type BodyBlockOrder = Omit<BlockOrder, 'stepId'>;

/** The iterations of a for_each that have not ended, by the places of their items, and what each runs. */
export type IterationPlan = {
  readonly iterationKey: string | null;
  readonly unended: readonly number[];
  readonly blocks: readonly BodyBlockOrder[];
};

/**
 * How a step ended, or that its block is done. Of a for_each `completed` says that its items are
 * released; its own step ends with its iterations. `skipped`: nothing came of it, and the run goes on.
 */
export type StepEnd = 'completed' | 'skipped' | 'failed' | 'unknown' | 'stopped' | 'superseded';

/**
 * How a gated block run ended: as its step did, or refused by its reviewers. `dropped`: refused, and
 * its iteration is left out.
 */
export type GateEnd = StepEnd | 'rejected' | 'dropped';

/** How a run's workflow found it to end. */
export type RunEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly stepId: string }
  | { readonly kind: 'cancelled' };
