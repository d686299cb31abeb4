import { sql, type Updateable } from 'kysely';
import { v5 } from 'uuid';
import type { NewFact } from '../domain/facts.js';
import type { ReviewerDecision } from '../domain/messages.js';
import { type EntryState, entryStates, evolve, type ReviewState } from '../domain/review-state.js';
import type { TimeWindow } from '../domain/time-window.js';
import type { Actor } from './actors.js';
import { recordAuditLines } from './audit.js';
import type { Tx } from './database.js';
import { newId } from './ids.js';
import { oweMessage } from './outbox.js';
import type { ReleasePlan } from './release.js';
import { readFact, type ReviewUnderLock } from './reviews.js';
import { Statement } from './statement.js';
import type { EntryRow, FactRow, ReviewRow, Tables } from './tables.js';

/** Which wire an act came in by; `system` for what follows from another act. */
export type Dialect = 'native' | 'retab' | 'overlay' | 'hoop' | 'velt' | 'system';

/** A fact that was just recorded, and the review after it. */
export type RecordedFact = {
  readonly row: FactRow;
  readonly review: ReviewRow;
  readonly entries: readonly EntryRow[];
  readonly state: ReviewState;
  /** The step is released with it; `review` states the decision alone. */
  readonly isReleased: boolean;
  /** What to tell the workflow that waits. */
  readonly message: ReviewerDecision;
};

/** A fixed namespace, so that the rows of a review have the same UUIDs for ever. */
const ENTRY_NAMESPACE = '6f0a3ac6-6f0b-5d43-9a5e-2f1f0f6d8c11';

/**
 * Numbers a fact and writes it, with all that follows from it: status, decision, rows, audit.
 *
 * The caller holds the locks and has the ruling; nothing is judged here. Everything is sent at once and
 * answered with the commit, because what is written is known beforehand.
 */
export function recordFact(
  tx: Tx,
  locked: ReviewUnderLock,
  actor: Actor,
  newFact: NewFact,
  about: {
    readonly reason: string | null;
    readonly dialect: Dialect;
    /** The window that the fact brings; its review has none yet. */
    readonly timeWindow?: TimeWindow | null;
    /** Whether a workflow waits for the news; true unless told. */
    readonly isOwed?: boolean;
    /** Whether the step is released with the fact. */
    readonly planRelease?: (row: ReviewRow, state: ReviewState) => ReleasePlan;
  },
): RecordedFact {
  const { row, review, now } = locked;
  const vote = newFact.kind === 'vote' ? newFact : null;
  const given = newFact.kind === 'reassigned' ? newFact : null;
  const { timeWindow = null } = about;
  const factRow: FactRow = {
    reviewId: row.id,
    seq: row.seq + 1,
    projectId: row.projectId,
    id: newId('fct'),
    kind: newFact.kind,
    actorId: actor.id,
    actorKind: actor.kind,
    actorName: actor.name,
    versionId: vote?.versionId ?? null,
    verdict: vote?.verdict ?? null,
    fills: vote === null ? null : [...vote.fills],
    forced: vote?.forced ?? null,
    actingFor: vote?.actingFor ?? null,
    entryKey: given?.entry ?? null,
    toKind: given?.to.kind ?? null,
    toSubject: given?.to.subject ?? null,
    reason: about.reason,
    dialect: about.dialect,
    tokenId: actor.tokenId,
    owed: about.isOwed ?? true,
    createdAt: now,
  };
  const fact = readFact(factRow);
  const before = review.state;
  const state = evolve(before, fact);
  const windowOfReview = timeWindow ?? (takesWindow(locked, newFact) ? null : row.timeWindow);
  const updated: ReviewRow = {
    ...row,
    status: row.releasedAt === null ? state.status : row.status,
    rev: row.rev + 1,
    seq: fact.seq,
    ...decisionColumns(locked, factRow, state),
    timeWindow: windowOfReview,
    timeWindowSeq:
      timeWindow !== null ? fact.seq : windowOfReview === null ? null : row.timeWindowSeq,
    ...(state.status === 'APPROVED' && before.status !== 'APPROVED' ? { approvedAt: now } : {}),
    ...(state.status === 'PENDING' ? { approvedAt: null } : {}),
    ...(state.cancelled && !before.cancelled ? { cancelledAt: now } : {}),
    ...(state.status === 'REJECTED' || state.status === 'REVOKED' ? { endedAt: now } : {}),
  };
  const entries = entryRows(row, entryStates(state, row.newestVersionId));
  const plan = about.planRelease?.(updated, state) ?? null;
  const release = plan?.kind === 'released' ? plan : null;
  const after: ReviewRow = { ...updated, ...release?.columns };
  tx.withCommit(
    insertFact.all(tx, factRow),
    updateReview.all(tx, {
      id: row.id,
      status: after.status,
      rev: after.rev,
      seq: updated.seq,
      verdict: updated.verdict,
      decisionVersionId: updated.decisionVersionId,
      decisionSeq: updated.decisionSeq,
      decidedBy: updated.decidedBy,
      decidedByName: updated.decidedByName,
      decidedAt: updated.decidedAt,
      decisionReason: updated.decisionReason,
      timeWindow: windowOfReview === null ? null : JSON.stringify(windowOfReview),
      timeWindowSeq: updated.timeWindowSeq,
      approvedAt: updated.approvedAt,
      cancelledAt: updated.cancelledAt,
      releasedAt: after.releasedAt,
      endedAt: after.endedAt,
    }),
    writeEntries(tx, entries),
    ...(newFact.kind === 'withdrawn' ? [dropEntriesFrom(tx, row.id, entries.length)] : []),
    recordAuditLines(tx, [
      {
        actor,
        action: AUDIT_ACTION[newFact.kind],
        runId: row.runId,
        reviewId: row.id,
        detail: {
          seq: fact.seq,
          rev_result: updated.rev,
          status: updated.status,
          dialect: about.dialect,
          ...(vote === null
            ? {}
            : { verdict: vote.verdict, version_id: vote.versionId, forced: vote.forced }),
          ...(before.status === 'APPROVED' && state.status === 'PENDING' ? { reopened: true } : {}),
          ...(given === null
            ? {}
            : { entry: given.entry, to: { [given.to.kind]: given.to.subject } }),
          ...(about.reason === null ? {} : { reason: about.reason }),
          ...(timeWindow === null ? {} : { time_window: timeWindow }),
        },
      },
      ...(release === null ? [] : [release.line]),
    ]),
  );
  return {
    row: factRow,
    review: updated,
    entries,
    state,
    isReleased: release !== null,
    message: {
      review_id: row.id,
      fact,
      status: { status: after.status, versionId: updated.decisionVersionId },
    },
  };
}

const insertFact = new Statement((db, fact: FactRow) => db.insertInto('fact').values(fact));

const updateReview = new Statement(
  (db, { id, ...columns }: Updateable<Tables['review']> & { readonly id: string }) =>
    db.updateTable('review').set(columns).where('id', '=', id),
);

/** What the review's row says of its decision, where a fact has changed it. */
function decisionColumns(
  { row, review, facts, now }: ReviewUnderLock,
  latest: FactRow,
  { decision }: ReviewState,
): Partial<ReviewRow> {
  if (decision === null) {
    return row.decisionSeq === null
      ? {}
      : {
          verdict: null,
          decisionVersionId: null,
          decisionSeq: null,
          decidedBy: null,
          decidedByName: null,
          decidedAt: null,
          decisionReason: null,
        };
  }
  if (decision.seq === review.state.decision?.seq) {
    return {};
  }
  // A fact of long ago, where the approval that settled it was taken back and others suffice.
  const settling = facts.find(({ seq }) => seq === decision.seq) ?? latest;
  return {
    verdict: decision.verdict,
    decisionVersionId: decision.versionId,
    decisionSeq: decision.seq,
    decidedBy: settling.actorId,
    decidedByName: settling.actorName,
    decidedAt: settling === latest ? now : settling.createdAt,
    decisionReason: settling.reason,
  };
}

/** Whether a fact takes back the approval that brought the review its hours: they go with it. */
function takesWindow({ row, facts }: ReviewUnderLock, fact: NewFact): boolean {
  return (
    fact.kind === 'withdrawn' &&
    facts.some(({ seq, actorId }) => seq === row.timeWindowSeq && actorId === fact.actorId)
  );
}

/** Owes the waiting workflow the news of a fact; see `oweMessage` for the lease. */
export async function oweFact(
  tx: Tx,
  { row, review, message }: Pick<RecordedFact, 'row' | 'review' | 'message'>,
  leaseMs: number,
): ReturnType<typeof oweMessage> {
  return await oweMessage(
    tx,
    {
      projectId: review.projectId,
      runId: review.runId,
      kind: 'signal',
      workflowId: null,
      reviewId: review.id,
      factId: row.id,
      payload: message,
    },
    leaseMs,
  );
}

const AUDIT_ACTION = {
  vote: 'decision_made',
  withdrawn: 'approval_withdrawn',
  reassigned: 'entry_reassigned',
  release_requested: 'release_requested',
  cancelled: 'review_cancelled',
} as const;

/** The rows of a review as they stand now. */
export function entryRows(
  review: Pick<ReviewRow, 'id' | 'projectId'>,
  states: readonly EntryState[],
): EntryRow[] {
  return states.map(({ key, kind, subject, mandatory, status, vote }, position) => ({
    reviewId: review.id,
    position,
    projectId: review.projectId,
    id: v5(`${review.id}/${key}`, ENTRY_NAMESPACE),
    key,
    kind,
    subject,
    mandatory,
    status,
    factSeq: vote?.seq ?? null,
  }));
}

/** Writes the rows of a review as they stand now; a row that did not change is not touched. */
export async function writeEntries(tx: Tx, rows: readonly EntryRow[]): Promise<void> {
  await upsertEntries.all(tx, rows);
}

const upsertEntries = new Statement((db, rows: readonly EntryRow[]) =>
  db
    .insertInto('entry')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['reviewId', 'position'])
        .doUpdateSet((eb) => ({
          kind: eb.ref('excluded.kind'),
          subject: eb.ref('excluded.subject'),
          status: eb.ref('excluded.status'),
          factSeq: eb.ref('excluded.factSeq'),
        }))
        .where(
          sql<boolean>`(entry.kind, entry.subject, entry.status, entry.fact_seq)
            is distinct from (excluded.kind, excluded.subject, excluded.status, excluded.fact_seq)`,
        ),
    ),
);

/** Takes away the rows that only an approval had appended which no longer stands. */
async function dropEntriesFrom(tx: Tx, reviewId: string, position: number): Promise<void> {
  await tx
    .deleteFrom('entry')
    .where('reviewId', '=', reviewId)
    .where('position', '>=', position)
    .execute();
}
