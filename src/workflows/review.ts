import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { BlockType } from '../domain/definition.js';
import {
  describeTooLarge,
  EXTERNAL_BLOCK,
  EXTERNAL_GATE_PREFIX,
  type ExternalEnd,
  type ExternalOrder,
  MAX_KEY_LENGTH,
  MAX_VALUE_BYTES,
  type RefusalVerdict,
  utf8Length,
} from '../domain/external-review.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { DEFAULT_TASK_QUEUE, GATED_BLOCK_RUN, SEARCH_ATTRIBUTES } from '../domain/messages.js';

/** What every review is asked for with. */
export type ReviewOptions = {
  /**
   * Names the review among those of this workflow, over all its executions: the same key gives the same
   * review, also after a reset, a retry or continue-as-new.
   */
  readonly key: string;
  /** The user on whose behalf the workflow runs, or null; the rules of self-approval are about them. */
  readonly owner: string | null;
  /** Who has to approve, and when: the `review` of a block, as a definition declares it. */
  readonly policy: object;
  /** The shape of the snapshot: any object for `task` (the default) and `extract`. */
  readonly blockType?: Exclude<BlockType, 'for_each'>;
  /** A JSON Schema of the snapshot, for predicates. */
  readonly jsonSchema?: object;
  /** For a `classifier`: what it may answer. */
  readonly categories?: readonly string[];
  /** Where Countersign's workers poll, if not at `countersign`. */
  readonly taskQueue?: string;
};

/** A review of a snapshot of at most 1 MiB, which passes through Temporal's histories. */
export type ReviewOfValue<T extends object> = ReviewOptions & {
  readonly snapshot: T;
  readonly snapshotRef?: never;
};

/** A review of a snapshot that was stored before (`POST /v1/snapshots`), by its id. */
export type ReviewOfReference = ReviewOptions & {
  readonly snapshotRef: string;
  readonly snapshot?: never;
};

/** An approval; `versionId` and `by` are null when the predicate did not fire and nobody was asked. */
export type ReferenceApproved = {
  readonly approved: true;
  /** The version that was approved. */
  readonly versionId: string | null;
  /** The user whose vote decided. */
  readonly by: string | null;
};

/** An approval with what was approved: the snapshot, or the correction that people made of it. */
export type Approved<T> = ReferenceApproved & { readonly snapshot: T };

/** A no. It is a value: it cancels nothing of the workflow that asked. */
export type Refused = {
  readonly approved: false;
  readonly verdict: RefusalVerdict;
  readonly reason: string | null;
  readonly by: string | null;
};

/** The promise of an answer; `orThrow` is the promise of a yes. */
export type Answer<Yes> = Promise<Yes | Refused> & {
  /** The approval; a refusal throws a non-retryable `ApplicationFailure` that says who refused and why. */
  orThrow(): Promise<Yes>;
};

/**
 * Has people review a snapshot, and waits until they have decided: for minutes or for months.
 *
 * 1. A refusal is a value, `{approved: false, …}`; `await review({…}).orThrow()` throws it instead.
 * 2. What is wrong with the options (an impossible policy, an unknown owner, a snapshot that is too
 *    large) throws a non-retryable `ApplicationFailure` that lists it.
 * 3. The same key gives the same review again, and its answer if there is one; with another snapshot it
 *    throws. The policy of a review stays the one that it was opened with.
 * 4. Cancelling the scope it waits in, or the workflow, cancels the review.
 */
export function review<T extends object>(options: ReviewOfValue<T>): Answer<Approved<T>>;
export function review(options: ReviewOfReference): Answer<ReferenceApproved>;
export function review(
  options: ReviewOfValue<object> | ReviewOfReference,
): Answer<Approved<object> | ReferenceApproved> {
  const answer = answerTo(options);
  return Object.assign(answer, {
    orThrow: async () => {
      const given = await answer;
      if (!given.approved) {
        throw ApplicationFailure.nonRetryable(
          explainRefusal(options.key, given),
          'ReviewRefused',
          given,
        );
      }
      return given;
    },
  });
}

type Given = Approved<object> | ReferenceApproved | Refused;

/** What this execution waits for at present, by key: two calls are one review, and one gate. */
const waiting = new Map<string, { readonly asked: JsonObject; readonly answer: Promise<Given> }>();

async function answerTo(options: ReviewOfValue<object> | ReviewOfReference): Promise<Given> {
  const request = readOptions(options);
  const { key } = request;
  const asked = { ref: request.snapshot_ref, snapshot: request.snapshot };
  const before = waiting.get(key);
  if (before !== undefined) {
    if (inOrder(before.asked) !== inOrder(asked)) {
      throw invalid(
        'ReviewKeyTaken',
        `The review ${JSON.stringify(key)} was opened with another snapshot: give every review of a workflow a key of its own.`,
      );
    }
    return await before.answer;
  }
  const answer = ask({ external: request }, options.taskQueue ?? DEFAULT_TASK_QUEUE);
  waiting.set(key, { asked, answer });
  try {
    return await answer;
  } finally {
    waiting.delete(key);
  }
}

/** The text of a value with its keys in order: equal for equal values. */
function inOrder(value: JsonObject): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isJsonObject(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** How often a gate that another one has taken over is started anew, before something must be wrong. */
const MAX_GATES = 5;

async function ask(order: ExternalOrder, taskQueue: string): Promise<Given> {
  for (let gates = 1; gates <= MAX_GATES; gates += 1) {
    const end = await runGate(order, taskQueue);
    switch (end.kind) {
      case 'approved': {
        const { version_id: versionId, by, snapshot } = end;
        const yes = { approved: true, versionId, by } as const;
        return snapshot === null ? yes : { ...yes, snapshot };
      }
      case 'refused':
        return { approved: false, verdict: end.verdict, reason: end.reason, by: end.by };
      case 'superseded':
        break; // by the gate of an execution before this one, or by somebody's reset
    }
  }
  throw invalid(
    'ReviewSuperseded',
    `Other gates keep taking over the review ${JSON.stringify(order.external.key)}: ask for it in one place only.`,
  );
}

async function runGate(order: ExternalOrder, taskQueue: string): Promise<ExternalEnd> {
  const { workflow_id: workflowId, workflow_type: workflowType, key } = order.external;
  const scope = CancellationScope.current();
  if (scope.consideredCancelled) {
    return await scope.cancelRequested;
  }
  // Out of the scope's reach: what may have been started has to be known before it is cancelled.
  const gate = await CancellationScope.nonCancellable(() =>
    startChild<(order: ExternalOrder) => Promise<ExternalEnd>>(GATED_BLOCK_RUN, {
      workflowId: gateIdOf(workflowId, key),
      taskQueue,
      args: [order],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `review ${key} of ${workflowType}`.slice(0, 200),
      typedSearchAttributes: [{ key: BLOCK, value: EXTERNAL_BLOCK }],
    }),
  );
  const end = gate.result();
  try {
    return await Promise.race([end, scope.cancelRequested]);
  } catch (error) {
    if (scope.consideredCancelled && isCancellation(error)) {
      end.catch(() => {}); // nobody waits for it any more
      await cancelGate(gate.workflowId);
    }
    // What the gate found wrong is this workflow's to know, without the names of our workflows.
    if (error instanceof ChildWorkflowFailure && error.cause instanceof ApplicationFailure) {
      const { message, type } = error.cause;
      throw invalid(type ?? 'ReviewFailed', message);
    }
    throw error;
  }
}

/**
 * Names a gate for people, in the 255 characters that Temporal allows where it stores workflows in SQL. A workflow
 * id or a key that is long is cut: eight characters at random tell gates apart, and nobody reads them back.
 */
function gateIdOf(workflowId: string, key: string): string {
  return `${EXTERNAL_GATE_PREFIX}${workflowId.slice(0, 140)}~${key.slice(0, 90)}~${uuid4().slice(0, 8)}`;
}

/**
 * Has the gate cancel its review, and waits until that is on record; the gate itself may take its time.
 *
 * Asked for as of any workflow and not as of a child: after a reset the gate may be the child of the
 * execution before, and Temporal would refuse.
 */
async function cancelGate(workflowId: string): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() => getExternalWorkflowHandle(workflowId).cancel());
  } catch {
    // It has ended.
  }
}

const BLOCK = defineSearchAttributeKey(SEARCH_ATTRIBUTES.block, SearchAttributeType.KEYWORD);

/** Checks what would otherwise fail far from its cause, or block the workflow; the rest is the gate's. */
function readOptions(
  options: ReviewOfValue<object> | ReviewOfReference,
): ExternalOrder['external'] {
  const { key, owner, policy } = options;
  if (typeof key !== 'string' || key === '' || key.length > MAX_KEY_LENGTH) {
    throw wrong(`key: expected 1 to ${MAX_KEY_LENGTH} characters`);
  }
  // Callers in JavaScript leave things out.
  if (owner === undefined) {
    throw wrong('owner: expected a user id, or null for a workflow that nobody owns', key);
  }
  const { workflowId, workflowType, firstExecutionRunId } = workflowInfo();
  return {
    workflow_id: workflowId,
    workflow_type: workflowType,
    first_execution_run_id: firstExecutionRunId,
    key,
    owner,
    policy: asObject(policy, 'policy', key),
    block_type: options.blockType ?? 'task',
    json_schema:
      options.jsonSchema === undefined ? null : asObject(options.jsonSchema, 'jsonSchema', key),
    categories: options.categories ?? null,
    snapshot: options.snapshotRef === undefined ? readSnapshot(options.snapshot, key) : null,
    snapshot_ref: options.snapshotRef ?? null,
  };
}

/** A snapshot as JSON sees it. A larger one than fits would fail this very workflow task for ever. */
function readSnapshot(snapshot: unknown, key: string): JsonObject {
  const copy = asObject(snapshot, 'snapshot', key);
  const byteLength = utf8Length(JSON.stringify(copy));
  if (byteLength > MAX_VALUE_BYTES) {
    throw invalid(
      'SnapshotTooLarge',
      `The review ${JSON.stringify(key)} ${describeTooLarge(byteLength)}.`,
    );
  }
  return copy;
}

/** A copy: what is changed while the review is asked for is no longer what was checked. */
function asObject(value: unknown, name: string, key: string): JsonObject {
  let copy: unknown;
  try {
    copy = JSON.parse(JSON.stringify(value, onlyNumbers) ?? 'null');
  } catch {
    throw wrong(`${name}: expected what JSON can hold, with finite numbers only`, key);
  }
  if (!isJsonObject(copy)) {
    throw wrong(`${name}: expected a JSON object`, key);
  }
  return copy;
}

/** JSON would write NaN and infinities as null, and nobody would have said so. */
function onlyNumbers(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypeError('no number of JSON');
  }
  return value;
}

function wrong(what: string, key?: string): ApplicationFailure {
  const which = key === undefined ? 'A review' : `The review ${JSON.stringify(key)}`;
  return invalid('InvalidReview', `${which} cannot be opened: ${what}.`);
}

function invalid(type: string, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type);
}

function explainRefusal(key: string, { verdict, reason, by }: Refused): string {
  const who = by === null ? '' : ` by ${by}`;
  const why = reason === null ? '' : `: ${reason}`;
  return `The review ${JSON.stringify(key)} was ${verdict}${who}${why}`;
}
