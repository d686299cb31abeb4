// What a worker registers: the workflow types by their names in Temporal.
export { forEachRun } from './for-each-run.js';
export { gatedBlockRun } from './gated-block-run.js';
export { workflowRun } from './workflow-run.js';
