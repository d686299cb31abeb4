import { z } from 'zod';
import type { Command } from '../../../domain/decide.js';
import type { Verdict } from '../../../domain/facts.js';
import type { JsonObject } from '../../../domain/json.js';
import { correctAndVote, type CorrectedVote } from '../../../store/correct-and-vote.js';
import type { Tx } from '../../../store/database.js';
import type { OverlayRecord } from '../../../store/overlays.js';
import type { VoteResult } from '../../../store/record-vote.js';
import type { ReviewUnderLock } from '../../../store/reviews.js';
import type { Work } from '../../../store/stamped-write.js';
import type { ReviewRow } from '../../../store/tables.js';
import { type Answer, ok } from '../../answer.js';
import { tellOfVote } from '../../cast-vote.js';
import { checkReviewSnapshot, checkSnapshotSize } from '../../check-snapshot.js';
import { type ApiError, signedOut } from '../../errors.js';
import { type Call, route } from '../../route.js';
import { findAt } from './address.js';
import { overlay } from './dialect.js';
import { overlayBody, showOverlay } from './overlay-wire.js';
import { decisionRequest, params } from './requests.js';
import { headSeq, versionAt } from './seqs.js';
import { refuseUndone, refuseWrite, write } from './stamped.js';

type Body = z.output<typeof decisionRequest>;
type VoteCommand = Extract<Command, { kind: 'vote' }>;

const decisionResponse = z
  .object({
    submission_status: z.enum(['accepted', 'already_received', 'already_applied']),
    overlay: overlayBody,
  })
  .meta({ id: 'OverlayDecisionResponse' });

export const decide = route({
  id: 'overlays.decide',
  method: 'post',
  path: '/v1/workflows/reviews/{run_id:!rev_}/{block_id}/decision',
  summary: 'Approves or rejects: one vote, on a version that is there or on one it brings with it.',
  tag: 'Overlays',
  dialect: overlay,
  params,
  body: decisionRequest,
  bodySize: 'snapshot',
  responses: { 200: decisionResponse },
  handle: async (call, { params: address, body }) => {
    const review = await findAt(call, address);
    if ('kind' in review) {
      return review;
    }
    const unfit = await checkEdit(call, review, body);
    if (unfit !== null) {
      return unfit;
    }
    const said = await write(call, review, 'decision', body, saidBy(body), (tx, locked) =>
      vote(tx, locked, call, body),
    );
    switch (said.kind) {
      case 'kept':
        await tellOfVote(call, said.value.command.verdict, said.value.result);
        return answerVote(said.value.result, said.overlay);
      case 'received':
        return ok({ submission_status: 'already_received', overlay: showOverlay(said.overlay) });
      case 'undone':
        return 'error' in said.value
          ? said.value.error
          : refuseUndone(said.review, said.value.refusals);
      default:
        return refuseWrite(said, address, body.version_stamp);
    }
  },
});

/** What the route's own work came to, before this contract answers it. */
type Voted = { readonly command: VoteCommand; readonly result: VoteResult };
type Refused = Extract<VoteResult, { kind: 'refused' }>;
type Unfit = { readonly error: ApiError };

const editOf = (body: Body): JsonObject | null =>
  body.edited_output ?? body.reviewable_value ?? null;

/** The request without what means nothing in it: two bodies that say the same are the same. */
function saidBy(body: Body): JsonObject {
  return {
    verdict: body.verdict,
    edited_output: editOf(body),
    on_seq: body.on_seq ?? null,
    effective_seq: body.effective_seq ?? null,
    reason: body.verdict === 'rejected' ? (body.reason ?? null) : null,
  };
}

async function checkEdit({ deps }: Call, review: ReviewRow, body: Body): Promise<ApiError | null> {
  const edit = editOf(body);
  if (edit === null) {
    return null;
  }
  const key = (body.edited_output ?? null) === null ? 'reviewable_value' : 'edited_output';
  const loc = ['body', key];
  return checkSnapshotSize(edit, loc) ?? (await checkReviewSnapshot(deps.db, review, edit, loc));
}

async function vote(
  tx: Tx,
  locked: ReviewUnderLock,
  { actor, deps }: Call,
  body: Body,
): Promise<Work<Voted, Refused | Unfit>> {
  const onSeq = body.on_seq ?? headSeq(locked);
  const onId = versionAt(locked, 'on_seq', onSeq);
  const effectiveId =
    typeof onId === 'string' && (body.effective_seq ?? null) !== null
      ? versionAt(locked, 'effective_seq', body.effective_seq ?? onSeq)
      : onId;
  if (typeof onId !== 'string') {
    return { kind: 'undone', value: { error: onId } };
  }
  if (typeof effectiveId !== 'string') {
    return { kind: 'undone', value: { error: effectiveId } };
  }
  const command = {
    kind: 'vote',
    verdict: body.verdict,
    versionId: effectiveId,
    force: false,
    refusedWhenFinal: false,
    timeWindow: null,
    mayWithdraw: false,
    // Whoever sends the present stamp has seen every version that there is.
    acknowledgedVersionIds: locked.review.versions.map(({ id }) => id),
  } as const;
  const voted = await correctAndVote(
    tx,
    locked,
    actor,
    {
      command,
      reason: body.verdict === 'rejected' ? (body.reason ?? null) : null,
      dialect: overlay.name,
      basisVersionId: onId,
      correction: editOf(body),
    },
    deps.forwardLeaseMs,
  );
  const result = refuseIfOtherwise(voted, body.verdict);
  if (result.kind === 'signed_out') {
    return { kind: 'undone', value: { error: signedOut() } };
  }
  return result.kind === 'refused'
    ? { kind: 'undone', value: result }
    : { kind: 'kept', value: { command, result } };
}

/** A repeat of what the person said before is refused where the review was decided against it. */
function refuseIfOtherwise({ versionId, result }: CorrectedVote, verdict: Verdict): VoteResult {
  if (result.kind !== 'repeat' && result.kind !== 'already') {
    return result;
  }
  const { review } = result;
  if (review.cancelledAt !== null) {
    const refusals = [{ code: 'REVIEW_CANCELLED', reviewId: review.id }] as const;
    return { kind: 'refused', review, refusals };
  }
  const isOtherwise =
    review.verdict !== null &&
    (review.verdict !== verdict || review.decisionVersionId !== versionId);
  if (!isOtherwise) {
    return result;
  }
  const { id: reviewId, status, decisionVersionId } = review;
  const refusals = [
    { code: 'REVIEW_DECIDED', reviewId, status, versionId: decisionVersionId },
  ] as const;
  return { kind: 'refused', review, refusals };
}

function answerVote(
  result: VoteResult,
  shown: OverlayRecord,
): Answer<z.infer<typeof decisionResponse>> {
  const isNew = result.kind === 'recorded' && !result.late;
  return ok({
    submission_status: isNew ? 'accepted' : 'already_applied',
    overlay: showOverlay(shown),
  });
}
