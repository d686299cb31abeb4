import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { describeLack, lackedEntries } from '../../src/domain/decidable.js';
import { decide, type LockedReview } from '../../src/domain/decide.js';
import type { NewFact } from '../../src/domain/facts.js';
import type { Voter } from '../../src/domain/people.js';
import type { Policy } from '../../src/domain/policy.js';
import { evolve } from '../../src/domain/review-state.js';
import {
  aLockedReview,
  aPerson,
  aPolicy,
  aVersion,
  aVote,
  groups,
  numbered,
} from '../support/builders.js';
import { anyReassignedScenario, anyScenario, anyVoter, play } from './scenarios.js';

/** The keys of what a review lacks people for. */
function lacked(review: LockedReview, people: readonly Voter[]): readonly string[] {
  return lackedEntries(review, people).map(({ key }) => key);
}

/** Whether a review is approved once everybody has approved one of its versions, and forced it where they may. */
function canBeApproved(review: LockedReview, people: readonly Voter[]): boolean {
  return review.versions.some(({ id: versionId }) => {
    let now = review;
    for (const voter of people) {
      for (const force of [true, false]) {
        const command = {
          kind: 'vote',
          verdict: 'approved',
          versionId,
          force,
          mayWithdraw: false,
          refusedWhenFinal: false,
          timeWindow: null,
          acknowledgedVersionIds: review.versions.map(({ id }) => id),
        } as const;
        const ruling = decide(now, command, voter);
        for (const fact of ruling.kind === 'recorded'
          ? numbered([ruling.fact], now.state.seq + 1)
          : []) {
          const state = evolve(now.state, fact);
          now = { ...now, state, status: state.status };
        }
      }
    }
    return now.status === 'APPROVED';
  });
}

/** Every choice of some of them, none included. */
function someOf<T>(of: readonly T[]): readonly (readonly T[])[] {
  return of.reduce<readonly (readonly T[])[]>(
    (before, one) => [...before, ...before.map((some) => [...some, one])],
    [[]],
  );
}

describe('what an undecided review lacks people for', () => {
  test.prop([anyScenario, fc.uniqueArray(anyVoter, { selector: ({ id }) => id })], {
    numRuns: 2_000,
  })(
    'is nothing exactly while the approvals of everybody would approve it',
    (scenario, directory) => {
      const { review } = play(scenario);
      fc.pre(review.status === 'PENDING');
      // Those who have voted have left: what they said stands, and they say no more.
      const voted = new Set(review.state.votes.map(({ reviewerId }) => reviewerId));
      const people = directory.filter(({ id }) => !voted.has(id));
      expect(lacked(review, people).length === 0).toBe(canBeApproved(review, people));
    },
  );

  const anyPeople = fc.uniqueArray(anyVoter, { selector: ({ id }) => id, maxLength: 5 });

  test.prop([anyReassignedScenario, anyPeople], { numRuns: 1_000 })(
    'is nothing while they could, whoever of those that have approved approves again',
    (scenario, people) => {
      const { review } = play(scenario);
      const voted = new Set(review.state.votes.map(({ reviewerId }) => reviewerId));
      const [again, first] = [true, false].map((has) =>
        people.filter(({ id }) => voted.has(id) === has),
      );
      const isPossible = someOf(again ?? []).some((some) =>
        canBeApproved(review, [...(first ?? []), ...some]),
      );
      if (isPossible) {
        expect(lacked(review, people)).toEqual([]);
      }
    },
  );

  const ann = aPerson('u_ann', { groups: ['finance'] });
  const bob = aPerson('u_bob', { groups: ['finance'] });
  const owner = aPerson('u_owner', { groups: ['finance'] });
  const two = aPolicy({ groups: [{ group: 'finance', required: 2 }] });
  const twoKeys = ['group:finance#1', 'group:finance#2'];

  test.each<readonly [string, Policy, readonly NewFact[], readonly Voter[], readonly string[]]>([
    ['enough members', two, [], [ann, bob], []],
    ['fewer members than are required', two, [], [ann], ['group:finance#2']],
    [
      'the owner as the last member',
      two,
      [aVote({ fills: twoKeys })],
      [ann, owner],
      ['group:finance#2'],
    ],
    [
      'somebody who approved, and can fill nothing today',
      two,
      [aVote({ fills: twoKeys })],
      [aPerson('u_ann'), bob],
      [],
    ],
    [
      'somebody who approved, and could only fill another entry instead',
      aPolicy({ groups: groups('finance', 'legal') }),
      [aVote({ fills: ['group:finance#1'] })],
      [aPerson('u_ann', { groups: ['legal'] })],
      ['group:legal#1'],
    ],
    [
      'somebody who approved, and would fill another entry today',
      aPolicy({ groups: [{ group: 'finance', required: 2 }, ...groups('legal')] }),
      [aVote({ fills: twoKeys })],
      [aPerson('u_ann', { groups: ['legal'] }), bob, aPerson('u_lee', { groups: ['legal'] })],
      [],
    ],
    [
      'somebody who approved, and would fill nothing but an optional entry today',
      aPolicy({
        groups: groups('legal'),
        reviewers: [
          { id: 'u_fyi', mandatory: false },
          { id: 'u_bob', mandatory: true },
        ],
      }),
      [
        aVote({ fills: ['group:legal#1'] }),
        {
          kind: 'reassigned',
          actorId: 'u_admin',
          entry: 'user:u_fyi',
          to: { kind: 'group', subject: 'finance' },
        },
      ],
      [aPerson('u_bob'), ann],
      [],
    ],
    [
      'an entry given to the only one who fills another',
      aPolicy({ groups: groups('finance', 'legal') }),
      [
        {
          kind: 'reassigned',
          actorId: 'u_admin',
          entry: 'group:legal#1',
          to: { kind: 'group', subject: 'finance' },
        },
      ],
      [ann],
      ['group:finance#1'],
    ],
  ])('with %s is this', (_title, policy, facts, people, keys) => {
    expect(lacked(aLockedReview({ policy, facts: numbered(facts) }), people)).toEqual(keys);
  });

  test('is nothing while another version than the newest could be approved', () => {
    const policy = aPolicy({ groups: groups('finance'), correctionAuthorMayApprove: false });
    const versions = [
      aVersion('rvr_1'),
      aVersion('rvr_2', { parentId: 'rvr_1', authorId: 'u_ann' }),
    ];
    expect(lacked(aLockedReview({ policy, versions }), [ann])).toEqual([]);
    const alone = aLockedReview({ policy, versions: versions.slice(1) });
    expect(lacked(alone, [ann])).toEqual(['group:finance#1']);
  });

  test('is nothing once it is decided', () => {
    const policy = aPolicy({ groups: groups('finance'), release: 'manual' });
    const facts = [aVote({ fills: ['group:finance#1'] })];
    expect(lacked(aLockedReview({ policy, facts }), [])).toEqual([]);
  });

  test('is said with what there is to be done about it', () => {
    const policy = aPolicy({ reviewers: [{ id: 'u_cfo', mandatory: true }] });
    const entries = [
      { key: 'user:u_cfo', kind: 'reviewer', subject: 'u_cfo', mandatory: true },
    ] as const;
    expect(describeLack(policy, entries)).toBe(
      'nobody can give it (reviewer u_cfo): an admin can add somebody who can (PUT /v1/users/{id}) or reassign the entry (POST /v1/workflows/reviews/{id}/reassign), or the run be cancelled',
    );
  });

  test('is the entry of the only approver who was removed', () => {
    const policy = aPolicy({ reviewers: [{ id: 'u_ann', mandatory: true }] });
    const review = aLockedReview({ policy });
    expect(lacked(review, [aPerson('u_ann')])).toEqual([]);
    expect(lacked(review, [aPerson('u_ben')])).toEqual(['user:u_ann']);
  });

  test('is the entry of a group that became empty, or whose last member is the owner', () => {
    const review = aLockedReview({ policy: aPolicy({ groups: groups('finance', 'legal') }) });
    const legal = aPerson('u_lee', { groups: ['legal'] });
    expect(lacked(review, [legal])).toEqual(['group:finance#1']);
    expect(lacked(review, [legal, aPerson('u_owner', { groups: ['finance'] })])).toEqual([
      'group:finance#1',
    ]);
    expect(lacked(review, [legal, aPerson('u_fay', { groups: ['finance'] })])).toEqual([]);
  });

  test('is nothing where somebody may force it', () => {
    const policy = aPolicy({ groups: groups('finance'), forceApprovalGroups: ['oncall'] });
    const review = aLockedReview({ policy });
    expect(lacked(review, [aPerson('u_ola', { groups: ['oncall'] })])).toEqual([]);
    expect(lacked(review, [aPerson('u_owner', { groups: ['oncall'] })])).toEqual([
      'group:finance#1',
    ]);
  });

  test('is not what somebody approved who has left since', () => {
    const policy = aPolicy({ groups: [{ group: 'finance', required: 2 }] });
    const facts = [aVote({ reviewerId: 'u_gone', fills: ['group:finance#1', 'group:finance#2'] })];
    const review = aLockedReview({ policy, facts });
    expect(lacked(review, [aPerson('u_fay', { groups: ['finance'] })])).toEqual([]);
    expect(lacked(review, [])).toEqual(['group:finance#2']);
  });
});
