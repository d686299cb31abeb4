import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import type { Tx } from './database.js';
import { oweMessage } from './outbox.js';
import type { RunRow, StepRow } from './tables.js';

/** Who runs a step: a Temporal workflow, and when it started (the younger one prevails). */
export type Holder = { readonly workflowId: string; readonly startedAt: string };

/** Whether a workflow started before the one that holds the step; of two at once the lesser id did. */
export function isOlderThanHolder(step: StepRow, asking: Holder): boolean {
  if (step.holderStartedAt === null || step.holder === asking.workflowId) {
    return false;
  }
  const ageMs = step.holderStartedAt.getTime() - new Date(asking.startedAt).getTime();
  return ageMs > 0 || (ageMs === 0 && asking.workflowId < (step.holder ?? ''));
}

/** Makes a workflow the holder of a locked step; the one before is owed a cancel, so that it does not wait for ever. */
export async function replaceHolder(
  tx: Tx,
  run: RunRow,
  step: StepRow,
  holder: Holder,
): Promise<void> {
  await tx
    .updateTable('step')
    .set({ holder: holder.workflowId, holderStartedAt: new Date(holder.startedAt) })
    .where('id', '=', step.id)
    .execute();
  if (step.holder !== null) {
    await recordAudit(tx, SYSTEM, 'holder_replaced', {
      runId: run.id,
      detail: { step_id: step.id, before: step.holder, after: holder.workflowId },
    });
    await oweMessage(
      tx,
      { projectId: run.projectId, runId: run.id, kind: 'cancel', workflowId: step.holder },
      0,
    );
  }
}
