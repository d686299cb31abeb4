import type { JsonObject } from '../../../domain/json.js';
import { versionId } from '../../../rules/content-ids.js';
import { type AddedVersion, addVersionLocked } from '../../../store/add-version.js';
import type { Tx } from '../../../store/database.js';
import type { ReviewUnderLock } from '../../../store/reviews.js';
import type { Work } from '../../../store/stamped-write.js';
import { type Answer, ok } from '../../answer.js';
import { checkReviewSnapshot, checkSnapshotSize } from '../../check-snapshot.js';
import type { ApiError } from '../../errors.js';
import { type Call, route } from '../../route.js';
import { findAt } from './address.js';
import { overlay } from './dialect.js';
import { saying } from './form.js';
import { overlayBody, showOverlay } from './overlay-wire.js';
import { params, versionRequest } from './requests.js';
import { headSeq, versionAt } from './seqs.js';
import { refuseUndone, refuseWrite, write } from './stamped.js';

type Body = {
  readonly snapshot: JsonObject;
  readonly origin?: 'human_edit' | 'agent_edit' | null | undefined;
  readonly parent_seq?: number | null | undefined;
  readonly note?: string | null | undefined;
};

export const addVersion = route({
  id: 'overlays.addVersion',
  method: 'post',
  path: '/v1/workflows/reviews/{run_id:!rev_}/{block_id}/versions',
  summary: 'Adds a version, a complete snapshot made from another one, as the new head.',
  tag: 'Overlays',
  dialect: overlay,
  params,
  body: versionRequest,
  bodySize: 'snapshot',
  responses: { 200: overlayBody },
  handle: async (call, { params: address, body }) => {
    const unfit = checkSnapshotSize(body.snapshot);
    if (unfit !== null) {
      return unfit;
    }
    const review = await findAt(call, address);
    if ('kind' in review) {
      return review;
    }
    const misshapen = await checkReviewSnapshot(call.deps.db, review, body.snapshot);
    if (misshapen !== null) {
      return misshapen;
    }
    const said = await write(call, review, 'versions', body, saidBy(body), (tx, locked) =>
      append(tx, locked, call, body),
    );
    switch (said.kind) {
      case 'kept':
      case 'received':
        return ok(showOverlay(said.overlay));
      case 'undone': {
        const { value } = said;
        return value.kind === 'refused' ? refuseUndone(said.review, value.refusals) : value;
      }
      default:
        return refuseWrite(said, address, body.version_stamp);
    }
  },
});

function saidBy({ snapshot, origin, parent_seq: parent, note }: Body): JsonObject {
  return {
    snapshot,
    origin: origin ?? 'human_edit',
    parent_seq: parent ?? null,
    note: note ?? null,
  };
}

type Refused = Extract<AddedVersion, { kind: 'refused' }>;

/**
 * Appends a version that will be the head. What is the head already is left as it is; what an older
 * version has already cannot become the head again, and saying nothing would hide that.
 */
async function append(
  tx: Tx,
  locked: ReviewUnderLock,
  { actor }: Call,
  body: Body,
): Promise<Work<null, Refused | Answer | ApiError>> {
  const parentId = versionAt(locked, 'parent_seq', body.parent_seq ?? headSeq(locked));
  if (typeof parentId !== 'string') {
    return { kind: 'undone', value: parentId };
  }
  const ids = locked.review.versions.map(({ id }) => id);
  const existing = ids.indexOf(versionId(locked.row.id, body.snapshot));
  if (existing !== -1 && existing !== headSeq(locked)) {
    return { kind: 'undone', value: contentIsThere(existing) };
  }
  const added = await addVersionLocked(tx, locked, actor, {
    parentId: existing === -1 ? parentId : (locked.review.versions[existing]?.parentId ?? parentId),
    snapshot: body.snapshot,
    note: body.note ?? null,
    origin: body.origin ?? 'human_edit',
    acknowledgedVersionIds: ids,
  });
  switch (added.kind) {
    case 'refused':
      return { kind: 'undone', value: added };
    case 'parent_conflict':
      return { kind: 'undone', value: contentIsThere(existing) };
    default:
      return { kind: 'kept', value: null };
  }
}

function contentIsThere(seq: number): Answer {
  return saying(
    409,
    `This content is version seq ${seq} already: decide with effective_seq ${seq}, or send other content.`,
  );
}
