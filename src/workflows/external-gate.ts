import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  isCancellation,
  proxyActivities,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { ExternalActivities } from '../activities/external-reviews.js';
import type { ExternalEnd, ExternalOrder } from '../domain/external-review.js';
import { SEARCH_ATTRIBUTES } from '../domain/messages.js';
import { awaitDecision, collectDecisions } from './await-decision.js';

/** Statements against the store, which may carry a snapshot; retried until it answers. */
const external = proxyActivities<ExternalActivities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '500ms', maximumInterval: '1 minute', backoffCoefficient: 2 },
});

const RUN = defineSearchAttributeKey(SEARCH_ATTRIBUTES.run, SearchAttributeType.KEYWORD);

/**
 * Runs the gate that an author's own workflow asked for, and ends its external run with it.
 *
 * 1. Opening is idempotent by the author's workflow, its first execution and the key. Temporal confirms that
 *    this workflow exists and has started this gate.
 * 2. Nobody else would tell the store of a cancellation, so this workflow does: the run is cancelled,
 *    unless another execution of the author's workflow goes on and will ask for the review again.
 * 3. A run that was cancelled in the store is an answer, and no cancellation of the author's workflow.
 */
export async function runExternalGate(order: ExternalOrder): Promise<ExternalEnd> {
  const delivered = collectDecisions();
  const continueAfresh = (): Promise<never> =>
    continueAsNew<(order: ExternalOrder) => Promise<ExternalEnd>>(order);

  // Out of a cancellation's reach: what may have been opened has to be known before it is closed.
  const opening = await CancellationScope.nonCancellable(() =>
    external.openExternal({ request: order.external }),
  ).catch(asOwnFailure);
  if (opening.kind === 'ended') {
    return opening.end;
  }
  const { runId, stepId } = opening;
  upsertSearchAttributes([{ key: RUN, value: runId }]);
  try {
    // Its answer is read from the store, and that is the fence: a release need not be confirmed before.
    const waiting = { stepId, delivered, isReleaseBelieved: false, continueAfresh };
    const standing = await awaitDecision(waiting, opening);
    if (standing.kind === 'ended' && standing.end === 'superseded') {
      return { kind: 'superseded' };
    }
    return await CancellationScope.nonCancellable(() => external.endExternal({ runId }));
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    const { end, isAsked } = await CancellationScope.nonCancellable(() =>
      external.cancelExternal({ runId }),
    );
    if (isAsked) {
      throw error;
    }
    return end;
  }
}

/** What an activity found wrong with an order fails this workflow under its own name and sentence. */
function asOwnFailure(error: unknown): never {
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
    const { message, type } = error.cause;
    throw ApplicationFailure.nonRetryable(message, type ?? 'ReviewFailed');
  }
  throw error;
}
