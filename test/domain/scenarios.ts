import { fc } from '@fast-check/vitest';
import {
  type Command,
  decide,
  type LockedReview,
  type Ruling,
  ruleOnCorrection,
  type VersionFacts,
} from '../../src/domain/decide.js';
import type { Fact, NewFact } from '../../src/domain/facts.js';
import type { Role, Voter } from '../../src/domain/people.js';
import type { Policy } from '../../src/domain/policy.js';
import { evolve } from '../../src/domain/review-state.js';
import { aLockedReview, aPolicy, aVersion, numbered } from '../support/builders.js';

/** What may happen to a review, in the order in which its lock lets it happen. */
export type Step =
  | { readonly kind: 'asked'; readonly voter: Voter; readonly command: Command }
  | { readonly kind: 'corrected'; readonly voter: Voter; readonly parentId: string }
  | { readonly kind: 'run cancelled' }
  | { readonly kind: 'released' };

/** One command, what was ruled on it, and the review around it. */
export type Played = {
  readonly voter: Voter;
  readonly command: Command;
  readonly ruling: Ruling;
  readonly before: LockedReview;
  readonly after: LockedReview;
};

/** A gate, who owns the run, the versions there are at first, and what happens. */
export type Scenario = {
  readonly policy: Policy;
  readonly ownerId: string;
  readonly versions: readonly VersionFacts[];
  readonly steps: readonly Step[];
};

/**
 * Plays a scenario as the store would: rule under the lock, number the fact, fold it in.
 *
 * A cancellation ends a review that is pending or approved; a release takes one that is approved.
 */
export function play({ policy, ownerId, versions, steps }: Scenario): {
  readonly review: LockedReview;
  readonly facts: readonly Fact[];
  readonly played: readonly Played[];
} {
  let review = aLockedReview({ policy, ownerId, versions });
  const facts: Fact[] = [];
  const played: Played[] = [];
  const record = (fact: NewFact): void => {
    for (const next of numbered([fact], review.state.seq + 1)) {
      facts.push(next);
      const state = evolve(review.state, next);
      const isLate = review.status !== review.state.status;
      review = { ...review, state, status: isLate ? review.status : state.status };
    }
  };
  for (const step of steps) {
    const before = review;
    switch (step.kind) {
      case 'asked': {
        const ruling = decide(before, step.command, step.voter);
        if (ruling.kind === 'recorded') {
          record(ruling.fact);
        }
        played.push({ ...step, ruling, before, after: review });
        break;
      }
      case 'corrected':
        if (ruleOnCorrection(before, step.parentId, ['rvr_1'], step.voter).length === 0) {
          const { parentId, voter } = step;
          const id = `rvr_${before.versions.length + 1}`;
          const version = aVersion(id, { parentId, authorId: voter.id });
          review = { ...before, versions: [...before.versions, version] };
        }
        break;
      case 'run cancelled':
        if (before.status === 'PENDING' || before.status === 'APPROVED') {
          record({ kind: 'cancelled', actorId: ownerId });
        }
        break;
      case 'released':
        if (before.status === 'APPROVED') {
          review = { ...before, status: 'PROCESSING' };
        }
        break;
    }
  }
  return { review, facts, played };
}

const GROUPS = ['finance', 'legal', 'oncall'] as const;
const PEOPLE = ['u_owner', 'u_1', 'u_2', 'u_3', 'u_4'] as const;
const VERSIONS = ['rvr_1', 'rvr_2', 'rvr_3', 'rvr_x'] as const;

/** Mostly false: for what would stop nearly every scenario from getting anywhere. */
const seldom = fc.integer({ min: 0, max: 9 }).map((n) => n === 9);

/** A policy that a declaration would accept: every group once, something mandatory in it. */
export const anyPolicy: fc.Arbitrary<Policy> = fc
  .record({
    groups: fc.uniqueArray(
      fc.record({ group: fc.constantFrom(...GROUPS), required: fc.integer({ min: 1, max: 2 }) }),
      { selector: ({ group }) => group, maxLength: 2 },
    ),
    reviewers: fc.uniqueArray(
      fc.record({ id: fc.constantFrom(...PEOPLE), mandatory: fc.boolean() }),
      { selector: ({ id }) => id, maxLength: 2 },
    ),
    minApprovals: fc.option(fc.integer({ min: 1, max: 3 })),
    selfApproval: fc.constantFrom('never', 'admins'),
    onePersonOneEntry: fc.boolean(),
    corrections: fc.constantFrom('entries', 'none'),
    correctionAuthorMayApprove: fc.boolean(),
    release: fc.constantFrom('auto', 'manual'),
    forceApprovalGroups: fc.subarray(['oncall', 'finance']),
    acknowledgeSuperseded: seldom,
  })
  .map((rules) => {
    const reviewers = rules.reviewers.map(({ id, mandatory }, index) => ({
      id,
      mandatory: mandatory || (rules.groups.length === 0 && index === 0),
    }));
    const minApprovals = rules.groups.length === 0 ? null : rules.minApprovals;
    return aPolicy({ ...rules, reviewers, minApprovals });
  });

/** Somebody as the directory knows them at that moment: groups and roles come and go. */
export const anyVoter: fc.Arbitrary<Voter> = fc
  .record({
    id: fc.constantFrom(...PEOPLE),
    isService: seldom,
    groups: fc.subarray([...GROUPS]),
    roles: fc.constantFrom<readonly Role[]>(
      ['reviewer'],
      ['reviewer'],
      ['reviewer', 'admin'],
      ['admin'],
      ['auditor'],
    ),
  })
  .map(({ isService, ...voter }) => ({ ...voter, kind: isService ? 'service' : 'person' }));

const anyVote = fc.record({
  kind: fc.constant('vote' as const),
  verdict: fc.constantFrom(
    ...(['approved', 'approved', 'approved', 'approved', 'approved'] as const),
    ...(['rejected', 'revoked'] as const),
  ),
  versionId: fc.option(fc.constantFrom('rvr_1', 'rvr_1', ...VERSIONS), { freq: 3 }),
  force: seldom,
  mayWithdraw: fc.boolean(),
  refusedWhenFinal: fc.constant(false),
  timeWindow: fc.constant(null),
  acknowledgedVersionIds: fc.subarray([...VERSIONS]),
});

/** Anything a caller may ask. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: anyVote },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('withdraw' as const),
      verdict: fc.constantFrom('rejected', 'revoked', null),
      what: fc.constantFrom('own_approval', 'own_approval', 'decision', null),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
);

const anyReassignment: fc.Arbitrary<Step> = fc
  .record({
    entry: fc.constantFrom(
      'anyone',
      ...GROUPS.flatMap((group) => [`group:${group}#1`, `group:${group}#2`]),
      ...PEOPLE.map((id) => `user:${id}`),
    ),
    to: fc.oneof(
      fc.record({ kind: fc.constant('group' as const), subject: fc.constantFrom(...GROUPS) }),
      fc.record({ kind: fc.constant('reviewer' as const), subject: fc.constantFrom(...PEOPLE) }),
    ),
    isAssigneeKnown: seldom.map((isUnknown) => !isUnknown),
  })
  .map((command) => ({
    kind: 'asked',
    voter: { id: 'u_admin', kind: 'person', groups: [], roles: ['admin'] },
    command: { kind: 'reassign', ...command },
  }));

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('asked' as const),
      voter: anyVoter,
      command: anyCommand,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('corrected' as const),
      voter: anyVoter,
      parentId: fc.constantFrom(...VERSIONS),
    }),
  },
  {
    weight: 1,
    arbitrary: seldom.map((isCancelled): Step => ({
      kind: isCancelled ? 'run cancelled' : 'released',
    })),
  },
);

/** A gate and up to a dozen and a half things that happen to it. */
export const anyScenario: fc.Arbitrary<Scenario> = scenarioOf(anyStep);

/** The same, with entries that admins give to somebody else. */
export const anyReassignedScenario: fc.Arbitrary<Scenario> = scenarioOf(
  fc.oneof({ weight: 3, arbitrary: anyStep }, { weight: 2, arbitrary: anyReassignment }),
);

function scenarioOf(step: fc.Arbitrary<Step>): fc.Arbitrary<Scenario> {
  return fc.record({
    policy: anyPolicy,
    ownerId: fc.constantFrom(...PEOPLE),
    versions: fc
      .array(fc.constantFrom(...PEOPLE), { maxLength: 2 })
      .map((authors) => [
        aVersion('rvr_1'),
        ...authors.map((authorId, index) =>
          aVersion(`rvr_${index + 2}`, { parentId: `rvr_${index + 1}`, authorId }),
        ),
      ]),
    steps: fc.array(step, { maxLength: 18, size: 'max' }),
  });
}
