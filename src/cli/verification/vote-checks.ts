import type { Fact, Version } from '../../client/index.js';
import { entriesOf, type Policy } from '../../domain/policy.js';
import { type Check, holds } from './check.js';
import type { Evidence } from './evidence.js';

/**
 * Checks of every vote what can be told from the record: that a person gave it, on a version of this review,
 * for entries that the gate has, and not against the gate's rules for owners, correctors and overrides.
 *
 * Whether somebody was in a group, or an admin, when they voted is not on record: `fills` is the server's word.
 */
export function checkVotes(
  policyBefore: (seq: number) => Policy,
  { facts, versions, review }: Evidence,
): Check {
  const votes = facts.filter(({ kind }) => kind === 'vote');
  return holds(
    `${votes.length === 1 ? '1 vote' : `${votes.length} votes`}, each one that the gate takes`,
    votes.flatMap((vote) =>
      problemsOf(vote, policyBefore(vote.seq), versions, review.owner_id).map(
        (problem) => `fact ${vote.seq} (${vote.actor.id}) ${problem}`,
      ),
    ),
  );
}

function problemsOf(
  vote: Fact,
  policy: Policy,
  versions: readonly Version[],
  ownerId: string | null,
): readonly string[] {
  const entries = entriesOf(policy);
  const version = versions.find(({ id }) => id === vote.version_id);
  const isApproval = vote.verdict === 'approved';
  const rules: readonly (readonly [broken: boolean, problem: string])[] = [
    [vote.actor.kind !== 'human', 'is no person’s'],
    [
      version === undefined,
      `names ${vote.version_id ?? 'no version'}, which is none of the review`,
    ],
    [
      vote.fills.some((key) => !entries.some((entry) => entry.key === key)),
      'fills an entry that the gate does not have',
    ],
    [
      entries.some(
        ({ key, kind, subject }) =>
          kind === 'reviewer' && subject !== vote.actor.id && vote.fills.includes(key),
      ),
      'fills the entry of another reviewer',
    ],
    [
      isApproval && vote.actor.id === ownerId && policy.selfApproval === 'never',
      'is the owner’s, and the gate never lets the owner approve',
    ],
    [
      isApproval &&
        !policy.correctionAuthorMayApprove &&
        version?.author.kind === 'human' &&
        version.author.id === vote.actor.id,
      'approves a correction of their own, and the gate wants somebody else',
    ],
    [
      vote.forced && !policy.forceApprovalGroups.includes(vote.acting_for ?? ''),
      'is forced, and not by a group that may force',
    ],
    [isApproval && vote.fills.length === 0 && !vote.forced, 'approves, and fills no entry'],
  ];
  return rules.flatMap(([isBroken, problem]) => (isBroken ? [problem] : []));
}
