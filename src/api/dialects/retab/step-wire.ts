import { z } from 'zod';
import { BLOCK_TYPES } from '../../../domain/definition.js';
import { isStepEnded } from '../../../domain/statuses.js';
import type { Db } from '../../../store/database.js';
import { isIteratingStep } from '../../../store/ledger.js';
import { readReviewIds } from '../../../store/reviews.js';
import { listStepsById, readEffectiveOutputs, readItems } from '../../../store/steps.js';
import { readJson } from '../../../store/stored-json.js';
import type { StepRow } from '../../../store/tables.js';
import { anyJson, showTime, showTimeOrNull, timestamp } from '../../fields.js';
import { showBlockType, WIRE_BLOCK_TYPES } from './block-type.js';

const lifecycle = z
  .discriminatedUnion('status', [
    z.object({ status: z.literal('pending') }),
    z.object({ status: z.literal('queued') }),
    z.object({ status: z.literal('running') }),
    z.object({ status: z.literal('awaiting_review') }),
    z.object({ status: z.literal('completed') }),
    z.object({
      status: z.literal('error'),
      message: z.string(),
      stage: z.string().nullable(),
      category: z.string().nullable(),
      details: z.string().nullable(),
    }),
    z.object({ status: z.literal('skipped'), reason: z.string() }),
    z.object({ status: z.literal('cancelled'), reason: z.string() }),
  ])
  .meta({ id: 'StepLifecycle' });

const handle = z.object({ type: z.literal('json'), data: anyJson }).meta({ id: 'Handle' });
const handles = z.record(z.string(), handle);

/** A step: the fields of the published contract first, then our own. */
export const step = z
  .object({
    run_id: z.string(),
    block_id: z.string(),
    step_id: z.string(),
    block_type: z.enum(WIRE_BLOCK_TYPES),
    block_label: z.string(),
    lifecycle,
    created_at: timestamp,
    started_at: timestamp.nullable(),
    completed_at: timestamp.nullable(),
    model: z.null(),
    loop_containers: z.array(
      z.object({
        container_id: z.string(),
        iteration: z.int(),
        is_parallel: z.boolean(),
        parallel_item_index: z.int(),
      }),
    ),
    handle_inputs: handles,
    handle_outputs: handles,
    artifact: z.null(),
    retry_count: z.int(),
    type: z.enum(BLOCK_TYPES),
    workflow_id: z.string(),
    parent_step_id: z.string().nullable(),
    iteration_key: z.string().nullable(),
    source: z.string().nullable(),
    outcome_unknown: z.boolean(),
    waiting_for: z.string().nullable().meta({
      description: 'What it needs before it can begin, and what to do about it; null for nothing.',
    }),
    review_id: z.string().nullable().meta({ description: 'The review that its gate opened.' }),
  })
  .meta({ id: 'Step' });

type StepBody = z.infer<typeof step>;

/**
 * Steps as this contract shows them, in the order given.
 *
 * A for_each shows the items that it iterates over until its iterations have ended, then what they
 * gave. In an iteration the input of a step is the item, unless a gate has more to show of its input.
 */
export async function showSteps(db: Db, rows: readonly StepRow[]): Promise<readonly StepBody[]> {
  const giving = rows.filter((row) => row.status === 'completed' || isIteratingStep(row));
  const inside = rows.filter(({ iterationKey, input }) => iterationKey !== null && input === null);
  const [outputs, items, containers, reviewIds] = await Promise.all([
    readEffectiveOutputs(
      db,
      giving.map(({ id }) => id),
    ),
    readItems(
      db,
      inside.map(({ id }) => id),
    ),
    readContainers(db, rows),
    readReviewIds(
      db,
      rows.map(({ id }) => id),
    ),
  ]);
  return rows.map((row) =>
    showStep(
      { ...row, input: row.input ?? items.get(row.id) ?? null },
      outputs.get(row.id) ?? null,
      reviewIds.get(row.id) ?? null,
      containers,
    ),
  );
}

/** The steps that the given ones are iterations of, and theirs in turn, by id. */
async function readContainers(
  db: Db,
  rows: readonly StepRow[],
): Promise<ReadonlyMap<string, StepRow>> {
  const known = new Map<string, StepRow>();
  let wanted = missingParents(rows, known);
  for (const { projectId } of rows.slice(0, 1)) {
    while (wanted.length > 0) {
      const parents = await listStepsById(db, projectId, wanted);
      for (const parent of parents) {
        known.set(parent.id, parent);
      }
      wanted = missingParents(parents, known);
    }
  }
  return known;
}

function missingParents(
  rows: readonly StepRow[],
  known: ReadonlyMap<string, StepRow>,
): readonly string[] {
  const parents = rows.flatMap(({ parentStepId }) => (parentStepId === null ? [] : [parentStepId]));
  return [...new Set(parents)].filter((id) => !known.has(id));
}

function showStep(
  row: StepRow,
  output: string | null,
  reviewId: string | null,
  containers: ReadonlyMap<string, StepRow>,
): StepBody {
  return {
    run_id: row.runId,
    block_id: row.blockId,
    step_id: row.id,
    block_type: showBlockType(row.blockType),
    block_label: row.blockLabel ?? row.blockId,
    lifecycle: showLifecycle(row),
    created_at: showTime(row.createdAt),
    started_at: showTimeOrNull(row.startedAt),
    completed_at: showTimeOrNull(row.endedAt),
    model: null,
    loop_containers: showLoops(row, containers),
    handle_inputs: showHandles('input-json-0', row.input),
    handle_outputs: showHandles('output-json-0', output),
    artifact: null,
    retry_count: row.failures,
    type: row.blockType,
    workflow_id: row.workflowId,
    parent_step_id: row.parentStepId,
    iteration_key: row.iterationKey,
    source: row.source,
    outcome_unknown: row.outcomeUnknown,
    waiting_for: showWaitingFor(row),
    review_id: reviewId,
  };
}

/** What a step waits for before it can begin; what has ended waits for nothing. */
export function showWaitingFor({ status, waitingFor }: StepRow): string | null {
  return isStepEnded(status) ? null : waitingFor;
}

/** Where a step stands, as this contract says it. */
export function showLifecycle(row: StepRow): StepBody['lifecycle'] {
  switch (row.status) {
    case 'pending':
    case 'running':
    case 'awaiting_review':
    case 'completed':
      return { status: row.status };
    case 'error':
      return {
        status: 'error',
        message: row.errorMessage ?? 'The block failed and left no message.',
        stage: null,
        category: null,
        details: null,
      };
    case 'skipped':
      return { status: 'skipped', reason: row.reason ?? 'the step was skipped' };
    case 'cancelled':
      return { status: 'cancelled', reason: row.reason ?? 'the run was cancelled' };
  }
}

function showHandles(name: string, text: string | null): StepBody['handle_outputs'] {
  return text === null ? {} : { [name]: { type: 'json', data: readJson(text) } };
}

/** The loops a step runs in, outermost first; its iteration key has the index in each. */
function showLoops(
  row: StepRow,
  containers: ReadonlyMap<string, StepRow>,
): StepBody['loop_containers'] {
  const parent = row.parentStepId === null ? undefined : containers.get(row.parentStepId);
  if (row.iterationKey === null || parent === undefined) {
    return [];
  }
  const iteration = Number(row.iterationKey.split('.').at(-1));
  return [
    ...showLoops(parent, containers),
    {
      container_id: parent.blockId,
      iteration,
      is_parallel: true,
      parallel_item_index: iteration,
    },
  ];
}
