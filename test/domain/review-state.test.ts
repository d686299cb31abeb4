import { describe, expect, test } from 'vitest';
import { actorOf, type Fact, type NewFact } from '../../src/domain/facts.js';
import type { Policy } from '../../src/domain/policy.js';
import {
  type Decision,
  entryStates,
  evolve,
  foldReview,
  openedReview,
  shownVersionId,
} from '../../src/domain/review-state.js';
import type { VotedStatus } from '../../src/domain/statuses.js';
import { aPolicy, aVote, groups, numbered } from '../support/builders.js';

type NewVote = Extract<NewFact, { kind: 'vote' }>;

function vote(
  reviewerId: string,
  verdict: NewVote['verdict'],
  fills: readonly string[],
  overrides: Partial<NewVote> = {},
): NewVote {
  return {
    kind: 'vote',
    reviewerId,
    verdict,
    fills,
    versionId: 'rvr_1',
    forced: false,
    actingFor: null,
    ...overrides,
  };
}

const FINANCE = ['group:finance#1'];
const LEGAL = ['group:legal#1'];
const cancelled: NewFact = { kind: 'cancelled', actorId: 'u_owner' };
const released: NewFact = { kind: 'release_requested', actorId: 'u_owner' };
const forced = vote('u_oncall', 'approved', [], { forced: true, actingFor: 'oncall' });

describe('openedReview', () => {
  test('is pending, with nothing said yet', () => {
    const policy = aPolicy();
    expect(openedReview(policy)).toEqual({
      policy,
      votes: [],
      withdrawn: [],
      status: 'PENDING',
      decision: null,
      cancelled: false,
      releaseRequested: false,
      seq: 0,
      acts: [],
    });
    expect(foldReview(policy, [])).toEqual(openedReview(policy));
  });
});

describe('evolve', () => {
  const policy = aPolicy({ groups: groups('finance', 'legal') });
  const finance = vote('u_fin', 'approved', FINANCE);
  const legal = vote('u_leg', 'approved', LEGAL);
  const histories = {
    opened: [],
    'half approved': [finance],
    approved: [finance, legal],
    rejected: [finance, vote('u_leg', 'rejected', LEGAL)],
    withdrawn: [finance, legal, vote('u_admin', 'revoked', [], { actingFor: 'admin' })],
    cancelled: [finance, cancelled],
    'cancelled when approved': [finance, legal, cancelled],
  } as const satisfies Record<string, readonly NewFact[]>;
  type History = keyof typeof histories;

  const approvedBy = (actorId: string, seq: number): Decision => ({
    verdict: 'approved',
    versionId: 'rvr_1',
    actorId,
    seq,
  });
  const rejectedBy = (actorId: string, seq: number): Decision => ({
    ...approvedBy(actorId, seq),
    verdict: 'rejected',
  });

  const another = vote('u_leg2', 'approved', LEGAL);
  const rejection = vote('u_leg2', 'rejected', LEGAL);
  const revocation = vote('u_owner', 'revoked', []);

  test.each<readonly [History, string, NewFact, VotedStatus, Decision | null]>([
    ['opened', 'an approval of one of two groups', finance, 'PENDING', null],
    ['opened', 'a forced approval', forced, 'APPROVED', approvedBy('u_oncall', 1)],
    ['opened', 'a rejection', rejection, 'REJECTED', rejectedBy('u_leg2', 1)],
    ['opened', 'a revocation', revocation, 'REVOKED', rejectedBy('u_owner', 1)],
    ['opened', 'a request of release', released, 'PENDING', null],
    ['opened', 'a cancellation', cancelled, 'REVOKED', null],

    ['half approved', 'the other approval', legal, 'APPROVED', approvedBy('u_leg', 2)],
    ['half approved', 'the same approval', finance, 'PENDING', null],
    [
      'half approved',
      'an approval of another version',
      { ...legal, versionId: 'rvr_2' },
      'PENDING',
      null,
    ],
    [
      'half approved',
      'a forced approval of another version',
      { ...forced, versionId: 'rvr_2' },
      'APPROVED',
      { ...approvedBy('u_oncall', 2), versionId: 'rvr_2' },
    ],
    [
      'half approved',
      'a rejection of another version',
      { ...rejection, versionId: 'rvr_2' },
      'REJECTED',
      { ...rejectedBy('u_leg2', 2), versionId: 'rvr_2' },
    ],

    ['approved', 'a late approval', another, 'APPROVED', approvedBy('u_leg', 2)],
    ['approved', 'a late forced approval', forced, 'APPROVED', approvedBy('u_leg', 2)],
    ['approved', 'a request of release', released, 'APPROVED', approvedBy('u_leg', 2)],
    ['approved', 'a rejection', rejection, 'REJECTED', rejectedBy('u_leg2', 3)],
    ['approved', 'a revocation', revocation, 'REVOKED', rejectedBy('u_owner', 3)],
    [
      'approved',
      'a revocation that names another version',
      { ...revocation, versionId: 'rvr_2' },
      'REVOKED',
      rejectedBy('u_owner', 3),
    ],
    ['approved', 'a cancellation', cancelled, 'REVOKED', rejectedBy('u_owner', 3)],

    ['rejected', 'an approval', legal, 'REJECTED', rejectedBy('u_leg', 2)],
    ['rejected', 'a forced approval', forced, 'REJECTED', rejectedBy('u_leg', 2)],
    ['rejected', 'a revocation', revocation, 'REJECTED', rejectedBy('u_leg', 2)],
    ['rejected', 'a cancellation', cancelled, 'REJECTED', rejectedBy('u_leg', 2)],

    ['withdrawn', 'an approval', another, 'REVOKED', rejectedBy('u_admin', 3)],
    ['withdrawn', 'a rejection', rejection, 'REVOKED', rejectedBy('u_admin', 3)],
    ['withdrawn', 'a cancellation', cancelled, 'REVOKED', rejectedBy('u_admin', 3)],

    ['cancelled', 'the other approval', legal, 'REVOKED', null],
    ['cancelled', 'a forced approval', forced, 'REVOKED', null],
    ['cancelled', 'a rejection', rejection, 'REVOKED', null],
    ['cancelled', 'a cancellation', cancelled, 'REVOKED', null],

    ['cancelled when approved', 'an approval', legal, 'REVOKED', rejectedBy('u_owner', 3)],
    ['cancelled when approved', 'a rejection', rejection, 'REVOKED', rejectedBy('u_owner', 3)],
  ])(
    'takes a review that is %s, by %s, to its status',
    (history, _fact, fact, status, decision) => {
      const before = foldReview(policy, numbered(histories[history]));
      const [next] = numbered([fact], before.seq + 1);
      const after = next === undefined ? before : evolve(before, next);
      expect({ status: after.status, decision: after.decision }).toEqual({ status, decision });
      expect(after.seq).toBe(before.seq + 1);
      expect(after.policy).toBe(policy);
    },
  );

  test('keeps every vote in order, the late ones included, and says no more than that', () => {
    const facts = numbered([finance, legal, released, another]);
    expect(foldReview(policy, facts)).toEqual({
      policy,
      votes: facts.filter(({ kind }) => kind === 'vote'),
      withdrawn: [],
      status: 'APPROVED',
      decision: approvedBy('u_leg', 2),
      cancelled: false,
      releaseRequested: true,
      seq: 4,
      acts: ['u_fin', 'u_leg', 'u_owner', 'u_leg2'].map((actorId) => ({ actorId, count: 1 })),
    });
  });

  test.each<readonly [History, boolean]>([
    ['opened', true],
    ['half approved', true],
    ['approved', false],
    ['rejected', false],
    ['withdrawn', false],
    ['cancelled', true],
  ])('calls a review that is %s cancelled only if it was undecided', (history, isCancelled) => {
    const facts = numbered([...histories[history], cancelled]);
    expect(foldReview(policy, facts).cancelled).toBe(isCancelled);
  });

  test('a revocation that finds an approval without a decision is cancelled without one', () => {
    const odd = { ...openedReview(policy), status: 'APPROVED' } as const;
    const [fact] = numbered([cancelled]);
    expect(fact && evolve(odd, fact)).toMatchObject({ status: 'REVOKED', decision: null });
  });

  test.each<readonly [string, readonly NewFact[], VotedStatus, Decision | null]>([
    ['one of two approvals', [finance, { kind: 'withdrawn', actorId: 'u_fin' }], 'PENDING', null],
    [
      'an approval that was needed',
      [finance, legal, released, { kind: 'withdrawn', actorId: 'u_fin' }],
      'PENDING',
      null,
    ],
    [
      'an approval that others gave as well',
      [finance, legal, another, { kind: 'withdrawn', actorId: 'u_leg' }],
      'APPROVED',
      approvedBy('u_leg2', 3),
    ],
    [
      'an approval beside a forced one',
      [finance, forced, { kind: 'withdrawn', actorId: 'u_fin' }],
      'APPROVED',
      approvedBy('u_oncall', 2),
    ],
    [
      'an approval of a review that was refused since',
      [finance, rejection, { kind: 'withdrawn', actorId: 'u_fin' }],
      'REJECTED',
      rejectedBy('u_leg2', 2),
    ],
  ])('after somebody took back %s', (_what, facts, status, decision) => {
    const state = foldReview(policy, numbered(facts));
    expect({ status: state.status, decision: state.decision }).toEqual({ status, decision });
    expect(state.releaseRequested).toBe(false);
    expect(state.withdrawn).toEqual([
      {
        actorId: facts.at(-1)?.kind === 'withdrawn' ? actorOf(facts.at(-1) ?? released) : '',
        seq: facts.length,
      },
    ]);
  });

  test('keeps of a person who changes their mind what they said last, however often', () => {
    const facts = numbered(
      Array.from({ length: 11_000 }, (_, n) => ({ ...finance, versionId: `rvr_${n % 2}` })),
    );
    const state = foldReview(policy, facts);
    expect(state.votes).toEqual(facts.slice(-1));
    expect(state.acts).toEqual([{ actorId: 'u_fin', count: 11_000 }]);
    expect(JSON.stringify(state).length).toBeLessThan(1_000);
  });

  test('leaves its argument as it was', () => {
    const before = foldReview(policy, numbered([finance]));
    const copy = structuredClone(before);
    evolve(before, aVote({ seq: 2, reviewerId: 'u_leg', fills: LEGAL }));
    expect(before).toEqual(copy);
  });
});

describe('shownVersionId', () => {
  test('is the newest version until one is decided on', () => {
    const undecided = openedReview(aPolicy());
    expect(shownVersionId(undecided, 'rvr_9')).toBe('rvr_9');
    expect(shownVersionId(evolve(undecided, aVote()), 'rvr_9')).toBe('rvr_1');
  });
});

describe('entryStates', () => {
  type Row = readonly [key: string, status: VotedStatus, reviewerId: string | null];

  function rowsOf(policy: Policy, facts: readonly NewFact[], newest = 'rvr_1'): readonly Row[] {
    return entryStates(foldReview(policy, numbered(facts)), newest).map(
      ({ key, status, vote: held }) => [key, status, held?.reviewerId ?? null],
    );
  }

  const two = aPolicy({ groups: groups('finance', 'legal') });
  const both = [...FINANCE, ...LEGAL];
  const declared = aPolicy({
    groups: [{ group: 'finance', required: 2 }],
    reviewers: [
      { id: 'u_ann', mandatory: true },
      { id: 'u_fyi', mandatory: false },
    ],
  });
  const twoOfFinance = ['group:finance#1', 'group:finance#2'];
  const forcing = aPolicy({ groups: groups('finance', 'sre'), forceApprovalGroups: ['sre'] });

  test.each<readonly [string, Policy, readonly NewFact[], readonly Row[]]>([
    ['a gate without declared entries has one row', aPolicy(), [], [['anyone', 'PENDING', null]]],
    [
      'every entry has a row, optional ones included, and starts pending',
      declared,
      [],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:finance#2', 'PENDING', null],
        ['user:u_ann', 'PENDING', null],
        ['user:u_fyi', 'PENDING', null],
      ],
    ],
    [
      'an approval fills all pending rows of its reviewer',
      two,
      [vote('u_bob', 'approved', both)],
      [
        ['group:finance#1', 'APPROVED', 'u_bob'],
        ['group:legal#1', 'APPROVED', 'u_bob'],
      ],
    ],
    [
      'of n rows of one group it fills one, beside the row that names its reviewer',
      declared,
      [vote('u_ann', 'approved', [...twoOfFinance, 'user:u_ann'])],
      [
        ['group:finance#1', 'APPROVED', 'u_ann'],
        ['group:finance#2', 'PENDING', null],
        ['user:u_ann', 'APPROVED', 'u_ann'],
        ['user:u_fyi', 'PENDING', null],
      ],
    ],
    [
      'under one person, one entry it fills one row',
      { ...two, onePersonOneEntry: true },
      [vote('u_bob', 'approved', both)],
      [
        ['group:finance#1', 'APPROVED', 'u_bob'],
        ['group:legal#1', 'PENDING', null],
      ],
    ],
    [
      'a row keeps its first reviewer when a colleague approves as well',
      two,
      [vote('u_ann', 'approved', FINANCE), vote('u_bob', 'approved', FINANCE)],
      [
        ['group:finance#1', 'APPROVED', 'u_ann'],
        ['group:legal#1', 'PENDING', null],
      ],
    ],
    [
      'a late approval fills a row that is still pending',
      { ...two, minApprovals: 1 },
      [vote('u_ann', 'approved', FINANCE), vote('u_bob', 'approved', both)],
      [
        ['group:finance#1', 'APPROVED', 'u_ann'],
        ['group:legal#1', 'APPROVED', 'u_bob'],
      ],
    ],
    [
      "a rejection turns its reviewer's pending row, and leaves the other rows as they are",
      two,
      [vote('u_ann', 'approved', FINANCE), vote('u_bob', 'rejected', LEGAL)],
      [
        ['group:finance#1', 'APPROVED', 'u_ann'],
        ['group:legal#1', 'REJECTED', 'u_bob'],
      ],
    ],
    [
      'a rejection turns the row that its reviewer had approved',
      two,
      [vote('u_ann', 'approved', FINANCE), vote('u_ann', 'rejected', FINANCE)],
      [
        ['group:finance#1', 'REJECTED', 'u_ann'],
        ['group:legal#1', 'PENDING', null],
      ],
    ],
    [
      'of n rows of one group a rejection turns one',
      declared,
      [vote('u_bob', 'rejected', twoOfFinance)],
      [
        ['group:finance#1', 'REJECTED', 'u_bob'],
        ['group:finance#2', 'PENDING', null],
        ['user:u_ann', 'PENDING', null],
        ['user:u_fyi', 'PENDING', null],
      ],
    ],
    [
      'of n rows of one group a rejection turns the one that its reviewer had approved',
      declared,
      [
        vote('u_cyd', 'approved', twoOfFinance),
        vote('u_bob', 'approved', twoOfFinance),
        vote('u_bob', 'rejected', twoOfFinance),
      ],
      [
        ['group:finance#1', 'APPROVED', 'u_cyd'],
        ['group:finance#2', 'REJECTED', 'u_bob'],
        ['user:u_ann', 'PENDING', null],
        ['user:u_fyi', 'PENDING', null],
      ],
    ],
    [
      'an optional reviewer rejects in their own row',
      declared,
      [vote('u_fyi', 'rejected', ['user:u_fyi'])],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:finance#2', 'PENDING', null],
        ['user:u_ann', 'PENDING', null],
        ['user:u_fyi', 'REJECTED', 'u_fyi'],
      ],
    ],
    [
      'a rejection by somebody whose only row a colleague has filled turns that row, whatever it said',
      two,
      [vote('u_ann', 'approved', FINANCE), vote('u_bob', 'rejected', FINANCE)],
      [
        ['group:finance#1', 'REJECTED', 'u_bob'],
        ['group:legal#1', 'PENDING', null],
      ],
    ],
    [
      'a rejection by an admin outside every entry is appended as admin',
      two,
      [vote('u_admin', 'rejected', [], { actingFor: 'admin' })],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:legal#1', 'PENDING', null],
        ['group:admin', 'REJECTED', 'u_admin'],
      ],
    ],
    [
      'a withdrawal by the owner is appended, and the approvals stay to be seen',
      two,
      [vote('u_bob', 'approved', both), vote('u_owner', 'revoked', [])],
      [
        ['group:finance#1', 'APPROVED', 'u_bob'],
        ['group:legal#1', 'APPROVED', 'u_bob'],
        ['user:u_owner', 'REVOKED', 'u_owner'],
      ],
    ],
    [
      'a withdrawal that names another version leaves the rows on the decided one',
      two,
      [
        vote('u_bob', 'approved', both),
        vote('u_admin', 'rejected', [], { versionId: 'rvr_2', actingFor: 'admin' }),
      ],
      [
        ['group:finance#1', 'APPROVED', 'u_bob'],
        ['group:legal#1', 'APPROVED', 'u_bob'],
        ['group:admin', 'REJECTED', 'u_admin'],
      ],
    ],
    [
      'somebody who approved and withdraws turns all rows that they had filled',
      two,
      [vote('u_bob', 'approved', both), vote('u_bob', 'revoked', both)],
      [
        ['group:finance#1', 'REVOKED', 'u_bob'],
        ['group:legal#1', 'REVOKED', 'u_bob'],
      ],
    ],
    [
      'a forced approval sets the row of its force group',
      forcing,
      [vote('u_sre', 'approved', ['group:sre#1'], { forced: true, actingFor: 'sre' })],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:sre#1', 'APPROVED', 'u_sre'],
      ],
    ],
    [
      'a forced approval is appended where its force group has no row',
      two,
      [forced],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:legal#1', 'PENDING', null],
        ['group:oncall', 'APPROVED', 'u_oncall'],
      ],
    ],
    [
      'a forced approval sets the row of its force group, whoever had filled it',
      forcing,
      [
        vote('u_ann', 'approved', ['group:sre#1']),
        vote('u_sre', 'approved', ['group:sre#1'], { forced: true, actingFor: 'sre' }),
      ],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:sre#1', 'APPROVED', 'u_sre'],
      ],
    ],
    [
      'a forced rejection sets the row of its force group',
      forcing,
      [vote('u_sre', 'rejected', ['group:sre#1'], { forced: true, actingFor: 'sre' })],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:sre#1', 'REJECTED', 'u_sre'],
      ],
    ],
    [
      'somebody who forced and withdraws turns the row that was appended for them',
      two,
      [forced, vote('u_oncall', 'revoked', [])],
      [
        ['group:finance#1', 'PENDING', null],
        ['group:legal#1', 'PENDING', null],
        ['group:oncall', 'REVOKED', 'u_oncall'],
      ],
    ],
    [
      'a cancellation leaves the rows untouched',
      two,
      [vote('u_ann', 'approved', FINANCE), cancelled],
      [
        ['group:finance#1', 'APPROVED', 'u_ann'],
        ['group:legal#1', 'PENDING', null],
      ],
    ],
  ])('%s', (_title, policy, facts, rows) => {
    expect(rowsOf(policy, facts)).toEqual(rows);
  });

  test('shows the newest version while undecided: approvals of an older one leave it pending', () => {
    const facts = [vote('u_ann', 'approved', FINANCE)];
    expect(rowsOf(two, facts, 'rvr_2')).toEqual([
      ['group:finance#1', 'PENDING', null],
      ['group:legal#1', 'PENDING', null],
    ]);
  });

  test('shows the decided version once there is one, whichever is the newest', () => {
    const facts = [vote('u_bob', 'approved', both)];
    expect(rowsOf(two, facts, 'rvr_2')).toEqual([
      ['group:finance#1', 'APPROVED', 'u_bob'],
      ['group:legal#1', 'APPROVED', 'u_bob'],
    ]);
  });

  test('gives a row its entry and the vote that set it, and marks an appended one as optional', () => {
    const fact: Fact = aVote({
      verdict: 'rejected',
      reviewerId: 'u_admin',
      fills: [],
      actingFor: 'admin',
    });
    expect(entryStates(foldReview(aPolicy(), [fact]), 'rvr_1')).toEqual([
      {
        key: 'anyone',
        kind: 'anyone',
        subject: '',
        mandatory: true,
        status: 'PENDING',
        vote: null,
      },
      {
        key: 'group:admin',
        kind: 'group',
        subject: 'admin',
        mandatory: false,
        status: 'REJECTED',
        vote: fact,
      },
    ]);
    const named = aVote({ verdict: 'rejected', reviewerId: 'u_owner', fills: [] });
    expect(entryStates(foldReview(aPolicy(), [named]), 'rvr_1').at(-1)).toEqual({
      key: 'user:u_owner',
      kind: 'reviewer',
      subject: 'u_owner',
      mandatory: false,
      status: 'REJECTED',
      vote: named,
    });
  });
});
