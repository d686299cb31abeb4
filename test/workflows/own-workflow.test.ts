import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnose, type Finding, isSafeUnattended, repair } from '../../src/delivery/doctor.js';
import { MAX_VALUE_BYTES } from '../../src/domain/external-review.js';
import type { JsonObject } from '../../src/domain/json.js';
import { canonicalJson } from '../../src/rules/canonical.js';
import { SYSTEM } from '../../src/store/actors.js';
import { addVersion } from '../../src/store/add-version.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { findReview, findVersion } from '../../src/store/reviews.js';
import { getRun } from '../../src/store/runs.js';
import { putSnapshot, removeOldSnapshots } from '../../src/store/snapshots.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import { type Installation, reviewer, startInstallation } from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { asObject } from '../support/parked.js';
import { payloadsOf, wordsOf } from '../support/payloads.js';
import { until } from '../support/until.js';
import { recordVote } from '../support/voters.js';
import { type Author, type OwnReview, startAuthor } from './own/author.js';

const u1 = reviewer('u1', 'finance');
const u2 = reviewer('u2', 'finance');
const TWO = { groups: [{ group: 'finance', required: 2 }] };
const REFUND = { order: 'o-1', amount: 12.5, lines: [{ sku: 'a', n: 1e21 / 1e6 }] };

let on: Installation;
let op: Operator;
let author: Author;

beforeAll(async () => {
  on = await startInstallation();
  op = new Operator(on.temporal.connection);
  author = await startAuthor(on, op);
});
afterAll(async () => {
  await author.stopWorker();
  await on.stop();
});

async function correct(review: ReviewRow, snapshot: JsonObject): Promise<string> {
  const added = await addVersion(on.database.db, u1, review.id, {
    parentId: review.newestVersionId,
    snapshot,
    note: null,
    origin: 'human_edit',
    acknowledgedVersionIds: [],
  });
  if (added.kind !== 'created') {
    throw new Error(`the correction was not taken: ${added.kind}`);
  }
  return added.version.id;
}

async function ended(run: RunRow): Promise<RunRow> {
  return await on.ended(run);
}

async function cancelFromApi(run: RunRow): Promise<void> {
  const about = { reason: 'no longer needed', dialect: 'native' as const };
  await cancelRun(on.database.db, { ...u1, id: 'u_admin' }, run.id, about, 0);
}

async function withdraw(review: ReviewRow): Promise<void> {
  const request = {
    command: { kind: 'withdraw', verdict: 'revoked' } as const,
    reason: 'too early',
    dialect: 'native' as const,
  };
  const admin = { ...u1, id: 'u_admin', roles: ['admin' as const] };
  const result = await recordVote(on.database.db, admin, review.id, request, 0);
  expect(result.kind).toBe('recorded');
}

/** The failure that ends an author's workflow. */
async function failureOf(result: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await result.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure) {
    return error.cause;
  }
  throw new Error('the workflow did not fail', { cause: error });
}

async function doctorFor(run: RunRow): Promise<readonly Finding[]> {
  return (await diagnose(on.database.db, on.temporal, 0)).filter(({ runId }) => runId === run.id);
}

async function goneFrom(workflowId: string): Promise<void> {
  await until(`${workflowId} to end`, async () => (await op.status(workflowId)) !== 'RUNNING');
}

async function newHolder(before: OwnReview): Promise<void> {
  await until('a new gate', async () => {
    const step = await on.database.db
      .selectFrom('step')
      .select('holder')
      .where('id', '=', before.step.id)
      .executeTakeFirstOrThrow();
    return step.holder !== before.holder;
  });
}

describe('what people decide is what review() answers', () => {
  test('an approval asked for by a long id under a long key, where Temporal allows 255 characters', async () => {
    const key = 'k'.repeat(200);
    const workflow = await op.client.workflow.start('ask', {
      workflowId: `refund-${'w'.repeat(210)}-${Date.now()}`,
      taskQueue: author.taskQueue,
      args: [author.options(REFUND, { key })],
    });
    const { review, holder } = await author.reviewOf(workflow, key);
    expect(holder.length).toBeLessThanOrEqual(255);
    await on.vote(review, u1);
    expect(await workflow.result()).toMatchObject({ approved: true });
  });

  test('an approval, with what was approved', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { review, run } = await author.reviewOf(workflow);
    expect(run).toMatchObject({ kind: 'external', ownerId: 'u_owner', status: 'running' });
    expect(run.startedBy).toBe(`workflow:${workflow.workflowId}`);
    expect(run.workflowId).toBe('external:ask');
    await on.vote(review, u1);
    expect(await workflow.result()).toEqual({
      approved: true,
      snapshot: REFUND,
      versionId: review.newestVersionId,
      by: 'u1',
    });
    expect(await ended(run)).toMatchObject({ status: 'completed' });
    expect(await findReview(on.database.db, run.projectId, review.id)).toMatchObject({
      status: 'EXECUTED',
    });
  });

  test('a correction that was approved, byte for byte', async () => {
    const workflow = await author.start('insist', author.options(REFUND));
    const { review, run } = await author.reviewOf(workflow);
    const corrected = {
      é: '\u2028',
      b: -0,
      a: 0.1 + 0.2,
      '10': [1e-7, null],
      '9': 'x',
      __proto: {},
    };
    const versionId = await correct(review, corrected);
    await on.vote(review, u2, { versionId });
    const approved = asObject(await workflow.result());
    const version = await findVersion(on.database.db, run.projectId, versionId);
    expect(canonicalJson(approved)).toBe(version?.snapshot);
  });

  test('a rejection, which cancels nothing of the workflow', async () => {
    const workflow = await author.start('ask', author.options(REFUND, { policy: TWO }));
    const { review, run } = await author.reviewOf(workflow);
    await on.vote(review, u1);
    await on.vote(review, u2, { verdict: 'rejected', reason: 'not ours' });
    expect(await workflow.result()).toEqual({
      approved: false,
      verdict: 'rejected',
      reason: 'not ours',
      by: 'u2',
    });
    expect(await ended(run)).toMatchObject({ status: 'cancelled', cancelReason: 'not ours' });
  });

  test('a rejection, thrown by orThrow', async () => {
    const workflow = await author.start('insist', author.options(REFUND));
    const { review } = await author.reviewOf(workflow);
    await on.vote(review, u2, { verdict: 'rejected', reason: 'not ours' });
    const failure = await failureOf(workflow.result());
    expect(failure).toMatchObject({ type: 'ReviewRefused', nonRetryable: true });
    expect(failure.message).toBe('The review "refund" was rejected by u2: not ours');
    expect(failure.details).toEqual([
      { approved: false, verdict: 'rejected', reason: 'not ours', by: 'u2' },
    ]);
  });

  test('an approval that was taken back in time', async () => {
    const policy = { release: { after: '1h' } };
    const workflow = await author.start('ask', author.options(REFUND, { policy }));
    const { review } = await author.reviewOf(workflow);
    await on.vote(review, u1);
    await withdraw(review);
    expect(await workflow.result()).toEqual({
      approved: false,
      verdict: 'revoked',
      reason: 'too early',
      by: 'u_admin',
    });
  });

  test('an approval after the time to take it back', async () => {
    const policy = { release: { after: '300ms' } };
    const workflow = await author.start('ask', author.options(REFUND, { policy }));
    const { review } = await author.reviewOf(workflow);
    await on.vote(review, u1);
    expect(await workflow.result()).toMatchObject({ approved: true, by: 'u1' });
  });

  test('nothing to ask about: the snapshot as it is, approved by nobody', async () => {
    const policy = { when: 'output.amount > 100.0' };
    const workflow = await author.start('ask', author.options(REFUND, { policy }));
    expect(await workflow.result()).toEqual({
      approved: true,
      snapshot: REFUND,
      versionId: null,
      by: null,
    });
    const run = await author.runOf(workflow);
    expect(await ended(run)).toMatchObject({ status: 'completed' });
  });

  test('two reviews at once, each with its own answer', async () => {
    const workflow = await author.start(
      'askAll',
      author.options(REFUND, { key: 'first' }),
      author.options({ n: 2 }, { key: 'second' }),
    );
    const first = await author.reviewOf(workflow, 'first');
    const second = await author.reviewOf(workflow, 'second');
    expect(first.run.id).not.toBe(second.run.id);
    await on.vote(second.review, u1, { verdict: 'rejected', reason: 'no' });
    await on.vote(first.review, u1);
    expect(await workflow.result()).toMatchObject([
      { approved: true, snapshot: REFUND },
      { approved: false, reason: 'no' },
    ]);
  });
});

describe('one key is one review', () => {
  test('asked for at once and once more afterwards, it is answered alike', async () => {
    const options = author.options(REFUND);
    const reordered = author.options(Object.fromEntries(Object.entries(REFUND).toReversed()));
    const atOnce = await author.start('askAll', options, reordered, options);
    const { review } = await author.reviewOf(atOnce);
    await on.vote(review, u1);
    const answers = await atOnce.result();
    const one = Array.isArray(answers) ? (answers[0] as unknown) : null;
    expect(one).toMatchObject({ approved: true, by: 'u1' });
    expect(answers).toEqual([one, one, one]);
    expect(await author.runsOf(atOnce)).toBe(1);
    const gates = (await op.history(atOnce.workflowId)).filter(
      ({ childWorkflowExecutionStartedEventAttributes: started }) => Boolean(started),
    );
    expect(gates).toHaveLength(1);

    const inTurn = await author.start('askInTurn', options, reordered);
    await on.vote((await author.reviewOf(inTurn)).review, u2);
    expect(await inTurn.result()).toMatchObject([
      { approved: true, by: 'u2' },
      { approved: true, by: 'u2' },
    ]);
    expect(await author.runsOf(inTurn)).toBe(1);
  });

  test.each(['askAll', 'askInTurn'] as const)(
    'with another snapshot it is refused (%s)',
    async (type) => {
      const workflow = await author.start(
        type,
        author.options(REFUND),
        author.options({ other: 1 }),
      );
      if (type === 'askInTurn') {
        await on.vote((await author.reviewOf(workflow)).review, u1);
      }
      const failure = await failureOf(workflow.result());
      expect(failure).toMatchObject({ type: 'ReviewKeyTaken', nonRetryable: true });
      expect(failure.message).toBe(
        'The review "refund" was opened with another snapshot: give every review of a workflow a key of its own.',
      );
    },
  );

  test('of another workflow it is another review', async () => {
    const one = await author.start('ask', author.options(REFUND));
    const other = await author.start('ask', author.options(REFUND));
    const [first, second] = await Promise.all([author.reviewOf(one), author.reviewOf(other)]);
    expect(first.run.id).not.toBe(second.run.id);
    await on.vote(first.review, u1);
    await one.result();
    expect((await getRun(on.database.db, second.run.id)).status).toBe('running');
    await on.vote(second.review, u1);
    await other.result();
  });
});

describe('what cannot be opened fails with one sentence', () => {
  const big = 'x'.repeat(MAX_VALUE_BYTES);
  const cases: readonly {
    readonly name: string;
    readonly about: JsonObject;
    readonly snapshot?: unknown;
    readonly type?: string;
    readonly says: string;
  }[] = [
    {
      name: 'a policy with several faults',
      about: {
        policy: {
          groups: ['finance', 'finance'],
          release: 'manual',
          placement: 'input',
          colour: 1,
        },
      },
      says: 'The review "refund" cannot be opened: policy.placement: a workflow of your own has its snapshot reviewed as an output; leave it out; and policy.colour: unknown key',
    },
    {
      name: 'a policy that can never be met',
      about: { policy: { groups: ['finance', 'finance'], release: 'manual' } },
      says: 'The review "refund" cannot be opened: policy.groups[1]: "finance" is listed already; and policy.release: "manual" lets',
    },
    {
      name: 'a rejection that is to do something',
      about: { policy: { on_reject: 'continue' } },
      says: 'The review "refund" cannot be opened: policy.on_reject: a rejection is an answer of review() and cancels nothing of yours; expected "cancel_run" or nothing, got "continue".',
    },
    {
      name: 'a predicate that does not fit',
      about: { policy: { when: 'output.amount +' } },
      says: 'The review "refund" cannot be opened: policy.when: ',
    },
    {
      name: 'an unknown block type',
      about: { blockType: 'invoice' },
      says: 'The review "refund" cannot be opened: blockType: expected "extract", "classifier", "split"',
    },
    {
      name: 'an owner nobody knows',
      about: { owner: 'u_nobody' },
      says: 'The review "refund" cannot be opened: owner: there is no user "u_nobody"; add them with PUT /v1/users/{id}, or say null.',
    },
    {
      name: 'no key',
      about: { key: '' },
      says: 'A review cannot be opened: key: expected 1 to 200 characters.',
    },
    {
      name: 'a snapshot that is no object',
      about: {},
      snapshot: 'SECRET',
      says: 'The review "refund" cannot be opened: snapshot: expected a JSON object.',
    },
    {
      name: 'a snapshot with a number that loses digits',
      about: {},
      snapshot: { SECRET: 'SECRET', ids: [1, 2 ** 60] },
      says: 'The review "refund" cannot be opened: snapshot.ids.1: expected what JSON can hold',
    },
    {
      name: 'a snapshot of more than 1 MiB',
      about: {},
      snapshot: { SECRET: big },
      type: 'SnapshotTooLarge',
      says: `The review "refund" cannot be opened: snapshot: takes ${MAX_VALUE_BYTES + 13} bytes as canonical JSON, and at most ${MAX_VALUE_BYTES} pass by value; store it with POST /v1/snapshots in an activity, and give its id as snapshotRef.`,
    },
    {
      name: 'a reference to nothing',
      about: { snapshotRef: 'snp_NONE' },
      snapshot: undefined,
      type: 'SnapshotNotFound',
      says: 'The review "refund" cannot be opened: snapshotRef: there is no such snapshot',
    },
  ];

  test.each(cases)('$name', async ({ about, says, type = 'InvalidReview', ...given }) => {
    const { snapshot: _, ...options } = author.options(REFUND);
    const snapshot = 'snapshot' in given ? given.snapshot : REFUND;
    const workflow = await author.start('ask', { ...options, snapshot, ...about });
    const failure = await failureOf(workflow.result());
    expect(failure.message).toContain(says);
    expect(failure.message).not.toContain('SECRET');
    expect(failure).toMatchObject({ type, nonRetryable: true });
    expect(await author.runsOf(workflow)).toBe(0);
  });

  test('an order that comes with a codec we do not have', async () => {
    const workflow = await op.client.workflow.start('gatedBlockRun', {
      workflowId: `review~garbled~${Date.now()}`,
      taskQueue: on.temporal.taskQueue,
      args: [null],
    });
    expect(await failureOf(workflow.result())).toMatchObject({ type: 'OrderUnreadable' });
  });

  test('an order that somebody made up', async () => {
    const workflow = await op.client.workflow.start('gatedBlockRun', {
      workflowId: `review~made-up~${Date.now()}`,
      taskQueue: on.temporal.taskQueue,
      args: [{ external: { key: 7, snapshot: 'SECRET' } }],
    });
    const failure = await failureOf(workflow.result());
    expect(failure.type).toBe('InvalidReview');
    expect(failure.message).toContain('key: expected a string, got 7');
    expect(failure.message).not.toContain('SECRET');
  });
});

describe('the workflow that asked is stopped', () => {
  test.each(['cancel', 'terminate'] as const)(
    '%s while it waits: the review is cancelled',
    async (act) => {
      const workflow = await author.start('ask', author.options(REFUND, { policy: TWO }));
      const { review, run, holder } = await author.reviewOf(workflow);
      await on.vote(review, u1);
      await op[act](workflow.workflowId);
      await goneFrom(workflow.workflowId);
      expect(await op.status(workflow.workflowId)).toBe(
        act === 'cancel' ? 'CANCELLED' : 'TERMINATED',
      );
      expect(await ended(run)).toMatchObject({ status: 'cancelled', cancelledBy: SYSTEM.id });
      const now = await findReview(on.database.db, run.projectId, review.id);
      expect(now?.status).toBe('REVOKED');
      expect(now?.cancelledAt).not.toBeNull();
      expect(await on.vote(review, u2)).toMatchObject({
        kind: 'refused',
        refusals: [{ code: 'REVIEW_CANCELLED', reviewId: review.id }],
      });
      await until('the gate to show it', async () => (await op.status(holder)) === 'CANCELLED');
      expect(await doctorFor(run)).toEqual([]);
    },
  );

  test('cancelled after a reset that kept the gate: the review is cancelled, too', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { run, holder } = await author.reviewOf(workflow);
    await op.idle(holder);
    await op.reset(workflow.workflowId, 'latest');
    await op.cancel(workflow.workflowId);
    expect(await ended(run)).toMatchObject({ status: 'cancelled' });
    await goneFrom(workflow.workflowId);
    expect(await op.status(workflow.workflowId)).toBe('CANCELLED');
  });

  test('it ends without waiting for the answer: the review is cancelled', async () => {
    const workflow = await author.start('forget', author.options(REFUND));
    const { run } = await author.reviewOf(workflow);
    await workflow.signal('goOn');
    expect(await workflow.result()).toBe('forgotten');
    expect(await ended(run)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'the workflow that asked for the review has ended',
    });
  });

  test('it gives up the question and goes on: the review is cancelled', async () => {
    const workflow = await author.start('giveUp', author.options(REFUND));
    const { run } = await author.reviewOf(workflow);
    await workflow.signal('goOn');
    expect(await workflow.result()).toBe('given up');
    expect(await ended(run)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'the workflow that asked for the review cancelled it',
    });
  });
});

describe('the run is cancelled here', () => {
  const cancelled = { approved: false, verdict: 'cancelled' };

  test('from our API: an answer, with who and why', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { run } = await author.reviewOf(workflow);
    await cancelFromApi(run);
    expect(await workflow.result()).toEqual({
      ...cancelled,
      reason: 'no longer needed',
      by: 'u_admin',
    });
    expect(await ended(run)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'no longer needed',
    });
  });

  test('by cancelling the gate in Temporal: an answer, too', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { run, holder } = await author.reviewOf(workflow);
    await op.cancel(holder);
    expect(await workflow.result()).toEqual({
      ...cancelled,
      reason: 'its gate was cancelled in Temporal',
      by: null,
    });
    expect(await ended(run)).toMatchObject({ status: 'cancelled' });
  });

  test('after the gate was terminated: it ends in the store', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { run, holder } = await author.reviewOf(workflow);
    await op.terminate(holder);
    await goneFrom(holder);
    await cancelFromApi(run);
    expect(await ended(run)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'no longer needed',
    });
  });
});

describe('another execution of the workflow takes the review over', () => {
  test.each(['first', 'latest'] as const)(
    'reset to its %s task while it waits: the votes stay, and it gets the answer',
    async (to) => {
      const workflow = await author.start('ask', author.options(REFUND, { policy: TWO }));
      const before = await author.reviewOf(workflow);
      await on.vote(before.review, u1);
      await op.idle(before.holder);
      await op.reset(workflow.workflowId, to);
      if (to === 'first') {
        await newHolder(before);
      }
      await on.vote(before.review, u2);
      const handle = op.client.workflow.getHandle(workflow.workflowId);
      expect(await handle.result()).toMatchObject({ approved: true, by: 'u2' });
      expect(await ended(before.run)).toMatchObject({ status: 'completed' });
      await goneFrom(before.holder);
      expect(await author.runsOf(workflow)).toBe(1);
    },
  );

  test.each(['approved', 'rejected'] as const)(
    'reset after it was %s: it gets the same answer, and nobody is asked again',
    async (verdict) => {
      const workflow = await author.start('ask', author.options(REFUND));
      const { review } = await author.reviewOf(workflow);
      await on.vote(review, u1, { verdict, reason: 'because' });
      const answer = await workflow.result();
      await op.reset(workflow.workflowId, 'first');
      expect(await op.client.workflow.getHandle(workflow.workflowId).result()).toEqual(answer);
      expect(await author.runsOf(workflow)).toBe(1);
    },
  );

  test('continued as new while it waits: the same review, with its votes', async () => {
    const workflow = await author.start('askAcross', author.options(REFUND, { policy: TWO }));
    const before = await author.reviewOf(workflow);
    await on.vote(before.review, u1);
    await op.idle(before.holder);
    await workflow.signal('goOn');
    await newHolder(before);
    await goneFrom(before.holder);
    expect((await getRun(on.database.db, before.run.id)).status).toBe('running');
    await on.vote(before.review, u2);
    const handle = op.client.workflow.getHandle(workflow.workflowId);
    expect(await handle.result()).toMatchObject({ approved: true, by: 'u2' });
    expect(await author.runsOf(workflow)).toBe(1);
  });
});

describe('somebody starts a gate of their own for the review', () => {
  test('it is refused and takes nothing: the workflow gets its answer', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const before = await author.reviewOf(workflow);
    const thief = `review~thief~${workflow.workflowId}`;
    await op.client.workflow.start('gatedBlockRun', {
      workflowId: thief,
      taskQueue: on.temporal.taskQueue,
      args: [{ external: await requestOf(before.holder) }],
    });
    const failure = await failureOf(op.client.workflow.getHandle(thief).result());
    expect(failure).toMatchObject({ type: 'InvalidReview' });
    expect((await author.reviewOf(workflow)).holder).toBe(before.holder);
    expect(await op.status(before.holder)).toBe('RUNNING');
    await on.vote(before.review, u1);
    expect(await workflow.result()).toMatchObject({ approved: true, by: 'u1' });
    expect(await author.runsOf(workflow)).toBe(1);
  });

  async function requestOf(holder: string): Promise<unknown> {
    const [started] = await op.history(holder);
    const { input } = asObject(started?.workflowExecutionStartedEventAttributes);
    return asObject(payloadsOf(input)[0])['external'];
  }
});

describe('by reference', () => {
  test('the answer names the version, and neither snapshot is in any history', async () => {
    const snapshot = { CANARY: 'CANARY', pages: 'x'.repeat(MAX_VALUE_BYTES) };
    const { row } = await putSnapshot(on.database.db, SYSTEM, snapshot);
    const { snapshot: _, ...options } = author.options({});
    const workflow = await author.start('askByReference', { ...options, snapshotRef: row.id });
    const { review, run, holder } = await author.reviewOf(workflow);
    const versionId = await correct(review, { ...snapshot, more: 'CANARY' });
    await on.vote(review, u1, { versionId });
    expect(await workflow.result()).toEqual({ approved: true, versionId, by: 'u1' });
    const version = await findVersion(on.database.db, run.projectId, versionId);
    expect(version?.snapshot).toBe(canonicalJson({ ...snapshot, more: 'CANARY' }));
    for (const workflowId of [workflow.workflowId, holder]) {
      const events = await op.history(workflowId);
      expect(payloadsOf(events).length).toBeGreaterThan(0);
      expect(wordsOf(events)).not.toContain('CANARY');
    }
  });

  test('a snapshot that was removed meanwhile does not matter to a review that is open', async () => {
    const { row } = await putSnapshot(on.database.db, SYSTEM, { kept: 'here' });
    const { snapshot: _, ...options } = author.options({});
    const workflow = await author.start('askByReference', { ...options, snapshotRef: row.id });
    const before = await author.reviewOf(workflow);
    const { db } = on.database;
    await db
      .updateTable('snapshot')
      .set({ putAt: new Date(Date.now() - 8 * 86_400_000) })
      .where('id', '=', row.id)
      .execute();
    expect(await removeOldSnapshots(db)).toBe(1);
    await op.idle(before.holder);
    await op.reset(workflow.workflowId, 'first');
    await newHolder(before);
    await on.vote(before.review, u1);
    const handle = op.client.workflow.getHandle(workflow.workflowId);
    expect(await handle.result()).toMatchObject({ approved: true, by: 'u1' });
  });
});

describe('while somebody is away', () => {
  test('a vote counts while the worker of the author is down', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { review, run } = await author.reviewOf(workflow);
    await author.stopWorker();
    await on.vote(review, u1);
    expect(await ended(run)).toMatchObject({ status: 'completed' });
    await author.startWorker();
    expect(await workflow.result()).toMatchObject({ approved: true, by: 'u1' });
  });

  let worker: { stop(): Promise<void> };
  beforeAll(() => {
    ({ worker } = on);
  });

  /** Does something while nobody runs gates. */
  async function whileAway(work: () => Promise<void>): Promise<void> {
    await worker.stop();
    try {
      await work();
    } finally {
      worker = await on.startWorker();
    }
  }

  describe('the workers of Countersign', () => {
    test('a workflow that is cancelled does not wait for them', async () => {
      const workflow = await author.start('giveUp', author.options(REFUND));
      const { run } = await author.reviewOf(workflow);
      await whileAway(async () => {
        await workflow.signal('goOn');
        expect(await workflow.result()).toBe('given up');
        expect((await getRun(on.database.db, run.id)).status).toBe('running');
      });
      expect(await ended(run)).toMatchObject({ status: 'cancelled' });
    });

    test('a workflow that only has the same id neither keeps nor gets the review of another', async () => {
      const workflow = await author.start('ask', author.options(REFUND));
      const { run } = await author.reviewOf(workflow);
      await whileAway(async () => {
        await op.terminate(workflow.workflowId);
        await author.stopWorker(); // the new one runs, and asks nothing yet
        await op.client.workflow.start('ask', {
          workflowId: workflow.workflowId,
          taskQueue: author.taskQueue,
          args: [author.options(REFUND)],
        });
      });
      expect(await ended(run)).toMatchObject({
        status: 'cancelled',
        cancelReason: 'the workflow that asked for the review has ended',
      });
      await author.startWorker();
      await until('a review of its own', async () => (await author.runsOf(workflow)) === 2);
      await op.terminate(workflow.workflowId);
    });
  });

  test('doctor says what to do when the gate is gone, and starts nothing', async () => {
    const workflow = await author.start('askAndLiveOn', author.options(REFUND));
    const { review, run, holder } = await author.reviewOf(workflow);
    await author.stopWorker();
    await op.terminate(holder);
    await goneFrom(holder);
    expect(await doctorFor(run)).toEqual([
      {
        code: 'GATE_GONE',
        runId: run.id,
        reviewId: review.id,
        message: `Run ${run.id} waits for review, but its gate '${holder}' has ended, and only workflow '${workflow.workflowId}' can start it again: reset that workflow to before it asked for the review, or cancel the run.`,
        remedy: null,
      },
    ]);
    // What it says helps: the first task is before the question.
    await op.reset(workflow.workflowId, 'first');
    await author.startWorker();
    await until('a gate', async () => (await doctorFor(run)).length === 0);
    await on.vote(review, u1);
    await op.client.workflow.getHandle(workflow.workflowId).signal('goOn');
    expect(await op.client.workflow.getHandle(workflow.workflowId).result()).toMatchObject({
      approved: true,
    });
  });

  test('doctor says what to do when the workflow that asked is gone but its gate is not', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { review, run, holder } = await author.reviewOf(workflow);
    await op.idle(holder);
    // The gate belongs to the execution before the reset, and Temporal does not cancel it with the next.
    await op.reset(workflow.workflowId, 'latest');
    await op.terminate(workflow.workflowId);
    const findings = await doctorFor(run);
    expect(findings).toEqual([
      {
        code: 'RUN_GONE',
        runId: run.id,
        reviewId: review.id,
        message: `Run ${run.id} waits for review, but workflow '${workflow.workflowId}', which asked for it, has ended: cancel the run, or reset that workflow if it is to go on.`,
        remedy: null,
      },
    ]);
    await cancelFromApi(run);
    expect(await ended(run)).toMatchObject({ status: 'cancelled' });
  });

  test('a run has ended with its release, although its gate is lost before it hears of it', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { review, run, holder } = await author.reviewOf(workflow);
    await whileAway(async () => {
      await on.vote(review, u1);
      expect(await getRun(on.database.db, run.id)).toMatchObject({ status: 'completed' });
      await op.terminate(holder);
      await goneFrom(workflow.workflowId);
      expect((await doctorFor(run)).filter(({ code }) => code === 'GATE_GONE')).toEqual([]);
    });
    await op.reset(workflow.workflowId, 'first');
    expect(await op.client.workflow.getHandle(workflow.workflowId).result()).toMatchObject({
      approved: true,
      by: 'u1',
    });
  });

  test('a run that was not ended with its step is ended by doctor once its gate is gone, also unattended', async () => {
    const workflow = await author.start('ask', author.options(REFUND));
    const { review, run, holder } = await author.reviewOf(workflow);
    await whileAway(async () => {
      await on.vote(review, u1);
      const { db } = on.database;
      // No transaction of ours leaves it so: whoever repairs a database by hand might.
      await sql`update run set status = 'running', ended_at = null where id = ${run.id}`.execute(
        db,
      );
      expect(await doctorFor(run)).toEqual([]); // its gate is there, and will end it
      await op.terminate(holder);
      await goneFrom(holder);
      const found = await doctorFor(run);
      expect(found).toEqual([
        {
          code: 'GATE_GONE',
          runId: run.id,
          reviewId: review.id,
          message: `Run ${run.id} has done what it was for, and its gate has ended: it can be ended in the store.`,
          remedy: { kind: 'end_external_run', runId: run.id },
        },
      ]);
      const remedy = found[0]?.remedy ?? expect.fail('nothing to mend it with');
      expect(isSafeUnattended(remedy)).toBe(true);
      expect(await repair(db, on.temporal, remedy)).toBe('mended');
      expect(await getRun(db, run.id)).toMatchObject({ status: 'completed' });
      expect(await repair(db, on.temporal, remedy)).toBe('no longer so');
      expect(await doctorFor(run)).toEqual([]);
    });
  });

  test('doctor does not cancel a gate that no worker has opened yet', async () => {
    const nobody = `nobody-${on.temporal.taskQueue}`;
    const workflowId = `review~waiting~${Date.now()}`;
    await op.client.workflow.start('gatedBlockRun', {
      workflowId,
      taskQueue: nobody,
      args: [{ external: {} }],
    });
    const { runId: execution } = await op.client.workflow.getHandle(workflowId).describe();
    const lonely = {
      ...on.temporal,
      taskQueue: nobody,
      listRunning: async function* () {
        yield { workflowId, execution, type: 'gatedBlockRun', runId: null };
      },
    };
    const found = await diagnose(on.database.db, lonely, 0);
    expect(found.map(({ code }) => code)).not.toContain('WORKFLOW_ORPHANED');
    expect(found.map(({ code }) => code)).not.toContain('WORKFLOW_UNKNOWN');
    await op.terminate(workflowId);
  });
});
