import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gate } from '../../src/domain/definition.js';
import type { TimeWindow } from '../../src/domain/time-window.js';
import type { GateCheck } from '../../src/store/gates.js';
import { recordFact } from '../../src/store/record-fact.js';
import { inTransaction } from '../../src/store/database.js';
import { lockReview } from '../../src/store/reviews.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { windowAround } from '../support/hoop.js';
import {
  aParkedGate,
  askForRelease,
  check,
  type ParkedGate,
  person,
  reviewNow,
  vote,
} from '../support/parked.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const CLOSED = windowAround(120, 180);
const OPEN = windowAround(-60, 60);
const ann = person('u_ann', 'sre');
const ben = person('u_ben', 'banking');
const boss = { ...person('u_boss'), roles: ['admin' as const] };

/** A gate of two groups, of which one has approved. */
async function halfApproved(
  timeWindow: TimeWindow | null,
  about: Partial<Gate> = {},
): Promise<ParkedGate> {
  const groups = ['sre', 'banking'].map((group) => ({ group, required: 1 }));
  const gate = await aParkedGate(database.db, { groups, ...about });
  const result = await vote(database.db, gate, ann, { timeWindow, dialect: 'hoop' });
  expect(result).toMatchObject({ kind: 'recorded', review: { timeWindow } });
  return gate;
}

async function approved(timeWindow: TimeWindow, about: Partial<Gate> = {}): Promise<ParkedGate> {
  const gate = await halfApproved(timeWindow, about);
  expect(await vote(database.db, gate, ben)).toMatchObject({ settled: true });
  return gate;
}

/** How long a gate still has to wait, in whole hours; null where that is not what it waits for. */
function waitHours(answer: GateCheck): number | null {
  return answer.kind !== 'waiting' || answer.waitMs === null
    ? null
    : Math.round(answer.waitMs / 3_600_000);
}

async function setWindow(gate: ParkedGate, window: TimeWindow): Promise<void> {
  await database.db
    .updateTable('review')
    .set({ timeWindow: JSON.stringify(window) })
    .where('id', '=', gate.review.id)
    .execute();
}

describe('a vote with a time window', () => {
  test('is kept with its number, also when it is not the last one', async () => {
    const gate = await halfApproved(CLOSED);
    expect(await reviewNow(database.db, gate)).toMatchObject({
      status: 'PENDING',
      timeWindow: CLOSED,
      timeWindowSeq: 1,
    });
    await vote(database.db, gate, ben);
    expect(await reviewNow(database.db, gate)).toMatchObject({
      status: 'APPROVED',
      timeWindow: CLOSED,
      timeWindowSeq: 1,
    });
  });

  test('is refused where there is one already, and changes nothing', async () => {
    const gate = await halfApproved(CLOSED);
    const before = await reviewNow(database.db, gate);
    const again = await vote(database.db, gate, ben, { timeWindow: OPEN });
    expect(again).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'TIME_WINDOW_SET', reviewId: gate.review.id, window: CLOSED }],
    });
    expect(await reviewNow(database.db, gate)).toEqual(before);
  });

  test('of twenty different ones at once sets one', async () => {
    const groups = [{ group: 'sre', required: 20 }];
    const gate = await aParkedGate(database.db, { groups });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        vote(database.db, gate, person(`u_${index}`, 'sre'), {
          timeWindow: windowAround(index, index + 60),
        }),
      ),
    );
    expect(results.filter(({ kind }) => kind === 'recorded')).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'refused')).toHaveLength(19);
  });

  test('that does not approve brings none', async () => {
    const gate = await aParkedGate(database.db, {});
    await vote(database.db, gate, ann, { verdict: 'rejected', timeWindow: CLOSED });
    expect(await reviewNow(database.db, gate)).toMatchObject({
      status: 'REJECTED',
      timeWindow: null,
      timeWindowSeq: null,
    });
  });
});

describe('a release', () => {
  test.each<[string, Partial<Gate>]>([
    ['of an output', { placement: 'output' }],
    ['of an input', { placement: 'input' }],
    ['after a time to undo', { release: { after: '1ms' } }],
  ])('%s waits until the window opens', async (_case, about) => {
    const gate = await approved(CLOSED, about);
    const answer = await check(database.db, gate);
    expect(answer).toMatchObject({ kind: 'waiting' });
    expect(waitHours(answer)).toBe(2);
    expect(await reviewNow(database.db, gate)).toMatchObject({
      status: 'APPROVED',
      releasedAt: null,
    });
    await setWindow(gate, OPEN);
    expect((await check(database.db, gate)).kind).not.toBe('waiting');
  });

  test.each<[string, Gate['placement'], string]>([
    ['an output', 'output', 'EXECUTED'],
    ['an input', 'input', 'PROCESSING'],
  ])('of %s within the window is in the transaction of the vote', async (_, placement, status) => {
    const gate = await approved(OPEN, { placement });
    expect(await reviewNow(database.db, gate)).toMatchObject({ status });
  });

  test('waits for the time to undo first', async () => {
    const gate = await approved(OPEN, { release: { after: '5h' } });
    expect(waitHours(await check(database.db, gate))).toBe(5);
  });

  test('by hand that comes too late waits until the window opens again', async () => {
    const gate = await approved(OPEN, { placement: 'input', release: 'manual' });
    expect(await check(database.db, gate)).toMatchObject({ kind: 'waiting', waitMs: null });
    // The word was given, and the transaction of the release came to nothing before the window closed.
    await inTransaction(database.db, async (tx) => {
      const locked = await lockReview(tx, boss.projectId, gate.review.id);
      const fact = { kind: 'release_requested', actorId: boss.id } as const;
      const about = { reason: null, dialect: 'native' } as const;
      recordFact(tx, locked ?? expect.fail('no review'), boss, fact, about);
    });
    await setWindow(gate, CLOSED);
    const late = await check(database.db, gate);
    expect(late).toMatchObject({ kind: 'waiting' });
    expect(waitHours(late)).toBe(2);
  });

  test('by hand is not asked for outside the window', async () => {
    const gate = await approved(CLOSED, { placement: 'input', release: 'manual' });
    expect(await askForRelease(database.db, gate, boss)).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'OUTSIDE_TIME_WINDOW', reviewId: gate.review.id, window: CLOSED }],
    });
    expect(await check(database.db, gate)).toMatchObject({ kind: 'waiting', waitMs: null });
    expect(await reviewNow(database.db, gate)).toMatchObject({ status: 'APPROVED' });
  });

  test.each<[Gate['placement'], object]>([
    ['output', { kind: 'ended', end: 'completed' }],
    ['input', { kind: 'execute' }],
  ])('of an %s that has happened holds at any hour', async (placement, standing) => {
    const gate = await approved(OPEN, { placement });
    await setWindow(gate, CLOSED);
    expect(await check(database.db, gate)).toMatchObject(standing);
  });
});
