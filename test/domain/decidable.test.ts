import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { lackedEntries } from '../../src/domain/decidable.js';
import { decide, type LockedReview } from '../../src/domain/decide.js';
import type { Voter } from '../../src/domain/people.js';
import { evolve } from '../../src/domain/review-state.js';
import { aLockedReview, aPerson, aPolicy, aVote, groups, numbered } from '../support/builders.js';
import { anyScenario, anyVoter, play } from './scenarios.js';

/** The keys of what a review lacks people for. */
function lacked(review: LockedReview, people: readonly Voter[]): readonly string[] {
  const newestVersionId = review.versions.at(-1)?.id ?? '';
  return lackedEntries({ ...review, newestVersionId }, people).map(({ key }) => key);
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
