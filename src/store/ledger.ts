import { sql } from 'kysely';
import type { BlockInput, BlockResult } from '../domain/definition.js';
import type { StepEnd } from '../domain/orders.js';
import { isStepEnded } from '../domain/statuses.js';
import { canonicalJson } from '../rules/canonical.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { findReviewOfStep } from './reviews.js';
import { droppedReason, skipSteps } from './dropped.js';
import { readJson, readJsonObject } from './stored-json.js';
import { lockRun } from './runs.js';
import { getStepContext, lockStep, readBlockInput, type StepContext } from './steps.js';
import type { ReviewRow, StepRow } from './tables.js';

/** Whether a block may be executed now. */
export type Beginning =
  | {
      readonly kind: 'begin';
      readonly attempt: number;
      readonly input: BlockInput;
      readonly context: StepContext;
    }
  /** It need not or must not be executed; `end` says what it has come to. */
  | { readonly kind: 'ended'; readonly end: StepEnd }
  /** It must not be repeated, and an earlier attempt is alive: its answer is worth waiting for. */
  | { readonly kind: 'busy' };

/**
 * Enters in the ledger that a block's execution begins, or says why it must not.
 *
 * 1. A step that has ended keeps its end: a repeat gets the stored result.
 * 2. A step that was begun and never ended is begun again only if its block is repeatable; otherwise
 *    nobody can know what it did, and it ends as UNKNOWN; unless the earlier attempt is alive still
 *    (Temporal lost sight of it, not we), which is waited for.
 * 3. Nothing begins in a run that is no longer running, but for what has been claimed already.
 * 4. Only the step's holder may begin it, where it has one; and behind a review of its input, only once
 *    the release has been claimed.
 * 5. Nothing begins in an iteration that was dropped, but for what has been claimed already. A for_each
 *    whose items are released has done its own part.
 *
 * Idempotent by the attempt's token, so that a commit whose answer was lost can be asked for again.
 *
 * @param attemptToken names this attempt; only the latest attempt may write a result
 */
export async function beginStep(
  db: Db,
  stepId: string,
  holder: string | null,
  attemptToken: string,
): Promise<Beginning> {
  const before = await getStepContext(db, stepId);
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, before.run.id);
    const step = await lockStep(tx, stepId);
    const review = await findReviewOfStep(tx, stepId);
    const context = { run, step, block: before.block };
    if (isReleased(step)) {
      return { kind: 'ended', end: 'completed' };
    }
    if (step.holder !== holder) {
      return { kind: 'ended', end: 'superseded' };
    }
    if (isStepEnded(step.status)) {
      return { kind: 'ended', end: endOf(step) };
    }
    if (step.output !== null) {
      // A result is stored together with the end of its step, or with the review it opened.
      throw new Error(`step ${stepId} has a result, and yet it was to be begun`);
    }
    if (run.status !== 'running' && (review === null || review.claimedAt === null)) {
      return { kind: 'ended', end: 'stopped' };
    }
    if (review?.placement === 'input' && review.claimedAt === null) {
      // Whatever its workflow believes: an input that nobody has released is not executed.
      return { kind: 'ended', end: 'stopped' };
    }
    const isOurs = step.attemptToken === attemptToken;
    if (step.attemptToken !== null && !isOurs && !before.block.execution.repeatable) {
      if (await isAlive(tx, stepId)) {
        return { kind: 'busy' };
      }
      await endAsUnknown(tx, step, review);
      return { kind: 'ended', end: 'unknown' };
    }
    const dropped = await droppedReason(tx, step);
    if (dropped !== null && (review === null || review.claimedAt === null)) {
      await skipSteps(tx, [stepId], dropped);
      return { kind: 'ended', end: 'skipped' };
    }
    const attempt = isOurs ? step.attempt : step.attempt + 1;
    await tx
      .updateTable('step')
      .set({
        status: 'running',
        attempt,
        attemptToken,
        aliveAt: sql`clock_timestamp()`,
        startedAt: sql`coalesce(started_at, clock_timestamp())`,
      })
      .where('id', '=', stepId)
      .execute();
    const input = await readBlockInput(tx, context);
    return { kind: 'begin', attempt, input, context };
  });
}

/** An execution that has not stamped its step for so long is taken for lost. */
const LOST_AFTER_MS = 10_000;

async function isAlive(tx: Tx, stepId: string): Promise<boolean> {
  const alive = await tx
    .selectFrom('step')
    .select('id')
    .where('id', '=', stepId)
    .where('aliveAt', '>', sql<Date>`clock_timestamp() - ${LOST_AFTER_MS} * interval '1 ms'`)
    .executeTakeFirst();
  return alive !== undefined;
}

/**
 * Notes that an attempt is still executing its block; an overtaken one notes nothing.
 *
 * @returns whether anybody may still want its answer: not where the step was closed with its run
 */
export async function stampAlive(db: Db, stepId: string, attemptToken: string): Promise<boolean> {
  const stamped = await db
    .updateTable('step')
    .set({ aliveAt: sql`clock_timestamp()` })
    .where('id', '=', stepId)
    .where('attemptToken', '=', attemptToken)
    .returning('status')
    .executeTakeFirst();
  return stamped?.status !== 'cancelled' && stamped?.status !== 'skipped';
}

/** What a finished block leaves behind; a gate's own rows are written by `write` in the same go. */
export type Finish = {
  readonly stepId: string;
  readonly attemptToken: string;
  readonly result: BlockResult;
};

/**
 * Enters a block's result in the ledger, in one transaction with what `afterwards` writes.
 *
 * @param afterwards what the result leads to: a review, or the end of the step
 * @returns null when this attempt is no longer the latest: its result is not taken
 */
export async function finishStep<T>(
  db: Db,
  finish: Finish,
  afterwards: (tx: Tx, context: StepContext) => Promise<T>,
): Promise<T | null> {
  const before = await getStepContext(db, finish.stepId);
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, before.run.id);
    const step = await lockStep(tx, finish.stepId);
    if (!isLatestAttempt(step, finish.attemptToken)) {
      await recordAudit(tx, SYSTEM, 'late_result', {
        runId: run.id,
        detail: { step_id: step.id, status: step.status },
      });
      return null;
    }
    const { output, consensus, source } = finish.result;
    const answered = await tx
      .updateTable('step')
      .set({
        output: canonicalJson(output),
        consensus: consensus === null ? null : canonicalJson(consensus),
        source,
      })
      .where('id', '=', step.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return await afterwards(tx, { run, step: answered, block: before.block });
  });
}

/**
 * Ends a step that has handed on what it should, and the review that it was executed for.
 *
 * The step of a for_each goes on: its items are released, and nobody holds it until a workflow comes
 * to run its iterations. In an iteration that was dropped meanwhile there is nothing to run.
 */
export async function completeStep(
  tx: Tx,
  step: StepRow,
  effectiveVersionId: string | null,
): Promise<StepEnd> {
  await endReview(tx, step, 'EXECUTED');
  const isForEach = step.blockType === 'for_each';
  const dropped = isForEach ? await droppedReason(tx, step) : null;
  if (dropped !== null) {
    await skipSteps(tx, [step.id], dropped);
    return 'skipped';
  }
  await tx
    .updateTable('step')
    .set(
      isForEach
        ? { status: 'running', effectiveVersionId, holder: null, holderStartedAt: null }
        : { status: 'completed', effectiveVersionId, endedAt: sql`clock_timestamp()` },
    )
    .where('id', '=', step.id)
    .execute();
  return 'completed';
}

/** Whether a step is a for_each whose items may be iterated over; it ends with its iterations. */
export function isReleased(step: Pick<StepRow, 'blockType' | 'status' | 'output'>): boolean {
  return step.blockType === 'for_each' && step.status === 'running' && step.output !== null;
}

/** What a failure of a block leads to. */
export type Failure = 'retry' | 'failed' | 'unknown' | 'skipped' | 'superseded';

/**
 * Enters that a block failed with an answer (it said so), which ends its step once its attempts are
 * used up. An attempt that was lost with its worker has given no answer and is not counted here.
 *
 * @param isSilent the block gave no answer: what must not be repeated then ends as UNKNOWN
 * @param isFinal another attempt would fail again: none is made, however many are left
 */
export async function failAttempt(
  db: Db,
  stepId: string,
  attemptToken: string,
  message: string,
  isSilent: boolean,
  isFinal = false,
): Promise<Failure> {
  const { run, block } = await getStepContext(db, stepId);
  return await inTransaction(db, async (tx) => {
    await lockRun(tx, run.id);
    const step = await lockStep(tx, stepId);
    if (!isLatestAttempt(step, attemptToken)) {
      return 'superseded';
    }
    if (isSilent && !block.execution.repeatable) {
      const review = await findReviewOfStep(tx, stepId);
      await endAsUnknown(
        tx,
        step,
        review,
        `${message} Whether it did its work cannot be known, and it must not be repeated: look for its idempotency key ${stepId} where it writes, and start a new run if it did nothing.`,
      );
      return 'unknown';
    }
    const dropped = await droppedReason(tx, step);
    if (dropped !== null) {
      await skipSteps(tx, [stepId], `${dropped} (its block failed: ${message})`);
      await endReview(tx, step, 'EXECUTED');
      return 'skipped';
    }
    const failures = step.failures + 1;
    const isLast = isFinal || !block.execution.repeatable || failures >= block.execution.attempts;
    await tx
      .updateTable('step')
      .set({
        failures,
        errorMessage: message,
        ...(isLast ? { status: 'error' as const, endedAt: sql`clock_timestamp()` } : {}),
      })
      .where('id', '=', stepId)
      .execute();
    if (isLast) {
      await endReview(tx, step, 'EXECUTED');
    }
    return isLast ? 'failed' : 'retry';
  });
}

/** Enters that a block could not even be begun, and why; a step that has ended keeps its end. */
export async function failStep(db: Db, stepId: string, message: string): Promise<void> {
  const { run } = await getStepContext(db, stepId);
  await inTransaction(db, async (tx) => {
    await lockRun(tx, run.id);
    const step = await lockStep(tx, stepId);
    if (!isStepEnded(step.status)) {
      await endInError(tx, stepId, message);
    }
  });
}

/** Ends a locked step in error, with a message for people. */
export async function endInError(tx: Tx, stepId: string, message: string): Promise<void> {
  await tx
    .updateTable('step')
    .set({ status: 'error', errorMessage: message, endedAt: sql`clock_timestamp()` })
    .where('id', '=', stepId)
    .execute();
}

function isLatestAttempt(step: StepRow, attemptToken: string): boolean {
  return step.attemptToken === attemptToken && step.output === null && !isStepEnded(step.status);
}

const LOST_WITH_ITS_WORKER =
  'The block was being executed when its worker was lost, and it must not be repeated: find out what it did, and start a new run if it did nothing.';

/** Ends a step whose outcome nobody can know, and its claimed review with it. */
export async function endAsUnknown(
  tx: Tx,
  step: StepRow,
  review: ReviewRow | null,
  message: string = LOST_WITH_ITS_WORKER,
): Promise<void> {
  await tx
    .updateTable('step')
    .set({
      status: 'error',
      outcomeUnknown: true,
      errorMessage: message,
      endedAt: sql`clock_timestamp()`,
    })
    .where('id', '=', step.id)
    .execute();
  await endReview(tx, step, 'UNKNOWN');
  await recordAudit(tx, SYSTEM, 'outcome_unknown', {
    runId: step.runId,
    ...(review === null ? {} : { reviewId: review.id }),
    detail: { step_id: step.id },
  });
}

/** Only a claimed review that is being executed has such an end; any other is left alone. */
async function endReview(tx: Tx, step: StepRow, status: 'EXECUTED' | 'UNKNOWN'): Promise<void> {
  await tx
    .updateTable('review')
    .set((eb) => ({ status, rev: eb('rev', '+', 1), endedAt: sql`clock_timestamp()` }))
    .where('stepId', '=', step.id)
    .where('status', '=', 'PROCESSING')
    .execute();
}

/** The end that a step's row tells. */
export function endOf(step: StepRow): StepEnd {
  if (step.status === 'completed') {
    return 'completed';
  }
  if (step.status === 'skipped') {
    return 'skipped';
  }
  if (step.status !== 'error') {
    return 'stopped';
  }
  return step.outcomeUnknown ? 'unknown' : 'failed';
}

/** Reads a stored result back. */
export function readResult(step: StepRow): BlockResult {
  if (step.output === null) {
    throw new Error(`step ${step.id} has no output yet`);
  }
  return {
    output: readJson(step.output),
    consensus: step.consensus === null ? null : readJsonObject(step.consensus),
    source: step.source,
  };
}
