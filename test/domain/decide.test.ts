import { describe, expect, test } from 'vitest';
import {
  type Command,
  decide,
  MAX_FACTS_OF_PERSON,
  MAX_FACTS_OF_REVIEW,
  type LockedReview,
  mayFillEntry,
  type Ruling,
  ruleOnCorrection,
} from '../../src/domain/decide.js';
import type { Fact, NewFact } from '../../src/domain/facts.js';
import type { Voter } from '../../src/domain/people.js';
import type { Policy, Release } from '../../src/domain/policy.js';
import type { Refusal } from '../../src/domain/refusals.js';
import type { ReviewStatus } from '../../src/domain/statuses.js';
import {
  aLockedReview,
  aPerson,
  aPolicy,
  aService,
  aVersion,
  aVote,
  groups,
  numbered,
} from '../support/builders.js';

type VoteCommand = Extract<Command, { kind: 'vote' }>;
type NewVote = Extract<NewFact, { kind: 'vote' }>;

function vote(verdict: VoteCommand['verdict'], overrides: Partial<VoteCommand> = {}): VoteCommand {
  return {
    kind: 'vote',
    verdict,
    versionId: 'rvr_1',
    force: false,
    mayWithdraw: false,
    refusedWhenFinal: false,
    timeWindow: null,
    acknowledgedVersionIds: [],
    ...overrides,
  };
}

function voteFact(
  voter: Voter,
  verdict: VoteCommand['verdict'],
  overrides: Partial<NewVote> = {},
): NewVote {
  return {
    kind: 'vote',
    reviewerId: voter.id,
    versionId: 'rvr_1',
    verdict,
    fills: [],
    forced: false,
    actingFor: null,
    ...overrides,
  };
}

function recorded(fact: NewFact): Ruling {
  return { kind: 'recorded', fact, late: false };
}

function recordedLate(fact: NewFact): Ruling {
  return { kind: 'recorded', fact, late: true };
}

function refused(...refusals: readonly Refusal[]): Ruling {
  return { kind: 'refused', refusals };
}

const owner = aPerson('u_owner');
const ann = aPerson('u_ann', { groups: ['finance'] });
const bob = aPerson('u_bob', { groups: ['finance', 'legal'] });
const stranger = aPerson('u_stranger');
const admin = aPerson('u_admin', { roles: ['reviewer', 'admin'] });
const service = aService('svc_backend', { groups: ['finance', 'oncall'], roles: ['reviewer'] });

const notEligible = (voter: Voter, needs: string): Refusal => ({
  code: 'NOT_ELIGIBLE',
  personId: voter.id,
  needs,
});

const decided = (status: ReviewStatus, versionId = 'rvr_1'): Refusal => ({
  code: 'REVIEW_DECIDED',
  reviewId: 'rev_1',
  status,
  versionId,
});

/**
 * Every status × command × who, for one gate that has each kind of entry: a group, a mandatory and
 * an optional reviewer, and a force group. Who may ask is written down apart from what the status
 * allows, since the one does not depend on the other; their product is asserted.
 */
describe('decide, over every status, command and person', () => {
  const policy = aPolicy({
    groups: groups('finance'),
    reviewers: [
      { id: 'u_named', mandatory: true },
      { id: 'u_fyi', mandatory: false },
    ],
    forceApprovalGroups: ['oncall'],
    release: 'manual',
  });
  const needs = 'a member of finance, reviewer u_named, reviewer u_fyi';

  const voters = {
    stranger,
    owner: aPerson('u_owner', { groups: ['finance'] }),
    admin,
    auditor: aPerson('u_auditor', { roles: ['auditor'] }),
    colleague: aPerson('u_colleague', { groups: ['finance'] }),
    named: aPerson('u_named'),
    fyi: aPerson('u_fyi'),
    oncall: aPerson('u_oncall', { groups: ['oncall'] }),
    service,
  };
  type Who = keyof typeof voters;
  const everybody: readonly Who[] = [
    'stranger',
    'owner',
    'admin',
    'auditor',
    'colleague',
    'named',
    'fyi',
    'oncall',
    'service',
  ];

  const fills: Record<Who, readonly string[]> = {
    stranger: [],
    owner: ['group:finance#1'],
    admin: [],
    auditor: [],
    colleague: ['group:finance#1'],
    named: ['user:u_named'],
    fyi: ['user:u_fyi'],
    oncall: [],
    service: [],
  };

  const approved: readonly NewFact[] = [
    voteFact(ann, 'approved', { fills: ['group:finance#1'] }),
    voteFact(voters.named, 'approved', { fills: ['user:u_named'] }),
  ];
  const facts = {
    PENDING: [],
    APPROVED: approved,
    REJECTED: [voteFact(ann, 'rejected', { fills: ['group:finance#1'] })],
    REVOKED: [...approved, voteFact(aPerson('u_boss'), 'revoked', { actingFor: 'admin' })],
    CANCELLED: [{ kind: 'cancelled', actorId: 'u_owner' }],
    PROCESSING: approved,
    EXECUTED: approved,
    UNKNOWN: approved,
  } as const satisfies Record<ReviewStatus | 'CANCELLED', readonly NewFact[]>;
  type Situation = keyof typeof facts;

  type Asked =
    | Extract<Command, { kind: 'vote' | 'release' }>
    | (Extract<Command, { kind: 'withdraw' }> & { readonly verdict: 'revoked' });
  const commands = {
    approve: vote('approved'),
    'approve another version': vote('approved', { versionId: 'rvr_2' }),
    reject: vote('rejected'),
    'reject or withdraw': vote('rejected', { mayWithdraw: true }),
    revoke: vote('revoked', { mayWithdraw: true }),
    'force an approval': vote('approved', { force: true }),
    'force a rejection': vote('rejected', { force: true }),
    withdraw: { kind: 'withdraw', verdict: 'revoked', what: 'decision' },
    release: { kind: 'release' },
  } as const satisfies Record<string, Asked>;
  type CommandName = keyof typeof commands;

  type MayCode =
    'NOT_ELIGIBLE' | 'SELF_APPROVAL' | 'NOT_IN_FORCE_GROUP' | 'NOT_OWNER' | 'SERVICE_CANNOT_VOTE';
  const NE = ['NOT_ELIGIBLE'] as const;
  const NF = ['NOT_IN_FORCE_GROUP'] as const;
  const NO = ['NOT_OWNER'] as const;
  const SV = ['SERVICE_CANNOT_VOTE'] as const;
  const SELF = ['SELF_APPROVAL'] as const;
  const ok = [] as const;

  const questions = ['approve', 'reject', 'force', 'force against', 'undo', 'release'] as const;
  type Question = (typeof questions)[number];

  // prettier-ignore
  const whoMay: Record<Who, readonly (readonly MayCode[])[]> = {
    //          approve reject force             force against    undo release
    stranger:  [NE,     NE,    NF,               NF,              NO,  NO],
    owner:     [SELF,   NE,    [...SELF, ...NF], [...NF, ...NE],  ok,  ok],
    admin:     [NE,     ok,    NF,               NF,              ok,  ok],
    auditor:   [NE,     NE,    NF,               NF,              NO,  ok],
    colleague: [ok,     ok,    NF,               NF,              NO,  NO],
    named:     [ok,     ok,    NF,               NF,              NO,  NO],
    fyi:       [ok,     ok,    NF,               NF,              NO,  NO],
    oncall:    [NE,     NE,    ok,               ok,              NO,  NO],
    service:   [SV,     SV,    SV,               SV,              SV,  NO],
  };

  type StatusCode = 'REVIEW_DECIDED' | 'REVIEW_CANCELLED' | 'NOT_APPROVED' | 'ALREADY_RELEASED';
  type Outcome = 'recorded' | 'late' | 'already';
  type Row = readonly [
    situation: Situation,
    command: CommandName,
    may: Question,
    then: StatusCode | Outcome,
    exceptions?: Partial<Record<Who, 'late' | { readonly repeats: number }>>,
  ];

  // `u_named` gave the approval with seq 2 wherever the review was approved; the entry of `u_fyi`
  // is still open there.
  const late = { named: { repeats: 2 }, fyi: 'late' } as const;
  const repeats = { named: { repeats: 2 } } as const;

  const rows: readonly Row[] = [
    ['PENDING', 'approve', 'approve', 'recorded'],
    ['PENDING', 'approve another version', 'approve', 'recorded'],
    ['PENDING', 'reject', 'reject', 'recorded'],
    ['PENDING', 'reject or withdraw', 'reject', 'recorded'],
    ['PENDING', 'revoke', 'reject', 'NOT_APPROVED'],
    ['PENDING', 'force an approval', 'force', 'recorded'],
    ['PENDING', 'force a rejection', 'force against', 'recorded'],
    ['PENDING', 'withdraw', 'undo', 'NOT_APPROVED'],
    ['PENDING', 'release', 'release', 'NOT_APPROVED'],

    ['APPROVED', 'approve', 'approve', 'already', late],
    ['APPROVED', 'approve another version', 'approve', 'REVIEW_DECIDED'],
    ['APPROVED', 'reject', 'reject', 'REVIEW_DECIDED'],
    ['APPROVED', 'reject or withdraw', 'undo', 'late'],
    ['APPROVED', 'revoke', 'undo', 'late'],
    ['APPROVED', 'force an approval', 'force', 'already'],
    ['APPROVED', 'force a rejection', 'force against', 'REVIEW_DECIDED'],
    ['APPROVED', 'withdraw', 'undo', 'late'],
    ['APPROVED', 'release', 'release', 'late'],

    ['REJECTED', 'approve', 'approve', 'REVIEW_DECIDED'],
    ['REJECTED', 'approve another version', 'approve', 'REVIEW_DECIDED'],
    ['REJECTED', 'reject', 'reject', 'already'],
    ['REJECTED', 'reject or withdraw', 'reject', 'already'],
    ['REJECTED', 'revoke', 'reject', 'REVIEW_DECIDED'],
    ['REJECTED', 'force an approval', 'force', 'REVIEW_DECIDED'],
    ['REJECTED', 'force a rejection', 'force against', 'already'],
    ['REJECTED', 'withdraw', 'undo', 'NOT_APPROVED'],
    ['REJECTED', 'release', 'release', 'NOT_APPROVED'],

    ['REVOKED', 'approve', 'approve', 'REVIEW_DECIDED', repeats],
    ['REVOKED', 'approve another version', 'approve', 'REVIEW_DECIDED'],
    ['REVOKED', 'reject', 'reject', 'already'],
    ['REVOKED', 'reject or withdraw', 'reject', 'already'],
    ['REVOKED', 'revoke', 'reject', 'REVIEW_DECIDED'],
    ['REVOKED', 'force an approval', 'force', 'REVIEW_DECIDED'],
    ['REVOKED', 'force a rejection', 'force against', 'already'],
    ['REVOKED', 'withdraw', 'undo', 'NOT_APPROVED'],
    ['REVOKED', 'release', 'release', 'NOT_APPROVED'],

    ['CANCELLED', 'approve', 'approve', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'approve another version', 'approve', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'reject', 'reject', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'reject or withdraw', 'reject', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'revoke', 'reject', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'force an approval', 'force', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'force a rejection', 'force against', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'withdraw', 'undo', 'REVIEW_CANCELLED'],
    ['CANCELLED', 'release', 'release', 'REVIEW_CANCELLED'],

    ...(['PROCESSING', 'EXECUTED', 'UNKNOWN'] as const).flatMap((released): readonly Row[] => [
      [released, 'approve', 'approve', 'already', late],
      [released, 'approve another version', 'approve', 'REVIEW_DECIDED'],
      [released, 'reject', 'reject', 'REVIEW_DECIDED'],
      [released, 'reject or withdraw', 'reject', 'REVIEW_DECIDED'],
      [released, 'revoke', 'reject', 'REVIEW_DECIDED'],
      [released, 'force an approval', 'force', 'already'],
      [released, 'force a rejection', 'force against', 'REVIEW_DECIDED'],
      [released, 'withdraw', 'undo', 'ALREADY_RELEASED'],
      [released, 'release', 'release', 'ALREADY_RELEASED'],
    ]),
  ];

  const storedStatus = (situation: Situation): ReviewStatus =>
    situation === 'CANCELLED' ? 'REVOKED' : situation;

  function refusalOf(code: MayCode | StatusCode, who: Who, situation: Situation): Refusal {
    const { id } = voters[who];
    const status = storedStatus(situation);
    switch (code) {
      case 'NOT_ELIGIBLE':
        return notEligible(voters[who], needs);
      case 'SELF_APPROVAL':
        return { code, selfApproval: 'admins' };
      case 'NOT_IN_FORCE_GROUP':
        return { code, forceGroups: ['oncall'] };
      case 'NOT_OWNER':
        return { code, personId: id };
      case 'SERVICE_CANNOT_VOTE':
        return { code, service: id };
      case 'REVIEW_DECIDED':
        return decided(status);
      case 'REVIEW_CANCELLED':
        return { code, reviewId: 'rev_1' };
      case 'NOT_APPROVED':
      case 'ALREADY_RELEASED':
        return { code, reviewId: 'rev_1', status };
    }
  }

  function factOf(command: Asked, who: Who): NewFact {
    const voter = voters[who];
    switch (command.kind) {
      case 'release':
        return { kind: 'release_requested', actorId: voter.id };
      case 'withdraw':
      case 'vote': {
        const forced = command.kind === 'vote' && command.force;
        return voteFact(voter, command.verdict, {
          versionId: command.kind === 'vote' ? (command.versionId ?? '') : 'rvr_1',
          fills: fills[who],
          forced,
          actingFor: forced ? 'oncall' : who === 'admin' ? 'admin' : null,
        });
      }
    }
  }

  function expectedRuling([situation, name, may, then, exceptions]: Row, who: Who): Ruling {
    const exception = exceptions?.[who];
    if (typeof exception === 'object') {
      return { kind: 'repeat', seq: exception.repeats };
    }
    const outcome = exception ?? then;
    const isRefusal = outcome !== 'recorded' && outcome !== 'late' && outcome !== 'already';
    const codes = [...(whoMay[who][questions.indexOf(may)] ?? []), ...(isRefusal ? [outcome] : [])];
    if (codes.length > 0 || isRefusal) {
      return refused(...codes.map((code) => refusalOf(code, who, situation)));
    }
    return outcome === 'already'
      ? { kind: 'already' }
      : { kind: 'recorded', fact: factOf(commands[name], who), late: outcome === 'late' };
  }

  const cases = rows.map((row) => ({ row, situation: row[0], name: row[1] }));

  test.each(cases)('rules on a review that is $situation when asked to $name', (given) => {
    const { row, situation, name } = given;
    const review = aLockedReview({
      policy,
      facts: numbered(facts[situation]),
      status: storedStatus(situation),
      versions: [aVersion('rvr_1'), aVersion('rvr_2', { parentId: 'rvr_1', authorId: 'u_fyi' })],
    });
    const ruling = (of: (who: Who) => Ruling): Record<string, Ruling> =>
      Object.fromEntries(everybody.map((who) => [who, of(who)]));
    expect(ruling((who) => decide(review, commands[name], voters[who]))).toEqual(
      ruling((who) => expectedRuling(row, who)),
    );
  });

  test('leaves out no pair of a status and a command, and nobody', () => {
    expect(everybody).toEqual(Object.keys(voters));
    const pairs = new Set(rows.map(([situation, name]) => `${situation} ${name}`));
    expect(pairs.size).toBe(Object.keys(facts).length * Object.keys(commands).length);
  });
});

describe('decide, on who fills which entries', () => {
  const declared = aPolicy({
    groups: [
      { group: 'finance', required: 2 },
      { group: 'legal', required: 1 },
    ],
    reviewers: [{ id: 'u_bob', mandatory: true }],
  });

  test.each<[string, Policy, Voter, readonly string[]]>([
    ['every entry of their group', declared, ann, ['group:finance#1', 'group:finance#2']],
    [
      'every entry of their groups, and the one that names them',
      declared,
      bob,
      ['group:finance#1', 'group:finance#2', 'group:legal#1', 'user:u_bob'],
    ],
    ['the one entry of a gate that declares none', aPolicy(), stranger, ['anyone']],
  ])('an approval may fill %s', (_title, policy, voter, fills) => {
    expect(decide(aLockedReview({ policy }), vote('approved'), voter)).toEqual(
      recorded(voteFact(voter, 'approved', { fills })),
    );
  });

  const needs = 'a member of finance (2 of them), a member of legal, reviewer u_bob';
  const nearly = aPerson('u_x', { groups: ['Finance', 'finance '] });

  test.each<[string, Policy, Voter, string]>([
    ['somebody in none of its groups', declared, stranger, needs],
    ['a member of a group of nearly that name', declared, nearly, needs],
    ['an admin who is in no entry', declared, admin, needs],
    [
      'somebody without the reviewer role, where it declares no entries',
      aPolicy(),
      aPerson('u_auditor', { roles: ['auditor'] }),
      'any reviewer (the owner only as an admin)',
    ],
  ])('a gate refuses the approval of %s', (_title, policy, voter, needed) => {
    expect(decide(aLockedReview({ policy }), vote('approved'), voter)).toEqual(
      refused(notEligible(voter, needed)),
    );
  });

  test('an admin who is in no entry may reject, and acts as admin', () => {
    expect(decide(aLockedReview({ policy: declared }), vote('rejected'), admin)).toEqual(
      recorded(voteFact(admin, 'rejected', { actingFor: 'admin' })),
    );
  });

  test('an admin who is in an entry rejects as its member', () => {
    const member = aPerson('u_admin', { groups: ['legal'], roles: ['admin'] });
    expect(decide(aLockedReview({ policy: declared }), vote('rejected'), member)).toEqual(
      recorded(voteFact(member, 'rejected', { fills: ['group:legal#1'] })),
    );
  });

  test('an optional reviewer may reject', () => {
    const policy = aPolicy({
      groups: groups('finance'),
      reviewers: [{ id: 'u_stranger', mandatory: false }],
    });
    expect(decide(aLockedReview({ policy }), vote('rejected'), stranger)).toEqual(
      recorded(voteFact(stranger, 'rejected', { fills: ['user:u_stranger'] })),
    );
  });

  test('a service with the groups and roles of a reviewer is refused, whatever it asks', () => {
    const strong = aService('svc_x', {
      groups: ['finance', 'legal'],
      roles: ['reviewer', 'admin'],
    });
    const review = aLockedReview({ policy: declared });
    const isService: Refusal = { code: 'SERVICE_CANNOT_VOTE', service: 'svc_x' };
    expect(decide(review, vote('approved'), strong)).toEqual(refused(isService));
    expect(decide(review, vote('rejected'), strong)).toEqual(refused(isService));
    expect(decide(review, vote('approved', { force: true }), strong)).toEqual(refused(isService));
  });

  test('a service that bears the id of a person who voted gets no answer meant for them', () => {
    const facts = numbered([
      voteFact(ann, 'approved', { fills: ['anyone'] }),
      voteFact(admin, 'revoked', { actingFor: 'admin' }),
    ]);
    const review = aLockedReview({ facts });
    expect(decide(review, vote('approved'), aService('u_ann'))).toEqual(
      refused({ code: 'SERVICE_CANNOT_VOTE', service: 'u_ann' }, decided('REVOKED')),
    );
    const withdrawal: Command = { kind: 'withdraw', verdict: 'revoked' };
    expect(decide(review, withdrawal, aService('u_admin'))).toEqual(
      refused(
        { code: 'SERVICE_CANNOT_VOTE', service: 'u_admin' },
        { code: 'NOT_APPROVED', reviewId: 'rev_1', status: 'REVOKED' },
      ),
    );
  });
});

describe('decide, on the owner of the run', () => {
  const plain = owner;
  const asAdmin = aPerson('u_owner', { roles: ['reviewer', 'admin'] });
  const self = (selfApproval: Policy['selfApproval']): Refusal => ({
    code: 'SELF_APPROVAL',
    selfApproval,
  });
  const anybodyBut = (selfApproval: Policy['selfApproval']): string =>
    `any reviewer ${selfApproval === 'never' ? 'but the owner' : '(the owner only as an admin)'}`;

  test.each<[Policy['selfApproval'], 'an owner' | 'an owner who is an admin', Refusal | null]>([
    ['admins', 'an owner', self('admins')],
    ['admins', 'an owner who is an admin', null],
    ['never', 'an owner', self('never')],
    ['never', 'an owner who is an admin', self('never')],
  ])("under self_approval '%s' the approval of %s is ruled so", (selfApproval, who, refusal) => {
    const voter = who === 'an owner' ? plain : asAdmin;
    const review = aLockedReview({ policy: aPolicy({ selfApproval }) });
    expect(decide(review, vote('approved'), voter)).toEqual(
      refusal === null
        ? recorded(voteFact(voter, 'approved', { fills: ['anyone'] }))
        : refused(refusal),
    );
  });

  test.each<[Policy['selfApproval']]>([['admins'], ['never']])(
    "under self_approval '%s' an owner rejects only as an admin: else they cancel the run",
    (selfApproval) => {
      const review = aLockedReview({ policy: aPolicy({ selfApproval }) });
      expect(decide(review, vote('rejected'), plain)).toEqual(
        refused(notEligible(plain, anybodyBut(selfApproval))),
      );
      expect(decide(review, vote('rejected'), asAdmin)).toEqual(
        recorded(voteFact(asAdmin, 'rejected', { fills: ['anyone'] })),
      );
    },
  );

  test('an owner outside every entry hears both reasons', () => {
    const review = aLockedReview({ policy: aPolicy({ groups: groups('finance') }) });
    expect(decide(review, vote('approved'), plain)).toEqual(
      refused(self('admins'), notEligible(plain, 'a member of finance')),
    );
  });

  test('a run without an owner binds nobody by the owner rule', () => {
    expect(decide(aLockedReview({ ownerId: null }), vote('approved'), plain)).toEqual(
      recorded(voteFact(plain, 'approved', { fills: ['anyone'] })),
    );
  });

  test.each<[string, Voter, Policy['selfApproval'], boolean]>([
    ['a reviewer', stranger, 'admins', true],
    ['the owner', plain, 'admins', false],
    ['the owner as an admin', asAdmin, 'admins', true],
    ['the owner as an admin where the gate never lets them', asAdmin, 'never', false],
    ['a service', aService('svc', { roles: ['reviewer'] }), 'admins', false],
    ['somebody without the role', aPerson('u_x', { roles: [] }), 'admins', false],
  ])('mayFillEntry knows about %s', (_title, voter, selfApproval, may) => {
    expect(mayFillEntry(aLockedReview({ policy: aPolicy({ selfApproval }) }), voter)).toBe(may);
  });
});

describe('decide, on forced votes', () => {
  const policy = aPolicy({
    groups: groups('finance', 'sre'),
    forceApprovalGroups: ['oncall', 'sre'],
  });
  const oncall = aPerson('u_oncall', { groups: ['oncall'] });
  const sre = aPerson('u_sre', { groups: ['sre', 'finance'] });
  const force = vote('approved', { force: true });
  const notInForceGroup: Refusal = {
    code: 'NOT_IN_FORCE_GROUP',
    forceGroups: ['oncall', 'sre'],
  };

  test.each<[string, Voter, { fills: readonly string[]; actingFor: string }]>([
    ['no entry, where its group has none', oncall, { fills: [], actingFor: 'oncall' }],
    ['the entry of that group alone', sre, { fills: ['group:sre#1'], actingFor: 'sre' }],
    [
      'the entries of the first force group that its voter is in',
      aPerson('u_both', { groups: ['sre', 'oncall'] }),
      { fills: [], actingFor: 'oncall' },
    ],
  ])('a forced approval fills %s', (_title, voter, facts) => {
    expect(decide(aLockedReview({ policy }), force, voter)).toEqual(
      recorded(voteFact(voter, 'approved', { ...facts, forced: true })),
    );
  });

  test('force is for the members of the declared groups, and not for an admin', () => {
    for (const voter of [admin, ann, stranger]) {
      expect(decide(aLockedReview({ policy }), force, voter)).toEqual(refused(notInForceGroup));
    }
  });

  test('a gate that declares no force group takes no forced vote', () => {
    expect(decide(aLockedReview(), force, oncall)).toEqual(
      refused({ code: 'NOT_IN_FORCE_GROUP', forceGroups: [] }),
    );
  });

  const owning = aPerson('u_owner', { groups: ['oncall'] });
  const owningAdmin = aPerson('u_owner', { groups: ['oncall'], roles: ['admin'] });

  test('force lifts the owner rule neither for approvals nor for rejections', () => {
    const review = aLockedReview({ policy });
    expect(decide(review, force, owning)).toEqual(
      refused({ code: 'SELF_APPROVAL', selfApproval: 'admins' }),
    );
    expect(decide(review, vote('rejected', { force: true }), owning)).toEqual(
      refused(notEligible(owning, 'a member of finance, a member of sre')),
    );
    expect(decide(review, force, owningAdmin)).toEqual(
      recorded(voteFact(owningAdmin, 'approved', { forced: true, actingFor: 'oncall' })),
    );
    expect(decide(review, vote('rejected', { force: true }), owningAdmin)).toEqual(
      recorded(voteFact(owningAdmin, 'rejected', { forced: true, actingFor: 'oncall' })),
    );
  });

  test('a forced withdrawal needs the force group as well as the owner or an admin', () => {
    const approval = voteFact(oncall, 'approved', { forced: true, actingFor: 'oncall' });
    const review = aLockedReview({ policy, facts: numbered([approval]) });
    const withdrawal = vote('revoked', { force: true, mayWithdraw: true });
    expect(decide(review, withdrawal, admin)).toEqual(refused(notInForceGroup));
    expect(decide(review, withdrawal, oncall)).toEqual(
      refused({ code: 'NOT_OWNER', personId: 'u_oncall' }),
    );
    expect(decide(review, withdrawal, owning)).toEqual(
      recordedLate(voteFact(owning, 'revoked', { forced: true, actingFor: 'oncall' })),
    );
  });

  test('a reviewer who approved before may still force, and that is no repeat', () => {
    const facts = numbered([voteFact(sre, 'approved', { fills: ['group:finance#1'] })]);
    expect(decide(aLockedReview({ policy, facts }), force, sre)).toEqual(
      recorded(
        voteFact(sre, 'approved', { fills: ['group:sre#1'], forced: true, actingFor: 'sre' }),
      ),
    );
  });

  test('a forced approval that is sent again is a repeat, with force or without', () => {
    const facts = numbered([voteFact(oncall, 'approved', { forced: true, actingFor: 'oncall' })]);
    const review = aLockedReview({ policy, facts });
    expect(decide(review, force, oncall)).toEqual({ kind: 'repeat', seq: 1 });
    expect(decide(review, vote('approved'), oncall)).toEqual({ kind: 'repeat', seq: 1 });
  });
});

describe('decide, on versions', () => {
  const versions = [
    aVersion('rvr_1'),
    aVersion('rvr_2', { parentId: 'rvr_1', authorId: 'u_ann' }),
    aVersion('rvr_3', { parentId: 'rvr_1', authorId: 'u_bob' }),
  ];
  const unnamed = vote('approved', { versionId: null });
  const byAnn = voteFact(ann, 'approved', { fills: ['anyone'] });

  test('a vote that names no version counts for the newest', () => {
    expect(decide(aLockedReview({ versions }), unnamed, ann)).toEqual(
      recorded({ ...byAnn, versionId: 'rvr_3' }),
    );
  });

  test('a vote that names no version counts for the decided one once there is a decision', () => {
    const policy = aPolicy({
      groups: groups('finance', 'legal'),
      minApprovals: 1,
    });
    const first = voteFact(ann, 'approved', { fills: ['group:finance#1'] });
    const review = aLockedReview({ policy, facts: numbered([first]), versions });
    const fills = ['group:finance#1', 'group:legal#1'];
    expect(decide(review, unnamed, bob)).toEqual(
      recordedLate(voteFact(bob, 'approved', { fills })),
    );
    expect(decide(review, unnamed, ann)).toEqual({ kind: 'repeat', seq: 1 });
    expect(decide(review, vote('revoked', { versionId: null, mayWithdraw: true }), admin)).toEqual(
      recordedLate(voteFact(admin, 'revoked', { actingFor: 'admin' })),
    );
  });

  test('a version of no review is refused beside every other reason', () => {
    const unknown = vote('approved', { versionId: 'rvr_x' });
    const notFound: Refusal = {
      code: 'VERSION_NOT_FOUND',
      versionId: 'rvr_x',
      reviewId: 'rev_1',
    };
    const policy = aPolicy({ groups: groups('legal'), acknowledgeSuperseded: true });
    expect(decide(aLockedReview(), unknown, ann)).toEqual(refused(notFound));
    expect(decide(aLockedReview({ policy, versions }), unknown, ann)).toEqual(
      refused(notFound, notEligible(ann, 'a member of legal'), {
        code: 'SUPERSEDED_VERSIONS',
        versionIds: ['rvr_2', 'rvr_3'],
      }),
    );
    const approvedReview = aLockedReview({ facts: numbered([byAnn]), versions });
    expect(decide(approvedReview, unknown, bob)).toEqual(refused(notFound, decided('APPROVED')));
    expect(
      decide(approvedReview, vote('rejected', { versionId: 'rvr_x', mayWithdraw: true }), admin),
    ).toEqual(refused(notFound));
  });

  test('a review without a version takes no vote', () => {
    expect(decide(aLockedReview({ versions: [] }), unnamed, ann)).toEqual(
      refused({ code: 'VERSION_NOT_FOUND', versionId: '', reviewId: 'rev_1' }),
    );
  });

  test.each<[string, Partial<Policy>, string | null, Voter, boolean]>([
    ['its author, by default', {}, 'u_ann', ann, true],
    ['its author, where they may not', { correctionAuthorMayApprove: false }, 'u_ann', ann, false],
    ['somebody else', { correctionAuthorMayApprove: false }, 'u_ann', bob, true],
    ['anybody, if it is the seed', { correctionAuthorMayApprove: false }, null, ann, true],
  ])('a correction may be approved by %s', (_title, overrides, authorId, voter, may) => {
    const review = aLockedReview({
      policy: aPolicy(overrides),
      versions: [aVersion('rvr_1', { authorId })],
    });
    expect(decide(review, vote('approved'), voter)).toEqual(
      may
        ? recorded(voteFact(voter, 'approved', { fills: ['anyone'] }))
        : refused({ code: 'CORRECTION_AUTHOR', versionId: 'rvr_1' }),
    );
  });

  test('the author of a correction may not force it either, but may reject it', () => {
    const policy = aPolicy({
      correctionAuthorMayApprove: false,
      forceApprovalGroups: ['finance'],
    });
    const review = aLockedReview({ policy, versions: [aVersion('rvr_1', { authorId: 'u_ann' })] });
    expect(decide(review, vote('approved', { force: true }), ann)).toEqual(
      refused({ code: 'CORRECTION_AUTHOR', versionId: 'rvr_1' }),
    );
    expect(decide(review, vote('rejected'), ann)).toEqual(
      recorded(voteFact(ann, 'rejected', { fills: ['anyone'] })),
    );
  });

  const acknowledging = aPolicy({ acknowledgeSuperseded: true });

  test.each<[string, Policy, string, readonly string[], readonly string[] | null]>([
    ['where the gate does not ask', aPolicy(), 'rvr_1', [], null],
    ['of both leaves, by their parent', acknowledging, 'rvr_1', [], ['rvr_2', 'rvr_3']],
    ['of one, the other listed', acknowledging, 'rvr_1', ['rvr_2'], ['rvr_2', 'rvr_3']],
    ['of both, listed', acknowledging, 'rvr_1', ['rvr_3', 'rvr_2'], null],
    ['of the other leaf', acknowledging, 'rvr_2', [], ['rvr_3']],
    ['of the other leaf, listed', acknowledging, 'rvr_2', ['rvr_3'], null],
    ['of a leaf, only its parent listed', acknowledging, 'rvr_2', ['rvr_1'], ['rvr_3']],
  ])(
    'an approval that discards leaves is ruled so: %s',
    (_title, policy, versionId, acknowledgedVersionIds, discarded) => {
      const review = aLockedReview({ policy, versions });
      expect(decide(review, vote('approved', { versionId, acknowledgedVersionIds }), ann)).toEqual(
        discarded === null
          ? recorded({ ...byAnn, versionId })
          : refused({ code: 'SUPERSEDED_VERSIONS', versionIds: discarded }),
      );
    },
  );

  test('a rejection discards nothing, and a decided review has nothing more to discard', () => {
    expect(
      decide(aLockedReview({ policy: acknowledging, versions }), vote('rejected'), ann),
    ).toEqual(recorded(voteFact(ann, 'rejected', { fills: ['anyone'] })));
    const review = aLockedReview({ policy: acknowledging, versions, facts: numbered([byAnn]) });
    expect(decide(review, vote('approved'), bob)).toEqual({ kind: 'already' });
  });
});

describe('decide, on repeats', () => {
  const policy = aPolicy({ groups: groups('finance', 'legal') });
  const versions = [aVersion('rvr_1'), aVersion('rvr_2', { parentId: 'rvr_1' })];
  const fills = ['group:finance#1'];
  const first = aVote({ seq: 1, reviewerId: 'u_ann', fills });
  const second = aVote({ seq: 2, reviewerId: 'u_ann', fills, versionId: 'rvr_2' });

  test.each<[string, readonly Fact[], Command, Ruling]>([
    ['the same vote', [first], vote('approved'), { kind: 'repeat', seq: 1 }],
    [
      'an approval of another version',
      [first],
      vote('approved', { versionId: 'rvr_2' }),
      recorded(voteFact(ann, 'approved', { fills, versionId: 'rvr_2' })),
    ],
    [
      'an earlier vote that another has replaced',
      [first, second],
      vote('approved'),
      recorded(voteFact(ann, 'approved', { fills })),
    ],
    ['a change of mind', [first], vote('rejected'), recorded(voteFact(ann, 'rejected', { fills }))],
    [
      'the same vote after its review was cancelled',
      [first, { kind: 'cancelled', seq: 2, id: 'fact_2', actorId: 'u_owner' }],
      vote('approved'),
      { kind: 'repeat', seq: 1 },
    ],
  ])('%s is ruled so', (_title, facts, command, ruling) => {
    expect(decide(aLockedReview({ policy, facts, versions }), command, ann)).toEqual(ruling);
  });

  test('a repeat gets the first answer though its voter has left the group since', () => {
    const review = aLockedReview({ policy, facts: [first], versions });
    const left = aPerson('u_ann', { groups: [] });
    expect(decide(review, vote('approved'), left)).toEqual({ kind: 'repeat', seq: 1 });
  });

  test('the same vote of somebody else is no repeat', () => {
    const colleague = aPerson('u_colleague', { groups: ['finance'] });
    expect(decide(aLockedReview({ policy, facts: [first] }), vote('approved'), colleague)).toEqual(
      recorded(voteFact(colleague, 'approved', { fills })),
    );
  });
});

describe('decide, on late approvals', () => {
  const policy = aPolicy({
    groups: [{ group: 'finance', required: 2 }, ...groups('legal')],
    minApprovals: 1,
  });
  const finance = ['group:finance#1', 'group:finance#2'];
  const facts = numbered([voteFact(ann, 'approved', { fills: finance })]);
  const cyd = aPerson('u_cyd', { groups: ['finance'] });

  test('one that fills an entry still open is recorded, once', () => {
    const ruling = recordedLate(voteFact(cyd, 'approved', { fills: finance }));
    expect(decide(aLockedReview({ policy, facts }), vote('approved'), cyd)).toEqual(ruling);
    const after = [...facts, ...numbered([voteFact(cyd, 'approved', { fills: finance })], 2)];
    const review = aLockedReview({ policy, facts: after });
    expect(decide(review, vote('approved'), cyd)).toEqual({ kind: 'repeat', seq: 2 });
    const dan = aPerson('u_dan', { groups: ['finance'] });
    expect(decide(review, vote('approved'), dan)).toEqual({ kind: 'already' });
  });

  test('under one person, one entry it is recorded if a matching makes room for it', () => {
    const oneEach = { ...policy, groups: groups('finance', 'legal'), onePersonOneEntry: true };
    const byBob = voteFact(bob, 'approved', { fills: ['group:finance#1', 'group:legal#1'] });
    const review = aLockedReview({ policy: oneEach, facts: numbered([byBob]) });
    expect(decide(review, vote('approved'), cyd)).toEqual(
      recordedLate(voteFact(cyd, 'approved', { fills: ['group:finance#1'] })),
    );
  });

  test('somebody who may not approve hears so, though the review is decided just so', () => {
    const review = aLockedReview({ policy, facts });
    const needs = 'a member of finance (2 of them), a member of legal';
    expect(decide(review, vote('approved'), stranger)).toEqual(
      refused(notEligible(stranger, needs)),
    );
  });
});

describe('decide, on withdrawals', () => {
  const approval = voteFact(ann, 'approved', { fills: ['anyone'] });
  const facts = numbered([approval]);
  const versions = [aVersion('rvr_1'), aVersion('rvr_2', { parentId: 'rvr_1' })];

  test.each<['rejected' | 'revoked']>([['rejected'], ['revoked']])(
    'one by %s names the decided version, and not the newest',
    (verdict) => {
      const review = aLockedReview({ facts, versions });
      expect(decide(review, { kind: 'withdraw', verdict }, owner)).toEqual(
        recordedLate(voteFact(owner, verdict, { fills: ['anyone'] })),
      );
    },
  );

  test('an admin withdraws as admin where they are in no entry', () => {
    const policy = aPolicy({ groups: groups('finance') });
    const byAnn = voteFact(ann, 'approved', { fills: ['group:finance#1'] });
    const review = aLockedReview({ policy, facts: numbered([byAnn]) });
    const command: Command = { kind: 'withdraw', verdict: 'revoked' };
    expect(decide(review, command, admin)).toEqual(
      recordedLate(voteFact(admin, 'revoked', { actingFor: 'admin' })),
    );
    expect(decide(review, command, owner)).toEqual(recordedLate(voteFact(owner, 'revoked')));
  });

  test.each<['rejected' | 'revoked', Ruling]>([
    ['revoked', { kind: 'repeat', seq: 2 }],
    ['rejected', refused({ code: 'NOT_APPROVED', reviewId: 'rev_1', status: 'REVOKED' })],
  ])('after one by revoked, another by %s is ruled so', (verdict, ruling) => {
    const withdrawn = [...facts, ...numbered([voteFact(admin, 'revoked')], 2)];
    expect(
      decide(aLockedReview({ facts: withdrawn }), { kind: 'withdraw', verdict }, admin),
    ).toEqual(ruling);
  });

  test('a rejection that ended a pending review counts as the withdrawal its voter repeats', () => {
    const review = aLockedReview({ facts: numbered([voteFact(admin, 'rejected')]) });
    expect(decide(review, { kind: 'withdraw', verdict: 'rejected' }, admin)).toEqual({
      kind: 'repeat',
      seq: 1,
    });
  });

  test('a review whose approval was cancelled with its run is not approved any more', () => {
    const cancelled = [...facts, ...numbered([{ kind: 'cancelled', actorId: 'u_owner' }], 2)];
    expect(
      decide(aLockedReview({ facts: cancelled }), { kind: 'withdraw', verdict: 'revoked' }, owner),
    ).toEqual(refused({ code: 'NOT_APPROVED', reviewId: 'rev_1', status: 'REVOKED' }));
  });
});

describe('decide, on taking back and too many facts', () => {
  const two = aPolicy({ groups: groups('finance', 'legal') });
  const byAnn = voteFact(ann, 'approved', { fills: ['group:finance#1'] });
  const flips = (count: number): readonly NewFact[] =>
    Array.from({ length: count }, (_, n) => ({ ...byAnn, versionId: `rvr_${(n % 2) + 1}` }));
  const versions = [aVersion('rvr_1'), aVersion('rvr_2', { parentId: 'rvr_1' })];
  const takeBack: Command = { kind: 'withdraw', verdict: null, what: 'own_approval' };
  const tooMany = (max: number, isOfPerson: boolean, personId = 'u_ann') =>
    refused({ code: 'TOO_MANY_FACTS', reviewId: 'rev_1', personId, max, isOfPerson });

  test('one person acts so often and no more, but a rejection is always taken', () => {
    const before = aLockedReview({
      policy: two,
      versions,
      facts: numbered(flips(MAX_FACTS_OF_PERSON - 1)),
    });
    const full = aLockedReview({
      policy: two,
      versions,
      facts: numbered(flips(MAX_FACTS_OF_PERSON)),
    });
    const anew = vote('approved', { versionId: 'rvr_1' });
    expect(decide(before, vote('approved', { versionId: 'rvr_2' }), ann).kind).toBe('recorded');
    expect(decide(full, anew, ann)).toEqual(tooMany(MAX_FACTS_OF_PERSON, true));
    expect(decide(full, takeBack, ann)).toEqual(tooMany(MAX_FACTS_OF_PERSON, true));
    expect(decide(full, vote('rejected', { versionId: 'rvr_1' }), ann).kind).toBe('recorded');
  });

  test('a full review takes what decides it, and nothing else', () => {
    const everybody = Array.from({ length: MAX_FACTS_OF_REVIEW }, (_, n) =>
      voteFact(aPerson(`u_${n}`, { groups: ['finance'] }), 'approved', {
        fills: ['group:finance#1'],
      }),
    );
    const full = aLockedReview({ policy: two, versions, facts: numbered(everybody) });
    const leg = aPerson('u_leg', { groups: ['legal'] });
    expect(decide(full, vote('approved', { versionId: 'rvr_1' }), ann)).toEqual(
      tooMany(MAX_FACTS_OF_REVIEW, false),
    );
    expect(decide(full, vote('approved', { versionId: 'rvr_1' }), leg)).toMatchObject({
      kind: 'recorded',
    });
  });

  test('nothing that is final can be taken back', () => {
    const facts = numbered([voteFact(ann, 'approved', { fills: ['anyone'] })]);
    expect(decide(aLockedReview({ facts, status: 'EXECUTED' }), takeBack, ann)).toEqual(
      refused({ code: 'ALREADY_RELEASED', reviewId: 'rev_1', status: 'EXECUTED' }),
    );
    expect(decide(aLockedReview({ facts }), takeBack, stranger)).toEqual(
      refused({ code: 'NO_APPROVAL_OF_YOURS', reviewId: 'rev_1', personId: 'u_stranger' }),
    );
  });
});

describe('decide, on releases', () => {
  const approval = voteFact(ann, 'approved', { fills: ['anyone'] });
  const notManual: Refusal = { code: 'NOT_MANUAL', reviewId: 'rev_1' };

  test.each<[Release]>([['auto'], [{ afterMs: 30_000 }]])(
    'a gate with the release %j is not released by hand',
    (release) => {
      const review = aLockedReview({ policy: aPolicy({ release }), facts: numbered([approval]) });
      expect(decide(review, { kind: 'release' }, owner)).toEqual(refused(notManual));
      expect(decide(aLockedReview(), { kind: 'release' }, stranger)).toEqual(
        refused({ code: 'NOT_OWNER', personId: 'u_stranger' }, notManual, {
          code: 'NOT_APPROVED',
          reviewId: 'rev_1',
          status: 'PENDING',
        }),
      );
    },
  );

  test('a second request is a repeat, whoever makes it', () => {
    const policy = aPolicy({ release: 'manual' });
    const request: NewFact = { kind: 'release_requested', actorId: 'u_owner' };
    const review = aLockedReview({ policy, facts: numbered([approval, request]) });
    expect(decide(review, { kind: 'release' }, owner)).toEqual({ kind: 'repeat', seq: 2 });
    expect(decide(review, { kind: 'release' }, admin)).toEqual({ kind: 'repeat', seq: 2 });
  });
});

describe('decide, where a final review refuses every vote', () => {
  const policy = aPolicy({ groups: groups('finance', 'legal'), minApprovals: 1 });
  const byAnn = voteFact(ann, 'approved', { fills: ['group:finance#1'] });
  const rejection = voteFact(ann, 'rejected', { fills: ['group:finance#1'] });
  const revoked = voteFact(admin, 'revoked', { actingFor: 'admin' });
  const open = { refusedWhenFinal: true };
  const bea = aPerson('u_bea', { groups: ['legal'] });

  test.each<[string, LockedReview, Command, Voter, Refusal]>([
    [
      'a repeat of the rejection that ended it',
      aLockedReview({ policy, facts: numbered([rejection]) }),
      vote('rejected', open),
      ann,
      decided('REJECTED'),
    ],
    [
      'an approval given before it was revoked',
      aLockedReview({ policy, facts: numbered([byAnn, revoked]) }),
      vote('approved', open),
      ann,
      decided('REVOKED'),
    ],
    [
      'a rejection by somebody else',
      aLockedReview({ policy, facts: numbered([rejection]) }),
      vote('rejected', open),
      bea,
      decided('REJECTED'),
    ],
    ...(['PROCESSING', 'EXECUTED', 'UNKNOWN'] as const).flatMap(
      (status): readonly [string, LockedReview, Command, Voter, Refusal][] => {
        const review = aLockedReview({ policy, facts: numbered([byAnn]), status });
        return [
          [`a repeat while ${status}`, review, vote('approved', open), ann, decided(status)],
          [`a late approval in ${status}`, review, vote('approved', open), bea, decided(status)],
        ];
      },
    ),
    [
      'a repeat after its run was cancelled',
      aLockedReview({
        policy: { ...policy, minApprovals: 2 },
        facts: numbered([byAnn, { kind: 'cancelled', actorId: 'u_owner' }]),
      }),
      vote('approved', open),
      ann,
      { code: 'REVIEW_CANCELLED', reviewId: 'rev_1' },
    ],
  ])('%s', (_case, review, command, voter, refusal) => {
    expect(decide(review, command, voter)).toEqual(refused(refusal));
  });

  test('one that is open takes repeats and late approvals as ever', () => {
    const review = aLockedReview({ policy, facts: numbered([byAnn]) });
    expect(decide(review, vote('approved', open), ann)).toEqual({ kind: 'repeat', seq: 1 });
    expect(decide(review, vote('approved', open), bea)).toEqual(
      recordedLate(voteFact(bea, 'approved', { fills: ['group:legal#1'] })),
    );
  });
});

describe('decide, on time windows', () => {
  const window = { start: '09:00', end: '18:00' };
  const noon = 12 * 3_600_000;
  const night = 22 * 3_600_000;
  const approval = voteFact(ann, 'approved', { fills: ['anyone'] });
  const isSet: Refusal = { code: 'TIME_WINDOW_SET', reviewId: 'rev_1', window };
  const isOutside: Refusal = { code: 'OUTSIDE_TIME_WINDOW', reviewId: 'rev_1', window };

  test.each<['approved' | 'rejected' | 'revoked']>([['approved'], ['rejected'], ['revoked']])(
    'a second one is refused whatever is asked with it: %s',
    (verdict) => {
      const other = { start: '01:00', end: '02:00' };
      const review = aLockedReview({ facts: numbered([approval]), timeWindow: window });
      const command = vote(verdict, { timeWindow: other, mayWithdraw: true });
      const ruling = decide(review, command, admin);
      expect(ruling).toMatchObject({ kind: 'refused' });
      expect(ruling.kind === 'refused' && ruling.refusals).toContainEqual(isSet);
    },
  );

  test('the very same vote with the very same window is refused, too', () => {
    const review = aLockedReview({ facts: numbered([approval]), timeWindow: window });
    expect(decide(review, vote('approved', { timeWindow: window }), ann)).toEqual(refused(isSet));
    expect(decide(review, vote('approved'), ann)).toEqual({ kind: 'repeat', seq: 1 });
  });

  test('the first one is taken with the vote', () => {
    const command = vote('approved', { timeWindow: window });
    expect(decide(aLockedReview(), command, ann)).toEqual(recorded(approval));
  });

  test.each<[string, number, readonly Refusal[]]>([
    ['in it', noon, []],
    ['outside it', night, [isOutside]],
  ])('a release that is asked for %s', (_case, nowMs, refusals) => {
    const policy = aPolicy({ release: 'manual' });
    const review = aLockedReview({
      policy,
      facts: numbered([approval]),
      timeWindow: window,
      nowMs,
    });
    expect(decide(review, { kind: 'release' }, owner)).toEqual(
      refusals.length > 0
        ? refused(...refusals)
        : recordedLate({ kind: 'release_requested', actorId: 'u_owner' }),
    );
  });

  test('votes count at any hour', () => {
    const review = aLockedReview({ timeWindow: window, nowMs: night });
    expect(decide(review, vote('approved'), ann)).toEqual(recorded(approval));
  });
});

describe('ruleOnCorrection', () => {
  const versions = [
    aVersion('rvr_1'),
    aVersion('rvr_2', { parentId: 'rvr_1', authorId: 'u_ann' }),
    aVersion('rvr_3', { parentId: 'rvr_1', authorId: 'u_bob' }),
  ];
  const policy = aPolicy({ groups: groups('finance') });
  const financeOwner = aPerson('u_owner', { groups: ['finance'] });
  const needs = 'a member of finance';
  const open = aLockedReview({ policy, versions });

  test.each<[string, Voter, readonly Refusal[]]>([
    ['somebody who may fill an entry', ann, []],
    ['an admin outside every entry', admin, []],
    ['somebody outside every entry', stranger, [notEligible(stranger, needs)]],
    ['the owner, who may not approve', financeOwner, [notEligible(financeOwner, needs)]],
    ['a service', service, [{ code: 'SERVICE_CANNOT_VOTE', service: 'svc_backend' }]],
  ])('rules on the correction of %s', (_title, voter, refusals) => {
    expect(ruleOnCorrection(open, 'rvr_1', [], voter)).toEqual(refusals);
  });

  const byAnn = voteFact(ann, 'approved', { fills: ['group:finance#1'] });
  test.each<[string, LockedReview, readonly Refusal[]]>([
    [
      'approved',
      aLockedReview({ policy, versions, facts: numbered([byAnn]) }),
      [decided('APPROVED')],
    ],
    [
      'executed',
      aLockedReview({ policy, versions, facts: numbered([byAnn]), status: 'EXECUTED' }),
      [decided('EXECUTED')],
    ],
    [
      'cancelled',
      aLockedReview({
        policy,
        versions,
        facts: numbered([{ kind: 'cancelled', actorId: 'u_owner' }]),
      }),
      [{ code: 'REVIEW_CANCELLED', reviewId: 'rev_1' }],
    ],
  ])('refuses a correction of a review that was %s', (_title, review, refusals) => {
    expect(ruleOnCorrection(review, 'rvr_1', [], ann)).toEqual(refusals);
  });

  test('says of a settled review without a decision that it is decided, by no version', () => {
    const review: LockedReview = { ...open, status: 'UNKNOWN' };
    expect(ruleOnCorrection(review, 'rvr_1', [], ann)).toEqual([
      { code: 'REVIEW_DECIDED', reviewId: 'rev_1', status: 'UNKNOWN', versionId: null },
    ]);
    expect(decide(review, vote('approved'), ann)).toEqual(
      refused({ code: 'REVIEW_DECIDED', reviewId: 'rev_1', status: 'UNKNOWN', versionId: null }),
    );
  });

  test('gives every reason at once', () => {
    const review = aLockedReview({
      policy: { ...policy, corrections: 'none', acknowledgeSuperseded: true },
      versions,
    });
    expect(ruleOnCorrection(review, 'rvr_x', [], stranger)).toEqual([
      { code: 'VERSION_NOT_FOUND', versionId: 'rvr_x', reviewId: 'rev_1' },
      notEligible(stranger, needs),
      { code: 'CORRECTIONS_NOT_ALLOWED', reviewId: 'rev_1' },
      { code: 'SUPERSEDED_VERSIONS', versionIds: ['rvr_2', 'rvr_3'] },
    ]);
  });

  test.each<[string, readonly string[], readonly string[] | null]>([
    ['rvr_1', [], ['rvr_2', 'rvr_3']],
    ['rvr_1', ['rvr_2', 'rvr_3'], null],
    ['rvr_2', ['rvr_2'], ['rvr_3']],
    ['rvr_2', ['rvr_3'], null],
  ])(
    'under %s, with %j acknowledged, asks for the leaves that it would discard',
    (parentId, acknowledged, discarded) => {
      const review = aLockedReview({
        policy: { ...policy, acknowledgeSuperseded: true },
        versions,
      });
      expect(ruleOnCorrection(review, parentId, acknowledged, ann)).toEqual(
        discarded === null ? [] : [{ code: 'SUPERSEDED_VERSIONS', versionIds: discarded }],
      );
    },
  );
});

describe('decide, from a screen that may be behind', () => {
  const policy = aPolicy({ groups: groups('finance') });
  const versions = [
    { id: 'rvr_1', parentId: null, authorId: null },
    { id: 'rvr_2', parentId: 'rvr_1', authorId: 'u_bea' },
  ];
  const open = aLockedReview({ policy, versions });
  const stale: Refusal = {
    code: 'STALE_VERSION',
    versionId: 'rvr_1',
    newestVersionId: 'rvr_2',
  };

  test.each(['approved', 'rejected'] as const)(
    '%s: refused where a newer version has come',
    (verdict) => {
      const command = vote(verdict, { versionId: 'rvr_1', onlyIfNewest: true });
      expect(decide(open, command, ann)).toEqual({ kind: 'refused', refusals: [stale] });
    },
  );

  test.each([
    ['the newest version', 'rvr_2', true],
    ['an older one that is meant', 'rvr_1', false],
  ])('recorded: %s', (_case, versionId, onlyIfNewest) => {
    const command = vote('approved', { versionId, onlyIfNewest });
    expect(decide(open, command, ann)).toMatchObject({ kind: 'recorded', fact: { versionId } });
  });

  test('a repeat of a standing vote is still one', () => {
    const fact = voteFact(ann, 'approved', { fills: ['group:finance#1'], versionId: 'rvr_1' });
    const twoNeeded = aPolicy({ groups: groups('finance', 'legal') });
    const review = aLockedReview({ policy: twoNeeded, versions, facts: numbered([fact]) });
    const command = vote('approved', { versionId: 'rvr_1', onlyIfNewest: true });
    expect(decide(review, command, ann)).toEqual({ kind: 'repeat', seq: 1 });
  });
});
