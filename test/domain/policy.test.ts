import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../src/domain/compile-policy.js';
import type { Gate } from '../../src/domain/definition.js';
import { hasRole, ROLES, SCOPES } from '../../src/domain/people.js';
import {
  entriesOf,
  groupEntryKey,
  neededGroupEntries,
  type Policy,
  type Release,
} from '../../src/domain/policy.js';
import { aPerson, aPolicy, groups } from '../support/builders.js';

describe('entriesOf', () => {
  test('gives the groups, one entry an approval, then the reviewers, in declared order', () => {
    const policy = aPolicy({
      groups: [
        { group: 'legal', required: 2 },
        { group: 'finance', required: 1 },
      ],
      reviewers: [
        { id: 'u_fyi', mandatory: false },
        { id: 'u_ann', mandatory: true },
      ],
    });
    expect(entriesOf(policy)).toEqual([
      { key: 'group:legal#1', kind: 'group', subject: 'legal', mandatory: true },
      { key: 'group:legal#2', kind: 'group', subject: 'legal', mandatory: true },
      { key: 'group:finance#1', kind: 'group', subject: 'finance', mandatory: true },
      { key: 'user:u_fyi', kind: 'reviewer', subject: 'u_fyi', mandatory: false },
      { key: 'user:u_ann', kind: 'reviewer', subject: 'u_ann', mandatory: true },
    ]);
  });

  test('gives one entry for anyone where a policy declares none', () => {
    expect(entriesOf(aPolicy())).toEqual([
      { key: 'anyone', kind: 'anyone', subject: '', mandatory: true },
    ]);
  });

  test('gives no two entries one key, however groups are named', () => {
    const names = ['a', 'a#1', 'a#1#1', '#1', '', 'user:u', 'anyone'];
    const policy = aPolicy({
      groups: names.map((group) => ({ group, required: 2 })),
      reviewers: names.map((id) => ({ id, mandatory: true })),
    });
    const keys = entriesOf(policy).map(({ key }) => key);
    expect(new Set(keys).size).toBe(names.length * 3);
    expect(keys).toContain(groupEntryKey('a#1', 2));
  });
});

describe('neededGroupEntries', () => {
  test.each<[string, Policy, number]>([
    ['all by default', aPolicy({ groups: groups('a', 'b', 'c') }), 3],
    ['as many as declared', aPolicy({ groups: groups('a', 'b', 'c'), minApprovals: 2 }), 2],
    ['no more than there are', aPolicy({ groups: groups('a', 'b', 'c'), minApprovals: 4 }), 3],
    ['at least one', aPolicy({ groups: groups('a', 'b', 'c'), minApprovals: 0 }), 1],
    ['the one of anyone', aPolicy(), 1],
    ['none of named reviewers', aPolicy({ reviewers: [{ id: 'u', mandatory: true }] }), 0],
  ])('asks for %s', (_title, policy, needed) => {
    expect(neededGroupEntries(policy, entriesOf(policy))).toBe(needed);
  });
});

describe('compilePolicy', () => {
  const gate: Gate = {
    name: 'Invoice totals',
    instructions: 'Compare with the PDF',
    link: null,
    predicate: { kind: 'always' },
    placement: 'output',
    groups: [{ group: 'finance', required: 2 }],
    reviewers: [{ id: 'u_ann', mandatory: true }],
    min_approvals: 1,
    self_approval: 'never',
    one_person_one_entry: true,
    corrections: 'none',
    correction_author_may_approve: false,
    release: 'manual',
    on_reject: 'drop',
    force_approval_groups: ['oncall'],
    acknowledge_superseded: true,
  };

  test('takes the rules of a gate, and none of its prose', () => {
    expect(compilePolicy(gate)).toEqual({
      groups: [{ group: 'finance', required: 2 }],
      reviewers: [{ id: 'u_ann', mandatory: true }],
      minApprovals: 1,
      selfApproval: 'never',
      onePersonOneEntry: true,
      corrections: 'none',
      correctionAuthorMayApprove: false,
      release: 'manual',
      onReject: 'drop',
      forceApprovalGroups: ['oncall'],
      acknowledgeSuperseded: true,
    });
  });

  test.each<[Gate['release'], Release]>([
    ['auto', 'auto'],
    ['manual', 'manual'],
    [{ after: '30s' }, { afterMs: 30_000 }],
    [{ after: '0ms' }, { afterMs: 0 }],
  ])('compiles the release %j', (release, compiled) => {
    expect(compilePolicy({ ...gate, release }).release).toEqual(compiled);
  });

  test('throws at a stored delay that is no duration: that row should not be', () => {
    expect(() => compilePolicy({ ...gate, release: { after: 'soon' } })).toThrow(
      new Error("a stored gate has the release delay 'soon'"),
    );
  });
});

describe('hasRole', () => {
  test('knows only the roles that were given: an admin is no reviewer by that', () => {
    const admin = aPerson('u_admin', { roles: ['admin'] });
    expect(ROLES.filter((role) => hasRole(admin, role))).toEqual(['admin']);
    expect(ROLES.filter((role) => hasRole(aPerson('u', { roles: [] }), role))).toEqual([]);
  });

  test('takes no group and no scope for a role', () => {
    const member = aPerson('u', { groups: [...ROLES, ...SCOPES], roles: [] });
    expect(ROLES.filter((role) => hasRole(member, role))).toEqual([]);
  });
});
