import { ruleOnRelease } from '../domain/ledger.js';
import type { Ended } from '../domain/orders.js';
import type { ReviewState } from '../domain/review-state.js';
import { isStepEnded } from '../domain/statuses.js';
import { SYSTEM } from './actors.js';
import { recordAudit } from './audit.js';
import type { Tx } from './database.js';
import { dropIteration, skipSteps } from './dropped.js';
import { completeStep } from './ledger.js';
import { ledgerRunOf } from './locked-step.js';
import type { ReviewUnderLock } from './reviews.js';
import type { ReviewRow, RunRow, StepRow } from './tables.js';

/** What became of releasing a step. */
export type Release =
  /** It goes on: at placement `output` the step ends, at `input` it may begin (`ending` is null). */
  | {
      readonly kind: 'released';
      readonly review: ReviewRow;
      readonly ending: Promise<Ended> | null;
    }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'by_hand' }
  | { readonly kind: 'no' };

/**
 * Releases a step if its approval stands and nothing forbids it now: the transaction after which it may
 * go on (see `ruleOnRelease`).
 *
 * Placement `output`: the step ends with the approved version, and the review is EXECUTED. Placement
 * `input`: the step may begin, and the review is PROCESSING. The caller holds the locks on run, step
 * and review. Everything has been sent when this returns, and is answered with the commit.
 *
 * @param state the review as it stands with the fact that was recorded last
 * @param isOneChange a fact has given the review its next `rev` in this transaction: fact and release are one change
 */
export async function releaseIfDue(
  tx: Tx,
  { run, step, row, now }: Pick<ReviewUnderLock, 'run' | 'step' | 'row' | 'now'>,
  state: ReviewState,
  isOneChange = false,
): Promise<Release> {
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
  const released = {
    status: isOutput ? ('EXECUTED' as const) : ('PROCESSING' as const),
    rev: isOneChange ? row.rev : row.rev + 1,
    releasedAt: now,
    endedAt: isOutput ? now : null,
  };
  tx.withCommit(
    tx.updateTable('review').set(released).where('id', '=', row.id).execute(),
    recordAudit(tx, SYSTEM, 'released', {
      runId: run.id,
      reviewId: row.id,
      detail: { version_id: row.decisionVersionId, step_id: step.id },
    }),
  );
  const ending = isOutput ? completeStep(tx, run, step, row.decisionVersionId) : null;
  // What a for_each hands on is looked into first, so that its end is more than one message.
  if (ending !== null && step.blockType === 'for_each') {
    await ending;
  } else if (ending !== null) {
    tx.withCommit(ending);
  }
  return { kind: 'released', review: { ...row, ...released }, ending };
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
