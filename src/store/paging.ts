import { type Expression, sql, type SqlBool } from 'kysely';

/** Where a page begins, which way it runs and how long it is; at most one of the cursors is set. */
export type PageRequest = {
  readonly order: 'asc' | 'desc';
  readonly before: string | null;
  readonly after: string | null;
  readonly limit: number;
};

/** A page of rows, and the ids to ask for its neighbours with (null where there are none). */
export type Page<Row> = {
  readonly rows: readonly Row[];
  readonly before: string | null;
  readonly after: string | null;
};

/** A cursor that names no row. */
export class UnknownCursorError extends Error {
  override readonly name = 'UnknownCursorError';
  readonly cursor: 'before' | 'after';

  constructor(cursor: 'before' | 'after') {
    super(`'${cursor}' names no row`);
    this.cursor = cursor;
  }
}

type Positioned = { readonly id: string; readonly createdAt: Date };

/**
 * Reads one page of a list that is ordered by (created_at, id), or as `isBeyond` has it.
 *
 * @param find gives the row that a cursor names, or null
 * @param fetch reads at most `limit` rows of the list that also satisfy `position`, in `direction`
 * @param isBeyond which rows come behind a row in `direction`; every row has its own place
 * @throws UnknownCursorError
 */
export async function readPage<Row extends Place, Place extends Positioned = Positioned>(
  request: PageRequest,
  find: (id: string) => Promise<Place | null>,
  fetch: (
    position: Expression<SqlBool>,
    direction: 'asc' | 'desc',
    limit: number,
  ) => Promise<readonly Row[]>,
  isBeyond: (row: Place, direction: 'asc' | 'desc') => Expression<SqlBool> = beyond,
): Promise<Page<Row>> {
  const { order, before, after, limit } = request;
  const cursorName = before === null ? 'after' : 'before';
  const cursorId = before ?? after;
  const cursor = cursorId === null ? null : await find(cursorId);
  if (cursorId !== null && cursor === null) {
    throw new UnknownCursorError(cursorName);
  }

  const backwards = before !== null;
  const direction = backwards ? opposite(order) : order;
  const position = cursor === null ? sql<SqlBool>`true` : isBeyond(cursor, direction);
  const fetched = await fetch(position, direction, limit + 1);
  const hasMore = fetched.length > limit;
  const rows = backwards ? fetched.slice(0, limit).toReversed() : fetched.slice(0, limit);

  const first = rows.at(0);
  const last = rows.at(-1);
  if (first === undefined || last === undefined) {
    return { rows, before: null, after: null };
  }
  const behind = opposite(direction);
  const edge = backwards ? last : first;
  const hasBehind = cursor !== null && (await fetch(isBeyond(edge, behind), behind, 1)).length > 0;
  return {
    rows,
    before: (backwards ? hasMore : hasBehind) ? first.id : null,
    after: (backwards ? hasBehind : hasMore) ? last.id : null,
  };
}

function beyond(row: Positioned, direction: 'asc' | 'desc'): Expression<SqlBool> {
  return direction === 'asc'
    ? sql<SqlBool>`(created_at, id) > (${row.createdAt}, ${row.id})`
    : sql<SqlBool>`(created_at, id) < (${row.createdAt}, ${row.id})`;
}

function opposite(order: 'asc' | 'desc'): 'asc' | 'desc' {
  return order === 'asc' ? 'desc' : 'asc';
}
