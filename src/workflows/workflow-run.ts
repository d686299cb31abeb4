import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  setCurrentDetails,
  sleep,
} from '@temporalio/workflow';
import type { RunOrder } from '../domain/orders.js';
import type { RunStatus } from '../domain/statuses.js';
import { store } from './activities.js';
import { type BlocksEnd, runBlocks } from './run-blocks.js';

/**
 * Runs the blocks of one run (see `runBlocks`).
 *
 * 1. The store's row says whether the run is to be begun at all; one that has ended stops there.
 * 2. The first block that fails, or is cancelled, ends the run.
 * 3. The store is told of the end before this workflow ends, also when it was cancelled: a run that
 *    the store is cancelling ends as cancelled whatever happened here.
 */
export async function workflowRun(order: RunOrder): Promise<{ readonly status: RunStatus }> {
  let end: BlocksEnd;
  try {
    const plan = await store.beginRun(order.run_id);
    if (plan.blocks === null) {
      return { status: plan.status };
    }
    const run = { runId: order.run_id, workflowId: plan.workflowId };
    end = await runBlocks(run, plan.blocks, show);
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    end = { kind: 'cancelled' };
  }
  return await settle(order, end);
}

/** Says in Temporal's UI which blocks are under way. */
function show(running: ReadonlySet<string>): void {
  setCurrentDetails(running.size === 0 ? '' : `at ${[...running].join(', ')}`);
}

async function settle(order: RunOrder, end: BlocksEnd): Promise<{ status: RunStatus }> {
  if (end === 'superseded') {
    return { status: 'running' };
  }
  const { status } = await CancellationScope.nonCancellable(() =>
    store.endRun({ runId: order.run_id, end }),
  );
  if (status === 'error' && end.kind === 'failed') {
    throw ApplicationFailure.nonRetryable(`step ${end.stepId} failed`, 'StepFailed');
  }
  if (status === 'cancelled') {
    // The store owes this workflow a cancel. Waiting for it lets Temporal show Canceled; where it was
    // delivered before, or never comes, nothing depends on it.
    await sleep(CANCEL_GRACE_MS);
  }
  return { status };
}

const CANCEL_GRACE_MS = 60_000;
