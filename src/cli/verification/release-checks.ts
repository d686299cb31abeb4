import type { Policy } from '../../domain/policy.js';
import type { ReviewState } from '../../domain/review-state.js';
import { type Check, compare, holds, unchecked } from './check.js';
import type { Evidence } from './evidence.js';

/** Checks that what was released was approved before, as the gate wants it, and that just this flowed on. */
export function checkRelease(
  policy: Policy,
  state: ReviewState,
  evidence: Evidence,
): readonly Check[] {
  const { released_at: releasedAt } = evidence.review;
  return releasedAt === null
    ? []
    : [
        holds('it was released after its approval, as the gate says', [
          ...orderProblems(state, evidence, releasedAt),
          ...ruleProblems(policy, evidence, releasedAt),
        ]),
        ...checkOutput(state, evidence),
      ];
}

function orderProblems(
  { decision, status }: ReviewState,
  { facts, review }: Evidence,
  releasedAt: string,
): readonly string[] {
  const decided = facts.find(({ seq }) => seq === decision?.seq);
  const later = facts.filter(({ created_at: at }) => at > releasedAt);
  return [
    ...(status === 'APPROVED' ? [] : [`the facts say ${status}`]),
    ...(decided !== undefined && decided.created_at > releasedAt
      ? ['it was released before it was approved']
      : []),
    ...(review.ended_at !== null && review.ended_at < releasedAt
      ? ['it ended before it was released']
      : []),
    ...later
      .filter(({ kind, verdict }) => kind !== 'vote' || verdict !== 'approved')
      .map(({ seq }) => `fact ${seq} came after the release, and is no approval`),
  ];
}

function ruleProblems(
  { release }: Policy,
  { facts, review }: Evidence,
  releasedAt: string,
): readonly string[] {
  if (release === 'manual') {
    const isAsked = facts.some(
      ({ kind, created_at: at }) => kind === 'release_requested' && at <= releasedAt,
    );
    return isAsked ? [] : ['nobody had asked for the release'];
  }
  const decidedAt = review.decision?.decided_at;
  const isEarly =
    typeof release === 'object' &&
    decidedAt !== undefined &&
    Date.parse(releasedAt) - Date.parse(decidedAt) < release.afterMs;
  return isEarly ? ['the time to undo had not passed'] : [];
}

/** Of an approved output, what the blocks behind it are given. */
function checkOutput(
  { decision }: ReviewState,
  { review, versions, step }: Evidence,
): readonly Check[] {
  const name = 'what flowed on is the approved version';
  if (review.placement !== 'output' || review.status !== 'EXECUTED') {
    return [];
  }
  if (review.type === 'for_each') {
    return [unchecked(name, 'what flows on from a for_each is made of its iterations')];
  }
  const approved = versions.find(({ id }) => id === decision?.versionId);
  return [
    compare(name, approved?.snapshot ?? null, step.handle_outputs['output-json-0']?.data ?? null),
  ];
}
