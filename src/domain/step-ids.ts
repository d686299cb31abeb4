// What both sides of Temporal must name alike: workflows derive the ids of steps, and the store writes them.

/**
 * The id of a block's step in a run, in one iteration of the for_each around it where there is one.
 *
 * Ids of blocks have no `@`, so that no two steps of a run have the same id.
 */
export function stepIdOf(
  runId: string,
  blockId: string,
  iterationKey: string | null = null,
): string {
  const id = `${runId}_${blockId}`;
  return iterationKey === null ? id : `${id}@${iterationKey}`;
}

/** Names an iteration: the 0-based place of its item, behind the key of the iteration around it. */
export function iterationKeyOf(around: string | null, position: number): string {
  return around === null ? String(position) : `${around}.${position}`;
}

/** The key of the iteration so many for_eaches deep that a key lies in; null outside of them all. */
export function iterationAt(iterationKey: string | null, depth: number): string | null {
  return iterationKey === null || depth === 0
    ? null
    : iterationKey.split('.').slice(0, depth).join('.');
}

/** The id of the run that a step belongs to. */
export function runIdOf(stepId: string): string {
  return stepId.split('_', 2).join('_');
}

/** The run that one of its workflows belongs to, by the workflow's id; null where that names no run. */
export function runOfWorkflow(workflowId: string): string | null {
  return workflowId.startsWith('run_') ? runIdOf(workflowId) : null;
}

/** The block and the iteration that the id of a step names. */
export function placeOf(stepId: string): {
  readonly blockId: string;
  readonly iterationKey: string | null;
} {
  const [blockId = '', iterationKey = null] = stepId.slice(runIdOf(stepId).length + 1).split('@');
  return { blockId, iterationKey };
}
