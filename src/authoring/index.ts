import { forEach } from './for-each.js';
import { classifier, extract, split, task } from './makers.js';

// What an author of workflows imports from `countersign`.
export { allOf, atLeast, group, person, type Approval } from './approval.js';
export type { AnyBlock, Block } from './block.js';
export type { ArgsOf, BlockIdOf, FunctionNameOf, OutputOf, RunsOf } from './block-functions.js';
export type { Condition } from './conditions.js';
export { fn, http, pass, supplied } from './executors.js';
export type { FromSchema } from './from-schema.js';
export { gate } from './own-gate.js';
export { DefinitionError } from './problem.js';
export type { DeclaredBlock, DeclaredGate, DeclaredWorkflow } from './stored-form.js';
export { defineWorkflow, functionNamesIn, type AnyWorkflow, type Workflow } from './workflow.js';

/** Makes a block of a workflow: one maker for each type. */
export const block = { extract, classifier, split, task, forEach } as const;
