import { hasEnded, type RunStatus } from './statuses.js';
import { msUntilOpen, type TimeWindow } from './time-window.js';

// What the drift audit and `doctor` conclude from what the store says of a run and what Temporal says
// of its workflows. Nothing follows from what either of them does not know.

/** A run that has not ended, as the store has it at one moment. */
export type UnendedRun = {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly status: RunStatus;
  readonly createdAt: Date;
  /** A start or a cancel of its workflow is still owed. */
  readonly isStartOwed: boolean;
  readonly isCancelOwed: boolean;
  /** Its steps that have not ended and that a workflow is responsible for. */
  readonly gates: readonly OpenGate[];
  /** Where an author's own workflow opened it: that workflow, and the gate; null for any other run. */
  readonly external: {
    readonly workflowId: string;
    readonly holder: string;
    readonly reviewId: string | null;
    readonly isStepEnded: boolean;
  } | null;
};

/** A step that a workflow is responsible for. */
export type OpenGate = {
  readonly stepId: string;
  readonly holder: string;
  /** A for_each: its holder may be what runs the iterations that other steps are in. */
  readonly iterates: boolean;
  readonly reviewId: string | null;
  readonly reviewStatus: string | null;
  /** How many facts its review has. */
  readonly seq: number;
  /** The news of a fact is still owed to its workflow. */
  readonly isNewsOwed: boolean;
  readonly release: unknown;
  readonly onReject: string | null;
  readonly timeWindow: TimeWindow | null;
  readonly isReleaseRequested: boolean;
  readonly decidedAgoMs: number | null;
  readonly newestFactAgoMs: number | null;
};

/** What Temporal says of a workflow: its present execution, or that there is none. */
export type Execution = {
  readonly state: 'running' | 'closed' | 'missing';
  /** The id of the execution in Temporal; null where there is none. */
  readonly execution: string | null;
  /** It has a task to work on, or an activity under way: it will move by itself. */
  readonly isBusy: boolean;
  readonly isCancelRequested: boolean;
  readonly historyLength: number;
};

/** What Temporal answered about workflows, by their ids; text where it could not be asked, and why. */
export type Sightings = ReadonlyMap<string, Execution | string>;

/** How a finding is mended, and what was seen that makes it right; null where only a person can. */
export type Remedy =
  /** Starts a run's workflow again that has ended or was lost. */
  | { readonly kind: 'restart_run'; readonly runId: string; readonly workflowId: string }
  /** Ends one execution of a run's workflow that waits for a gate that is gone, and starts another. */
  | {
      readonly kind: 'replace_execution';
      readonly runId: string;
      readonly workflowId: string;
      readonly execution: string;
      readonly historyLength: number;
      readonly stepId: string;
      readonly holder: string;
    }
  | { readonly kind: 'end_cancelled_run'; readonly runId: string }
  | { readonly kind: 'end_external_run'; readonly runId: string }
  /** Cancels one execution of a workflow whose run is being cancelled. */
  | {
      readonly kind: 'cancel_again';
      readonly runId: string;
      readonly workflowId: string;
      readonly execution: string;
    }
  /** Cancels one execution whose run has ended, or whose step has another holder. */
  | {
      readonly kind: 'cancel_orphan';
      readonly runId: string;
      readonly workflowId: string;
      readonly execution: string;
    }
  | { readonly kind: 'owe_again'; readonly messageId: string }
  /** Tells the workflow of a review again of the latest fact. */
  | {
      readonly kind: 'owe_review_again';
      readonly runId: string;
      readonly reviewId: string;
      readonly seq: number;
    }
  /** The same, for an execution whose step has ended. */
  | {
      readonly kind: 'tell_ended';
      readonly runId: string;
      readonly workflowId: string;
      readonly execution: string;
      readonly reviewId: string;
      readonly seq: number;
    };

/** Something that is owed, stuck, or at odds between the store and Temporal. */
export type Finding = {
  readonly code:
    | 'RUN_GONE'
    | 'GATE_GONE'
    | 'CANCEL_UNSETTLED'
    | 'CANCEL_UNHEARD'
    | 'VOTE_UNHEARD'
    | 'MESSAGE_FAILED'
    | 'MESSAGE_OWED'
    | 'OUTCOME_UNKNOWN'
    | 'FUNCTION_MISSING'
    | 'UNDECIDABLE'
    | 'WORKFLOW_ORPHANED'
    | 'WORKFLOW_UNKNOWN'
    | 'COULD_NOT_ASK'
    | 'NO_WORKER';
  readonly runId: string | null;
  readonly reviewId: string | null;
  /** What was found, and what to do about it. */
  readonly message: string;
  readonly remedy: Remedy | null;
};

/** What the audit may do by itself: sending again, and ending what is cancelled, change no outcome. */
export function isSafeUnattended(remedy: Remedy): boolean {
  switch (remedy.kind) {
    case 'restart_run':
    case 'replace_execution':
    case 'owe_again':
      return false;
    case 'end_cancelled_run':
    case 'end_external_run':
    case 'cancel_again':
    case 'cancel_orphan':
    case 'owe_review_again':
    case 'tell_ended':
      return true;
  }
}

/** The workflows that Temporal has to be asked about before a run can be judged. */
export function workflowsOf(run: UnendedRun): readonly string[] {
  if (run.isStartOwed) {
    return [];
  }
  const gates = run.gates.map(({ holder }) => holder);
  return run.external === null
    ? [run.id, ...gates]
    : [...new Set([run.external.holder, run.external.workflowId, ...gates])];
}

/**
 * What is wrong with a run by what the store says of it and what Temporal answered about its workflows.
 *
 * It is true of a moment only if the store says the same before and after Temporal is asked: workflows
 * tell the store first and end then.
 *
 * @param settlingMs how long a vote may take to have its effect
 * @param nowMs the clock by which time windows open
 */
export function judgeRun(
  run: UnendedRun,
  seen: Sightings,
  settlingMs: number,
  nowMs: number,
): readonly Finding[] {
  if (run.isStartOwed) {
    return [];
  }
  const unasked = workflowsOf(run).flatMap((workflowId) => {
    const answer = seen.get(workflowId);
    return typeof answer === 'string' ? [couldNotAsk(run.id, workflowId, answer)] : [];
  });
  const found =
    run.external === null
      ? judgeOwnRun(run, seen, settlingMs, nowMs)
      : judgeExternalRun(run, run.external, seen, settlingMs, nowMs);
  return [...unasked, ...found];
}

/** That Temporal did not say how a workflow is. */
export function couldNotAsk(runId: string | null, workflowId: string, why: string): Finding {
  return {
    code: 'COULD_NOT_ASK',
    runId,
    reviewId: null,
    message: `Temporal could not be asked about workflow '${workflowId}' (${why}): whether it runs is not known. Run \`countersign doctor\` again.`,
    remedy: null,
  };
}

function judgeOwnRun(
  run: UnendedRun,
  seen: Sightings,
  settlingMs: number,
  nowMs: number,
): readonly Finding[] {
  const own = answerOf(seen, run.id);
  if (own === null) {
    return [];
  }
  if (run.status === 'cancelling') {
    return judgeCancellation(run, [run.id, ...run.gates.map(({ holder }) => holder)], seen);
  }
  if (own.state !== 'running') {
    return [
      {
        code: 'RUN_GONE',
        runId: run.id,
        reviewId: null,
        message: `Run ${run.id} has not ended, but its workflow ${SAYS[own.state]}: it can be started again, and the ledger keeps what was done.`,
        remedy: { kind: 'restart_run', runId: run.id, workflowId: run.workflowId },
      },
    ];
  }
  return run.gates.flatMap((gate) => {
    const execution = answerOf(seen, gate.holder);
    if (execution === null) {
      return [];
    }
    return execution.state === 'running'
      ? unheardVote(run, gate, execution, settlingMs, nowMs)
      : goneGate(run, gate, seen, own, execution.state);
  });
}

/**
 * A gate that has ended although its step has not. While its run's workflow, or that of an iteration, is
 * at work, it may yet hear of that, and end or begin anew by itself.
 */
function goneGate(
  run: UnendedRun,
  { stepId, holder, reviewId }: OpenGate,
  seen: Sightings,
  own: Execution,
  state: 'closed' | 'missing',
): readonly Finding[] {
  const isAnyBusy = run.gates.some(
    ({ iterates, holder: id }) => iterates && answerOf(seen, id)?.isBusy !== false,
  );
  if (own.isBusy || isAnyBusy || own.execution === null) {
    return [];
  }
  const { execution, historyLength } = own;
  return [
    {
      code: 'GATE_GONE',
      runId: run.id,
      reviewId,
      message: `Step ${stepId} waits for workflow '${holder}', which ${SAYS[state]}, and its run's workflow does not notice: that can be replaced, and the ledger keeps what was done.`,
      remedy: {
        kind: 'replace_execution',
        runId: run.id,
        workflowId: run.workflowId,
        execution,
        historyLength,
        stepId,
        holder,
      },
    },
  ];
}

/**
 * A run that is being cancelled: over when nothing of it runs, and unheard of where something runs
 * that nobody has asked to stop.
 */
function judgeCancellation(
  run: UnendedRun,
  workflowIds: readonly string[],
  seen: Sightings,
): readonly Finding[] {
  const about = { runId: run.id, reviewId: null };
  const answers = workflowIds.map((workflowId) => ({
    workflowId,
    seen: answerOf(seen, workflowId),
  }));
  const isOver = answers.every(
    (one) => one.seen !== null && (one.seen.state === 'closed' || one.seen.state === 'missing'),
  );
  if (isOver) {
    const message = `Run ${run.id} is being cancelled, and nothing of it runs any more: it can be ended in the store.`;
    const remedy = { kind: 'end_cancelled_run', runId: run.id } as const;
    return [{ ...about, code: 'CANCEL_UNSETTLED', message, remedy }];
  }
  if (run.isCancelOwed) {
    return [];
  }
  // The run's own workflow passes it on to the others; one that is gone passes nothing on.
  const running = answers.filter((one) => one.seen?.state === 'running');
  const told = running[0]?.workflowId === run.id ? running.slice(0, 1) : running;
  return told.flatMap(({ workflowId, seen: answer }) => {
    if (answer === null || answer.execution === null || isOnItsWay(answer)) {
      return [];
    }
    const message = `Run ${run.id} is being cancelled, and workflow '${workflowId}' was not told: it can be told again.`;
    const { execution } = answer;
    const remedy = { kind: 'cancel_again', runId: run.id, workflowId, execution } as const;
    return [{ ...about, code: 'CANCEL_UNHEARD' as const, message, remedy }];
  });
}

function isOnItsWay({ isCancelRequested, isBusy }: Execution): boolean {
  return isCancelRequested || isBusy;
}

/**
 * A run that an author's own workflow opened. Its gate is a child of that workflow, so nobody but that
 * workflow can start it again: what is gone there is said, and left to a person.
 */
function judgeExternalRun(
  run: UnendedRun,
  external: NonNullable<UnendedRun['external']>,
  seen: Sightings,
  settlingMs: number,
  nowMs: number,
): readonly Finding[] {
  const { workflowId, holder, reviewId } = external;
  const about = { runId: run.id, reviewId };
  const gate = answerOf(seen, holder);
  if (gate === null) {
    return [];
  }
  if (run.status === 'cancelling') {
    return judgeCancellation(run, [holder], seen);
  }
  if (gate.state !== 'running' && external.isStepEnded) {
    const message = `Run ${run.id} has done what it was for, and its gate ${SAYS[gate.state]}: it can be ended in the store.`;
    const remedy = { kind: 'end_external_run', runId: run.id } as const;
    return [{ ...about, code: 'GATE_GONE', message, remedy }];
  }
  const author = answerOf(seen, workflowId);
  if (author !== null && author.state !== 'running' && !isEndingByItself(gate)) {
    const message = `Run ${run.id} waits for review, but workflow '${workflowId}', which asked for it, ${SAYS[author.state]}: cancel the run, or reset that workflow if it is to go on.`;
    return [{ ...about, code: 'RUN_GONE', message, remedy: null }];
  }
  if (gate.state !== 'running') {
    const message = `Run ${run.id} waits for review, but its gate '${holder}' ${SAYS[gate.state]}, and only workflow '${workflowId}' can start it again: reset that workflow to before it asked for the review, or cancel the run.`;
    return [{ ...about, code: 'GATE_GONE', message, remedy: null }];
  }
  return run.gates.flatMap((one) => unheardVote(run, one, gate, settlingMs, nowMs));
}

/** A gate whose workflow has ended is asked to stop, and settles that itself. */
function isEndingByItself({ state, isBusy, isCancelRequested }: Execution): boolean {
  return state === 'running' && (isBusy || isCancelRequested);
}

/**
 * A decision that its gate, which waits for nothing but news, has not acted on.
 *
 * A gate that is at work, or to which the news is owed, hears of it by itself.
 */
function unheardVote(
  run: UnendedRun,
  gate: OpenGate,
  execution: Execution,
  settlingMs: number,
  nowMs: number,
): readonly Finding[] {
  const { reviewId, seq } = gate;
  const hearsOfIt = execution.isBusy || execution.isCancelRequested || gate.isNewsOwed;
  if (reviewId === null || hearsOfIt || !isToBeActedOn(gate, settlingMs, nowMs)) {
    return [];
  }
  return [
    {
      code: 'VOTE_UNHEARD',
      runId: run.id,
      reviewId,
      message: `Review ${reviewId} was decided, but its workflow has not acted on it: it can be told again.`,
      remedy: { kind: 'owe_review_again', runId: run.id, reviewId, seq },
    },
  ];
}

/**
 * Approved, free to be released, and yet not released for a while; released to be executed, and its gate has
 * not been told; or refused, and its step, without which the run is to go on, still waits.
 */
function isToBeActedOn(gate: OpenGate, settlingMs: number, nowMs: number): boolean {
  const { release, reviewStatus } = gate;
  if (reviewStatus === 'REJECTED' || reviewStatus === 'REVOKED') {
    return gate.onReject !== 'cancel_run' && (gate.newestFactAgoMs ?? 0) > settlingMs;
  }
  if (reviewStatus === 'PROCESSING') {
    // Released, and its gate is at rest: nobody has told it to have the block executed.
    return (gate.newestFactAgoMs ?? 0) > afterMsOf(gate) + settlingMs;
  }
  const afterMs = afterMsOf(gate);
  const mayGo = release !== 'manual' || gate.isReleaseRequested;
  return (
    reviewStatus === 'APPROVED' &&
    mayGo &&
    isWithinWindow(gate.timeWindow, settlingMs, nowMs) &&
    (gate.newestFactAgoMs ?? 0) > settlingMs &&
    (gate.decidedAgoMs ?? 0) > afterMs + settlingMs
  );
}

/** How long a gate gives to undo. */
function afterMsOf({ release }: Pick<OpenGate, 'release'>): number {
  return typeof release === 'object' && release !== null && 'afterMs' in release
    ? Number(release.afterMs)
    : 0;
}

/** Whether a time window, if there is one, has been open for a while. */
function isWithinWindow(window: TimeWindow | null, forMs: number, nowMs: number): boolean {
  return (
    window === null ||
    (msUntilOpen(window, nowMs) === 0 && msUntilOpen(window, nowMs - forMs) === 0)
  );
}

function answerOf(seen: Sightings, workflowId: string): Execution | null {
  const answer = seen.get(workflowId);
  return answer === undefined || typeof answer === 'string' ? null : answer;
}

const SAYS: Readonly<Record<Execution['state'], string>> = {
  running: 'is running',
  closed: 'has ended',
  missing: 'does not exist in Temporal',
};

/** An execution that Temporal lists as running, and the run that it says it belongs to. */
export type RunningExecution = {
  readonly workflowId: string;
  readonly execution: string;
  readonly runId: string | null;
};

/** What the store says of the run and the step that an execution belongs to. */
export type Owner = {
  readonly runStatus: RunStatus;
  readonly runEndedAgoMs: number | null;
  /** Null for the workflow of the run itself. */
  readonly step: {
    readonly endedAgoMs: number | null;
    readonly reviewId: string | null;
    readonly seq: number;
    /** It was the holder once, and another one has taken its place. */
    readonly isReplaced: boolean;
  } | null;
  /** Something is still owed to it: news of a fact, or a cancel. */
  readonly isOwed: boolean;
};

/**
 * What is wrong with an execution whose run or step the store knows to have ended, or to have another
 * holder by now.
 *
 * An execution about which the store says nothing is left alone: it may be of another installation, or
 * on its way to its step.
 *
 * @param seen the execution itself, or none yet: then it says whether it is worth asking
 * @param lingerMs how long an execution may go on when what it was for has ended
 */
export function judgeExecution(
  { workflowId, execution }: RunningExecution,
  runId: string,
  owner: Owner,
  seen: Execution | null,
  lingerMs: number,
): readonly Finding[] {
  const { step, runStatus, runEndedAgoMs, isOwed } = owner;
  const isRunOver = hasEnded(runStatus) && (runEndedAgoMs ?? 0) > lingerMs;
  const isReplaced = step?.isReplaced === true;
  const isStepOver = step !== null && (step.endedAgoMs ?? 0) > lingerMs;
  const isAtRest =
    seen === null || (seen.state === 'running' && !seen.isCancelRequested && !seen.isBusy);
  if (isOwed || !isAtRest) {
    return [];
  }
  const about = { code: 'WORKFLOW_ORPHANED', runId, reviewId: step?.reviewId ?? null } as const;
  if (isRunOver || isReplaced) {
    const why = isRunOver ? `run ${runId} has ended` : 'another workflow holds its step';
    const message = `Workflow '${workflowId}' runs, although ${why}: it can be cancelled.`;
    const remedy = { kind: 'cancel_orphan', runId, workflowId, execution } as const;
    return [{ ...about, message, remedy }];
  }
  // Cancelled it would be taken for the end of a run that goes on; told, it ends as its step has.
  if (isStepOver && step.reviewId !== null && !hasEnded(runStatus)) {
    const { reviewId, seq } = step;
    const message = `Workflow '${workflowId}' waits, although its step has ended: it can be told again.`;
    const remedy = { kind: 'tell_ended', runId, workflowId, execution, reviewId, seq } as const;
    return [{ ...about, message, remedy }];
  }
  return [];
}
