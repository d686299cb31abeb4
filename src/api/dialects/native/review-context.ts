import { z } from 'zod';
import {
  decide,
  type LockedReview,
  mayReassign,
  ruleOnCorrection,
} from '../../../domain/decide.js';
import type { Voter } from '../../../domain/people.js';
import { explainRefusal, type Refusal } from '../../../domain/refusals.js';
import { RUN_STATUSES, STEP_STATUSES } from '../../../domain/statuses.js';
import { countVotes } from '../../../rules/consensus.js';
import { firedPaths } from '../../../rules/fired-paths.js';
import { type Actor, asVoter } from '../../../store/actors.js';
import { neighboursOf } from '../../../store/inbox.js';
import { resumeOf } from '../../../store/outbox.js';
import { findPerson } from '../../../store/people.js';
import { findReview, findSeed, readRuleable } from '../../../store/reviews.js';
import { readJsonObject } from '../../../store/stored-json.js';
import { getDefinition, getStepContext } from '../../../store/steps.js';
import type { ReviewRow } from '../../../store/tables.js';
import { ok } from '../../answer.js';
import { notFound } from '../../errors.js';
import { anyId, jsonObject, showTime, showTimeOrNull, timestamp } from '../../fields.js';
import { readReviewRecord } from '../../review-records.js';
import { route } from '../../route.js';
import { review, showReview } from '../retab/review-wire.js';
import { dueAt, showOwnPart } from './inbox-routes.js';
import { showWaitingFor } from '../retab/step-wire.js';
import { native } from './dialect.js';

const may = z.object({ allowed: z.boolean(), why_not: z.string().nullable() }).meta({
  id: 'May',
  description: 'Whether the reader may do it now, or in one sentence why not.',
});

const context = z
  .object({
    review,
    due_at: dueAt,
    gate: jsonObject.meta({ description: 'The gate as it is stored, defaults filled in.' }),
    block: z.object({
      id: z.string(),
      type: z.string(),
      label: z.string().nullable(),
      json_schema: jsonObject.nullable(),
      categories: z.array(z.string()).nullable(),
      allow_overlap: z.boolean(),
    }),
    workflow: z.object({ id: z.string(), name: z.string().nullable(), version_id: z.string() }),
    run: z.object({
      id: z.string(),
      status: z.enum(RUN_STATUSES),
      owner_id: z.string().nullable(),
      owner_name: z.string().nullable(),
      temporal_url: z.string().nullable(),
    }),
    step: z.object({
      id: z.string(),
      status: z.enum(STEP_STATUSES),
      source: z.string().nullable(),
      error_message: z.string().nullable(),
      outcome_unknown: z.boolean(),
      waiting_for: z.string().nullable(),
      votes: z
        .array(z.object({ category: z.string(), count: z.int() }))
        .nullable()
        .meta({
          description:
            'How many votes each category got, most first; null where no consensus on a category ran.',
        }),
    }),
    fired_paths: z.array(z.string()).meta({
      description: 'Paths of the values that opened the review; `*` stands for every element.',
    }),
    my: z.object({
      can_fill: z.array(z.string()),
      vote: z.object({ verdict: z.string(), version_id: z.string(), seq: z.int() }).nullable(),
      approve: may,
      reject: may,
      correct: may,
      take_back: may,
      withdraw: may,
      release: may,
      reassign: may,
    }),
    resume: z.object({
      status: z.enum(['resumed', 'pending', 'failed', 'skipped']),
      error: z.string().nullable(),
    }),
    release_at: timestamp
      .nullable()
      .meta({ description: 'When an approval takes effect at last.' }),
    neighbours: z.object({ previous: z.string().nullable(), next: z.string().nullable() }),
  })
  .meta({ id: 'ReviewContext' });

const get = route({
  id: 'reviews.context',
  method: 'get',
  path: '/v1/workflows/reviews/{review_id:rev_}/context',
  summary: 'Reads all that a person needs to decide a review, and what they may do about it.',
  tag: 'Reviews',
  dialect: native,
  params: z.object({ review_id: anyId }),
  responses: { 200: context },
  handle: async ({ deps, actor }, { params: { review_id: id } }) => {
    const { db } = deps;
    const row = await findReview(db, actor.projectId, id);
    if (row === null) {
      return notFound('review', id);
    }
    const [
      record,
      { review: ruleable },
      { run, step, block },
      seed,
      resume,
      neighbours,
      definition,
    ] = await Promise.all([
      readReviewRecord(db, row),
      readRuleable(db, row),
      getStepContext(db, row.stepId),
      findSeed(db, id),
      resumeOf(db, id),
      neighboursOf(db, actor, 'waiting', id),
      getDefinition(db, row.workflowVersionId),
    ]);
    const owner = run.ownerId === null ? null : await findPerson(db, actor.projectId, run.ownerId);
    const { json_schema: schema, categories } = block;
    const own = showOwnPart(record, actor);
    return ok({
      review: showReview(record),
      due_at: showTimeOrNull(row.dueAt),
      gate: { ...row.gate },
      block: {
        id: block.id,
        type: block.type,
        label: block.label,
        json_schema: schema,
        categories: categories === null ? null : [...categories],
        allow_overlap: block.allow_overlap,
      },
      workflow: { id: row.workflowId, name: definition.name, version_id: row.workflowVersionId },
      run: {
        id: run.id,
        status: run.status,
        owner_id: run.ownerId,
        owner_name: owner?.name ?? null,
        temporal_url: deps.temporalUrlOf(step.holder ?? run.id),
      },
      step: {
        id: step.id,
        status: step.status,
        source: step.source,
        error_message: step.errorMessage,
        outcome_unknown: step.outcomeUnknown,
        waiting_for: showWaitingFor(step),
        votes: votesOf(step.consensus),
      },
      fired_paths: [
        ...firedPaths(row.triggeredBy, {
          blockType: row.blockType,
          data: readJsonObject(seed.snapshot),
          json_schema: schema,
        }),
      ],
      my: { can_fill: own.can_fill, vote: own.my_vote, ...whatOneMayDo(ruleable, actor) },
      resume,
      release_at: releaseTime(row),
      neighbours,
    });
  },
});

function votesOf(consensus: string | null): z.infer<typeof context>['step']['votes'] {
  const votes = consensus === null ? null : countVotes(readJsonObject(consensus));
  return votes === null ? null : [...votes];
}

type May = z.infer<typeof may>;

/** What the rules would say to each thing that somebody can do, asked without doing it. */
function whatOneMayDo(
  ruleable: LockedReview,
  actor: Actor,
): Record<
  'approve' | 'reject' | 'correct' | 'take_back' | 'withdraw' | 'release' | 'reassign',
  May
> {
  const voter: Voter = asVoter(actor);
  const newest = ruleable.versions.at(-1)?.id ?? '';
  const rule = (command: Parameters<typeof decide>[1]): May => {
    const ruling = decide(ruleable, command, voter);
    return ruling.kind === 'refused' ? refusedBy(ruling.refusals) : ALLOWED;
  };
  const vote = (verdict: 'approved' | 'rejected'): May =>
    rule({
      kind: 'vote',
      verdict,
      versionId: newest,
      force: false,
      mayWithdraw: false,
      refusedWhenFinal: false,
      timeWindow: null,
      // Whoever decides on a page has seen the versions there are.
      acknowledgedVersionIds: ruleable.versions.map(({ id }) => id),
    });
  return {
    approve: vote('approved'),
    reject: vote('rejected'),
    correct: refusedBy(
      ruleOnCorrection(
        ruleable,
        newest,
        ruleable.versions.map(({ id }) => id),
        voter,
      ),
    ),
    take_back: mayTakeBack(ruleable, voter),
    withdraw: rule({ kind: 'withdraw', verdict: 'revoked', what: 'decision' }),
    release: rule({ kind: 'release' }),
    reassign: refusedBy(mayReassign(ruleable, voter)),
  };
}

/** Whether an approval of theirs stands and can be taken back: one that was is there no more. */
function mayTakeBack(ruleable: LockedReview, voter: Voter): May {
  const { id: reviewId } = ruleable;
  const ruling = decide(ruleable, { kind: 'withdraw', verdict: null, what: 'own_approval' }, voter);
  return ruling.kind === 'recorded'
    ? ALLOWED
    : refusedBy(
        ruling.kind === 'refused'
          ? ruling.refusals
          : [{ code: 'NO_APPROVAL_OF_YOURS', reviewId, personId: voter.id }],
      );
}

const ALLOWED: May = { allowed: true, why_not: null };

function refusedBy(refusals: readonly Refusal[]): May {
  const [first] = refusals;
  return first === undefined ? ALLOWED : { allowed: false, why_not: explainRefusal(first) };
}

/** When a decision that waits for its time to undo is released; null where nothing is waited for. */
function releaseTime({ status, decidedAt, policy: { release } }: ReviewRow): string | null {
  return status === 'APPROVED' && decidedAt !== null && typeof release === 'object'
    ? showTime(new Date(decidedAt.getTime() + release.afterMs))
    : null;
}

export const CONTEXT_ROUTES = [get] as const;
