// What an author of workflows imports from `countersign`.
export {
  allOf,
  atLeast,
  block,
  defineWorkflow,
  DefinitionError,
  fn,
  gate,
  group,
  http,
  pass,
  person,
  supplied,
  type AnyBlock,
  type AnyWorkflow,
  type Approval,
  type Block,
  type Condition,
  type DeclaredBlock,
  type DeclaredGate,
  type DeclaredWorkflow,
  type FromSchema,
  type OutputOf,
  type Workflow,
} from './authoring/index.js';

// What an author of blocks imports from `countersign`.
export {
  type BlockContext,
  type BlockFunction,
  type BlockFunctionOf,
  type BlockFunctions,
  type BlockFunctionsOf,
  defineBlocks,
} from './blocks.js';
export type { BlockInput, BlockResult } from './domain/definition.js';
export type { Json, JsonObject } from './domain/json.js';
