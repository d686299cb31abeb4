import { sql } from 'kysely';
import { compilePolicy } from '../domain/compile-policy.js';
import type { Gate, Predicate } from '../domain/definition.js';
import { parseDurationMs } from '../domain/duration.js';
import type { Fact } from '../domain/facts.js';
import type { JsonObject } from '../domain/json.js';
import type { StepEnd } from '../domain/orders.js';
import type { Policy } from '../domain/policy.js';
import { entryStates, openedReview } from '../domain/review-state.js';
import { isClaimed, isStepEnded, type ReviewStatus } from '../domain/statuses.js';
import { msUntilOpen } from '../domain/time-window.js';
import { canonicalForm } from '../rules/canonical.js';
import { versionId } from '../rules/content-ids.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { newId } from './ids.js';
import { dropIteration, skipSteps } from './dropped.js';
import { type Holder, isOlderThanHolder, replaceHolder } from './holders.js';
import { completeStep, endOf, isReleased } from './ledger.js';
import { writeEntries } from './record-fact.js';
import { findReviewOfStep, listFacts, lockReviewOf, readFact } from './reviews.js';
import { lockRun } from './runs.js';
import { getStepContext, lockStep, type StepContext } from './steps.js';
import type { ReviewRow, RunRow, StepRow } from './tables.js';

/** A review as its workflow sees it: ids and verdicts, nothing that people wrote. */
export type GateView = {
  readonly reviewId: string;
  readonly policy: Policy;
  readonly newestVersionId: string;
  readonly facts: readonly Fact[];
};

/** What a gated step is at, when a workflow asks to run it. */
export type Taking =
  | { readonly kind: 'waiting'; readonly gate: GateView }
  | { readonly kind: 'unopened' }
  | { readonly kind: 'ended'; readonly end: StepEnd };

/**
 * Makes a workflow the holder of a gated step and tells it where the step stands.
 *
 * Idempotent for the holder. A younger workflow takes over (an operator's reset started it), and the
 * one before is owed a cancel, so that it does not wait for ever; an older one is superseded, so that
 * a late retry cannot take the step back.
 */
export async function takeStep(db: Db, stepId: string, holder: Holder): Promise<Taking> {
  const before = await getStepContext(db, stepId);
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, before.run.id);
    const step = await lockStep(tx, stepId);
    if (isOlderThanHolder(step, holder)) {
      return { kind: 'ended', end: 'superseded' };
    }
    const review = await findReviewOfStep(tx, stepId);
    if (isStepEnded(step.status)) {
      return { kind: 'ended', end: endOf(step) };
    }
    if (isReleased(step)) {
      return { kind: 'ended', end: 'completed' };
    }
    if (run.status !== 'running' && (review === null || !isClaimed(review.status))) {
      return { kind: 'ended', end: 'stopped' };
    }
    if (step.holder !== holder.workflowId) {
      await replaceHolder(tx, run, step, holder);
      await supersedeFailedSignals(tx, stepId);
    }
    return review === null
      ? { kind: 'unopened' }
      : { kind: 'waiting', gate: await viewGate(tx, review) };
  });
}

/** What failed to reach the holder before is among the facts that the new one reads. */
async function supersedeFailedSignals(tx: Tx, stepId: string): Promise<void> {
  await sql`
    update outbox set state = 'superseded', settled_at = clock_timestamp()
     where state = 'failed' and kind = 'signal'
       and review_id = (select id from review where step_id = ${stepId})`.execute(tx);
}

/** Reads a review again for the workflow that waits on it. */
export async function readGate(db: Db, stepId: string): Promise<GateView | null> {
  const review = await findReviewOfStep(db, stepId);
  return review === null ? null : await viewGate(db, review);
}

async function viewGate(db: Db | Tx, review: ReviewRow): Promise<GateView> {
  return {
    reviewId: review.id,
    policy: review.policy,
    newestVersionId: review.newestVersionId,
    facts: (await listFacts(db, review.id)).map(readFact),
  };
}

/** What a gate's predicate found, and what would be reviewed. */
export type Firing = {
  readonly triggeredBy: Predicate;
  readonly because: string;
  readonly snapshot: JsonObject;
};

/**
 * Opens the review of a step with its seed version, once: the second time it is there already.
 *
 * The caller has locked the run and the step, and the run is running.
 */
export async function openReview(
  tx: Tx,
  context: StepContext,
  gate: Gate,
  firing: Firing,
): Promise<GateView> {
  const { run, step, block } = context;
  const existing = await findReviewOfStep(tx, step.id);
  if (existing !== null) {
    return await viewGate(tx, existing);
  }
  const id = newId('rev');
  const seedId = versionId(id, firing.snapshot);
  const policy = compilePolicy(gate);
  const { projectId } = run;
  const review = await tx
    .insertInto('review')
    .values({
      id,
      projectId,
      runId: run.id,
      stepId: step.id,
      workflowId: run.workflowId,
      workflowVersionId: run.workflowVersionId,
      blockId: block.id,
      blockType: block.type,
      parentStepId: step.parentStepId,
      iterationKey: step.iterationKey,
      placement: gate.placement,
      ownerId: run.ownerId,
      gate: JSON.stringify(gate),
      policy: JSON.stringify(policy),
      triggeredBy: JSON.stringify(firing.triggeredBy),
      because: firing.because,
      newestVersionId: seedId,
      ...(await openingTimes(tx, gate)),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const { text, sha256 } = canonicalForm(firing.snapshot);
  const isSupplied = block.executor.kind === 'supplied' || gate.placement === 'input';
  await tx
    .insertInto('version')
    .values({
      id: seedId,
      projectId,
      reviewId: id,
      ordinal: 0,
      parentId: null,
      origin: 'model_output',
      authorKind: isSupplied ? 'agent' : 'model',
      authorId: isSupplied ? run.startedBy : block.id,
      authorName: isSupplied ? run.startedBy : (block.label ?? block.id),
      snapshot: text,
      snapshotSha256: sha256,
      createdAt: review.createdAt,
    })
    .execute();
  await writeEntries(tx, review, entryStates(openedReview(policy), seedId));
  await tx
    .updateTable('step')
    .set({
      status: 'awaiting_review',
      startedAt: sql`coalesce(started_at, clock_timestamp())`,
      ...(gate.placement === 'input' ? { input: text } : {}),
    })
    .where('id', '=', step.id)
    .execute();
  await recordAudit(tx, SYSTEM, 'gate_fired', {
    runId: run.id,
    reviewId: id,
    detail: { step_id: step.id, version_id: seedId, because: firing.because },
  });
  return { reviewId: id, policy, newestVersionId: seedId, facts: [] };
}

/** When a review opens and is due, by one reading of the clock; nothing where it is never due. */
async function openingTimes(
  tx: Tx,
  { due_in: dueIn }: Gate,
): Promise<{ readonly createdAt?: Date; readonly dueAt?: Date }> {
  const dueInMs = dueIn === undefined ? null : parseDurationMs(dueIn);
  if (dueInMs === null) {
    return {};
  }
  const { now: createdAt } = await tx
    .selectNoFrom(sql<Date>`clock_timestamp()`.as('now'))
    .executeTakeFirstOrThrow();
  return { createdAt, dueAt: new Date(createdAt.getTime() + dueInMs) };
}

/**
 * Opens the review of a gate on a block's input, before the block runs.
 *
 * @returns the gate, or null when the step has no business there any more
 */
export async function openInputReview(
  db: Db,
  stepId: string,
  holder: string,
  gate: Gate,
  firing: Firing,
): Promise<GateView | null> {
  const before = await getStepContext(db, stepId);
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, before.run.id);
    const step = await lockStep(tx, stepId);
    return run.status !== 'running' || step.holder !== holder || isStepEnded(step.status)
      ? null
      : await openReview(tx, { run, step, block: before.block }, gate, firing);
  });
}

/** What a claim asks to be confirmed: the outcome that the workflow believes in. */
export type ClaimRequest = {
  readonly stepId: string;
  readonly holder: string;
  readonly status: ReviewStatus;
  readonly versionId: string | null;
};

/**
 * What a granted claim leads to. `rejected`: its run is being cancelled. `skipped`: the step was refused
 * and the run goes on without it; `dropped`: without its iteration.
 */
export type ClaimOutcome =
  'released' | 'execute' | 'rejected' | 'cancelled' | 'skipped' | 'dropped';

/** The store's answer to a claim. */
export type ClaimAnswer =
  | { readonly granted: true; readonly outcome: ClaimOutcome }
  | {
      readonly granted: false;
      readonly why:
        | 'superseded'
        | 'not_decided'
        | 'decided_otherwise'
        | 'not_yet'
        | 'awaiting_release'
        | 'run_not_running';
      /** How long until it may be claimed, where only time is missing. */
      readonly waitMs: number | null;
      readonly gate: GateView | null;
    };

/**
 * Claims the release of a decided step: the one conditional update that lets anything flow on.
 *
 * The verdict and version must be those of the stored decision, the caller must be the step's
 * holder and the run must be running. Idempotent for the holder: a retry gets the recorded grant.
 * A refusal is news: it carries what the store holds. What its reviewers refused without ending the
 * run is skipped here.
 */
export async function claimRelease(db: Db, claim: ClaimRequest): Promise<ClaimAnswer> {
  const before = await getStepContext(db, claim.stepId);
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, before.run.id);
    const step = await lockStep(tx, claim.stepId);
    const opened = await findReviewOfStep(tx, claim.stepId);
    if (isReleased(step)) {
      return { granted: true, outcome: 'released' };
    }
    if (step.holder !== claim.holder) {
      return { granted: false, why: 'superseded', waitMs: null, gate: null };
    }
    if (opened === null) {
      return { granted: false, why: 'not_decided', waitMs: null, gate: null };
    }
    const locked = await lockReviewOf(tx, run, opened.id);
    const { row: review, now } = locked;
    const gate = await viewGate(tx, review);
    const refuse = (
      why: Exclude<Extract<ClaimAnswer, { granted: false }>['why'], 'superseded'>,
      waitMs: number | null = null,
    ): ClaimAnswer => ({ granted: false, why, waitMs, gate });

    if (isClaimed(review.status)) {
      return { granted: true, outcome: review.placement === 'input' ? 'execute' : 'released' };
    }
    if (review.status === 'PENDING') {
      return refuse('not_decided');
    }
    const isRefused = review.status !== 'APPROVED' && !locked.review.state.cancelled;
    if (isRefused && run.status === 'running' && review.policy.onReject !== 'cancel_run') {
      if (!isStepEnded(step.status)) {
        await skipRefused(tx, run, step, review);
      }
      return { granted: true, outcome: review.policy.onReject === 'drop' ? 'dropped' : 'skipped' };
    }
    if (step.status === 'skipped') {
      return { granted: true, outcome: 'skipped' };
    }
    if (review.status !== 'APPROVED') {
      return { granted: true, outcome: locked.review.state.cancelled ? 'cancelled' : 'rejected' };
    }
    if (claim.status !== 'APPROVED' || claim.versionId !== review.decisionVersionId) {
      return refuse('decided_otherwise');
    }
    if (run.status !== 'running') {
      return refuse('run_not_running');
    }
    const { release } = review.policy;
    if (release === 'manual' && !locked.review.state.releaseRequested) {
      return refuse('awaiting_release');
    }
    if (typeof release === 'object' && review.decidedAt !== null) {
      const waitMs = review.decidedAt.getTime() + release.afterMs - now.getTime();
      if (waitMs > 0) {
        return refuse('not_yet', waitMs);
      }
    }
    // Also behind a release by hand: it was asked for within the window, and may get here too late.
    const closedMs = review.timeWindow === null ? 0 : msUntilOpen(review.timeWindow, now.getTime());
    if (closedMs > 0) {
      return refuse('not_yet', closedMs);
    }

    const isOutput = review.placement === 'output';
    await tx
      .updateTable('review')
      .set((eb) => ({
        status: isOutput ? 'EXECUTED' : 'PROCESSING',
        rev: eb('rev', '+', 1),
        claimedAt: now,
        claimedBy: claim.holder,
        endedAt: isOutput ? now : null,
      }))
      .where('id', '=', review.id)
      .execute();
    if (isOutput) {
      await completeStep(tx, step, review.decisionVersionId);
    }
    await recordAudit(tx, SYSTEM, 'release_claimed', {
      runId: run.id,
      reviewId: review.id,
      detail: { version_id: review.decisionVersionId, holder: claim.holder },
    });
    return { granted: true, outcome: isOutput ? 'released' : 'execute' };
  });
}

/** Ends a step that its reviewers refused, where its run goes on; nothing of it flows on. */
async function skipRefused(tx: Tx, run: RunRow, step: StepRow, review: ReviewRow): Promise<void> {
  const verb = review.status === 'REVOKED' ? 'revoked' : 'rejected';
  const who = review.decidedByName ?? review.decidedBy ?? 'somebody';
  const why = review.decisionReason === null ? '' : `: ${review.decisionReason}`;
  const reason = `${verb} by ${who}${why}`;
  await skipSteps(tx, [step.id], reason);
  if (review.policy.onReject === 'drop') {
    await dropIteration(tx, run, step, `block '${step.blockId}' was ${reason}`);
  }
}
