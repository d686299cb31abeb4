import { sql } from 'kysely';
import type { Db } from './database.js';

/** What can change under the eyes of somebody who looks at it. */
export const CHANGE_KINDS = ['review', 'run', 'step', 'definition'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** One change: that it happened and to what, never what it was. */
export type Change = {
  readonly projectId: string;
  readonly kind: ChangeKind;
  readonly id: string;
  /** The run that it is part of; null for what belongs to none. */
  readonly runId: string | null;
};

/** What was committed since a reader looked before, and where it reads on. */
export type ChangePage = {
  /** Each once; null where there were too many, or where the log may not hold all of them. */
  readonly changes: readonly Change[] | null;
  readonly cursor: string;
};

const POLL_MS = 300;
/** How long to leave PostgreSQL alone that did not answer. */
const PAUSE_MS = 1_000;
/** With more changes than this at once, whoever looks reads everything again. */
const READ_AT_MOST = 500;
/** How long a change stays in the log; a reader that was away for half as long may have missed some. */
const KEPT_FOR_MS = 20 * 60_000;
const REMOVED_AT_ONCE = 5_000;

/** Where the log is now: a reader that begins here is told of every commit that this moment does not see. */
export async function endOfChanges(db: Db): Promise<string> {
  const { rows } = await sql<{ cursor: string }>`
    select pg_current_snapshot()::text as cursor`.execute(db);
  return rows[0]?.cursor ?? '';
}

/**
 * Reads every change that was committed behind a cursor, once.
 *
 * A cursor is a snapshot, which is what PostgreSQL itself compares with: a row is new when the transaction
 * that wrote it was running then, or began later. So nothing is lost where transactions commit in another
 * order than they began in, and one that stays open for long holds back nobody else's changes.
 */
export async function readChanges(db: Db, cursor: string): Promise<ChangePage> {
  const before = sql`${cursor}::pg_snapshot`;
  const { rows } = await sql<{
    cursor: string;
    isBehind: boolean;
    changes: readonly Change[];
  }>`
    select pg_current_snapshot()::text as cursor,
           pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(${before}) as is_behind,
           coalesce((
             select json_agg(json_build_object('projectId', project_id, 'kind', kind, 'id', id, 'runId', run_id))
               from (select distinct project_id, kind, id, run_id from change
                      where (xact >= pg_snapshot_xmax(${before})
                             or xact = any(array(select pg_snapshot_xip(${before}))))
                        and xact < pg_snapshot_xmax(pg_current_snapshot())
                      limit ${READ_AT_MOST + 1}) as unread), '[]'::json) as changes`.execute(db);
  const [row] = rows;
  if (row === undefined) {
    throw new Error('the change log gave no answer');
  }
  // A database that was set back to an earlier moment has forgotten what the cursor has seen.
  const isWhole = !row.isBehind && row.changes.length <= READ_AT_MOST;
  return { changes: isWhole ? row.changes : null, cursor: row.cursor };
}

/**
 * Tells of every committed change of reviews, runs, steps and definitions, within a fraction of a second.
 *
 * It looks several times a second with one short statement. While PostgreSQL does not answer it waits, and
 * then goes on where it was.
 *
 * @param tell told of one change, or null when some may have been missed: first of all once it follows
 * @returns ends it; what is being read is finished first
 */
export function followChanges(db: Db, tell: (change: Change | null) => void): () => Promise<void> {
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;
  let cursor: string | null = null;
  let readAt = 0;

  const look = async (): Promise<readonly Change[] | null> => {
    const at = performance.now();
    const mayHaveMissed = at - readAt > KEPT_FOR_MS / 2;
    const page =
      cursor === null || mayHaveMissed
        ? { changes: null, cursor: await endOfChanges(db) }
        : await readChanges(db, cursor);
    ({ cursor } = page);
    readAt = at;
    return page.changes;
  };
  const follow = async (): Promise<void> => {
    let restMs = POLL_MS;
    try {
      const changes = await look();
      if (!isStopped) {
        (changes ?? [null]).forEach((change) => tell(change));
      }
    } catch {
      restMs = PAUSE_MS;
    }
    if (!isStopped) {
      timer = setTimeout(() => {
        looking = follow();
      }, restMs);
    }
  };
  let looking = follow();

  return async () => {
    isStopped = true;
    if (timer !== null) {
      clearTimeout(timer);
    }
    await looking;
  };
}

/** Removes the changes that everybody has read by now, a few thousand at a time; says how many. */
export async function removeOldChanges(db: Db): Promise<number> {
  for (let removed = 0; ;) {
    const { numAffectedRows = 0n } = await sql`
      delete from change where ctid = any(array(
        select place from (
          select ctid as place, at from change order by xact limit ${REMOVED_AT_ONCE}) as oldest
         where at < clock_timestamp() - ${KEPT_FOR_MS} * interval '1 ms'))`.execute(db);
    removed += Number(numAffectedRows);
    if (numAffectedRows < BigInt(REMOVED_AT_ONCE)) {
      return removed;
    }
  }
}
