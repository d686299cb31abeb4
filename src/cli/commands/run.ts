import { type Command, Option } from 'commander';
import { RUN_STATUSES } from '../../domain/statuses.js';
import type { CancelRunResponse, RetryRunResponse, RunStatus } from '../../client/index.js';
import { printable, say } from '../output/printable.js';
import { showLifecycle, showRun, showRuns } from '../output/run-text.js';
import { moreRows } from '../output/table.js';
import { clientCommand, clientGroup } from './client-command.js';
import { followRun } from './follow-run.js';
import { jsonObjectArgument, limitOption } from './options.js';
import { type CommonOptions, perform } from './perform.js';
import { followToEnd, start } from './start-run.js';

const FILTERS: readonly RunStatus[] = [
  'awaiting_review',
  ...RUN_STATUSES.filter((status) => status !== 'cancelling'),
];

/** Adds `countersign run …`. */
export function registerRunCommands(program: Command): void {
  const group = clientGroup(program, 'run', 'start, follow and cancel runs');

  clientCommand(group, 'start', 'start a run of a workflow')
    .argument('<workflow_id>', 'the workflow to run')
    .addOption(
      new Option('--input <json>', 'what blocks are given, by block id: {"extract": {…}}')
        .argParser(jsonObjectArgument)
        .conflicts('inputFile'),
    )
    .option('--input-file <file>', 'the same from a JSON file (- for standard input)')
    .option('--owner <user>', 'on whose behalf it runs; for services and admins')
    .option('--command-id <id>', 'send the start again under the same id, and it is the same run')
    .option('--wait', 'wait until the run has ended; exit code 1 unless it completed')
    .action(start);

  clientCommand(group, 'show', 'show a run and its steps')
    .argument('<run>', 'the id of the run (run_…)')
    .option('--watch', 'tell of every change on standard error until the run has ended')
    .action(show);

  clientCommand(group, 'list', 'list runs, newest first')
    .addOption(new Option('--status <status...>', 'only these').choices(FILTERS))
    .option('--workflow <workflow_id>', 'only runs of this workflow')
    .addOption(limitOption())
    .action(list);

  clientCommand(group, 'cancel', 'cancel a run and its undecided reviews')
    .argument('<run>', 'the id of the run (run_…)')
    .option('--reason <text>', 'why, for those who come after')
    .action(cancel);

  clientCommand(group, 'retry', 'go on with a run in error; approvals are kept')
    .argument('<run>', 'the id of the run (run_…)')
    .addOption(new Option('--step <step...>', 'only these of the failed steps (see `run show`)'))
    .option('--wait', 'wait until the run has ended; exit code 1 unless it completed')
    .action(retry);
}

async function retry(
  runId: string,
  options: CommonOptions & { readonly step?: readonly string[]; readonly wait?: boolean },
): Promise<void> {
  await perform(options, async (session) => {
    const retried = await session.client.runs.retry(runId, { steps: options.step });
    if (options.wait !== true) {
      return { json: retried, text: () => showRetry(retried) };
    }
    session.note(showRetry(retried));
    return await followToEnd(session, runId);
  });
}

function showRetry({ run, step_ids: stepIds }: RetryRunResponse): string {
  return stepIds.length === 0
    ? say`Run ${run.id} goes on.`
    : say`Run ${run.id} goes on; again: ${stepIds.join(', ')}.`;
}

async function show(
  runId: string,
  options: CommonOptions & { readonly watch?: boolean },
): Promise<void> {
  await perform(options, async (session) => {
    const { client } = session;
    if (options.watch === true) {
      await followRun(session, runId);
    }
    const [run, steps] = await Promise.all([
      client.runs.get(runId),
      client.steps.list({ run_id: runId }).take(10_000),
    ]);
    return {
      json: { ...run, steps: steps.data },
      text: (style) => showRun(style, run, steps.data),
    };
  });
}

type ListOptions = CommonOptions & {
  readonly status?: readonly RunStatus[];
  readonly workflow?: string;
  readonly limit: number;
};

async function list(options: ListOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const { status, workflow, limit } = options;
    const page = await client.runs.list({ status, workflow_id: workflow }).take(limit);
    return {
      json: page,
      text: (style) => [showRuns(style, page.data), ...moreRows(page)].join('\n'),
    };
  });
}

async function cancel(
  runId: string,
  options: CommonOptions & { readonly reason?: string },
): Promise<void> {
  await perform(options, async ({ client }) => {
    const response = await client.runs.cancel(runId, { reason: options.reason });
    return { json: response, text: () => showCancellation(response) };
  });
}

function showCancellation({ run, cancellation_status: status }: CancelRunResponse): string {
  switch (status) {
    case 'cancelled':
      return `Run ${printable(run.id)} has ended: ${printable(showLifecycle(run))}.`;
    case 'cancellation_requested':
      return run.lifecycle.status === 'running'
        ? say`Run ${run.id} is being cancelled: what was approved and is being executed comes to its end first.`
        : say`Run ${run.id} is cancelled; what it was doing ends now.`;
    case 'cancellation_failed':
      return say`Run ${run.id} could not be cancelled.`;
  }
}
