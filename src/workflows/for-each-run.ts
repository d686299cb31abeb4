import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { isJsonObject } from '../domain/json.js';
import type {
  BlockOrder,
  Blocked,
  Ended,
  ForEachOrder,
  IterationPlan,
  RunEnd,
} from '../domain/orders.js';
import { iterationKeyOf, stepIdOf } from '../domain/step-ids.js';
import { iterations } from './activities.js';
import { runBlocks } from './run-blocks.js';

/** How many iterations of one for_each are under way at once. */
const MAX_IN_FLIGHT = 100;
/** Temporal takes 2,000 pending children, and as many activities, of one workflow. */
const MAX_PENDING = 1_900;
/** Of the 51,200 events that a history may have; iterations under way still add theirs. */
const FULL_HISTORY = 15_000;

/** How the iterations of a for_each ended. `stepId`: the step that failed, where it is one of theirs. */
export type IterationsEnd = (Ended & { readonly stepId?: string }) | Blocked;

/**
 * Runs the body of a for_each for each of its items, and completes its step with what came of them.
 *
 * 1. The store writes the iterations and says which have not ended, so that a reset, a restart and
 *    continue-as-new all go on where the ledger is.
 * 2. A limited number is under way at once; the next begins when one has ended.
 * 3. The first iteration that fails, or is cancelled, ends them all, and the run with them.
 * 4. When its history has grown it begins no more, waits for those under way, and continues as new.
 * 5. The store completes the step only when every iteration has ended. Those that have not, whatever their
 *    gates said, are gone through again, this time confirming every end with the store.
 * 6. It keeps nothing of the items: ids, places and verdicts only.
 */
export async function forEachRun(order: ForEachOrder): Promise<IterationsEnd> {
  if (!isJsonObject(order)) {
    // The payload converter reads as null what it cannot decode.
    throw ApplicationFailure.nonRetryable(
      'The order cannot be read: start runs with POST /v1/workflows/runs.',
      'OrderUnreadable',
    );
  }
  const stepId = order.step_id;
  let confirm = false;
  for (;;) {
    const begun = await iterations.beginIterations(stepId);
    if (begun.kind !== 'begun') {
      return begun;
    }
    const found = await runIterations(order, begun.plan, confirm);
    if (found === 'full') {
      return await continueAsNew<typeof forEachRun>(order);
    }
    if (found.kind === 'cancelled' && CancellationScope.current().consideredCancelled) {
      throw new CancelledFailure('the run is being cancelled');
    }
    if (found.kind !== 'completed') {
      return endedAs(found);
    }
    const ended = await iterations.endIterations(stepId);
    if (ended.kind === 'ended') {
      return ended;
    }
    confirm = true;
  }
}

function endedAs(end: Exclude<RunEnd, { kind: 'completed' }>): IterationsEnd {
  return end.kind === 'failed'
    ? { kind: 'ended', end: 'failed', run: null, stepId: end.stepId }
    : { kind: 'ended', end: 'stopped', run: null };
}

/** Runs the iterations that have not ended, a limited number at once; `full`: some are left to begin. */
async function runIterations(
  order: ForEachOrder,
  plan: IterationPlan,
  confirm: boolean,
): Promise<RunEnd | 'full'> {
  const run = { runId: order.run_id, workflowId: order.workflow_id };
  const waiting = [...plan.unended];
  const underWay = new Set<string>();
  const scope = new CancellationScope();
  let end: RunEnd = { kind: 'completed' };
  let begunHere = 0;

  const isFull = (): boolean => {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    return (
      historyLength >= (order.full_history ?? FULL_HISTORY) ||
      (continueAsNewSuggested && underWay.size === 0 && begunHere > 0)
    );
  };
  const lane = async (): Promise<void> => {
    while (isCompleted(end) && !isFull()) {
      const place = waiting.shift();
      if (place === undefined) {
        return;
      }
      const key = iterationKeyOf(plan.iterationKey, place);
      begunHere += 1;
      underWay.add(key);
      setCurrentDetails(`at iteration ${[...underWay].join(', ')}; ${waiting.length} to begin`);
      const { end: found } = await runBlocks(run, blocksOf(order, plan, key), { confirm });
      underWay.delete(key);
      if (found.kind !== 'completed') {
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

/** Asked anew each time: the compiler would take what one lane has read for what others have left. */
function isCompleted(end: RunEnd): boolean {
  return end.kind === 'completed';
}

function blocksOf(order: ForEachOrder, plan: IterationPlan, key: string): readonly BlockOrder[] {
  return plan.blocks.map((block) => ({
    ...block,
    stepId: stepIdOf(order.run_id, block.blockId, key),
  }));
}
