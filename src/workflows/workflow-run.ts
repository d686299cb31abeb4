import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  setCurrentDetails,
  sleep,
} from '@temporalio/workflow';
import { isJsonList, isJsonObject } from '../domain/json.js';
import type { RunEnd, RunOrder } from '../domain/orders.js';
import type { RunStatus } from '../domain/statuses.js';
import { stepIdOf } from '../domain/step-ids.js';
import { store } from './activities.js';
import { collectHints } from './hints.js';
import { runBlocks } from './run-blocks.js';

/**
 * Runs the blocks of one run (see `runBlocks`).
 *
 * 1. Its order carries the plan. The ledger rules on every block that it begins, so that a run which has
 *    ended, or was cancelled before it began, stops at its first block.
 * 2. The first block that fails, or is cancelled, ends the run.
 * 3. The transaction that ends the last step completes the run. Whoever ends here otherwise tells the store
 *    first: a run that the store is cancelling ends as cancelled whatever happened here, and one with open
 *    steps does not complete.
 * 4. Gates whose ends were not waited for are waited for at the end, so that none of them is cancelled.
 */
export async function workflowRun(order: RunOrder): Promise<{ readonly status: RunStatus }> {
  if (!isJsonObject(order) || !isJsonList(order.blocks)) {
    // The payload converter reads as null what it cannot decode.
    throw ApplicationFailure.nonRetryable(
      'The order cannot be read: start runs with POST /v1/workflows/runs.',
      'OrderUnreadable',
    );
  }
  const { run_id: runId, workflow_id: workflowId } = order;
  const blocks = order.blocks.map((block) => ({
    ...block,
    stepId: stepIdOf(runId, block.blockId),
  }));
  const hints = collectHints(blocks.map(({ stepId }) => stepId));
  try {
    let ran = await runBlocks({ runId, workflowId }, blocks, { onChange: show, hints });
    for (let rounds = 1; ran.end.kind === 'completed'; rounds += 1) {
      const status = ran.run ?? (await completed(runId));
      if (status !== null) {
        await ran.leftBehind;
        return status === 'cancelled' ? await cancelled() : { status };
      }
      if (rounds === MAX_ROUNDS) {
        throw ApplicationFailure.nonRetryable(
          `run ${runId} has steps that do not end; countersign doctor --fix starts it again`,
          'StepStuck',
        );
      }
      // A wrong word was believed: what its gates really came to, and else what the store says, counts.
      await ran.leftBehind;
      ran = await runBlocks({ runId, workflowId }, blocks, { onChange: show, confirm: true });
    }
    return await endAs(runId, ran.end);
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    return await endAs(runId, { kind: 'cancelled' });
  }
}

/** How often a run whose blocks seemed to have ended is gone through again. */
const MAX_ROUNDS = 5;

/** Says in Temporal's UI which blocks are under way. */
function show(running: ReadonlySet<string>): void {
  setCurrentDetails(running.size === 0 ? '' : `at ${[...running].join(', ')}`);
}

/** The status of a run whose blocks have completed, by the store's word; null where steps of it are open. */
async function completed(runId: string): Promise<RunStatus | null> {
  const ended = await CancellationScope.nonCancellable(() =>
    store.endRun({ runId, end: { kind: 'completed' } }),
  );
  return ended.kind === 'ended' ? ended.status : null;
}

/** Ends a run in the store that did not complete. */
async function endAs(runId: string, end: RunEnd): Promise<{ status: RunStatus }> {
  const ended = await CancellationScope.nonCancellable(() => store.endRun({ runId, end }));
  const status = ended.kind === 'ended' ? ended.status : 'running';
  if (status === 'error' && end.kind === 'failed') {
    throw ApplicationFailure.nonRetryable(`step ${end.stepId} failed`, 'StepFailed');
  }
  return status === 'cancelled' ? await cancelled() : { status };
}

/**
 * The end of a run that is cancelled. The store owes its workflow a cancel: waiting for it lets Temporal show
 * Canceled. Where it was delivered before, or never comes, nothing depends on it.
 */
async function cancelled(): Promise<{ status: RunStatus }> {
  await sleep(CANCEL_GRACE_MS);
  return { status: 'cancelled' };
}

const CANCEL_GRACE_MS = 60_000;
