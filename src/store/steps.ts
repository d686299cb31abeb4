import { sql } from 'kysely';
import { approvedInput } from '../domain/block-input.js';
import type { Block, BlockInput, BlockType, Definition } from '../domain/definition.js';
import type { StepStatus } from '../domain/statuses.js';
import type { Db, Tx } from './database.js';
import { type Page, type PageRequest, readPage } from './paging.js';
import type { RunRow, StepRow } from './tables.js';
import { blockOutputs, readJson, readJsonObject } from './stored-json.js';
import { readDefinition } from './workflows.js';

/** The id of a block's step in a run. */
export function stepIdOf(runId: string, blockId: string): string {
  return `${runId}_${blockId}`;
}

/** Writes a row for every block of a run, unless it is there already. */
export async function createSteps(db: Db | Tx, run: RunRow, definition: Definition): Promise<void> {
  await db
    .insertInto('step')
    .values(
      definition.blocks.map((block, position) => ({
        id: stepIdOf(run.id, block.id),
        projectId: run.projectId,
        runId: run.id,
        workflowId: run.workflowId,
        blockId: block.id,
        blockType: block.type,
        blockLabel: block.label,
        position,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
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
  const run = await db
    .selectFrom('run')
    .selectAll()
    .where('id', '=', step.runId)
    .executeTakeFirstOrThrow();
  return { run, step, block: await getBlock(db, run.workflowVersionId, step.blockId) };
}

/** Reads a stored definition by its version id. */
export async function getDefinition(db: Db | Tx, workflowVersionId: string): Promise<Definition> {
  const version = await db
    .selectFrom('workflowVersion')
    .select('definition')
    .where('id', '=', workflowVersionId)
    .executeTakeFirstOrThrow();
  return readDefinition(version);
}

/** Reads one block of a stored definition. */
export async function getBlock(
  db: Db | Tx,
  workflowVersionId: string,
  blockId: string,
): Promise<Block> {
  const { blocks } = await getDefinition(db, workflowVersionId);
  const block = blocks.find(({ id }) => id === blockId);
  if (block === undefined) {
    throw new Error(`definition ${workflowVersionId} has no block ${blockId}`);
  }
  return block;
}

/** Locks a step of a run that is locked already. */
export async function lockStep(tx: Tx, stepId: string): Promise<StepRow> {
  return await tx
    .selectFrom('step')
    .selectAll()
    .where('id', '=', stepId)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow();
}

/**
 * What a block is given: its own json input, and the effective output of every block it needs. Behind
 * a gate on its input that is the approved snapshot, and nothing else.
 *
 * The effective output of a gated step is the version that was approved, read back from the very
 * text that was approved.
 */
export async function readBlockInput(db: Db | Tx, context: StepContext): Promise<BlockInput> {
  const { run, step, block } = context;
  const approved = await readApprovedInput(db, step.id);
  if (approved !== null) {
    return approvedInput(block, readJsonObject(approved));
  }
  const inputs = readJsonObject(run.inputs);
  const outputs = await Promise.all(
    block.needs.map(async (needed) => {
      const output = await readEffectiveOutput(db, stepIdOf(run.id, needed));
      return [needed, output === null ? null : readJson(output)] as const;
    }),
  );
  return { input: inputs[block.id] ?? null, blocks: blockOutputs(outputs) };
}

/** The snapshot with which a step's input was approved and claimed, as canonical text. */
async function readApprovedInput(db: Db | Tx, stepId: string): Promise<string | null> {
  const row = await db
    .selectFrom('review')
    .innerJoin('version', 'version.id', 'review.decisionVersionId')
    .where('review.stepId', '=', stepId)
    .where('review.claimedAt', 'is not', null)
    .where('review.placement', '=', 'input')
    .select('version.snapshot')
    .executeTakeFirst();
  return row?.snapshot ?? null;
}

/** The canonical text of what a step hands on: the approved version, else its own output. */
export async function readEffectiveOutput(db: Db | Tx, stepId: string): Promise<string | null> {
  const row = await db
    .selectFrom('step')
    .leftJoin('version', 'version.id', 'step.effectiveVersionId')
    .where('step.id', '=', stepId)
    .select(sql<string | null>`coalesce(version.snapshot, step.output)`.as('output'))
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
  const rows = await db
    .selectFrom('step')
    .leftJoin('version', 'version.id', 'step.effectiveVersionId')
    .where('step.id', 'in', [...stepIds])
    .select('step.id')
    .select(sql<string | null>`coalesce(version.snapshot, step.output)`.as('output'))
    .execute();
  return new Map(rows.flatMap(({ id, output }) => (output === null ? [] : [[id, output]])));
}

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
  const { runId, workflowId, blockId, stepId, blockTypes, statuses } = filter;
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
        .$if(blockTypes.length > 0, (query) => query.where('blockType', 'in', blockTypes))
        .$if(statuses.length > 0, (query) => query.where('status', 'in', statuses))
        .where(position)
        .orderBy('createdAt', direction)
        .orderBy('id', direction)
        .limit(limit)
        .execute(),
  );
}
