import { sql } from 'kysely';
import type { Block } from '../domain/definition.js';
import type { LedgerRun, LedgerStep, NeededStep } from '../domain/ledger.js';
import { runIdOf } from '../domain/step-ids.js';
import type { Tx } from './database.js';
import { findReviewOfStep } from './reviews.js';
import { lockRun } from './runs.js';
import { getBlock, lockStep, neededSteps } from './steps.js';
import type { ReviewRow, RunRow, StepRow } from './tables.js';

/** A step and its run, both locked, with all that the ledger's rulings may depend on. */
export type LockedStep = {
  readonly run: RunRow;
  readonly step: StepRow;
  readonly block: Block;
  readonly review: ReviewRow | null;
  readonly droppedReason: string | null;
  readonly ledgerRun: LedgerRun;
  readonly ledgerStep: LedgerStep;
  readonly needs: readonly NeededStep[];
};

/** An execution that has not stamped its step for so long is taken for lost. */
const LOST_AFTER_MS = 10_000;

/** Locks the run of a step, and then the step, and reads what rulings on it depend on. */
export async function lockLedger(tx: Tx, stepId: string): Promise<LockedStep> {
  const run = await lockRun(tx, runIdOf(stepId));
  const step = await lockStep(tx, stepId);
  const block = await getBlock(tx, run.workflowVersionId, step.blockId);
  const review = await findReviewOfStep(tx, stepId);
  const around = await readAround(tx, step);
  const needs = await readNeeds(tx, { run, step, block });
  return {
    run,
    step,
    block,
    review,
    droppedReason: around.droppedReason,
    ledgerRun: ledgerRunOf(run),
    ledgerStep: {
      id: step.id,
      status: step.status,
      gate: block.review?.placement ?? null,
      isForEach: step.blockType === 'for_each',
      isRepeatable: block.execution.repeatable,
      iteratedBy: around.iteratedBy,
      isInIteration: step.parentStepId !== null,
      holder: step.holder,
      attempt:
        step.attemptToken === null ? null : { token: step.attemptToken, isAlive: around.isAlive },
      hasResult: step.output !== null,
      isOutcomeUnknown: step.outcomeUnknown,
      review: review?.status ?? null,
      waivedInput: step.waivedInputSha256,
      isDropped: around.droppedReason !== null,
    },
    needs,
  };
}

/** A run as the ledger's rulings see it. */
export function ledgerRunOf(run: RunRow): LedgerRun {
  return { id: run.id, status: run.status, isExternal: run.kind === 'external' };
}

type Around = {
  readonly iteratedBy: string | null;
  readonly droppedReason: string | null;
  readonly isAlive: boolean;
};

/** What a ruling needs from beside the step's row: its iteration, and whether its attempt is alive. */
async function readAround(tx: Tx, step: StepRow): Promise<Around> {
  if (step.parentStepId === null && step.attemptToken === null) {
    return { iteratedBy: null, droppedReason: null, isAlive: false };
  }
  const { rows } = await sql<Around>`
    select parent.holder as iterated_by, iteration.dropped_reason,
           ${IS_ALIVE} as is_alive
      from step
      left join step parent on parent.id = step.parent_step_id
      left join iteration on iteration.step_id = step.parent_step_id
                         and iteration.iteration_key = step.iteration_key
     where step.id = ${step.id}`.execute(tx);
  const [row] = rows;
  if (row === undefined) {
    throw new Error(`step ${step.id} is gone`);
  }
  return row;
}

/** Whether the attempt that a step's row names is still at work. */
export async function isAlive(tx: Tx, stepId: string): Promise<boolean> {
  const alive = await tx
    .selectFrom('step')
    .select('id')
    .where('id', '=', stepId)
    .where(IS_ALIVE)
    .executeTakeFirst();
  return alive !== undefined;
}

const IS_ALIVE = sql<boolean>`coalesce(
  step.alive_at > clock_timestamp() - ${LOST_AFTER_MS} * interval '1 ms', false)`;

async function readNeeds(
  tx: Tx,
  context: { readonly run: RunRow; readonly step: StepRow; readonly block: Block },
): Promise<readonly NeededStep[]> {
  const ids = (await neededSteps(tx, context)).map(([, id]) => id);
  if (ids.length === 0) {
    return [];
  }
  const rows = await tx
    .selectFrom('step')
    .select(['id', 'status'])
    .where('id', 'in', ids)
    .execute();
  const known = new Map(rows.map(({ id, status }) => [id, status]));
  return ids.map((id) => ({ id, status: known.get(id) ?? 'pending' }));
}
