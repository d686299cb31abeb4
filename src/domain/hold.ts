import { type LockedReview, mayWorkOn } from './decide.js';
import type { Voter } from './people.js';
import type { Refusal } from './refusals.js';

/** Somebody's word that they are at work on a review; it ends by itself, and blocks no decision. */
export type Hold = {
  readonly holderId: string;
  readonly holderName: string;
  readonly expiresAtMs: number;
};

/** What becomes of asking for a hold. */
export type HoldRuling =
  | { readonly kind: 'granted' | 'renewed' }
  | { readonly kind: 'held_by_other'; readonly hold: Hold }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] };

/** What becomes of giving a hold back. */
export type HoldReleaseRuling =
  | { readonly kind: 'released' | 'nothing_held' }
  | { readonly kind: 'held_by_other'; readonly hold: Hold };

/**
 * Rules on a hold of a review that people still have to decide.
 *
 * Those who may act on the review may hold it, one at a time. Its holder renews a hold that has not
 * expired; an expired one is nobody's.
 */
export function ruleOnHold(
  review: LockedReview,
  hold: Hold | null,
  voter: Voter,
  nowMs: number,
): HoldRuling {
  const refusals = mayWorkOn(review, voter);
  if (refusals.length > 0) {
    return { kind: 'refused', refusals };
  }
  const standing = standingHold(hold, nowMs);
  if (standing === null) {
    return { kind: 'granted' };
  }
  return standing.holderId === voter.id
    ? { kind: 'renewed' }
    : { kind: 'held_by_other', hold: standing };
}

/** Rules on giving a hold back: only its holder does so; where nothing is held nothing changes. */
export function ruleOnHoldRelease(
  hold: Hold | null,
  voter: Voter,
  nowMs: number,
): HoldReleaseRuling {
  const standing = standingHold(hold, nowMs);
  if (standing === null) {
    return { kind: 'nothing_held' };
  }
  return standing.holderId === voter.id && voter.kind === 'person'
    ? { kind: 'released' }
    : { kind: 'held_by_other', hold: standing };
}

function standingHold(hold: Hold | null, nowMs: number): Hold | null {
  return hold !== null && hold.expiresAtMs > nowMs ? hold : null;
}
