import { lacksContent } from '../domain/block-input.js';
import type { BlockInput } from '../domain/definition.js';
import type { Caller } from '../domain/ledger.js';
import { isStepEnded } from '../domain/statuses.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { skipSteps } from './dropped.js';
import { findReviewOfStep } from './reviews.js';
import { lockRun } from './runs.js';
import {
  getStepContext,
  lockStep,
  neededSteps,
  readBlockInput,
  type StepContext,
} from './steps.js';

/**
 * Skips a gated step that its holder is about to ask people about, if nothing is left to ask about.
 *
 * @returns whether it was skipped
 */
export async function skipUnfed(db: Db, context: StepContext, caller: Caller): Promise<boolean> {
  if (!mayLackContent(context)) {
    return false;
  }
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, context.run.id);
    const step = await lockStep(tx, context.step.id);
    return (
      run.status === 'running' &&
      step.holder === caller?.workflowId &&
      !isStepEnded(step.status) &&
      (await findReviewOfStep(tx, step.id)) === null &&
      (await skipWhereNothingCame(
        tx,
        { ...context, run, step },
        await readBlockInput(tx, { ...context, run, step }),
      ))
    );
  });
}

/**
 * Skips a locked step that cannot do without what reviewers refused: nothing else would come to it.
 *
 * @param given what its block would be given
 * @returns whether it was skipped
 */
export async function skipWhereNothingCame(
  tx: Tx,
  context: StepContext,
  given: BlockInput,
): Promise<boolean> {
  const { step, block } = context;
  if (!lacksContent(block, given, step.iterationKey !== null)) {
    return false;
  }
  const refused = await findRefusedNeed(tx, context);
  if (refused === null) {
    return false;
  }
  await skipSteps(tx, [step.id], `nothing came of block '${refused.blockId}' (${refused.reason})`);
  return true;
}

/** Most blocks take whatever comes, or bring their own: nothing is read for those. */
function mayLackContent({ step, block }: StepContext): boolean {
  return lacksContent(block, { input: null, blocks: {} }, step.iterationKey !== null);
}

type Refused = { readonly blockId: string; readonly reason: string };

/** The skipped block that a step was to get its content from, also by way of blocks that hand on what they get. */
async function findRefusedNeed(tx: Tx, context: StepContext): Promise<Refused | null> {
  for (const [, stepId] of await neededSteps(tx, context)) {
    const needed = await getStepContext(tx, stepId);
    if (needed.step.status === 'skipped') {
      return { blockId: needed.block.id, reason: needed.step.reason ?? 'it was skipped' };
    }
    const passedOn =
      needed.block.executor.kind === 'pass' ? await findRefusedNeed(tx, needed) : null;
    if (passedOn !== null) {
      return passedOn;
    }
  }
  return null;
}
