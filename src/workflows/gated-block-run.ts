import {
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { ExternalEnd, ExternalOrder } from '../domain/external-review.js';
import { isJsonObject } from '../domain/json.js';
import type { GateEnd, GateOrder } from '../domain/orders.js';
import { blocksWithin, store } from './activities.js';
import { awaitDecision, collectDecisions } from './await-decision.js';
import { runExternalGate } from './external-gate.js';

/**
 * Runs one gated step: opens its gate, waits for people, claims the release, and lets it go on.
 *
 * 1. It never rules on a vote. The store did that once; here facts are folded, in `seq` order, for
 *    what is shown and waited on.
 * 2. It claims whenever its own fold **or** a delivered status is terminal; the fold never holds a
 *    claim back, and only the store's grant lets anything flow on.
 * 3. Whatever does not fit (a gap, a known `seq` under another id, garbage, a refused claim) makes it
 *    start again from the store's facts. A forged signal can wake a gate, never open or block it.
 * 4. It keeps nothing that the store does not have: a reset, a restart or continue-as-new begins with
 *    the facts so far.
 * 5. Once the release is claimed the execution is out of a cancellation's reach.
 *
 * `review()` in an author's own workflow starts it with an external order.
 */
export async function gatedBlockRun(order: ExternalOrder): Promise<ExternalEnd>;
export async function gatedBlockRun(order: GateOrder): Promise<GateEnd>;
export async function gatedBlockRun(
  order: GateOrder | ExternalOrder,
): Promise<GateEnd | ExternalEnd> {
  if (!isJsonObject(order)) {
    // The payload converter reads as null what it cannot decode.
    throw ApplicationFailure.nonRetryable(
      'The order cannot be read: whoever starts a gate must send plain JSON, without a payload codec that Countersign does not have.',
      'OrderUnreadable',
    );
  }
  return 'external' in order ? await runExternalGate(order) : await runGate(order);
}

async function runGate(order: GateOrder): Promise<GateEnd> {
  try {
    return await runGatedStep(order);
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    // A gate whose step was taken over is cancelled, too; that must not look like the run's end.
    const { workflowId } = workflowInfo();
    const isHolder = await CancellationScope.nonCancellable(() =>
      store.isHolder({ stepId: order.step_id, holder: workflowId }),
    );
    if (!isHolder) {
      return 'superseded';
    }
    throw error;
  }
}

async function runGatedStep(order: GateOrder): Promise<GateEnd> {
  const delivered = collectDecisions();
  const { workflowId, startTime } = workflowInfo();
  const holder = { workflowId, startedAt: startTime.toISOString() };
  const blocks = blocksWithin(order.timeout_ms);

  const opening = await blocks.openGate({ stepId: order.step_id, holder });
  if (opening.kind === 'ended') {
    return opening.end;
  }
  if (opening.kind === 'execute') {
    return await blocks.executeStep({ stepId: order.step_id, holder: workflowId });
  }
  const continueAfresh = (): Promise<never> =>
    continueAsNew<(order: GateOrder) => Promise<GateEnd>>(order);
  const waiting = { stepId: order.step_id, delivered, continueAfresh };
  const outcome = await awaitDecision(waiting, opening.gate);
  switch (outcome) {
    case 'released':
      return 'completed';
    case 'execute':
      return await CancellationScope.nonCancellable(() =>
        blocks.executeStep({ stepId: order.step_id, holder: workflowId }),
      );
    case 'rejected':
    case 'skipped':
    case 'dropped':
    case 'superseded':
      return outcome;
    case 'cancelled':
      return 'stopped';
  }
}
