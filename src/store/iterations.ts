import { sql } from 'kysely';
import { sinksOf } from '../domain/blocks.js';
import { type CollectedIteration, collectedText } from '../domain/collected.js';
import type { Block } from '../domain/definition.js';
import { itemsOf } from '../domain/items.js';
import { type Caller, ruleOnTake } from '../domain/ledger.js';
import type { Blocked, Ended, StepEnd } from '../domain/orders.js';
import { isStepEnded } from '../domain/statuses.js';
import { iterationKeyOf } from '../domain/step-ids.js';
import { canonicalJson, MAX_SNAPSHOT_BYTES } from '../rules/canonical.js';
import { type Db, inTransaction, type Tx } from './database.js';
import type { ToVerify } from './gates.js';
import { hasBeenReplaced, replaceHolder } from './holders.js';
import {
  completeRunIfDone,
  endedStatus,
  endInError,
  endOf,
  isIteratingStep,
  writeChanges,
} from './ledger.js';
import { lockLedger } from './locked-step.js';
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
  | Ended
  | {
      readonly kind: 'begun';
      readonly iterationKey: string | null;
      /** The places of the items whose iterations have not ended. */
      readonly unended: readonly number[];
      readonly body: readonly Block[];
    }
  | ToVerify
  | Blocked
  | { readonly kind: 'not_theirs' };

/**
 * Writes the iterations of a for_each whose items are released, each with a step for every block of
 * its body, and lists those that have not ended.
 *
 * Idempotent: the items are those that were released, whoever asks, and what is there already stays.
 * The caller becomes the step's holder, as `ruleOnTake` allows; the one before is owed a cancel.
 *
 * @param isConfirmed Temporal has confirmed that the caller was started by the present execution of the run
 */
export async function beginIterations(
  db: Db,
  stepId: string,
  caller: Caller,
  isConfirmed = false,
): Promise<Begun> {
  const context = await getStepContext(db, stepId);
  const taken = await inTransaction(db, (tx) => writeItems(tx, context, caller, isConfirmed));
  if (typeof taken !== 'number') {
    return taken;
  }
  const body = bodyOf(context.block);
  const rows = stepRows(context, body, taken);
  const written = await countSteps(db, stepId);
  for (let from = written === rows.length ? rows.length : 0; from < rows.length; from += BATCH) {
    const batch = rows.slice(from, from + BATCH);
    const end = await inTransaction(db, (tx) => writeSteps(tx, context, caller, batch));
    if (end !== null) {
      return { kind: 'ended', end, run: null };
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
  return isIteratingStep(step) ? { run, step } : 'stopped';
}

/** Makes the caller the holder, and writes an iteration for every item; gives how many there are. */
async function writeItems(
  tx: Tx,
  context: StepContext,
  caller: Caller,
  isConfirmed: boolean,
): Promise<number | Exclude<Begun, { kind: 'begun' }>> {
  const locked = await lockLedger(tx, context.step.id);
  const { run, step, ledgerRun, ledgerStep, needs } = locked;
  if (!isStepEnded(step.status) && !isIteratingStep(step)) {
    // Its own part has not been done, whatever the caller was told.
    return { kind: 'blocked', by: [step.id] };
  }
  const wasReplaced = await hasBeenReplaced(tx, step, caller);
  const ruling = ruleOnTake(ledgerRun, ledgerStep, needs, { caller, wasReplaced, isConfirmed });
  switch (ruling.kind) {
    case 'ended':
      return { ...ruling, run: endedStatus(run) };
    case 'verify':
      return { kind: 'verify', parentWorkflowId: ledgerStep.iteratedBy ?? run.id };
    case 'blocked':
    case 'not_theirs':
      return ruling;
    case 'take':
    case 'held':
      break;
  }
  const output = await readEffectiveOutput(tx, step.id);
  const read = itemsOf(step.blockId, output === null ? null : readJson(output));
  if ('problem' in read) {
    await endInError(tx, step.id, read.problem);
    return { kind: 'ended', end: 'failed', run: null };
  }
  if (ruling.kind === 'take') {
    tx.withCommit(writeChanges(tx, replaceHolder(tx, run, step, caller?.workflowId ?? '')));
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

/** Whether every iteration of a for_each has all of its steps. */
async function isWritten(db: Db, { step, block }: StepContext): Promise<boolean> {
  const { count } = await db
    .selectFrom('iteration')
    .where('stepId', '=', step.id)
    .select(sql<number>`count(*)::int`.as('count'))
    .executeTakeFirstOrThrow();
  return (await countSteps(db, step.id)) === count * bodyOf(block).length;
}

async function writeSteps(
  tx: Tx,
  context: StepContext,
  caller: Caller,
  rows: readonly ReturnType<typeof newStep>[],
): Promise<StepEnd | null> {
  const locked = await lockIterating(tx, context);
  if (typeof locked === 'string') {
    return locked;
  }
  if (locked.step.holder !== caller?.workflowId) {
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
 * Idempotent: a step that has ended keeps its end. Iterations that have not ended stand in the way.
 */
export async function endIterations(
  db: Db,
  stepId: string,
  caller: Caller,
): Promise<Ended | Blocked> {
  const context = await getStepContext(db, stepId);
  if (isStepEnded(context.step.status)) {
    return { kind: 'ended', end: endOf(context.step), run: endedStatus(context.run) };
  }
  const open = await listOpenSteps(db, stepId);
  if (open.length > 0) {
    return { kind: 'blocked', by: open };
  }
  if (!(await isWritten(db, context))) {
    // Whoever began them was cut off: the step itself stands in the way until they are begun again.
    return { kind: 'blocked', by: [stepId] };
  }
  // What has ended does not change any more, so nothing need be locked while it is put together.
  const collected = await collect(db, context);
  return await inTransaction(db, async (tx): Promise<Ended> => {
    const locked = await lockIterating(tx, context);
    if (typeof locked === 'string') {
      return { kind: 'ended', end: locked, run: null };
    }
    if (locked.step.holder !== caller?.workflowId) {
      return { kind: 'ended', end: 'superseded', run: null };
    }
    if (collected === null) {
      await endInError(
        tx,
        stepId,
        `The iterations of block '${context.block.id}' gave more than ${MAX_SNAPSHOT_BYTES} bytes together: let its body answer less, or divide the items over several runs.`,
      );
      return { kind: 'ended', end: 'failed', run: null };
    }
    await tx
      .updateTable('step')
      .set({ status: 'completed', collected, endedAt: sql`clock_timestamp()` })
      .where('id', '=', stepId)
      .execute();
    const run = await completeRunIfDone(tx, locked.run, locked.step);
    return { kind: 'ended', end: 'completed', run };
  });
}

/** The steps of a for_each's iterations that have not ended, some of them where there are many. */
async function listOpenSteps(db: Db, stepId: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('step')
    .select('id')
    .where('parentStepId', '=', stepId)
    .where('status', 'not in', ['completed', 'skipped'])
    .orderBy('id')
    .limit(MAX_BLOCKED_BY)
    .execute();
  return rows.map(({ id }) => id);
}

/** How many steps that stand in the way are named. */
const MAX_BLOCKED_BY = 100;

/** What the iterations gave, as canonical text; null where that is too much. */
async function collect(db: Db, { step, block }: StepContext): Promise<string | null> {
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
