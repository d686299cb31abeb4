import { ApplicationFailure } from '@temporalio/activity';
import type { AuthorWorkflows } from '../delivery/author-workflows.js';
import {
  describeTooLarge,
  type ExternalEnd,
  type ExternalRequest,
  MAX_VALUE_BYTES,
} from '../domain/external-review.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { canonicalForm, checkIJson } from '../rules/canonical.js';
import { externalRunId } from '../rules/content-ids.js';
import { describeProblems, parseExternalRequest } from '../rules/external-request.js';
import { describe } from '../rules/problem.js';
import { SYSTEM } from '../store/actors.js';
import type { Db } from '../store/database.js';
import {
  cancelExternalRun,
  endExternalRun,
  findExternalRun,
  getExternalStep,
  openExternalReview,
} from '../store/external-reviews.js';
import { type GateView, takeStep } from '../store/gates.js';
import type { Holder } from '../store/holders.js';
import { findPerson } from '../store/people.js';
import { getRun } from '../store/runs.js';
import { findSnapshot } from '../store/snapshots.js';
import { readJsonObject } from '../store/stored-json.js';
import type { ExternalRunRow } from '../store/tables.js';
import { evaluateGate } from './open-gate.js';

/** What the gate of an author's own workflow is told when it begins. */
export type ExternalOpening =
  | {
      readonly kind: 'waiting';
      readonly runId: string;
      readonly stepId: string;
      readonly gate: GateView;
    }
  | { readonly kind: 'ended'; readonly end: ExternalEnd };

/** What gates of authors' own workflows ask for; see `Activities`. A request may carry a snapshot. */
export type ExternalActivities = {
  /** Opens a review, or finds the one that is there; by the author's workflow and the key. */
  readonly openExternal: (order: {
    readonly request: ExternalRequest;
    readonly holder: Holder;
  }) => Promise<ExternalOpening>;
  /** Ends an external run whose review was decided; one that has ended keeps its end. */
  readonly endExternal: (order: { readonly runId: string }) => Promise<ExternalEnd>;
  /**
   * Settles a gate that was cancelled: its run is cancelled, unless another workflow holds its step or
   * the author's workflow goes on in another execution. `isAsked`: the author's workflow wanted it.
   */
  readonly cancelExternal: (order: {
    readonly runId: string;
    readonly stepId: string;
    readonly holder: string;
  }) => Promise<{ readonly end: ExternalEnd; readonly isAsked: boolean }>;
};

/** Builds these activities of one worker. */
export function createExternalActivities(dependencies: {
  readonly db: Db;
  readonly authorWorkflows: AuthorWorkflows;
}): ExternalActivities {
  const { db, authorWorkflows } = dependencies;
  return {
    openExternal: async ({ request, holder }) => {
      const runId = await openOnce(db, request, holder);
      const step = await getExternalStep(db, runId);
      const taking = await takeStep(db, step.id, holder);
      if (taking.kind === 'waiting') {
        return { kind: 'waiting', runId, stepId: step.id, gate: taking.gate };
      }
      return taking.kind === 'ended' && taking.end === 'superseded'
        ? { kind: 'ended', end: { kind: 'superseded' } }
        : { kind: 'ended', end: await endExternalRun(db, runId) };
    },

    endExternal: ({ runId }) => endExternalRun(db, runId),

    cancelExternal: async ({ runId, stepId, holder }) => {
      const superseded = { end: { kind: 'superseded' }, isAsked: false } as const;
      const step = await getExternalStep(db, runId);
      if (step.id !== stepId || step.holder !== holder) {
        return superseded;
      }
      const { status } = await getRun(db, runId);
      if (status !== 'running') {
        return { end: await endExternalRun(db, runId), isAsked: false };
      }
      const from = await findExternalRun(db, runId);
      const cause = await authorWorkflows.whyCancelled(holder, from?.firstExecutionRunId ?? '');
      if (cause === 'goes_on') {
        return superseded;
      }
      const end = await cancelExternalRun(db, runId, REASONS[cause]);
      return { end, isAsked: cause !== 'by_hand' };
    },
  };
}

const REASONS = {
  asked: 'the workflow that asked for the review cancelled it',
  author_gone: 'the workflow that asked for the review has ended',
  by_hand: 'its gate was cancelled in Temporal',
} as const;

/** Writes the run of a request, unless it is there already with the same snapshot; gives its id. */
async function openOnce(db: Db, given: ExternalRequest, holder: Holder): Promise<string> {
  const parsed = parseExternalRequest(given);
  if ('problems' in parsed) {
    throw refused('InvalidReview', given, `cannot be opened: ${describeProblems(parsed.problems)}`);
  }
  const { request, definition, block, gate } = parsed;
  const runId = externalRunId(request);
  if ((await findExternalRun(db, runId)) === null) {
    await checkOwner(db, request);
    const snapshot = await readSnapshot(db, request);
    const firing = evaluateGate(block, gate, snapshot, null);
    await openExternalReview(
      db,
      { runId, request, definition, block, gate, snapshot, firing },
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
  return runId;
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
