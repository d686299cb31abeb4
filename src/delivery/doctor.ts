import { msUntilOpen } from '../domain/time-window.js';
import { EXTERNAL_GATE_PREFIX } from '../domain/external-review.js';
import { SYSTEM } from '../store/actors.js';
import { recordAudit } from '../store/audit.js';
import type { Db } from '../store/database.js';
import {
  knownWorkflows,
  listStuckMessages,
  listUnendedRuns,
  listUnknownOutcomes,
  type OpenGate,
  oweAgain,
  supersedeFailedMessages,
  type UnendedRun,
} from '../store/drift.js';
import { endRun } from '../store/end-run.js';
import { endExternalRun } from '../store/external-reviews.js';
import type { Temporal, WorkflowState } from './temporal.js';

/** How a finding is mended; null where only a person can. */
export type Remedy =
  | { readonly kind: 'restart_run'; readonly runId: string; readonly workflowId: string }
  | { readonly kind: 'end_cancelled_run'; readonly runId: string }
  | { readonly kind: 'end_external_run'; readonly runId: string }
  | { readonly kind: 'cancel_workflow'; readonly workflowId: string }
  | { readonly kind: 'owe_again'; readonly messageId: string }
  | { readonly kind: 'owe_review_again'; readonly reviewId: string };

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
    | 'WORKFLOW_ORPHANED'
    | 'NO_WORKER';
  readonly runId: string | null;
  readonly reviewId: string | null;
  /** What was found, and what to do about it. */
  readonly message: string;
  readonly remedy: Remedy | null;
};

/** How young a run or a vote may be without being looked at: it is likely on its way. */
const SETTLING_MS = 5_000;
const OWED_TOO_LONG_MS = 120_000;
const PAGE = 200;

/**
 * Compares the store with Temporal, run by run, and explains everything that is owed or stuck.
 *
 * It only reads. Runs younger than a few seconds are left alone: they are on their way.
 *
 * @param settlingMs how young is too young to judge
 */
export async function diagnose(
  db: Db,
  temporal: Temporal,
  settlingMs: number = SETTLING_MS,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const restarted = new Set<string>();
  for (let afterId = ''; ;) {
    const runs = await listUnendedRuns(db, { afterId, limit: PAGE, minAgeMs: settlingMs });
    for (const run of runs) {
      const found = await diagnoseRun(temporal, run, settlingMs);
      findings.push(...found);
      if (found.some(({ remedy }) => remedy?.kind === 'restart_run')) {
        restarted.add(run.id);
      }
    }
    const last = runs.at(-1);
    if (last === undefined || runs.length < PAGE) {
      break;
    }
    afterId = last.id;
  }
  // What failed to reach a workflow that is started again is read by the new one when it opens.
  const messages = await listStuckMessages(db, OWED_TOO_LONG_MS, PAGE);
  findings.push(
    ...messages.filter(({ runId }) => !restarted.has(runId)).map(stuckMessageFinding),
    ...(await listUnknownOutcomes(db, PAGE)).map(({ stepId, runId, message }): Finding => ({
      code: 'OUTCOME_UNKNOWN',
      runId,
      reviewId: null,
      message: `The outcome of step ${stepId} is unknown. ${message ?? 'Find out what it did, and start a new run if it did nothing.'}`,
      remedy: null,
    })),
    ...(await findOrphans(db, temporal)),
    ...(await findMissingWorker(temporal)),
  );
  return findings;
}

async function diagnoseRun(
  temporal: Temporal,
  run: UnendedRun,
  settlingMs: number,
): Promise<readonly Finding[]> {
  if (run.isStartOwed) {
    return [];
  }
  if (run.external !== null) {
    return await diagnoseExternal(temporal, run, run.external, settlingMs);
  }
  const about = { runId: run.id, reviewId: null };
  const state = await temporal.describe(run.id);
  if (run.status === 'cancelling') {
    if (state !== 'running') {
      const message = `Run ${run.id} is being cancelled, and its workflow ${SAYS[state]}: it can be ended in the store.`;
      const remedy = { kind: 'end_cancelled_run', runId: run.id } as const;
      return [{ ...about, code: 'CANCEL_UNSETTLED', message, remedy }];
    }
    if (!run.isCancelOwed && run.ageMs > settlingMs) {
      const message = `Run ${run.id} is being cancelled, but its workflow goes on: it can be told again.`;
      const remedy = { kind: 'cancel_workflow', workflowId: run.id } as const;
      return [{ ...about, code: 'CANCEL_UNHEARD', message, remedy }];
    }
    return [];
  }
  const restart = { kind: 'restart_run', runId: run.id, workflowId: run.workflowId } as const;
  if (state !== 'running') {
    const message = `Run ${run.id} has not ended, but its workflow ${SAYS[state]}: it can be started again, and the ledger keeps what was done.`;
    return [{ ...about, code: 'RUN_GONE', message, remedy: restart }];
  }
  const findings: Finding[] = [];
  for (const gate of run.gates) {
    const gateState = await temporal.describe(gate.holder);
    if (gateState !== 'running') {
      const message = `Step ${gate.stepId} waits for workflow '${gate.holder}', which ${SAYS[gateState]}: its run can be started again, and the ledger keeps what was done.`;
      findings.push({
        ...about,
        code: 'GATE_GONE',
        reviewId: gate.reviewId,
        message,
        remedy: restart,
      });
    } else {
      findings.push(...unheardVotes(run, gate, settlingMs));
    }
  }
  return findings;
}

function unheardVotes(run: UnendedRun, gate: OpenGate, settlingMs: number): readonly Finding[] {
  const { reviewId } = gate;
  if (!isUnheard(gate, settlingMs) || reviewId === null) {
    return [];
  }
  const message = `Review ${reviewId} was decided, but its workflow has not acted on it: it can be told again.`;
  const remedy = { kind: 'owe_review_again', reviewId } as const;
  return [{ runId: run.id, code: 'VOTE_UNHEARD', reviewId, message, remedy }];
}

/**
 * Looks at a run that an author's own workflow opened. Its gate is a child of that workflow, so nobody
 * but that workflow can start it again: what is gone there is said, and left to a person.
 */
async function diagnoseExternal(
  temporal: Temporal,
  run: UnendedRun,
  external: NonNullable<UnendedRun['external']>,
  settlingMs: number,
): Promise<readonly Finding[]> {
  const { workflowId, holder, reviewId, isStepEnded } = external;
  const about = { runId: run.id, reviewId };
  const gate = await temporal.describe(holder);
  if (run.status === 'cancelling') {
    if (gate !== 'running') {
      const message = `Run ${run.id} is being cancelled, and its gate ${SAYS[gate]}: it can be ended in the store.`;
      const remedy = { kind: 'end_cancelled_run', runId: run.id } as const;
      return [{ ...about, code: 'CANCEL_UNSETTLED', message, remedy }];
    }
    if (!run.isCancelOwed && run.ageMs > settlingMs) {
      const message = `Run ${run.id} is being cancelled, but its gate goes on: it can be told again.`;
      const remedy = { kind: 'cancel_workflow', workflowId: holder } as const;
      return [{ ...about, code: 'CANCEL_UNHEARD', message, remedy }];
    }
    return [];
  }
  if (gate !== 'running' && isStepEnded) {
    const message = `Run ${run.id} has done what it was for, and its gate ${SAYS[gate]}: it can be ended in the store.`;
    const remedy = { kind: 'end_external_run', runId: run.id } as const;
    return [{ ...about, code: 'GATE_GONE', message, remedy }];
  }
  const author = await temporal.describe(workflowId);
  if (author !== 'running') {
    const message = `Run ${run.id} waits for review, but workflow '${workflowId}', which asked for it, ${SAYS[author]}: cancel the run, or reset that workflow if it is to go on.`;
    return [{ ...about, code: 'RUN_GONE', message, remedy: null }];
  }
  if (gate !== 'running') {
    const message = `Run ${run.id} waits for review, but its gate '${holder}' ${SAYS[gate]}, and only workflow '${workflowId}' can start it again: reset that workflow to before it asked for the review, or cancel the run.`;
    return [{ ...about, code: 'GATE_GONE', message, remedy: null }];
  }
  return run.gates.flatMap((one) => unheardVotes(run, one, settlingMs));
}

const SAYS: Readonly<Record<WorkflowState, string>> = {
  running: 'is running',
  closed: 'has ended',
  missing: 'does not exist in Temporal',
};

/**
 * Approved, free to be released, and yet nobody has claimed it for a while; or refused, and its step,
 * without which the run is to go on, still waits.
 */
function isUnheard(gate: OpenGate, settlingMs: number): boolean {
  const { release, reviewStatus } = gate;
  if (reviewStatus === 'REJECTED' || reviewStatus === 'REVOKED') {
    return gate.onReject !== 'cancel_run' && (gate.newestFactAgoMs ?? 0) > settlingMs;
  }
  const afterMs =
    typeof release === 'object' && release !== null && 'afterMs' in release
      ? Number(release.afterMs)
      : 0;
  const mayGo = release !== 'manual' || gate.isReleaseRequested;
  return (
    gate.reviewStatus === 'APPROVED' &&
    mayGo &&
    isWithinWindow(gate.timeWindow, settlingMs) &&
    (gate.newestFactAgoMs ?? 0) > settlingMs &&
    (gate.decidedAgoMs ?? 0) > afterMs + settlingMs
  );
}

/** Whether a time window, if there is one, has been open for a while. */
function isWithinWindow(window: OpenGate['timeWindow'], forMs: number): boolean {
  const nowMs = Date.now();
  return (
    window === null ||
    (msUntilOpen(window, nowMs) === 0 && msUntilOpen(window, nowMs - forMs) === 0)
  );
}

function stuckMessageFinding(
  message: Awaited<ReturnType<typeof listStuckMessages>>[number],
): Finding {
  const { id, kind, runId, reviewId, lastError } = message;
  const why = lastError ?? 'it was not sent yet';
  return message.state === 'failed'
    ? {
        code: 'MESSAGE_FAILED',
        runId,
        reviewId,
        message: `The ${kind} of run ${runId} could not be delivered (${why}): it can be sent again.`,
        remedy: { kind: 'owe_again', messageId: id },
      }
    : {
        code: 'MESSAGE_OWED',
        runId,
        reviewId,
        message: `The ${kind} of run ${runId} has been owed for ${Math.round(message.ageMs / 1_000)} s (${why}): it is sent as soon as Temporal answers.`,
        remedy: null,
      };
}

async function findMissingWorker(temporal: Temporal): Promise<readonly Finding[]> {
  return (await temporal.hasWorker())
    ? []
    : [
        {
          code: 'NO_WORKER',
          runId: null,
          reviewId: null,
          message: `No worker polls task queue '${temporal.taskQueue}' in namespace '${temporal.namespace}': start \`countersign worker\`, and nothing is lost until then.`,
          remedy: null,
        },
      ];
}

/** Workflows that run although the store has nothing for them any more. */
async function findOrphans(db: Db, temporal: Temporal): Promise<readonly Finding[]> {
  const running: string[] = [];
  for await (const { workflowId } of temporal.listRunning()) {
    running.push(workflowId);
  }
  const known = await knownWorkflows(db, running);
  const orphans: Finding[] = [];
  for (const workflowId of running.filter((id) => !known.has(id))) {
    // Visibility lags: only what a direct question confirms is an orphan.
    if ((await temporal.describe(workflowId)) === 'running') {
      if (workflowId.startsWith(EXTERNAL_GATE_PREFIX)) {
        // Perhaps no worker has opened it yet. Cancelling it would answer for the people it is to ask.
        orphans.push({
          code: 'WORKFLOW_ORPHANED',
          runId: null,
          reviewId: null,
          message: `Gate '${workflowId}' of somebody's own workflow runs, and the store has no review for it: a worker opens it, or if it stays, reset the workflow that asked for it.`,
          remedy: null,
        });
        continue;
      }
      orphans.push({
        code: 'WORKFLOW_ORPHANED',
        runId: null,
        reviewId: null,
        message: `Workflow '${workflowId}' runs, but the store has nothing for it to do: it can be cancelled.`,
        remedy: { kind: 'cancel_workflow', workflowId },
      });
    }
  }
  return orphans;
}

/** Carries out the remedy of one finding; safe to repeat. */
export async function repair(db: Db, temporal: Temporal, remedy: Remedy): Promise<void> {
  switch (remedy.kind) {
    case 'restart_run':
      await temporal.restart(remedy);
      await supersedeFailedMessages(db, remedy.runId);
      await recordAudit(db, SYSTEM, 'run_restarted', { runId: remedy.runId });
      return;
    case 'end_cancelled_run':
      await endRun(db, remedy.runId, { kind: 'cancelled' });
      return;
    case 'end_external_run':
      await endExternalRun(db, remedy.runId);
      return;
    case 'cancel_workflow':
      await temporal.cancel(remedy.workflowId);
      return;
    case 'owe_again':
      await oweAgain(db, { messageId: remedy.messageId });
      return;
    case 'owe_review_again':
      await oweAgain(db, { reviewId: remedy.reviewId });
      return;
  }
}

/** What the audit may do by itself: sending again and ending what is cancelled change no outcome. */
export function isSafeUnattended(remedy: Remedy): boolean {
  return (
    remedy.kind === 'owe_review_again' ||
    remedy.kind === 'end_cancelled_run' ||
    remedy.kind === 'end_external_run' ||
    remedy.kind === 'cancel_workflow'
  );
}
