import { NoResultError, sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTransaction } from '../../src/store/database.js';
import { Statement } from '../../src/store/statement.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let on: TestDatabase;
beforeAll(async () => {
  on = await createTestDatabase();
});
afterAll(() => on.drop());

type Line = {
  readonly actorId: string;
  readonly reviewId?: string | null | undefined;
  readonly detail?: string | undefined;
};

let timesWritten = 0;
const insertLines = new Statement((db, lines: readonly Line[]) => {
  timesWritten += 1;
  return db
    .insertInto('audit')
    .values(lines.map((line) => ({ projectId: 'prj_default', action: 'run_ended', ...line })))
    .returning(['actorId', 'reviewId', 'detail']);
});

test('is written down once for each set of columns and number of rows, and sent with the values of each call', async () => {
  const { db } = on;
  const sent = [
    await insertLines.all(db, [{ actorId: 'a', reviewId: 'rev_1' }]),
    await insertLines.all(db, [{ actorId: 'b', reviewId: null }]),
    await insertLines.all(db, [{ actorId: 'c', reviewId: undefined }]),
    await insertLines.all(db, [{ actorId: 'd', detail: '{"total":1}' }]),
    await insertLines.all(db, [
      { actorId: 'e', detail: '{"total":2}' },
      { actorId: 'f', detail: '{"total":3}' },
    ]),
  ];
  expect(sent).toEqual([
    [{ actorId: 'a', reviewId: 'rev_1', detail: {} }],
    [{ actorId: 'b', reviewId: null, detail: {} }],
    [{ actorId: 'c', reviewId: null, detail: {} }],
    [{ actorId: 'd', reviewId: null, detail: { total: 1 } }],
    [
      { actorId: 'e', reviewId: null, detail: { total: 2 } },
      { actorId: 'f', reviewId: null, detail: { total: 3 } },
    ],
  ]);
  expect(timesWritten).toBe(4);
});

test('is sent at once, so that those of one moment go out together and in their order', async () => {
  const value = new Statement(
    (_, { text }: { readonly text: string }) =>
      sql<{
        readonly readAt: string;
      }>`select ${text}::text || txid_current() as read_at`,
  );
  const [first, second] = await inTransaction(on.db, (tx) =>
    Promise.all([value.one(tx, { text: 'a' }), value.one(tx, { text: 'b' })]),
  );
  expect(first.readAt.slice(0, 1) + second.readAt.slice(0, 1)).toBe('ab');
  expect(first.readAt.slice(1)).toBe(second.readAt.slice(1));
});

test('one() throws where there is no row, and first() returns null', async () => {
  const find = new Statement((db, { id }: { readonly id: string }) =>
    db.selectFrom('run').select('id').where('id', '=', id),
  );
  expect(await find.first(on.db, { id: 'run_none' })).toBeNull();
  await expect(find.one(on.db, { id: 'run_none' })).rejects.toBeInstanceOf(NoResultError);
});
