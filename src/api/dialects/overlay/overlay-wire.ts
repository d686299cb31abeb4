import { z } from 'zod';
import { BLOCK_TYPES, type BlockType } from '../../../domain/definition.js';
import type { ReviewStatus } from '../../../domain/statuses.js';
import { wirePredicate } from '../../../rules/predicates.js';
import type { AuditedAct, OverlayRecord } from '../../../store/overlays.js';
import { readJsonObject } from '../../../store/stored-json.js';
import type { HoldRow, ReviewRow, VersionRow } from '../../../store/tables.js';
import { jsonObject, showTime, showTimeOrNull, timestamp } from '../../fields.js';
import { actor, type ActorBody, showActor, showAuthor } from '../retab/people.js';
import { shownBlockId } from './address.js';
import { AUDIT_ACTIONS, showAct } from './audit-wire.js';

/** The statuses of this contract, and those of a review that each stands for. */
export const OVERLAY_STATUSES = {
  awaiting_review: ['PENDING'],
  approved: ['APPROVED', 'PROCESSING', 'EXECUTED', 'UNKNOWN'],
  rejected: ['REJECTED', 'REVOKED'],
} as const satisfies Record<string, readonly ReviewStatus[]>;

const SHOWN_STATUSES = {
  PENDING: 'awaiting_review',
  APPROVED: 'approved',
  PROCESSING: 'approved',
  EXECUTED: 'approved',
  UNKNOWN: 'approved',
  REJECTED: 'rejected',
  REVOKED: 'rejected',
} as const satisfies Record<ReviewStatus, keyof typeof OVERLAY_STATUSES>;

/** The block types that the client of this contract knows, for each of ours. */
const SHOWN_BLOCK_TYPES = {
  extract: 'extract',
  task: 'extract',
  classifier: 'classifier',
  split: 'split',
  for_each: 'split',
} as const satisfies Record<BlockType, string>;

const claim = z
  .object({ holder: actor, claimed_at: timestamp, expires_at: timestamp })
  .meta({ id: 'OverlayClaim' });

const summary = {
  _id: z.string().meta({ example: 'run_abc123:extract_invoice' }),
  organization_id: z.string(),
  workflow_id: z.string(),
  workflow_version_id: z.string(),
  workflow_run_id: z.string(),
  block_id: z.string(),
  block_run_id: z.string(),
  block_type: z.enum(['extract', 'classifier', 'split']),
  type: z.enum(BLOCK_TYPES),
  review_id: z.string(),
  triggered_by: jsonObject,
  priority: z.int(),
  status: z.enum(['awaiting_review', 'approved', 'rejected']),
  awaiting_since: timestamp,
  decided_at: timestamp.nullable(),
  rev: z.int().meta({ description: 'Sent back as `version_stamp` with the next write.' }),
  claim: claim.nullable(),
  head_seq: z.int(),
  effective_seq: z.int().nullable(),
};

/** A row of the queue: an overlay without its history. */
export const queueItem = z.object(summary).meta({ id: 'OverlayQueueItem' });

const version = z
  .object({
    seq: z.int(),
    parent_seq: z.int().nullable(),
    author: actor,
    origin: z.enum(['model_output', 'human_edit', 'agent_edit', 'revert']),
    snapshot: jsonObject,
    content_sha256: z.string().regex(/^[0-9a-f]{64}$/),
    note: z.string().nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'OverlayVersion' });

const decision = z
  .object({
    decision_id: z.string(),
    verdict: z.enum(['approved', 'rejected']),
    decided_by: actor,
    decided_at: timestamp,
    on_seq: z.int(),
    effective_seq: z.int().nullable(),
    reason: z.string().nullable(),
    supersedes_decision_id: z.null(),
  })
  .meta({ id: 'OverlayDecision' });

const auditEntry = z
  .object({
    entry_id: z.string(),
    action: z.enum(AUDIT_ACTIONS),
    actor,
    at: timestamp,
    rev_observed: z.int(),
    rev_result: z.int().nullable(),
    detail: jsonObject,
  })
  .meta({ id: 'OverlayAuditEntry' });

/** A review with its whole history. */
export const overlayBody = z
  .object({
    ...summary,
    versions: z.array(version),
    decisions: z.array(decision),
    audit: z.array(auditEntry),
  })
  .meta({ id: 'Overlay' });

type QueueItemBody = z.infer<typeof queueItem>;
type OverlayBody = z.infer<typeof overlayBody>;

/** A review as the queue shows it; `seqOf` gives a version's place in its review. */
export function showQueueItem(
  row: ReviewRow,
  hold: HoldRow | null,
  seqOf: (versionId: string) => number,
): QueueItemBody {
  const blockId = shownBlockId(row);
  const { verdict, decisionVersionId } = row;
  return {
    _id: `${row.runId}:${blockId}`,
    organization_id: row.projectId,
    workflow_id: row.workflowId,
    workflow_version_id: row.workflowVersionId,
    workflow_run_id: row.runId,
    block_id: blockId,
    block_run_id: row.stepId,
    block_type: SHOWN_BLOCK_TYPES[row.blockType],
    type: row.blockType,
    review_id: row.id,
    triggered_by: wirePredicate(row.triggeredBy),
    priority: 0,
    status: SHOWN_STATUSES[row.status],
    awaiting_since: showTime(row.createdAt),
    decided_at: showTimeOrNull(row.decidedAt),
    rev: row.rev,
    claim: hold === null ? null : showClaim(hold),
    head_seq: seqOf(row.newestVersionId),
    effective_seq:
      verdict === 'approved' && decisionVersionId !== null ? seqOf(decisionVersionId) : null,
  };
}

/** A review with its whole history, as this contract shows it. */
export function showOverlay(record: OverlayRecord): OverlayBody {
  const { row, versions, hold, audit } = record;
  const ordinals = new Map(versions.map(({ id, ordinal }) => [id, ordinal]));
  const seqOf = (versionId: string): number => ordinals.get(versionId) ?? 0;
  return {
    ...showQueueItem(row, hold, seqOf),
    versions: versions.map((one) => showVersion(one, seqOf)),
    decisions: showDecisions(record, seqOf),
    audit: audit.flatMap((act: AuditedAct) => showAct(act, row.rev)),
  };
}

function showClaim({ holderId, holderName, heldAt, expiresAt }: HoldRow): z.infer<typeof claim> {
  return {
    holder: {
      kind: 'human',
      id: holderId,
      display_name: holderName === '' ? holderId : holderName,
    },
    claimed_at: showTime(heldAt),
    expires_at: showTime(expiresAt),
  };
}

function showVersion(
  row: VersionRow,
  seqOf: (versionId: string) => number,
): OverlayBody['versions'][number] {
  return {
    seq: row.ordinal,
    parent_seq: row.parentId === null ? null : seqOf(row.parentId),
    author: showAuthor(row),
    origin: row.origin,
    snapshot: readJsonObject(row.snapshot),
    content_sha256: row.snapshotSha256,
    note: row.note,
    created_at: showTime(row.createdAt),
  };
}

function showDecisions(
  { row, decidingFact: fact, basisVersionId }: OverlayRecord,
  seqOf: (versionId: string) => number,
): OverlayBody['decisions'] {
  const { verdict, decisionVersionId, decidedAt, decisionReason } = row;
  if (fact === null || verdict === null || decisionVersionId === null || decidedAt === null) {
    return [];
  }
  const decider: ActorBody = showActor(fact);
  return [
    {
      decision_id: fact.id.replace(/^fct_/, 'dec_'),
      verdict,
      decided_by: decider,
      decided_at: showTime(decidedAt),
      on_seq: seqOf(basisVersionId ?? decisionVersionId),
      effective_seq: verdict === 'approved' ? seqOf(decisionVersionId) : null,
      reason: decisionReason,
      supersedes_decision_id: null,
    },
  ];
}
