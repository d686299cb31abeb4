import { z } from 'zod';
import type { Gate } from '../../../domain/definition.js';
import { foldReview } from '../../../domain/review-state.js';
import { standingVotes } from '../../../domain/tally.js';
import { readFact } from '../../../store/reviews.js';
import type { ExecutedReview } from '../../../store/executions.js';
import { readJsonObject } from '../../../store/stored-json.js';
import { jsonObject } from '../../fields.js';
import { aggregatorStatus, showAggregator } from './envelope.js';

const asked = {
  reviewers: z.array(z.object({ userId: z.string(), mandatory: z.boolean() })),
  reviewerIds: z.array(z.string()),
  reviewerEmails: z.array(z.string()),
  commentBody: z.null(),
};

const outcome = {
  aggregatorStatus,
  approveCount: z.int(),
  rejectCount: z.int(),
  totalResponses: z.int(),
  mandatoryCount: z.int(),
  mandatoryApproveCount: z.int(),
  decision: z.enum(['approve', 'reject']).nullable().meta({
    description: 'Null where the run was cancelled before anybody had decided.',
  }),
  approved: z.boolean(),
  resumedAt: z.int().nullable(),
  resumeKey: z.string(),
  rejectedBy: z.string().optional(),
  rejectorMandatory: z.boolean().optional(),
  reviewId: z.string(),
  versionId: z.string().nullable(),
  snapshot: jsonObject.nullable().meta({ description: 'The version that was approved.' }),
};

/** Who is asked at a human step, and once it has ended what came of it. */
export const humanOutput = z
  .object({ ...asked, ...z.object(outcome).partial().shape })
  .meta({ id: 'VeltHumanOutput' });

type HumanOutput = z.infer<typeof humanOutput>;

/** @param ended the review of a step that has ended, if its gate opened one */
export function showHumanStep(gate: Gate, ended: ExecutedReview | null): HumanOutput {
  return {
    reviewers: gate.reviewers.map(({ id, mandatory }) => ({ userId: id, mandatory })),
    reviewerIds: gate.reviewers.map(({ id }) => id),
    reviewerEmails: [],
    commentBody: null,
    ...(ended === null ? {} : showOutcome(ended)),
  };
}

function showOutcome({ row, entries, facts, approved }: ExecutedReview): Partial<HumanOutput> {
  const votes = standingVotes(foldReview(row.policy, facts.map(readFact)).votes);
  const mandatory = entries.filter((entry) => entry.mandatory);
  const rejection =
    row.verdict === 'rejected' ? votes.find(({ seq }) => seq === row.decisionSeq) : undefined;
  return {
    aggregatorStatus: showAggregator(row.status),
    approveCount: votes.filter(({ verdict }) => verdict === 'approved').length,
    rejectCount: votes.filter(({ verdict }) => verdict !== 'approved').length,
    totalResponses: votes.length,
    mandatoryCount: mandatory.length,
    mandatoryApproveCount: mandatory.filter(({ status }) => status === 'APPROVED').length,
    decision: row.verdict === null ? null : row.verdict === 'approved' ? 'approve' : 'reject',
    approved: row.verdict === 'approved',
    resumedAt: (row.releasedAt ?? row.endedAt)?.getTime() ?? null,
    resumeKey: `human:${row.id}`,
    ...(rejection === undefined
      ? {}
      : {
          rejectedBy: rejection.reviewerId,
          rejectorMandatory: mandatory.some(({ key }) => rejection.fills.includes(key)),
        }),
    reviewId: row.id,
    versionId: row.decisionVersionId,
    snapshot: approved === null ? null : readJsonObject(approved),
  };
}
