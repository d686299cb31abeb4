import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  uuid4,
} from '@temporalio/workflow';
import { FOR_EACH_RUN, GATED_BLOCK_RUN, SEARCH_ATTRIBUTES } from '../domain/messages.js';
import type {
  BlockOrder,
  Blocked,
  Ended,
  ForEachOrder,
  GateEnd,
  GateOrder,
  RunEnd,
} from '../domain/orders.js';
import type { RunStatus } from '../domain/statuses.js';
import { blocksWithin } from './activities.js';
import type { IterationsEnd } from './for-each-run.js';
import type { GateAnswer } from './gated-block-run.js';
import type { Hints } from './hints.js';

/** The run that blocks belong to, and its workflow: what its gates are named and found by. */
export type Run = { readonly runId: string; readonly workflowId: string };

/** What blocks came to. */
export type BlocksRun = {
  readonly end: RunEnd;
  /** The status with which the store has ended the run besides; null while it has not said so. */
  readonly run: RunStatus | null;
  /** Resolves when the gates that were not waited for have ended, too. */
  readonly leftBehind: Promise<unknown>;
};

/** How blocks are run. */
export type Way = {
  /** Told which blocks are under way, whenever that changes. */
  readonly onChange?: (running: ReadonlySet<string>) => void;
  /** Lets the next block begin on the word that a step has ended, if the ledger agrees. */
  readonly hints?: Hints;
  /** Believes no gate's end but the store's. */
  readonly confirm?: boolean;
};

/** How often a step's hints may be refused by the ledger before only the end of its gate counts. */
const MAX_REFUSED_HINTS = 3;
/** How often a block may be refused before something must be wrong that a person has to look at. */
const MAX_REFUSALS = 20;
/** How often a child that another one has taken over is started anew. */
const MAX_CHILDREN = 5;

/**
 * Runs blocks, each as soon as those it needs have ended: the blocks of a run, or of one iteration.
 *
 * 1. A gated block runs as a child, so that an operator sees what is waited for; its workflow id is
 *    the step id with a few random characters, so that a reset can start it again. The iterations of
 *    a for_each run as a child, too.
 * 2. A block that was skipped holds nobody up: what needs it goes on without its output.
 * 3. Where a block drops the iteration nothing more of it is begun; what is under way is waited for,
 *    because the store has told it.
 * 4. The first block that fails, or is cancelled, ends them all; what still waits is cancelled.
 * 5. Nothing here is a fence. A block that began on a wrong word (a forged hint, a gate that a forged signal
 *    ended) is refused by the ledger, which names the steps in the way: their ends are waited for, and a
 *    gate that has ended all the same is run again, this time confirming its end with the store.
 */
export async function runBlocks(
  run: Run,
  blocks: readonly BlockOrder[],
  way: Way = {},
): Promise<BlocksRun> {
  const scope = new CancellationScope();
  const bySteps = new Map(blocks.map((block) => [block.stepId, block]));
  const ended = new Map<string, Promise<boolean>>();
  const underWay = new Map<string, UnderWay>();
  const toConfirm = new Set<string>();
  const running = new Set<string>();
  let end: RunEnd = { kind: 'completed' };
  let runStatus: RunStatus | null = null;
  let isDropped = false;

  /** What an end means for the others; says whether those that need the block may go on. */
  const take = (stepId: string, found: Found): boolean => {
    if (found.kind === 'gone') {
      throw found.error;
    }
    runStatus = found.run ?? runStatus;
    switch (found.end) {
      case 'completed':
      case 'skipped':
        return true;
      case 'dropped':
        isDropped = true;
        return false;
      default:
        if (end.kind === 'completed') {
          end = endOfBlocks(found.end, found.stepId ?? stepId);
        }
        scope.cancel();
        return false;
    }
  };

  const start = (block: BlockOrder): UnderWay => {
    running.add(block.blockId);
    way.onChange?.(running);
    const state: UnderWay = {
      isOver: false,
      found: attempt(block).then((found) => {
        state.isOver = true;
        running.delete(block.blockId);
        way.onChange?.(running);
        return found;
      }),
    };
    underWay.set(block.stepId, state);
    return state;
  };

  /** Runs a block until the ledger lets it; what stands in its way is seen to. */
  const attempt = async (block: BlockOrder): Promise<Found> => {
    for (let refusals = 0; refusals < MAX_REFUSALS; refusals += 1) {
      const isConfirmed = way.confirm === true || toConfirm.has(block.stepId);
      const found = await runBlock(run, block, isConfirmed);
      if (found.kind !== 'blocked') {
        return found;
      }
      for (const stepId of found.by) {
        await seeTo(block, stepId, refusals);
      }
    }
    return { kind: 'gone', error: stuck(block.stepId) };
  };

  const seeTo = async (block: BlockOrder, stepId: string, refusals: number): Promise<void> => {
    const need = bySteps.get(stepId);
    const state = underWay.get(stepId);
    if (stepId === block.stepId) {
      toConfirm.add(stepId);
    } else if (need === undefined || state === undefined) {
      throw stuck(stepId);
    } else if (state.isOver) {
      toConfirm.add(stepId);
      take(stepId, await start(need).found);
    } else if (refusals < MAX_REFUSED_HINTS) {
      await hinted(stepId, state);
    } else {
      await state.found;
    }
  };

  /** Resolves when a step's gate has ended, or word comes that the step has. */
  const hinted = (stepId: string, { found }: UnderWay): Promise<Found | null> => {
    const { hints } = way;
    return hints === undefined
      ? found
      : new Promise((resolve, reject) => {
          hints.next(stepId, () => {
            resolve(null);
          });
          found.then(resolve, reject);
        });
  };

  const goOn = async (block: BlockOrder): Promise<boolean> => {
    // However many they are: what waits for the same block begins in the order of the definition, which histories hold.
    const needs = await Promise.all(
      block.needs.map((id) => ended.get(id) ?? Promise.resolve(false)),
    );
    if (isDropped || !needs.every((goesOn) => goesOn)) {
      return false;
    }
    const state = start(block);
    const isHintable = block.gate !== null && block.iterates !== true;
    const found = await (isHintable ? hinted(block.stepId, state) : state.found);
    if (found !== null) {
      return take(block.stepId, found);
    }
    // Whatever becomes of its gate now, the ledger has the word.
    leftBehind.push(state.found.then((late) => late.kind === 'gone' || take(block.stepId, late)));
    return true;
  };

  const leftBehind: Promise<unknown>[] = [];
  await scope.run(() => {
    for (const block of blocks) {
      ended.set(block.blockId, goOn(block));
    }
    return Promise.all(ended.values());
  });
  return { end, run: runStatus, leftBehind: Promise.allSettled(leftBehind) };
}

/** How a block ended. `stepId`: the step that this is about, where it is one of the block's iterations. */
type Found =
  | (Ended<GateEnd> & { readonly stepId?: string })
  /** Its workflow was terminated, or failed by its own hand. */
  | { readonly kind: 'gone'; readonly error: Error };

/** A block that was begun: how it ended, and whether it has. */
type UnderWay = { isOver: boolean; readonly found: Promise<Found> };

function endOfBlocks(
  blockEnd: Exclude<GateEnd, 'completed' | 'skipped' | 'dropped'>,
  stepId: string,
): RunEnd {
  switch (blockEnd) {
    case 'failed':
    case 'unknown':
      return { kind: 'failed', stepId };
    case 'rejected':
    case 'stopped':
    case 'superseded':
      return { kind: 'cancelled' };
  }
}

/** Runs one block to its end; a cancellation, from whichever side, is an end too. */
async function runBlock(run: Run, block: BlockOrder, confirm: boolean): Promise<Found | Blocked> {
  try {
    const answer =
      block.gate === null
        ? await blocksWithin(block.timeoutMs).runStep(block.stepId)
        : await runGate(run, block, block.gate, confirm);
    return answer.kind === 'ended' && answer.end === 'completed' && block.iterates === true
      ? await runIterations(run, block)
      : answer;
  } catch (error) {
    if (isCancellation(error)) {
      return { kind: 'ended', end: 'stopped', run: null };
    }
    if (error instanceof GoneError) {
      return { kind: 'gone', error: error.failure };
    }
    throw error;
  }
}

function runGate(
  run: Run,
  block: BlockOrder,
  placement: GateOrder['placement'],
  confirm: boolean,
): Promise<GateAnswer> {
  const order: GateOrder = {
    step_id: block.stepId,
    placement,
    timeout_ms: block.timeoutMs,
    ...(block.opensAtOnce === true ? { at_once: true } : {}),
    ...(confirm ? { confirm } : {}),
  };
  return runChild<GateAnswer>(GATED_BLOCK_RUN, 'gate', run, block, order);
}

function runIterations(run: Run, block: BlockOrder): Promise<IterationsEnd> {
  const order: ForEachOrder = {
    run_id: run.runId,
    workflow_id: run.workflowId,
    block_id: block.blockId,
    step_id: block.stepId,
  };
  return runChild<IterationsEnd>(FOR_EACH_RUN, 'iterations', run, block, order);
}

/**
 * Runs a block's child, and again where it was told that another one has taken its step over. Where this
 * execution is the present one of its workflow, the new child takes the step back; where it is not, it was
 * terminated.
 */
async function runChild<Answer extends Ended<GateEnd> | Blocked>(
  type: string,
  what: string,
  run: Run,
  block: BlockOrder,
  order: GateOrder | ForEachOrder,
): Promise<Answer> {
  try {
    for (let children = 1; children <= MAX_CHILDREN; children += 1) {
      const answer = await executeChild<(order: GateOrder | ForEachOrder) => Promise<Answer>>(
        type,
        {
          workflowId: `${block.stepId}~${uuid4().slice(0, 8)}`,
          args: [order],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          staticSummary: `${what} of ${nameOf(run, block)}`,
          typedSearchAttributes: [
            { key: WORKFLOW, value: run.workflowId },
            { key: BLOCK, value: block.blockId },
          ],
        },
      );
      if (answer.kind !== 'ended' || answer.end !== 'superseded') {
        return answer;
      }
    }
  } catch (error) {
    if (isCancellation(error)) {
      throw error;
    }
    // Terminated, or failed by its own hand: the store still holds the review and every vote. Ending
    // here, without telling the store, leaves the run for `doctor` to start again over the ledger.
    throw new GoneError(
      ApplicationFailure.nonRetryable(
        `the ${type === GATED_BLOCK_RUN ? 'gate' : 'workflow'} of step ${block.stepId} is gone; countersign doctor --fix starts the run again`,
        'GateGone',
      ),
    );
  }
  throw new GoneError(stuck(block.stepId));
}

/** A step's name for people: its block, and the iteration it is in. */
function nameOf({ runId }: Run, { stepId }: BlockOrder): string {
  return stepId.slice(runId.length + 1);
}

/** Carries the failure of a child that is gone to where it is known whether anybody waits for it. */
class GoneError extends Error {
  override readonly name = 'GoneError';
  readonly failure: ApplicationFailure;
  constructor(failure: ApplicationFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

function stuck(stepId: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `step ${stepId} does not get on in the store, whatever its workflows do; countersign doctor --fix starts the run again`,
    'StepStuck',
  );
}

const WORKFLOW = defineSearchAttributeKey(SEARCH_ATTRIBUTES.workflow, SearchAttributeType.KEYWORD);
const BLOCK = defineSearchAttributeKey(SEARCH_ATTRIBUTES.block, SearchAttributeType.KEYWORD);
