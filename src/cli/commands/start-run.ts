import { randomUUID } from 'node:crypto';
import { type Client, ConnectionError, type Run, type StartRun } from '../../client/index.js';
import { isJsonObject, type JsonObject } from '../../domain/json.js';
import { say } from '../output/printable.js';
import { showLifecycle } from '../output/run-text.js';
import { CommandError } from './command-error.js';
import { followRun } from './follow-run.js';
import { type CommonOptions, perform, type Report, type Session } from './perform.js';
import { readJsonFile } from './read-input.js';

/** The options of `run start`. */
export type StartOptions = CommonOptions & {
  readonly input?: JsonObject;
  readonly inputFile?: string;
  readonly owner?: string;
  readonly commandId?: string;
  readonly wait?: boolean;
};

/** Carries out `run start`. */
export async function start(workflowId: string, options: StartOptions): Promise<void> {
  await perform(options, async (session) => {
    const run = await startOnce(session.client, {
      workflow_id: workflowId,
      json_inputs: options.input ?? (await readInputs(options.inputFile)),
      owner: options.owner,
      command_id: options.commandId ?? `cli-${randomUUID()}`,
    });
    return options.wait === true ? await follow(session, run) : started(run);
  });
}

/**
 * Starts a run; a start of which nobody knows whether it happened can be sent again.
 *
 * Hence the command id that is always sent: the error names it.
 */
async function startOnce(
  client: Client,
  request: StartRun & { readonly command_id: string },
): Promise<Run> {
  try {
    return await client.runs.start(request);
  } catch (error) {
    if (!(error instanceof ConnectionError)) {
      throw error;
    }
    throw new ConnectionError(
      error.url,
      `${error.message} Then send this again with --command-id ${request.command_id}: should the run have started, it does not start twice.`,
      { cause: error },
    );
  }
}

async function readInputs(file: string | undefined): Promise<JsonObject> {
  if (file === undefined) {
    return {};
  }
  const value = await readJsonFile(file);
  if (!isJsonObject(value)) {
    throw new CommandError(
      `The inputs in ${file} are no JSON object: expected { "<block id>": …, … }.`,
    );
  }
  return value;
}

function started(run: Run): Report {
  return {
    json: run,
    text: () =>
      [
        say`Run ${run.id} of ${run.workflow_id} has been started (${run.lifecycle.status}).`,
        say`Follow it: countersign run show ${run.id}`,
      ].join('\n'),
  };
}

async function follow(session: Session, run: Run): Promise<Report> {
  session.note(say`Run ${run.id} of ${run.workflow_id} has been started; waiting until it ends.`);
  return await followToEnd(session, run.id);
}

/** Waits until a run has ended, and says how; the server may restart meanwhile. */
export async function followToEnd(session: Session, runId: string): Promise<Report> {
  const ended = await followRun(session, runId);
  const sentence = say`Run ${ended.id} has ended: ${showLifecycle(ended)}.`;
  return {
    json: ended,
    text: () => (ended.lifecycle.status === 'completed' ? sentence : ''),
    failure: ended.lifecycle.status === 'completed' ? null : sentence,
  };
}
