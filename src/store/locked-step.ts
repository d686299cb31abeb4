import { sql } from 'kysely';
import type { Block } from '../domain/definition.js';
import type { LedgerRun, LedgerStep, NeededStep } from '../domain/ledger.js';
import { runIdOf } from '../domain/step-ids.js';
import type { Tx } from './database.js';
import { findReviewOfStep } from './reviews.js';
import { lockRun } from './runs.js';
import { getBlock, lockStep, neededSteps, type StepContext } from './steps.js';
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

/**
 * Locks the run of a step, and then the step, and reads what rulings on it depend on: in one round trip, and
 * a second one where its block needs others.
 *
 * @param read what else is read of the step, in the same go
 */
export async function lockLedger(tx: Tx, stepId: string): Promise<LockedStep>;
export async function lockLedger<T>(
  tx: Tx,
  stepId: string,
  read: (context: StepContext) => Promise<T>,
): Promise<LockedStep & { readonly read: T }>;
export async function lockLedger<T>(
  tx: Tx,
  stepId: string,
  read?: (context: StepContext) => Promise<T>,
): Promise<LockedStep & { readonly read: T | undefined }> {
  const [run, step, review, around] = await Promise.all([
    lockRun(tx, runIdOf(stepId)),
    lockStep(tx, stepId),
    findReviewOfStep(tx, stepId),
    readAround(tx, stepId),
  ]);
  const block = await getBlock(tx, run.workflowVersionId, step.blockId);
  const context = { run, step, block };
  const [needs, alsoRead] = await Promise.all([readNeeds(tx, context), read?.(context)]);
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
    read: alsoRead,
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
async function readAround(tx: Tx, stepId: string): Promise<Around> {
  const { rows } = await sql<Around>`
    select parent.holder as iterated_by, iteration.dropped_reason,
           ${IS_ALIVE} as is_alive
      from step
      left join step parent on parent.id = step.parent_step_id
      left join iteration on iteration.step_id = step.parent_step_id
                         and iteration.iteration_key = step.iteration_key
     where step.id = ${stepId}`.execute(tx);
  const [row] = rows;
  if (row === undefined) {
    throw new Error(`step ${stepId} is gone`);
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

async function readNeeds(tx: Tx, context: StepContext): Promise<readonly NeededStep[]> {
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
