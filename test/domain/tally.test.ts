import { describe, expect, test } from 'vitest';
import type { VoteRecorded } from '../../src/domain/facts.js';
import { entriesOf, type Policy } from '../../src/domain/policy.js';
import { standingVotes, tally } from '../../src/domain/tally.js';
import { aPolicy, aVote, groups } from '../support/builders.js';

/** Who approves, and which entries they may fill: votes numbered in the order given. */
type Approvals = readonly (readonly [reviewerId: string, fills: readonly string[]])[];

function approvalsOf(approvals: Approvals): readonly VoteRecorded[] {
  return approvals.map(([reviewerId, fills], index) =>
    aVote({ seq: index + 1, reviewerId, fills }),
  );
}

/** A tally as one reads it: who fills what, what is missing, whether it is enough. */
function counted(policy: Policy, votes: readonly VoteRecorded[], versionId = 'rvr_1') {
  const { filled, missing, complete, stillNeeded } = tally(policy, votes, versionId);
  return {
    filled: Object.fromEntries([...filled].map(([key, vote]) => [key, vote.reviewerId])),
    missing: missing.map(({ key }) => key),
    stillNeeded,
    complete,
  };
}

const finance = ['group:finance#1'];
const legal = ['group:legal#1'];
const twoOfFinance = ['group:finance#1', 'group:finance#2'];

describe('standingVotes', () => {
  test('keeps of each reviewer the latest vote, in seq order', () => {
    const first = aVote({ seq: 1, reviewerId: 'u_ann' });
    const other = aVote({ seq: 2, reviewerId: 'u_bob' });
    const later = aVote({ seq: 3, reviewerId: 'u_ann', versionId: 'rvr_2' });
    const refusal = aVote({ seq: 4, reviewerId: 'u_cyd', verdict: 'rejected' });
    expect(standingVotes([first, other, later, refusal])).toEqual([other, later, refusal]);
    expect(standingVotes([])).toEqual([]);
  });
});

describe('tally, where an approval fills all entries of its reviewer', () => {
  const both = aPolicy({ groups: groups('finance', 'legal') });
  const two = aPolicy({ groups: [{ group: 'finance', required: 2 }] });
  const named = aPolicy({
    groups: groups('finance'),
    reviewers: [
      { id: 'u_bob', mandatory: true },
      { id: 'u_fyi', mandatory: false },
    ],
  });
  const oneOf = (minApprovals: number): Policy =>
    aPolicy({ groups: groups('finance', 'legal', 'tax'), minApprovals });

  test.each<[string, Policy, Approvals, ReturnType<typeof counted>]>([
    [
      'a gate without declared entries lacks one approval by anyone',
      aPolicy(),
      [],
      { filled: {}, missing: ['anyone'], stillNeeded: 1, complete: false },
    ],
    [
      'one approval by anyone is enough there',
      aPolicy(),
      [['u_ann', ['anyone']]],
      { filled: { anyone: 'u_ann' }, missing: [], stillNeeded: 0, complete: true },
    ],
    [
      'every group is needed',
      both,
      [['u_ann', finance]],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['group:legal#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'one person of both groups fills both entries',
      both,
      [['u_ann', [...finance, ...legal]]],
      {
        filled: { 'group:finance#1': 'u_ann', 'group:legal#1': 'u_ann' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'an entry stays with the first who filled it',
      both,
      [
        ['u_ann', finance],
        ['u_bob', finance],
      ],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['group:legal#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'of two entries of one group a person fills one',
      two,
      [['u_ann', twoOfFinance]],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['group:finance#2'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'two members fill the two entries of a group',
      two,
      [
        ['u_ann', twoOfFinance],
        ['u_bob', twoOfFinance],
      ],
      {
        filled: { 'group:finance#1': 'u_ann', 'group:finance#2': 'u_bob' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'the same member twice does not',
      two,
      [
        ['u_ann', twoOfFinance],
        ['u_ann', twoOfFinance],
      ],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['group:finance#2'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'a mandatory reviewer is needed beside the groups',
      named,
      [['u_ann', finance]],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['user:u_bob'],
        stillNeeded: 0,
        complete: false,
      },
    ],
    [
      'an optional reviewer neither completes nor is missing',
      named,
      [
        ['u_ann', finance],
        ['u_fyi', ['user:u_fyi']],
      ],
      {
        filled: { 'group:finance#1': 'u_ann', 'user:u_fyi': 'u_fyi' },
        missing: ['user:u_bob'],
        stillNeeded: 0,
        complete: false,
      },
    ],
    [
      'groups and mandatory reviewers are enough without the optional one',
      named,
      [
        ['u_ann', finance],
        ['u_bob', ['user:u_bob']],
      ],
      {
        filled: { 'group:finance#1': 'u_ann', 'user:u_bob': 'u_bob' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'with min_approvals every open group entry is named, and how many are still needed',
      oneOf(2),
      [['u_ann', finance]],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['group:legal#1', 'group:tax#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'with min_approvals that many group entries are enough',
      oneOf(2),
      [
        ['u_ann', finance],
        ['u_bob', ['group:tax#1']],
      ],
      {
        filled: { 'group:finance#1': 'u_ann', 'group:tax#1': 'u_bob' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'more than min_approvals are enough, too',
      oneOf(1),
      [['u_ann', [...finance, ...legal]]],
      {
        filled: { 'group:finance#1': 'u_ann', 'group:legal#1': 'u_ann' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'min_approvals beyond the number of group entries asks for all of them',
      oneOf(9),
      [['u_ann', [...finance, ...legal]]],
      {
        filled: { 'group:finance#1': 'u_ann', 'group:legal#1': 'u_ann' },
        missing: ['group:tax#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'min_approvals of none still asks for one',
      oneOf(0),
      [],
      {
        filled: {},
        missing: ['group:finance#1', 'group:legal#1', 'group:tax#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'a filled optional entry is not one of min_approvals',
      aPolicy({ ...named, minApprovals: 1 }),
      [
        ['u_fyi', ['user:u_fyi']],
        ['u_bob', ['user:u_bob']],
      ],
      {
        filled: { 'user:u_fyi': 'u_fyi', 'user:u_bob': 'u_bob' },
        missing: ['group:finance#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'a vote that claims entries which do not exist fills nothing',
      both,
      [['u_ann', ['anyone', 'group:finance#2', 'group:sre#1', 'user:u_ann']]],
      {
        filled: {},
        missing: ['group:finance#1', 'group:legal#1'],
        stillNeeded: 2,
        complete: false,
      },
    ],
  ])('%s', (_title, policy, approvals, expected) => {
    expect(counted(policy, approvalsOf(approvals))).toEqual(expected);
  });

  test('approvals of different versions never add up', () => {
    const votes = [
      aVote({ seq: 1, reviewerId: 'u_ann', fills: finance, versionId: 'rvr_1' }),
      aVote({ seq: 2, reviewerId: 'u_bob', fills: legal, versionId: 'rvr_2' }),
    ];
    expect(counted(both, votes, 'rvr_1').filled).toEqual({ 'group:finance#1': 'u_ann' });
    expect(counted(both, votes, 'rvr_2').filled).toEqual({ 'group:legal#1': 'u_bob' });
  });

  test("a person's later approval of another version takes the earlier one back", () => {
    const votes = [
      aVote({ seq: 1, reviewerId: 'u_ann', fills: finance, versionId: 'rvr_1' }),
      aVote({ seq: 2, reviewerId: 'u_ann', fills: finance, versionId: 'rvr_2' }),
      aVote({ seq: 3, reviewerId: 'u_bob', fills: legal, versionId: 'rvr_1' }),
    ];
    expect(counted(both, votes, 'rvr_1').filled).toEqual({ 'group:legal#1': 'u_bob' });
    expect(counted(both, votes, 'rvr_2').filled).toEqual({ 'group:finance#1': 'u_ann' });
  });

  test.each<['rejected' | 'revoked']>([['rejected'], ['revoked']])(
    'a vote of %s fills nothing, and takes back what its reviewer had filled',
    (verdict) => {
      const votes = [
        aVote({ seq: 1, reviewerId: 'u_ann', fills: finance }),
        aVote({ seq: 2, reviewerId: 'u_ann', fills: finance, verdict }),
      ];
      expect(counted(both, votes).filled).toEqual({});
    },
  );
});

describe('tally, where a person fills one entry', () => {
  const both = aPolicy({ groups: groups('finance', 'legal'), onePersonOneEntry: true });

  test.each<[string, Policy, Approvals, ReturnType<typeof counted>]>([
    [
      'one person of both groups fills one entry',
      both,
      [['u_ann', [...finance, ...legal]]],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['group:legal#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'somebody of both groups makes room for a member of only one',
      both,
      [
        ['u_ann', [...finance, ...legal]],
        ['u_bob', finance],
      ],
      {
        filled: { 'group:finance#1': 'u_bob', 'group:legal#1': 'u_ann' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'a named reviewer fills their own entry rather than one of a group',
      aPolicy({
        groups: groups('finance'),
        reviewers: [{ id: 'u_ann', mandatory: true }],
        onePersonOneEntry: true,
      }),
      [['u_ann', [...finance, 'user:u_ann']]],
      {
        filled: { 'user:u_ann': 'u_ann' },
        missing: ['group:finance#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
    [
      'an optional reviewer fills a required entry of their group rather than their own',
      aPolicy({
        groups: groups('finance'),
        reviewers: [{ id: 'u_ann', mandatory: false }],
        onePersonOneEntry: true,
      }),
      [['u_ann', [...finance, 'user:u_ann']]],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'and their own when somebody else can fill that one',
      aPolicy({
        groups: groups('finance'),
        reviewers: [{ id: 'u_ann', mandatory: false }],
        onePersonOneEntry: true,
      }),
      [
        ['u_ann', [...finance, 'user:u_ann']],
        ['u_bob', finance],
      ],
      {
        filled: { 'group:finance#1': 'u_bob', 'user:u_ann': 'u_ann' },
        missing: [],
        stillNeeded: 0,
        complete: true,
      },
    ],
    [
      'with min_approvals one person in two groups counts once',
      aPolicy({
        groups: groups('finance', 'legal', 'tax'),
        minApprovals: 2,
        onePersonOneEntry: true,
      }),
      [['u_ann', [...finance, ...legal]]],
      {
        filled: { 'group:finance#1': 'u_ann' },
        missing: ['group:legal#1', 'group:tax#1'],
        stillNeeded: 1,
        complete: false,
      },
    ],
  ])('%s', (_title, policy, approvals, expected) => {
    expect(counted(policy, approvalsOf(approvals))).toEqual(expected);
  });
});

describe('tally, of a gate that requires nothing or what cannot be', () => {
  const fyi = [{ id: 'u_fyi', mandatory: false }];

  test.each<[string, Policy]>([
    ['only optional reviewers', aPolicy({ reviewers: fyi })],
    [
      'only optional reviewers, one entry each',
      aPolicy({ reviewers: fyi, onePersonOneEntry: true }),
    ],
    ['only optional reviewers and min_approvals 0', aPolicy({ reviewers: fyi, minApprovals: 0 })],
    ['a group of which nobody is required', aPolicy({ groups: [{ group: 'x', required: 0 }] })],
    ['less than nobody', aPolicy({ groups: [{ group: 'x', required: -1 }] })],
    [
      'min_approvals of group entries that it does not have',
      aPolicy({ reviewers: [{ id: 'u_fyi', mandatory: true }], minApprovals: 1 }),
    ],
    [
      'a number of approvals that is none',
      aPolicy({ groups: groups('finance'), minApprovals: Number.NaN }),
    ],
  ])('a policy of %s is never complete', (_title, policy) => {
    const everything = ['anyone', 'user:u_fyi', 'group:x#1', 'group:x#0', ...finance];
    for (const approvals of [[], ['u_fyi'], ['u_fyi', 'u_ann', 'u_bob']]) {
      const votes = approvalsOf(approvals.map((id) => [id, everything]));
      expect(tally(policy, votes, 'rvr_1').complete).toBe(false);
    }
  });

  test('a group of which nobody is required does not let anybody in instead', () => {
    expect(entriesOf(aPolicy({ groups: [{ group: 'x', required: 0 }] }))).toEqual([]);
  });
});
