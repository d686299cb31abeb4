import type { JsonObject } from '../../../domain/json.js';
import type { Refusal } from '../../../domain/refusals.js';
import { canonicalForm } from '../../../rules/canonical.js';
import type { Tx } from '../../../store/database.js';
import type { ReviewUnderLock } from '../../../store/reviews.js';
import {
  type Stamped,
  type StampedRequest,
  type Work,
  writeStamped,
} from '../../../store/stamped-write.js';
import type { ReviewRow } from '../../../store/tables.js';
import type { Answer } from '../../answer.js';
import { type ApiError, refused } from '../../errors.js';
import type { Call } from '../../route.js';
import { type Address, noOverlay, shownBlockId } from './address.js';
import { firstRefusal, saying } from './form.js';

/** A write as its body announces it; null stands for what was not said. */
export type StampedBody = {
  readonly version_stamp: number;
  readonly command_id?: string | null | undefined;
};

/** Does work on a review as the caller has seen it: see `writeStamped`. */
export async function write<Kept, Undone>(
  { deps, actor }: Call,
  review: ReviewRow,
  act: StampedRequest['act'],
  body: StampedBody,
  says: JsonObject,
  work: (tx: Tx, locked: ReviewUnderLock) => Promise<Work<Kept, Undone>>,
): Promise<Stamped<Kept, Undone>> {
  const { version_stamp: stamp, command_id: id } = body;
  // Somebody else's request is another request, whatever it says.
  const whole = { act, stamp, actor: { id: actor.id, kind: actor.kind }, says };
  const command =
    id === undefined || id === null ? null : { id, sha256: canonicalForm(whole).sha256 };
  const request = { reviewId: review.id, stamp, act, command };
  return await deps.turns.ofRun(review.runId, () => writeStamped(deps.db, actor, request, work));
}

/** The answer to a write whose work was refused. */
export function refuseUndone(review: ReviewRow, refusals: readonly Refusal[]): Answer | ApiError {
  const first = firstRefusal(refusals);
  return first.code === 'REVIEW_DECIDED'
    ? saying(409, `Review ${review.runId}:${shownBlockId(review)} already has a decision.`)
    : refused(first);
}

/** The answer to a write that never came to its work. */
export function refuseWrite(
  stamped: Extract<Stamped<unknown, unknown>, { kind: 'not_found' | 'stale' | 'command_id_taken' }>,
  address: Address,
  stamp: number,
): Answer {
  switch (stamped.kind) {
    case 'not_found':
      return noOverlay(address);
    case 'stale':
      return saying(
        409,
        `Stale version_stamp: overlay is at rev ${stamped.rev}, request sent rev ${stamp}. Re-read the overlay and retry.`,
      );
    case 'command_id_taken':
      return saying(
        409,
        `command_id '${stamped.commandId}' was used for another request on this overlay: send that request again, or choose a new id.`,
      );
  }
}
