import type { LockedReview, VersionFacts } from '../../src/domain/decide.js';
import type { Fact, NewFact, VoteRecorded } from '../../src/domain/facts.js';
import type { Role, Voter } from '../../src/domain/people.js';
import type { GroupRequirement, Policy } from '../../src/domain/policy.js';
import { foldReview } from '../../src/domain/review-state.js';
import type { ReviewStatus } from '../../src/domain/statuses.js';
import type { TimeWindow } from '../../src/domain/time-window.js';

/** The smallest valid policy: one approval by anybody with the reviewer role. */
export function aPolicy(overrides: Partial<Policy> = {}): Policy {
  return {
    groups: [],
    reviewers: [],
    minApprovals: null,
    selfApproval: 'admins',
    onePersonOneEntry: false,
    corrections: 'entries',
    correctionAuthorMayApprove: true,
    release: 'auto',
    onReject: 'cancel_run',
    forceApprovalGroups: [],
    acknowledgeSuperseded: false,
    ...overrides,
  };
}

/** Declared groups, one approval each. */
export function groups(...names: readonly string[]): readonly GroupRequirement[] {
  return names.map((group) => ({ group, required: 1 }));
}

/** A person with the reviewer role and no groups. */
export function aPerson(
  id: string,
  overrides: { readonly groups?: readonly string[]; readonly roles?: readonly Role[] } = {},
): Voter {
  return { id, kind: 'person', groups: [], roles: ['reviewer'], ...overrides };
}

/** A service, which has neither groups nor roles. */
export function aService(id: string, overrides: Partial<Voter> = {}): Voter {
  return { id, kind: 'service', groups: [], roles: [], ...overrides };
}

/** The runtime's seed, or a version that somebody made from another. */
export function aVersion(id: string, overrides: Partial<VersionFacts> = {}): VersionFacts {
  return { id, parentId: null, authorId: null, ...overrides };
}

/** The first fact of a review: an approval of `rvr_1` that fills `anyone`. */
export function aVote(overrides: Partial<VoteRecorded> = {}): VoteRecorded {
  return {
    kind: 'vote',
    seq: 1,
    id: `vote_${overrides.seq ?? 1}`,
    reviewerId: 'u_ann',
    versionId: 'rvr_1',
    verdict: 'approved',
    fills: ['anyone'],
    forced: false,
    actingFor: null,
    ...overrides,
  };
}

/** The same facts as the store would have numbered them: `seq` from `first`, an id each. */
export function numbered(facts: readonly NewFact[], first = 1): readonly Fact[] {
  return facts.map((fact, index) => {
    const seq = first + index;
    return { ...fact, seq, id: `fact_${seq}` };
  });
}

/** A review under its lock: of `u_owner`, with the seed `rvr_1`, as its facts leave it. */
export function aLockedReview(
  given: {
    readonly policy?: Policy;
    readonly facts?: readonly Fact[];
    /** Only where its step has been released: else it follows from the facts. */
    readonly status?: ReviewStatus;
    readonly ownerId?: string | null;
    readonly versions?: readonly VersionFacts[];
    readonly timeWindow?: TimeWindow | null;
    readonly nowMs?: number;
  } = {},
): LockedReview {
  const { policy = aPolicy(), facts = [], ...overrides } = given;
  const state = foldReview(policy, facts);
  return {
    id: 'rev_1',
    ownerId: 'u_owner',
    state,
    status: state.status,
    versions: [aVersion('rvr_1')],
    timeWindow: null,
    nowMs: 0,
    ...overrides,
  };
}
