import { v5 } from 'uuid';
import { expect } from 'vitest';
import { entryStates, foldReview } from '../../src/domain/review-state.js';
import { isClaimed } from '../../src/domain/statuses.js';
import type { Db } from '../../src/store/database.js';
import { listEntries, listFacts, readFact } from '../../src/store/reviews.js';
import { getRun } from '../../src/store/runs.js';
import type { AuditRow, ReviewRow } from '../../src/store/tables.js';
import { asObject } from '../support/parked.js';

/**
 * Expects that a run and all its reviews agree with themselves, whatever has happened to them:
 *
 * 1. facts are dense from 1, and what the review's row, its entries and its status say is their fold;
 * 2. every act of a person is owed to the workflow once, with the status it led to, and audited once;
 * 3. `rev` has grown by one per change;
 * 4. what is claimed was approved, and a run that is to end leaves nothing open that is unclaimed.
 */
export async function expectConsistent(db: Db, runId: string): Promise<void> {
  const run = await getRun(db, runId);
  const reviews = await db
    .selectFrom('review')
    .selectAll()
    .where('runId', '=', runId)
    .orderBy('id')
    .execute();
  for (const review of reviews) {
    await expectConsistentReview(db, review);
  }
  const open = reviews.filter(({ status }) => status === 'PENDING' || status === 'APPROVED');
  if (run.status !== 'running' && run.status !== 'completed') {
    expect(open.map(({ id, status }) => `${id} ${status}`)).toEqual([]);
  }
}

// The ids of entries are the same for ever, in every version of Countersign.
const ENTRY_NAMESPACE = '6f0a3ac6-6f0b-5d43-9a5e-2f1f0f6d8c11';

async function expectConsistentReview(db: Db, review: ReviewRow): Promise<void> {
  const facts = (await listFacts(db, review.id)).map(readFact);
  expect(facts.map(({ seq }) => seq)).toEqual(facts.map((_, index) => index + 1));
  expect(review.seq).toBe(facts.length);

  const state = foldReview(review.policy, facts);
  const claimed = isClaimed(review.status);
  expect(claimed ? 'APPROVED' : review.status).toBe(state.status);
  expect(review.claimedAt !== null).toBe(claimed);
  expect(review.cancelledAt !== null).toBe(state.cancelled);
  expect({
    verdict: review.verdict,
    versionId: review.decisionVersionId,
    seq: review.decisionSeq,
    actorId: review.decidedBy,
    isDated: review.decidedAt !== null,
  }).toEqual(
    state.decision === null
      ? { verdict: null, versionId: null, seq: null, actorId: null, isDated: false }
      : { ...state.decision, isDated: true },
  );

  const versions = await db
    .selectFrom('version')
    .select(['id', 'ordinal'])
    .where('reviewId', '=', review.id)
    .orderBy('ordinal')
    .execute();
  expect(versions.map(({ ordinal }) => ordinal)).toEqual(versions.map((_, index) => index));
  expect(review.newestVersionId).toBe(versions.at(-1)?.id);
  const wasExecuted =
    review.placement === 'input' && (review.status === 'EXECUTED' || review.status === 'UNKNOWN');
  expect(review.rev).toBe(
    facts.length + (versions.length - 1) + (claimed ? 1 : 0) + (wasExecuted ? 1 : 0),
  );

  const { id: reviewId, projectId } = review;
  expect((await listEntries(db, [reviewId])).get(reviewId) ?? []).toEqual(
    entryStates(state, review.newestVersionId).map((entry, position) => ({
      reviewId,
      projectId,
      position,
      id: v5(`${reviewId}/${entry.key}`, ENTRY_NAMESPACE),
      key: entry.key,
      kind: entry.kind,
      subject: entry.subject,
      mandatory: entry.mandatory,
      status: entry.status,
      factSeq: entry.vote?.seq ?? null,
    })),
  );

  const owed = await db
    .selectFrom('outbox')
    .select(['factId', 'payload'])
    .where('reviewId', '=', review.id)
    .where('kind', '=', 'signal')
    .orderBy('id')
    .execute();
  const told = facts.filter(({ kind }) => kind !== 'cancelled');
  expect(owed.map(({ factId }) => factId)).toEqual(told.map(({ id }) => id));
  for (const [index, fact] of told.entries()) {
    const payload = asObject(owed[index]?.payload);
    expect(payload).toMatchObject({ review_id: review.id, fact });
    if (!claimed) {
      const then = foldReview(review.policy, facts.slice(0, fact.seq));
      expect(payload['status']).toEqual({
        status: then.status,
        versionId: then.decision?.versionId ?? null,
      });
    }
  }

  const audited = await auditOf(db, review.id);
  const actions = {
    vote: 'decision_made',
    release_requested: 'release_requested',
    cancelled: 'review_cancelled',
  };
  expect(
    audited
      .filter(({ detail }) => asObject(detail)['seq'] !== undefined)
      .map(({ action, detail }) => [action, asObject(detail)['seq']]),
  ).toEqual(facts.map(({ kind, seq }) => [actions[kind], seq]));
}

/** The audit of one review, oldest first. */
export async function auditOf(db: Db, reviewId: string): Promise<readonly AuditRow[]> {
  return await db
    .selectFrom('audit')
    .selectAll()
    .where('reviewId', '=', reviewId)
    .orderBy('id')
    .execute();
}
