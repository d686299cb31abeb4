import { sql } from 'kysely';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { closeReviews } from './close-reviews.js';
import type { Tx } from './database.js';
import type { RunRow, StepRow } from './tables.js';

/** Ends locked steps of which nothing comes, and says why. */
export async function skipSteps(tx: Tx, stepIds: readonly string[], reason: string): Promise<void> {
  if (stepIds.length > 0) {
    await tx
      .updateTable('step')
      .set({ status: 'skipped', reason, endedAt: sql`clock_timestamp()` })
      .where('id', '=', sql<string>`any(${[...stepIds]})`)
      .execute();
  }
}

/** Why the iteration that a step belongs to was dropped; null while it counts, and outside of iterations. */
export async function droppedReason(
  tx: Tx,
  { parentStepId, iterationKey }: Pick<StepRow, 'parentStepId' | 'iterationKey'>,
): Promise<string | null> {
  if (parentStepId === null || iterationKey === null) {
    return null;
  }
  const row = await tx
    .selectFrom('iteration')
    .select('droppedReason')
    .where('stepId', '=', parentStepId)
    .where('iterationKey', '=', iterationKey)
    .executeTakeFirst();
  return row?.droppedReason ?? null;
}

/**
 * Leaves the iteration of a locked step out of what its for_each hands on, and ends what is left of it.
 *
 * 1. What has not begun, or waits for people, is skipped; open reviews are closed, and their gates are
 *    owed the news.
 * 2. What is being executed goes on to its end, so that what it did is known; the ledger begins
 *    nothing more in a dropped iteration.
 * 3. Iterations of a for_each inside of it are dropped with it.
 *
 * @param why who refused what, in words
 */
export async function dropIteration(
  tx: Tx,
  run: RunRow,
  step: StepRow,
  why: string,
): Promise<void> {
  const { parentStepId, iterationKey } = step;
  if (parentStepId === null || iterationKey === null) {
    throw new Error(`step ${step.id} is in no iteration that could be dropped`);
  }
  const reason = `iteration ${iterationKey} was dropped: ${why}`;
  const inside = await stepsInside(tx, parentStepId, iterationKey);
  await tx
    .updateTable('iteration')
    .set({ droppedReason: reason })
    .where((eb) =>
      eb.or([
        eb.and([eb('stepId', '=', parentStepId), eb('iterationKey', '=', iterationKey)]),
        eb('stepId', '=', sql<string>`any(${[...inside]})`),
      ]),
    )
    .execute();
  const idle = await idleSteps(tx, inside);
  await closeReviews(tx, run, SYSTEM, { stepIds: idle, reason, tellsGates: true });
  await skipSteps(tx, idle, reason);
  await recordAudit(tx, SYSTEM, 'iteration_dropped', {
    runId: run.id,
    detail: { step_id: parentStepId, iteration_key: iterationKey, because: step.id },
  });
}

/** The steps of one iteration, and of the iterations inside of it. */
async function stepsInside(
  tx: Tx,
  parentStepId: string,
  iterationKey: string,
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive inside as (
      select id from step where parent_step_id = ${parentStepId} and iteration_key = ${iterationKey}
      union all
      select step.id from step join inside on step.parent_step_id = inside.id)
    select id from inside order by id`.execute(tx);
  return rows.map(({ id }) => id);
}

/** Those of some steps that have not ended and are not being executed. */
async function idleSteps(tx: Tx, stepIds: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select step.id from step left join review on review.step_id = step.id
     where step.id = any(${[...stepIds]})
       and step.status in ('pending', 'running', 'awaiting_review')
       and not (step.attempt_token is not null and step.output is null)
       and review.status is distinct from 'PROCESSING'
     order by step.id for no key update of step`.execute(tx);
  return rows.map(({ id }) => id);
}
