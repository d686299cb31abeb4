import { CancelledFailure } from '@temporalio/activity';
import type { BlockFunctions } from '../blocks.js';
import { passedOn } from '../domain/block-input.js';
import type { Block, BlockInput, BlockResult } from '../domain/definition.js';
import { parseDurationMs } from '../domain/duration.js';
import { isJsonObject, type Json } from '../domain/json.js';
import { canonicalForm, MAX_SNAPSHOT_BYTES, parseCanonical } from '../rules/canonical.js';
import { type Execution, type ExecutionContext, failed, failedForGood } from './execution.js';
import { callHttp, type HttpSettings } from './http-executor.js';
import { messageOf, readableText } from './readable-text.js';

/** What executing blocks needs of the worker. */
export type BlockMeans = {
  readonly functions: BlockFunctions;
  readonly http: HttpSettings;
};

/** How much of a failure's message is kept. */
const MAX_MESSAGE = 4_000;
/** What `consensus` and `source` may take beside an output of the largest size. */
const MAX_ANSWER_BYTES = MAX_SNAPSHOT_BYTES + 1024 * 1024;

/**
 * Executes a block once and checks what it answers.
 *
 * @throws CancelledFailure when the run is cancelled or the worker shuts down meanwhile
 */
export async function executeBlock(
  block: Block,
  given: BlockInput,
  means: BlockMeans,
  context: ExecutionContext,
): Promise<Execution> {
  try {
    const { executor } = block;
    if (executor.kind !== 'http') {
      return await executeHere(block, given, means.functions, context);
    }
    const outcome = await callHttp({ ...block, executor }, given, context, means.http);
    // The same idempotency key would bring the same answer again.
    return outcome.kind === 'answer' ? checkAnswer(block, outcome.json, failedForGood) : outcome;
  } catch (error) {
    if (context.cancelled.aborted) {
      throw new CancelledFailure(
        'the execution was cancelled',
        [],
        asError(context.cancelled.reason),
      );
    }
    return failed(readableText(messageOf(error), MAX_MESSAGE));
  }
}

/** Executes a block in this process; one that is silent until its timeout is not waited for. */
async function executeHere(
  block: Block,
  given: BlockInput,
  functions: BlockFunctions,
  context: ExecutionContext,
): Promise<Execution> {
  const timeout = AbortSignal.timeout(parseDurationMs(block.execution.timeout) ?? 0);
  const signal = AbortSignal.any([context.cancelled, timeout]);
  try {
    const answer = await Promise.race([
      answerOf(block, given, functions, { ...context, signal }),
      aborted(signal),
    ]);
    return checkAnswer(block, answer, failed);
  } catch (error) {
    if (timeout.aborted && !context.cancelled.aborted) {
      const message = `Block '${block.id}' did not answer within ${block.execution.timeout}: raise execution.timeout, or make it faster.`;
      return { kind: 'silence', message };
    }
    throw error;
  }
}

async function answerOf(
  block: Block,
  given: BlockInput,
  functions: BlockFunctions,
  context: ExecutionContext & { readonly signal: AbortSignal },
): Promise<unknown> {
  const { executor } = block;
  switch (executor.kind) {
    case 'supplied':
      if (given.input === null && context.isInIteration !== true) {
        throw new Error(
          `Block '${block.id}' is supplied by whoever starts the run: give its output as json_inputs['${block.id}'].`,
        );
      }
      return given.input;
    case 'pass':
      return passedOn(block, given, context.isInIteration);
    case 'http':
      throw new Error(`block ${block.id} is not executed here`);
    case 'function': {
      const run = Object.hasOwn(functions, executor.name) ? functions[executor.name] : undefined;
      if (run === undefined) {
        throw new Error(
          `No function '${executor.name}' is registered in this worker: start it with --blocks and a module that defines it.`,
        );
      }
      const { stepId, runId, attempt, signal, heartbeat } = context;
      return await run(given, { stepId, runId, attempt, signal, heartbeat });
    }
  }
}

/** @param fail what an answer that cannot be stored comes to */
function checkAnswer(block: Block, answer: unknown, fail: typeof failedForGood): Execution {
  const canonical = parseCanonical(answer, MAX_ANSWER_BYTES);
  if ('problems' in canonical) {
    const [first] = canonical.problems;
    const where =
      first === undefined || first.path.length === 0 ? '' : ` at ${first.path.join('.')}`;
    const message = `Block '${block.id}' answered what cannot be stored: its output${where} ${first?.message ?? 'is no JSON'}.`;
    return fail(readableText(message, MAX_MESSAGE));
  }
  // A copy: what a function goes on changing while it is being stored is no longer what was checked.
  const copy: unknown = JSON.parse(canonical.text);
  const result = asResult(copy);
  if (
    canonical.byteLength > MAX_SNAPSHOT_BYTES &&
    canonicalForm(result.output).byteLength > MAX_SNAPSHOT_BYTES
  ) {
    return fail(
      `Block '${block.id}' answered what cannot be stored: its output takes more than ${MAX_SNAPSHOT_BYTES} bytes.`,
    );
  }
  if (block.review?.placement === 'output' && !isJsonObject(result.output)) {
    const message = `Block '${block.id}' has a gate on its output, and only a JSON object can be reviewed: answer one.`;
    return fail(message);
  }
  return { kind: 'result', result };
}

/** An object of `output` with nothing but `consensus` and `source` beside it is a result; else an output. */
function asResult(answer: unknown): BlockResult {
  const plain = { output: isJson(answer) ? answer : null, consensus: null, source: null };
  if (!isJsonObject(answer) || !('output' in answer)) {
    return plain;
  }
  const { output, consensus, source, ...others } = answer;
  const isEnvelope =
    Object.keys(others).length === 0 &&
    (consensus === undefined || consensus === null || isJsonObject(consensus)) &&
    (source === undefined || source === null || typeof source === 'string');
  return isEnvelope
    ? { output: output ?? null, consensus: consensus ?? null, source: source ?? null }
    : plain;
}

/** Only for what was parsed as JSON, and is JSON throughout. */
function isJson(value: unknown): value is Json {
  return value !== undefined;
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise<never>((_, reject) => {
    const abort = (): void => reject(asError(signal.reason));
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener('abort', abort, { once: true });
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
