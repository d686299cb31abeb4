/** Where the worker of the bare workflows polls. */
export const BARE_TASK_QUEUE = 'bare';

/** The definition of Countersign's side, and the group whose members vote. */
export const WORKFLOW_ID = 'bench';
export const GROUP = 'reviewers';
