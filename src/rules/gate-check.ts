import type { Gate } from '../domain/definition.js';
import type { DeclaredReview } from './definition-shapes.js';
import { checkPredicate, type CheckedPredicate, type PredicateContext } from './predicate-check.js';
import { describe, under, type Problem } from './problem.js';

/** What of its block a gate is checked against. */
export type GateContext = Omit<PredicateContext, 'placement'> & {
  readonly map_method: string | null;
  readonly key: string | null;
  /** The block is in the body of a for_each. */
  readonly isInBody: boolean;
};

export type CheckedGate =
  | { readonly gate: Gate; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] };

/**
 * Checks the `review` of a block, whose shape is right, and fills in its defaults. Paths lead from the review.
 *
 * A gate that nobody could ever open is refused here. One that today's directory of people cannot satisfy is not: people
 * come and go, and this function does not know them.
 */
export function checkGate(review: DeclaredReview, context: GateContext): CheckedGate {
  const placement = review.placement ?? 'output';
  const groups = (review.groups ?? []).map((entry) =>
    typeof entry === 'string'
      ? { group: entry, required: 1 }
      : { group: entry.group, required: entry.required ?? 1 },
  );
  const reviewers = (review.reviewers ?? []).map(({ id, mandatory }) => ({
    id,
    mandatory: mandatory ?? true,
  }));
  const checked = checkTrigger(review, { ...context, placement });
  const gate = {
    name: review.name ?? null,
    instructions: review.instructions ?? null,
    link: review.link ?? null,
    placement,
    groups,
    reviewers,
    min_approvals: review.min_approvals ?? null,
    self_approval: review.self_approval ?? 'admins',
    one_person_one_entry: review.one_person_one_entry ?? false,
    corrections: review.corrections ?? (placement === 'output' ? 'entries' : 'none'),
    correction_author_may_approve: review.correction_author_may_approve ?? true,
    release: review.release ?? 'auto',
    on_reject: review.on_reject ?? 'cancel_run',
    force_approval_groups: review.force_approval_groups ?? [],
    acknowledge_superseded: review.acknowledge_superseded ?? false,
    ...(typeof review.due_in === 'string' ? { due_in: review.due_in } : {}),
  } as const satisfies Omit<Gate, 'predicate'>;
  const problems = [
    ...('problems' in checked ? checked.problems : []),
    ...entryProblems(gate),
    ...releaseProblems(gate),
    ...rejectionProblems(gate, context),
    ...forEachProblems(context, placement),
  ];
  if ('problems' in checked || problems.length > 0) {
    return { problems };
  }
  return { gate: { ...gate, predicate: checked.predicate }, warnings: checked.warnings };
}

/** The predicate, which `when` is a short form of; without either the gate opens every time. */
function checkTrigger(review: DeclaredReview, context: PredicateContext): CheckedPredicate {
  const { when } = review;
  const predicate = review.predicate ?? null;
  if (typeof when !== 'string') {
    return predicate === null
      ? { predicate: { kind: 'always' }, warnings: [] }
      : prefixed(['predicate'], checkPredicate(predicate, context));
  }
  if (predicate !== null) {
    return {
      problems: [{ path: ['when'], message: 'expected either when or predicate, got both' }],
    };
  }
  const checked = checkPredicate({ kind: 'expression', expression: when }, context);
  // What is wrong with the expression is wrong with `when`, not with a key that nobody wrote.
  return prefixed(['when'], checked, 1);
}

function prefixed(
  path: readonly string[],
  checked: CheckedPredicate,
  dropped = 0,
): CheckedPredicate {
  const moved = (problems: readonly Problem[]): readonly Problem[] =>
    under(
      path,
      problems.map((problem) => ({ ...problem, path: problem.path.slice(dropped) })),
    );
  return 'problems' in checked
    ? { problems: moved(checked.problems) }
    : { ...checked, warnings: moved(checked.warnings) };
}

type Entries = Pick<Gate, 'groups' | 'reviewers' | 'min_approvals' | 'force_approval_groups'>;

function entryProblems(gate: Entries): readonly Problem[] {
  const { groups, reviewers, min_approvals: minApprovals } = gate;
  const problems = [
    ...duplicates(
      ['groups'],
      groups.map(({ group }) => group),
    ),
    ...duplicates(
      ['reviewers'],
      reviewers.map(({ id }) => id),
    ),
    ...duplicates(['force_approval_groups'], gate.force_approval_groups),
  ];
  if (groups.length === 0 && reviewers.length > 0 && reviewers.every((one) => !one.mandatory)) {
    problems.push({
      path: ['reviewers'],
      message:
        'expected a group or a mandatory reviewer, got optional reviewers only: nobody would have to approve',
    });
  }
  if (minApprovals === null) {
    return problems;
  }
  if (groups.length === 0) {
    problems.push({
      path: ['min_approvals'],
      message: `counts entries of groups, and no groups are declared; got ${minApprovals}`,
    });
  } else if (groups.some(({ required }) => required > 1)) {
    problems.push({
      path: ['min_approvals'],
      message: 'cannot stand beside a group with required above 1',
    });
  } else if (minApprovals > groups.length) {
    problems.push({
      path: ['min_approvals'],
      message: `expected 1 to ${groups.length}, the number of groups, got ${minApprovals}`,
    });
  }
  return problems;
}

function releaseProblems({
  release,
  placement,
}: Pick<Gate, 'release' | 'placement'>): readonly Problem[] {
  return release === 'manual' && placement === 'output'
    ? [
        {
          path: ['release'],
          message:
            '"manual" lets the owner execute an approved input and needs placement "input"; accepted for an output: "auto" or {"after": "30s"}',
        },
      ]
    : [];
}

/** What is dropped is an iteration. */
function rejectionProblems(
  { on_reject: onReject }: Pick<Gate, 'on_reject'>,
  { isInBody }: GateContext,
): readonly Problem[] {
  return onReject === 'drop' && !isInBody
    ? [
        {
          path: ['on_reject'],
          message:
            '"drop" leaves out one iteration and is for blocks in the body of a for_each; accepted here: "cancel_run" or "continue"',
        },
      ]
    : [];
}

/** The seed version of a for_each gate is its partitions, which only a split by key has. */
function forEachProblems(context: GateContext, placement: Gate['placement']): readonly Problem[] {
  const hasPartitions = context.map_method === 'split_by_key' && context.key !== null;
  return context.type === 'for_each' && placement === 'output' && !hasPartitions
    ? [
        {
          path: [],
          message: 'a gate on a for_each needs map_method "split_by_key" and a key on its block',
        },
      ]
    : [];
}

function duplicates(path: readonly string[], names: readonly string[]): Problem[] {
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [{ path: [...path, index], message: `${describe(name)} is listed already` }],
  );
}
