import { randomUUID } from 'node:crypto';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { Block } from '../domain/definition.js';
import type { Caller } from '../domain/ledger.js';
import type { Blocked } from '../domain/orders.js';
import { runIdOf } from '../domain/step-ids.js';
import type { Db } from '../store/database.js';
import { endRun } from '../store/end-run.js';
import { followResult } from '../store/follow-result.js';
import type { Standing } from '../store/gates.js';
import {
  type Beginning,
  beginStep,
  failAttempt,
  type Failure,
  finishStep,
  type Follow,
  type Instantly,
  stampAlive,
  takeBackAttempt,
} from '../store/ledger.js';
import { getRun } from '../store/runs.js';
import { notTheirs } from './caller.js';
import { answerAtOnce, type BlockMeans, executeBlock, missingFor } from './execute-block.js';
import { untilStored } from './until-stored.js';

/** What running a block needs of its process. */
export type BlockRunner = BlockMeans & {
  readonly db: Db;
  /** Aborted when the worker stops and has waited for its blocks long enough. */
  readonly stopping: AbortSignal;
};

/** Blocks that need nothing from outside begin and end in one transaction. */
export const INSTANTLY: Instantly = { answer: answerAtOnce, follow: followResult };

const BEAT_EVERY_MS = 3_000;
/** Less than an attempt may be silent before it is taken for lost. */
const FRESH_FOR_MS = 5_000;
const BUSY_AGAIN_AFTER = '3s';
const MISSING_AGAIN_AFTER = '3s';

/**
 * Runs a step's block as its ledger allows, and enters what came of it together with what follows.
 *
 * While it executes it heartbeats to Temporal and stamps its step in the store. Temporal may lose
 * sight of an execution (it was away for longer than a heartbeat) and ask for another: what must not
 * be repeated is then waited for as long as it is alive, and executed by nobody else.
 */
export async function runBlock(
  runner: BlockRunner,
  stepId: string,
  caller: Caller,
): Promise<Standing | Blocked> {
  const { db } = runner;
  const attemptToken = randomUUID();
  const context = Context.current();
  const asked = new AbortController();
  const cancelled = asked.signal;
  listenForStop(context, asked);
  const stop = (): void => asked.abort(new CancelledFailure('the worker stops'));
  runner.stopping.addEventListener('abort', stop);
  const beating = setInterval(() => {
    context.heartbeat();
    stampAlive(db, stepId, attemptToken).then(
      (isWanted) => {
        if (!isWanted) {
          asked.abort(new CancelledFailure('the run was cancelled'));
        }
      },
      () => {
        // The store is away; the next beat stamps again.
      },
    );
  }, BEAT_EVERY_MS);
  try {
    const beginning = await begin(runner, { stepId, attemptToken, cancelled }, caller);
    switch (beginning.kind) {
      case 'begin':
        return await execute(runner, { stepId, attemptToken, cancelled }, beginning);
      case 'instant':
        if (beginning.isCancelling) {
          await endCancelled(db, runIdOf(stepId));
        }
        return await beginning.standing;
      case 'ended':
      case 'blocked':
        return beginning;
      case 'not_theirs':
        return notTheirs(`step ${stepId}`, caller);
      case 'busy':
        throw ApplicationFailure.create({
          type: 'StillExecuting',
          message: `an earlier attempt of step ${stepId} is still at work`,
          nextRetryDelay: BUSY_AGAIN_AFTER,
          category: 'BENIGN',
        });
      case 'waiting':
        // Temporal may give the next attempt to another worker, which has what this one lacks.
        throw ApplicationFailure.create({
          type: 'FunctionMissing',
          message: `step ${stepId} waits for a worker that has its function`,
          nextRetryDelay: MISSING_AGAIN_AFTER,
          category: 'BENIGN',
        });
    }
  } finally {
    clearInterval(beating);
    runner.stopping.removeEventListener('abort', stop);
  }
}

type Attempt = {
  readonly stepId: string;
  readonly attemptToken: string;
  readonly cancelled: AbortSignal;
};

/**
 * Enters that the block begins. Who is stopped or overtaken before the block is called takes that back.
 *
 * An answer of the store that was long on its way is asked for once more, where the block must not be repeated:
 * meanwhile another attempt may have taken this one for lost, and entered that its outcome is unknown.
 */
async function begin(runner: BlockRunner, attempt: Attempt, caller: Caller): Promise<Beginning> {
  const { db, functions } = runner;
  const { stepId, attemptToken, cancelled } = attempt;
  const missing = (block: Block): string | null => missingFor(block, functions);
  let asked = 0;
  let askedAt = 0;
  const ask = async (): Promise<Beginning> =>
    await untilStored(() => {
      asked += 1;
      askedAt = performance.now();
      return beginStep(db, stepId, caller, attemptToken, missing, INSTANTLY);
    }, cancelled);
  const isFresh = ({ kind }: Beginning): boolean =>
    kind !== 'begin' || performance.now() - askedAt < FRESH_FOR_MS;
  try {
    const first = await ask();
    const isRepeatable = first.kind === 'begin' && first.context.block.execution.repeatable;
    const beginning = isRepeatable || isFresh(first) ? first : await ask();
    if (beginning.kind === 'begin') {
      cancelled.throwIfAborted();
    } else if (asked > 1) {
      // The ledger may have let it begin before it said something else.
      await takeBack(runner, attempt);
    }
    return beginning;
  } catch (error) {
    if (cancelled.aborted) {
      await takeBack(runner, attempt);
    }
    throw error;
  }
}

/** Enters that a block was not called after all; a run whose cancellation waits for it is ended. */
async function takeBack(
  { db, stopping }: BlockRunner,
  { stepId, attemptToken }: Attempt,
): Promise<void> {
  await untilStored(async () => {
    await takeBackAttempt(db, stepId, attemptToken);
    await endCancelled(db, runIdOf(stepId));
  }, stopping);
}

async function execute(
  runner: BlockRunner,
  own: Attempt,
  beginning: Extract<Beginning, { kind: 'begin' }>,
): Promise<Standing> {
  const { db, ...means } = runner;
  const { stepId, attemptToken, cancelled } = own;
  const { context, input, attempt } = beginning;
  const activity = Context.current();
  const execution = await executeBlock(context.block, input, means, {
    stepId,
    runId: context.run.id,
    attempt,
    isInIteration: context.step.iterationKey !== null,
    cancelled,
    heartbeat: () => activity.heartbeat(),
  });
  if (execution.kind === 'uncalled') {
    await takeBack(runner, own);
    throw new CancelledFailure('the execution was cancelled before its block was called');
  }
  if (execution.kind === 'result') {
    const finish = { stepId, attemptToken, result: execution.result };
    let isCancelling = false;
    const follow: Follow = async (tx, now) => {
      isCancelling = now.run.status === 'cancelling';
      return await followResult(tx, now);
    };
    const written = await untilStored(() => finishStep(db, finish, follow), cancelled);
    switch (written) {
      case 'stopped':
        return { kind: 'ended', end: 'stopped', run: null };
      case 'late':
        return overtaken();
      default:
        if (isCancelling) {
          await endCancelled(db, context.run.id);
        }
        return written;
    }
  }
  const isSilent = execution.kind === 'silence';
  const isFinal = execution.kind === 'failure' && execution.isFinal;
  const hasRun = execution.kind === 'silence' || execution.hasRun;
  const fail = (): Promise<Failure> =>
    failAttempt(db, stepId, attemptToken, execution.message, isSilent, isFinal, hasRun);
  // A repeatable block is executed again without the failure; entered twice it would cost two attempts.
  const failure = context.block.execution.repeatable
    ? await fail()
    : await untilStored(fail, cancelled);
  if (failure === 'late') {
    return overtaken();
  }
  if (failure === 'retry') {
    const waitMs = execution.kind === 'failure' ? execution.retryAfterMs : null;
    throw ApplicationFailure.create({
      type: 'BlockFailed',
      message: `attempt ${attempt} of step ${stepId} failed; the store has its message`,
      category: 'BENIGN',
      ...(waitMs === null ? {} : { nextRetryDelay: waitMs }),
    });
  }
  await endCancelled(db, context.run.id);
  return { kind: 'ended', end: failure, run: null };
}

/** Ends a run whose cancellation has waited for what was being executed. */
async function endCancelled(db: Db, runId: string): Promise<void> {
  if ((await getRun(db, runId)).status === 'cancelling') {
    await endRun(db, runId, { kind: 'cancelled' });
  }
}

/** Has the activity asked for again: the ledger then says what has become of the step. */
function overtaken(): never {
  throw ApplicationFailure.create({
    type: 'AnswerOvertaken',
    message: 'another attempt, or the end of the step, came first; the ledger has to be read again',
    category: 'BENIGN',
  });
}

/**
 * Stops the execution when Temporal says so: the run was cancelled, or the worker shuts down.
 *
 * An activity also counts as cancelled when Temporal has forgotten it or timed it out, which says
 * nothing of whether its block should go on: the ledger rules on that. (It has forgotten it once the
 * workflow has ended, so that most cancellations are heard of by the next stamp; and what it has
 * forgotten it does not tell of the worker's end either, so that the worker does.)
 */
function listenForStop(context: Context, asked: AbortController): void {
  context.cancelled.catch((reason: unknown) => {
    const details = context.cancellationDetails;
    const isForgotten =
      details !== undefined &&
      (details.notFound || details.timedOut) &&
      !details.cancelRequested &&
      !details.workerShutdown;
    if (!isForgotten) {
      asked.abort(reason instanceof Error ? reason : new CancelledFailure('cancelled'));
    }
  });
}
