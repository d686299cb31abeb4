import { v5 } from 'uuid';
import { expect } from 'vitest';
import { entryStates, foldReview } from '../../src/domain/review-state.js';
import { isReleased, isStepEnded } from '../../src/domain/statuses.js';
import type { Db } from '../../src/store/database.js';
import { listEntries, listFacts, readFact } from '../../src/store/reviews.js';
import { getRun } from '../../src/store/runs.js';
import type { AuditRow, ReviewRow, RunRow, StepRow } from '../../src/store/tables.js';
import { asObject } from '../support/parked.js';

/**
 * Expects that a run and all its reviews agree with themselves, whatever has happened to them:
 *
 * 1. facts are dense from 1, and what the review's row, its entries and its status say is their fold;
 * 2. every act of a person is owed to the workflow once, with the status it led to, and audited once;
 * 3. `rev` has grown by one per change;
 * 4. what is released was approved, and a run that is to end leaves nothing open that is not released;
 * 5. a step behind a gate has neither begun nor ended without the release of its review;
 * 6. a run has completed if all of its steps have ended, and one that has ended leaves no step open.
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
  if (run.status === 'cancelling' || run.status === 'cancelled') {
    expect(open.map(({ id, status }) => `${id} ${status}`)).toEqual([]);
  }
  const steps = await db.selectFrom('step').selectAll().where('runId', '=', runId).execute();
  expectConsistentSteps(run, steps, new Map(reviews.map((review) => [review.stepId, review])));
}

function expectConsistentSteps(
  run: RunRow,
  steps: readonly StepRow[],
  reviews: ReadonlyMap<string, ReviewRow>,
): void {
  for (const step of steps) {
    const review = reviews.get(step.id);
    if (review?.placement === 'input') {
      expect(step.attempt > 0 && !isReleased(review.status), `${step.id} begun`).toBe(false);
    }
    if (review !== undefined && step.status === 'completed') {
      expect(review.status, `the review of ${step.id}, which is completed`).toBe('EXECUTED');
    }
    if (review?.placement === 'output' && step.status === 'completed') {
      expect(step.effectiveVersionId).toBe(review.decisionVersionId);
    }
  }
  const isOpen = ({ status }: StepRow): boolean => status !== 'completed' && status !== 'skipped';
  const open = steps.filter((step) => step.parentStepId === null && isOpen(step));
  if (run.status === 'completed') {
    expect(open.map(({ id, status }) => `${id} ${status}`)).toEqual([]);
  }
  if (run.status === 'running') {
    expect(open.length, 'open steps of a run that goes on').toBeGreaterThan(0);
  }
  // A run in error keeps what is open for whoever retries it.
  if (run.status === 'completed' || run.status === 'cancelled') {
    const unended = steps.filter(({ status }) => !isStepEnded(status));
    expect(unended.map(({ id, status }) => `${id} ${status}`)).toEqual([]);
  }
}

// The ids of entries are the same for ever, in every version of Countersign.
const ENTRY_NAMESPACE = '6f0a3ac6-6f0b-5d43-9a5e-2f1f0f6d8c11';

async function expectConsistentReview(db: Db, review: ReviewRow): Promise<void> {
  const rows = await listFacts(db, review.id);
  const facts = rows.map(readFact);
  expect(facts.map(({ seq }) => seq)).toEqual(facts.map((_, index) => index + 1));
  expect(review.seq).toBe(facts.length);

  const state = foldReview(review.policy, facts);
  const released = isReleased(review.status);
  expect(released ? 'APPROVED' : review.status).toBe(state.status);
  expect(review.releasedAt !== null).toBe(released);
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
  const audited = await auditOf(db, review.id);
  // A fact and the release that follows it at once are one change.
  const isOneChange = rows.some(
    (fact) => fact.createdAt.getTime() === review.releasedAt?.getTime(),
  );
  const wasReleased = review.releasedAt !== null && !isOneChange;
  expect(review.rev).toBe(
    facts.length + (versions.length - 1) + (wasReleased ? 1 : 0) + (wasExecuted ? 1 : 0),
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
  const told = facts.filter((_, index) => rows[index]?.owed === true);
  expect(told).toEqual(expect.arrayContaining(facts.filter(({ kind }) => kind !== 'cancelled')));
  expect(owed.map(({ factId }) => factId)).toEqual(told.map(({ id }) => id));
  for (const [index, fact] of told.entries()) {
    const payload = asObject(owed[index]?.payload);
    expect(payload).toMatchObject({ review_id: review.id, fact });
    const then = foldReview(review.policy, facts.slice(0, fact.seq));
    const released = review.placement === 'input' ? 'PROCESSING' : 'EXECUTED';
    expect([
      { status: then.status, versionId: then.decision?.versionId ?? null },
      ...(then.status === 'APPROVED' && audited.some(({ action }) => action === 'released')
        ? [
            { status: released, versionId: review.decisionVersionId },
            { status: review.status, versionId: review.decisionVersionId },
          ]
        : []),
    ]).toContainEqual(payload['status']);
  }

  const actions = {
    vote: 'decision_made',
    withdrawn: 'approval_withdrawn',
    reassigned: 'entry_reassigned',
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
