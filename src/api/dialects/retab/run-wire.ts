import { z } from 'zod';
import { listExecuting, waitingBlocks } from '../../../store/runs.js';
import { readJsonObject } from '../../../store/stored-json.js';
import type { RunRow } from '../../../store/tables.js';
import { isJsonObject } from '../../../domain/json.js';
import type { AppDeps } from '../../deps.js';
import { jsonObject, showTime, showTimeOrNull, timestamp } from '../../fields.js';

/** How a run can have been started. */
export const TRIGGERS = [
  'manual',
  'api',
  'schedule',
  'webhook',
  'email',
  'custom',
  'restart',
] as const;

const lifecycle = z
  .discriminatedUnion('status', [
    z.object({ status: z.literal('pending') }),
    z.object({ status: z.literal('running') }),
    z.object({
      status: z.literal('awaiting_review'),
      waiting_for_block_ids: z.array(z.string()).min(1),
    }),
    z.object({ status: z.literal('completed') }),
    z.object({
      status: z.literal('error'),
      message: z.string(),
      stage: z.string().nullable(),
      category: z.string().nullable(),
      details: z.string().nullable(),
      failing_step_id: z.string().nullable(),
    }),
    z.object({ status: z.literal('cancelled'), reason: z.string() }),
  ])
  .meta({ id: 'RunLifecycle' });

/** A run: the fields of the published contract first, then our own. */
export const run = z
  .object({
    id: z.string(),
    workflow_id: z.string(),
    workflow_version_id: z.string(),
    trigger: z.object({ type: z.enum(TRIGGERS) }),
    lifecycle,
    timing: z.object({
      created_at: timestamp,
      started_at: timestamp.nullable(),
      completed_at: timestamp.nullable(),
    }),
    inputs: z.object({ documents: jsonObject, json_data: jsonObject }),
    metadata: jsonObject.nullable(),
    owner_id: z.string().nullable(),
    started_by: z.string(),
    command_id: z.string().nullable(),
    is_being_cancelled: z.boolean().meta({
      description:
        'It was cancelled and has not ended; it shows as running as long as something approved is being executed.',
    }),
    temporal_url: z.string().nullable().meta({
      description:
        "Where Temporal's UI shows its workflow; null where no UI is known, or the workflow is an author's own.",
    }),
  })
  .meta({ id: 'Run' });

export type RunBody = z.infer<typeof run>;

/** Runs as this contract shows them, in the order given. */
export async function showRuns(
  { db, temporalUrlOf }: Pick<AppDeps, 'db' | 'temporalUrlOf'>,
  rows: readonly RunRow[],
): Promise<readonly RunBody[]> {
  const idsOf = (wanted: RunRow['status']): readonly string[] =>
    rows.filter(({ status }) => status === wanted).map(({ id }) => id);
  const [waiting, executing] = await Promise.all([
    waitingBlocks(db, idsOf('running')),
    listExecuting(db, idsOf('cancelling')),
  ]);
  return rows.map((row) =>
    showRun(row, waiting.get(row.id) ?? [], executing.has(row.id), temporalUrlOf),
  );
}

/** A run as this contract shows it; `isExecuting` tells of one that is being cancelled. */
export function showRun(
  row: RunRow,
  waitingForBlockIds: readonly string[],
  isExecuting: boolean,
  temporalUrlOf: AppDeps['temporalUrlOf'],
): RunBody {
  return {
    id: row.id,
    workflow_id: row.workflowId,
    workflow_version_id: row.workflowVersionId,
    trigger: { type: TRIGGERS.find((known) => known === row.trigger) ?? 'custom' },
    lifecycle: showLifecycle(row, waitingForBlockIds, isExecuting),
    timing: {
      created_at: showTime(row.createdAt),
      started_at: showTimeOrNull(row.startedAt),
      completed_at: showTimeOrNull(row.endedAt),
    },
    inputs: { documents: {}, json_data: readJsonObject(row.inputs) },
    metadata: isJsonObject(row.metadata) ? row.metadata : null,
    owner_id: row.ownerId,
    started_by: row.startedBy,
    command_id: row.commandId,
    is_being_cancelled: row.status === 'cancelling',
    temporal_url: row.kind === 'external' ? null : temporalUrlOf(row.id),
  };
}

/**
 * A cancellation shows as soon as it is durable, whether workflows have obeyed it or not yet; but a run
 * that still executes something is running.
 */
function showLifecycle(
  row: RunRow,
  waitingForBlockIds: readonly string[],
  isExecuting: boolean,
): RunBody['lifecycle'] {
  switch (row.status) {
    case 'pending':
    case 'completed':
      return { status: row.status };
    case 'running':
      return waitingForBlockIds.length === 0
        ? { status: 'running' }
        : { status: 'awaiting_review', waiting_for_block_ids: [...waitingForBlockIds] };
    case 'error':
      return {
        status: 'error',
        message: row.errorMessage ?? 'The run failed and left no message.',
        stage: null,
        category: null,
        details: null,
        failing_step_id: row.failingStepId,
      };
    case 'cancelling':
    case 'cancelled':
      return isExecuting
        ? { status: 'running' }
        : { status: 'cancelled', reason: row.cancelReason ?? 'the run was cancelled' };
  }
}
