import {
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { BlockOrder, ForEachOrder, IterationPlan, StepEnd } from '../domain/orders.js';
import { iterationKeyOf, stepIdOf } from '../domain/step-ids.js';
import { iterations, store } from './activities.js';
import { type BlocksEnd, runBlocks } from './run-blocks.js';

/** How many iterations of one for_each are under way at once. */
const MAX_IN_FLIGHT = 100;
/** Temporal takes 2,000 pending children, and as many activities, of one workflow. */
const MAX_PENDING = 1_900;
/** Of the 51,200 events that a history may have; iterations under way still add theirs. */
const FULL_HISTORY = 15_000;

/**
 * Runs the body of a for_each for each of its items, and completes its step with what came of them.
 *
 * 1. The store writes the iterations and says which have not ended, so that a reset, a restart and
 *    continue-as-new all go on where the ledger is.
 * 2. A limited number is under way at once; the next begins when one has ended.
 * 3. The first iteration that fails, or is cancelled, ends them all, and the run with them.
 * 4. When its history has grown it begins no more, waits for those under way, and continues as new.
 * 5. It keeps nothing of the items: ids, places and verdicts only.
 */
export async function forEachRun(order: ForEachOrder): Promise<BlocksEnd> {
  const { workflowId } = workflowInfo();
  try {
    const end = await runAll(order);
    if (end !== 'superseded' && end.kind === 'cancelled' && isBeingCancelled()) {
      throw new CancelledFailure('the run is being cancelled');
    }
    return end;
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    // Also cancelled where another workflow took its step over; that must not look like the run's end.
    const isHolder = await CancellationScope.nonCancellable(() =>
      store.isHolder({ stepId: order.step_id, holder: workflowId }),
    );
    if (!isHolder) {
      return 'superseded';
    }
    throw error;
  }
}

function isBeingCancelled(): boolean {
  return CancellationScope.current().consideredCancelled;
}

async function runAll(order: ForEachOrder): Promise<BlocksEnd> {
  const { workflowId, startTime } = workflowInfo();
  const stepId = order.step_id;
  const holder = { workflowId, startedAt: startTime.toISOString() };
  const begun = await iterations.beginIterations({ stepId, holder });
  if (begun.kind === 'ended') {
    return endOf(begun.end, stepId);
  }
  const found = await runIterations(order, begun.plan);
  if (found === 'full') {
    return await continueAsNew<typeof forEachRun>(order);
  }
  return found === 'superseded' || found.kind !== 'completed'
    ? found
    : endOf(await iterations.endIterations({ stepId, holder: workflowId }), stepId);
}

/** What the end of the for_each's own step means for the run. */
function endOf(end: StepEnd, stepId: string): BlocksEnd {
  switch (end) {
    case 'completed':
    case 'skipped':
      return { kind: 'completed' };
    case 'failed':
    case 'unknown':
      return { kind: 'failed', stepId };
    case 'stopped':
      return { kind: 'cancelled' };
    case 'superseded':
      return 'superseded';
  }
}

/** Runs the iterations that have not ended, a limited number at once; `full`: some are left to begin. */
async function runIterations(
  order: ForEachOrder,
  plan: IterationPlan,
): Promise<BlocksEnd | 'full'> {
  const run = { runId: order.run_id, workflowId: order.workflow_id };
  const waiting = [...plan.unended];
  const underWay = new Set<string>();
  const scope = new CancellationScope();
  let end: BlocksEnd = { kind: 'completed' };
  let begunHere = 0;

  const isFull = (): boolean => {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    return (
      historyLength >= (order.full_history ?? FULL_HISTORY) ||
      (continueAsNewSuggested && underWay.size === 0 && begunHere > 0)
    );
  };
  const lane = async (): Promise<void> => {
    while (end !== 'superseded' && end.kind === 'completed' && !isFull()) {
      const place = waiting.shift();
      if (place === undefined) {
        return;
      }
      const key = iterationKeyOf(plan.iterationKey, place);
      begunHere += 1;
      underWay.add(key);
      setCurrentDetails(`at iteration ${[...underWay].join(', ')}; ${waiting.length} to begin`);
      const found = await runBlocks(run, blocksOf(order, plan, key), () => {});
      underWay.delete(key);
      if (found === 'superseded' || found.kind !== 'completed') {
        if (isCompleted(end)) {
          end = found;
        }
        scope.cancel();
        return;
      }
    }
  };

  await scope.run(async () => {
    const lanes = Math.min(MAX_IN_FLIGHT, Math.floor(MAX_PENDING / plan.blocks.length));
    await Promise.all(Array.from({ length: lanes }, lane));
  });
  return isCompleted(end) && waiting.length > 0 ? 'full' : end;
}

function isCompleted(end: BlocksEnd): boolean {
  return end !== 'superseded' && end.kind === 'completed';
}

function blocksOf(order: ForEachOrder, plan: IterationPlan, key: string): readonly BlockOrder[] {
  return plan.blocks.map((block) => ({
    ...block,
    stepId: stepIdOf(order.run_id, block.blockId, key),
  }));
}
