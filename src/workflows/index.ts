// What a worker registers: the workflow types by their names in Temporal.
export { gatedBlockRun } from './gated-block-run.js';
export { workflowRun } from './workflow-run.js';
