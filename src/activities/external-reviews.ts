import { ApplicationFailure } from '@temporalio/activity';
import type { AuthorWorkflows } from '../delivery/author-workflows.js';
import type { Lineage } from '../delivery/lineage.js';
import {
  describeTooLarge,
  type ExternalEnd,
  type ExternalRequest,
  MAX_VALUE_BYTES,
} from '../domain/external-review.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import type { Caller } from '../domain/ledger.js';
import { canonicalForm, checkIJson } from '../rules/canonical.js';
import { externalRunId } from '../rules/content-ids.js';
import { describeProblems, parseExternalRequest } from '../rules/external-request.js';
import { describe } from '../rules/problem.js';
import { SYSTEM } from '../store/actors.js';
import { evaluateGate } from '../store/follow-result.js';
import type { Db } from '../store/database.js';
import {
  cancelExternalRun,
  endExternalRun,
  findExternalRun,
  getExternalStep,
  openExternalReview,
} from '../store/external-reviews.js';
import { type GateView, takeStep } from '../store/gates.js';
import { findPerson } from '../store/people.js';
import { getRun } from '../store/runs.js';
import { findSnapshot } from '../store/snapshots.js';
import { readJsonObject } from '../store/stored-json.js';
import type { ExternalRunRow } from '../store/tables.js';
import { callerOfActivity, notTheirs } from './caller.js';

/** What the gate of an author's own workflow is told when it begins. */
export type ExternalOpening =
  | {
      readonly kind: 'waiting';
      readonly runId: string;
      readonly stepId: string;
      readonly gate: GateView;
      readonly waitMs: number | null;
    }
  | { readonly kind: 'ended'; readonly end: ExternalEnd };

/** What gates of authors' own workflows ask for; see `Activities`. A request may carry a snapshot. */
export type ExternalActivities = {
  /** Opens a review, or finds the one that is there; by the author's workflow and the key. */
  readonly openExternal: (order: { readonly request: ExternalRequest }) => Promise<ExternalOpening>;
  /** Ends an external run whose review was decided; one that has ended keeps its end. */
  readonly endExternal: (order: { readonly runId: string }) => Promise<ExternalEnd>;
  /**
   * Settles a gate that was cancelled: its run is cancelled, unless another workflow holds its step or
   * the author's workflow goes on in another execution. `isAsked`: the author's workflow wanted it.
   */
  readonly cancelExternal: (order: {
    readonly runId: string;
  }) => Promise<{ readonly end: ExternalEnd; readonly isAsked: boolean }>;
};

/** Builds these activities of one worker. */
export function createExternalActivities(
  dependencies: {
    readonly db: Db;
    readonly authorWorkflows: AuthorWorkflows;
    readonly lineage: Lineage;
  },
  whoAsks: () => Caller = callerOfActivity,
): ExternalActivities {
  const { db, authorWorkflows, lineage } = dependencies;
  return {
    openExternal: async ({ request }) => {
      const caller = whoAsks();
      const asked = parseRequest(request);
      await checkParent(lineage, caller, asked.request);
      const runId = await openOnce(db, asked, caller?.workflowId ?? '');
      const step = await getExternalStep(db, runId);
      const taking = await takeStep(db, step.id, caller, true);
      switch (taking.kind) {
        case 'waiting':
          return { ...taking, runId, stepId: step.id };
        case 'ended':
          return taking.end === 'superseded'
            ? { kind: 'ended', end: { kind: 'superseded' } }
            : { kind: 'ended', end: await endExternalRun(db, runId) };
        default:
          return notTheirs(`step ${step.id}`, caller);
      }
    },

    endExternal: async ({ runId }) => {
      await mustHold(db, runId, whoAsks());
      return await endExternalRun(db, runId);
    },

    cancelExternal: async ({ runId }) => {
      const superseded = { end: { kind: 'superseded' }, isAsked: false } as const;
      const caller = whoAsks();
      const step = await getExternalStep(db, runId);
      if (caller === null || step.holder !== caller.workflowId) {
        return superseded;
      }
      const { status } = await getRun(db, runId);
      if (status !== 'running') {
        return { end: await endExternalRun(db, runId), isAsked: false };
      }
      const from = await findExternalRun(db, runId);
      const cause = await authorWorkflows.whyCancelled(
        caller.workflowId,
        from?.firstExecutionRunId ?? '',
      );
      if (cause === 'goes_on') {
        return superseded;
      }
      const end = await cancelExternalRun(db, runId, REASONS[cause]);
      return { end, isAsked: cause !== 'by_hand' };
    },
  };
}

/** Only the gate that holds the step of an external run ends it. */
async function mustHold(db: Db, runId: string, caller: Caller): Promise<void> {
  const step = await getExternalStep(db, runId);
  if (caller === null || step.holder !== caller.workflowId) {
    notTheirs(`run ${runId}`, caller);
  }
}

/**
 * Checks with Temporal that the workflow which a request names exists, and has started the gate that
 * asks: else anybody could open a review in its name, and weaken it beforehand.
 */
async function checkParent(
  lineage: Lineage,
  caller: Caller,
  request: ExternalRequest,
): Promise<void> {
  const author = await lineage.latestOf(request.workflow_id);
  const isTheirs =
    author !== null &&
    author.firstRunId === request.first_execution_run_id &&
    (await lineage.isChildOfPresent(caller?.workflowId ?? '', request.workflow_id));
  if (!isTheirs) {
    throw refused(
      'InvalidReview',
      request,
      `cannot be opened: it was not asked for by the running workflow ${describe(request.workflow_id)} that it names; call review() from within that workflow`,
    );
  }
}

const REASONS = {
  asked: 'the workflow that asked for the review cancelled it',
  author_gone: 'the workflow that asked for the review has ended',
  by_hand: 'its gate was cancelled in Temporal',
} as const;

type Asked = Exclude<ReturnType<typeof parseExternalRequest>, { problems: unknown }>;

function parseRequest(given: ExternalRequest): Asked {
  const parsed = parseExternalRequest(given);
  if ('problems' in parsed) {
    throw refused('InvalidReview', given, `cannot be opened: ${describeProblems(parsed.problems)}`);
  }
  return parsed;
}

/** Writes the run of a request, unless it is there already for the same order and snapshot; gives its id. */
async function openOnce(db: Db, asked: Asked, holder: string): Promise<string> {
  const { request, definition, block, gate } = asked;
  const runId = externalRunId(request);
  const orderSha256 = hashOfOrder(request);
  if ((await findExternalRun(db, runId)) === null) {
    await checkOwner(db, request);
    const snapshot = await readSnapshot(db, request);
    const firing = evaluateGate(block, gate, snapshot, null);
    await openExternalReview(
      db,
      { runId, request, definition, block, gate, snapshot, firing, orderSha256 },
      holder,
    );
  }
  const opened = await findExternalRun(db, runId);
  if (opened === null || !(await hasSameSnapshot(db, request, opened))) {
    throw refused(
      'ReviewKeyTaken',
      request,
      'was opened with another snapshot: give every review of a workflow a key of its own',
    );
  }
  if (opened.orderSha256 !== orderSha256) {
    throw refused(
      'ReviewKeyTaken',
      request,
      'was opened with another policy, schema, type or owner: give every review of a workflow a key of its own',
    );
  }
  return runId;
}

/** What a review is, but for what is reviewed: two orders under one key have to agree on it. */
function hashOfOrder(request: ExternalRequest): string {
  const { policy, block_type, json_schema, categories, owner, workflow_type } = request;
  return canonicalForm({ policy, block_type, json_schema, categories, owner, workflow_type })
    .sha256;
}

async function checkOwner(db: Db, request: ExternalRequest): Promise<void> {
  const { owner } = request;
  if (owner !== null && (await findPerson(db, SYSTEM.projectId, owner)) === null) {
    throw refused(
      'InvalidReview',
      request,
      `cannot be opened: owner: there is no user ${describe(owner)}; add them with PUT /v1/users/{id}, or say null`,
    );
  }
}

/** The snapshot of a request, wherever it is; its content stays out of every message. */
async function readSnapshot(db: Db, request: ExternalRequest): Promise<JsonObject> {
  const { snapshot, snapshot_ref: ref } = request;
  if (snapshot === null) {
    const stored = ref === null ? null : await findSnapshot(db, SYSTEM.projectId, ref);
    if (stored === null) {
      throw refused(
        'SnapshotNotFound',
        request,
        'cannot be opened: snapshotRef: there is no such snapshot (they are kept for seven days); store it with POST /v1/snapshots and give its id',
      );
    }
    return readJsonObject(stored.content);
  }
  const problems = checkIJson(snapshot);
  if (problems.length > 0) {
    const places = problems.map(({ path }) => ['snapshot', ...path].join('.')).join(', ');
    throw refused(
      'InvalidReview',
      request,
      `cannot be opened: ${places}: expected what JSON can hold (finite numbers, integers within ±(2^53−1), no half of a surrogate pair, at most 100 levels)`,
    );
  }
  const { byteLength } = canonicalForm(snapshot);
  if (byteLength > MAX_VALUE_BYTES) {
    throw refused('SnapshotTooLarge', request, describeTooLarge(byteLength));
  }
  return snapshot;
}

async function hasSameSnapshot(
  db: Db,
  request: ExternalRequest,
  opened: ExternalRunRow,
): Promise<boolean> {
  if (request.snapshot_ref !== null && request.snapshot_ref === opened.snapshotRef) {
    return true; // an id of content: the same one means the same snapshot, stored still or not
  }
  return canonicalForm(await readSnapshot(db, request)).sha256 === opened.snapshotSha256;
}

/** A failure that trying again would not mend; it ends the gate, and `review()` throws it. */
function refused(type: string, request: ExternalRequest, why: string): ApplicationFailure {
  const key = isJsonObject(request) ? request.key : undefined;
  return ApplicationFailure.nonRetryable(`The review ${describe(key)} ${why}.`, type);
}
