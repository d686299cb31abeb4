import { sql } from 'kysely';
import type { Caller } from '../domain/ledger.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import type { Tx } from './database.js';
import { changed, type ChangedStep } from './ledger.js';
import { oweMessage } from './outbox.js';
import type { RunRow, StepRow } from './tables.js';

/** Whether another workflow has taken a step from this one before; such a one never holds it again. */
export async function hasBeenReplaced(tx: Tx, step: StepRow, caller: Caller): Promise<boolean> {
  if (caller === null || step.holderNumber === 0 || step.holder === caller.workflowId) {
    return false;
  }
  const row = await tx
    .selectFrom('replacedHolder')
    .select('number')
    .where('stepId', '=', step.id)
    .where('workflowId', '=', caller.workflowId)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Makes a workflow the holder of a locked step, under the next number. The one before is owed a cancel,
 * so that it does not wait for ever, and is remembered as replaced. What failed to reach it is among the
 * facts that the new one reads.
 *
 * @returns the step with its new holder, which is still to be written
 */
export function replaceHolder(tx: Tx, run: RunRow, step: StepRow, workflowId: string): ChangedStep {
  const held = changed(step, { holder: workflowId, holderNumber: step.holderNumber + 1 });
  if (step.holder === null) {
    return held;
  }
  tx.withCommit(
    tx
      .insertInto('replacedHolder')
      .values({
        stepId: step.id,
        number: step.holderNumber,
        projectId: run.projectId,
        workflowId: step.holder,
      })
      .execute(),
    recordAudit(tx, SYSTEM, 'holder_replaced', {
      runId: run.id,
      detail: { step_id: step.id, before: step.holder, after: workflowId },
    }),
    oweMessage(
      tx,
      { projectId: run.projectId, runId: run.id, kind: 'cancel', workflowId: step.holder },
      0,
    ),
    sql`
      delete from outbox
       where state = 'failed' and kind = 'signal'
         and review_id = (select id from review where step_id = ${step.id})`.execute(tx),
  );
  return held;
}
