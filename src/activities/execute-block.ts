import { CancelledFailure } from '@temporalio/activity';
import type { BlockFunctions } from '../blocks.js';
import { passedOn } from '../domain/block-input.js';
import type { Block, BlockInput, BlockResult } from '../domain/definition.js';
import { parseDurationMs } from '../domain/duration.js';
import { isJsonObject, type Json } from '../domain/json.js';
import { parseCanonical } from '../rules/canonical.js';

/** What came of executing a block: a result, a failure it answered with, or silence until its timeout. */
export type Execution =
  | { readonly kind: 'result'; readonly result: BlockResult }
  | { readonly kind: 'failure'; readonly message: string }
  | { readonly kind: 'timeout'; readonly message: string };

/** What an execution is told of itself. */
export type ExecutionContext = {
  readonly stepId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly cancelled: AbortSignal;
  readonly heartbeat: () => void;
};

/**
 * Executes a block once and checks what it answers.
 *
 * @throws CancelledFailure when the run is cancelled or the worker shuts down meanwhile
 */
export async function executeBlock(
  block: Block,
  given: BlockInput,
  functions: BlockFunctions,
  context: ExecutionContext,
): Promise<Execution> {
  const timeoutMs = parseDurationMs(block.execution.timeout) ?? 0;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([context.cancelled, timeout]);
  try {
    const answer = await Promise.race([
      answerOf(block, given, functions, { ...context, signal }),
      aborted(signal),
    ]);
    return checkAnswer(block, answer);
  } catch (error) {
    if (context.cancelled.aborted) {
      throw new CancelledFailure(
        'the execution was cancelled',
        [],
        asError(context.cancelled.reason),
      );
    }
    if (timeout.aborted) {
      const message = `Block '${block.id}' did not answer within ${block.execution.timeout}: raise execution.timeout, or make it faster.`;
      return { kind: 'timeout', message };
    }
    return { kind: 'failure', message: error instanceof Error ? error.message : String(error) };
  }
}

async function answerOf(
  block: Block,
  given: BlockInput,
  functions: BlockFunctions,
  context: ExecutionContext & { readonly signal: AbortSignal },
): Promise<Json> {
  const { executor } = block;
  switch (executor.kind) {
    case 'supplied':
      if (given.input === null) {
        throw new Error(
          `Block '${block.id}' is supplied by whoever starts the run: give its output as json_inputs['${block.id}'].`,
        );
      }
      return given.input;
    case 'pass':
      return passedOn(block, given);
    case 'http':
      throw new Error(
        `Block '${block.id}' declares the executor 'http', which is not supported yet.`,
      );
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

function checkAnswer(block: Block, answer: unknown): Execution {
  const canonical = parseCanonical(answer);
  if ('problems' in canonical) {
    const [first] = canonical.problems;
    const where =
      first === undefined || first.path.length === 0 ? '' : ` at ${first.path.join('.')}`;
    const message = `Block '${block.id}' answered what cannot be stored: its output${where} ${first?.message ?? 'is no JSON'}.`;
    return { kind: 'failure', message };
  }
  const result = asResult(answer);
  if (block.review?.placement === 'output' && !isJsonObject(result.output)) {
    const message = `Block '${block.id}' has a gate on its output, and only a JSON object can be reviewed: answer one.`;
    return { kind: 'failure', message };
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

/** Only for what `parseCanonical` has accepted: it is JSON throughout. */
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
