import { type Expression, sql, type SqlBool } from 'kysely';
import type { ReviewStatus } from '../domain/statuses.js';
import type { Actor } from './actors.js';
import type { Db } from './database.js';
import { type Page, type PageRequest, readPage } from './paging.js';
import { findReview } from './reviews.js';
import type { ReviewRow } from './tables.js';

/**
 * The four ways in which somebody looks at reviews.
 *
 * `waiting`: undecided, and an open entry is theirs to fill for which they have not yet approved the
 * newest version. `open_to_me`: undecided, and they may do something about it. `decided_by_me`: they have
 * voted on it. `all`: every review of the project.
 */
export const INBOX_VIEWS = ['waiting', 'open_to_me', 'decided_by_me', 'all'] as const;
export type InboxView = (typeof INBOX_VIEWS)[number];

/** What the inbox is narrowed by; the conditions are combined with AND. */
export type InboxFilter = {
  readonly workflowId: string | null;
  readonly blockId: string | null;
  readonly runId: string | null;
  /** Reviews that still wait for this group. */
  readonly group: string | null;
  readonly statuses: readonly ReviewStatus[];
  /** Opened at least so long ago. */
  readonly olderThanMs: number | null;
  /** Undecided, and the time by which a decision was wanted has passed. */
  readonly isOverdue: boolean;
  /** Words that all occur in the review's names, ids, owner or reason; see `SEARCHED_AT_MOST`. */
  readonly search: readonly string[];
};

/**
 * A page of the inbox, ordered by when reviews opened or by when a decision is wanted.
 *
 * `due`: the soonest first, then those that are never due; of one time the oldest first.
 */
export type InboxPageRequest = Omit<PageRequest, 'order'> & {
  readonly order: PageRequest['order'] | 'due';
};

/** Lists the reviews of one view. */
export async function listInbox(
  db: Db,
  reader: Actor,
  view: InboxView,
  filter: InboxFilter,
  page: InboxPageRequest,
): Promise<Page<ReviewRow>> {
  const isByDue = page.order === 'due';
  return await readPage<ReviewRow, ReviewRow>(
    { ...page, order: page.order === 'desc' ? 'desc' : 'asc' },
    (id) => findReview(db, reader.projectId, id),
    (position, direction, limit) => {
      const inView = db
        .selectFrom('review')
        .selectAll()
        .where('projectId', '=', reader.projectId)
        .where(isIn(view, reader))
        .where(fits(filter))
        .where(position)
        .$if(isByDue, (query) => query.orderBy(DUE, direction))
        .orderBy('createdAt', direction)
        .orderBy('id', direction);
      return filter.search.length === 0
        ? inView.limit(limit).execute()
        : db
            .selectFrom(inView.limit(SEARCHED_AT_MOST).as('review'))
            .selectAll()
            .where(says(filter.search))
            .$if(isByDue, (query) => query.orderBy(DUE, direction))
            .orderBy('createdAt', direction)
            .orderBy('id', direction)
            .limit(limit)
            .execute();
    },
    isByDue ? isBeyondByDue : undefined,
  );
}

/** As the index has it: what is never due comes last. */
const DUE = sql<Date>`coalesce(review.due_at, 'infinity'::timestamptz)`;

function isBeyondByDue(row: ReviewRow, direction: 'asc' | 'desc'): Expression<SqlBool> {
  const place = sql`(coalesce(${row.dueAt}::timestamptz, 'infinity'::timestamptz), ${row.createdAt}::timestamptz, ${row.id}::text)`;
  return direction === 'asc'
    ? sql<SqlBool>`(${DUE}, review.created_at, review.id) > ${place}`
    : sql<SqlBool>`(${DUE}, review.created_at, review.id) < ${place}`;
}

/** Counting stops here: more than this is only ever shown as "and more". */
export const COUNTED_AT_MOST = 10_000;

/**
 * A search reads so many reviews of the view, in the order of the list, and no more.
 *
 * Words are looked for anywhere in a review's texts, which no index without an extension of PostgreSQL
 * can do; and one without a hit would read every review there has ever been.
 */
export const SEARCHED_AT_MOST = 20_000;

/**
 * Counts the reviews of every view, each up to `COUNTED_AT_MOST`; with a search, among the newest that it reads.
 *
 * Whether a review fits is asked once, not once for every view: a search reads much of each row. What is
 * gathered before it is counted is gathered only as far as somebody counts.
 */
export async function countInbox(
  db: Db,
  reader: Actor,
  filter: InboxFilter,
): Promise<Record<InboxView, number>> {
  const count = (rows: Expression<unknown>) =>
    sql<number>`(select count(*)::int from (${rows} limit ${COUNTED_AT_MOST}) counted)`;
  // Under the name of the table, so that the conditions of views say the same of both.
  const open = (view: InboxView) =>
    count(sql`select 1 from open as review where ${isIn(view, reader)}`);
  /** The reviews of which something is so, and that fit. */
  const those = (isSo: Expression<SqlBool>) => {
    const fitting = sql`select * from review
      where project_id = ${reader.projectId} and ${isSo} and ${fits(filter)}`;
    return filter.search.length === 0
      ? fitting
      : sql`select * from (${fitting} order by created_at desc, id desc limit ${SEARCHED_AT_MOST}) as review
             where ${says(filter.search)}`;
  };
  const { rows } = await sql<Record<InboxView, number>>`
    with open as materialized (
      select id, project_id, status, owner_id, policy, newest_version_id
        from (${those(sql<SqlBool>`status = 'PENDING'`)}) as pending)
    select ${open('waiting')} as waiting, ${open('open_to_me')} as open_to_me,
           ${count(those(isIn('decided_by_me', reader)))} as decided_by_me,
           least(${COUNTED_AT_MOST}, ${open('all')} + ${count(
             those(sql<SqlBool>`status <> 'PENDING'`),
           )}) as "all"`.execute(db);
  // The plugin that names columns in camel case is told nothing of views.
  const row: Readonly<Record<string, number>> = rows[0] ?? {};
  return {
    waiting: row['waiting'] ?? 0,
    open_to_me: row['openToMe'] ?? 0,
    decided_by_me: row['decidedByMe'] ?? 0,
    all: row['all'] ?? 0,
  };
}

/** What undecided reviews there are, by block and by group they wait for. */
export type Facets = {
  readonly blocks: readonly {
    readonly workflowId: string;
    readonly blockId: string;
    readonly count: number;
  }[];
  readonly groups: readonly { readonly name: string; readonly count: number }[];
};

/** Counts the undecided reviews of a project by where they came from and whom they wait for. */
export async function readFacets(db: Db, projectId: string): Promise<Facets> {
  const [blocks, groups] = await Promise.all([
    sql<Facets['blocks'][number]>`
      select workflow_id, block_id, count(*)::int as count from review
       where project_id = ${projectId} and status = 'PENDING'
       group by workflow_id, block_id order by workflow_id, block_id`.execute(db),
    sql<Facets['groups'][number]>`
      select name, count(*)::int as count from (
        select distinct entry.subject as name, entry.review_id
          from entry join review on review.id = entry.review_id
         where entry.project_id = ${projectId} and entry.kind = 'group' and entry.status = 'PENDING'
           and review.project_id = ${projectId} and review.status = 'PENDING') waiting
       group by name order by name`.execute(db),
  ]);
  return { blocks: blocks.rows, groups: groups.rows };
}

/** The reviews before and behind one in a view, in the order of what is due. */
export async function neighboursOf(
  db: Db,
  reader: Actor,
  view: InboxView,
  reviewId: string,
): Promise<{ readonly previous: string | null; readonly next: string | null }> {
  const around = { order: 'due', before: null, after: null, limit: 1 } as const;
  const [previous, next] = await Promise.all([
    listInbox(db, reader, view, EVERYTHING, { ...around, before: reviewId }),
    listInbox(db, reader, view, EVERYTHING, { ...around, after: reviewId }),
  ]);
  return { previous: previous.rows[0]?.id ?? null, next: next.rows[0]?.id ?? null };
}

/** Narrows nothing. */
export const EVERYTHING: InboxFilter = {
  workflowId: null,
  blockId: null,
  runId: null,
  group: null,
  statuses: [],
  olderThanMs: null,
  isOverdue: false,
  search: [],
};

/**
 * Whether a review belongs to a view: what the domain's rules say, for many rows at once.
 *
 * A test compares it with `mayFillEntry` and the ruling on a rejection, row by row.
 */
function isIn(view: InboxView, reader: Actor): Expression<SqlBool> {
  const isAdmin = reader.roles.includes('admin');
  switch (view) {
    case 'all':
      return sql<SqlBool>`true`;
    case 'decided_by_me':
      return sql<SqlBool>`exists (
        select 1 from fact where fact.project_id = review.project_id
           and fact.actor_id = ${reader.id} and fact.review_id = review.id and fact.kind = 'vote')`;
    case 'waiting':
      return sql<SqlBool>`review.status = 'PENDING' and ${mayOwn(reader)}
        and ${hasEntryFor(reader, sql`and entry.status = 'PENDING' and not ${isSpokenFor(reader)}`)}`;
    case 'open_to_me':
      return isAdmin
        ? sql<SqlBool>`review.status = 'PENDING'`
        : sql<SqlBool>`review.status = 'PENDING' and ${mayOwn(reader)} and ${hasEntryFor(reader, sql``)}`;
  }
}

/** The owner rule: nobody approves what runs on their own behalf, but for admins where the gate lets them. */
function mayOwn(reader: Actor): Expression<SqlBool> {
  const isSomebodyElses = sql<SqlBool>`review.owner_id is distinct from ${reader.id}`;
  return reader.roles.includes('admin')
    ? sql<SqlBool>`(${isSomebodyElses} or review.policy->>'selfApproval' = 'admins')`
    : isSomebodyElses;
}

/** Whether a standing approval of the newest version speaks for an entry, also where it did not fill it. */
function isSpokenFor(reader: Actor): Expression<SqlBool> {
  return sql<SqlBool>`exists (
    select 1 from (
      select version_id, fills from fact where fact.project_id = review.project_id
         and fact.actor_id = ${reader.id} and fact.review_id = review.id
         and fact.kind in ('vote', 'withdrawn')
       order by fact.seq desc limit 1) said
     where said.version_id = review.newest_version_id and entry.key = any(said.fills))`;
}

function hasEntryFor(reader: Actor, further: Expression<unknown>): Expression<SqlBool> {
  // Each alternative as the index on open entries has it.
  const mine = [
    sql`(entry.kind = 'group' and entry.subject = any(${[...reader.groups]}::text[]))`,
    sql`(entry.kind = 'reviewer' and entry.subject = ${reader.id})`,
    ...(reader.roles.includes('reviewer') ? [sql`entry.kind = 'anyone'`] : []),
  ];
  return sql<SqlBool>`exists (
    select 1 from entry where entry.review_id = review.id and entry.project_id = ${reader.projectId}
       ${further} and (${sql.join(mine, sql` or `)}))`;
}

/** Whether a review is what a filter asks for, but for the words of a search. */
function fits(filter: InboxFilter): Expression<SqlBool> {
  const { workflowId, blockId, runId, group, statuses, olderThanMs, isOverdue } = filter;
  const conditions: Expression<SqlBool>[] = [];
  if (workflowId !== null) {
    conditions.push(sql<SqlBool>`review.workflow_id = ${workflowId}`);
  }
  if (blockId !== null) {
    conditions.push(sql<SqlBool>`review.block_id = ${blockId}`);
  }
  if (runId !== null) {
    conditions.push(sql<SqlBool>`review.run_id = ${runId}`);
  }
  if (group !== null) {
    conditions.push(sql<SqlBool>`exists (
      select 1 from entry where entry.review_id = review.id
         and entry.kind = 'group' and entry.subject = ${group} and entry.status = 'PENDING')`);
  }
  const [status] = statuses;
  if (status !== undefined) {
    // One alone is read from its index in the order of the list.
    conditions.push(
      statuses.length === 1
        ? sql<SqlBool>`review.status = ${status}`
        : sql<SqlBool>`review.status = any(${[...statuses]}::text[])`,
    );
  }
  if (olderThanMs !== null) {
    conditions.push(
      sql<SqlBool>`review.created_at <= clock_timestamp() - ${olderThanMs} * interval '1 ms'`,
    );
  }
  if (isOverdue) {
    conditions.push(sql<SqlBool>`review.status = 'PENDING' and review.due_at <= clock_timestamp()`);
  }
  return all(conditions);
}

/** Whether every one of some words occurs in what a review says of itself. */
function says(words: readonly string[]): Expression<SqlBool> {
  return all(
    words.map((word) => {
      const pattern = `%${word.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
      return sql<SqlBool>`concat_ws(' ', review.gate->>'name', review.workflow_id,
        review.block_id, review.run_id, review.id, review.owner_id, review.because) ilike ${pattern}`;
    }),
  );
}

function all(conditions: readonly Expression<SqlBool>[]): Expression<SqlBool> {
  return conditions.length === 0
    ? sql<SqlBool>`true`
    : sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}
