import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApplicationFailure } from '@temporalio/common';
import type { ExternalActivities } from '../../src/activities/external-reviews.js';
import type { CancelCause } from '../../src/delivery/author-workflows.js';
import type { Lineage } from '../../src/delivery/lineage.js';
import { type ExternalRequest, MAX_VALUE_BYTES } from '../../src/domain/external-review.js';
import { canonicalForm } from '../../src/rules/canonical.js';
import { externalRunId } from '../../src/rules/content-ids.js';
import { SYSTEM } from '../../src/store/actors.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import type { Db } from '../../src/store/database.js';
import { endExternalRun, getExternalStep } from '../../src/store/external-reviews.js';
import { leaseDueMessages } from '../../src/store/outbox.js';
import { getRun } from '../../src/store/runs.js';
import { findReview } from '../../src/store/reviews.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aGateOfAuthor, aRequest, externalActivities, openExternal } from '../support/external.js';
import { person, vote } from '../support/parked.js';

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});
afterAll(() => database.drop());

const u1 = person('u1');

function activitiesOf(holder: string, cause: CancelCause): ExternalActivities {
  return externalActivities(db, { ...aGateOfAuthor(), workflowId: holder }, cause);
}

async function count(table: 'run' | 'review' | 'step', runId: string): Promise<number> {
  const column = table === 'run' ? 'id' : 'run_id';
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from ${sql.table(table)} where ${sql.ref(column)} = ${runId}`.execute(
    db,
  );
  return rows[0]?.n ?? 0;
}

describe('opening', () => {
  test('twenty at once is one review, and one gate holds it', async () => {
    const request = aRequest();
    const gates = Array.from({ length: 20 }, () => aGateOfAuthor());
    const openings = await Promise.all(
      gates.map((gate) => externalActivities(db, gate).openExternal({ request })),
    );
    const [runId = ''] = openings.flatMap((one) => (one.kind === 'waiting' ? [one.runId] : []));
    expect(
      await Promise.all((['run', 'step', 'review'] as const).map((table) => count(table, runId))),
    ).toEqual([1, 1, 1]);
    const step = await getExternalStep(db, runId);
    expect(gates.map(({ workflowId }) => workflowId)).toContain(step.holder);
    for (const opening of openings) {
      expect(opening.kind === 'waiting' || opening.end.kind === 'superseded').toBe(true);
    }
  });

  test('twenty at once with two snapshots: the others are refused', async () => {
    const request = aRequest();
    const other = { ...request, snapshot: { amount: 6 } };
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        externalActivities(db, aGateOfAuthor()).openExternal({
          request: index % 2 === 0 ? request : other,
        }),
      ),
    );
    const refused = answers.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : [],
    );
    expect(refused).toHaveLength(10);
    expect(
      refused.every(
        (error) =>
          error instanceof ApplicationFailure &&
          error.type === 'ReviewKeyTaken' &&
          error.nonRetryable === true,
      ),
    ).toBe(true);
  });

  test.each<[string, Partial<ExternalRequest>]>([
    ['policy', { policy: {} }],
    ['block type', { block_type: 'extract' }],
    ['schema', { json_schema: { type: 'object' } }],
    ['owner', { owner: 'u_owner' }],
    ['workflow type', { workflow_type: 'another' }],
  ])('another %s under the same key is refused, and the first review stays', async (_, about) => {
    const request = aRequest({ policy: { groups: ['finance'] } });
    const gate = aGateOfAuthor();
    const first = await externalActivities(db, gate).openExternal({ request });
    const again = externalActivities(db, gate).openExternal({ request: { ...request, ...about } });
    await expect(again).rejects.toMatchObject({
      type: 'ReviewKeyTaken',
      nonRetryable: true,
    });
    expect(await externalActivities(db, gate).openExternal({ request })).toEqual(first);
    expect(first).toMatchObject({
      gate: { state: { policy: { groups: [{ group: 'finance' }] } } },
    });
  });

  const NOBODY: Lineage = { latestOf: async () => null, isChildOfPresent: async () => false };
  test.each<[string, (request: ExternalRequest) => Lineage]>([
    ['does not exist', () => NOBODY],
    [
      'is another execution',
      () => ({
        latestOf: async () => ({ runId: 'r', firstRunId: 'r', isRunning: true, parent: null }),
        isChildOfPresent: async () => true,
      }),
    ],
    [
      'has not started the gate',
      (request) => ({
        latestOf: async () => ({
          runId: request.first_execution_run_id,
          firstRunId: request.first_execution_run_id,
          isRunning: true,
          parent: null,
        }),
        isChildOfPresent: async () => false,
      }),
    ],
  ])('in the name of a workflow that %s is refused, and writes nothing', async (_, lineageFor) => {
    const request = aRequest();
    const lineage = lineageFor(request);
    const opening = externalActivities(db, aGateOfAuthor(), 'by_hand', lineage).openExternal({
      request,
    });
    await expect(opening).rejects.toMatchObject({ type: 'InvalidReview', nonRetryable: true });
    expect(await count('run', externalRunId(request))).toBe(0);
  });

  test('a lone definition for what is asked alike, and no line of the audit for a repeat', async () => {
    const one = await openExternal(db, { policy: { name: 'Alike' } });
    const other = await openExternal(db, { policy: { name: 'Alike' } });
    expect(other.review.workflowVersionId).toBe(one.review.workflowVersionId);
    expect(other.review.id).not.toBe(one.review.id);
  });

  test('a snapshot by value takes at most 1 MiB, whoever sends it', async () => {
    const full = { x: 'x'.repeat(MAX_VALUE_BYTES - 8) };
    await openExternal(db, { snapshot: full });
    await expect(openExternal(db, { snapshot: { x: `${full.x}x` } })).rejects.toMatchObject({
      type: 'SnapshotTooLarge',
      nonRetryable: true,
    });
  });

  test('the seed is byte for byte the canonical snapshot', async () => {
    const snapshot = { z: 1e21 / 1e6, a: ['\u2028', -0], '1': null };
    const { review } = await openExternal(db, { snapshot });
    const { rows } = await sql<{ snapshot: string; output: string }>`
      select v.snapshot, s.output from version v join step s on s.id = ${review.stepId}
       where v.id = ${review.newestVersionId}`.execute(db);
    const { text } = canonicalForm(snapshot);
    expect(rows).toEqual([{ snapshot: text, output: text }]);
  });
});

describe('ending', () => {
  test('is refused while people have yet to decide', async () => {
    const { runId } = await openExternal(db);
    await expect(endExternalRun(db, runId)).rejects.toThrow('its review is open');
    expect((await getRun(db, runId)).status).toBe('running');
  });

  test('twenty times at once gives one answer', async () => {
    const { review, runId } = await openExternal(db);
    await vote(db, { review }, u1);
    const ends = await Promise.all(Array.from({ length: 20 }, () => endExternalRun(db, runId)));
    expect(new Set(ends.map((end) => JSON.stringify(end)))).toEqual(
      new Set([
        JSON.stringify({
          kind: 'approved',
          snapshot: { amount: 5 },
          version_id: review.newestVersionId,
          by: 'u1',
        }),
      ]),
    );
    const { rows } =
      await sql`select 1 from audit where run_id = ${runId} and action = 'run_ended'`.execute(db);
    expect(rows).toHaveLength(1);
  });
});

describe('a gate that is cancelled', () => {
  test.each([
    ['asked', true, 'cancelled'],
    ['author_gone', true, 'cancelled'],
    ['by_hand', false, 'cancelled'],
    ['goes_on', false, 'running'],
  ] as const)('because: %s', async (cause, isAsked, status) => {
    const { runId, holder } = await openExternal(db);
    const settled = await activitiesOf(holder, cause).cancelExternal({ runId });
    expect(settled.isAsked).toBe(isAsked);
    expect((await getRun(db, runId)).status).toBe(status);
    expect(settled.end.kind).toBe(status === 'running' ? 'superseded' : 'refused');
  });

  test('after another took its step over: it changes nothing', async () => {
    const { runId } = await openExternal(db);
    const strangers = [null, aGateOfAuthor(), { workflowId: runId, workflowType: 'workflowRun' }];
    for (const caller of strangers) {
      const settled = await externalActivities(db, caller, 'asked').cancelExternal({ runId });
      expect(settled).toEqual({ end: { kind: 'superseded' }, isAsked: false });
      expect((await getRun(db, runId)).status).toBe('running');
    }
  });

  test('after its release: the approval stands', async () => {
    const { review, runId, holder } = await openExternal(db);
    await vote(db, { review }, u1);
    const { end } = await activitiesOf(holder, 'asked').cancelExternal({ runId });
    expect(end).toMatchObject({ kind: 'approved', by: 'u1' });
    expect((await getRun(db, runId)).status).toBe('completed');
  });

  test('approved and not released: the approval is taken back', async () => {
    const { review, runId, holder } = await openExternal(db, {
      policy: { release: { after: '1h' } },
    });
    await vote(db, { review }, u1);
    await activitiesOf(holder, 'asked').cancelExternal({ runId });
    expect(await findReview(db, SYSTEM.projectId, review.id)).toMatchObject({ status: 'REVOKED' });
  });
});

test('a cancel of its run goes to whichever gate holds it when it is sent', async () => {
  const request = aRequest();
  await externalActivities(db, aGateOfAuthor()).openExternal({ request });
  const opening = await externalActivities(db, aGateOfAuthor()).openExternal({ request });
  const runId = opening.kind === 'waiting' ? opening.runId : '';
  await cancelRun(db, u1, runId, { reason: 'no', dialect: 'native' }, 0);
  const younger = aGateOfAuthor();
  await sql`update step set holder = ${younger.workflowId} where run_id = ${runId}`.execute(db);
  const due = await leaseDueMessages(db, { limit: 100, leaseMs: 1_000 });
  const cancels = due.filter((message) => message.runId === runId && message.kind === 'cancel');
  expect(cancels.map(({ workflowId }) => workflowId)).toContain(younger.workflowId);
  expect(cancels.map(({ workflowId }) => workflowId)).not.toContain(runId);
});
