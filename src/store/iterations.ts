import { sql } from 'kysely';
import { sinksOf } from '../domain/blocks.js';
import { type CollectedIteration, collectedText } from '../domain/collected.js';
import type { Block } from '../domain/definition.js';
import { itemsOf } from '../domain/items.js';
import type { StepEnd } from '../domain/orders.js';
import { isStepEnded } from '../domain/statuses.js';
import { iterationKeyOf } from '../domain/step-ids.js';
import { canonicalJson, MAX_SNAPSHOT_BYTES } from '../rules/canonical.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { type Holder, isOlderThanHolder, replaceHolder } from './holders.js';
import { endInError, endOf, isReleased } from './ledger.js';
import { lockRun } from './runs.js';
import {
  effectiveOutput,
  getStepContext,
  lockStep,
  newStep,
  readEffectiveOutput,
  type StepContext,
} from './steps.js';
import { readJson } from './stored-json.js';
import type { RunRow, StepRow } from './tables.js';

/** How many rows are written in one go, so that a run is never locked for long. */
const BATCH = 500;

/** What a for_each has to run, or how its step stands where there is nothing to run. */
export type Begun =
  | { readonly kind: 'ended'; readonly end: StepEnd }
  | {
      readonly kind: 'begun';
      readonly iterationKey: string | null;
      /** The places of the items whose iterations have not ended. */
      readonly unended: readonly number[];
      readonly body: readonly Block[];
    };

/**
 * Writes the iterations of a for_each whose items are released, each with a step for every block of
 * its body, and lists those that have not ended.
 *
 * Idempotent: the items are those that were released, whoever asks, and what is there already stays.
 * The caller becomes the step's holder; a younger workflow takes over, and the one before is owed a
 * cancel.
 */
export async function beginIterations(db: Db, stepId: string, holder: Holder): Promise<Begun> {
  const context = await getStepContext(db, stepId);
  const body = bodyOf(context.block);
  const count = await inTransaction(db, (tx) => writeItems(tx, context, holder));
  if (typeof count !== 'number') {
    return { kind: 'ended', end: count };
  }
  const rows = stepRows(context, body, count);
  const written = await countSteps(db, stepId);
  for (let from = written === rows.length ? rows.length : 0; from < rows.length; from += BATCH) {
    const batch = rows.slice(from, from + BATCH);
    const end = await inTransaction(db, (tx) => writeSteps(tx, context, holder, batch));
    if (end !== null) {
      return { kind: 'ended', end };
    }
  }
  const unended = await listUnended(db, stepId);
  return { kind: 'begun', iterationKey: context.step.iterationKey, unended, body };
}

function bodyOf(block: Block): readonly Block[] {
  if (block.body === null) {
    throw new Error(`block ${block.id} has no body to iterate`);
  }
  return block.body;
}

/** Locks a for_each whose iterations may go on; else says how its step stands. */
async function lockIterating(
  tx: Tx,
  { run: { id: runId }, step: { id: stepId } }: StepContext,
): Promise<{ readonly run: RunRow; readonly step: StepRow } | StepEnd> {
  const run = await lockRun(tx, runId);
  const step = await lockStep(tx, stepId);
  if (isStepEnded(step.status)) {
    return endOf(step);
  }
  if (run.status !== 'running') {
    return 'stopped';
  }
  if (!isReleased(step)) {
    throw new Error(`step ${stepId} has no released items, and yet its iterations were to be run`);
  }
  return { run, step };
}

/** Makes the caller the holder, and writes an iteration for every item; gives how many there are. */
async function writeItems(tx: Tx, context: StepContext, holder: Holder): Promise<number | StepEnd> {
  const locked = await lockIterating(tx, context);
  if (typeof locked === 'string') {
    return locked;
  }
  const { run, step } = locked;
  if (isOlderThanHolder(step, holder)) {
    return 'superseded';
  }
  const output = await readEffectiveOutput(tx, step.id);
  const read = itemsOf(step.blockId, output === null ? null : readJson(output));
  if ('problem' in read) {
    await endInError(tx, step.id, read.problem);
    return 'failed';
  }
  if (step.holder !== holder.workflowId) {
    await replaceHolder(tx, run, step, holder);
  }
  const rows = read.items.map((item, position) => ({
    stepId: step.id,
    position,
    projectId: run.projectId,
    iterationKey: iterationKeyOf(step.iterationKey, position),
    item: canonicalJson(item),
  }));
  for (let from = 0; from < rows.length; from += BATCH) {
    await tx
      .insertInto('iteration')
      .values(rows.slice(from, from + BATCH))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  return rows.length;
}

/** The rows of all iterations, one behind the other. */
function stepRows({ run, step }: StepContext, body: readonly Block[], count: number) {
  return Array.from({ length: count }, (_, place) =>
    iterationKeyOf(step.iterationKey, place),
  ).flatMap((iterationKey) =>
    body.map((block, position) =>
      newStep(run, block, position, { parentStepId: step.id, iterationKey }),
    ),
  );
}

async function countSteps(db: Db, stepId: string): Promise<number> {
  const { count } = await db
    .selectFrom('step')
    .where('parentStepId', '=', stepId)
    .select(sql<number>`count(*)::int`.as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

async function writeSteps(
  tx: Tx,
  context: StepContext,
  holder: Holder,
  rows: readonly ReturnType<typeof newStep>[],
): Promise<StepEnd | null> {
  const locked = await lockIterating(tx, context);
  if (typeof locked === 'string') {
    return locked;
  }
  if (locked.step.holder !== holder.workflowId) {
    return 'superseded';
  }
  await tx
    .insertInto('step')
    .values([...rows])
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return null;
}

/** The places of the items whose iterations have a step that is neither completed nor skipped. */
async function listUnended(db: Db, stepId: string): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('iteration')
    .where('stepId', '=', stepId)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('step')
          .whereRef('step.parentStepId', '=', 'iteration.stepId')
          .whereRef('step.iterationKey', '=', 'iteration.iterationKey')
          .where('step.status', 'not in', ['completed', 'skipped'])
          .select('step.id'),
      ),
    )
    .select('position')
    .orderBy('position')
    .execute();
  return rows.map(({ position }) => position);
}

/**
 * Collects what the iterations of a for_each gave, and completes its step with it.
 *
 * Idempotent: a step that has ended keeps its end. Every iteration has ended when this is asked.
 */
export async function endIterations(db: Db, stepId: string, holder: string): Promise<StepEnd> {
  const context = await getStepContext(db, stepId);
  if (isStepEnded(context.step.status)) {
    return endOf(context.step);
  }
  // What has ended does not change any more, so nothing need be locked while it is put together.
  const collected = await collect(db, context);
  return await inTransaction(db, async (tx) => {
    const locked = await lockIterating(tx, context);
    if (typeof locked === 'string') {
      return locked;
    }
    if (locked.step.holder !== holder) {
      return 'superseded';
    }
    if (collected === null) {
      await endInError(
        tx,
        stepId,
        `The iterations of block '${context.block.id}' gave more than ${MAX_SNAPSHOT_BYTES} bytes together: let its body answer less, or divide the items over several runs.`,
      );
      return 'failed';
    }
    await tx
      .updateTable('step')
      .set({ status: 'completed', collected, endedAt: sql`clock_timestamp()` })
      .where('id', '=', stepId)
      .execute();
    return 'completed';
  });
}

/** What the iterations gave, as canonical text; null where that is too much. */
async function collect(db: Db, { step, block }: StepContext): Promise<string | null> {
  const unended = await listUnended(db, step.id);
  if (unended.length > 0) {
    throw new Error(`${unended.length} iterations of step ${step.id} have not ended`);
  }
  const sinks = sinksOf(bodyOf(block)).map(({ id }) => id);
  if ((await sizeOf(db, step.id, sinks)) > MAX_SNAPSHOT_BYTES) {
    return null;
  }
  const outputs = await readOutputs(db, step.id, sinks);
  const kept = await db
    .selectFrom('iteration')
    .where('stepId', '=', step.id)
    .where('droppedReason', 'is', null)
    .select(['iterationKey', 'item'])
    .orderBy('position')
    .execute();
  const text = collectedText(
    kept.map(({ iterationKey, item }): CollectedIteration => ({
      iterationKey,
      item,
      outputs: outputs.get(iterationKey) ?? new Map(),
    })),
    sinks,
  );
  return Buffer.byteLength(text, 'utf8') > MAX_SNAPSHOT_BYTES ? null : text;
}

/** What items and outputs take together, so that nobody reads more than can be kept. */
async function sizeOf(db: Db, stepId: string, sinks: readonly string[]): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select (coalesce(sum(octet_length(iteration.item)), 0) + coalesce(sum(outputs.bytes), 0))::float8 as bytes
      from iteration left join lateral (
        select sum(octet_length(${effectiveOutput})) as bytes
          from step left join version on version.id = step.effective_version_id
         where step.parent_step_id = iteration.step_id and step.iteration_key = iteration.iteration_key
           and step.block_id = any(${[...sinks]})) outputs on true
     where iteration.step_id = ${stepId} and iteration.dropped_reason is null`.execute(db);
  return rows[0]?.bytes ?? 0;
}

/** The outputs of the last blocks, by iteration and by block. */
async function readOutputs(
  db: Db,
  stepId: string,
  sinks: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const rows = await db
    .selectFrom('step')
    .leftJoin('version', 'version.id', 'step.effectiveVersionId')
    .where('step.parentStepId', '=', stepId)
    .where('step.blockId', 'in', [...sinks])
    .select(['step.iterationKey', 'step.blockId', effectiveOutput.as('output')])
    .execute();
  const outputs = new Map<string, Map<string, string>>();
  for (const { iterationKey, blockId, output } of rows) {
    if (iterationKey !== null && output !== null) {
      const known = outputs.get(iterationKey) ?? new Map<string, string>();
      outputs.set(iterationKey, known.set(blockId, output));
    }
  }
  return outputs;
}
