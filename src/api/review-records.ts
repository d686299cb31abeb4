import type { Db } from '../store/database.js';
import { listEntries, listFactsOfReviews } from '../store/reviews.js';
import type { EntryRow, FactRow, ReviewRow } from '../store/tables.js';

/** A review with the rows that every dialect shows of it. */
export type ReviewRecord = {
  readonly row: ReviewRow;
  readonly entries: readonly EntryRow[];
  readonly facts: readonly FactRow[];
};

/** Reads the entries and facts of several reviews, in the order of the reviews. */
export async function readReviewRecords(
  db: Db,
  rows: readonly ReviewRow[],
): Promise<readonly ReviewRecord[]> {
  const ids = rows.map(({ id }) => id);
  const [entries, facts] = await Promise.all([listEntries(db, ids), listFactsOfReviews(db, ids)]);
  return rows.map((row) => ({
    row,
    entries: entries.get(row.id) ?? [],
    facts: facts.get(row.id) ?? [],
  }));
}

/** Reads the entries and facts of one review. */
export async function readReviewRecord(db: Db, row: ReviewRow): Promise<ReviewRecord> {
  const [record] = await readReviewRecords(db, [row]);
  return record ?? { row, entries: [], facts: [] };
}
