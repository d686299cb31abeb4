import {
  DefinitionError,
  functionNamesIn,
  type AnyWorkflow,
  type ArgsOf,
  type BlockIdOf,
  type DeclaredWorkflow,
  type FunctionNameOf,
  type OutputOf,
  type RunsOf,
} from './authoring/index.js';
import type { BlockInput } from './domain/definition.js';
import type { Json, JsonObject } from './domain/json.js';

/** What a block function knows of the execution it is part of. */
export type BlockContext = {
  /** Names the step; the same in every attempt, so it serves as an idempotency key. */
  readonly stepId: string;
  readonly runId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted when the run is cancelled or the block's timeout has passed. */
  readonly signal: AbortSignal;
  /** Says that the function is alive; called for it every few seconds while its event loop turns. */
  heartbeat(): void;
};

/**
 * What an author's code does for a block with the executor `function`.
 *
 * It answers the output (any JSON), or an object of exactly `output` and, if it has them, `consensus`
 * and `source` (a link to what a reviewer should see beside it). An error it throws is its answer,
 * too: the block failed, and its message is shown to people.
 */
export type BlockFunction = (args: BlockInput, context: BlockContext) => Promise<Json> | Json;

/** Block functions by the name that a definition's executor gives. */
export type BlockFunctions = Readonly<Record<string, BlockFunction>>;

/** The function behind a block, typed by the workflow that it is a block of. */
export type BlockFunctionOf<Workflow extends AnyWorkflow, Id extends BlockIdOf<Workflow>> = (
  args: ArgsOf<Workflow, Id>,
  context: BlockContext,
) => Promise<Answer<OutputOf<Workflow, Id>>> | Answer<OutputOf<Workflow, Id>>;

/** The functions that the blocks of a workflow run, by name. A function of several blocks takes what any of them is given. */
export type BlockFunctionsOf<Workflow extends AnyWorkflow> = {
  readonly [Name in FunctionNameOf<Workflow>]: (
    args: RunsOf<Workflow, Name>['args'],
    context: BlockContext,
  ) => Promise<Answer<RunsOf<Workflow, Name>['output']>> | Answer<RunsOf<Workflow, Name>['output']>;
};

/** What a function answers: the output, or the output with what belongs to it. */
type Answer<Output> =
  | Output
  | {
      readonly output: Output;
      readonly consensus?: JsonObject | null;
      readonly source?: string | null;
    };

/** Declares the functions of a module that `countersign worker --blocks <module>` loads. */
export function defineBlocks<Functions extends BlockFunctions>(functions: Functions): Functions;
/**
 * Declares the functions that a workflow's blocks run: each is typed by what its block is given and answers.
 *
 * @throws DefinitionError if one is missing, where the compiler could not say so
 */
export function defineBlocks<Workflow extends AnyWorkflow>(
  workflow: Workflow,
  functions: NoInfer<BlockFunctionsOf<Workflow>>,
): BlockFunctionsOf<Workflow>;
export function defineBlocks(
  first: { readonly blocks?: DeclaredWorkflow['blocks'] },
  second?: object,
): object {
  if (second === undefined) {
    return first;
  }
  const missing = functionNamesIn(first.blocks ?? []).filter(
    (name) => !Object.hasOwn(second, name),
  );
  if (missing.length > 0) {
    throw new DefinitionError(
      missing.map(
        (name) => `The workflow runs the function "${name}", which is not declared: add it.`,
      ),
    );
  }
  return second;
}
