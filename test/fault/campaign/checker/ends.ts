import type { Block } from '../definitions.js';
import type { Outage, Strike } from '../faults.js';
import { FORGED } from '../forger.js';
import { groupBy, textAt } from '../json.js';
import type { Exchange } from '../requests.js';
import type { Breach } from '../watch.js';
import type { StartedRun } from '../workload.js';
import type { Evidence, Index } from './evidence.js';
import type { MessageRow, RunRow, StepRow } from './facts.js';
import type { JudgedReview } from './votes.js';

/** An execution that a worker has lost is given up within this time after its last sign of life. */
const LOST_WITHIN_MS = 20_000;

/** A call follows its entry in the ledger within this time, where nothing is broken. */
const CALLED_WITHIN_MS = 2_000;

/** Judges how every run ended: as its decisions say, and not otherwise. */
export function judgeEnds(
  evidence: Evidence,
  index: Index,
  reviews: ReadonlyMap<string, JudgedReview>,
): readonly Breach[] {
  const rows = new Map(evidence.stored.runs.map((row) => [row.id, row]));
  const cancels = groupBy(evidence.exchanges, ({ purpose }) =>
    purpose.kind === 'cancel' ? purpose.runId : '',
  );
  return evidence.runs.flatMap((run) => {
    const row = rows.get(run.id);
    if (row === undefined) {
      return [{ promise: '1', what: `run ${run.id} was acknowledged, and is not in the store` }];
    }
    const own = (index.reviewsOfRun.get(run.id) ?? []).flatMap(({ id }) => reviews.get(id) ?? []);
    return judgeEnd(
      { run, row, reviews: own, steps: index.stepsOfRun.get(run.id) ?? [] },
      cancels.get(run.id) ?? [],
      evidence.outages,
      index,
    );
  });
}

type Ended = {
  readonly run: StartedRun;
  readonly row: RunRow;
  readonly reviews: readonly JudgedReview[];
  readonly steps: readonly StepRow[];
};

function judgeEnd(
  ended: Ended,
  cancels: readonly Exchange[],
  outages: readonly Outage[],
  index: Index,
): readonly Breach[] {
  const { run, row, steps } = ended;
  const name = `run ${row.id} (${run.workflow.id})`;
  const refused = ended.reviews
    .filter(isRefusedByVote)
    .filter(({ gate }) => gate.on_reject === 'cancel_run');
  const asked = cancels.filter(({ meaning }) => meaning !== 'refused');
  return [
    ...judgeUnknown(steps, outages, index),
    ...judgeStatus(ended, { name, refused, asked }, outages, index),
  ];
}

/**
 * Judges outcomes that are said to be unknown: each block was called, or its worker broke between the ledger's
 * entry that it begins and its call, which nobody can tell from a call.
 */
function judgeUnknown(
  steps: readonly StepRow[],
  outages: readonly Outage[],
  index: Index,
): readonly Breach[] {
  return steps
    .filter((step) => step.outcome_unknown && !index.executionsOfStep.has(step.id))
    .filter((step) => !isBrokenAtItsBegin(step, outages))
    .map(({ id }) => ({
      promise: '3',
      what: `step ${id} has an unknown outcome, and its block never began`,
    }));
}

function isBrokenAtItsBegin(
  { attempt_token: token, alive_at: at }: StepRow,
  outages: readonly Outage[],
): boolean {
  const aliveAt = at?.getTime();
  return (
    token !== null &&
    aliveAt !== undefined &&
    outages.some(
      ({ from, to, strike }) =>
        canPartBeginFromCall(strike) &&
        from - CALLED_WITHIN_MS < aliveAt &&
        aliveAt < to + CALLED_WITHIN_MS,
    )
  );
}

/** Only the worker's own end or pause, or the loss of PostgreSQL's answer, comes between the two. */
function canPartBeginFromCall(strike: Strike): boolean {
  switch (strike.kind) {
    case 'kill':
    case 'pause':
      return strike.part.startsWith('worker');
    case 'cut':
      return strike.part.startsWith('worker') && strike.server === 'postgres';
    case 'crash':
      return strike.server === 'postgres';
  }
}

function judgeStatus(
  ended: Ended,
  {
    name,
    refused,
    asked,
  }: {
    readonly name: string;
    readonly refused: readonly JudgedReview[];
    readonly asked: readonly Exchange[];
  },
  outages: readonly Outage[],
  index: Index,
): readonly Breach[] {
  const { run, row, steps } = ended;
  switch (row.status) {
    case 'completed':
      return judgeCompleted(ended, name, refused, asked);
    case 'cancelled':
      return [
        ...judgeExecutedLater(row, steps, name),
        ...(refused.length > 0 || asked.length > 0
          ? []
          : [
              {
                promise: '10',
                what: `${name} was cancelled, and nobody had asked for that: ${row.cancel_reason}`,
              },
            ]),
      ];
    case 'error': {
      const failed = steps.filter(({ status }) => status === 'error');
      const untrue = failed.filter((step) => !isTrueError(run, step, outages, index));
      return [
        ...untrue.map((step) => ({
          promise: step.outcome_unknown ? '3' : '10',
          what: `step ${step.id} ended in error without a reason: ${step.error_message}`,
        })),
        ...(failed.length > 0
          ? []
          : [
              {
                promise: '10',
                what: `${name} is in error, and none of its steps is: ${row.error_message}`,
              },
            ]),
      ];
    }
    default: {
      const open = steps.filter(
        ({ status }) => !/^(completed|skipped|cancelled|error)$/.test(status),
      );
      const waiting = open.map(({ id, status }) => `${id} is ${status}`).join(', ');
      const undecided = ended.reviews
        .map(
          ({ row: review, standing }) =>
            `${review.id} is ${review.status} (by its facts ${standing.status})`,
        )
        .join(', ');
      return [
        {
          promise: '1',
          what: `${name} has not ended: it is ${row.status}; ${waiting || 'no step is open'}; ${undecided}`,
        },
      ];
    }
  }
}

/** Whether a run was called cancelled while something of it was still being executed. */
function judgeExecutedLater(
  { ended_at: endedAt }: RunRow,
  steps: readonly StepRow[],
  name: string,
): readonly Breach[] {
  return steps
    .filter(
      ({ status, ended_at: at }) =>
        (status === 'completed' || status === 'error') &&
        at !== null &&
        endedAt !== null &&
        at > endedAt,
    )
    .map(({ id }) => ({
      promise: '1',
      what: `${name} was cancelled, and its step ${id} came to its end after that`,
    }));
}

function isRefusedByVote({ standing, facts }: JudgedReview): boolean {
  const settling = facts.find(({ seq }) => seq === standing.settledBy);
  return settling?.kind === 'vote' && settling.verdict !== 'approved';
}

function judgeCompleted(
  { run, row, reviews, steps }: Ended,
  name: string,
  refused: readonly JudgedReview[],
  cancels: readonly Exchange[],
): readonly Breach[] {
  const said = cancels.filter(
    ({ body }) => textAt(body, 'run', 'lifecycle', 'status') === 'cancelled',
  );
  const missing = expectedSteps(run).filter((id) => steps.every((step) => step.id !== id));
  const unended = steps.filter(({ status }) => status !== 'completed' && status !== 'skipped');
  const mayBeSkipped = reviews.some(isRefusedByVote);
  const skipped = steps.filter(({ status }) => status === 'skipped');
  const unexecuted = reviews.filter(
    ({ row: review, standing }) => standing.status === 'APPROVED' && review.status !== 'EXECUTED',
  );
  return [
    ...refused.map(({ row: review }) => ({
      promise: '1',
      what: `${name} completed, and review ${review.id} was refused`,
    })),
    ...said.map(() => ({
      promise: '1',
      what: `${name} completed, and its cancellation was acknowledged`,
    })),
    ...missing.map((id) => ({
      promise: '2',
      what: `${name} completed, and there is no step ${id}`,
    })),
    ...unended.map(({ id, status }) => ({
      promise: '2',
      what: `${name} completed, and step ${id} is ${status}`,
    })),
    ...(mayBeSkipped
      ? []
      : skipped.map(({ id }) => ({
          promise: '10',
          what: `step ${id} was skipped, and nobody refused anything in run ${row.id}`,
        }))),
    ...unexecuted.map(({ row: review }) => ({
      promise: '1',
      what: `${name} completed, and its approved review ${review.id} is ${review.status}`,
    })),
  ];
}

function expectedSteps({ id, workflow, inputs }: StartedRun): readonly string[] {
  return workflow.blocks.flatMap((block: Block) => {
    const items = inputs[block.id];
    const places = Array.isArray(items) ? items.map((_, place) => place) : [];
    return [
      `${id}_${block.id}`,
      ...(block.body ?? []).flatMap((inner) => places.map((place) => `${id}_${inner.id}@${place}`)),
    ];
  });
}

/** An error is true when the block says so itself, or when something was broken while it was executed. */
function isTrueError(
  run: StartedRun,
  step: StepRow,
  outages: readonly Outage[],
  index: Index,
): boolean {
  const block = run.workflow.blocks
    .flatMap((one) => [one, ...(one.body ?? [])])
    .find(({ id }) => id === step.block_id);
  if (block?.work === 'fail' && !step.outcome_unknown) {
    return true;
  }
  const [begun] = index.executionsOfStep.get(step.id) ?? [];
  if (begun === undefined) {
    // Judged by itself, in runs of every end.
    return step.outcome_unknown;
  }
  const endedAt = step.ended_at?.getTime() ?? Number.POSITIVE_INFINITY;
  return (
    step.outcome_unknown &&
    outages.some(({ from, to }) => from < endedAt && to > begun.at - LOST_WITHIN_MS)
  );
}

/** Judges what became of the workflows: nothing runs on, nothing was cancelled or started again beside what people asked. */
export function judgeExecutions({ stored, runs, deceived }: Evidence): readonly Breach[] {
  const rows = new Map(stored.runs.map((row) => [row.id, row]));
  const ours = new Set(runs.map(({ id }) => id));
  const own = stored.executions.filter(({ workflowId }) => !workflowId.includes(FORGED));
  const ofRuns = own.flatMap((execution) => {
    const runId = [...ours].find((id) => execution.workflowId.startsWith(id));
    return runId === undefined ? [] : [{ ...execution, row: rows.get(runId) }];
  });
  const byWorkflow = groupBy(
    ofRuns.filter(({ status }) => status !== 'CONTINUED_AS_NEW'),
    ({ workflowId }) => workflowId,
  );
  const breaches: Breach[] = [];
  for (const [workflowId, executions] of byWorkflow) {
    const [{ row } = { row: undefined }] = executions;
    if (executions.length > 1 && !(row !== undefined && deceived.has(row.id))) {
      breaches.push({
        promise: '10',
        what: `workflow ${workflowId} was started ${executions.length} times`,
      });
    }
  }
  for (const { workflowId, type, status, row } of ofRuns) {
    const mayBeReplaced = row !== undefined && deceived.has(row.id);
    const isOver = row !== undefined && /^(completed|cancelled|error)$/.test(row.status);
    if (status === 'RUNNING' && isOver && !mayLinger(type, row, stored.readAt)) {
      breaches.push({
        promise: '10',
        what: `${type} ${workflowId} runs on, and its run is ${row.status}`,
      });
    }
    if (status === 'CANCELLED' && row?.status === 'completed' && !mayBeReplaced) {
      breaches.push({
        promise: '10',
        what: `${type} ${workflowId} was cancelled, and its run completed`,
      });
    }
    if (
      (status === 'TERMINATED' && !mayBeReplaced) ||
      status === 'TIMED_OUT' ||
      (status === 'FAILED' && row?.status !== 'error')
    ) {
      breaches.push({
        promise: '10',
        what: `${type} ${workflowId} is ${status}, and its run is ${row?.status}`,
      });
    }
  }
  return [
    ...breaches,
    ...stored.holders
      .filter(({ workflow_id: id }) => id.includes(FORGED))
      .map(({ step_id: stepId, workflow_id: id }) => ({
        promise: '2',
        what: `step ${stepId} was held by ${id}, which a stranger had started`,
      })),
    ...stored.undelivered
      .filter((message) => isOwed(message, deceived))
      .map(({ run_id: runId, kind, state, last_error: why }) => ({
        promise: '1',
        what: `a message was never delivered: ${kind} of ${runId} is ${state} (${why ?? 'not sent'})`,
      })),
  ];
}

/** Whether a message has yet to arrive. News for a gate that a stranger's lie has ended fails, and is for doctor to see. */
export function isOwed(
  { run_id: runId, kind, state }: MessageRow,
  deceived: ReadonlySet<string>,
): boolean {
  return !(kind === 'signal' && state === 'failed' && deceived.has(runId));
}

/** The workflow of a cancelled run waits a minute for its cancel, so that Temporal shows it as cancelled. */
export function mayLinger(
  type: string,
  { status, ended_at: endedAt }: RunRow,
  now: number,
): boolean {
  return (
    type === 'workflowRun' &&
    status === 'cancelled' &&
    endedAt !== null &&
    now - endedAt.getTime() < LINGERS_MS
  );
}

const LINGERS_MS = 75_000;

/** Judges whether a command of a client started what it should: one run each, and no run that nobody asked for. */
export function judgeStarts({ stored, exchanges }: Evidence): readonly Breach[] {
  const asked = new Set(
    exchanges.flatMap(({ purpose }) => (purpose.kind === 'start' ? [purpose.commandId] : [])),
  );
  const byCommand = groupBy(stored.runs, ({ command_id: id }) => id ?? '');
  return [...byCommand].flatMap(([command, rows]): readonly Breach[] => {
    if (!asked.has(command)) {
      return [
        { promise: '3', what: `${rows.length} runs that nobody asked for (command '${command}')` },
      ];
    }
    return rows.length === 1
      ? []
      : [{ promise: '3', what: `command '${command}' started ${rows.length} runs` }];
  });
}
