import { z } from 'zod';
import { describeWaiting, missingEntries } from '../../../domain/waiting.js';
import { foldReview, shownVersionId, type ReviewState } from '../../../domain/review-state.js';
import { REVIEW_STATUSES } from '../../../domain/statuses.js';
import { tally } from '../../../domain/tally.js';
import { listPeople, personAsVoter } from '../../../store/people.js';
import { findReview, findVersion, listFacts, readFact } from '../../../store/reviews.js';
import type { FactRow, ReviewRow } from '../../../store/tables.js';
import { ok } from '../../answer.js';
import { castVote } from '../../cast-vote.js';
import { notFound } from '../../errors.js';
import {
  anyId,
  jsonObject,
  listOf,
  prose,
  showTime,
  showTimeOrNull,
  timestamp,
} from '../../fields.js';
import { route } from '../../route.js';
import { actor, showActor } from '../retab/people.js';
import { answerSubmission, submitResponse } from '../retab/submit.js';
import { dueAt } from './inbox-routes.js';
import { native } from './dialect.js';

const tag = 'Reviews';
const params = z.object({ review_id: anyId });

const withdraw = route({
  id: 'reviews.withdraw',
  method: 'post',
  path: '/v1/workflows/reviews/{review_id:rev_}/withdraw',
  summary: 'Takes an approval back before its release is claimed; for its owner and admins.',
  tag,
  dialect: native,
  params,
  body: z
    .strictObject({
      verdict: z.enum(['rejected', 'revoked']).default('revoked'),
      reason: prose(10_000),
    })
    .meta({ id: 'WithdrawRequest' }),
  responses: { 200: submitResponse },
  handle: async (call, { params: { review_id: id }, body }) => {
    const command = { kind: 'withdraw', verdict: body.verdict } as const;
    const result = await castVote(call, id, { command, reason: body.reason });
    return await answerSubmission(call, id, result, { kind: 'withdrawal' });
  },
});

const release = route({
  id: 'reviews.release',
  method: 'post',
  path: '/v1/workflows/reviews/{review_id:rev_}/release',
  summary: 'Lets an approved step with a manual release go on; for its owner, admins and auditors.',
  tag,
  dialect: native,
  params,
  body: z.strictObject({}).nullish().meta({ id: 'ReleaseRequest' }),
  responses: { 200: submitResponse },
  handle: async (call, { params: { review_id: id } }) => {
    const result = await castVote(call, id, { command: { kind: 'release' }, reason: null });
    return await answerSubmission(call, id, result, { kind: 'release' });
  },
});

const missing = z
  .object({
    key: z.string(),
    kind: z.enum(['group', 'reviewer', 'anyone']),
    subject: z.string(),
    mandatory: z.boolean(),
    could_fill: z.array(z.object({ id: z.string(), name: z.string() })),
  })
  .meta({ id: 'MissingEntry' });

const explanation = z
  .object({
    review_id: z.string(),
    status: z.enum(REVIEW_STATUSES),
    version_id: z.string().meta({ description: 'The version it is told about.' }),
    waiting_for: z.string().meta({ description: 'What the review waits for, in one sentence.' }),
    opened_because: z.string(),
    due_at: dueAt,
    missing: z.array(missing),
    still_needed: z.int().meta({
      description: 'How many of the missing group entries are needed; the named ones all are.',
    }),
    gate: jsonObject.meta({ description: 'The gate by whose rules votes count, as it is stored.' }),
    decision_seq: z
      .int()
      .nullable()
      .meta({ description: 'The fact that settled the review, by its `seq`.' }),
  })
  .meta({ id: 'Explanation' });

const explain = route({
  id: 'reviews.explain',
  method: 'get',
  path: '/v1/workflows/reviews/{review_id:rev_}/explain',
  summary: 'Says what a review waits for, who could give it, and why the review opened.',
  tag,
  dialect: native,
  params,
  responses: { 200: explanation },
  handle: async ({ deps, actor: caller }, { params: { review_id: id } }) => {
    const row = await findReview(deps.db, caller.projectId, id);
    if (row === null) {
      return notFound('review', id);
    }
    const facts = await listFacts(deps.db, id);
    const people = await listPeople(deps.db, caller.projectId);
    const names = new Map(people.map((person) => [person.id, person.name]));
    const state = foldReview(row.policy, facts.map(readFact));
    const versionId = shownVersionId(state, row.newestVersionId);
    const version = await findVersion(deps.db, caller.projectId, versionId);
    const open =
      row.status === 'PENDING'
        ? missingEntries(
            { ownerId: row.ownerId, state },
            { id: versionId, authorId: version?.authorKind === 'human' ? version.authorId : null },
            people.map(personAsVoter),
          )
        : [];
    return ok({
      review_id: id,
      status: row.status,
      version_id: versionId,
      waiting_for: sayWhatItWaitsFor(row, state),
      opened_because: row.because,
      due_at: showTimeOrNull(row.dueAt),
      gate: row.gate,
      decision_seq: row.decisionSeq,
      still_needed:
        row.status === 'PENDING' ? tally(row.policy, state.votes, versionId).stillNeeded : 0,
      missing: open.map(({ entry, couldFill }) => ({
        ...entry,
        could_fill: couldFill.map((person) => ({ id: person, name: names.get(person) ?? person })),
      })),
    });
  },
});

function sayWhatItWaitsFor(row: ReviewRow, state: ReviewState): string {
  switch (row.status) {
    case 'PROCESSING':
      return 'It has been released, and its block is being executed.';
    case 'EXECUTED':
      return 'It waits for nothing: it was approved and has been released.';
    case 'UNKNOWN':
      return 'It was released, and whether its block did its work cannot be known: find out what it did, and start a new run if it did nothing.';
    case 'PENDING':
    case 'APPROVED':
    case 'REJECTED':
    case 'REVOKED': {
      const words = describeWaiting(state, row.newestVersionId, row.timeWindow);
      return `It is ${words}.`;
    }
  }
}

const fact = z
  .object({
    seq: z.int(),
    id: z.string(),
    kind: z.enum(['vote', 'release_requested', 'cancelled']),
    actor,
    verdict: z.enum(['approved', 'rejected', 'revoked']).nullable(),
    version_id: z.string().nullable(),
    fills: z.array(z.string()),
    forced: z.boolean(),
    acting_for: z.string().nullable(),
    reason: z.string().nullable(),
    dialect: z.string(),
    created_at: timestamp,
  })
  .meta({ id: 'Fact' });

const votes = route({
  id: 'reviews.votes',
  method: 'get',
  path: '/v1/workflows/reviews/{review_id:rev_}/votes',
  summary: 'Lists everything that was recorded of a review, in order.',
  tag,
  dialect: native,
  params,
  responses: { 200: listOf(fact) },
  handle: async ({ deps, actor: caller }, { params: { review_id: id } }) => {
    const row = await findReview(deps.db, caller.projectId, id);
    if (row === null) {
      return notFound('review', id);
    }
    const facts = await listFacts(deps.db, id);
    return ok({ data: facts.map(showFact), list_metadata: { before: null, after: null } });
  },
});

function showFact(row: FactRow): z.infer<typeof fact> {
  return {
    seq: row.seq,
    id: row.id,
    kind: row.kind,
    actor: showActor(row),
    verdict: row.verdict,
    version_id: row.versionId,
    fills: row.fills ?? [],
    forced: row.forced ?? false,
    acting_for: row.actingFor,
    reason: row.reason,
    dialect: row.dialect,
    created_at: showTime(row.createdAt),
  };
}

export const REVIEW_ROUTES = [withdraw, release, explain, votes] as const;
