import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  COUNTED_AT_MOST,
  countInbox,
  EVERYTHING,
  type InboxFilter,
  listInbox,
  readFacets,
} from '../../src/store/inbox.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { addManyReviews, removeManyReviews } from '../support/many-reviews.js';
import { aParkedGate, type ParkedGate, person, vote } from '../support/parked.js';

const ann = person('u_ann', 'finance');
const ben = person('u_ben', 'legal');
const FEW = 30;
const MANY = COUNTED_AT_MOST + 30;

let database: TestDatabase;
let decided: ParkedGate;
let models: readonly string[];
beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  const open = async (finance: number, ...others: readonly string[]): Promise<ParkedGate> =>
    await aParkedGate(db, {
      groups: [
        { group: 'finance', required: finance },
        ...others.map((group) => ({ group, required: 1 })),
      ],
    });
  decided = await open(1);
  await vote(db, decided, ann);
  models = [(await open(1)).review.id, (await open(2, 'legal')).review.id];
});
afterAll(() => database.drop());

const counts = async (reader: typeof ann, filter: Partial<InboxFilter> = {}) =>
  await countInbox(database.db, reader, { ...EVERYTHING, ...filter });

describe('a few open reviews', () => {
  beforeAll(async () => {
    // Copies are named with and without an owner in turns, so that of each model every other is owned by ann.
    const owners = ['u_ann', 'u_ann', null, null];
    await addManyReviews(database.db, { models, count: FEW, owners });
  });
  afterAll(() => removeManyReviews(database.db));

  test('are counted in every view by what the reader may do about them', async () => {
    expect(await counts(ann)).toEqual({
      waiting: 2 + 14,
      open_to_me: 2 + 14,
      decided_by_me: 1,
      all: 3 + FEW,
    });
    expect(await counts(ben)).toEqual({
      waiting: 1 + 15,
      open_to_me: 1 + 15,
      decided_by_me: 0,
      all: 3 + FEW,
    });
  });

  test('are counted under a filter as they are listed under it', async () => {
    for (const filter of [{ search: ['0001'] }, { group: 'legal' }, { runId: decided.run.id }]) {
      for (const reader of [ann, ben]) {
        const counted = await counts(reader, filter);
        for (const view of ['waiting', 'open_to_me', 'decided_by_me', 'all'] as const) {
          const page = { order: 'asc', before: null, after: null, limit: 200 } as const;
          const { rows } = await listInbox(
            database.db,
            reader,
            view,
            { ...EVERYTHING, ...filter },
            page,
          );
          expect([view, filter, counted[view]]).toEqual([view, filter, rows.length]);
        }
      }
    }
  });

  test('are summed up by the groups they wait for, each review once for a group', async () => {
    const { groups } = await readFacets(database.db, ann.projectId);
    expect(groups).toEqual([
      { name: 'finance', count: 2 + FEW },
      { name: 'legal', count: 1 + FEW / 2 },
    ]);
  });
});

describe('more open reviews than are counted', () => {
  beforeAll(() => addManyReviews(database.db, { models, count: MANY }));
  afterAll(() => removeManyReviews(database.db));

  test('are as many as are counted, in every view that has so many', async () => {
    expect(await counts(ann)).toEqual({
      waiting: COUNTED_AT_MOST,
      open_to_me: COUNTED_AT_MOST,
      decided_by_me: 1,
      all: COUNTED_AT_MOST,
    });
    expect((await counts(ben)).waiting).toBe(1 + MANY / 2);
  });

  test('are found among by a search', async () => {
    expect(await counts(ann, { search: ['01001'] })).toEqual({
      waiting: 1,
      open_to_me: 1,
      decided_by_me: 0,
      all: 1,
    });
  });
});
