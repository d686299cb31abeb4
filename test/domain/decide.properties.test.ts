import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { decide, type LockedReview, type Ruling } from '../../src/domain/decide.js';
import { actorOf, type Fact, type Verdict, type VoteRecorded } from '../../src/domain/facts.js';
import { hasRole, type Voter } from '../../src/domain/people.js';
import { entriesOf, type Policy } from '../../src/domain/policy.js';
import { explainRefusal } from '../../src/domain/refusals.js';
import {
  evolve,
  foldReview,
  openedReview,
  type ReviewState,
} from '../../src/domain/review-state.js';
import { isFinal } from '../../src/domain/statuses.js';
import { tally } from '../../src/domain/tally.js';
import { aLockedReview, aPolicy } from '../support/builders.js';
import {
  anyCommand,
  anyPolicy,
  anyReassignedScenario,
  anyScenario,
  anyVoter,
  play,
  type Played,
} from './scenarios.js';

const RUNS = { numRuns: 1_000 };

/** A vote as the oracle sees it: who asked for what, and what they were at that moment. */
type Ballot = {
  readonly voter: Voter;
  readonly versionId: string;
  readonly verdict: string;
  readonly force: boolean;
};

/** What was recorded so far, from the commands and their answers alone. */
function ballotsOf(played: readonly Played[]): readonly Ballot[] {
  return played.flatMap(({ voter, command, ruling }): readonly Ballot[] => {
    if (ruling.kind === 'recorded' && ruling.fact.kind === 'withdrawn') {
      return [{ voter, versionId: '', verdict: 'none any more', force: false }];
    }
    if (ruling.kind !== 'recorded' || ruling.fact.kind !== 'vote') {
      return [];
    }
    const { versionId, verdict } = ruling.fact;
    return [{ voter, versionId, verdict, force: command.kind === 'vote' && command.force }];
  });
}

/** Those whose last word is an approval of this version. */
function approversOf(ballots: readonly Ballot[], versionId: string): readonly Voter[] {
  const lastWord = new Map<string, Ballot>();
  for (const ballot of ballots) {
    lastWord.set(ballot.voter.id, ballot);
  }
  return [...lastWord.values()]
    .filter((ballot) => ballot.verdict === 'approved' && ballot.versionId === versionId)
    .map(({ voter }) => voter);
}

/**
 * Whether these people are the approvals that a policy declares: a second opinion on the tally,
 * which tries every way of seating people instead of counting and matching.
 */
function isEnough(policy: Policy, approvers: readonly Voter[]): boolean {
  const { groups, reviewers, minApprovals } = policy;
  if (groups.length === 0 && reviewers.length === 0) {
    return approvers.some((voter) => hasRole(voter, 'reviewer'));
  }
  const named = reviewers.filter(({ mandatory }) => mandatory).map(({ id }) => id);
  const seats = groups.flatMap(({ group, required }) =>
    Array.from({ length: required }, () => group),
  );
  const wanted =
    minApprovals === null ? seats.length : Math.max(1, Math.min(seats.length, minApprovals));
  if (wanted === 0 && named.length === 0) {
    return false;
  }
  if (policy.onePersonOneEntry) {
    return canBeSeated(approvers, seats, wanted, named);
  }
  const filled = groups.map(({ group, required }) =>
    Math.min(required, approvers.filter((voter) => voter.groups.includes(group)).length),
  );
  return (
    filled.reduce((sum, count) => sum + count, 0) >= wanted &&
    named.every((id) => approvers.some((voter) => voter.id === id))
  );
}

/** Whether people can take one place each so that every named one and enough seats are taken. */
function canBeSeated(
  approvers: readonly Voter[],
  seats: readonly string[],
  wanted: number,
  named: readonly string[],
): boolean {
  const [voter, ...others] = approvers;
  if (voter === undefined) {
    return wanted <= 0 && named.length === 0;
  }
  const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at);
  const asNamed = named.indexOf(voter.id);
  return (
    canBeSeated(others, seats, wanted, named) ||
    (asNamed >= 0 && canBeSeated(others, seats, wanted, without(named, asNamed))) ||
    seats.some(
      (group, at) =>
        voter.groups.includes(group) && canBeSeated(others, without(seats, at), wanted - 1, named),
    )
  );
}

/** Whether the owner rule, or the one about authors, forbids this person an approval. */
function mayNotApprove(review: LockedReview, voter: Voter, versionId: string): boolean {
  const { policy } = review.state;
  const isOwner = voter.id === review.ownerId;
  const ownerMay = policy.selfApproval === 'admins' && voter.roles.includes('admin');
  const author = review.versions.find(({ id }) => id === versionId)?.authorId;
  return (
    voter.kind !== 'person' ||
    (isOwner && !ownerMay) ||
    (!policy.correctionAuthorMayApprove && author === voter.id)
  );
}

function isRecordedVote(ruling: Ruling, verdict: Verdict): boolean {
  return (
    ruling.kind === 'recorded' && ruling.fact.kind === 'vote' && ruling.fact.verdict === verdict
  );
}

/** Expects that nobody is counted twice where a gate, or an admin in its place, wants different people. */
function expectSeatedFairly(policy: Policy, filled: ReadonlyMap<string, VoteRecorded>): void {
  const given = new Map((policy.reassigned ?? []).map(({ key, since }) => [key, since]));
  const people = new Set([...filled.values()].map(({ reviewerId }) => reviewerId));
  for (const person of people) {
    const seats = [...filled].filter(([, { reviewerId }]) => reviewerId === person);
    const isGiven = seats.some(([key, { seq }]) => seq > (given.get(key) ?? Infinity));
    const groups = seats.map(([key]) => key.split('#')[0]);
    expect(new Set(groups).size).toBe(seats.length);
    expect(seats.length === 1 || !(isGiven || policy.onePersonOneEntry)).toBe(true);
  }
}

/** How few people can fill what a gate declares, if everybody is in every group. */
function fewestPeople({ groups, reviewers, minApprovals, onePersonOneEntry }: Policy): number {
  const named = reviewers.filter(({ mandatory }) => mandatory).length;
  const places = groups.reduce((sum, { required }) => sum + required, 0);
  const wanted = minApprovals === null ? places : Math.max(1, Math.min(places, minApprovals));
  if (onePersonOneEntry) {
    return Math.max(1, named + (groups.length === 0 ? 0 : wanted));
  }
  const together = Math.max(
    0,
    ...(minApprovals === null ? groups.map(({ required }) => required) : []),
  );
  return Math.max(1, named, together);
}

/** The fold as it is defined: every vote is kept, and the tally is taken of all of them each time. */
function foldPlainly(policy: Policy, facts: readonly Fact[]): Plain {
  const votes: VoteRecorded[] = [];
  let so: Plain = { status: 'PENDING', decision: null, cancelled: false, releaseRequested: false };
  for (const fact of facts) {
    if (fact.kind === 'vote') {
      votes.push(fact);
    }
    so = { ...so, ...changeBy(fact, so, policy, votes) };
  }
  return so;
}

type Plain = Pick<ReviewState, 'status' | 'decision' | 'cancelled' | 'releaseRequested'>;

function changeBy(
  fact: Fact,
  { status, decision }: Plain,
  policy: Policy,
  votes: readonly VoteRecorded[],
): Partial<Plain> {
  const isOpen = status === 'PENDING' || status === 'APPROVED';
  if (fact.kind === 'release_requested') {
    return { releaseRequested: true };
  }
  if (!isOpen || (fact.kind !== 'vote' && fact.kind !== 'cancelled')) {
    return {};
  }
  const by = { actorId: actorOf(fact), seq: fact.seq };
  if (fact.kind === 'cancelled') {
    return {
      status: 'REVOKED',
      cancelled: status === 'PENDING',
      decision: decision === null ? null : { ...decision, ...by, verdict: 'rejected' },
    };
  }
  const { versionId, verdict, forced } = fact;
  if (verdict !== 'approved') {
    const decided = decision?.versionId ?? versionId;
    return {
      status: verdict === 'rejected' ? 'REJECTED' : 'REVOKED',
      decision: { verdict: 'rejected', versionId: decided, ...by },
    };
  }
  return status === 'PENDING' && (forced || tally(policy, votes, versionId).complete)
    ? { status: 'APPROVED', decision: { verdict, versionId, ...by } }
    : {};
}

describe('a gate, whatever is asked of it and by whom', () => {
  test.prop([anyScenario], RUNS)(
    'is approved by the declared approvals or a declared override, and by nothing else',
    (scenario) => {
      const { policy } = scenario;
      const { played } = play(scenario);
      for (const [index, { voter, ruling, before, after }] of played.entries()) {
        const last = ballotsOf(played.slice(0, index + 1)).at(-1);
        const isApproval = last !== undefined && isRecordedVote(ruling, 'approved');
        const isForced = isApproval && last.force;
        const isOverride =
          isForced && policy.forceApprovalGroups.some((group) => voter.groups.includes(group));
        if (isApproval) {
          expect(mayNotApprove(before, voter, last.versionId)).toBe(false);
        }
        expect(isForced).toBe(isOverride);
        if (before.status === 'PENDING') {
          const versionId = last?.versionId ?? '';
          const approvers = approversOf(ballotsOf(played.slice(0, index + 1)), versionId);
          const opens = isApproval && (isOverride || isEnough(policy, approvers));
          expect(after.status === 'APPROVED').toBe(opens);
          expect(after.state.decision?.verdict === 'approved').toBe(opens);
          expect(!opens || after.state.decision?.versionId === versionId).toBe(true);
        } else if (ruling.kind === 'recorded' && ruling.fact.kind === 'withdrawn') {
          const decided = before.state.decision?.versionId ?? '';
          const left = ballotsOf(played.slice(0, index + 1));
          const others = approversOf(left, decided);
          const standsByForce = left.some(
            ({ force, voter: one, verdict }) =>
              force && verdict === 'approved' && others.some(({ id }) => id === one.id),
          );
          const stands = standsByForce || isEnough(policy, others);
          expect(after.status).toBe(stands ? 'APPROVED' : 'PENDING');
          expect(after.state.decision?.versionId).toBe(stands ? decided : undefined);
          expect(after.state.decision?.actorId).not.toBe(voter.id);
        } else if (after.status === 'APPROVED') {
          expect(before.status).toBe('APPROVED');
          expect(after.state.decision).toEqual(before.state.decision);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'is what it would be had nobody voted who took their approval back, where it is undecided',
    (scenario) => {
      const { review, facts } = play(scenario);
      const last = new Map(facts.map((fact) => [actorOf(fact), fact]));
      const others = facts.filter((fact) => last.get(actorOf(fact))?.kind !== 'withdrawn');
      if (review.status === 'PENDING') {
        const without = foldReview(scenario.policy, others);
        expect({ status: without.status, votes: without.votes }).toEqual({
          status: 'PENDING',
          votes: review.state.votes,
        });
      }
    },
  );

  test.prop([anyReassignedScenario], RUNS)(
    'with entries given to somebody else takes no fewer people than declared, and no one twice',
    (scenario) => {
      for (const { before, after } of play(scenario).played) {
        const { policy, votes, decision } = after.state;
        const versionId = decision?.versionId ?? 'rvr_1';
        const { filled, complete } = tally(policy, votes, versionId);
        expectSeatedFairly(policy, filled);
        const isForced = votes.some(({ forced, seq }) => forced && seq === decision?.seq);
        if (before.status === 'PENDING' && after.status === 'APPROVED' && !isForced) {
          expect(complete).toBe(true);
          const seats = [...filled].filter(([key]) =>
            entriesOf(policy).some((entry) => entry.key === key && entry.mandatory),
          );
          const { reassigned: _, ...declared } = policy;
          const people = new Set(seats.map(([, { reviewerId }]) => reviewerId));
          expect(people.size).toBeGreaterThanOrEqual(fewestPeople(declared));
        }
      }
    },
  );

  test.prop([anyReassignedScenario], RUNS)(
    'never lets the owner or a stranger fill an entry that was given to them or anybody',
    (scenario) => {
      for (const { before, voter, ruling } of play(scenario).played) {
        if (isRecordedVote(ruling, 'approved') && ruling.kind === 'recorded') {
          const { fact } = ruling;
          const versionId = fact.kind === 'vote' ? fact.versionId : '';
          expect(mayNotApprove(before, voter, versionId)).toBe(false);
          const fills = fact.kind === 'vote' && !fact.forced ? fact.fills : [];
          for (const { key, kind, subject } of entriesOf(before.state.policy)) {
            const isTheirs =
              kind === 'group'
                ? voter.groups.includes(subject)
                : kind === 'reviewer'
                  ? voter.id === subject
                  : hasRole(voter, 'reviewer');
            expect(!fills.includes(key) || isTheirs).toBe(true);
          }
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)('never takes back what is final', (scenario) => {
    for (const { before, after, ruling } of play(scenario).played) {
      if (isFinal(before.status)) {
        expect(after.status).toBe(before.status);
        expect(after.state.decision).toEqual(before.state.decision);
      }
      if (ruling.kind !== 'recorded') {
        expect(after).toBe(before);
      }
    }
  });

  test.prop([anyReassignedScenario], RUNS)(
    'stands as its facts say, folded at once or one by one',
    (scenario) => {
      const { review, facts } = play(scenario);
      expect(foldReview(scenario.policy, facts)).toEqual(review.state);
      expect(facts.reduce(evolve, openedReview(scenario.policy))).toEqual(review.state);
      expect(JSON.parse(JSON.stringify(review.state))).toEqual(review.state);
      expect(facts.map(({ seq }) => seq)).toEqual(facts.map((_, index) => index + 1));
    },
  );

  test.prop([anyScenario], RUNS)(
    'comes out of its votes as when every vote was kept and all were counted anew each time',
    (scenario) => {
      const facts = play(scenario).facts.filter(({ kind }) => kind !== 'withdrawn');
      const { status, decision, cancelled, releaseRequested } = foldReview(scenario.policy, facts);
      expect({ status, decision, cancelled, releaseRequested }).toEqual(
        foldPlainly(scenario.policy, facts),
      );
    },
  );

  test.prop([anyReassignedScenario], RUNS)(
    'takes a command that is sent again for a repeat',
    (scenario) => {
      for (const { after, command, voter, ruling } of play(scenario).played) {
        if (ruling.kind === 'recorded') {
          expect(decide(after, command, voter)).toEqual(
            command.kind === 'reassign'
              ? { kind: 'already' }
              : { kind: 'repeat', seq: after.state.seq },
          );
        }
      }
    },
  );

  test('meets every kind of answer in these scenarios: else they would prove nothing', () => {
    const all = fc.sample(anyScenario, { numRuns: 1_000, seed: 1 }).flatMap((scenario) => {
      return play(scenario).played;
    });
    const approvals = all.filter(({ ruling }) => isRecordedVote(ruling, 'approved'));
    const wasForced = ({ ruling }: Played): boolean =>
      ruling.kind === 'recorded' && ruling.fact.kind === 'vote' && ruling.fact.forced;
    const counts = {
      opened: approvals.filter(
        ({ before, after }) => before.status === 'PENDING' && after.status === 'APPROVED',
      ),
      forced: approvals.filter(wasForced),
      partial: approvals.filter(({ after }) => after.status === 'PENDING'),
      late: approvals.filter(({ before }) => before.status !== 'PENDING'),
      withdrawn: all.filter(
        ({ before, after }) => before.status === 'APPROVED' && isFinal(after.status),
      ),
      takenBack: all.filter(
        ({ ruling }) => ruling.kind === 'recorded' && ruling.fact.kind === 'withdrawn',
      ),
      reopened: all.filter(
        ({ before, after }) => before.status === 'APPROVED' && after.status === 'PENDING',
      ),
      released: all.filter(({ before }) => before.status === 'PROCESSING'),
      repeated: all.filter(({ ruling }) => ruling.kind === 'repeat'),
      known: all.filter(({ ruling }) => ruling.kind === 'already'),
    };
    const rare = Object.entries(counts).filter(([, cases]) => cases.length < 10);
    expect(rare.map(([kind, cases]) => [kind, cases.length])).toEqual([]);
  });
});

describe('decide', () => {
  function frozen<T>(value: T): T {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
      Object.freeze(value);
      Object.values(value).forEach(frozen);
    }
    return value;
  }

  test.prop([anyScenario, anyCommand, anyVoter], RUNS)(
    'is total and pure: one answer to one question, and nothing it was given is changed',
    (scenario, command, voter) => {
      const { review } = play(scenario);
      const copy = structuredClone({ review, command, voter });
      const ruling = decide(frozen(review), frozen(command), frozen(voter));
      expect(decide(review, command, voter)).toEqual(ruling);
      expect(decide(copy.review, copy.command, copy.voter)).toEqual(ruling);
      expect({ review, command, voter }).toEqual(copy);
    },
  );

  test.prop([anyScenario, anyCommand, anyVoter], RUNS)(
    'gives at least one reason for a refusal, each with a sentence, and none twice',
    (scenario, command, voter) => {
      const ruling = decide(play(scenario).review, command, voter);
      if (ruling.kind === 'refused') {
        expect(ruling.refusals.length).toBeGreaterThan(0);
        expect(ruling.refusals.every((refusal) => explainRefusal(refusal).length > 20)).toBe(true);
        const codes = ruling.refusals.map(({ code }) => code);
        expect(new Set(codes).size).toBe(codes.length);
      }
    },
  );

  const nothingRequired: fc.Arbitrary<Policy> = fc
    .record({
      policy: anyPolicy,
      reviewers: fc.uniqueArray(fc.constantFrom('u_owner', 'u_1', 'u_2', 'u_3', 'u_4')),
      minApprovals: fc.option(fc.integer({ min: -1, max: 3 })),
    })
    .map(({ policy, reviewers, minApprovals }) =>
      aPolicy({
        ...policy,
        minApprovals,
        // Nobody of no group, or reviewers of whom none is needed: declared, and yet nothing.
        groups: reviewers.length === 0 ? [{ group: 'finance', required: 0 }] : [],
        reviewers: reviewers.map((id) => ({ id, mandatory: false })),
        forceApprovalGroups: [],
      }),
    );

  test.prop([nothingRequired, anyScenario], RUNS)(
    'never opens a gate that requires nobody',
    (policy, scenario) => {
      const { played, review } = play({ ...scenario, policy });
      expect(played.filter(({ after }) => after.status === 'APPROVED')).toEqual([]);
      expect(review.state.decision?.verdict).not.toBe('approved');
    },
  );

  test.prop([anyPolicy])('opens no gate before anybody was asked', (policy) => {
    expect(aLockedReview({ policy }).status).toBe('PENDING');
  });
});
