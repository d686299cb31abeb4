import { sql } from 'kysely';
import { v5 } from 'uuid';
import type { NewFact } from '../domain/facts.js';
import type { ReviewerDecision } from '../domain/messages.js';
import { type EntryState, entryStates, evolve, type ReviewState } from '../domain/review-state.js';
import type { TimeWindow } from '../domain/time-window.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import type { Tx } from './database.js';
import { newId } from './ids.js';
import { oweMessage } from './outbox.js';
import { readFact, type ReviewUnderLock } from './reviews.js';
import type { FactRow, ReviewRow } from './tables.js';

/** Which wire an act came in by; `system` for what follows from another act. */
export type Dialect = 'native' | 'retab' | 'overlay' | 'hoop' | 'velt' | 'system';

/** A fact that was just recorded, and the review after it. */
export type RecordedFact = {
  readonly row: FactRow;
  readonly review: ReviewRow;
  readonly state: ReviewState;
  /** What to tell the workflow that waits. */
  readonly message: ReviewerDecision;
};

/** A fixed namespace, so that the rows of a review have the same UUIDs for ever. */
const ENTRY_NAMESPACE = '6f0a3ac6-6f0b-5d43-9a5e-2f1f0f6d8c11';

/**
 * Numbers a fact and writes it, with all that follows from it: status, decision, rows, audit.
 *
 * The caller holds the locks and has the ruling; nothing is judged here.
 */
export async function recordFact(
  tx: Tx,
  locked: ReviewUnderLock,
  actor: Actor,
  newFact: NewFact,
  about: {
    readonly reason: string | null;
    readonly dialect: Dialect;
    /** The window that the fact brings; its review has none yet. */
    readonly timeWindow?: TimeWindow | null;
  },
): Promise<RecordedFact> {
  const { row, review, now } = locked;
  const vote = newFact.kind === 'vote' ? newFact : null;
  const { timeWindow = null } = about;
  const factRow = await tx
    .insertInto('fact')
    .values({
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
      reason: about.reason,
      dialect: about.dialect,
      tokenId: actor.tokenId,
      createdAt: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const fact = readFact(factRow);
  const before = review.state;
  const state = evolve(before, fact);
  const decisionChanged = state.decision !== null && state.decision.seq !== before.decision?.seq;

  const updated = await tx
    .updateTable('review')
    .set({
      status: row.claimedAt === null ? state.status : row.status,
      rev: sql`rev + 1`,
      seq: fact.seq,
      ...(decisionChanged
        ? {
            verdict: state.decision.verdict,
            decisionVersionId: state.decision.versionId,
            decisionSeq: fact.seq,
            decidedBy: actor.id,
            decidedByName: actor.name,
            decidedAt: now,
            decisionReason: about.reason,
          }
        : {}),
      ...(timeWindow === null
        ? {}
        : { timeWindow: JSON.stringify(timeWindow), timeWindowSeq: fact.seq }),
      ...(state.status === 'APPROVED' && before.status !== 'APPROVED' ? { approvedAt: now } : {}),
      ...(state.cancelled && !before.cancelled ? { cancelledAt: now } : {}),
      ...(state.status === 'REJECTED' || state.status === 'REVOKED' ? { endedAt: now } : {}),
    })
    .where('id', '=', row.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await writeEntries(tx, updated, entryStates(state, row.newestVersionId));
  await recordAudit(tx, actor, AUDIT_ACTION[newFact.kind], {
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
      ...(about.reason === null ? {} : { reason: about.reason }),
      ...(timeWindow === null ? {} : { time_window: timeWindow }),
    },
  });
  return {
    row: factRow,
    review: updated,
    state,
    message: {
      review_id: row.id,
      fact,
      status: { status: updated.status, versionId: updated.decisionVersionId },
    },
  };
}

/** Owes the waiting workflow the news of a fact; see `oweMessage` for the lease. */
export async function oweFact(
  tx: Tx,
  { row, review, message }: RecordedFact,
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
  release_requested: 'release_requested',
  cancelled: 'review_cancelled',
} as const;

/** Writes the rows of a review as they stand now; a row that did not change is not touched. */
export async function writeEntries(
  tx: Tx,
  review: Pick<ReviewRow, 'id' | 'projectId'>,
  states: readonly EntryState[],
): Promise<void> {
  await tx
    .insertInto('entry')
    .values(
      states.map(({ key, kind, subject, mandatory, status, vote }, position) => ({
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
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['reviewId', 'position'])
        .doUpdateSet((eb) => ({
          status: eb.ref('excluded.status'),
          factSeq: eb.ref('excluded.factSeq'),
        }))
        .where(
          sql<boolean>`(entry.status, entry.fact_seq) is distinct from (excluded.status, excluded.fact_seq)`,
        ),
    )
    .execute();
}
