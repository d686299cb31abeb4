import type { AuditAction } from './audit.js';
import type { Db, Tx } from './database.js';
import { listHolds } from './holds.js';
import type { AuditRow, FactRow, HoldRow, ReviewRow, VersionRow } from './tables.js';

/** A line of a review's audit, and who acted: a person or a service by its token. */
export type AuditedAct = AuditRow & {
  readonly actorName: string | null;
  readonly isPerson: boolean;
};

/** A review with its whole history: all that is needed to write on it next. */
export type OverlayRecord = {
  readonly row: ReviewRow;
  /** In order of creation, up to the one that was the newest when `row` was read. */
  readonly versions: readonly VersionRow[];
  readonly decidingFact: FactRow | null;
  /** The version that the deciding vote was made looking at, where that is another than its own. */
  readonly basisVersionId: string | null;
  readonly hold: HoldRow | null;
  readonly audit: readonly AuditedAct[];
};

/** Reads what surrounds a review. What came after `row` was read is left out, as far as that can be told. */
export async function readOverlay(db: Db | Tx, row: ReviewRow): Promise<OverlayRecord> {
  const all = await db
    .selectFrom('version')
    .selectAll()
    .where('reviewId', '=', row.id)
    .orderBy('ordinal')
    .execute();
  const newest = all.findIndex(({ id }) => id === row.newestVersionId);
  const decision = await readDecidingFact(db, row);
  return {
    row,
    versions: all.slice(0, newest + 1),
    decidingFact: decision.fact,
    basisVersionId: decision.basisVersionId,
    hold: (await listHolds(db, [row.id])).get(row.id) ?? null,
    audit: await listActs(db, row),
  };
}

async function readDecidingFact(
  db: Db | Tx,
  { id, decisionSeq }: ReviewRow,
): Promise<{ readonly fact: FactRow | null; readonly basisVersionId: string | null }> {
  if (decisionSeq === null) {
    return { fact: null, basisVersionId: null };
  }
  const fact = await db
    .selectFrom('fact')
    .selectAll()
    .where('reviewId', '=', id)
    .where('seq', '=', decisionSeq)
    .executeTakeFirstOrThrow();
  const basis = await db
    .selectFrom('voteBasis')
    .select('versionId')
    .where('reviewId', '=', id)
    .where('seq', '=', decisionSeq)
    .executeTakeFirst();
  return { fact, basisVersionId: basis?.versionId ?? null };
}

/** What of the audit belongs to a review's own history. */
const ACTS = [
  'gate_fired',
  'version_added',
  'review_held',
  'hold_released',
  'decision_made',
  'approval_withdrawn',
  'stale_write_rejected',
] as const satisfies readonly AuditAction[];

async function listActs(db: Db | Tx, row: ReviewRow): Promise<readonly AuditedAct[]> {
  const acts = await db
    .selectFrom('audit')
    .leftJoin('token', 'token.id', 'audit.tokenId')
    .leftJoin('person', (join) =>
      join
        .onRef('person.projectId', '=', 'audit.projectId')
        .onRef('person.id', '=', 'audit.actorId'),
    )
    .selectAll('audit')
    .select(['person.name', 'token.service'])
    .where('audit.reviewId', '=', row.id)
    .where('audit.action', 'in', ACTS)
    .orderBy('audit.id')
    .execute();
  return acts.map(({ name, service, ...act }) => {
    // A service may bear a person's id: its token tells them apart.
    const isPerson = name !== null && service === null;
    return { ...act, actorName: isPerson ? name : null, isPerson };
  });
}

/** Remembers which version a vote was made looking at, where it names another. */
export async function recordBasis(
  tx: Tx,
  { id: reviewId, seq, projectId }: ReviewRow,
  versionId: string,
): Promise<void> {
  await tx.insertInto('voteBasis').values({ reviewId, seq, projectId, versionId }).execute();
}

/** The places of several versions among those of their reviews, from 0. */
export async function listOrdinals(
  db: Db,
  versionIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (versionIds.length === 0) {
    return new Map();
  }
  const rows = await db
    .selectFrom('version')
    .select(['id', 'ordinal'])
    .where('id', 'in', [...versionIds])
    .execute();
  return new Map(rows.map(({ id, ordinal }) => [id, ordinal]));
}

/** The reviews that a run's block has, one for each iteration; or the one of a step, by its id. */
export async function listReviewsAt(
  db: Db,
  projectId: string,
  runId: string,
  blockOrStepId: string,
): Promise<readonly ReviewRow[]> {
  return await db
    .selectFrom('review')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('runId', '=', runId)
    .where((eb) => eb.or([eb('blockId', '=', blockOrStepId), eb('stepId', '=', blockOrStepId)]))
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
}
