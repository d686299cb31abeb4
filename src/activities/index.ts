import { setMaxListeners } from 'node:events';
import type { BlockFunctions } from '../blocks.js';
import type { AuthorWorkflows } from '../delivery/author-workflows.js';
import type { Block } from '../domain/definition.js';
import { parseDurationMs } from '../domain/duration.js';
import type {
  BodyBlockOrder,
  GateEnd,
  IterationPlan,
  RunEnd,
  RunPlan,
  StepEnd,
} from '../domain/orders.js';
import { hasEnded, type RunStatus } from '../domain/statuses.js';
import { stepIdOf } from '../domain/step-ids.js';
import type { Db } from '../store/database.js';
import { endRun } from '../store/end-run.js';
import {
  type ClaimAnswer,
  type ClaimRequest,
  claimRelease,
  type GateView,
  readGate,
  takeStep,
} from '../store/gates.js';
import type { Holder } from '../store/holders.js';
import { beginIterations, endIterations } from '../store/iterations.js';
import { completeStep } from '../store/ledger.js';
import { beginRun } from '../store/runs.js';
import { createSteps, getDefinition, getStepContext } from '../store/steps.js';
import { createExternalActivities, type ExternalActivities } from './external-reviews.js';
import type { HttpSettings } from './http-executor.js';
import { openAfterOutput, openBeforeInput } from './open-gate.js';
import { runBlock } from './run-block.js';
import { type ActivityLogger, scrubbed } from './scrub.js';

/** What activities need of the process they run in. */
export type ActivityDependencies = {
  readonly db: Db;
  readonly functions: BlockFunctions;
  readonly http: HttpSettings;
  /** Aborted when the worker stops and has waited for its blocks long enough. */
  readonly stopping: AbortSignal;
  readonly authorWorkflows: AuthorWorkflows;
  readonly logger: ActivityLogger;
};

/** What a gated block run is told when it begins. */
export type Opening =
  | { readonly kind: 'waiting'; readonly gate: GateView }
  /** The predicate of a gate on the input did not fire: the block may run as it is. */
  | { readonly kind: 'execute' }
  | { readonly kind: 'ended'; readonly end: StepEnd };

/**
 * What workflows ask for. Every one may be run twice, and says by what it is idempotent.
 *
 * What goes in and out stays in Temporal's histories: ids, verdicts and numbers. Errors are scrubbed
 * for the same reason.
 */
export type Activities = ExternalActivities & {
  /** Begins a run and lists its blocks; by the run's id. */
  readonly beginRun: (runId: string) => Promise<RunPlan>;
  /** Ends a run in the store; a run that has ended keeps its end. */
  readonly endRun: (order: {
    readonly runId: string;
    readonly end: RunEnd;
  }) => Promise<{ status: RunStatus }>;
  /** Runs a block that has no gate; by the step's ledger. */
  readonly runStep: (stepId: string) => Promise<StepEnd>;
  /** Takes a gated step, runs its block where the gate is on the output, and opens the review. */
  readonly openGate: (order: {
    readonly stepId: string;
    readonly holder: Holder;
  }) => Promise<Opening>;
  /** Reads the facts of a review again. */
  readonly readGate: (stepId: string) => Promise<GateView | null>;
  /** Asks the store to let a decided step go on; idempotent for the holder. */
  readonly claimRelease: (claim: ClaimRequest) => Promise<ClaimAnswer>;
  /** Whether a workflow still is the one that may act for a step; it only reads. */
  readonly isHolder: (order: {
    readonly stepId: string;
    readonly holder: string;
  }) => Promise<boolean>;
  /** Executes a block whose input was approved (or needed no review); by the step's ledger. */
  readonly executeStep: (order: {
    readonly stepId: string;
    readonly holder: string;
  }) => Promise<GateEnd>;
  /** Writes the iterations of a for_each whose items are released, and lists the unended; by its step. */
  readonly beginIterations: (order: {
    readonly stepId: string;
    readonly holder: Holder;
  }) => Promise<Iterating>;
  /** Completes a for_each whose iterations have ended with what they gave; by its step. */
  readonly endIterations: (order: {
    readonly stepId: string;
    readonly holder: string;
  }) => Promise<StepEnd>;
};

/** What the workflow of a for_each is told when it begins. */
export type Iterating =
  | { readonly kind: 'begun'; readonly plan: IterationPlan }
  | { readonly kind: 'ended'; readonly end: StepEnd };

/** Builds the activities of one worker. */
export function createActivities(dependencies: ActivityDependencies): Activities {
  const { db, logger } = dependencies;
  // Every block that is being executed listens, and Node takes more than ten listeners for a leak.
  setMaxListeners(0, dependencies.stopping);

  const runToEnd = (stepId: string, holder: string | null): Promise<StepEnd> =>
    runBlock(dependencies, stepId, holder, (tx, { step }) => completeStep(tx, step, null));

  return scrubbed(logger, {
    ...createExternalActivities(dependencies),

    beginRun: async (runId) => {
      const run = await beginRun(db, runId);
      if (run.status !== 'running') {
        const { status } = hasEnded(run.status)
          ? run
          : await endRun(db, runId, { kind: 'cancelled' });
        return { status, workflowId: run.workflowId, blocks: null };
      }
      const definition = await getDefinition(db, run.workflowVersionId);
      await createSteps(db, run, definition);
      const blocks = definition.blocks.map((block) => ({
        ...orderOf(block),
        stepId: stepIdOf(runId, block.id),
      }));
      return { status: run.status, workflowId: run.workflowId, blocks };
    },

    endRun: async ({ runId, end }) => {
      const { status } = await endRun(db, runId, end);
      return { status };
    },

    runStep: (stepId) => runToEnd(stepId, null),

    openGate: async ({ stepId, holder }) => {
      const taking = await takeStep(db, stepId, holder);
      if (taking.kind !== 'unopened') {
        return taking;
      }
      const { block } = await getStepContext(db, stepId);
      const { workflowId } = holder;
      if (block.review === null) {
        throw new Error(`step ${stepId} has no gate`);
      }
      if (block.review.placement === 'input') {
        return await openBeforeInput(db, stepId, workflowId, block.review);
      }
      const afterwards = openAfterOutput(block, block.review);
      const opening = await runBlock(dependencies, stepId, workflowId, afterwards);
      return typeof opening === 'string' ? { kind: 'ended', end: opening } : opening;
    },

    readGate: (stepId) => readGate(db, stepId),

    claimRelease: (claim) => claimRelease(db, claim),

    isHolder: async ({ stepId, holder }) => {
      const { step } = await getStepContext(db, stepId);
      return step.holder === holder;
    },

    executeStep: ({ stepId, holder }) => runToEnd(stepId, holder),

    beginIterations: async ({ stepId, holder }) => {
      const begun = await beginIterations(db, stepId, holder);
      if (begun.kind === 'ended') {
        return begun;
      }
      const { iterationKey, unended, body } = begun;
      const siblings = new Set(body.map(({ id }) => id));
      // What a body needs from outside has ended before its first iteration begins.
      const blocks = body.map(orderOf).map(({ needs, ...order }) => ({
        ...order,
        needs: needs.filter((id) => siblings.has(id)),
      }));
      return { kind: 'begun', plan: { iterationKey, unended, blocks } };
    },

    endIterations: ({ stepId, holder }) => endIterations(db, stepId, holder),
  });
}

function orderOf({ id, needs, review, execution, body }: Block): BodyBlockOrder {
  return {
    blockId: id,
    needs,
    gate: review?.placement ?? null,
    timeoutMs: parseDurationMs(execution.timeout) ?? 0,
    ...(body === null ? {} : { iterates: true }),
  };
}
