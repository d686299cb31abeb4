import { describe, expect, test } from 'vitest';
import type { NewFact } from '../../src/domain/facts.js';
import type { Policy } from '../../src/domain/policy.js';
import { foldReview } from '../../src/domain/review-state.js';
import { describeWaiting, missingEntries } from '../../src/domain/waiting.js';
import { aPerson, aPolicy, aService, aVote, groups, numbered } from '../support/builders.js';

const byAnn = aVote({ fills: ['group:finance#1'] });
const byAnyone = aVote();
const cancelled: NewFact = { kind: 'cancelled', actorId: 'u_owner' };
const request: NewFact = { kind: 'release_requested', actorId: 'u_owner' };

describe('describeWaiting', () => {
  const three = groups('finance', 'legal', 'tax');
  const declared = aPolicy({
    groups: [{ group: 'finance', required: 2 }],
    reviewers: [
      { id: 'u_leg', mandatory: true },
      { id: 'u_fyi', mandatory: false },
    ],
  });

  test.each<readonly [string, Policy, readonly NewFact[], string]>([
    ['undeclared', aPolicy(), [], 'waiting for any reviewer (the owner only as an admin)'],
    [
      'undeclared, and never the owner’s',
      aPolicy({ selfApproval: 'never' }),
      [],
      'waiting for any reviewer but the owner',
    ],
    ['declared', declared, [], 'waiting for a member of finance (2 of them), reviewer u_leg'],
    [
      'half filled',
      declared,
      [{ ...byAnn, fills: ['group:finance#1', 'group:finance#2'] }],
      'waiting for a member of finance, reviewer u_leg',
    ],
    [
      'any two of three',
      aPolicy({ groups: three, minApprovals: 2 }),
      [],
      'waiting for a member of finance, a member of legal, a member of tax (any 2 of the groups)',
    ],
    [
      'one more of two',
      aPolicy({ groups: three, minApprovals: 2 }),
      [byAnn],
      'waiting for a member of legal, a member of tax (any 1 of the groups)',
    ],
    [
      'all that are left',
      aPolicy({ groups: three, minApprovals: 3 }),
      [byAnn],
      'waiting for a member of legal, a member of tax',
    ],
    [
      'a named reviewer, the groups being complete',
      aPolicy({
        groups: three,
        minApprovals: 1,
        reviewers: [{ id: 'u_leg', mandatory: true }],
      }),
      [byAnn],
      'waiting for reviewer u_leg',
    ],
    ['approved', aPolicy(), [byAnyone], 'approved; released as soon as its run goes on'],
    [
      'approved, with time to undo',
      aPolicy({ release: { afterMs: 30_000 } }),
      [byAnyone],
      'approved; released once its time to undo has passed',
    ],
    [
      'approved, to be released by hand',
      aPolicy({ release: 'manual' }),
      [byAnyone],
      'approved; waiting for its owner to release it',
    ],
    [
      'approved, its release asked for',
      aPolicy({ release: 'manual' }),
      [byAnyone, request],
      'approved; released as soon as its run goes on',
    ],
    ['rejected', aPolicy(), [aVote({ verdict: 'rejected' })], 'rejected'],
    ['revoked', aPolicy(), [byAnyone, aVote({ verdict: 'revoked' })], 'revoked'],
    [
      'rejected in an iteration that is dropped for it',
      aPolicy({ onReject: 'drop' }),
      [aVote({ verdict: 'rejected' })],
      'rejected; its iteration is left out',
    ],
    [
      'revoked, where the run goes on',
      aPolicy({ onReject: 'continue' }),
      [byAnyone, aVote({ verdict: 'revoked' })],
      'revoked; the run goes on without it',
    ],
    ['cancelled while undecided', aPolicy(), [cancelled], 'cancelled with its run'],
    ['cancelled when approved', aPolicy(), [byAnyone, cancelled], 'revoked'],
  ])('says of a review that is %s what it waits for', (_title, policy, facts, sentence) => {
    expect(describeWaiting(foldReview(policy, numbered(facts)), 'rvr_1')).toBe(sentence);
  });

  test.each<readonly [string, Policy, readonly NewFact[], string]>([
    ['approved', aPolicy(), [byAnyone], 'approved; may be executed from 09:00 to 18:00 UTC'],
    [
      'approved, with time to undo',
      aPolicy({ release: { afterMs: 30_000 } }),
      [byAnyone],
      'approved; may be executed from 09:00 to 18:00 UTC',
    ],
    [
      'approved, to be released by hand',
      aPolicy({ release: 'manual' }),
      [byAnyone],
      'approved; waiting for its owner to release it, may be executed from 09:00 to 18:00 UTC',
    ],
    ['undecided', aPolicy({ groups: groups('sre') }), [], 'waiting for a member of sre'],
    ['rejected', aPolicy(), [aVote({ verdict: 'rejected' })], 'rejected'],
  ])('says of a review with a time window that is %s when it may go on', (_title, ...given) => {
    const [policy, facts, sentence] = given;
    const state = foldReview(policy, numbered(facts));
    expect(describeWaiting(state, 'rvr_1', { start: '09:00', end: '18:00' })).toBe(sentence);
  });

  test('counts what the newest version lacks', () => {
    const policy = aPolicy({ groups: groups('finance', 'legal') });
    const state = foldReview(policy, [byAnn]);
    expect(describeWaiting(state, 'rvr_1')).toBe('waiting for a member of legal');
    expect(describeWaiting(state, 'rvr_2')).toBe(
      'waiting for a member of finance, a member of legal',
    );
  });
});

describe('missingEntries', () => {
  const ann = aPerson('u_ann', { groups: ['finance'] });
  const bob = aPerson('u_bob', { groups: ['finance', 'legal'] });
  const leg = aPerson('u_leg', { groups: ['legal'] });
  const owner = aPerson('u_owner', { groups: ['finance', 'legal'] });
  const stranger = aPerson('u_x');
  const service = aService('svc', { groups: ['finance', 'legal'], roles: ['reviewer'] });
  const everybody = [ann, bob, leg, owner, stranger, service];

  function missing(
    policy: Policy,
    facts: readonly NewFact[],
    people = everybody,
    owning = 'u_owner',
  ) {
    const review = { ownerId: owning, state: foldReview(policy, numbered(facts)) };
    return Object.fromEntries(
      missingEntries(review, { id: 'rvr_1', authorId: null }, people).map(
        ({ entry, couldFill }) => [entry.key, couldFill],
      ),
    );
  }

  const declared = aPolicy({
    groups: groups('finance', 'legal'),
    reviewers: [{ id: 'u_fyi', mandatory: false }],
  });

  test('names for each missing entry those who may fill it, and never a service', () => {
    expect(missing(declared, [])).toEqual({
      'group:finance#1': ['u_ann', 'u_bob'],
      'group:legal#1': ['u_bob', 'u_leg'],
    });
    expect(missing(aPolicy(), [])).toEqual({ anyone: ['u_ann', 'u_bob', 'u_leg', 'u_x'] });
  });

  test('names the owner only where they are an admin and the gate lets them', () => {
    const asAdmin = aPerson('u_owner', { groups: ['finance'], roles: ['admin'] });
    expect(missing(declared, [], [asAdmin])).toEqual({
      'group:finance#1': ['u_owner'],
      'group:legal#1': [],
    });
    expect(missing({ ...declared, selfApproval: 'never' }, [], [asAdmin])).toEqual({
      'group:finance#1': [],
      'group:legal#1': [],
    });
  });

  test('does not name a person who has filled an entry of this version already', () => {
    const two = aPolicy({ groups: [{ group: 'finance', required: 2 }] });
    const fills = ['group:finance#1', 'group:finance#2'];
    expect(missing(two, [aVote({ fills })])).toEqual({ 'group:finance#2': ['u_bob'] });
    expect(missing(two, [aVote({ fills, versionId: 'rvr_2' })])).toEqual({
      'group:finance#1': ['u_ann', 'u_bob'],
      'group:finance#2': ['u_ann', 'u_bob'],
    });
  });

  test('names nobody where nothing is missing', () => {
    expect(missing(aPolicy(), [byAnyone])).toEqual({});
  });
});
