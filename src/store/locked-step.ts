import { sql } from 'kysely';
import type { Block, BlockInput } from '../domain/definition.js';
import type { LedgerRun, LedgerStep, NeededStep } from '../domain/ledger.js';
import { placeOf, runIdOf } from '../domain/step-ids.js';
import { BoundedCache } from '../rules/bounded-cache.js';
import type { Tx } from './database.js';
import { findReviewOfStep } from './reviews.js';
import { lockRun } from './runs.js';
import {
  getBlock,
  getDefinition,
  idOf,
  inputFrom,
  type Needed,
  neededIn,
  readTexts,
  type StepId,
} from './steps.js';
import { Statement } from './statement.js';
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

/** Of which definition a run is: it never changes. */
const versions = new BoundedCache<string, { id: string | null }>(10_000);

/** Locks the run of a step, and then the step, and reads what rulings on it depend on. */
export async function lockLedger(tx: Tx, stepId: string): Promise<LockedStep> {
  return await lock(tx, stepId, async () => null);
}

/** The same, with what the step's block would be given. */
export async function lockLedgerWithInput(
  tx: Tx,
  stepId: string,
): Promise<LockedStep & { readonly input: BlockInput }> {
  const locked = await lock(tx, stepId, (block, needed) => {
    const { iterationKey } = placeOf(stepId);
    return readTexts(tx, { id: stepId, iterationKey }, block, needed);
  });
  const { run, block, needed, also } = locked;
  return { ...locked, input: inputFrom(run, block, needed, also) };
}

/**
 * In one round trip, where this process has seen the run before: what its block needs is known then before
 * its row has been read.
 */
async function lock<T>(
  tx: Tx,
  stepId: string,
  readAlso: (block: Block, needed: readonly Needed[]) => Promise<T>,
): Promise<LockedStep & { readonly needed: readonly Needed[]; readonly also: T }> {
  const runId = runIdOf(stepId);
  const version = versions.getOrMake(runId, () => ({ id: null }));
  const readBehind = async (workflowVersionId: string) => {
    const { blockId, iterationKey } = placeOf(stepId);
    const block = await getBlock(tx, workflowVersionId, blockId);
    const needed = neededIn(await getDefinition(tx, workflowVersionId), runId, iterationKey, block);
    const [needs, also] = await Promise.all([readNeeds(tx, needed), readAlso(block, needed)]);
    return { block, needed, needs, also };
  };
  const [run, { isAlive: isAttemptAlive, ...step }, review, around, known] = await Promise.all([
    lockRun(tx, runId),
    lockStepAlive.one(tx, { stepId }),
    findReviewOfStep(tx, stepId),
    placeOf(stepId).iterationKey === null ? OUTSIDE : readAround(tx, stepId),
    version.id === null ? null : readBehind(version.id),
  ]);
  version.id = run.workflowVersionId;
  const { block, ...read } = known ?? (await readBehind(run.workflowVersionId));
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
        step.attemptToken === null
          ? null
          : { token: step.attemptToken, isAlive: isAttemptAlive, isFirst: step.attempt === 1 },
      hasResult: step.output !== null,
      isOutcomeUnknown: step.outcomeUnknown,
      review: review?.status ?? null,
      waivedInput: step.waivedInputSha256,
      isDropped: around.droppedReason !== null,
    },
    ...read,
  };
}

/** A run as the ledger's rulings see it. */
export function ledgerRunOf(run: RunRow): LedgerRun {
  return { id: run.id, status: run.status, isExternal: run.kind === 'external' };
}

type Around = {
  readonly iteratedBy: string | null;
  readonly droppedReason: string | null;
};

const OUTSIDE: Around = { iteratedBy: null, droppedReason: null };

/** What a ruling needs from beside the row of a step in an iteration. */
async function readAround(tx: Tx, stepId: string): Promise<Around> {
  const { rows } = await sql<Around>`
    select parent.holder as iterated_by, iteration.dropped_reason
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
  return (await aliveStep.first(tx, { stepId })) !== null;
}

const IS_ALIVE = sql<boolean>`coalesce(
  step.alive_at > clock_timestamp() - ${LOST_AFTER_MS} * interval '1 ms', false)`;

/** Where the lock had to be waited for, the attempt may be dead by now: then it is found to be so the next time. */
const lockStepAlive = new Statement((db, { stepId }: { readonly stepId: string }) =>
  db
    .selectFrom('step')
    .selectAll()
    .select(IS_ALIVE.as('isAlive'))
    .where('id', '=', stepId)
    .forNoKeyUpdate(),
);

const aliveStep = new Statement((db, { stepId }: { readonly stepId: string }) =>
  db.selectFrom('step').select('id').where('id', '=', stepId).where(IS_ALIVE),
);

const statusesOf = new Statement((db, steps: readonly StepId[]) =>
  db.selectFrom('step').select(['id', 'status']).where('id', 'in', steps.map(idOf)),
);

async function readNeeds(tx: Tx, needed: readonly Needed[]): Promise<readonly NeededStep[]> {
  const steps = needed.map(([, id]) => ({ id }));
  if (steps.length === 0) {
    return [];
  }
  const rows = await statusesOf.all(tx, steps);
  const known = new Map(rows.map(({ id, status }) => [id, status]));
  return steps.map(({ id }) => ({ id, status: known.get(id) ?? 'pending' }));
}
