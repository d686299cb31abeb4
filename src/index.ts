// What an author of blocks imports from `countersign`.
export {
  type BlockContext,
  type BlockFunction,
  type BlockFunctions,
  defineBlocks,
} from './blocks.js';
export type { BlockInput, BlockResult } from './domain/definition.js';
export type { Json, JsonObject } from './domain/json.js';
