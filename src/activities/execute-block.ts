import { CancelledFailure } from '@temporalio/activity';
import type { BlockFunctions } from '../blocks.js';
import { passedOn } from '../domain/block-input.js';
import { type Block, type BlockInput, type BlockResult, isInstant } from '../domain/definition.js';
import { parseDurationMs } from '../domain/duration.js';
import { readAnswer } from '../rules/block-answer.js';
import { type Execution, type ExecutionContext, failed, failedForGood } from './execution.js';
import { callHttp, type HttpSettings } from './http-executor.js';
import { messageOf, readableText } from './readable-text.js';

/** What executing blocks needs of the worker. */
export type BlockMeans = {
  readonly functions: BlockFunctions;
  readonly http: HttpSettings;
};

/** What a worker lacks to execute a block, and what to do about it; null when it has everything. */
export function missingFor({ executor }: Block, functions: BlockFunctions): string | null {
  return executor.kind === 'function' && functionOf(executor.name, functions) === null
    ? `It waits for a worker that has the function '${executor.name}': start one with --blocks and a module that defines it.`
    : null;
}

function functionOf(name: string, functions: BlockFunctions): BlockFunctions[string] | null {
  return Object.hasOwn(functions, name) ? (functions[name] ?? null) : null;
}

/**
 * What a block answers that needs nothing from outside: one that is supplied, or hands on what it is given.
 *
 * @returns null for a block that has to be executed, or whose answer would be refused
 */
export function answerAtOnce(
  block: Block,
  given: BlockInput,
  isInIteration: boolean,
): BlockResult | null {
  const isSupplied = block.executor.kind === 'supplied';
  if (!isInstant(block.executor) || (isSupplied && given.input === null && !isInIteration)) {
    return null;
  }
  const answer = isSupplied ? given.input : passedOn(block, given, isInIteration);
  const checked = readAnswer(block, answer);
  return 'problem' in checked ? null : checked;
}

/** How much of a failure's message is kept. */
const MAX_MESSAGE = 4_000;

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
      const run = functionOf(executor.name, functions);
      if (run === null) {
        throw new Error(`function '${executor.name}' is not registered, and its block began`);
      }
      const { stepId, runId, attempt, signal, heartbeat } = context;
      return await run(given, { stepId, runId, attempt, signal, heartbeat });
    }
  }
}

/** @param fail what an answer that cannot be stored comes to */
function checkAnswer(block: Block, answer: unknown, fail: typeof failedForGood): Execution {
  const checked = readAnswer(block, answer);
  return 'problem' in checked
    ? fail(readableText(checked.problem, MAX_MESSAGE))
    : { kind: 'result', result: checked };
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
