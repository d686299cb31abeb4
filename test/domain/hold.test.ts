import { describe, expect, test } from 'vitest';
import { type Hold, ruleOnHold, ruleOnHoldRelease } from '../../src/domain/hold.js';
import {
  aLockedReview,
  aPerson,
  aPolicy,
  aService,
  groups,
  numbered,
} from '../support/builders.js';

const NOW = 1_000_000;
const ANN = aPerson('u_ann', { groups: ['finance'] });
const BEN = aPerson('u_ben', { groups: ['finance'] });
const REVIEW = aLockedReview({ policy: aPolicy({ groups: groups('finance') }) });

const heldBy = (holderId: string, forMs: number): Hold => ({
  holderId,
  holderName: `Name of ${holderId}`,
  expiresAtMs: NOW + forMs,
});

describe('taking a hold', () => {
  test.each([
    ['nobody holds it', null, { kind: 'granted' }],
    ['it is their own', heldBy('u_ann', 1), { kind: 'renewed' }],
    ['it is their own and ends now', heldBy('u_ann', 0), { kind: 'granted' }],
    [
      'somebody else holds it',
      heldBy('u_ben', 1),
      { kind: 'held_by_other', hold: heldBy('u_ben', 1) },
    ],
    ['somebody else’s ends now', heldBy('u_ben', 0), { kind: 'granted' }],
    ['somebody else’s has ended', heldBy('u_ben', -1), { kind: 'granted' }],
  ] as const)('when %s', (_when, hold, ruling) => {
    expect(ruleOnHold(REVIEW, hold, ANN, NOW)).toEqual(ruling);
  });

  test('is for those who could work on the review, and admins', () => {
    const stranger = aPerson('u_eve');
    expect(ruleOnHold(REVIEW, null, stranger, NOW)).toEqual({
      kind: 'refused',
      refusals: [{ code: 'NOT_ELIGIBLE', personId: 'u_eve', needs: 'a member of finance' }],
    });
    const owner = aPerson('u_owner', { groups: ['finance'] });
    expect(ruleOnHold(REVIEW, null, owner, NOW)).toMatchObject({ kind: 'refused' });
    const admin = aPerson('u_root', { roles: ['admin'] });
    expect(ruleOnHold(REVIEW, null, admin, NOW)).toEqual({ kind: 'granted' });
  });

  test('is not for services, whatever they are called', () => {
    const robot = aService('u_ann', { groups: ['finance'], roles: ['reviewer', 'admin'] });
    expect(ruleOnHold(REVIEW, heldBy('u_ann', 1), robot, NOW)).toEqual({
      kind: 'refused',
      refusals: [{ code: 'SERVICE_CANNOT_VOTE', service: 'u_ann' }],
    });
    expect(ruleOnHoldRelease(heldBy('u_ann', 1), robot, NOW)).toMatchObject({
      kind: 'held_by_other',
    });
  });

  test('is for a review that is undecided', () => {
    const facts = numbered([{ kind: 'cancelled', actorId: 'u_root' }]);
    expect(ruleOnHold(aLockedReview({ facts }), null, ANN, NOW)).toEqual({
      kind: 'refused',
      refusals: [{ code: 'REVIEW_CANCELLED', reviewId: 'rev_1' }],
    });
  });
});

describe('giving a hold back', () => {
  test.each([
    ['it is their own', heldBy('u_ann', 1), { kind: 'released' }],
    ['nobody holds it', null, { kind: 'nothing_held' }],
    ['their own has ended', heldBy('u_ann', 0), { kind: 'nothing_held' }],
    ['somebody else’s has ended', heldBy('u_ben', 0), { kind: 'nothing_held' }],
    [
      'somebody else holds it',
      heldBy(BEN.id, 1),
      { kind: 'held_by_other', hold: heldBy('u_ben', 1) },
    ],
  ] as const)('when %s', (_when, hold, ruling) => {
    expect(ruleOnHoldRelease(hold, ANN, NOW)).toEqual(ruling);
  });
});
