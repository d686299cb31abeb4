import type { Run, Step } from '../../client/index.js';
import { say } from './printable.js';
import { type Style, statusPaint } from './style.js';
import { type Cell, fields, table } from './table.js';
import { showTime } from './time.js';

/** A run's status with what belongs to it: what it waits for, or why it ended as it did. */
export function showLifecycle({ lifecycle, is_being_cancelled: isBeingCancelled }: Run): string {
  switch (lifecycle.status) {
    case 'awaiting_review':
      return `awaiting_review (${lifecycle.waiting_for_block_ids.join(', ')})`;
    case 'error':
      return `error: ${lifecycle.message}`;
    case 'cancelled':
      return `cancelled: ${lifecycle.reason}`;
    case 'running':
      return isBeingCancelled
        ? 'running (being cancelled: what is being executed comes to its end first)'
        : lifecycle.status;
    case 'pending':
    case 'completed':
      return lifecycle.status;
  }
}

/** Runs, one a line. */
export function showRuns(style: Style, runs: readonly Run[]): string {
  return table(
    style,
    ['RUN', 'WORKFLOW', 'OWNER', 'STARTED', 'STATUS'],
    runs.map((run) => [
      run.id,
      run.workflow_id,
      run.owner_id,
      showTime(run.timing.created_at),
      { text: showLifecycle(run), paint: statusPaint(style, run.lifecycle.status) },
    ]),
    'There is no such run.',
  );
}

/** One run with its steps. */
export function showRun(style: Style, run: Run, steps: readonly Step[]): string {
  const { status } = run.lifecycle;
  const about = fields(style, [
    ['status', showLifecycle(run)],
    ['workflow', say`${run.workflow_id} (${run.workflow_version_id})`],
    ['owner', run.owner_id],
    ['started by', run.started_by],
    ['command id', run.command_id],
    ['created', showTime(run.timing.created_at)],
    ['ended', showTime(run.timing.completed_at)],
  ]);
  const lines = table(
    style,
    ['STEP', 'BLOCK', 'TYPE', 'STATUS', 'ENDED'],
    steps.map((step) => stepCells(style, step)),
    'It has no steps yet.',
  );
  return [
    `${style.bold(run.id)}  ${statusPaint(style, status)(status)}`,
    about,
    '',
    lines,
    ...(status === 'error' ? ['', ...howToGoOn(run, steps)] : []),
  ].join('\n');
}

/** What gets a run in error going again: an unknown outcome has to be settled first. */
function howToGoOn(run: Run, steps: readonly Step[]): readonly string[] {
  const unknown = steps.filter(({ outcome_unknown: isUnknown }) => isUnknown);
  return [
    ...unknown.map(
      ({ step_id: stepId }) =>
        say`Find out what ${stepId} did, and say so: countersign step settle ${stepId}`,
    ),
    say`${unknown.length === 0 ? 'Go on from the failed steps:' : 'Then go on:'} countersign run retry ${run.id}`,
  ];
}

function stepCells(style: Style, step: Step): readonly Cell[] {
  const { lifecycle } = step;
  const { status } = lifecycle;
  const why =
    'message' in lifecycle
      ? lifecycle.message
      : 'reason' in lifecycle
        ? lifecycle.reason
        : (step.waiting_for ?? '');
  const unknown = step.outcome_unknown ? ' (outcome unknown)' : '';
  return [
    step.step_id,
    step.iteration_key === null ? step.block_id : `${step.block_id} [${step.iteration_key}]`,
    step.type,
    {
      text: `${status}${unknown}${why === '' ? '' : `: ${why}`}`,
      paint: statusPaint(style, status),
    },
    showTime(step.completed_at),
  ];
}
