import { randomUUID } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { BlockFunctions } from '../blocks.js';
import { parseDurationMs } from '../domain/duration.js';
import type { GateEnd, RunEnd, RunPlan, StepEnd } from '../domain/orders.js';
import { hasEnded, type RunStatus } from '../domain/statuses.js';
import type { Db } from '../store/database.js';
import { endRun } from '../store/end-run.js';
import {
  type ClaimAnswer,
  type ClaimRequest,
  claimRelease,
  type GateView,
  type Holder,
  readGate,
  takeStep,
} from '../store/gates.js';
import {
  type Beginning,
  beginStep,
  completeStep,
  failAttempt,
  type Failure,
  finishStep,
} from '../store/ledger.js';
import { beginRun } from '../store/runs.js';
import { createSteps, getDefinition, getStepContext, stepIdOf } from '../store/steps.js';
import { executeBlock, type ExecutionContext } from './execute-block.js';
import { openAfterOutput, openBeforeInput } from './open-gate.js';
import { type ActivityLogger, scrubbed } from './scrub.js';
import { untilStored } from './until-stored.js';

/** What activities need of the process they run in. */
export type ActivityDependencies = {
  readonly db: Db;
  readonly functions: BlockFunctions;
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
export type Activities = {
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
};

/** Builds the activities of one worker. */
export function createActivities(dependencies: ActivityDependencies): Activities {
  const { db, functions, logger } = dependencies;

  /** Executes a step's block once and enters what came of it, with what follows from a result. */
  const execute = async <T>(
    stepId: string,
    attemptToken: string,
    beginning: Extract<Beginning, { kind: 'begin' }>,
    afterwards: Parameters<typeof finishStep<T>>[2],
  ): Promise<T | StepEnd> => {
    const { context, input, attempt } = beginning;
    const execution = await executeBlock(
      context.block,
      input,
      functions,
      executionContext(stepId, context.run.id, attempt),
    );
    if (execution.kind === 'result') {
      const finish = { stepId, attemptToken, result: execution.result };
      return (await untilStored(() => finishStep(db, finish, afterwards))) ?? 'superseded';
    }
    const isSilent = execution.kind === 'timeout';
    const fail = (): Promise<Failure> =>
      failAttempt(db, stepId, attemptToken, execution.message, isSilent);
    // A repeatable block is executed again without the failure; entered twice it would cost two attempts.
    const failure = context.block.execution.repeatable ? await fail() : await enterFailure(fail);
    if (failure === 'retry') {
      throw ApplicationFailure.create({
        type: 'BlockFailed',
        message: `attempt ${attempt} of step ${stepId} failed; the store has its message`,
        category: 'BENIGN',
      });
    }
    return failure;
  };

  const runToEnd = async (stepId: string, holder: string | null): Promise<StepEnd> => {
    const attemptToken = randomUUID();
    const beginning = await beginStep(db, stepId, holder, attemptToken);
    if (beginning.kind === 'ended') {
      return beginning.end;
    }
    return await execute(stepId, attemptToken, beginning, async (tx, { step }) => {
      await completeStep(tx, step, null);
      return 'completed' as const;
    });
  };

  return scrubbed(logger, {
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
      const blocks = definition.blocks.map(({ id, needs, review, execution }) => ({
        blockId: id,
        stepId: stepIdOf(runId, id),
        needs,
        gate: review?.placement ?? null,
        timeoutMs: parseDurationMs(execution.timeout) ?? 0,
      }));
      return { status: run.status, workflowId: run.workflowId, blocks };
    },

    endRun: async ({ runId, end }) => {
      const { status } = await endRun(db, runId, end);
      return { status };
    },

    runStep: (stepId) => whileBeating(() => runToEnd(stepId, null)),

    openGate: ({ stepId, holder }) =>
      whileBeating(async () => {
        const taking = await takeStep(db, stepId, holder);
        if (taking.kind !== 'unopened') {
          return taking;
        }
        const { block } = await getStepContext(db, stepId);
        if (block.review === null) {
          throw new Error(`step ${stepId} has no gate`);
        }
        if (block.review.placement === 'input') {
          return await openBeforeInput(db, stepId, holder.workflowId, block.review);
        }
        const attemptToken = randomUUID();
        const beginning = await beginStep(db, stepId, holder.workflowId, attemptToken);
        if (beginning.kind === 'ended') {
          return beginning;
        }
        const opening = await execute(
          stepId,
          attemptToken,
          beginning,
          openAfterOutput(block, block.review),
        );
        return typeof opening === 'string' ? { kind: 'ended', end: opening } : opening;
      }),

    readGate: (stepId) => readGate(db, stepId),

    claimRelease: (claim) => claimRelease(db, claim),

    isHolder: async ({ stepId, holder }) => {
      const { step } = await getStepContext(db, stepId);
      return step.holder === holder;
    },

    executeStep: ({ stepId, holder }) => whileBeating(() => runToEnd(stepId, holder)),
  });
}

/** Enters the only failure of a block that must not be repeated. */
async function enterFailure(fail: () => Promise<Failure>): Promise<Failure> {
  const failure = await untilStored(async () => {
    const entered = await fail();
    return entered === 'superseded' ? null : entered;
  });
  return failure ?? 'superseded';
}

const HEARTBEAT_EVERY_MS = 3_000;

/** Heartbeats while `work` goes on, so that a lost worker is noticed and a cancellation arrives. */
async function whileBeating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

function executionContext(stepId: string, runId: string, attempt: number): ExecutionContext {
  const context = Context.current();
  return {
    stepId,
    runId,
    attempt,
    cancelled: context.cancellationSignal,
    heartbeat: () => context.heartbeat(),
  };
}
