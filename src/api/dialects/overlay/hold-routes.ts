import type { Hold, HoldReleaseRuling, HoldRuling } from '../../../domain/hold.js';
import { giveHoldBack, takeHold } from '../../../store/holds.js';
import type { Stamped, Work } from '../../../store/stamped-write.js';
import { type Answer, ok } from '../../answer.js';
import type { ApiError } from '../../errors.js';
import { route } from '../../route.js';
import { type Address, findAt } from './address.js';
import { overlay } from './dialect.js';
import { saying } from './form.js';
import { overlayBody, showOverlay } from './overlay-wire.js';
import { claimRequest, params, releaseRequest } from './requests.js';
import { refuseUndone, refuseWrite, write } from './stamped.js';

const tag = 'Overlays';
const DEFAULT_TTL_SECONDS = 900;

const claim = route({
  id: 'overlays.claim',
  method: 'post',
  path: '/v1/workflows/reviews/{run_id:!rev_}/{block_id}/claim',
  summary: 'Says that the caller is at work on a review, for a time; it blocks no decision.',
  tag,
  dialect: overlay,
  params,
  body: claimRequest,
  responses: { 200: overlayBody },
  handle: async (call, { params: address, body }) => {
    const review = await findAt(call, address);
    if ('kind' in review) {
      return review;
    }
    const ttlMs = (body.ttl_seconds ?? DEFAULT_TTL_SECONDS) * 1_000;
    const held = await write(
      call,
      review,
      'claim',
      body,
      {},
      async (tx, locked): Promise<Work<null, Refused>> => {
        const ruling = await takeHold(tx, locked, call.actor, ttlMs);
        return isRefused(ruling)
          ? { kind: 'undone', value: ruling }
          : { kind: 'kept', value: null };
      },
    );
    return answerHold(held, address, body.version_stamp);
  },
});

const release = route({
  id: 'overlays.release',
  method: 'post',
  path: '/v1/workflows/reviews/{run_id:!rev_}/{block_id}/release',
  summary: 'Ends the hold of the caller; where nothing is held, nothing changes.',
  tag,
  dialect: overlay,
  params,
  body: releaseRequest,
  responses: { 200: overlayBody },
  handle: async (call, { params: address, body }) => {
    const review = await findAt(call, address);
    if ('kind' in review) {
      return review;
    }
    const given = await write(
      call,
      review,
      'release',
      body,
      {},
      async (tx, locked): Promise<Work<null, Refused>> => {
        const ruling = await giveHoldBack(tx, locked, call.actor);
        return isRefused(ruling)
          ? { kind: 'undone', value: ruling }
          : { kind: 'kept', value: null };
      },
    );
    return answerHold(given, address, body.version_stamp);
  },
});

type Ruling = HoldRuling | HoldReleaseRuling;
type Refused = Extract<Ruling, { kind: 'refused' | 'held_by_other' }>;

function isRefused(ruling: Ruling): ruling is Refused {
  return ruling.kind === 'refused' || ruling.kind === 'held_by_other';
}

function answerHold(
  said: Stamped<null, Refused>,
  address: Address,
  stamp: number,
): Answer | ApiError {
  switch (said.kind) {
    case 'kept':
    case 'received':
      return ok(showOverlay(said.overlay));
    case 'undone':
      return said.value.kind === 'refused'
        ? refuseUndone(said.review, said.value.refusals)
        : heldByOther(said.value.hold);
    default:
      return refuseWrite(said, address, stamp);
  }
}

function heldByOther({ holderName, expiresAtMs }: Hold): Answer {
  const until = new Date(expiresAtMs).toISOString();
  return saying(
    409,
    `This overlay is claimed by ${holderName} until ${until}: wait, or decide without claiming it.`,
  );
}

export const HOLD_ROUTES = [claim, release] as const;
