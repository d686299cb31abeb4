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
import type { Temporal, WorkflowState } from './temporal.js';

/** How a finding is mended; null where only a person can. */
export type Remedy =
  | { readonly kind: 'restart_run'; readonly runId: string; readonly workflowId: string }
  | { readonly kind: 'end_cancelled_run'; readonly runId: string }
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
    ...(await listUnknownOutcomes(db, PAGE)).map(({ stepId, runId }): Finding => ({
      code: 'OUTCOME_UNKNOWN',
      runId,
      reviewId: null,
      message: `Step ${stepId} was being executed when its worker was lost, and its block must not be repeated: find out what it did, and start a new run if it did nothing.`,
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
    } else if (isUnheard(gate, settlingMs) && gate.reviewId !== null) {
      const message = `Review ${gate.reviewId} was decided, but its workflow has not acted on it: it can be told again.`;
      const remedy = { kind: 'owe_review_again', reviewId: gate.reviewId } as const;
      findings.push({ ...about, code: 'VOTE_UNHEARD', reviewId: gate.reviewId, message, remedy });
    }
  }
  return findings;
}

const SAYS: Readonly<Record<WorkflowState, string>> = {
  running: 'is running',
  closed: 'has ended',
  missing: 'does not exist in Temporal',
};

/** Approved, free to be released, and yet nobody has claimed it for a while. */
function isUnheard(gate: OpenGate, settlingMs: number): boolean {
  const { release } = gate;
  const afterMs =
    typeof release === 'object' && release !== null && 'afterMs' in release
      ? Number(release.afterMs)
      : 0;
  const mayGo = release !== 'manual' || gate.isReleaseRequested;
  return (
    gate.reviewStatus === 'APPROVED' &&
    mayGo &&
    (gate.newestFactAgoMs ?? 0) > settlingMs &&
    (gate.decidedAgoMs ?? 0) > afterMs + settlingMs
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
    remedy.kind === 'cancel_workflow'
  );
}
