import { sql } from 'kysely';
import type { Block, BlockInput, BlockResult } from '../domain/definition.js';
import {
  type Caller,
  endOfStep,
  isIterating,
  mayTakeBack,
  ruleOnBegin,
  ruleOnFinish,
} from '../domain/ledger.js';
import type { Blocked, Ended, StepEnd } from '../domain/orders.js';
import { hasEnded, isStepEnded, type RunStatus } from '../domain/statuses.js';
import { canonicalForm, canonicalJson } from '../rules/canonical.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { droppedReason, skipSteps } from './dropped.js';
import type { Standing } from './gates.js';
import { lockLedger, lockLedgerWithInput } from './locked-step.js';
import { readJson, readJsonObject } from './stored-json.js';
import { lockRun } from './runs.js';
import { skipWhereNothingCame } from './skipped-needs.js';
import { getStepContext, lockStep, type StepContext } from './steps.js';
import { Statement } from './statement.js';
import type { ReviewRow, RunRow, StepRow } from './tables.js';

/** Whether a block may be executed now. */
export type Beginning =
  | {
      readonly kind: 'begin';
      readonly attempt: number;
      readonly input: BlockInput;
      readonly context: StepContext;
    }
  /** It has been executed in the transaction that began it, and this is what followed. */
  | Instant
  /** It need not or must not be executed; `end` says what it has come to. */
  | Ended
  /** Steps that it needs have not ended. */
  | Blocked
  /** It must not be repeated, and an earlier attempt is alive: its answer is worth waiting for. */
  | { readonly kind: 'busy' }
  /** Nothing stands in its way but that this worker cannot execute it; the step says what is missing. */
  | { readonly kind: 'waiting' }
  /** The caller has no business with this step. */
  | { readonly kind: 'not_theirs' };

/** What followed from the result of a block that was executed in the transaction that began it. */
export type Instant = {
  readonly kind: 'instant';
  /** Known once the transaction has committed. */
  readonly standing: Promise<Standing>;
  /** Its run is being cancelled, and waits for what is executed. */
  readonly isCancelling: boolean;
};

/** What executes blocks at once which need nothing from outside: they begin and end in one transaction. */
export type Instantly = {
  /** What a block answers; null where it has to be executed in the ordinary way. */
  readonly answer: (block: Block, input: BlockInput, isInIteration: boolean) => BlockResult | null;
  readonly follow: Follow;
};

/** Does in the transaction of a result what follows from it. */
export type Follow<T = Standing> = (tx: Tx, context: FinishedStep) => Promise<T>;

/** A step whose result is known, and the review that it has already. */
export type FinishedStep = StepContext & {
  readonly step: ChangedStep;
  readonly review: ReviewRow | null;
};

/**
 * A step's row as it will be. What follows from a change writes the columns in `unwritten` with its own: a row
 * that is written once has one version, one entry in each index and one look of its triggers.
 */
export type ChangedStep = StepRow & { readonly unwritten?: StepChanges };

/** Columns of a step's row, with the values that they will have. */
export type StepChanges = Partial<Omit<StepRow, 'id'>>;

/**
 * Enters in the ledger that a block's execution begins, or says why it must not (see `ruleOnBegin`).
 *
 * The first block that begins makes its run `running`. What this worker cannot execute is not begun and uses
 * no attempt; the step says what it waits for. Idempotent by the attempt's token, so that a
 * commit whose answer was lost can be asked for again.
 *
 * @param attemptToken names this attempt; only the latest attempt may write a result
 * @param missing what this worker lacks for a block, and what to do about it; null when it has everything
 * @param instantly executes at once what needs nothing from outside
 */
export async function beginStep(
  db: Db,
  stepId: string,
  caller: Caller,
  attemptToken: string,
  missing: (block: Block) => string | null = () => null,
  instantly: Instantly | null = null,
): Promise<Beginning> {
  return await inTransaction(db, async (tx) => {
    const locked = await lockLedgerWithInput(tx, stepId);
    const { run, step, review, block, ledgerRun, ledgerStep, needs, input } = locked;
    const context = { run, step, block };
    const isUnreviewed = ledgerStep.gate === 'input' && review === null;
    const inputHash = isUnreviewed ? hashOfInput(input) : null;
    const ruling = ruleOnBegin(ledgerRun, ledgerStep, needs, { caller, attemptToken, inputHash });
    switch (ruling.kind) {
      case 'begin': {
        if (review === null && (await skipWhereNothingCame(tx, context, input))) {
          return { kind: 'ended', end: 'skipped', run: await completeRunIfDone(tx, run, step) };
        }
        const waitingFor = missing(block);
        if (waitingFor !== null) {
          if (run.status !== 'running' && run.status !== 'pending') {
            return { kind: 'ended', end: 'stopped', run: endedStatus(run) };
          }
          markRunning(tx, run);
          await tx.updateTable('step').set({ waitingFor }).where('id', '=', stepId).execute();
          return { kind: 'waiting' };
        }
        const attempt = ruling.isRepeat ? step.attempt : step.attempt + 1;
        markRunning(tx, run);
        // A gate on the output is opened by who takes its step: asked again, that one finds the review.
        const isAtOnce = instantly !== null && block.review?.placement !== 'output';
        const result = isAtOnce ? instantly.answer(block, input, step.iterationKey !== null) : null;
        if (isAtOnce && result !== null) {
          const given = { attempt, attemptToken, result };
          return await runAtOnce(tx, locked, given, instantly.follow);
        }
        tx.withCommit(attemptBegins.all(tx, { id: stepId, attempt, attemptToken }));
        return { kind: 'begin', attempt, input, context };
      }
      case 'lost':
        await endAsUnknown(tx, step, review);
        return { kind: 'ended', end: 'unknown', run: null };
      case 'dropped':
        await skipSteps(tx, [stepId], locked.droppedReason ?? 'its iteration was dropped');
        return { kind: 'ended', end: 'skipped', run: null };
      case 'ended':
        return { ...ruling, run: endedStatus(run) };
      case 'blocked':
      case 'busy':
      case 'not_theirs':
        return ruling;
    }
  });
}

/** Begins and ends a locked step that the ledger lets begin, with what follows from its result. */
export async function runAtOnce(
  tx: Tx,
  { run, step, block, review }: FinishedStep,
  given: { readonly attempt: number; readonly attemptToken: string; readonly result: BlockResult },
  follow: Follow,
): Promise<Instant> {
  const { result, ...attempt } = given;
  const entered = { ...attempt, ...answerColumns(result), waitingFor: null };
  const standing = follow(tx, { run, step: changed(step, entered), block, review });
  // A step that just ends is one message; a review, or a loop, is looked into first.
  if (block.review?.placement === 'output' || block.type === 'for_each') {
    await standing;
  } else {
    tx.withCommit(standing);
  }
  return { kind: 'instant', standing, isCancelling: run.status === 'cancelling' };
}

/** A result as the row of its step holds it. */
export function answerColumns({ output, consensus, source }: BlockResult) {
  return {
    output: canonicalJson(output),
    consensus: consensus === null ? null : canonicalJson(consensus),
    source,
  };
}

/** A locked step's row with columns that whatever follows will write. */
export function changed(step: ChangedStep, columns: StepChanges): ChangedStep {
  return { ...step, ...columns, unwritten: { ...step.unwritten, ...columns } };
}

/** Writes what is unwritten of a step, where nothing follows that would. */
export async function writeChanges(tx: Tx, { id, unwritten }: ChangedStep): Promise<void> {
  if (unwritten !== undefined) {
    await stepChanges.all(tx, { id, ...unwritten });
  }
}

const stepChanges = new Statement((db, { id, ...columns }: StepChanges & { readonly id: string }) =>
  db.updateTable('step').set(columns).where('id', '=', id),
);

type Attempt = Pick<StepRow, 'id' | 'attempt' | 'attemptToken'>;

const attemptBegins = new Statement((db, { id, ...attempt }: Attempt) =>
  db
    .updateTable('step')
    .set({
      status: 'running',
      ...attempt,
      waitingFor: null,
      aliveAt: sql`clock_timestamp()`,
      startedAt: sql`coalesce(started_at, clock_timestamp())`,
    })
    .where('id', '=', id),
);

/** Marks a locked run as begun, with its first step. */
export function markRunning(tx: Tx, run: RunRow): void {
  if (run.status === 'pending') {
    tx.withCommit(runBegins.all(tx, { id: run.id }));
  }
}

const runBegins = new Statement((db, { id }: { readonly id: string }) =>
  db
    .updateTable('run')
    .set({ status: 'running', startedAt: sql`clock_timestamp()` })
    .where('id', '=', id),
);

/** The status of a run that has ended; null for one that goes on. */
export function endedStatus({ status }: Pick<RunRow, 'status'>): RunStatus | null {
  return hasEnded(status) ? status : null;
}

/** The hash of what a block would be given, by which "nobody need be asked" holds for exactly this input. */
export function hashOfInput(input: BlockInput): string {
  return canonicalForm({ ...input }).sha256;
}

/** Keeps on record that a gate on the input asked nobody for exactly this input. */
export async function waiveInput(tx: Tx, stepId: string, input: BlockInput): Promise<void> {
  await tx
    .updateTable('step')
    .set({ waivedInputSha256: hashOfInput(input) })
    .where('id', '=', stepId)
    .execute();
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

/**
 * Takes back that a block begins, which its attempt was stopped from calling (see `mayTakeBack`). Who asks
 * next begins it, where an attempt that is lost would leave an unknown outcome.
 */
export async function takeBackAttempt(db: Db, stepId: string, attemptToken: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { ledgerStep } = await lockLedger(tx, stepId);
    if (mayTakeBack(ledgerStep, attemptToken)) {
      await tx
        .updateTable('step')
        .set({ status: 'pending', attempt: 0, attemptToken: null, aliveAt: null })
        .where('id', '=', stepId)
        .execute();
    }
  });
}

/** The result of one attempt to execute a step's block. */
export type Finish = {
  readonly stepId: string;
  readonly attemptToken: string;
  readonly result: BlockResult;
};

/**
 * Enters a block's result in the ledger, in one transaction with what `afterwards` writes.
 *
 * @param afterwards what the result leads to: a review, or the end of the step. It writes the result with
 *   that (see `ChangedStep`)
 * @returns `late` when this attempt is no longer the latest, or the step has ended: its result is not
 *   taken. `stopped`: its run is being cancelled, so that nothing may follow from the result
 */
export async function finishStep<T>(
  db: Db,
  finish: Finish,
  afterwards: Follow<T>,
): Promise<T | 'late' | 'stopped'> {
  return await inTransaction(db, async (tx) => {
    const { run, step, block, review, ledgerRun, ledgerStep } = await lockLedger(tx, finish.stepId);
    const ruling = ruleOnFinish(ledgerRun, ledgerStep, finish.attemptToken);
    if (ruling !== 'store') {
      await recordAudit(tx, SYSTEM, 'late_result', {
        runId: run.id,
        detail: { step_id: step.id, status: step.status },
      });
      return ruling;
    }
    const answered = changed(step, answerColumns(finish.result));
    return await afterwards(tx, { run, step: answered, block, review });
  });
}

/**
 * Ends a step that has handed on what it should, the review that it was executed for (`endsReview`), and the
 * run if this was its last step.
 *
 * The step of a for_each goes on: its items are released, and its gate holds it, so that it is told, until
 * a workflow comes to run its iterations. In an iteration that was dropped meanwhile there is nothing to run.
 */
export async function completeStep(
  tx: Tx,
  run: RunRow,
  step: ChangedStep,
  effectiveVersionId: string | null,
  endsReview = true,
): Promise<Ended> {
  const isForEach = step.blockType === 'for_each';
  const dropped = isForEach ? await droppedReason(tx, step) : null;
  if (dropped !== null) {
    await endReview(tx, step, 'EXECUTED');
    await writeChanges(tx, step);
    await skipSteps(tx, [step.id], dropped);
    return { kind: 'ended', end: 'skipped', run: null };
  }
  const written = { id: step.id, ...step.unwritten, effectiveVersionId };
  const [, , ended] = await Promise.all([
    endsReview ? endReview(tx, step, 'EXECUTED') : null,
    isForEach
      ? stepGoesOn.all(tx, { ...written, status: 'running' })
      : stepCompleted.all(tx, written),
    completeRunIfDone(tx, run, step),
  ]);
  return { kind: 'ended', end: 'completed', run: ended };
}

type WrittenStep = StepChanges & { readonly id: string };

/** Writes a step that has begun and goes on: its gate waits, or its items are released. */
export const stepGoesOn = new Statement((db, { id, ...columns }: WrittenStep) =>
  db
    .updateTable('step')
    .set({ ...columns, startedAt: sql`coalesce(started_at, clock_timestamp())` })
    .where('id', '=', id),
);

const stepCompleted = new Statement((db, { id, ...columns }: WrittenStep) =>
  db
    .updateTable('step')
    .set({
      ...columns,
      status: 'completed',
      startedAt: sql`coalesce(started_at, clock_timestamp())`,
      endedAt: sql`clock_timestamp()`,
    })
    .where('id', '=', id),
);

/**
 * Completes a locked run if the step that has just ended was its last one, and audits that.
 *
 * @returns the status of a run that has ended now; null while it goes on
 */
export async function completeRunIfDone(
  tx: Tx,
  run: RunRow,
  step: Pick<StepRow, 'parentStepId'>,
): Promise<RunStatus | null> {
  if (step.parentStepId !== null || run.status === 'cancelling') {
    return null;
  }
  return (await runEnds.first(tx, { runId: run.id }))?.status ?? null;
}

const runEnds = new Statement(
  (_, { runId }: { readonly runId: string }) => sql<{ status: RunStatus }>`
    with ended as (
      update run set status = 'completed', ended_at = clock_timestamp(),
             started_at = coalesce(started_at, clock_timestamp())
       where id = ${runId} and status in ('pending', 'running')
         and not exists (select 1 from step where run_id = ${runId} and parent_step_id is null
                            and status not in ('completed', 'skipped'))
      returning id, project_id, status),
    told as (
      insert into audit (project_id, action, actor_id, run_id, detail)
      select project_id, 'run_ended', ${SYSTEM.id}, id, jsonb_build_object('status', status) from ended)
    select status from ended`,
);

/** What a failure of a block leads to. */
export type Failure = 'retry' | 'failed' | 'unknown' | 'skipped' | 'late';

/**
 * Enters that a block failed with an answer (it said so), which ends its step once its attempts are
 * used up. An attempt that was lost with its worker has given no answer and is not counted here.
 *
 * @param isSilent the block gave no answer: what must not be repeated then ends as UNKNOWN
 * @param isFinal another attempt would fail again: none is made, however many are left
 * @param hasRun the block was begun; where no attempt ever was, its review does not say that it was executed
 */
export async function failAttempt(
  db: Db,
  stepId: string,
  attemptToken: string,
  message: string,
  isSilent: boolean,
  isFinal = false,
  hasRun = true,
): Promise<Failure> {
  return await inTransaction(db, async (tx) => {
    const { step, block, review } = await lockLedger(tx, stepId);
    if (!isLatestAttempt(step, attemptToken)) {
      return 'late';
    }
    if (isSilent && !block.execution.repeatable) {
      await endAsUnknown(
        tx,
        step,
        review,
        `${message} Whether it did its work cannot be known, and it must not be repeated: look for its idempotency key ${stepId} where it writes, then settle the step (countersign step settle) and retry the run.`,
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
    // An attempt that was lost with its worker has told nothing, and may have run.
    const hasEverRun = hasRun || step.hasRun || step.attempt > failures;
    const isLast = isFinal || !block.execution.repeatable || failures >= block.execution.attempts;
    await tx
      .updateTable('step')
      .set({
        failures,
        errorMessage: message,
        hasRun: hasEverRun,
        ...(isLast ? { status: 'error' as const, endedAt: sql`clock_timestamp()` } : {}),
      })
      .where('id', '=', stepId)
      .execute();
    if (isLast && hasEverRun) {
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
  'The block was being executed when its worker was lost, and it must not be repeated: find out what it did, then settle the step (countersign step settle) and retry the run.';

/** Ends a step whose outcome nobody can know, and its released review with it. */
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

/** Only a released review that is being executed has such an end; any other is left alone. */
async function endReview(tx: Tx, step: StepRow, status: 'EXECUTED' | 'UNKNOWN'): Promise<void> {
  await tx
    .updateTable('review')
    .set((eb) => ({ status, rev: eb('rev', '+', 1), endedAt: sql`clock_timestamp()` }))
    .where('stepId', '=', step.id)
    .where('status', '=', 'PROCESSING')
    .execute();
}

/** Whether a step is a for_each whose items may be iterated over; it ends with its iterations. */
export function isIteratingStep(step: Pick<StepRow, 'blockType' | 'status' | 'output'>): boolean {
  return isIterating({
    isForEach: step.blockType === 'for_each',
    status: step.status,
    hasResult: step.output !== null,
  });
}

/** The end that a step's row tells. */
export function endOf(step: StepRow): StepEnd {
  return endOfStep({ status: step.status, isOutcomeUnknown: step.outcomeUnknown });
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
