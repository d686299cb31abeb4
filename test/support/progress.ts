import { randomUUID } from 'node:crypto';
import type { Predicate } from '../../src/domain/definition.js';
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.js';
import type { RunEnd } from '../../src/domain/orders.js';
import { type Db, inTransaction } from '../../src/store/database.js';
import { endRun } from '../../src/store/end-run.js';
import { checkGate, openInputReview, openReview, takeStep } from '../../src/store/gates.js';
import { beginIterations } from '../../src/store/iterations.js';
import {
  beginStep,
  completeStep,
  failAttempt,
  failStep,
  finishStep,
  markRunning,
} from '../../src/store/ledger.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import { lockRun } from '../../src/store/runs.js';
import { readJsonObject } from '../../src/store/stored-json.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { getStepContext, readBlockInput } from '../../src/store/steps.js';
import type { ReviewRow } from '../../src/store/tables.js';
import { gateOf, loopOf, runOf } from './callers.js';
import type { Caller } from '../../src/domain/ledger.js';

/** Does to the store what a run's workflows would have done, without Temporal. */
export type Progress = {
  /** Begins a run. */
  begin(runId: string): Promise<void>;
  /** Runs a gated block and opens its review, on the output or on the input as its gate says. */
  openReview(runId: string, blockId: string, firing?: Partial<Fired>): Promise<ReviewRow>;
  /** Runs a block that has no gate to its end. */
  complete(runId: string, blockId: string): Promise<void>;
  /**
   * Executes a block that is free to begin until it has failed, or until nobody can know what it did; its run
   * ends in error with it.
   *
   * @returns the id of its step
   */
  fail(runId: string, blockId: string, how: 'failed' | 'unknown'): Promise<string>;
  /** Writes the iterations of a for_each whose items are released, by its step. */
  iterate(stepId: string): Promise<void>;
  /** Asks as the gate of a review how it stands, by which what is due is released. */
  check(review: Pick<ReviewRow, 'stepId'>): ReturnType<typeof checkGate>;
  end(runId: string, end: RunEnd): Promise<void>;
};

export type Fired = {
  readonly predicate: Predicate;
  readonly because: string;
  readonly snapshot: JsonObject;
};

/** Makes what moves the runs of one database. */
export function createProgress(db: Db): Progress {
  const run = async (stepId: string, caller: Caller): Promise<Run> => {
    const attemptToken = randomUUID();
    const beginning = await beginStep(db, stepId, caller, attemptToken);
    if (beginning.kind !== 'begin') {
      throw new Error(`step ${stepId} does not begin: ${beginning.kind}`);
    }
    const { input, blocks } = beginning.input;
    return { attemptToken, output: input ?? Object.values(blocks)[0] ?? null };
  };

  return {
    begin: async (runId) => {
      await inTransaction(db, async (tx) => markRunning(tx, await lockRun(tx, runId)));
    },
    openReview: async (runId, blockId, fired = {}) => {
      const stepId = stepIdOf(runId, blockId);
      const context = await getStepContext(db, stepId);
      const gate = context.block.review;
      if (gate === null) {
        throw new Error(`block ${blockId} has no gate`);
      }
      const caller = gateOf(stepId);
      await takeStep(db, stepId, caller);
      const firing = (snapshot: Json): Parameters<typeof openReview>[3] => ({
        triggeredBy: fired.predicate ?? gate.predicate,
        because: fired.because ?? 'the gate asks for a review every time',
        snapshot: fired.snapshot ?? asObject(snapshot),
      });
      if (gate.placement === 'input') {
        const input = await readBlockInput(db, context);
        await openInputReview(db, stepId, caller, gate, { input, firing: firing(input.input) });
      } else {
        const { attemptToken, output } = await run(stepId, caller);
        const result = { output, consensus: null, source: null };
        await finishStep(db, { stepId, attemptToken, result }, (tx, now) =>
          openReview(tx, now, gate, firing(output)),
        );
      }
      const review = await findReviewOfStep(db, stepId);
      if (review === null) {
        throw new Error(`step ${stepId} opened no review`);
      }
      return review;
    },
    complete: async (runId, blockId) => {
      const stepId = stepIdOf(runId, blockId);
      const { attemptToken, output } = await run(stepId, runOf(stepId));
      const result = { output, consensus: null, source: null };
      await finishStep(db, { stepId, attemptToken, result }, (tx, now) =>
        completeStep(tx, now.run, now.step, null),
      );
    },
    fail: async (runId, blockId, how) => {
      const stepId = stepIdOf(runId, blockId);
      const taking = await takeStep(db, stepId, gateOf(stepId));
      const caller = taking.kind === 'not_theirs' ? runOf(stepId) : gateOf(stepId);
      await beginStep(db, stepId, caller, 't');
      await failAttempt(db, stepId, 't', 'no such account', how === 'unknown');
      await endRun(db, runId, { kind: 'failed', stepId });
      return stepId;
    },
    iterate: async (stepId) => {
      await beginIterations(db, stepId, loopOf(stepId), true);
    },
    check: ({ stepId }) => checkGate(db, stepId, gateOf(stepId)),
    end: async (runId, end) => {
      if (end.kind === 'completed') {
        // A run with open steps does not complete.
        await db
          .updateTable('step')
          .set({ status: 'completed', endedAt: new Date() })
          .where('runId', '=', runId)
          .where('endedAt', 'is', null)
          .execute();
      }
      if (end.kind === 'failed') {
        await failStep(db, end.stepId, 'its block failed');
      }
      await endRun(db, runId, end);
    },
  };
}

type Run = { readonly attemptToken: string; readonly output: Json };

function asObject(value: Json): JsonObject {
  return isJsonObject(value) ? value : readJsonObject('{}');
}
