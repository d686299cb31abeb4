import { randomUUID } from 'node:crypto';
import { type Insertable, sql } from 'kysely';
import { lacksContent } from '../domain/block-input.js';
import { compilePolicy } from '../domain/compile-policy.js';
import type { BlockInput, Gate, Predicate } from '../domain/definition.js';
import { parseDurationMs } from '../domain/duration.js';
import type { JsonObject } from '../domain/json.js';
import { type Caller, holderSeenBy, ruleOnBegin, ruleOnTake } from '../domain/ledger.js';
import type { Blocked, Ended, GateEnd, StepEnd } from '../domain/orders.js';
import { entryStates, openedReview, type ReviewState } from '../domain/review-state.js';
import { isStepEnded } from '../domain/statuses.js';
import { standingVotes } from '../domain/tally.js';
import { canonicalForm } from '../rules/canonical.js';
import { versionId } from '../rules/content-ids.js';
import { SYSTEM } from './actors.js';
import { recordAudit, recordAuditLines } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { newId } from './ids.js';
import { hasBeenReplaced, replaceHolder } from './holders.js';
import {
  type ChangedStep,
  completeRunIfDone,
  endedStatus,
  endOf,
  type FinishedStep,
  type Instantly,
  isIteratingStep,
  markRunning,
  runAtOnce,
  stepGoesOn,
  waiveInput,
  writeChanges,
} from './ledger.js';
import { lockLedger, type LockedStep } from './locked-step.js';
import { entryRows, writeEntries } from './record-fact.js';
import { endReleased, planRelease, skipRefused } from './release.js';
import { lockReviewOf, type ReviewUnderLock } from './reviews.js';
import { readBlockInput, type StepContext } from './steps.js';
import { Statement } from './statement.js';
import type { ReviewRow, Tables, VersionRow } from './tables.js';

/** A review as its workflow sees it: ids and verdicts, nothing that people wrote, and no list of facts. */
export type GateView = {
  readonly reviewId: string;
  readonly newestVersionId: string;
  readonly state: ReviewState;
};

/** How a gated step stands for the workflow that runs it. */
export type Standing =
  /** Its review waits: for people, or for `waitMs` until what is approved may be released. */
  | { readonly kind: 'waiting'; readonly gate: GateView; readonly waitMs: number | null }
  /** Its input has been released: the block is to be executed. */
  | { readonly kind: 'execute' }
  | Ended<GateEnd>;

/** What becomes of a workflow's request to run a gated step. */
export type Taking =
  | Standing
  /** It holds the step now, and no review has been opened. */
  | { readonly kind: 'unopened'; readonly context: StepContext }
  | ToVerify
  | Blocked
  | { readonly kind: 'not_theirs' };

/**
 * Another workflow holds the step: Temporal has to confirm that the present execution of the workflow which
 * runs these blocks has started the one that asks.
 */
export type ToVerify = { readonly kind: 'verify'; readonly parentWorkflowId: string };

/**
 * Makes a workflow the holder of a gated step and tells it where the step stands (see `ruleOnTake`).
 *
 * Idempotent for the holder. A workflow that takes over is numbered, and the one before is owed a
 * cancel, so that it does not wait for ever; it is remembered, so that it never takes the step back.
 *
 * @param isConfirmed Temporal has confirmed that the caller was started by the present execution of the run
 * @param instantly executes at once a block that needs nothing from outside, and whose output is reviewed
 */
export async function takeStep(
  db: Db,
  stepId: string,
  caller: Caller,
  isConfirmed = false,
  instantly: Instantly | null = null,
): Promise<Taking> {
  return await inTransaction(db, async (tx) => {
    const locked = await lockLedger(tx, stepId);
    const { run, step, block, ledgerRun, ledgerStep, needs, review } = locked;
    const wasReplaced = await hasBeenReplaced(tx, step, caller);
    const ruling = ruleOnTake(ledgerRun, ledgerStep, needs, { caller, wasReplaced, isConfirmed });
    let held: ChangedStep = step;
    switch (ruling.kind) {
      case 'ended':
        return { kind: 'ended', end: endOfGate(locked, ruling.end), run: endedStatus(run) };
      case 'verify':
        return { kind: 'verify', parentWorkflowId: ledgerStep.iteratedBy ?? run.id };
      case 'blocked':
      case 'not_theirs':
        return ruling;
      case 'take':
        held = replaceHolder(tx, run, step, caller?.workflowId ?? '');
        markRunning(tx, run);
        break;
      case 'held':
        break;
    }
    const opened =
      instantly === null || review !== null
        ? null
        : await openAtOnce(tx, { ...locked, step: held }, caller, instantly);
    if (opened !== null) {
      return opened;
    }
    tx.withCommit(writeChanges(tx, held));
    return review === null
      ? { kind: 'unopened', context: { run, step, block } }
      : await standNow(tx, locked, review);
  });
}

/** Executes the block of a step that its caller has just taken, and opens its review: where that is done at once. */
async function openAtOnce(
  tx: Tx,
  locked: LockedStep & { readonly step: ChangedStep },
  caller: Caller,
  { answer, follow }: Instantly,
): Promise<Standing | null> {
  const { run, step, block, ledgerRun, needs } = locked;
  if (block.review?.placement !== 'output' || run.status === 'cancelling') {
    return null;
  }
  const input = await readBlockInput(tx, { run, step, block });
  const result = answer(block, input, step.iterationKey !== null);
  if (result === null || lacksContent(block, input, step.iterationKey !== null)) {
    return null;
  }
  const attemptToken = randomUUID();
  const ledgerStep = { ...locked.ledgerStep, holder: caller?.workflowId ?? null };
  const ruling = ruleOnBegin(ledgerRun, ledgerStep, needs, {
    caller,
    attemptToken,
    inputHash: null,
  });
  if (ruling.kind !== 'begin') {
    return null;
  }
  const given = { attempt: step.attempt + 1, attemptToken, result };
  return await (
    await runAtOnce(tx, locked, given, follow)
  ).standing;
}

/** How a gated step stands for one that asks: as its holder, or as one that is not (any more). */
export type GateCheck =
  | Standing
  /** The step has no review, or nobody holds it: there is nothing to wait for yet. */
  | { readonly kind: 'unopened' };

/**
 * Releases a gated step if that is due, and tells its workflow how it stands.
 *
 * What a workflow believes does not matter here. Whatever would cancel, skip or drop is read from the
 * store, and a workflow whose step another one holds is `superseded`.
 */
export async function checkGate(db: Db, stepId: string, caller: Caller): Promise<GateCheck> {
  return await inTransaction(db, async (tx) => {
    const locked = await lockLedger(tx, stepId);
    const { run, step, ledgerStep, review } = locked;
    if (isStepEnded(step.status) || isIteratingStep(step)) {
      return { kind: 'ended', end: endOfGate(locked, endOf(step)), run: endedStatus(run) };
    }
    switch (holderSeenBy(ledgerStep, caller)) {
      case 'anothers':
        return { kind: 'ended', end: 'superseded', run: endedStatus(run) };
      case 'nobodys':
        return { kind: 'unopened' };
      case 'mine':
        return review === null ? { kind: 'unopened' } : await standNow(tx, locked, review);
    }
  });
}

/** Releases a locked step if that is due, and says how it stands for its holder. */
async function standNow(tx: Tx, locked: LockedStep, opened: ReviewRow): Promise<Standing> {
  const { run, step } = locked;
  if (opened.status === 'PROCESSING') {
    return { kind: 'execute' };
  }
  const underLock = await lockReviewOf(tx, { run, step }, opened.id);
  const { row: review, review: ruleable } = underLock;
  if (review.status === 'REJECTED' || review.status === 'REVOKED') {
    const isSkipped = await skipRefused(tx, run, step, review, ruleable.state);
    const isFinal = isSkipped || run.status !== 'running';
    return {
      kind: 'ended',
      end: isSkipped
        ? review.policy.onReject === 'drop'
          ? 'dropped'
          : 'skipped'
        : ruleable.state.cancelled || !isFinal
          ? 'stopped'
          : 'rejected',
      run: isSkipped ? await completeRunIfDone(tx, run, step) : endedStatus(run),
    };
  }
  const release = planRelease(underLock, ruleable.state, false);
  switch (release.kind) {
    case 'released': {
      tx.withCommit(
        tx.updateTable('review').set(release.columns).where('id', '=', review.id).execute(),
        recordAuditLines(tx, [release.line]),
      );
      const { ending } = await endReleased(tx, underLock);
      return ending === null ? { kind: 'execute' } : await ending;
    }
    case 'wait':
      return { kind: 'waiting', gate: viewGate(underLock), waitMs: release.ms };
    case 'by_hand':
    case 'no':
      return { kind: 'waiting', gate: viewGate(underLock), waitMs: null };
  }
}

/** What the end of a step means for its gate: who refused it is told by its review. */
function endOfGate({ step, review }: LockedStep, end: StepEnd): GateEnd {
  const wasRefused = review?.status === 'REJECTED' || review?.status === 'REVOKED';
  if (end === 'skipped' && wasRefused && review.policy.onReject === 'drop') {
    return step.reason?.startsWith('iteration ') === true ? 'skipped' : 'dropped';
  }
  return end;
}

/** A review as its workflow sees it: how it stands, in ids and verdicts. */
function viewGate({ row, review }: Pick<ReviewUnderLock, 'row' | 'review'>): GateView {
  return {
    reviewId: row.id,
    newestVersionId: row.newestVersionId,
    state: { ...review.state, votes: standingVotes(review.state.votes) },
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
  context: FinishedStep,
  gate: Gate,
  firing: Firing,
): Promise<GateView> {
  const { run, step, block, review: existing } = context;
  if (existing !== null) {
    await writeChanges(tx, step);
    return viewGate(await lockReviewOf(tx, { run, step }, existing.id));
  }
  const id = newId('rev');
  const seedId = versionId(id, firing.snapshot);
  const policy = compilePolicy(gate);
  const { projectId } = run;
  const times = await openingTimes(tx, gate);
  const { text, sha256 } = canonicalForm(firing.snapshot);
  const isSupplied = block.executor.kind === 'supplied' || gate.placement === 'input';
  tx.withCommit(
    insertReview.all(tx, {
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
      ...times,
    }),
    insertSeed.all(tx, {
      id: seedId,
      projectId,
      reviewId: id,
      authorKind: isSupplied ? 'agent' : 'model',
      authorId: isSupplied ? run.startedBy : block.id,
      authorName: isSupplied ? run.startedBy : (block.label ?? block.id),
      snapshot: text,
      snapshotSha256: sha256,
    }),
    writeEntries(tx, entryRows({ id, projectId }, entryStates(openedReview(policy), seedId))),
    stepGoesOn.all(tx, {
      id: step.id,
      ...step.unwritten,
      status: 'awaiting_review',
      ...(gate.placement === 'input' ? { input: text } : {}),
    }),
    recordAudit(tx, SYSTEM, 'gate_fired', {
      runId: run.id,
      reviewId: id,
      detail: { step_id: step.id, version_id: seedId, because: firing.because },
    }),
  );
  return { reviewId: id, newestVersionId: seedId, state: openedReview(policy) };
}

const insertReview = new Statement((db, review: Insertable<Tables['review']>) =>
  db.insertInto('review').values(review),
);

type Seed = Pick<
  VersionRow,
  | 'id'
  | 'projectId'
  | 'reviewId'
  | 'authorKind'
  | 'authorId'
  | 'authorName'
  | 'snapshot'
  | 'snapshotSha256'
>;

const insertSeed = new Statement((db, seed: Seed) =>
  db.insertInto('version').values({
    ...seed,
    ordinal: 0,
    parentId: null,
    origin: 'model_output',
    createdAt: sql<Date>`(select created_at from review where id = ${seed.reviewId})`,
  }),
);

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
 * Opens the review of a gate on a block's input, before the block runs; or keeps on record that nobody
 * need be asked for exactly this input.
 *
 * @param firing what the gate's predicate found; null where it did not fire
 * @returns the gate, or null when nobody is asked; `gone` when the step has no business there any more
 */
export async function openInputReview(
  db: Db,
  stepId: string,
  caller: Caller,
  gate: Gate,
  asked: { readonly input: BlockInput; readonly firing: Firing | null },
): Promise<GateView | null | 'gone'> {
  return await inTransaction(db, async (tx) => {
    const { run, step, block, review, ledgerStep } = await lockLedger(tx, stepId);
    const isTheirs = holderSeenBy(ledgerStep, caller) === 'mine';
    if (run.status !== 'running' || !isTheirs || isStepEnded(step.status)) {
      return 'gone';
    }
    if (asked.firing === null) {
      await waiveInput(tx, stepId, asked.input);
      return null;
    }
    return await openReview(tx, { run, step, block, review }, gate, asked.firing);
  });
}
