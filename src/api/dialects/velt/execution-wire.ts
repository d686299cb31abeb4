import { z } from 'zod';
import { findBlock } from '../../../domain/blocks.js';
import type { Json } from '../../../domain/json.js';
import type { RunStatus } from '../../../domain/statuses.js';
import type { ExecutedReview, Execution } from '../../../store/executions.js';
import { readJson } from '../../../store/stored-json.js';
import type { RunRow, StepRow } from '../../../store/tables.js';
import { anyJson } from '../../fields.js';
import { result } from './envelope.js';
import { humanOutput, showHumanStep } from './human-step.js';

const ms = z.int().meta({ description: 'Milliseconds since 1970.' });
const failure = z.object({ code: z.string(), message: z.string() }).nullable();

const step = z
  .object({
    stepId: z.string(),
    nodeId: z.string(),
    nodeType: z.enum(['human', 'agent']),
    status: z.enum([
      'pending',
      'running',
      'waiting',
      'completed',
      'failed',
      'skipped',
      'cancelled',
    ]),
    groupId: z.null(),
    startedAt: ms.nullable(),
    completedAt: ms.nullable(),
    error: failure,
    output: z.union([humanOutput, anyJson]),
  })
  .meta({ id: 'VeltStep' });

/** A run with its steps; every key is always there. */
export const executionResult = result('VeltExecutionResult', {
  executionId: z.string(),
  status: z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']),
  startedAt: ms.nullable(),
  completedAt: ms.nullable(),
  cancelledAt: ms.nullable().meta({
    description: 'Null as long as a cancellation is durable and not yet obeyed.',
  }),
  definitionId: z.string(),
  definitionVersion: z.int(),
  correlationId: z.string(),
  idempotencyKey: z.string(),
  failureReason: failure,
  steps: z.array(step),
});

type ExecutionBody = z.infer<typeof executionResult>['result'];
type StepBody = z.infer<typeof step>;

/**
 * A cancellation that is durable shows as cancelled, whether workflows have obeyed it or not yet; but a
 * run that still executes something is running.
 */
function runStatusOf({ run, steps, reviews }: Execution): ExecutionBody['status'] {
  const isExecuting =
    [...reviews.values()].some(({ row }) => row.status === 'PROCESSING') ||
    steps.some(
      ({ status, attemptToken, output }) =>
        status === 'running' && attemptToken !== null && output === null,
    );
  return run.status === 'cancelling' && isExecuting ? 'running' : STATUS[run.status];
}

const STATUS = {
  pending: 'pending',
  running: 'running',
  cancelling: 'cancelled',
  completed: 'completed',
  error: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<RunStatus, ExecutionBody['status']>;

/** A run as this contract shows it, with what its steps hand on by their ids. */
export function showExecution(
  execution: Execution,
  outputs: ReadonlyMap<string, string>,
): ExecutionBody {
  const { run, definitionOrdinal, steps } = execution;
  const status = runStatusOf(execution);
  const endedAt = run.endedAt?.getTime() ?? null;
  return {
    executionId: run.id,
    status,
    startedAt: run.startedAt?.getTime() ?? null,
    completedAt: status === 'cancelled' ? null : endedAt,
    cancelledAt: status === 'cancelled' ? endedAt : null,
    definitionId: run.workflowId,
    definitionVersion: definitionOrdinal,
    correlationId: correlationIdOf(run) ?? run.id,
    idempotencyKey: run.commandId ?? run.id,
    failureReason:
      status === 'failed'
        ? { code: 'STEP_FAILED', message: run.errorMessage ?? 'The run failed.' }
        : null,
    steps: steps.map((row) => showStep(execution, row, outputs.get(row.id) ?? null)),
  };
}

/** The caller's own id for what the run belongs to, where its metadata has one. */
function correlationIdOf({ metadata }: RunRow): string | null {
  const id: unknown =
    typeof metadata === 'object' && metadata !== null
      ? (Reflect.get(metadata, 'correlationId') ?? Reflect.get(metadata, 'correlation_id'))
      : null;
  return typeof id === 'string' ? id : null;
}

function showStep(
  { definition, reviews }: Execution,
  row: StepRow,
  output: string | null,
): StepBody {
  const gate = findBlock(definition.blocks, row.blockId)?.block.review ?? null;
  const review = reviews.get(row.id) ?? null;
  const status = statusOf(row, review);
  const handedOn: Json = output === null ? null : readJson(output);
  return {
    stepId: row.id,
    nodeId: row.blockId,
    nodeType: gate === null ? 'agent' : 'human',
    status,
    groupId: null,
    startedAt: (row.startedAt ?? review?.row.createdAt)?.getTime() ?? null,
    completedAt: ENDED.has(status)
      ? ((row.endedAt ?? review?.row.endedAt)?.getTime() ?? null)
      : null,
    error:
      row.status === 'error'
        ? {
            code: row.outcomeUnknown ? 'OUTCOME_UNKNOWN' : 'STEP_FAILED',
            message: row.errorMessage ?? 'The block failed and left no message.',
          }
        : null,
    output: gate === null ? handedOn : showHumanStep(gate, ENDED.has(status) ? review : null),
  };
}

const ENDED: ReadonlySet<StepBody['status']> = new Set([
  'completed',
  'failed',
  'skipped',
  'cancelled',
]);

/** Where a step stands: its review says more than its row while people are at it, and when they refused. */
function statusOf(row: StepRow, review: ExecutedReview | null): StepBody['status'] {
  switch (review?.row.status) {
    case 'PENDING':
      return 'waiting';
    case 'APPROVED':
      return 'running';
    case 'PROCESSING':
      return row.status === 'error' ? 'failed' : 'running';
    case 'REJECTED':
    case 'REVOKED':
      return review?.row.cancelledAt === null ? 'completed' : 'cancelled';
    case 'EXECUTED':
    case 'UNKNOWN':
    case undefined:
      return ownStatus(row);
  }
}

function ownStatus({ status }: StepRow): StepBody['status'] {
  switch (status) {
    case 'awaiting_review':
      return 'running';
    case 'error':
      return 'failed';
    default:
      return status;
  }
}
