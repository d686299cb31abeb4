import { ruleOnRelease } from '../domain/ledger.js';
import type { Ended } from '../domain/orders.js';
import type { ReviewState } from '../domain/review-state.js';
import { isStepEnded } from '../domain/statuses.js';
import { SYSTEM } from './actors.js';
import type { AuditLine } from './audit.js';
import type { Tx } from './database.js';
import { dropIteration, skipSteps } from './dropped.js';
import { completeStep } from './ledger.js';
import { ledgerRunOf } from './locked-step.js';
import type { ReviewUnderLock } from './reviews.js';
import type { ReviewRow, RunRow, StepRow } from './tables.js';

/** What a release changes of a review, and what the audit says of it. */
export type PlannedRelease = {
  readonly kind: 'released';
  readonly columns: Pick<ReviewRow, 'status' | 'rev' | 'releasedAt' | 'endedAt'>;
  readonly line: AuditLine;
};

/** What is to become of a step that is decided: released now, or not yet, or not at all. */
export type ReleasePlan =
  PlannedRelease | Exclude<ReturnType<typeof ruleOnRelease>, { kind: 'release' }>;

/**
 * Says whether a step is released now: its approval stands, and nothing forbids it (see `ruleOnRelease`).
 *
 * @param state the review as it stands with the fact that was recorded last
 * @param isOneChange a fact gives the review its next `rev` in this transaction: fact and release are one change
 */
export function planRelease(
  { run, step, row, now }: Pick<ReviewUnderLock, 'run' | 'step' | 'row' | 'now'>,
  state: ReviewState,
  isOneChange: boolean,
): ReleasePlan {
  const ruling = ruleOnRelease(
    ledgerRunOf(run),
    step,
    {
      status: row.status,
      policy: row.policy,
      isReleaseRequested: state.releaseRequested,
      decidedAtMs: row.decidedAt?.getTime() ?? null,
      timeWindow: row.timeWindow,
    },
    now.getTime(),
  );
  if (ruling.kind !== 'release') {
    return ruling;
  }
  const isOutput = row.placement === 'output';
  return {
    kind: 'released',
    columns: {
      status: isOutput ? 'EXECUTED' : 'PROCESSING',
      rev: isOneChange ? row.rev : row.rev + 1,
      releasedAt: now,
      endedAt: isOutput ? now : row.endedAt,
    },
    line: {
      actor: SYSTEM,
      action: 'released',
      runId: run.id,
      reviewId: row.id,
      detail: { version_id: row.decisionVersionId, step_id: step.id },
    },
  };
}

/**
 * Does what a release means for the step: at placement `output` it ends with the approved version, at
 * `input` it may begin, and nothing is done here. The caller holds the locks on run, step and review.
 *
 * @returns the end of the step, known with the commit; null where it has not ended
 */
export async function endReleased(
  tx: Tx,
  { run, step, row }: Pick<ReviewUnderLock, 'run' | 'step' | 'row'>,
): Promise<{ readonly ending: Promise<Ended> | null }> {
  if (row.placement !== 'output') {
    return { ending: null };
  }
  const ending = completeStep(tx, run, step, row.decisionVersionId, false);
  // What a for_each hands on is looked into first, so that its end is more than one message.
  if (step.blockType === 'for_each') {
    await ending;
  } else {
    tx.withCommit(ending);
  }
  return { ending };
}

/**
 * Ends a step that its reviewers refused where its run goes on; nothing of it flows on.
 *
 * @returns whether it was refused so: not where a refusal cancels the run, or the review was cancelled
 */
export async function skipRefused(
  tx: Tx,
  run: RunRow,
  step: StepRow,
  review: ReviewRow,
  state: ReviewState,
): Promise<boolean> {
  const isRefused = review.status === 'REJECTED' || review.status === 'REVOKED';
  const { onReject } = review.policy;
  if (!isRefused || state.cancelled || run.status !== 'running' || onReject === 'cancel_run') {
    return false;
  }
  if (!isStepEnded(step.status)) {
    const verb = review.status === 'REVOKED' ? 'revoked' : 'rejected';
    const who = review.decidedByName ?? review.decidedBy ?? 'somebody';
    const why = review.decisionReason === null ? '' : `: ${review.decisionReason}`;
    const reason = `${verb} by ${who}${why}`;
    await skipSteps(tx, [step.id], reason);
    if (onReject === 'drop') {
      await dropIteration(tx, run, step, `block '${step.blockId}' was ${reason}`);
    }
  }
  return true;
}
