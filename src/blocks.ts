import type { BlockInput } from './domain/definition.js';
import type { Json } from './domain/json.js';

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

/** Declares the functions of a module that `countersign worker --blocks <module>` loads. */
export function defineBlocks<Functions extends BlockFunctions>(functions: Functions): Functions {
  return functions;
}
