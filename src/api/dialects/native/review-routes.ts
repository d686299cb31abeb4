import { z } from 'zod';
import type { Assignee, Entry } from '../../../domain/policy.js';
import { describeLack, lackedEntries } from '../../../domain/decidable.js';
import { describeWaiting, missingEntries } from '../../../domain/waiting.js';
import { shownVersionId, type ReviewState } from '../../../domain/review-state.js';
import { REVIEW_STATUSES } from '../../../domain/statuses.js';
import { tally } from '../../../domain/tally.js';
import { listPeople, personAsVoter } from '../../../store/people.js';
import { reassignEntry } from '../../../store/reassign.js';
import { findReview, listFacts, readRuleable } from '../../../store/reviews.js';
import { findStep } from '../../../store/steps.js';
import type { FactRow, ReviewRow, StepRow } from '../../../store/tables.js';
import { ok } from '../../answer.js';
import { castVote, tellOfVote } from '../../cast-vote.js';
import { notFound } from '../../errors.js';
import {
  anyId,
  jsonObject,
  listOf,
  prose,
  showTime,
  showTimeOrNull,
  text,
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
  summary:
    "Takes one's approval back before its release, or as owner or admin all that was decided.",
  tag,
  dialect: native,
  params,
  body: z
    .strictObject({
      what: z.enum(['own_approval', 'decision']).nullish().meta({
        description:
          'By default the decision, for its owner and admins; the own approval for everybody else, and while nothing is decided.',
      }),
      verdict: z.enum(['rejected', 'revoked']).nullish().meta({
        description: 'What the review is once its decision is withdrawn; by default `revoked`.',
      }),
      reason: prose(10_000),
    })
    .refine(({ what, verdict }) => what !== 'own_approval' || verdict !== 'rejected', {
      path: ['verdict'],
      error:
        "An own approval is taken back, and rejects nothing: leave `verdict` out, or say `what` is 'decision'.",
    })
    .meta({ id: 'WithdrawRequest' }),
  responses: { 200: submitResponse },
  handle: async (call, { params: { review_id: id }, body }) => {
    const { verdict = null, what = null } = body;
    const command = { kind: 'withdraw', verdict, what } as const;
    const result = await castVote(call, id, { command, reason: body.reason });
    return await answerSubmission(call, id, result, { kind: 'withdrawal' });
  },
});

const reassign = route({
  id: 'reviews.reassign',
  method: 'post',
  path: '/v1/workflows/reviews/{review_id:rev_}/reassign',
  summary:
    'Gives an open entry to another group or person, while the review is undecided; for admins.',
  tag,
  dialect: native,
  params,
  body: z
    .strictObject({
      entry: text(1_000).min(1).meta({ description: 'The key of the entry, or its id.' }),
      to: z.union([
        z.strictObject({ group: prose(200) }),
        z.strictObject({ reviewer: prose(200) }),
      ]),
      reason: prose(10_000),
    })
    .meta({ id: 'ReassignRequest' }),
  responses: { 200: submitResponse },
  handle: async (call, { params: { review_id: id }, body: { entry, to, reason } }) => {
    const assignee: Assignee =
      'group' in to
        ? { kind: 'group', subject: to.group }
        : { kind: 'reviewer', subject: to.reviewer };
    const { deps, actor: admin, dialect } = call;
    const about = { entry, to: assignee, reason, dialect: dialect.name };
    const result = await reassignEntry(deps.db, admin, id, about, deps.forwardLeaseMs);
    const cast = await tellOfVote(call, 'reassigned', result);
    return await answerSubmission(call, id, cast, { kind: 'reassignment' });
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
    const people = await listPeople(deps.db, caller.projectId);
    const names = new Map(people.map((person) => [person.id, person.name]));
    const voters = people.map(personAsVoter);
    const { review } = await readRuleable(deps.db, row);
    const { state, versions } = review;
    const versionId = shownVersionId(state, row.newestVersionId);
    const version = versions.find((one) => one.id === versionId);
    const shown = { id: versionId, authorId: version?.authorId ?? null };
    const open = row.status === 'PENDING' ? missingEntries(review, shown, voters) : [];
    const stuck = lackedEntries(review, voters);
    return ok({
      review_id: id,
      status: row.status,
      version_id: versionId,
      waiting_for: sayWhatItWaitsFor(
        row,
        state,
        stuck,
        await findStep(deps.db, row.projectId, row.stepId),
      ),
      opened_because: row.because,
      due_at: showTimeOrNull(row.dueAt),
      gate: row.gate,
      decision_seq: row.decisionSeq,
      still_needed:
        row.status === 'PENDING' ? tally(state.policy, state.votes, versionId).stillNeeded : 0,
      missing: open.map(({ entry, couldFill }) => ({
        ...entry,
        could_fill: couldFill.map((person) => ({ id: person, name: names.get(person) ?? person })),
      })),
    });
  },
});

function sayWhatItWaitsFor(
  row: ReviewRow,
  state: ReviewState,
  stuck: readonly Entry[],
  step: StepRow | null,
): string {
  switch (row.status) {
    case 'PROCESSING':
      return sayWhatIsReleased(step);
    case 'EXECUTED':
      return 'It waits for nothing: it was approved and has been released.';
    case 'UNKNOWN':
      return 'It was released, and whether its block did its work cannot be known: find out what it did, settle the step, and retry the run.';
    case 'PENDING':
    case 'APPROVED':
    case 'REJECTED':
    case 'REVOKED': {
      const words = describeWaiting(state, row.newestVersionId, row.timeWindow);
      const trouble = stuck.length === 0 ? '' : `; ${describeLack(state.policy, stuck)}`;
      return `It is ${words}${trouble}.`;
    }
  }
}

/** What a block that was released to be executed is at. */
function sayWhatIsReleased(step: StepRow | null): string {
  if (step?.status === 'error') {
    return 'It has been released, and its block failed before it began: it is executed when somebody retries the run.';
  }
  return typeof step?.waitingFor === 'string'
    ? `It has been released. ${step.waitingFor}`
    : 'It has been released, and its block is being executed.';
}

const fact = z
  .object({
    seq: z.int(),
    id: z.string(),
    kind: z.enum(['vote', 'withdrawn', 'reassigned', 'release_requested', 'cancelled']),
    actor,
    verdict: z.enum(['approved', 'rejected', 'revoked']).nullable(),
    version_id: z.string().nullable(),
    fills: z.array(z.string()),
    forced: z.boolean(),
    acting_for: z.string().nullable(),
    entry: z
      .string()
      .nullable()
      .meta({ description: 'The key of the entry that was given to somebody else.' }),
    to: z
      .object({ kind: z.enum(['group', 'reviewer']), subject: z.string() })
      .nullable()
      .meta({ description: 'Who fills it from then on.' }),
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
    entry: row.entryKey,
    to:
      row.toKind === null || row.toSubject === null
        ? null
        : { kind: row.toKind, subject: row.toSubject },
    reason: row.reason,
    dialect: row.dialect,
    created_at: showTime(row.createdAt),
  };
}

export const REVIEW_ROUTES = [withdraw, reassign, release, explain, votes] as const;
