import { compilePolicy } from '../../domain/compile-policy.js';
import { findBlock } from '../../domain/blocks.js';
import type { Gate } from '../../domain/definition.js';
import type { Fact as DomainFact } from '../../domain/facts.js';
import type { Policy } from '../../domain/policy.js';
import { entryStates, foldReview, type ReviewState } from '../../domain/review-state.js';
import type { Fact, WorkflowVersion } from '../../client/index.js';
import { definitionVersionId } from '../../rules/content-ids.js';
import { parseDefinition } from '../../rules/definition.js';
import { type Check, compare, holds, unchecked } from './check.js';
import type { Evidence } from './evidence.js';
import { checkRelease } from './release-checks.js';
import { checkVersions, newestOf } from './version-checks.js';
import { checkVotes } from './vote-checks.js';

/**
 * Derives a review's outcome again, from its facts, its declared gate and its versions, and compares it with
 * what the server says of it.
 *
 * The rules are those of the domain, run here: the server's own status, decision and entries are only compared.
 */
export function verifyReview(evidence: Evidence): readonly Check[] {
  const { review, explanation, facts, definition, me } = evidence;
  const declared = declaredGate(definition, review.block_id);
  const about = checkDefinition(evidence, me.project_id, declared);
  if (declared === null) {
    return [...about, ...checkVersions(evidence)];
  }
  const policy = compilePolicy(declared);
  const unreadable = facts.filter((fact) => asDomainFact(fact) === null);
  const numbered = [...facts].toSorted((one, other) => one.seq - other.seq);
  const state = foldReview(
    policy,
    numbered.flatMap((fact) => asDomainFact(fact) ?? []),
  );
  return [
    ...about,
    compare('the gate that votes count by is the declared one', declared, explanation.gate),
    checkOrder(facts),
    ...checkVersions(evidence),
    holds(
      'every vote names a version and a verdict, and every reassignment an entry',
      unreadable.map(({ seq }) => `fact ${seq}`),
    ),
    checkVotes((seq) => policyBefore(policy, numbered, seq), evidence),
    checkStatus(state, evidence),
    checkDecision(state, evidence),
    ...checkEntries(state, evidence),
    ...checkRelease(policy, state, evidence),
  ];
}

/** The gate as the pinned definition declares it, read by our own rules; null where that cannot be done. */
function declaredGate(definition: WorkflowVersion | null, blockId: string): Gate | null {
  if (definition === null) {
    return null;
  }
  const { workflow_id: workflowId, blocks, name, metadata } = definition;
  const parsed = parseDefinition(workflowId, { blocks, name, metadata });
  return 'problems' in parsed
    ? null
    : (findBlock(parsed.definition.blocks, blockId)?.block.review ?? null);
}

function checkDefinition(
  { review, definition }: Evidence,
  projectId: string,
  gate: Gate | null,
): readonly Check[] {
  const name = 'the id of the definition is that of its content';
  if (definition === null) {
    return [
      unchecked(
        name,
        `the server does not list version ${review.workflow_version_id} of ${review.workflow_id}, so only versions can be checked`,
      ),
    ];
  }
  const { workflow_id, blocks, name: title, metadata } = definition;
  const id = definitionVersionId(projectId, { workflow_id, name: title, blocks, metadata });
  return [
    compare(name, id, definition.id),
    ...(gate === null
      ? [
          unchecked(
            'the gate that votes count by is the declared one',
            `block ${review.block_id} of ${definition.id} has no gate that this version of the command can read`,
          ),
        ]
      : []),
  ];
}

/** The rules of the gate, with the entries that had been given to somebody else before a fact. */
function policyBefore(policy: Policy, facts: readonly Fact[], seq: number): Policy {
  const given = facts.filter((fact) => fact.kind === 'reassigned' && fact.seq < seq);
  return foldReview(
    policy,
    given.flatMap((fact) => asDomainFact(fact) ?? []),
  ).policy;
}

/** A fact as the domain folds it; null for one that lacks what makes it one. */
function asDomainFact(fact: Fact): DomainFact | null {
  const { seq, id, kind, actor } = fact;
  if (kind === 'reassigned') {
    const { entry, to } = fact;
    return entry === null || to === null ? null : { kind, seq, id, actorId: actor.id, entry, to };
  }
  if (kind !== 'vote') {
    return { kind, seq, id, actorId: actor.id };
  }
  const { version_id: versionId, verdict, fills, forced, acting_for: actingFor } = fact;
  return versionId === null || verdict === null
    ? null
    : { kind, seq, id, reviewerId: actor.id, versionId, verdict, fills, forced, actingFor };
}

function checkOrder(facts: readonly Fact[]): Check {
  const broken = facts.flatMap(({ seq, created_at: at }, index) => {
    const before = facts[index - 1];
    return [
      ...(seq === index + 1 ? [] : [`fact ${seq} stands at place ${index + 1}`]),
      ...(before !== undefined && at < before.created_at
        ? [`fact ${seq} is older than fact ${before.seq}`]
        : []),
    ];
  });
  return holds(`${facts.length} facts are numbered from 1 without a gap, in order of time`, broken);
}

/** A released review has a status of the system's; until then its status follows from the facts. */
function checkStatus({ status }: ReviewState, { review }: Evidence): Check {
  const isReleased = status === 'APPROVED' && review.released_at !== null;
  const possible = isReleased ? ['PROCESSING', 'EXECUTED', 'UNKNOWN'] : [status];
  return possible.includes(review.status)
    ? compare('status', review.status, review.status)
    : compare('status', possible.join(' or '), review.status);
}

function checkDecision({ decision }: ReviewState, { review, explanation, facts }: Evidence): Check {
  const fact = facts.find(({ seq }) => seq === decision?.seq);
  return compare(
    'decision: verdict, version, author, reason, time, fact',
    decision === null
      ? null
      : {
          verdict: decision.verdict,
          version_id: decision.versionId,
          author: decision.actorId,
          reason: fact?.reason ?? null,
          decided_at: fact?.created_at ?? null,
          seq: decision.seq,
        },
    review.decision === null
      ? null
      : {
          verdict: review.decision.verdict,
          version_id: review.decision.version_id,
          author: review.decision.author.id,
          reason: review.decision.reason,
          decided_at: review.decision.decided_at,
          seq: explanation.decision_seq,
        },
  );
}

function checkEntries(state: ReviewState, { review, versions }: Evidence): readonly Check[] {
  const newest = newestOf(versions, review.newest_version_id);
  const derived = entryStates(state, newest).map(({ key, mandatory, status, vote }) => ({
    key,
    mandatory,
    status,
    by: vote?.reviewerId ?? null,
    seq: vote?.seq ?? null,
  }));
  const served = review.entries.map(({ key, mandatory, status, vote }) => ({
    key,
    mandatory,
    status,
    by: vote?.reviewer.id ?? null,
    seq: vote?.seq ?? null,
  }));
  return [
    compare(
      'the entries there are',
      derived.map(({ key }) => key),
      served.map(({ key }) => key),
    ),
    ...derived.map((entry, index) => compare(`entry ${entry.key}`, entry, served[index] ?? null)),
  ];
}
