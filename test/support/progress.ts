import { randomUUID } from 'node:crypto';
import type { Predicate } from '../../src/domain/definition.js';
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.js';
import type { RunEnd } from '../../src/domain/orders.js';
import type { Db } from '../../src/store/database.js';
import { endRun } from '../../src/store/end-run.js';
import { claimRelease, openInputReview, openReview, takeStep } from '../../src/store/gates.js';
import { beginIterations } from '../../src/store/iterations.js';
import { beginStep, completeStep, finishStep } from '../../src/store/ledger.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import { beginRun } from '../../src/store/runs.js';
import { readJsonObject } from '../../src/store/stored-json.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import {
  createSteps,
  getDefinition,
  getStepContext,
  readBlockInput,
} from '../../src/store/steps.js';
import type { ReviewRow } from '../../src/store/tables.js';

/** Does to the store what a run's workflows would have done, without Temporal. */
export type Progress = {
  /** Begins a run and writes its steps. */
  begin(runId: string): Promise<void>;
  /** Runs a gated block and opens its review, on the output or on the input as its gate says. */
  openReview(runId: string, blockId: string, firing?: Partial<Fired>): Promise<ReviewRow>;
  /** Runs a block that has no gate to its end. */
  complete(runId: string, blockId: string): Promise<void>;
  /** Writes the iterations of a for_each whose items are released, by its step. */
  iterate(stepId: string): Promise<void>;
  /** Claims the release of a decided review; says what the store answers. */
  claim(review: Pick<ReviewRow, 'id' | 'stepId'>): ReturnType<typeof claimRelease>;
  end(runId: string, end: RunEnd): Promise<void>;
};

export type Fired = {
  readonly predicate: Predicate;
  readonly because: string;
  readonly snapshot: JsonObject;
};

/** When the workflows that hold steps are said to have begun. */
const STARTED_AT = '2026-05-13T08:00:00.000Z';

/** Makes what moves the runs of one database. */
export function createProgress(db: Db): Progress {
  const holderOf = (stepId: string): string => `${stepId}-holder`;

  const run = async (stepId: string, holder: string | null): Promise<Run> => {
    const attemptToken = randomUUID();
    const beginning = await beginStep(db, stepId, holder, attemptToken);
    if (beginning.kind !== 'begin') {
      throw new Error(`step ${stepId} does not begin: ${beginning.kind}`);
    }
    const { input, blocks } = beginning.input;
    return { attemptToken, output: input ?? Object.values(blocks)[0] ?? null };
  };

  return {
    begin: async (runId) => {
      const begun = await beginRun(db, runId);
      await createSteps(db, begun, await getDefinition(db, begun.workflowVersionId));
    },
    openReview: async (runId, blockId, fired = {}) => {
      const stepId = stepIdOf(runId, blockId);
      const context = await getStepContext(db, stepId);
      const gate = context.block.review;
      if (gate === null) {
        throw new Error(`block ${blockId} has no gate`);
      }
      const holder = holderOf(stepId);
      await takeStep(db, stepId, { workflowId: holder, startedAt: STARTED_AT });
      const firing = (snapshot: Json): Parameters<typeof openReview>[3] => ({
        triggeredBy: fired.predicate ?? gate.predicate,
        because: fired.because ?? 'the gate asks for a review every time',
        snapshot: fired.snapshot ?? asObject(snapshot),
      });
      if (gate.placement === 'input') {
        const { input } = await readBlockInput(db, context);
        await openInputReview(db, stepId, holder, gate, firing(input));
      } else {
        const { attemptToken, output } = await run(stepId, holder);
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
      const { attemptToken, output } = await run(stepId, null);
      const result = { output, consensus: null, source: null };
      await finishStep(db, { stepId, attemptToken, result }, (tx, { step }) =>
        completeStep(tx, step, null),
      );
    },
    iterate: async (stepId) => {
      const holder = { workflowId: holderOf(stepId), startedAt: STARTED_AT };
      await beginIterations(db, stepId, holder);
    },
    claim: async ({ stepId }) => {
      const review = await findReviewOfStep(db, stepId);
      return await claimRelease(db, {
        stepId,
        holder: holderOf(stepId),
        status: review?.status ?? 'PENDING',
        versionId: review?.decisionVersionId ?? null,
      });
    },
    end: async (runId, end) => {
      await endRun(db, runId, end);
    },
  };
}

type Run = { readonly attemptToken: string; readonly output: Json };

function asObject(value: Json): JsonObject {
  return isJsonObject(value) ? value : readJsonObject('{}');
}
