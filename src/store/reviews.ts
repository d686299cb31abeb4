import { type Expression, sql, type SqlBool } from 'kysely';
import type { LockedReview } from '../domain/decide.js';
import type { Fact } from '../domain/facts.js';
import { foldReview } from '../domain/review-state.js';
import type { Db, Tx } from './database.js';
import { type Page, type PageRequest, readPage } from './paging.js';
import { Statement } from './statement.js';
import type { EntryRow, FactRow, ReviewRow, RunRow, StepRow, VersionRow } from './tables.js';

/** A review with its run and step, all locked for the transaction, and everything a ruling may depend on. */
export type ReviewUnderLock = {
  readonly run: RunRow;
  readonly step: StepRow;
  readonly row: ReviewRow;
  readonly facts: readonly FactRow[];
  readonly review: LockedReview;
  /** The store's clock, read once the locks were held. */
  readonly now: Date;
};

/**
 * Locks a review by its id, in one round trip: first its run, then its step, then itself. Null when the
 * project has no such review.
 */
export async function lockReview(
  tx: Tx,
  projectId: string,
  reviewId: string,
): Promise<ReviewUnderLock | null> {
  const [run, step, read] = await Promise.all([
    lockRunOf.first(tx, { projectId, reviewId }),
    lockStepOf.first(tx, { projectId, reviewId }),
    lockRuleable(tx, reviewId),
  ]);
  return run === null || step === null || read === null ? null : { run, step, ...read };
}

type ReviewIn = { readonly projectId: string; readonly reviewId: string };

const reviewIn = (db: Db, { projectId, reviewId }: ReviewIn) =>
  db.selectFrom('review').where('id', '=', reviewId).where('projectId', '=', projectId);

const lockRunOf = new Statement((db, review: ReviewIn) =>
  db
    .selectFrom('run')
    .selectAll()
    .where('id', '=', reviewIn(db, review).select('runId'))
    .forNoKeyUpdate(),
);

const lockStepOf = new Statement((db, review: ReviewIn) =>
  db
    .selectFrom('step')
    .selectAll()
    .where('id', '=', reviewIn(db, review).select('stepId'))
    .forNoKeyUpdate(),
);

/** Locks the review of a step that is locked already, with its run. */
export async function lockReviewOf(
  tx: Tx,
  { run, step }: Pick<ReviewUnderLock, 'run' | 'step'>,
  reviewId: string,
): Promise<ReviewUnderLock> {
  const read = await lockRuleable(tx, reviewId);
  if (read === null) {
    throw new Error(`review ${reviewId} is gone`);
  }
  return { run, step, ...read };
}

async function lockRuleable(
  tx: Tx,
  reviewId: string,
): Promise<Omit<ReviewUnderLock, 'run' | 'step'> | null> {
  const [row, facts, versions] = await Promise.all([
    lockRow.first(tx, { reviewId }),
    listFacts(tx, reviewId),
    listVersionFacts.all(tx, { reviewId }),
  ]);
  // Every review has a seed; its clock was read behind the lock.
  const now = versions.at(-1)?.readAt;
  return row === null || now === undefined
    ? null
    : { row, facts, now, review: asRuleable(row, facts, versions, now) };
}

const lockRow = new Statement((db, { reviewId }: { readonly reviewId: string }) =>
  db.selectFrom('review').selectAll().where('id', '=', reviewId).forNoKeyUpdate(),
);

/**
 * A review with everything a ruling may depend on, as it is at this moment.
 *
 * Without the lock it says what a command would come to now, and nothing of what it will come to.
 */
export async function readRuleable(
  db: Db | Tx,
  row: ReviewRow,
  now: Date = new Date(),
): Promise<{ readonly facts: readonly FactRow[]; readonly review: LockedReview }> {
  const [facts, versions] = await Promise.all([
    listFacts(db, row.id),
    listVersionFacts.all(db, { reviewId: row.id }),
  ]);
  return { facts, review: asRuleable(row, facts, versions, now) };
}

/** Several reviews as `readRuleable` reads one. */
export async function readRuleables(
  db: Db,
  rows: readonly ReviewRow[],
): Promise<readonly LockedReview[]> {
  const ids = rows.map(({ id }) => id);
  const facts = await listFactsOfReviews(db, ids);
  const versions =
    ids.length === 0 ? [] : await selectVersionFacts(db).where('reviewId', 'in', ids).execute();
  const now = new Date();
  return rows.map((row) =>
    asRuleable(
      row,
      facts.get(row.id) ?? [],
      versions.filter(({ reviewId }) => reviewId === row.id),
      now,
    ),
  );
}

type VersionFactsRow = Pick<
  VersionRow,
  'reviewId' | 'id' | 'parentId' | 'authorKind' | 'authorId'
> & { readonly readAt: Date };

const selectVersionFacts = (db: Db) =>
  db
    .selectFrom('version')
    .select(['reviewId', 'id', 'parentId', 'authorKind', 'authorId'])
    .select(sql<Date>`clock_timestamp()`.as('readAt'))
    .orderBy('ordinal');

const listVersionFacts = new Statement((db, { reviewId }: { readonly reviewId: string }) =>
  selectVersionFacts(db).where('reviewId', '=', reviewId),
);

function asRuleable(
  row: ReviewRow,
  facts: readonly FactRow[],
  versions: readonly VersionFactsRow[],
  now: Date,
): LockedReview {
  return {
    id: row.id,
    ownerId: row.ownerId,
    state: foldReview(row.policy, facts.map(readFact)),
    status: row.status,
    versions: versions.map(({ id, parentId, authorKind, authorId }) => ({
      id,
      parentId,
      authorId: authorKind === 'human' ? authorId : null,
    })),
    timeWindow: row.timeWindow,
    nowMs: now.getTime(),
  };
}

/** The facts of a review as they were recorded, in `seq` order. */
export async function listFacts(db: Db | Tx, reviewId: string): Promise<readonly FactRow[]> {
  return await factsOf.all(db, { reviewId });
}

const factsOf = new Statement((db, { reviewId }: { readonly reviewId: string }) =>
  db.selectFrom('fact').selectAll().where('reviewId', '=', reviewId).orderBy('seq'),
);

/** The facts of several reviews as they were recorded, in `seq` order. */
export async function listFactsOfReviews(
  db: Db,
  reviewIds: readonly string[],
): Promise<ReadonlyMap<string, readonly FactRow[]>> {
  const facts = new Map<string, FactRow[]>();
  if (reviewIds.length === 0) {
    return facts;
  }
  const rows = await db
    .selectFrom('fact')
    .selectAll()
    .where('reviewId', 'in', [...reviewIds])
    .orderBy('reviewId')
    .orderBy('seq')
    .execute();
  for (const row of rows) {
    const known = facts.get(row.reviewId);
    if (known === undefined) {
      facts.set(row.reviewId, [row]);
    } else {
      known.push(row);
    }
  }
  return facts;
}

/** A stored fact as the domain folds it: ids and verdicts, without reasons and names. */
export function readFact(row: FactRow): Fact {
  const { seq, id, kind, actorId, versionId, verdict, fills, forced, actingFor } = row;
  if (kind === 'reassigned') {
    const { entryKey, toKind, toSubject } = row;
    if (entryKey === null || toKind === null || toSubject === null) {
      throw new Error(`fact ${id} reassigns no entry, or to nobody`);
    }
    return { kind, seq, id, actorId, entry: entryKey, to: { kind: toKind, subject: toSubject } };
  }
  if (kind !== 'vote') {
    return { kind, seq, id, actorId };
  }
  if (versionId === null || verdict === null || fills === null || forced === null) {
    throw new Error(`fact ${id} is a vote without a version, verdict or entries`);
  }
  return { kind, seq, id, reviewerId: actorId, versionId, verdict, fills, forced, actingFor };
}

/** Finds a review of a project. */
export async function findReview(
  db: Db | Tx,
  projectId: string,
  id: string,
): Promise<ReviewRow | null> {
  const row = await db
    .selectFrom('review')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** Finds the review that a step's gate opened, if it did. */
export async function findReviewOfStep(db: Db | Tx, stepId: string): Promise<ReviewRow | null> {
  return await reviewOfStep.first(db, { stepId });
}

const reviewOfStep = new Statement((db, { stepId }: { readonly stepId: string }) =>
  db.selectFrom('review').selectAll().where('stepId', '=', stepId),
);

/** The ids of the reviews that gates of several steps opened, by step; a step whose gate opened none is not among them. */
export async function readReviewIds(
  db: Db,
  stepIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (stepIds.length === 0) {
    return new Map();
  }
  const rows = await db
    .selectFrom('review')
    .select(['id', 'stepId'])
    .where('stepId', 'in', [...stepIds])
    .execute();
  return new Map(rows.map(({ id, stepId }) => [stepId, id]));
}

/** The rows of several reviews, each in the order in which the gate declares them. */
export async function listEntries(
  db: Db,
  reviewIds: readonly string[],
): Promise<ReadonlyMap<string, readonly EntryRow[]>> {
  const entries = new Map<string, EntryRow[]>();
  if (reviewIds.length === 0) {
    return entries;
  }
  const rows = await db
    .selectFrom('entry')
    .selectAll()
    .where('reviewId', 'in', [...reviewIds])
    .orderBy('reviewId')
    .orderBy('position')
    .execute();
  for (const row of rows) {
    entries.set(row.reviewId, [...(entries.get(row.reviewId) ?? []), row]);
  }
  return entries;
}

/** How Part A of the Retab contract sorts reviews by their outcome. */
export const DECISION_STATUSES = [
  'pending',
  'approved',
  'rejected',
  'decided',
  'cancelled',
  'all',
] as const;
export type DecisionStatus = (typeof DECISION_STATUSES)[number];

/** What a list of reviews can be narrowed by; the conditions are combined with AND. */
export type ReviewFilter = {
  readonly workflowId: string | null;
  readonly runId: string | null;
  readonly blockId: string | null;
  readonly stepId: string | null;
  readonly iterationKey: string | null;
  readonly decisionStatus: DecisionStatus;
};

/** Lists reviews by (created_at, id). */
export async function listReviews(
  db: Db,
  projectId: string,
  filter: ReviewFilter,
  page: PageRequest,
): Promise<Page<ReviewRow>> {
  const { workflowId, runId, blockId, stepId, iterationKey } = filter;
  return await readPage(
    page,
    (id) => findReview(db, projectId, id),
    (position, direction, limit) =>
      db
        .selectFrom('review')
        .selectAll()
        .where('projectId', '=', projectId)
        .where(decisionCondition(filter.decisionStatus))
        .$if(workflowId !== null, (query) => query.where('workflowId', '=', workflowId))
        .$if(runId !== null, (query) => query.where('runId', '=', runId))
        .$if(blockId !== null, (query) => query.where('blockId', '=', blockId))
        .$if(stepId !== null, (query) => query.where('stepId', '=', stepId))
        .$if(iterationKey !== null, (query) => query.where('iterationKey', '=', iterationKey))
        .where(position)
        .orderBy('createdAt', direction)
        .orderBy('id', direction)
        .limit(limit)
        .execute(),
  );
}

function decisionCondition(status: DecisionStatus): Expression<SqlBool> {
  switch (status) {
    case 'pending':
      return sql<SqlBool>`review.status = 'PENDING'`;
    case 'approved':
      return sql<SqlBool>`review.verdict = 'approved'`;
    case 'rejected':
      return sql<SqlBool>`review.verdict = 'rejected'`;
    case 'decided':
      return sql<SqlBool>`review.verdict is not null`;
    case 'cancelled':
      return sql<SqlBool>`review.cancelled_at is not null`;
    case 'all':
      return sql<SqlBool>`true`;
  }
}

/** Finds a version, of any review of the project. */
export async function findVersion(
  db: Db | Tx,
  projectId: string,
  id: string,
): Promise<VersionRow | null> {
  const row = await db
    .selectFrom('version')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** Reads the version that a review began with. */
export async function findSeed(db: Db | Tx, reviewId: string): Promise<VersionRow> {
  return await db
    .selectFrom('version')
    .selectAll()
    .where('reviewId', '=', reviewId)
    .where('ordinal', '=', 0)
    .executeTakeFirstOrThrow();
}

/** Lists the versions of a review by (created_at, id). */
export async function listVersions(
  db: Db,
  projectId: string,
  reviewId: string,
  page: PageRequest,
): Promise<Page<VersionRow>> {
  return await readPage(
    page,
    async (id) => {
      const version = await findVersion(db, projectId, id);
      return version?.reviewId === reviewId ? version : null;
    },
    (position, direction, limit) =>
      db
        .selectFrom('version')
        .selectAll()
        .where('reviewId', '=', reviewId)
        .where(position)
        .orderBy('createdAt', direction)
        .orderBy('id', direction)
        .limit(limit)
        .execute(),
  );
}
