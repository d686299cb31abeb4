import { setMaxListeners } from 'node:events';
import type { BlockFunctions } from '../blocks.js';
import type { AuthorWorkflows } from '../delivery/author-workflows.js';
import type { Lineage } from '../delivery/lineage.js';
import type { Caller } from '../domain/ledger.js';
import {
  type Blocked,
  type Ended,
  type GateEnd,
  type IterationPlan,
  planOf,
  type RunEnd,
} from '../domain/orders.js';
import type { RunStatus } from '../domain/statuses.js';
import type { Db } from '../store/database.js';
import { endRunOf } from '../store/end-run.js';
import {
  checkGate,
  type GateCheck,
  type Standing,
  takeStep,
  type Taking,
  type ToVerify,
} from '../store/gates.js';
import { beginIterations, type Begun, endIterations } from '../store/iterations.js';
import { callerOfActivity, notTheirs } from './caller.js';
import { createExternalActivities, type ExternalActivities } from './external-reviews.js';
import type { HttpSettings } from './http-executor.js';
import { openBeforeInput } from './open-gate.js';
import { INSTANTLY, runBlock } from './run-block.js';
import { type ActivityLogger, scrubbed } from './scrub.js';

/** What activities need of the process they run in. */
export type ActivityDependencies = {
  readonly db: Db;
  readonly functions: BlockFunctions;
  readonly http: HttpSettings;
  /** Aborted when the worker stops and has waited for its blocks long enough. */
  readonly stopping: AbortSignal;
  readonly authorWorkflows: AuthorWorkflows;
  readonly lineage: Lineage;
  readonly logger: ActivityLogger;
};

/** What a workflow is told when it begins to run a gated step, or asks how it stands. */
export type Opening = Standing | Blocked;

/**
 * What workflows ask for. Every one may be run twice, and says by what it is idempotent.
 *
 * Who asks is read from Temporal and never from an argument, and the ledger rules on whether they may:
 * an activity that was scheduled by hand begins, opens and ends nothing. What goes in and out stays in
 * Temporal's histories: ids, verdicts and numbers. Errors are scrubbed for the same reason.
 */
export type Activities = ExternalActivities & {
  /** Ends a run in the store, or names the steps that have yet to end; a run that has ended keeps its end. */
  readonly endRun: (order: {
    readonly runId: string;
    readonly end: RunEnd;
  }) => Promise<{ readonly kind: 'ended'; readonly status: RunStatus } | Blocked>;
  /** Runs a block that has no gate; by the step's ledger. */
  readonly runStep: (stepId: string) => Promise<Ended<GateEnd> | Blocked>;
  /** Takes a gated step, runs its block where the gate is on the output, and opens the review. */
  readonly openGate: (stepId: string) => Promise<Opening>;
  /** Releases a gated step if that is due, and says how it stands; by the step's ledger. */
  readonly checkGate: (stepId: string) => Promise<GateCheck>;
  /** Executes a block whose input was approved (or needed no review); by the step's ledger. */
  readonly executeStep: (stepId: string) => Promise<Ended<GateEnd> | Blocked>;
  /** Writes the iterations of a for_each whose items are released, and lists the unended; by its step. */
  readonly beginIterations: (stepId: string) => Promise<Iterating>;
  /** Completes a for_each whose iterations have ended with what they gave; by its step. */
  readonly endIterations: (stepId: string) => Promise<Ended | Blocked>;
};

/** What the workflow of a for_each is told when it begins. */
export type Iterating = { readonly kind: 'begun'; readonly plan: IterationPlan } | Ended | Blocked;

/** Builds the activities of one worker. */
export function createActivities(dependencies: ActivityDependencies): Activities {
  const { db, logger, lineage } = dependencies;
  // Every block that is being executed listens, and Node takes more than ten listeners for a leak.
  setMaxListeners(0, dependencies.stopping);

  const runToEnd = async (stepId: string): Promise<Ended<GateEnd> | Blocked> => {
    const ran = await runBlock(dependencies, stepId, callerOfActivity());
    if (ran.kind === 'waiting' || ran.kind === 'execute') {
      throw new Error(`step ${stepId} waits at its gate, and yet it was run without one`);
    }
    return ran;
  };

  return scrubbed(logger, {
    ...createExternalActivities(dependencies),

    endRun: async ({ runId, end }) => {
      const caller = callerOfActivity();
      const ended = await endRunOf(db, runId, end, caller);
      return ended.kind === 'not_theirs' ? notTheirs(`run ${runId}`, caller) : ended;
    },

    runStep: runToEnd,

    openGate: async (stepId) => {
      const caller = callerOfActivity();
      const taking = await confirmed<Exclude<Taking, ToVerify>>(lineage, caller, (isConfirmed) =>
        takeStep(db, stepId, caller, isConfirmed, INSTANTLY),
      );
      switch (taking.kind) {
        case 'not_theirs':
          return notTheirs(`step ${stepId}`, caller);
        case 'unopened':
          break;
        default:
          return taking;
      }
      const { review: gate } = taking.context.block;
      return gate?.placement === 'input'
        ? await openBeforeInput(db, stepId, caller, gate)
        : await runBlock(dependencies, stepId, caller);
    },

    checkGate: (stepId) => checkGate(db, stepId, callerOfActivity()),

    executeStep: runToEnd,

    beginIterations: async (stepId) => {
      const caller = callerOfActivity();
      const begun = await confirmed<Exclude<Begun, ToVerify>>(lineage, caller, (isConfirmed) =>
        beginIterations(db, stepId, caller, isConfirmed),
      );
      switch (begun.kind) {
        case 'not_theirs':
          return notTheirs(`step ${stepId}`, caller);
        case 'begun':
          break;
        default:
          return begun;
      }
      const { iterationKey, unended, body } = begun;
      const siblings = new Set(body.map(({ id }) => id));
      // What a body needs from outside has ended before its first iteration begins.
      const blocks = body.map(planOf).map(({ needs, ...order }) => ({
        ...order,
        needs: needs.filter((id) => siblings.has(id)),
      }));
      return { kind: 'begun', plan: { iterationKey, unended, blocks } };
    },

    endIterations: (stepId) => endIterations(db, stepId, callerOfActivity()),
  });
}

/** Asks for a step, and once more where Temporal has to confirm first that the caller may have it. */
async function confirmed<Taking extends { readonly kind: string }>(
  lineage: Lineage,
  caller: Caller,
  take: (isConfirmed: boolean) => Promise<Taking | ToVerify>,
): Promise<Taking | Ended> {
  const first = await take(false);
  if (!isToVerify(first)) {
    return first;
  }
  const superseded = { kind: 'ended', end: 'superseded', run: null } as const;
  if (!(await lineage.isChildOfPresent(caller?.workflowId ?? '', first.parentWorkflowId))) {
    return superseded;
  }
  const second = await take(true);
  return isToVerify(second) ? superseded : second;
}

function isToVerify(taking: { readonly kind: string }): taking is ToVerify {
  return taking.kind === 'verify';
}
