import { setTimeout as delay } from 'node:timers/promises';
import {
  couldNotAsk,
  type Execution,
  type Finding,
  judgeExecution,
  judgeRun,
  type Owner,
  type RunningExecution,
  type Sightings,
  type UnendedRun,
  workflowsOf,
} from '../domain/drift.js';
import { EXTERNAL_BLOCK, EXTERNAL_GATE_PREFIX } from '../domain/external-review.js';
import { stepIdOf } from '../domain/step-ids.js';
import type { Db } from '../store/database.js';
import {
  findUnendedRun,
  listStuckMessages,
  listUnendedRuns,
  listUnknownOutcomes,
  readOwners,
  type RunCursor,
  type StuckMessage,
} from '../store/drift.js';
import { listMissingFunctions } from '../store/missing-functions.js';
import { listUndecidableReviews } from '../store/undecidable.js';
import { classify } from './classify.js';
import type { Temporal } from './temporal.js';

/** What is told of every finding as soon as it is made; the walk goes on when it is done. */
export type OnFinding = (finding: Finding) => Promise<void> | void;

/** How the store and Temporal are compared. */
export type Comparing = {
  readonly db: Db;
  readonly temporal: Temporal;
  /** How young a run or a vote may be without being looked at: it is likely on its way. */
  readonly settlingMs: number;
  /** How long a workflow may go on when its run or step has ended: it is told shortly after. */
  readonly lingerMs: number;
};

/** How many questions Temporal is asked at once. */
const AT_ONCE = 16;
const RUNS_A_PAGE = 50;
const EXECUTIONS_A_PAGE = 500;
const ROWS_A_PAGE = 200;
const OWED_TOO_LONG_MS = 120_000;
/** Temporal takes a moment to tell a workflow that its gate has ended. */
const HEARING_MS = 2_000;
const ASKED_AGAIN_AFTER_MS = 250;
/** So many questions without an answer, one after the other, and it is asked whether it is there at all. */
const UNANSWERED_IN_A_ROW = 2 * AT_ONCE;

/**
 * Looks at everything once, and tells of each finding as it is made.
 *
 * @param goesOn asked before every page; when it says no the walk ends early
 * @returns whether everything was looked at
 */
export async function examine(
  compared: Comparing,
  onFinding: OnFinding,
  goesOn: () => boolean = () => true,
): Promise<boolean> {
  // What failed to reach a workflow that is started again is read by the new one when it opens.
  const restarted = new Set<string>();
  const onFindingOfRun: OnFinding = async (finding) => {
    if (finding.remedy?.kind === 'restart_run') {
      restarted.add(finding.remedy.runId);
    }
    await onFinding(finding);
  };
  const next = await examineRuns(compared, null, onFindingOfRun, goesOn);
  await examineStore(compared, async (finding) => {
    if (finding.runId === null || !restarted.has(finding.runId)) {
      await onFinding(finding);
    }
  });
  const isComplete = next === null && goesOn();
  if (isComplete) {
    await examineExecutions(compared, onFinding);
  }
  await examineWorkers(compared, onFinding);
  return isComplete;
}

/**
 * Looks at unended runs, oldest first, behind a place where an earlier walk ended.
 *
 * A bounded number of questions is under way at once. One that is not answered, also when it is asked
 * again, is a finding; where Temporal does not answer at all the walk ends.
 *
 * @param goesOn told before every page where the walk is, and asked whether it goes on
 * @returns where to go on, or null when every run was looked at
 */
export async function examineRuns(
  compared: Comparing,
  from: RunCursor | null,
  onFinding: OnFinding,
  goesOn: (at: RunCursor | null) => boolean | Promise<boolean>,
): Promise<RunCursor | null> {
  const { db, temporal, settlingMs } = compared;
  const asking = new Asking(temporal);
  for (let after = from; ;) {
    if (!(await goesOn(after))) {
      return after;
    }
    const page = { after, limit: RUNS_A_PAGE, minAgeMs: settlingMs };
    const runs = await listUnendedRuns(db, page);
    await inLanes(runs, async (run) => {
      for (const finding of await examineRun(compared, asking, run)) {
        await onFinding(finding);
      }
    });
    if (asking.unansweredInARow >= UNANSWERED_IN_A_ROW) {
      const outage = await reasonOfOutage(temporal);
      if (outage !== null) {
        await onFinding(couldNotAskAnything(outage));
        return after;
      }
    }
    const last = runs.at(-1);
    if (last === undefined || runs.length < RUNS_A_PAGE) {
      return null;
    }
    after = { createdAt: last.createdAt, id: last.id };
  }
}

/** What is wrong with one run at this moment; nothing while it moves. */
export async function diagnoseRun(compared: Comparing, runId: string): Promise<readonly Finding[]> {
  const run = await findUnendedRun(compared.db, runId);
  return run === null ? [] : await examineRun(compared, new Asking(compared.temporal), run);
}

async function examineRun(
  compared: Comparing,
  asking: Asking,
  run: UnendedRun,
): Promise<readonly Finding[]> {
  const found = await sighted(compared, asking, run);
  if (!found.some(mayBeHeardOf)) {
    return found;
  }
  // Temporal tells a workflow a moment later that what it waits for has ended.
  await delay(HEARING_MS);
  const later = await findUnendedRun(compared.db, run.id);
  const foundLater = later === null ? [] : await sighted(compared, asking, later);
  return inBoth(found, foundLater);
}

/** What is true of a run both by what the store says before and after Temporal is asked. */
async function sighted(
  { db, settlingMs }: Comparing,
  asking: Asking,
  run: UnendedRun,
): Promise<readonly Finding[]> {
  const seen = await asking.about(workflowsOf(run));
  const before = judgeRun(run, seen, settlingMs, Date.now());
  if (before.every(({ code }) => code === 'COULD_NOT_ASK')) {
    return before;
  }
  const after = await findUnendedRun(db, run.id);
  return after === null ? [] : inBoth(before, judgeRun(after, seen, settlingMs, Date.now()));
}

/** Whether a workflow may be about to hear of what was found, and to mend it. */
function mayBeHeardOf({ code, remedy }: Finding): boolean {
  return code === 'GATE_GONE' || (code === 'RUN_GONE' && remedy === null);
}

/** Findings say in their remedies what was seen: equal ones were seen twice. */
function inBoth(some: readonly Finding[], others: readonly Finding[]): readonly Finding[] {
  const known = new Set(others.map((finding) => JSON.stringify(finding)));
  return some.filter((finding) => known.has(JSON.stringify(finding)));
}

/** Asks Temporal about workflows, and once more where it does not answer. */
class Asking {
  readonly #temporal: Temporal;
  /** How many questions in a row had no answer. */
  unansweredInARow = 0;

  constructor(temporal: Temporal) {
    this.#temporal = temporal;
  }

  async about(workflowIds: readonly string[]): Promise<Sightings> {
    const seen = new Map<string, Execution | string>();
    for (const workflowId of workflowIds) {
      seen.set(workflowId, await this.aboutOne(workflowId));
    }
    return seen;
  }

  /** The execution, or why there is no answer. */
  async aboutOne(workflowId: string, execution?: string): Promise<Execution | string> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        const found = await this.#temporal.describe(workflowId, execution);
        this.unansweredInARow = 0;
        return found;
      } catch (error) {
        if (isAgain) {
          this.unansweredInARow += 1;
          return reasonOf(error);
        }
        await delay(ASKED_AGAIN_AFTER_MS);
      }
    }
  }
}

function reasonOf(error: unknown): string {
  const delivery = classify(error);
  return 'reason' in delivery ? delivery.reason : delivery.kind;
}

async function reasonOfOutage(temporal: Temporal): Promise<string | null> {
  return await temporal.probe().then(() => null, reasonOf);
}

function couldNotAskAnything(why: string): Finding {
  return {
    code: 'COULD_NOT_ASK',
    runId: null,
    reviewId: null,
    message: `Temporal does not answer (${why}): not every run was looked at. Run \`countersign doctor\` again when it does.`,
    remedy: null,
  };
}

/** Does something with each of several things, a bounded number at once. */
async function inLanes<T>(things: readonly T[], work: (thing: T) => Promise<void>): Promise<void> {
  const waiting = [...things];
  const lane = async (): Promise<void> => {
    for (let thing = waiting.shift(); thing !== undefined; thing = waiting.shift()) {
      await work(thing);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, things.length) }, lane));
}

/**
 * Looks at what runs in Temporal, for workflows whose run or step the store knows to be over.
 *
 * What the store does not know is counted and left alone: it may belong to another installation.
 */
export async function examineExecutions(
  compared: Comparing,
  onFinding: OnFinding,
  goesOn: () => boolean | Promise<boolean> = () => true,
): Promise<void> {
  const { temporal } = compared;
  const asking = new Asking(temporal);
  const running = temporal.listRunning()[Symbol.asyncIterator]();
  const unknown: string[] = [];
  let outage: string | null = null;
  for (let isLast = false; !isLast && (await goesOn());) {
    const page: RunningExecution[] = [];
    while (!isLast && page.length < EXECUTIONS_A_PAGE) {
      const next = await running.next().catch(reasonOf);
      if (typeof next === 'string') {
        outage = next;
        isLast = true;
      } else if (next.done === true) {
        isLast = true;
      } else {
        page.push(next.value);
      }
    }
    unknown.push(...(await examinePage(compared, asking, page, onFinding)));
  }
  if (outage !== null) {
    await onFinding(couldNotAskAnything(outage));
  }
  const [first] = unknown;
  if (first !== undefined) {
    await onFinding({
      code: 'WORKFLOW_UNKNOWN',
      runId: null,
      reviewId: null,
      message: `Of the workflows on task queue '${temporal.taskQueue}' ${unknown.length} belong to no run of this database, for one '${first}': is DATABASE_URL the right one, and does no other installation use this task queue? Nothing is done about them.`,
      remedy: null,
    });
  }
}

/** An execution, the run that it says it belongs to, and the step that its id names. */
type Placed = RunningExecution & { readonly runId: string; readonly stepId: string | null };

/** Looks at some executions; returns the ids of those whose run the store does not know. */
async function examinePage(
  compared: Comparing,
  asking: Asking,
  page: readonly RunningExecution[],
  onFinding: OnFinding,
): Promise<readonly string[]> {
  const placed = page.flatMap(placeOf);
  const owners = await readOwners(compared.db, placed);
  await inLanes(placed, async (one) => {
    const owner = owners.get(one.workflowId);
    const suspected =
      owner !== undefined &&
      judgeExecution(one, one.runId, owner, null, compared.lingerMs).length > 0;
    if (suspected) {
      for (const finding of await confirmOrphan(compared, asking, one, owner)) {
        await onFinding(finding);
      }
    }
  });
  return placed.map(({ workflowId }) => workflowId).filter((id) => !owners.has(id));
}

/** A gate that an author's workflow started says whose it is when it has been opened. */
function placeOf(running: RunningExecution): readonly Placed[] {
  const { workflowId, runId } = running;
  const isOfRun = workflowId === runId;
  const isExternal = workflowId.startsWith(EXTERNAL_GATE_PREFIX);
  return runId === null
    ? []
    : [
        {
          ...running,
          runId,
          stepId: isOfRun
            ? null
            : isExternal
              ? stepIdOf(runId, EXTERNAL_BLOCK)
              : workflowId.slice(0, workflowId.lastIndexOf('~')),
        },
      ];
}

/** What is wrong with an execution at this moment, by what the store says before and after it is looked at. */
async function confirmOrphan(
  { db, lingerMs }: Comparing,
  asking: Asking,
  one: Placed,
  before: Owner,
): Promise<readonly Finding[]> {
  const seen = await asking.aboutOne(one.workflowId, one.execution);
  if (typeof seen === 'string') {
    return [couldNotAsk(one.runId, one.workflowId, seen)];
  }
  const after = (await readOwners(db, [one])).get(one.workflowId);
  return after === undefined
    ? []
    : inBoth(
        judgeExecution(one, one.runId, before, seen, lingerMs),
        judgeExecution(one, one.runId, after, seen, lingerMs),
      );
}

/** What is wrong with one execution at this moment; nothing while it is at work, or has ended. */
export async function diagnoseExecution(
  compared: Comparing,
  running: RunningExecution,
): Promise<readonly Finding[]> {
  const asking = new Asking(compared.temporal);
  const found: Finding[] = [];
  await examinePage(compared, asking, [running], (finding) => {
    found.push(finding);
  });
  return found;
}

/** What the store alone says: messages that are owed or failed, unknown outcomes, reviews without people. */
export async function examineStore({ db }: Comparing, onFinding: OnFinding): Promise<void> {
  for (let afterId = '0'; ;) {
    const messages = await listStuckMessages(db, OWED_TOO_LONG_MS, ROWS_A_PAGE, afterId);
    for (const message of messages) {
      await onFinding(stuckMessageFinding(message));
    }
    const last = messages.at(-1);
    if (last === undefined || messages.length < ROWS_A_PAGE) {
      break;
    }
    afterId = last.id;
  }
  for (const { stepId, runId, message } of await listUnknownOutcomes(db, ROWS_A_PAGE)) {
    await onFinding({
      code: 'OUTCOME_UNKNOWN',
      runId,
      reviewId: null,
      message: `The outcome of step ${stepId} is unknown. ${message ?? 'Find out what it did, and start a new run if it did nothing.'}`,
      remedy: null,
    });
  }
  for (const { stepId, runId, message } of await listMissingFunctions(db, ROWS_A_PAGE)) {
    await onFinding({
      code: 'FUNCTION_MISSING',
      runId,
      reviewId: null,
      message: `Step ${stepId} cannot begin. ${message}`,
      remedy: null,
    });
  }
  for (let after: string | null = null; ;) {
    const filter = after === null ? {} : { afterReviewId: after };
    const { reviews, next } = await listUndecidableReviews(db, ROWS_A_PAGE, filter);
    for (const { reviewId, runId, lack } of reviews) {
      await onFinding({
        code: 'UNDECIDABLE',
        runId,
        reviewId,
        message: `Review ${reviewId} of run ${runId} can be approved no more; ${lack}.`,
        remedy: null,
      });
    }
    if (next === null) {
      return;
    }
    after = next;
  }
}

function stuckMessageFinding(message: StuckMessage): Finding {
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

/** Whether anybody works at all. */
export async function examineWorkers({ temporal }: Comparing, onFinding: OnFinding): Promise<void> {
  const about = { runId: null, reviewId: null, remedy: null };
  const hasWorker = await temporal.hasWorker().catch(reasonOf);
  if (typeof hasWorker === 'string') {
    const message = `Temporal could not be asked whether a worker polls task queue '${temporal.taskQueue}' (${hasWorker}). Run \`countersign doctor\` again.`;
    await onFinding({ ...about, code: 'COULD_NOT_ASK', message });
  } else if (!hasWorker) {
    const message = `No worker polls task queue '${temporal.taskQueue}' in namespace '${temporal.namespace}': start \`countersign worker\`, and nothing is lost until then.`;
    await onFinding({ ...about, code: 'NO_WORKER', message });
  }
}
