import { type Block, isInstant, type Placement } from './definition.js';
import { parseDurationMs } from './duration.js';
import type { RunStatus } from './statuses.js';

// What workflows ask of activities and tell each other: ids, verdicts and numbers only, because all
// of it stays in Temporal's histories.

/** One block of a run, as its workflow needs to know it; the id of its step follows from the run's. */
export type PlannedBlock = {
  readonly blockId: string;
  readonly needs: readonly string[];
  readonly gate: Placement | null;
  readonly timeoutMs: number;
  /** A for_each: once its items are released, its body runs for each of them. */
  readonly iterates?: boolean;
  /** Its gate opens in a moment, because nothing has to be executed before. */
  readonly opensAtOnce?: boolean;
};

/** Starts `workflowRun`: the plan of the run, in an order in which every need comes first, and no content. */
export type RunOrder = {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly blocks: readonly PlannedBlock[];
};

/** What a workflow needs to know of a block that its definition declares. */
export function planOf({ id, needs, review, executor, execution, body }: Block): PlannedBlock {
  const gate = review?.placement ?? null;
  const opensAtOnce = gate === 'input' || (gate === 'output' && isInstant(executor));
  return {
    blockId: id,
    needs,
    gate,
    timeoutMs: parseDurationMs(execution.timeout) ?? 0,
    ...(body === null ? {} : { iterates: true }),
    ...(opensAtOnce ? { opensAtOnce } : {}),
  };
}

/** A planned block with the step that it is in this run, or in this iteration. */
export type BlockOrder = PlannedBlock & { readonly stepId: string };

/** Starts `gatedBlockRun`. */
export type GateOrder = {
  readonly step_id: string;
  readonly placement: Placement;
  readonly timeout_ms: number;
  /** Opens in a moment (see `PlannedBlock`). */
  readonly at_once?: boolean;
  /** Believes no signal: only the store ends it. Its step was found open after a gate had ended. */
  readonly confirm?: boolean;
};

/** Starts `forEachRun`. */
export type ForEachOrder = {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly block_id: string;
  readonly step_id: string;
  /** How many events its history may have before it continues as new; a sensible number if absent. */
  readonly full_history?: number;
};

/** The iterations of a for_each that have not ended, by the places of their items, and what each runs. */
export type IterationPlan = {
  readonly iterationKey: string | null;
  readonly unended: readonly number[];
  readonly blocks: readonly PlannedBlock[];
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

/** Steps that have to end before what was asked for can begin, or end. */
export type Blocked = { readonly kind: 'blocked'; readonly by: readonly string[] };

/**
 * How a block ended for the workflow that runs it. `run`: the status with which the store has ended the
 * run besides, in the same transaction; null while it goes on.
 */
export type Ended<End = StepEnd> = {
  readonly kind: 'ended';
  readonly end: End;
  readonly run: RunStatus | null;
};

/** How a run's workflow found it to end. */
export type RunEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly stepId: string }
  | { readonly kind: 'cancelled' };
