import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  isCancellation,
} from '@temporalio/workflow';
import type { Opening } from '../activities/index.js';
import type { ExternalEnd, ExternalOrder } from '../domain/external-review.js';
import { isJsonObject } from '../domain/json.js';
import type { Blocked, Ended, GateEnd, GateOrder } from '../domain/orders.js';
import { atOnce, blocksWithin, store } from './activities.js';
import { awaitDecision, collectDecisions } from './await-decision.js';
import { runExternalGate } from './external-gate.js';

/** How a gate ended for the workflow that runs its block, or the steps that its block has to wait for. */
export type GateAnswer = Ended<GateEnd> | Blocked;

/**
 * Runs one gated step: opens its gate, waits for people, and has its block executed where its input was
 * released.
 *
 * 1. It never rules on a vote and releases nothing. The vote's transaction did that; here facts are
 *    folded, in `seq` order, for what is shown and waited on.
 * 2. The ledger is the fence. A forged signal can wake this workflow, or end it early: then the next block
 *    is refused, and the step's gate is run again with an order to `confirm` its end with the store.
 * 3. It keeps nothing that the store does not have: a reset, a restart or continue-as-new begins with
 *    how the step stands.
 * 4. Cancelled, it asks the store once more: a step that has ended is its end, what was released is executed
 *    out of the cancellation's reach, and only what is open is given up.
 *
 * `review()` in an author's own workflow starts it with an external order.
 */
export async function gatedBlockRun(order: ExternalOrder): Promise<ExternalEnd>;
export async function gatedBlockRun(order: GateOrder): Promise<GateAnswer>;
export async function gatedBlockRun(
  order: GateOrder | ExternalOrder,
): Promise<GateAnswer | ExternalEnd> {
  if (!isJsonObject(order)) {
    // The payload converter reads as null what it cannot decode.
    throw ApplicationFailure.nonRetryable(
      'The order cannot be read: whoever starts a gate must send plain JSON, without a payload codec that Countersign does not have.',
      'OrderUnreadable',
    );
  }
  return 'external' in order ? await runExternalGate(order) : await runGate(order);
}

async function runGate(order: GateOrder): Promise<GateAnswer> {
  try {
    return await runGatedStep(order);
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    return await CancellationScope.nonCancellable(async () => {
      const standing = await store.checkGate(order.step_id);
      switch (standing.kind) {
        case 'ended':
          return standing;
        case 'execute':
          return await execute(order);
        case 'waiting':
        case 'unopened':
          throw error;
      }
    });
  }
}

async function runGatedStep(order: GateOrder): Promise<GateAnswer> {
  const delivered = collectDecisions();
  const opening = await open(order);
  const standing =
    opening.kind === 'waiting'
      ? await awaitDecision(
          {
            stepId: order.step_id,
            delivered,
            isReleaseBelieved: order.placement === 'output' && order.confirm !== true,
            continueAfresh: () => continueAsNew<(order: GateOrder) => Promise<GateAnswer>>(order),
          },
          opening,
        )
      : opening;
  switch (standing.kind) {
    case 'ended':
    case 'blocked':
      return standing;
    case 'execute':
      return await CancellationScope.nonCancellable(() => execute(order));
    case 'unopened':
      // Nobody holds the step any more: it was given back, and whoever runs the block has to begin again.
      return { kind: 'ended', end: 'superseded', run: null };
  }
}

/** Opens the gate: in this workflow's own task where that takes a moment and succeeds, else by an activity. */
async function open({ step_id, timeout_ms, at_once }: GateOrder): Promise<Opening> {
  if (at_once === true) {
    try {
      return await atOnce.openGate(step_id);
    } catch (error) {
      if (CancellationScope.current().consideredCancelled || isForGood(error)) {
        throw error;
      }
    }
  }
  return await blocksWithin(timeout_ms).openGate(step_id);
}

/** Whether trying again would not help. The SDK hands on the failure of a local activity bare. */
function isForGood(error: unknown): boolean {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  return failure instanceof ApplicationFailure && failure.nonRetryable === true;
}

async function execute({ step_id, timeout_ms }: GateOrder): Promise<GateAnswer> {
  return await blocksWithin(timeout_ms).executeStep(step_id);
}
