import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { type Finding, isSafeUnattended, type Remedy } from '../domain/drift.js';
import { SYSTEM } from '../store/actors.js';
import { recordAudit } from '../store/audit.js';
import type { Db } from '../store/database.js';
import {
  endCancelledRun,
  isHeldBy,
  isNewsOwed,
  mayStartAgain,
  oweAgain,
  oweNewsAgain,
  stateOfMessage,
  supersedeFailedMessages,
} from '../store/drift.js';
import { endExternalRun } from '../store/external-reviews.js';
import { type Comparing, diagnoseExecution, diagnoseRun, examine } from './examine.js';
import { getRun, runOrderOf } from '../store/runs.js';
import type { Temporal } from './temporal.js';

export type { Finding, Remedy };
export { isSafeUnattended };

const SETTLING_MS = 5_000;
/** A cancelled run's workflow waits a minute for its cancel; see `workflowRun`. */
const LINGER_MS = 90_000;

/** What `doctor` compares with, unless the caller says otherwise. */
export function comparing(db: Db, temporal: Temporal, about: Partial<Comparing> = {}): Comparing {
  return { db, temporal, settlingMs: SETTLING_MS, lingerMs: LINGER_MS, ...about };
}

/** Everything that was found, and whether everything was looked at. */
export type Diagnosis = {
  readonly findings: readonly Finding[];
  readonly isComplete: boolean;
};

/**
 * Compares the store with Temporal and gives everything that is owed or stuck.
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
  const compared = comparing(db, temporal, { settlingMs });
  return (await diagnoseWithin(compared, Number.POSITIVE_INFINITY)).findings;
}

/** Gathers findings until a time is up. */
export async function diagnoseWithin(compared: Comparing, forMs: number): Promise<Diagnosis> {
  const findings: Finding[] = [];
  const deadline = Date.now() + forMs;
  const isComplete = await examine(
    compared,
    (finding) => {
      findings.push(finding);
    },
    () => Date.now() < deadline,
  );
  return { findings, isComplete };
}

/** What came of a remedy, by a look at it afterwards. */
export type Outcome = 'mended' | 'no longer so' | 'not mended';

/** How long to look whether a remedy has had its effect. */
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 250;

/**
 * Carries out the remedy of one finding, if what was found is still so; safe to repeat.
 *
 * 1. It looks again first. A remedy says what was seen, and only the very same calls for it.
 * 2. It names the execution that it cancels or ends, and starts one only where none runs.
 * 3. It looks again afterwards: what was asked for, and cannot be seen yet, is not mended.
 *
 * @param patienceMs how long to look whether it has had its effect
 */
export async function repair(
  db: Db,
  temporal: Temporal,
  remedy: Remedy,
  patienceMs: number = PATIENCE_MS,
): Promise<Outcome> {
  // What was found has settled already: now it is there, or it is not.
  const compared = comparing(db, temporal, { settlingMs: 0, lingerMs: 0 });
  const before = await standing(compared, remedy);
  if (before === 'unknown') {
    return 'not mended';
  }
  if (before === 'gone' || !(await carryOut(compared, remedy))) {
    return 'no longer so';
  }
  for (const deadline = Date.now() + patienceMs; ;) {
    if ((await standing(compared, remedy)) === 'gone' && !(await isOwed(db, remedy))) {
      return 'mended';
    }
    if (Date.now() > deadline) {
      return 'not mended';
    }
    await delay(LOOK_EVERY_MS);
  }
}

/** Whether what calls for a remedy is so at this moment; unknown where Temporal does not say. */
async function standing(
  compared: Comparing,
  remedy: Remedy,
): Promise<'there' | 'gone' | 'unknown'> {
  const findings = await findingsAbout(compared, remedy);
  if (findings.some((finding) => isSame(finding.remedy, remedy))) {
    return 'there';
  }
  return findings.some(({ code }) => code === 'COULD_NOT_ASK') ? 'unknown' : 'gone';
}

async function findingsAbout(
  compared: Comparing,
  remedy: Remedy,
): Promise<readonly Pick<Finding, 'code' | 'remedy'>[]> {
  switch (remedy.kind) {
    case 'owe_again': {
      const message = await stateOfMessage(compared.db, remedy.messageId);
      return message?.state === 'failed' ? [{ code: 'MESSAGE_FAILED', remedy }] : [];
    }
    case 'cancel_orphan':
    case 'tell_ended':
      return await diagnoseExecution(compared, remedy);
    case 'restart_run':
    case 'replace_execution':
    case 'end_cancelled_run':
    case 'end_external_run':
    case 'cancel_again':
    case 'owe_review_again':
      return await diagnoseRun(compared, remedy.runId);
  }
}

function isSame(one: Remedy | null, other: Remedy): boolean {
  return one !== null && JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other));
}

function inOrder(remedy: Remedy): readonly (readonly [string, unknown])[] {
  return Object.entries(remedy).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Whether what a remedy asked to be sent still waits to be sent. */
async function isOwed(db: Db, remedy: Remedy): Promise<boolean> {
  switch (remedy.kind) {
    case 'owe_again':
      return (await stateOfMessage(db, remedy.messageId))?.state === 'pending';
    case 'owe_review_again':
    case 'tell_ended':
      return await isNewsOwed(db, remedy.reviewId);
    case 'restart_run':
    case 'replace_execution':
    case 'end_cancelled_run':
    case 'end_external_run':
    case 'cancel_again':
    case 'cancel_orphan':
      return false;
  }
}

/** Does it, where the store or Temporal does not find at the last moment that it is not called for. */
async function carryOut({ db, temporal }: Comparing, remedy: Remedy): Promise<boolean> {
  switch (remedy.kind) {
    case 'restart_run':
      return (await mayStartAgain(db, remedy.runId)) && (await startAgain(db, temporal, remedy));
    case 'replace_execution': {
      const { runId, execution } = remedy;
      return (
        (await isHeldBy(db, remedy)) &&
        (await unlessGone(temporal.terminate(runId, execution, 'its gate is gone'))) &&
        (await startAgain(db, temporal, remedy))
      );
    }
    case 'end_cancelled_run':
      return await endCancelledRun(db, remedy.runId);
    case 'end_external_run':
      await endExternalRun(db, remedy.runId);
      return true;
    case 'cancel_again':
    case 'cancel_orphan':
      return await unlessGone(temporal.cancel(remedy.workflowId, remedy.execution));
    case 'owe_again':
      return await oweAgain(db, remedy.messageId);
    case 'owe_review_again':
    case 'tell_ended':
      return await oweNewsAgain(db, remedy);
  }
}

/** Starts the workflow of a run, unless one runs by now; what failed to reach the one before is overtaken. */
async function startAgain(
  db: Db,
  temporal: Temporal,
  run: { readonly runId: string },
): Promise<boolean> {
  try {
    const { workflowVersionId } = await getRun(db, run.runId);
    await temporal.restart(await runOrderOf(db, { runId: run.runId, workflowVersionId }));
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return false;
    }
    throw error;
  }
  await supersedeFailedMessages(db, run.runId);
  await recordAudit(db, SYSTEM, 'run_restarted', { runId: run.runId });
  return true;
}

async function unlessGone(asked: Promise<void>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) {
      return false;
    }
    throw error;
  }
}
