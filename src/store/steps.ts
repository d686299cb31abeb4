import { sql } from 'kysely';
import { approvedInput } from '../domain/block-input.js';
import { findBlock } from '../domain/blocks.js';
import type { Block, BlockInput, BlockType, Definition } from '../domain/definition.js';
import type { StepStatus } from '../domain/statuses.js';
import { iterationAt, stepIdOf } from '../domain/step-ids.js';
import { BoundedCache } from '../rules/bounded-cache.js';
import type { Db, Tx } from './database.js';
import { type Page, type PageRequest, readPage } from './paging.js';
import { Statement } from './statement.js';
import type { RunRow, StepRow } from './tables.js';
import { blockOutputs, readJson, readJsonObject } from './stored-json.js';
import { readDefinition } from './workflows.js';

/** Writes a row for every block of a run that is in no body, unless it is there already. */
export async function createSteps(
  db: Db | Tx,
  run: Pick<RunRow, 'id' | 'projectId' | 'workflowId'>,
  definition: Definition,
): Promise<void> {
  await db
    .insertInto('step')
    .values(definition.blocks.map((block, position) => newStep(run, block, position, null)))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The iteration that a step is in. */
export type StepIteration = { readonly parentStepId: string; readonly iterationKey: string };

/** The row of a step that has not begun; `within` the iteration it is in, null outside of every body. */
export function newStep(
  run: Pick<RunRow, 'id' | 'projectId' | 'workflowId'>,
  block: Block,
  position: number,
  within: StepIteration | null,
) {
  return {
    id: stepIdOf(run.id, block.id, within?.iterationKey ?? null),
    projectId: run.projectId,
    runId: run.id,
    workflowId: run.workflowId,
    blockId: block.id,
    blockType: block.type,
    blockLabel: block.label,
    position,
    parentStepId: within?.parentStepId ?? null,
    iterationKey: within?.iterationKey ?? null,
  };
}

/** A step with all it takes to run it. */
export type StepContext = {
  readonly run: RunRow;
  readonly step: StepRow;
  readonly block: Block;
};

/** Reads a step with its run and the block that the run's pinned definition declares for it. */
export async function getStepContext(db: Db | Tx, stepId: string): Promise<StepContext> {
  const step = await db
    .selectFrom('step')
    .selectAll()
    .where('id', '=', stepId)
    .executeTakeFirstOrThrow();
  return await contextOf(db, step);
}

/** Reads the run and the block of a step that has been read already. */
export async function contextOf(db: Db | Tx, step: StepRow): Promise<StepContext> {
  const run = await db
    .selectFrom('run')
    .selectAll()
    .where('id', '=', step.runId)
    .executeTakeFirstOrThrow();
  return { run, step, block: await getBlock(db, run.workflowVersionId, step.blockId) };
}

/** The definitions that this process has read; a version never changes, so they never grow old. */
const definitions = new BoundedCache<string, { definition: Definition | null }>(500);

/** Reads a stored definition by its version id, once in the life of a process. */
export async function getDefinition(db: Db | Tx, workflowVersionId: string): Promise<Definition> {
  const kept = definitions.getOrMake(workflowVersionId, () => ({ definition: null }));
  kept.definition ??= readDefinition(
    await db
      .selectFrom('workflowVersion')
      .select('definition')
      .where('id', '=', workflowVersionId)
      .executeTakeFirstOrThrow(),
  );
  return kept.definition;
}

/** Reads one block of a stored definition, wherever in it it is declared. */
export async function getBlock(
  db: Db | Tx,
  workflowVersionId: string,
  blockId: string,
): Promise<Block> {
  const { blocks } = await getDefinition(db, workflowVersionId);
  const found = findBlock(blocks, blockId);
  if (found === null) {
    throw new Error(`definition ${workflowVersionId} has no block ${blockId}`);
  }
  return found.block;
}

/** Locks a step of a run that is locked already. */
export async function lockStep(tx: Tx, stepId: string): Promise<StepRow> {
  return await lockRow.one(tx, { stepId });
}

const lockRow = new Statement((db, { stepId }: { readonly stepId: string }) =>
  db.selectFrom('step').selectAll().where('id', '=', stepId).forNoKeyUpdate(),
);

/**
 * What a block is given: its own json input, and the effective output of every block it needs. Behind
 * a gate on its input that is the approved snapshot, and nothing else. In an iteration the item stands
 * for the json input.
 *
 * The effective output of a gated step is the version that was approved, read back from the very
 * text that was approved. Nothing of a step that was skipped flows on: it gives null.
 */
export async function readBlockInput(db: Db | Tx, context: StepContext): Promise<BlockInput> {
  const { run, step, block } = context;
  const needed = await neededSteps(db, context);
  return inputFrom(run, block, needed, await readTexts(db, step, block, needed));
}

/** The canonical texts that a block's input is made of. */
export type InputTexts = {
  readonly approved: string | null;
  readonly outputs: ReadonlyMap<string, string>;
  readonly item: string | null;
};

/** Reads what a block's input is made of, in one round trip; nothing where it is all in the run's row. */
export async function readTexts(
  db: Db | Tx,
  step: Pick<StepRow, 'id' | 'iterationKey'>,
  block: Block,
  needed: readonly Needed[],
): Promise<InputTexts> {
  const [approved, outputs, item] = await Promise.all([
    block.review?.placement === 'input' ? readApprovedInput(db, step.id) : null,
    readOutputs(
      db,
      needed.map(([, id]) => ({ id })),
    ),
    step.iterationKey === null
      ? null
      : readItems(db, [step.id]).then((items) => items.get(step.id) ?? null),
  ]);
  return { approved, outputs, item };
}

/** What a block is given, of texts that were read. */
export function inputFrom(
  run: Pick<RunRow, 'inputs'>,
  block: Block,
  needed: readonly Needed[],
  { approved, outputs, item }: InputTexts,
): BlockInput {
  if (approved !== null) {
    return approvedInput(block, readJsonObject(approved));
  }
  const blocks = blockOutputs(
    needed.map(([blockId, stepId]) => {
      const text = outputs.get(stepId);
      return [blockId, text === undefined ? null : readJson(text)] as const;
    }),
  );
  return item === null
    ? { input: readJsonObject(run.inputs)[block.id] ?? null, blocks }
    : { input: readJson(item), blocks };
}

/** A block that another one needs, and its step. */
export type Needed = readonly [blockId: string, stepId: string];

/**
 * The steps of the blocks that a step's block needs: of its siblings those of the same iteration, and
 * of a block further out the one of the iteration around it.
 */
export async function neededSteps(
  db: Db | Tx,
  { run, step, block }: StepContext,
): Promise<readonly Needed[]> {
  return neededIn(await getDefinition(db, run.workflowVersionId), run.id, step.iterationKey, block);
}

/** The same by the run's definition. */
export function neededIn(
  { blocks }: Definition,
  runId: string,
  iterationKey: string | null,
  block: Block,
): readonly Needed[] {
  return block.needs.map((needed) => {
    const depth = iterationKey === null ? 0 : (findBlock(blocks, needed)?.around.length ?? 0);
    return [needed, stepIdOf(runId, needed, iterationAt(iterationKey, depth))];
  });
}

/** The canonical texts of the items that several steps' iterations are for, by the ids of the steps. */
export async function readItems(
  db: Db | Tx,
  stepIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (stepIds.length === 0) {
    return new Map();
  }
  const rows = await db
    .selectFrom('step')
    .innerJoin('iteration', (join) =>
      join
        .onRef('iteration.stepId', '=', 'step.parentStepId')
        .onRef('iteration.iterationKey', '=', 'step.iterationKey'),
    )
    .where('step.id', 'in', [...stepIds])
    .select(['step.id', 'iteration.item'])
    .execute();
  return new Map(rows.map(({ id, item }) => [id, item]));
}

/** The snapshot with which a step's input was approved and released, as canonical text. */
async function readApprovedInput(db: Db | Tx, stepId: string): Promise<string | null> {
  const row = await db
    .selectFrom('review')
    .innerJoin('version', 'version.id', 'review.decisionVersionId')
    .where('review.stepId', '=', stepId)
    .where('review.releasedAt', 'is not', null)
    .where('review.placement', '=', 'input')
    .select('version.snapshot')
    .executeTakeFirst();
  return row?.snapshot ?? null;
}

/**
 * The canonical text of what a step hands on: what its iterations gave, else the approved version, else
 * its own output. A for_each whose iterations are still under way shows the items they run for.
 */
export const effectiveOutput = sql<string | null>`(case
  when step.status = 'completed' then coalesce(step.collected, version.snapshot, step.output)
  when step.status = 'running' and step.block_type = 'for_each'
    then coalesce(version.snapshot, step.output) end)`;

/** Reads what a step hands on; null for one that has nothing to hand on (yet). */
export async function readEffectiveOutput(db: Db | Tx, stepId: string): Promise<string | null> {
  const row = await db
    .selectFrom('step')
    .leftJoin('version', 'version.id', 'step.effectiveVersionId')
    .where('step.id', '=', stepId)
    .select(effectiveOutput.as('output'))
    .executeTakeFirst();
  return row?.output ?? null;
}

/** Finds several steps of a project, by their ids. */
export async function listStepsById(
  db: Db,
  projectId: string,
  ids: readonly string[],
): Promise<readonly StepRow[]> {
  return ids.length === 0
    ? []
    : await db
        .selectFrom('step')
        .selectAll()
        .where('projectId', '=', projectId)
        .where('id', 'in', [...ids])
        .execute();
}

/** The canonical texts of what several steps hand on; a step that has none yet is not among them. */
export async function readEffectiveOutputs(
  db: Db | Tx,
  stepIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (stepIds.length === 0) {
    return new Map();
  }
  const ofThem = sql<string>`any(${[...stepIds]}::text[])`;
  return textsOf(await selectOutputs(db).where('step.id', '=', ofThem).execute());
}

const selectOutputs = (db: Db | Tx) =>
  db
    .selectFrom('step')
    .leftJoin('version', 'version.id', 'step.effectiveVersionId')
    .select('step.id')
    .select(effectiveOutput.as('output'));

const outputsOf = new Statement((db, steps: readonly StepId[]) =>
  selectOutputs(db).where('step.id', 'in', steps.map(idOf)),
);

async function readOutputs(
  db: Db | Tx,
  steps: readonly StepId[],
): Promise<ReadonlyMap<string, string>> {
  return steps.length === 0 ? new Map() : textsOf(await outputsOf.all(db, steps));
}

function textsOf(
  rows: readonly { readonly id: string; readonly output: string | null }[],
): ReadonlyMap<string, string> {
  return new Map(rows.flatMap(({ id, output }) => (output === null ? [] : [[id, output]])));
}

/**
 * One of a few steps that a statement is about. One by one PostgreSQL knows how many there are, and plans
 * once; a list in one parameter it plans for each time.
 */
export type StepId = { readonly id: string };
export const idOf = ({ id }: StepId): string => id;

/** Finds a step of a project. */
export async function findStep(db: Db, projectId: string, id: string): Promise<StepRow | null> {
  const row = await db
    .selectFrom('step')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** What a list of steps can be narrowed by; the conditions are combined with AND. */
export type StepFilter = {
  readonly runId: string | null;
  readonly workflowId: string | null;
  readonly blockId: string | null;
  readonly stepId: string | null;
  readonly parentStepId: string | null;
  readonly iterationKey: string | null;
  readonly blockTypes: readonly BlockType[];
  readonly statuses: readonly StepStatus[];
};

/** Lists steps by (created_at, id). */
export async function listSteps(
  db: Db,
  projectId: string,
  filter: StepFilter,
  page: PageRequest,
): Promise<Page<StepRow>> {
  const { runId, workflowId, blockId, stepId, parentStepId, iterationKey } = filter;
  const { blockTypes, statuses } = filter;
  return await readPage(
    page,
    (id) => findStep(db, projectId, id),
    (position, direction, limit) =>
      db
        .selectFrom('step')
        .selectAll()
        .where('projectId', '=', projectId)
        .$if(runId !== null, (query) => query.where('runId', '=', runId))
        .$if(workflowId !== null, (query) => query.where('workflowId', '=', workflowId))
        .$if(blockId !== null, (query) => query.where('blockId', '=', blockId))
        .$if(stepId !== null, (query) => query.where('id', '=', stepId))
        .$if(parentStepId !== null, (query) => query.where('parentStepId', '=', parentStepId))
        .$if(iterationKey !== null, (query) => query.where('iterationKey', '=', iterationKey))
        .$if(blockTypes.length > 0, (query) => query.where('blockType', 'in', blockTypes))
        .$if(statuses.length > 0, (query) => query.where('status', 'in', statuses))
        .where(position)
        .orderBy('createdAt', direction)
        .orderBy('id', direction)
        .limit(limit)
        .execute(),
  );
}
