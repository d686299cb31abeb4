import { type RecoveryRefusal, ruleOnRetry } from '../domain/recovery.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { supersedeFailedMessages } from './drift.js';
import { type LeasedMessage, oweMessage } from './outbox.js';
import { lockRun } from './runs.js';
import type { RunRow } from './tables.js';

/** What became of a retry. */
export type Retry =
  | { readonly kind: 'refused'; readonly refusal: RecoveryRefusal }
  | {
      readonly kind: 'retried';
      readonly run: RunRow;
      readonly stepIds: readonly string[];
      readonly lease: LeasedMessage | null;
    };

/**
 * Goes on with a run in error: its failed steps may begin again, with all their attempts, and its
 * workflow is owed a start. Reviews, votes and approvals stay as they are.
 *
 * @param wanted the steps to run again; null for all that failed
 * @param leaseMs how long the caller alone may tell Temporal (0: leave it to the senders)
 */
export async function retryRun(
  db: Db,
  actor: Actor,
  runId: string,
  wanted: readonly string[] | null,
  leaseMs: number,
): Promise<Retry> {
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    const ruling = ruleOnRetry(run, await lockFailedSteps(tx, runId), wanted);
    if (ruling.kind === 'refused') {
      return ruling;
    }
    await freeSteps(tx, ruling.stepIds);
    const retried = await tx
      .updateTable('run')
      .set({ status: 'running', endedAt: null, errorMessage: null, failingStepId: null })
      .where('id', '=', runId)
      .returningAll()
      .executeTakeFirstOrThrow();
    await recordAudit(tx, actor, 'run_retried', { runId, detail: { step_ids: ruling.stepIds } });
    // The workflow that is started reads every vote from the store.
    await supersedeFailedMessages(tx, runId);
    const message = {
      projectId: run.projectId,
      runId,
      kind: 'restart',
      workflowId: runId,
    } as const;
    const lease = await oweMessage(tx, message, leaseMs);
    return { kind: 'retried', run: retried, stepIds: ruling.stepIds, lease };
  });
}

async function lockFailedSteps(tx: Tx, runId: string) {
  return await tx
    .selectFrom('step')
    .select(['id', 'status', 'outcomeUnknown'])
    .where('runId', '=', runId)
    .where('status', '=', 'error')
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
}

/**
 * Lets locked steps that failed, or whose outcome was settled, begin again with all their attempts.
 *
 * Behind a gate on the input the approved input is executed again. The items of a for_each were
 * released, so that only its iterations go on.
 */
export async function freeSteps(tx: Tx, stepIds: readonly string[]): Promise<void> {
  if (stepIds.length === 0) {
    return;
  }
  await tx
    .updateTable('step')
    .set((eb) => ({
      status: eb
        .case()
        .when('output', 'is', null)
        .then('pending' as const)
        .else('running' as const)
        .end(),
      attempt: 0,
      failures: 0,
      attemptToken: null,
      aliveAt: null,
      errorMessage: null,
      outcomeUnknown: false,
      endedAt: null,
    }))
    .where('id', 'in', [...stepIds])
    .execute();
  await tx
    .updateTable('review')
    .set((eb) => ({ status: 'PROCESSING', endedAt: null, rev: eb('rev', '+', 1) }))
    .where('stepId', 'in', [...stepIds])
    .where('placement', '=', 'input')
    .where('status', 'in', ['EXECUTED', 'UNKNOWN'])
    .execute();
}
