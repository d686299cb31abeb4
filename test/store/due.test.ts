import { fc } from '@fast-check/vitest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gate } from '../../src/domain/definition.js';
import {
  countInbox,
  EVERYTHING,
  type InboxFilter,
  type InboxPageRequest,
  listInbox,
  neighboursOf,
} from '../../src/store/inbox.js';
import { beginIterations } from '../../src/store/iterations.js';
import { beginStep, completeStep, finishStep } from '../../src/store/ledger.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import type { ReviewRow } from '../../src/store/tables.js';
import { loopOf, runOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { openExternal } from '../support/external.js';
import {
  aBlock,
  aGate,
  aParkedGate,
  aRunningRun,
  park,
  person,
  reviewNow,
  vote,
} from '../support/parked.js';

const ann = person('u_ann');
const DAY_MS = 86_400_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** How long after it opened a review is due. */
function dueAfterMs({ createdAt, dueAt }: ReviewRow): number | null {
  return dueAt === null ? null : dueAt.getTime() - createdAt.getTime();
}

describe('a review is due', () => {
  const placements: readonly Gate['placement'][] = ['output', 'input'];

  test.each(placements)('from its opening on, at placement %s', async (placement) => {
    const { review } = await aParkedGate(database.db, { placement, due_in: '2d' });
    expect(dueAfterMs(review)).toBe(2 * DAY_MS);
    expect(Math.abs(review.createdAt.getTime() - Date.now())).toBeLessThan(DAY_MS);
  });

  test('never, where its gate does not say', async () => {
    const { review } = await aParkedGate(database.db);
    expect(review.dueAt).toBeNull();
  });

  test('at once, where its gate says so', async () => {
    const { review } = await aParkedGate(database.db, { due_in: '0s' });
    expect(dueAfterMs(review)).toBe(0);
  });

  test('in an iteration as anywhere', async () => {
    const { db } = database;
    const body = [aBlock('one', { review: aGate({ due_in: '90m' }) })];
    const run = await aRunningRun(db, [aBlock('each', { type: 'for_each', body })]);
    const stepId = stepIdOf(run.id, 'each');
    await beginStep(db, stepId, runOf(stepId), 'a test');
    const result = { output: [1], consensus: null, source: null };
    await finishStep(db, { stepId, attemptToken: 'a test', result }, (tx, now) =>
      completeStep(tx, now.run, now.step, null),
    );
    await beginIterations(db, stepId, loopOf(stepId));
    const { review } = await park(db, run, 'one', { n: 1 }, '0');
    expect(dueAfterMs(review)).toBe(90 * 60_000);
  });

  test('of an own workflow, as its policy says', async () => {
    const { review } = await openExternal(database.db, { policy: { due_in: '7d' } });
    expect(dueAfterMs(review)).toBe(7 * DAY_MS);
  });

  test('by the same time for ever, whatever becomes of it', async () => {
    const gate = await aParkedGate(database.db, { due_in: '1h' });
    await vote(database.db, gate, ann);
    expect((await reviewNow(database.db, gate)).dueAt).toEqual(gate.review.dueAt);
  });
});

describe('the inbox by what is due', () => {
  const COUNT = 24;
  let ids: readonly string[] = [];
  const about: InboxFilter = { ...EVERYTHING, blockId: 'sorted' };
  const read = (page: Partial<InboxPageRequest>): ReturnType<typeof listInbox> =>
    listInbox(database.db, ann, 'all', about, {
      order: 'due',
      before: null,
      after: null,
      limit: 200,
      ...page,
    });

  beforeAll(async () => {
    const run = await aRunningRun(
      database.db,
      Array.from({ length: COUNT }, (_, n) => aBlock(`b${n}`, { review: aGate() })),
    );
    for (let n = 0; n < COUNT; n += 1) {
      await park(database.db, run, `b${n}`);
    }
    const rows = await database.db
      .updateTable('review')
      .set({ blockId: 'sorted' })
      .where('runId', '=', run.id)
      .returning('id')
      .execute();
    ids = rows.map(({ id }) => id);
  });

  /** Few different times, so that many rows share them. */
  const time = fc.integer({ min: 0, max: 3 }).map((ms) => new Date(Date.UTC(2026, 0, 1) + ms));
  const times = fc.array(fc.record({ createdAt: time, dueAt: fc.option(time) }), {
    minLength: COUNT,
    maxLength: COUNT,
  });

  test('pages through what a plain sort gives, forwards and back, wherever it begins', async () => {
    await fc.assert(
      fc.asyncProperty(times, fc.integer({ min: 1, max: COUNT + 1 }), async (given, limit) => {
        for (const [index, about] of given.entries()) {
          await database.db
            .updateTable('review')
            .set(about)
            .where('id', '=', ids[index] ?? '')
            .execute();
        }
        const sorted = given
          .map(({ createdAt, dueAt }, index) => ({
            id: ids[index] ?? '',
            place: [dueAt?.getTime() ?? Number.POSITIVE_INFINITY, createdAt.getTime()] as const,
          }))
          .toSorted(
            (a, b) =>
              (a.place[0] === b.place[0] ? 0 : a.place[0] - b.place[0]) ||
              a.place[1] - b.place[1] ||
              (a.id < b.id ? -1 : 1),
          )
          .map(({ id }) => id);

        const forwards: string[] = [];
        let after: string | null = null;
        do {
          const page: Awaited<ReturnType<typeof read>> = await read({ after, limit });
          const first = page.rows[0]?.id ?? null;
          expect(page.before).toBe(forwards.length === 0 ? null : first);
          forwards.push(...page.rows.map(({ id }) => id));
          after = page.after;
        } while (after !== null);
        expect(forwards).toEqual(sorted);

        const back: string[] = [];
        let before: string | null = sorted.at(-1) ?? null;
        while (before !== null) {
          const page: Awaited<ReturnType<typeof read>> = await read({ before, limit });
          back.unshift(...page.rows.map(({ id }) => id));
          before = page.before;
        }
        expect(back).toEqual(sorted.slice(0, -1));
      }),
      { numRuns: 15 },
    );
  });

  test('has the neighbours of a review in that order', async () => {
    const waiting = await listInbox(database.db, ann, 'waiting', EVERYTHING, {
      order: 'due',
      before: null,
      after: null,
      limit: 200,
    });
    const order = waiting.rows.map(({ id }) => id);
    expect(order.length).toBeGreaterThan(COUNT);
    const at = order.length >> 1;
    expect(await neighboursOf(database.db, ann, 'waiting', order[at] ?? '')).toEqual({
      previous: order[at - 1],
      next: order[at + 1],
    });
  });
});

test('what is overdue is undecided, and its time has passed', async () => {
  const { db } = database;
  const overdue = await aParkedGate(db, { name: 'tell-overdue', due_in: '0s' });
  const decided = await aParkedGate(db, { name: 'tell-overdue', due_in: '0s' });
  await vote(db, decided, ann);
  await aParkedGate(db, { name: 'tell-overdue', due_in: '1d' });
  await aParkedGate(db, { name: 'tell-overdue' });
  const filter = { ...EVERYTHING, isOverdue: true, search: ['tell-overdue'] };
  const page = { order: 'due', before: null, after: null, limit: 10 } as const;
  const { rows } = await listInbox(db, ann, 'all', filter, page);
  expect(rows.map(({ id }) => id)).toEqual([overdue.review.id]);
  expect(await countInbox(db, person('u_ben'), filter)).toEqual({
    waiting: 1,
    open_to_me: 1,
    decided_by_me: 0,
    all: 1,
  });
});
