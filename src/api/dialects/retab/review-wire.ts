import { z } from 'zod';
import { BLOCK_TYPES } from '../../../domain/definition.js';
import { wirePredicate } from '../../../rules/predicates.js';
import { REVIEW_STATUSES } from '../../../domain/statuses.js';
import { jsonObject, showTime, showTimeOrNull, timestamp } from '../../fields.js';
import type { ReviewRecord } from '../../review-records.js';
import type { EntryRow, FactRow, ReviewRow } from '../../../store/tables.js';
import { showBlockType, WIRE_BLOCK_TYPES } from './block-type.js';
import { actor, type ActorBody, showActor } from './people.js';

const entryVote = z.object({
  seq: z.int(),
  reviewer: actor,
  verdict: z.enum(['approved', 'rejected', 'revoked']),
  version_id: z.string(),
  reason: z.string().nullable(),
  forced: z.boolean(),
  created_at: timestamp,
});

/** One required (or welcome) approval, and the vote that has filled it. */
const entry = z
  .object({
    key: z.string().meta({ example: 'group:finance#1' }),
    kind: z.enum(['group', 'reviewer', 'anyone']),
    subject: z.string(),
    mandatory: z.boolean(),
    status: z.enum(['PENDING', 'APPROVED', 'REJECTED', 'REVOKED']),
    vote: entryVote.nullable(),
  })
  .meta({ id: 'Entry' });

const decision = z
  .object({
    verdict: z.enum(['approved', 'rejected']),
    version_id: z.string(),
    author: actor,
    reason: z.string().nullable(),
    created_at: timestamp,
    decided_at: timestamp,
  })
  .meta({ id: 'Decision' });

/** A review: the fields of the published contract first, then our own. */
export const review = z
  .object({
    id: z.string().regex(/^rev_[A-Z2-7]{26}$/),
    workflow_id: z.string(),
    workflow_version_id: z.string(),
    run_id: z.string(),
    workflow_run_id: z.string(),
    block_id: z.string(),
    step_id: z.string(),
    parent_step_id: z.string().nullable(),
    iteration_key: z.string().nullable(),
    block_type: z.enum(WIRE_BLOCK_TYPES),
    triggered_by: jsonObject,
    created_at: timestamp,
    cancelled_at: timestamp.nullable(),
    decision: decision.nullable(),
    status: z.enum(REVIEW_STATUSES),
    type: z.enum(BLOCK_TYPES),
    rev: z.int(),
    entries: z.array(entry),
    placement: z.enum(['output', 'input']),
    name: z.string().nullable(),
    instructions: z.string().nullable(),
    link: z.string().nullable(),
    because: z.string(),
    owner_id: z.string().nullable(),
    newest_version_id: z.string(),
    approved_at: timestamp.nullable(),
    released_at: timestamp.nullable(),
    ended_at: timestamp.nullable(),
  })
  .meta({ id: 'Review' });

export type ReviewBody = z.infer<typeof review>;

/** A review as this contract shows it, in lists and alone alike. */
export function showReview({ row, entries, facts }: ReviewRecord): ReviewBody {
  return {
    id: row.id,
    workflow_id: row.workflowId,
    workflow_version_id: row.workflowVersionId,
    run_id: row.runId,
    workflow_run_id: row.runId,
    block_id: row.blockId,
    step_id: row.stepId,
    parent_step_id: row.parentStepId,
    iteration_key: row.iterationKey,
    block_type: showBlockType(row.blockType),
    triggered_by: wirePredicate(row.triggeredBy),
    created_at: showTime(row.createdAt),
    cancelled_at: showTimeOrNull(row.cancelledAt),
    decision: showDecision(row, facts),
    status: row.status,
    type: row.blockType,
    rev: row.rev,
    entries: entries.map((one) => showEntry(one, facts)),
    placement: row.placement,
    name: row.gate.name,
    instructions: row.gate.instructions,
    link: row.gate.link,
    because: row.because,
    owner_id: row.ownerId,
    newest_version_id: row.newestVersionId,
    approved_at: showTimeOrNull(row.approvedAt),
    released_at: showTimeOrNull(row.releasedAt),
    ended_at: showTimeOrNull(row.endedAt),
  };
}

function showDecision(row: ReviewRow, facts: readonly FactRow[]): ReviewBody['decision'] {
  const { verdict, decisionVersionId, decidedAt } = row;
  if (verdict === null || decisionVersionId === null || decidedAt === null) {
    return null;
  }
  const at = showTime(decidedAt);
  return {
    verdict,
    version_id: decisionVersionId,
    author: showDecider(row, facts),
    reason: row.decisionReason,
    created_at: at,
    decided_at: at,
  };
}

/** Whose fact settled the review; right after its commit only the row may be at hand. */
function showDecider(row: ReviewRow, facts: readonly FactRow[]): ActorBody {
  const fact = facts.find(({ seq }) => seq === row.decisionSeq);
  return showActor(
    fact ?? {
      actorKind: 'person',
      actorId: row.decidedBy ?? 'unknown',
      actorName: row.decidedByName ?? '',
    },
  );
}

function showEntry(row: EntryRow, facts: readonly FactRow[]): z.infer<typeof entry> {
  const { key, kind, subject, mandatory, status } = row;
  const fact = row.factSeq === null ? undefined : facts.find(({ seq }) => seq === row.factSeq);
  return {
    key,
    kind,
    subject,
    mandatory,
    status,
    vote: fact === undefined ? null : showEntryVote(fact),
  };
}

function showEntryVote(fact: FactRow): z.infer<typeof entryVote> | null {
  const { seq, verdict, versionId, reason, forced, createdAt } = fact;
  return verdict === null || versionId === null
    ? null
    : {
        seq,
        reviewer: showActor(fact),
        verdict,
        version_id: versionId,
        reason,
        forced: forced ?? false,
        created_at: showTime(createdAt),
      };
}
