import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM } from '../../src/store/actors.js';
import { addVersion } from '../../src/store/add-version.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { type Page, type PageRequest, UnknownCursorError } from '../../src/store/paging.js';
import {
  type DecisionStatus,
  listReviews,
  listVersions,
  type ReviewFilter,
} from '../../src/store/reviews.js';
import { listRuns, type RunFilter } from '../../src/store/runs.js';
import { listSteps, type StepFilter } from '../../src/store/steps.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aGate,
  aParkedGate,
  aRun,
  aRunningRun,
  park,
  type ParkedGate,
  person,
  vote,
} from '../support/parked.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const PROJECT = 'prj_default';
const ANY_RUN: RunFilter = {
  workflowId: null,
  statuses: [],
  excludedStatuses: [],
  trigger: null,
  from: null,
  to: null,
  search: null,
  metadata: null,
};
const ANY_STEP: StepFilter = {
  runId: null,
  workflowId: null,
  blockId: null,
  stepId: null,
  parentStepId: null,
  iterationKey: null,
  blockTypes: [],
  statuses: [],
};
const ANY_REVIEW: ReviewFilter = {
  workflowId: null,
  runId: null,
  blockId: null,
  stepId: null,
  iterationKey: null,
  decisionStatus: 'all',
};
const FIRST: PageRequest = { order: 'asc', before: null, after: null, limit: 50 };

/** A list to page through, and the ids of all its rows in ascending order. */
type List = {
  readonly what: string;
  readonly read: (page: PageRequest) => Promise<Page<{ readonly id: string }>>;
  readonly fill: () => Promise<readonly string[]>;
};

/** Gives rows times of which some are the same, and lists their ids by (time, id). */
async function spread(
  table: 'run' | 'step' | 'review' | 'version',
  ids: readonly string[],
): Promise<readonly string[]> {
  // Three of one millisecond, one alone, three of the next one.
  const times = [0, 0, 0, 5, 6, 6, 6].map((ms) => new Date(Date.UTC(2026, 0, 1) + ms));
  expect(ids).toHaveLength(times.length);
  const rows = ids
    .toSorted((a, b) => (a < b ? -1 : 1))
    // So that the order of ids is not the order of times.
    .map((id, index) => ({ id, createdAt: times[(index * 3) % 7] ?? new Date() }));
  for (const { id, createdAt } of rows) {
    await database.db.updateTable(table).set({ createdAt }).where('id', '=', id).execute();
  }
  return rows
    .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

const SEVEN = Array.from({ length: 7 }, (_, n) => `b${n}`);
const lists: readonly List[] = [
  {
    what: 'runs',
    read: (page) => listRuns(database.db, PROJECT, { ...ANY_RUN, trigger: 'paged' }, page),
    fill: async () => {
      const runs = await Promise.all(
        SEVEN.map(() => aRun(database.db, undefined, { trigger: 'paged' })),
      );
      return await spread(
        'run',
        runs.map(({ id }) => id),
      );
    },
  },
  {
    what: 'steps',
    read: (page) => listSteps(database.db, PROJECT, { ...ANY_STEP, blockTypes: ['split'] }, page),
    fill: async () => {
      const run = await aRunningRun(
        database.db,
        SEVEN.map((id) => aBlock(id, { type: 'split' })),
      );
      return await spread(
        'step',
        SEVEN.map((id) => `${run.id}_${id}`),
      );
    },
  },
  {
    what: 'reviews',
    read: (page) => listReviews(database.db, PROJECT, { ...ANY_REVIEW, blockId: 'paged' }, page),
    fill: async () => {
      const gates = await Promise.all(
        SEVEN.map(async () => {
          const run = await aRunningRun(database.db, [aBlock('paged', { review: aGate() })]);
          return await park(database.db, run, 'paged');
        }),
      );
      return await spread(
        'review',
        gates.map(({ review }) => review.id),
      );
    },
  },
  {
    what: 'versions',
    read: (page) => listVersions(database.db, PROJECT, reviewOfVersions, page),
    fill: async () => {
      const { review } = await aParkedGate(database.db);
      reviewOfVersions = review.id;
      for (const n of [1, 2, 3, 4, 5, 6]) {
        await addVersion(database.db, person('u_ann'), review.id, {
          parentId: review.newestVersionId,
          snapshot: { n },
          note: null,
          origin: 'human_edit',
          acknowledgedVersionIds: [],
        });
      }
      const rows = await database.db
        .selectFrom('version')
        .select('id')
        .where('reviewId', '=', review.id)
        .execute();
      return await spread(
        'version',
        rows.map(({ id }) => id),
      );
    },
  },
];
let reviewOfVersions = '';

describe.each(lists)('a list of $what', ({ read, fill }) => {
  let ascending: readonly string[] = [];
  beforeAll(async () => {
    ascending = await fill();
  });

  const inOrder = (order: 'asc' | 'desc'): readonly string[] =>
    order === 'asc' ? ascending : ascending.toReversed();
  const idsOf = ({ rows }: Page<{ readonly id: string }>): readonly string[] =>
    rows.map(({ id }) => id);

  const CASES = (['asc', 'desc'] as const).flatMap((order) =>
    [1, 3, 7, 8].map((limit) => [order, limit] as const),
  );
  test.each(CASES)(
    'gives each row once, %s by %i, forwards and back, and null at either end',
    async (order, limit) => {
      const all = inOrder(order);
      const pages: Page<{ readonly id: string }>[] = [];
      for (let after: string | null = null; ;) {
        const page: Page<{ readonly id: string }> = await read({ ...FIRST, order, limit, after });
        pages.push(page);
        expect(pages.length).toBeLessThanOrEqual(7);
        if (page.after === null) {
          break;
        }
        after = page.after;
      }
      expect(pages.flatMap(idsOf)).toEqual(all);
      expect(pages.map((page) => idsOf(page).length)).toEqual(
        Array.from({ length: Math.ceil(7 / limit) }, (_, n) => Math.min(limit, 7 - n * limit)),
      );
      for (const [index, page] of pages.entries()) {
        const isLast = index === pages.length - 1;
        expect(page.before).toBe(index === 0 ? null : idsOf(page)[0]);
        expect(page.after).toBe(isLast ? null : idsOf(page).at(-1));
      }

      const back: Page<{ readonly id: string }>[] = [];
      for (let before: string | null = pages.at(-1)?.rows[0]?.id ?? null; before !== null;) {
        const page: Page<{ readonly id: string }> = await read({ ...FIRST, order, limit, before });
        back.unshift(page);
        expect(back.length).toBeLessThanOrEqual(7);
        before = page.before;
      }
      expect(back.flatMap(idsOf)).toEqual(pages.slice(0, -1).flatMap(idsOf));
      for (const page of back) {
        // There is more behind every page that was reached by going back.
        expect(page.after).toBe(idsOf(page).at(-1) ?? null);
      }
    },
  );

  test.each(['asc', 'desc'] as const)(
    '%s begins right behind and before every row',
    async (order) => {
      const all = inOrder(order);
      for (const [index, id] of all.entries()) {
        expect(idsOf(await read({ ...FIRST, order, after: id }))).toEqual(all.slice(index + 1));
        expect(idsOf(await read({ ...FIRST, order, before: id }))).toEqual(all.slice(0, index));
      }
      const [first, last] = [all.at(0) ?? '', all.at(-1) ?? ''];
      const nothing = { rows: [], before: null, after: null };
      expect(await read({ ...FIRST, order, after: last })).toEqual(nothing);
      expect(await read({ ...FIRST, order, before: first })).toEqual(nothing);
    },
  );

  test('refuses a cursor that names no row', async () => {
    for (const cursor of ['before', 'after'] as const) {
      const reading = read({ ...FIRST, [cursor]: 'rev_unknown' });
      await expect(reading).rejects.toThrow(UnknownCursorError);
      await expect(reading).rejects.toMatchObject({
        cursor,
        message: `'${cursor}' names no row`,
      });
    }
  });
});

describe('a cursor', () => {
  test('may name a row that the filter does not let through any more', async () => {
    const { db } = database;
    const filter: ReviewFilter = { ...ANY_REVIEW, decisionStatus: 'pending', blockId: 'moving' };
    const gates: ParkedGate[] = [];
    for (const _ of [1, 2, 3]) {
      const run = await aRunningRun(db, [aBlock('moving', { review: aGate() })]);
      gates.push(await park(db, run, 'moving'));
    }
    const [first, second, third] = gates.map(({ review }) => review.id);
    const page = await listReviews(db, PROJECT, filter, { ...FIRST, limit: 1 });
    expect(page.after).toBe(first);
    await vote(db, gates[0] ?? expect.fail('no gate'), person('u_ann'));
    const next = await listReviews(db, PROJECT, filter, { ...FIRST, after: first ?? null });
    expect(next.rows.map(({ id }) => id)).toEqual([second, third]);
    expect(next.before).toBeNull();
  });

  test('of a version has to be of the review that is listed, and any has to be of the project', async () => {
    const { db } = database;
    const [one, other] = [await aParkedGate(db), await aParkedGate(db)];
    const after = other.review.newestVersionId;
    const listing = listVersions(db, PROJECT, one.review.id, { ...FIRST, after });
    await expect(listing).rejects.toThrow(UnknownCursorError);
    const elsewhere = listReviews(db, 'prj_other', ANY_REVIEW, {
      ...FIRST,
      before: one.review.id,
    });
    await expect(elsewhere).rejects.toThrow(UnknownCursorError);
    expect(await listReviews(db, 'prj_other', ANY_REVIEW, FIRST)).toEqual({
      rows: [],
      before: null,
      after: null,
    });
  });
});

describe('listReviews', () => {
  test('sorts reviews by their outcome as the contract does, and combines conditions', async () => {
    const { db } = database;
    const parkOne = async (name: string): Promise<ParkedGate> => {
      const release = name === 'released' ? 'auto' : 'manual';
      const run = await aRunningRun(db, [aBlock('sorted', { review: aGate({ release }) })]);
      return await park(db, run, 'sorted');
    };
    const names = ['pending', 'approved', 'released', 'rejected', 'cancelled', 'revoked'] as const;
    const gates = new Map<string, ParkedGate>();
    for (const name of names) {
      gates.set(name, await parkOne(name));
    }
    const at = (name: string): ParkedGate => gates.get(name) ?? expect.fail(name);
    for (const name of ['approved', 'released', 'revoked']) {
      await vote(db, at(name), person('u_ann'));
    }
    await vote(db, at('rejected'), person('u_ann'), { verdict: 'rejected' });
    for (const name of ['cancelled', 'revoked']) {
      const about = { reason: 'enough', dialect: 'native' as const };
      await cancelRun(db, SYSTEM, at(name).run.id, about, 0);
    }

    const EXPECTED: Readonly<Record<DecisionStatus, readonly string[]>> = {
      pending: ['pending'],
      approved: ['approved', 'released'],
      rejected: ['rejected', 'revoked'],
      decided: ['approved', 'released', 'rejected', 'revoked'],
      cancelled: ['cancelled'],
      all: names,
    };
    const nameOf = new Map([...gates].map(([name, { review }]) => [review.id, name]));
    const list = async (about: Partial<ReviewFilter>): Promise<readonly string[]> => {
      const filter = { ...ANY_REVIEW, blockId: 'sorted', ...about };
      const { rows } = await listReviews(db, PROJECT, filter, FIRST);
      return rows.map(({ id }) => nameOf.get(id) ?? id);
    };
    const found: Record<string, readonly string[]> = {};
    for (const decisionStatus of Object.keys(EXPECTED)) {
      const status = DECISIONS.find((known) => known === decisionStatus);
      found[decisionStatus] = await list({ decisionStatus: status ?? 'all' });
    }
    expect(found).toEqual(EXPECTED);

    const { run, stepId, review } = at('approved');
    for (const condition of [
      { runId: run.id },
      { stepId },
      { workflowId: review.workflowId },
      { runId: run.id, decisionStatus: 'approved' as const },
    ]) {
      expect(await list(condition)).toEqual(['approved']);
    }
    expect(await list({ runId: run.id, decisionStatus: 'rejected' })).toEqual([]);
    expect(await list({ iterationKey: '0' })).toEqual([]);
  });
});

const DECISIONS: readonly DecisionStatus[] = [
  'pending',
  'approved',
  'rejected',
  'decided',
  'cancelled',
  'all',
];
