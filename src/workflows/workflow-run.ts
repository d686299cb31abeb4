import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  sleep,
  uuid4,
} from '@temporalio/workflow';
import { SEARCH_ATTRIBUTES } from '../domain/messages.js';
import type { BlockOrder, GateEnd, RunEnd, RunOrder } from '../domain/orders.js';
import type { RunStatus } from '../domain/statuses.js';
import { blocksWithin, store } from './activities.js';
import { gatedBlockRun } from './gated-block-run.js';

/**
 * Runs the blocks of one run, each as soon as the blocks it needs have completed.
 *
 * 1. The store's row says whether the run is to be begun at all; one that has ended stops there.
 * 2. A gated block runs as a child, so that an operator sees what is waited for; its workflow id is
 *    the step id with a few random characters, so that a reset can start it again.
 * 3. The first block that does not complete ends the run; what still waits elsewhere is cancelled.
 * 4. The store is told of the end before this workflow ends, also when it was cancelled: a run that
 *    the store is cancelling ends as cancelled whatever happened here.
 */
export async function workflowRun(order: RunOrder): Promise<{ readonly status: RunStatus }> {
  let end: RunEnd | 'superseded';
  try {
    const plan = await store.beginRun(order.run_id);
    if (plan.blocks === null) {
      return { status: plan.status };
    }
    end = await runBlocks(order.run_id, plan.workflowId, plan.blocks);
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    end = { kind: 'cancelled' };
  }
  return await settle(order, end);
}

async function settle(order: RunOrder, end: RunEnd | 'superseded'): Promise<{ status: RunStatus }> {
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

async function runBlocks(
  runId: string,
  workflowId: string,
  blocks: readonly BlockOrder[],
): Promise<RunEnd | 'superseded'> {
  const scope = new CancellationScope();
  const completed = new Map<string, Promise<boolean>>();
  const running = new Set<string>();
  let end: RunEnd | 'superseded' = { kind: 'completed' };

  const show = (): void => {
    setCurrentDetails(running.size === 0 ? '' : `at ${[...running].join(', ')}`);
  };
  const run = async (block: BlockOrder): Promise<boolean> => {
    const needs = await Promise.all(
      block.needs.map((id) => completed.get(id) ?? Promise.resolve(false)),
    );
    if (!needs.every((isCompleted) => isCompleted)) {
      return false;
    }
    running.add(block.blockId);
    show();
    const blockEnd = await runBlock({ runId, workflowId }, block);
    running.delete(block.blockId);
    show();
    if (blockEnd === 'completed') {
      return true;
    }
    if (end !== 'superseded' && end.kind === 'completed') {
      end = endOfRun(blockEnd, block.stepId);
    }
    scope.cancel();
    return false;
  };

  await scope.run(async () => {
    for (const block of blocks) {
      completed.set(block.blockId, run(block));
    }
    await Promise.all(completed.values());
  });
  return end;
}

function endOfRun(blockEnd: Exclude<GateEnd, 'completed'>, stepId: string): RunEnd | 'superseded' {
  switch (blockEnd) {
    case 'failed':
    case 'unknown':
      return { kind: 'failed', stepId };
    case 'rejected':
    case 'stopped':
      return { kind: 'cancelled' };
    case 'superseded':
      return 'superseded';
  }
}

type Run = { readonly runId: string; readonly workflowId: string };

/** Runs one block to its end; a cancellation, from whichever side, is an end too. */
async function runBlock(run: Run, block: BlockOrder): Promise<GateEnd> {
  try {
    return block.gate === null
      ? await blocksWithin(block.timeoutMs).runStep(block.stepId)
      : await runGate(run, block);
  } catch (error) {
    if (isCancellation(error)) {
      return 'stopped';
    }
    throw error;
  }
}

async function runGate(run: Run, block: BlockOrder): Promise<GateEnd> {
  try {
    return await executeChild(gatedBlockRun, {
      workflowId: `${block.stepId}~${uuid4().slice(0, 8)}`,
      args: [{ step_id: block.stepId, timeout_ms: block.timeoutMs }],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `gate of ${block.blockId}`,
      typedSearchAttributes: [
        { key: WORKFLOW, value: run.workflowId },
        { key: RUN, value: run.runId },
        { key: BLOCK, value: block.blockId },
      ],
    });
  } catch (error) {
    if (isCancellation(error)) {
      throw error;
    }
    // Terminated, or failed by its own hand: the store still holds the review and every vote. Ending
    // here, without telling the store, leaves the run for `doctor` to start again over the ledger.
    throw ApplicationFailure.nonRetryable(
      `the gate of step ${block.stepId} is gone; countersign doctor --fix starts the run again`,
      'GateGone',
    );
  }
}

const WORKFLOW = defineSearchAttributeKey(SEARCH_ATTRIBUTES.workflow, SearchAttributeType.KEYWORD);
const RUN = defineSearchAttributeKey(SEARCH_ATTRIBUTES.run, SearchAttributeType.KEYWORD);
const BLOCK = defineSearchAttributeKey(SEARCH_ATTRIBUTES.block, SearchAttributeType.KEYWORD);
