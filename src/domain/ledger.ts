import type { Placement } from './definition.js';
import { EXTERNAL_GATE_PREFIX } from './external-review.js';
import { FOR_EACH_RUN, GATED_BLOCK_RUN, WORKFLOW_RUN } from './messages.js';
import type { Blocked, RunEnd, StepEnd } from './orders.js';
import type { Policy } from './policy.js';
import {
  hasEnded,
  isReleased,
  isStepEnded,
  type ReviewStatus,
  type RunStatus,
  type StepStatus,
} from './statuses.js';
import { msUntilOpen, type TimeWindow } from './time-window.js';

// The ledger's rulings: the only fence between a workflow that asks and a block that runs. They are
// pure and total, as `decide` is, and the store applies them in the transaction that begins or ends a step.

/** The workflow that asks, as Temporal names it; null for whoever asks outside of a workflow. */
export type Caller = { readonly workflowId: string; readonly workflowType: string } | null;

/** A run under its lock. */
export type LedgerRun = {
  readonly id: string;
  readonly status: RunStatus;
  /** An author's own workflow opened it, by `review()`. */
  readonly isExternal: boolean;
};

/** A step under its lock, with what its definition declares of its block. */
export type LedgerStep = {
  readonly id: string;
  readonly status: StepStatus;
  /** The placement of its gate; null for a block without one. */
  readonly gate: Placement | null;
  readonly isForEach: boolean;
  readonly isRepeatable: boolean;
  /** The workflow that runs the iteration it is in; null outside of iterations. */
  readonly iteratedBy: string | null;
  readonly isInIteration: boolean;
  readonly holder: string | null;
  /** The latest attempt to execute its block. */
  readonly attempt: {
    readonly token: string;
    readonly isAlive: boolean;
    readonly isFirst: boolean;
  } | null;
  readonly hasResult: boolean;
  readonly isOutcomeUnknown: boolean;
  /** The status of the review that its gate opened; null where none is open. */
  readonly review: ReviewStatus | null;
  /** The hash of the input for which its gate asked nobody. */
  readonly waivedInput: string | null;
  /** Its iteration was dropped: nothing more begins there. */
  readonly isDropped: boolean;
};

/** A step that another one needs. */
export type NeededStep = { readonly id: string; readonly status: StepStatus };

/** Somebody asked for a step that is not theirs to run. */
export type NotTheirs = { readonly kind: 'not_theirs' };

/** There is nothing to do: how the step stands for whoever asked. */
export type Settled = { readonly kind: 'ended'; readonly end: StepEnd };

/** What becomes of a request to begin a block. */
export type BeginRuling =
  | { readonly kind: 'begin'; readonly isRepeat: boolean }
  /**
   * Another attempt is alive, and the block must not be repeated; or it has answered meanwhile, and its
   * answer waits for people. It is worth asking again.
   */
  | { readonly kind: 'busy' }
  /** It must not be repeated, and an earlier attempt is lost: nobody can know what it did. */
  | { readonly kind: 'lost' }
  /** Its iteration was dropped before it began. */
  | { readonly kind: 'dropped' }
  | Settled
  | Blocked
  | NotTheirs;

/**
 * Rules on a request to begin a block, whoever asks and by whatever name.
 *
 * 1. A step that has ended keeps its end, and so does a for_each whose items are released.
 * 2. A gated block is begun by the holder of its step, any other by the workflow that runs its blocks.
 * 3. The run is running, and every step that this one needs is `completed` or `skipped`.
 * 4. A gate on the input: its review has been released, or the gate asked nobody for exactly this input.
 * 5. A gate on the output: nothing begins behind a result that waits for people. Whoever asks was overtaken
 *    by an attempt that has opened the gate: asking again, they are told of its review.
 * 6. What was begun and never ended begins again if its block is repeatable. Otherwise a live attempt is
 *    waited for, and a lost one leaves an unknown outcome.
 * 7. What was released goes on, also in a run that is being cancelled and in a dropped iteration.
 *
 * @param inputHash the hash of what the block would be given, where nobody reviewed it
 */
export function ruleOnBegin(
  run: LedgerRun,
  step: LedgerStep,
  needs: readonly NeededStep[],
  asked: {
    readonly caller: Caller;
    readonly attemptToken: string;
    readonly inputHash: string | null;
  },
): BeginRuling {
  if (isStepEnded(step.status) || isIterating(step)) {
    return { kind: 'ended', end: endOfStep(step) };
  }
  if (!mayRun(run, step, asked.caller)) {
    return isGateOf(run, step, asked.caller)
      ? { kind: 'ended', end: 'superseded' }
      : { kind: 'not_theirs' };
  }
  const open = openNeeds(needs);
  if (open.length > 0) {
    return { kind: 'blocked', by: open };
  }
  const wasReleased = step.review !== null && isReleased(step.review);
  if (!wasReleased && !isUnderWay(run)) {
    return { kind: 'ended', end: 'stopped' };
  }
  if (step.hasResult) {
    return { kind: 'busy' };
  }
  if (step.gate === 'input' && !wasReleased) {
    const isWaived =
      step.review === null && step.waivedInput !== null && step.waivedInput === asked.inputHash;
    if (!isWaived) {
      return { kind: 'ended', end: 'stopped' };
    }
  }
  const isRepeat = step.attempt?.token === asked.attemptToken;
  if (step.attempt !== null && !isRepeat && !step.isRepeatable) {
    return { kind: step.attempt.isAlive ? 'busy' : 'lost' };
  }
  if (step.isDropped && !wasReleased) {
    return { kind: 'dropped' };
  }
  return { kind: 'begin', isRepeat };
}

/** What becomes of a workflow's request to hold a step. */
export type TakeRuling =
  | { readonly kind: 'take' }
  /** It holds the step already. */
  | { readonly kind: 'held' }
  /** Another workflow holds the step: Temporal has to confirm first that the run's workflow runs this one. */
  | { readonly kind: 'verify' }
  | Settled
  | Blocked
  | NotTheirs;

/**
 * Rules on a workflow's request to hold a step: a gated one, or a for_each whose items are released.
 *
 * 1. A step that has ended has no use for a holder, and a run that is over stops the workflow; but what
 *    was released may be taken, so that it is executed.
 * 2. Only a gated block run, or a for_each run, that was started for this very step may hold it.
 * 3. A holder that was replaced never comes back: no late retry takes the step from the one that has it.
 * 4. A held step changes hands only once Temporal confirms that the newcomer is a child of the execution
 *    that runs these blocks now; nobody's clock rules on it. A review of an author's own workflow is
 *    confirmed each time.
 *
 * @param asked.wasReplaced another workflow has taken the step from this one before
 * @param asked.isConfirmed Temporal has confirmed that the caller runs for the present execution
 */
export function ruleOnTake(
  run: LedgerRun,
  step: LedgerStep,
  needs: readonly NeededStep[],
  asked: {
    readonly caller: Caller;
    readonly wasReplaced: boolean;
    readonly isConfirmed: boolean;
  },
): TakeRuling {
  const isForIterations = isIterating(step);
  if (isStepEnded(step.status)) {
    return { kind: 'ended', end: endOfStep(step) };
  }
  if (asked.caller?.workflowType === GATED_BLOCK_RUN && isForIterations) {
    return { kind: 'ended', end: 'completed' };
  }
  if (!(isForIterations ? isIteratorOf(step, asked.caller) : isGateOf(run, step, asked.caller))) {
    return { kind: 'not_theirs' };
  }
  if (asked.wasReplaced) {
    return { kind: 'ended', end: 'superseded' };
  }
  const open = openNeeds(needs);
  if (open.length > 0) {
    return { kind: 'blocked', by: open };
  }
  const wasReleased = !isForIterations && step.review !== null && isReleased(step.review);
  if (!wasReleased && !isUnderWay(run)) {
    return { kind: 'ended', end: 'stopped' };
  }
  if (step.holder === asked.caller?.workflowId) {
    return { kind: 'held' };
  }
  const isFree = step.holder === null && !run.isExternal;
  return isFree || asked.isConfirmed ? { kind: 'take' } : { kind: 'verify' };
}

/** Who holds a step, as seen by one that asks: they themselves, another workflow, or nobody. */
export function holderSeenBy(
  step: Pick<LedgerStep, 'holder'>,
  caller: Caller,
): 'mine' | 'anothers' | 'nobodys' {
  if (step.holder === null) {
    return 'nobodys';
  }
  return step.holder === caller?.workflowId ? 'mine' : 'anothers';
}

/** What becomes of a block's result. */
export type FinishRuling = 'store' | 'late' | 'stopped';

/**
 * Rules on a block's result: only the latest attempt of a step that has not ended may store one.
 *
 * `late`: it was overtaken by another attempt, or by the end of its step. `stopped`: its run is being
 * cancelled, and nothing opens or flows on there, but for what was released.
 */
export function ruleOnFinish(run: LedgerRun, step: LedgerStep, attemptToken: string): FinishRuling {
  if (step.attempt?.token !== attemptToken || step.hasResult || isStepEnded(step.status)) {
    return 'late';
  }
  const wasReleased = step.review !== null && isReleased(step.review);
  // A result that arrives after another block has failed is kept: the run can be retried.
  return wasReleased || isUnderWay(run) || run.status === 'error' ? 'store' : 'stopped';
}

/**
 * Rules on whether an attempt that was entered, and whose block was never called, may be taken back.
 *
 * Only the attempt itself knows that, so it has to be the latest of a step that has not ended. Where others came
 * before it they may have run, and the ledger goes on saying so.
 */
export function mayTakeBack(step: LedgerStep, attemptToken: string): boolean {
  const { attempt } = step;
  const isOnlyOne = attempt !== null && attempt.token === attemptToken && attempt.isFirst;
  return isOnlyOne && !step.hasResult && !isStepEnded(step.status);
}

/** Whether an approved step may go on now. */
export type ReleaseRuling =
  | { readonly kind: 'release' }
  /** Only time is missing. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** Its owner has to say so. */
  | { readonly kind: 'by_hand' }
  | { readonly kind: 'no' };

/**
 * Rules on whether an approved step is released now, by the store's clock.
 *
 * It takes an approval that stands, a run that is running, and what the gate's release asks for: nothing
 * (`auto`), the owner's word (`manual`), or time to undo. A time window holds it back besides.
 */
export function ruleOnRelease(
  run: LedgerRun,
  step: Pick<LedgerStep, 'status'>,
  review: {
    readonly status: ReviewStatus;
    readonly policy: Pick<Policy, 'release'>;
    readonly isReleaseRequested: boolean;
    readonly decidedAtMs: number | null;
    readonly timeWindow: TimeWindow | null;
  },
  nowMs: number,
): ReleaseRuling {
  if (review.status !== 'APPROVED' || run.status !== 'running' || isStepEnded(step.status)) {
    return { kind: 'no' };
  }
  const { release } = review.policy;
  if (release === 'manual' && !review.isReleaseRequested) {
    return { kind: 'by_hand' };
  }
  const undoMs =
    typeof release === 'object' && review.decidedAtMs !== null
      ? review.decidedAtMs + release.afterMs - nowMs
      : 0;
  const closedMs = review.timeWindow === null ? 0 : msUntilOpen(review.timeWindow, nowMs);
  const ms = Math.max(undoMs, closedMs);
  return ms > 0 ? { kind: 'wait', ms } : { kind: 'release' };
}

/** What becomes of a request to end a run. */
export type RunEndRuling =
  { readonly kind: 'end' } | { readonly kind: 'ended' } | Blocked | NotTheirs;

/**
 * Rules on a request to end a run: only its own workflow may ask, and a run completes only when all of
 * its steps have ended.
 *
 * @param openSteps the steps outside of iterations that are neither `completed` nor `skipped`
 */
export function ruleOnRunEnd(
  run: LedgerRun,
  end: RunEnd,
  openSteps: readonly string[],
  caller: Caller,
): RunEndRuling {
  if (hasEnded(run.status)) {
    return { kind: 'ended' };
  }
  if (!isWorkflowOf(run, caller)) {
    return { kind: 'not_theirs' };
  }
  if (end.kind === 'completed' && run.status !== 'cancelling' && openSteps.length > 0) {
    return { kind: 'blocked', by: openSteps };
  }
  return { kind: 'end' };
}

/** The end that a step's row tells. */
export function endOfStep(step: Pick<LedgerStep, 'status' | 'isOutcomeUnknown'>): StepEnd {
  switch (step.status) {
    case 'completed':
    case 'running': // a for_each whose items are released has done its own part
      return 'completed';
    case 'skipped':
      return 'skipped';
    case 'error':
      return step.isOutcomeUnknown ? 'unknown' : 'failed';
    default:
      return 'stopped';
  }
}

/** Whether a step is a for_each whose items are released; it ends with its iterations. */
export function isIterating(step: Pick<LedgerStep, 'isForEach' | 'status' | 'hasResult'>): boolean {
  return step.isForEach && step.status === 'running' && step.hasResult;
}

/** A run in which blocks may begin; one that was only just asked for begins with its first block. */
function isUnderWay(run: LedgerRun): boolean {
  return run.status === 'running' || run.status === 'pending';
}

/** A step holds nobody up once it has handed on what it has, or nothing will come of it. */
function openNeeds(needs: readonly NeededStep[]): readonly string[] {
  return needs
    .filter(({ status }) => status !== 'completed' && status !== 'skipped')
    .map(({ id }) => id);
}

function mayRun(run: LedgerRun, step: LedgerStep, caller: Caller): boolean {
  if (caller === null) {
    return false;
  }
  if (step.gate !== null) {
    return step.holder === caller.workflowId;
  }
  return step.isInIteration ? step.iteratedBy === caller.workflowId : isWorkflowOf(run, caller);
}

function isWorkflowOf(run: LedgerRun, caller: Caller): boolean {
  // An external run has no workflow of its own: whoever takes its id as a name is a stranger.
  return !run.isExternal && caller?.workflowId === run.id && caller.workflowType === WORKFLOW_RUN;
}

/** Whether a workflow was started to run the gate of a step: its id says so. */
function isGateOf(run: LedgerRun, step: Pick<LedgerStep, 'id' | 'gate'>, caller: Caller): boolean {
  return (
    step.gate !== null &&
    caller?.workflowType === GATED_BLOCK_RUN &&
    (run.isExternal
      ? caller.workflowId.startsWith(EXTERNAL_GATE_PREFIX)
      : isNamedAfter(step, caller.workflowId))
  );
}

function isIteratorOf(step: Pick<LedgerStep, 'id'>, caller: Caller): boolean {
  return caller?.workflowType === FOR_EACH_RUN && isNamedAfter(step, caller.workflowId);
}

function isNamedAfter(step: Pick<LedgerStep, 'id'>, workflowId: string): boolean {
  return workflowId.startsWith(`${step.id}~`);
}
