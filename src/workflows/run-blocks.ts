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
import type { BlockOrder, ForEachOrder, GateEnd, GateOrder, RunEnd } from '../domain/orders.js';
import { blocksWithin } from './activities.js';

/** The run that blocks belong to: names for people, and what its gates are found by. */
export type Run = { readonly runId: string; readonly workflowId: string };

/** What blocks came to. `superseded`: another workflow runs them now, and will tell the store. */
export type BlocksEnd = RunEnd | 'superseded';

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
 *
 * @param onChange told which blocks are under way, whenever that changes
 */
export async function runBlocks(
  run: Run,
  blocks: readonly BlockOrder[],
  onChange: (running: ReadonlySet<string>) => void,
): Promise<BlocksEnd> {
  const scope = new CancellationScope();
  const ended = new Map<string, Promise<boolean>>();
  const running = new Set<string>();
  let end: BlocksEnd = { kind: 'completed' };
  let isDropped = false;

  const goOn = async (block: BlockOrder): Promise<boolean> => {
    const needs = await Promise.all(
      block.needs.map((id) => ended.get(id) ?? Promise.resolve(false)),
    );
    if (isDropped || !needs.every((goesOn) => goesOn)) {
      return false;
    }
    running.add(block.blockId);
    onChange(running);
    const { blockEnd, stepId } = await runBlock(run, block);
    running.delete(block.blockId);
    onChange(running);
    switch (blockEnd) {
      case 'completed':
      case 'skipped':
        return true;
      case 'dropped':
        isDropped = true;
        return false;
      default:
        if (end !== 'superseded' && end.kind === 'completed') {
          end = endOfBlocks(blockEnd, stepId);
        }
        scope.cancel();
        return false;
    }
  };

  await scope.run(async () => {
    for (const block of blocks) {
      ended.set(block.blockId, goOn(block));
    }
    await Promise.all(ended.values());
  });
  return end;
}

function endOfBlocks(
  blockEnd: Exclude<GateEnd, 'completed' | 'skipped' | 'dropped'>,
  stepId: string,
): BlocksEnd {
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

/** How a block ended, and the step that this is about: its own, or one of its iterations. */
type BlockEnd = { readonly blockEnd: GateEnd; readonly stepId: string };

/** Runs one block to its end; a cancellation, from whichever side, is an end too. */
async function runBlock(run: Run, block: BlockOrder): Promise<BlockEnd> {
  const { stepId } = block;
  try {
    const blockEnd =
      block.gate === null
        ? await blocksWithin(block.timeoutMs).runStep(stepId)
        : await runGate(run, block);
    return blockEnd === 'completed' && block.iterates === true
      ? await runIterations(run, block)
      : { blockEnd, stepId };
  } catch (error) {
    if (isCancellation(error)) {
      return { blockEnd: 'stopped', stepId };
    }
    throw error;
  }
}

async function runGate(run: Run, block: BlockOrder): Promise<GateEnd> {
  return await runChild<GateEnd>(GATED_BLOCK_RUN, `gate of ${nameOf(run, block)}`, run, block, {
    step_id: block.stepId,
    timeout_ms: block.timeoutMs,
  });
}

async function runIterations(run: Run, block: BlockOrder): Promise<BlockEnd> {
  const end = await runChild<BlocksEnd>(
    FOR_EACH_RUN,
    `iterations of ${nameOf(run, block)}`,
    run,
    block,
    {
      run_id: run.runId,
      workflow_id: run.workflowId,
      block_id: block.blockId,
      step_id: block.stepId,
    },
  );
  if (end === 'superseded') {
    return { blockEnd: 'superseded', stepId: block.stepId };
  }
  switch (end.kind) {
    case 'completed':
      return { blockEnd: 'completed', stepId: block.stepId };
    case 'failed':
      return { blockEnd: 'failed', stepId: end.stepId };
    case 'cancelled':
      return { blockEnd: 'stopped', stepId: block.stepId };
  }
}

/** A step's name for people: its block, and the iteration it is in. */
function nameOf({ runId }: Run, { stepId }: BlockOrder): string {
  return stepId.slice(runId.length + 1);
}

async function runChild<End>(
  type: string,
  staticSummary: string,
  run: Run,
  block: BlockOrder,
  order: GateOrder | ForEachOrder,
): Promise<End> {
  try {
    return await executeChild<(order: GateOrder | ForEachOrder) => Promise<End>>(type, {
      workflowId: `${block.stepId}~${uuid4().slice(0, 8)}`,
      args: [order],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary,
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
      `the ${type === GATED_BLOCK_RUN ? 'gate' : 'workflow'} of step ${block.stepId} is gone; countersign doctor --fix starts the run again`,
      'GateGone',
    );
  }
}

const WORKFLOW = defineSearchAttributeKey(SEARCH_ATTRIBUTES.workflow, SearchAttributeType.KEYWORD);
const RUN = defineSearchAttributeKey(SEARCH_ATTRIBUTES.run, SearchAttributeType.KEYWORD);
const BLOCK = defineSearchAttributeKey(SEARCH_ATTRIBUTES.block, SearchAttributeType.KEYWORD);
