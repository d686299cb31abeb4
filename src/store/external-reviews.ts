import { sql } from 'kysely';
import type { Block, Definition, Gate } from '../domain/definition.js';
import type { ExternalEnd, ExternalRequest } from '../domain/external-review.js';
import type { JsonObject } from '../domain/json.js';
import type { RunEnd } from '../domain/orders.js';
import { hasEnded, isStepEnded } from '../domain/statuses.js';
import { canonicalForm } from '../rules/canonical.js';
import { definitionVersionId } from '../rules/content-ids.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { endRun } from './end-run.js';
import { type Firing, openReview } from './gates.js';
import { completeStep } from './ledger.js';
import { findReviewOfStep, findVersion, listFacts } from './reviews.js';
import { getRun, lockRun } from './runs.js';
import { createSteps } from './steps.js';
import { readJsonObject } from './stored-json.js';
import type { ExternalRunRow, ReviewRow, RunRow, StepRow, WorkflowVersionRow } from './tables.js';
import { findWorkflowVersion, putWorkflow } from './workflows.js';

/** What a review by an author's own workflow is opened with; it was checked before. */
export type ExternalOpening = {
  readonly runId: string;
  readonly request: ExternalRequest;
  readonly definition: Definition;
  readonly block: Block;
  readonly gate: Gate;
  readonly snapshot: JsonObject;
  /** What the gate's predicate found; null when nobody need be asked. */
  readonly firing: Firing | null;
  /** The hash of everything that was asked but the snapshot: policy, schema, types, owner. */
  readonly orderSha256: string;
};

/** Finds what an external run was opened from. */
export async function findExternalRun(db: Db | Tx, runId: string): Promise<ExternalRunRow | null> {
  const row = await db
    .selectFrom('externalRun')
    .selectAll()
    .where('runId', '=', runId)
    .executeTakeFirst();
  return row ?? null;
}

/** Whether the snapshots of a run pass through histories, and have to be small. */
export async function isByValue(db: Db, runId: string): Promise<boolean> {
  const from = await findExternalRun(db, runId);
  return from !== null && from.snapshotRef === null;
}

/**
 * Writes the run of an author's own workflow, its only step, and the review of its gate, once.
 *
 * One transaction. The second time, and of several at once all but the first, it changes nothing.
 */
export async function openExternalReview(
  db: Db,
  opening: ExternalOpening,
  holder: string,
): Promise<void> {
  const { runId, request, definition, block, gate, snapshot, firing, orderSha256 } = opening;
  const { projectId } = SYSTEM;
  const version = await storeDefinition(db, definition);
  await inTransaction(db, async (tx) => {
    const run = await insertRun(tx, opening, version);
    if (run === null) {
      return;
    }
    const { text, sha256 } = canonicalForm(snapshot);
    await tx
      .insertInto('externalRun')
      .values({
        runId,
        projectId,
        workflowId: request.workflow_id,
        workflowType: request.workflow_type,
        firstExecutionRunId: request.first_execution_run_id,
        key: request.key,
        snapshotSha256: sha256,
        snapshotRef: request.snapshot_ref,
        orderSha256,
      })
      .execute();
    await createSteps(tx, run, definition);
    const step = await tx
      .updateTable('step')
      .set({
        status: 'running',
        startedAt: sql`clock_timestamp()`,
        holder,
        holderNumber: 1,
        output: text,
      })
      .where('runId', '=', runId)
      .returningAll()
      .executeTakeFirstOrThrow();
    if (firing === null) {
      await completeStep(tx, run, step, null);
    } else {
      await openReview(tx, { run, step, block, review: null }, gate, firing);
    }
  });
}

/** Stores the definition of a review under its content, unless it is there. */
async function storeDefinition(db: Db, definition: Definition): Promise<WorkflowVersionRow> {
  const { projectId } = SYSTEM;
  const id = definitionVersionId(projectId, definition);
  return (
    (await findWorkflowVersion(db, projectId, definition.workflow_id, id)) ??
    (await putWorkflow(db, SYSTEM, definition))
  );
}

/** Null when the run is there already. */
async function insertRun(
  tx: Tx,
  { runId, request }: ExternalOpening,
  version: WorkflowVersionRow,
): Promise<RunRow | null> {
  const run = await tx
    .insertInto('run')
    .values({
      id: runId,
      projectId: SYSTEM.projectId,
      kind: 'external',
      workflowId: version.workflowId,
      workflowVersionId: version.id,
      ownerId: request.owner,
      startedBy: `workflow:${request.workflow_id}`,
      status: 'running',
      startedAt: sql`clock_timestamp()`,
      inputs: '{}',
      metadata: JSON.stringify({
        workflow_id: request.workflow_id,
        workflow_type: request.workflow_type,
        key: request.key,
      }),
      trigger: 'custom',
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (run === undefined) {
    return null;
  }
  await recordAudit(tx, SYSTEM, 'run_started', {
    runId,
    detail: { workflow_id: run.workflowId, owner_id: run.ownerId },
  });
  return run;
}

/** The only step of an external run. */
export async function getExternalStep(db: Db | Tx, runId: string): Promise<StepRow> {
  return await db
    .selectFrom('step')
    .selectAll()
    .where('runId', '=', runId)
    .executeTakeFirstOrThrow();
}

/**
 * Ends an external run as its step has ended, and tells how; one that has ended keeps its end.
 *
 * The run must have been cancelled, or its review decided and its step released.
 */
export async function endExternalRun(db: Db, runId: string): Promise<ExternalEnd> {
  const before = await getRun(db, runId);
  const step = await getExternalStep(db, runId);
  if (!hasEnded(before.status)) {
    const end = endAs(before, step);
    if (end === null) {
      throw new Error(`run ${runId} was to be ended, and its review is open`);
    }
    await endRun(db, runId, end);
  }
  return await readExternalEnd(db, runId);
}

function endAs(run: RunRow, step: StepRow): RunEnd | null {
  if (step.status === 'completed') {
    return { kind: 'completed' };
  }
  return run.status === 'cancelling' || isStepEnded(step.status) ? { kind: 'cancelled' } : null;
}

/**
 * Cancels an external run whose workflow was stopped, and ends it; what has been released stays so.
 *
 * @param reason why, for the review and for whoever reads the run
 */
export async function cancelExternalRun(
  db: Db,
  runId: string,
  reason: string,
): Promise<ExternalEnd> {
  await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    const step = await getExternalStep(tx, runId);
    if (run.status === 'running' && !isStepEnded(step.status)) {
      await tx
        .updateTable('run')
        .set({ status: 'cancelling', cancelReason: reason, cancelledBy: SYSTEM.id })
        .where('id', '=', runId)
        .execute();
      await recordAudit(tx, SYSTEM, 'run_cancelled', {
        runId,
        detail: { reason, dialect: 'system' },
      });
    }
  });
  return await endExternalRun(db, runId);
}

/** How an external run that has ended is told to the workflow that asked for it. */
async function readExternalEnd(db: Db, runId: string): Promise<ExternalEnd> {
  const run = await getRun(db, runId);
  const step = await getExternalStep(db, runId);
  const review = await findReviewOfStep(db, step.id);
  if (run.status !== 'completed') {
    return await readRefusal(db, run, review);
  }
  const versionId = step.effectiveVersionId;
  const version = versionId === null ? null : await findVersion(db, run.projectId, versionId);
  const text = version?.snapshot ?? step.output;
  return {
    kind: 'approved',
    snapshot: text !== null && (await isByValue(db, runId)) ? readJsonObject(text) : null,
    version_id: versionId,
    by: review?.decidedBy ?? null,
  };
}

async function readRefusal(
  db: Db,
  run: RunRow,
  review: ReviewRow | null,
): Promise<Extract<ExternalEnd, { kind: 'refused' }>> {
  const isByPeople =
    review !== null &&
    review.cancelledAt === null &&
    (review.status === 'REJECTED' || review.status === 'REVOKED');
  if (!isByPeople) {
    const { cancelReason: reason, cancelledBy } = run;
    const by = cancelledBy === SYSTEM.id ? null : cancelledBy;
    return { kind: 'refused', verdict: 'cancelled', reason, by };
  }
  const vote = (await listFacts(db, review.id)).findLast(({ kind }) => kind === 'vote');
  return {
    kind: 'refused',
    verdict: review.status === 'REJECTED' ? 'rejected' : 'revoked',
    reason: vote?.reason ?? null,
    by: vote?.actorId ?? null,
  };
}
