import { z } from 'zod';
import type { BlockType, Placement, Predicate, PredicateKind } from '../domain/definition.js';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { predicateKindsFor } from '../domain/predicate-kinds.js';
import { checkIJson } from './canonical.js';
import { checkExpression, expressionReads } from './cel.js';
import { checkJsonCondition, readsLikelihoods } from './json-condition.js';
import { MAX_PROBLEMS, describe, oneOf, under, type Problem } from './problem.js';
import { closed, shapeProblems } from './zod-problems.js';

/** What of a block decides which predicates its gate may have. */
export type PredicateContext = {
  readonly type: BlockType;
  readonly placement: Placement;
  readonly json_schema: JsonObject | null;
  readonly categories: readonly string[] | null;
  readonly n_consensus: number;
};

/** A predicate as it is stored, with what its author should know; or what is wrong with it. */
export type CheckedPredicate =
  | { readonly predicate: Predicate; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] };

const MAX_DEPTH = 10;
const MAX_CHILDREN = 100;

const likelihood = z.number().min(0).max(1);
const json = z.custom<Json>((value) => value !== undefined);

const jsonCondition = closed({
  logical_operator: z.enum(['and', 'or']).default('and'),
  sub_conditions: z.array(
    closed({
      path: z.string().exactOptional(),
      path_ref: closed({ input: z.string().exactOptional(), path: z.string() }).exactOptional(),
      operator: z.string(),
      value: json.exactOptional(),
    }),
  ),
});

type LeafKind = Exclude<PredicateKind, 'any_of' | 'all_of'>;

/** The own fields of each kind. */
const SHAPES = {
  always: closed({ kind: z.literal('always') }),
  validation_failed: closed({ kind: z.literal('validation_failed') }),
  any_required_field_null: closed({ kind: z.literal('any_required_field_null') }),
  confidence_lt: closed({ kind: z.literal('confidence_lt'), threshold: likelihood }),
  category_in: closed({
    kind: z.literal('category_in'),
    categories: z.array(z.string().min(1)).min(1),
  }),
  top_margin_lt: closed({ kind: z.literal('top_margin_lt'), margin: likelihood }),
  split_count_neq: closed({ kind: z.literal('split_count_neq'), expected: z.int().min(0) }),
  any_split_pages_lt: closed({ kind: z.literal('any_split_pages_lt'), min_pages: z.int().min(1) }),
  boundary_confidence_lt: closed({
    kind: z.literal('boundary_confidence_lt'),
    threshold: likelihood,
  }),
  any_pages_unassigned: closed({ kind: z.literal('any_pages_unassigned') }),
  json_condition: closed({ kind: z.literal('json_condition'), condition: jsonCondition }),
  expression: closed({ kind: z.literal('expression'), expression: z.string() }),
} as const satisfies { readonly [Kind in LeafKind]: z.ZodType<Extract<Predicate, { kind: Kind }>> };

/** Kinds of older payloads, and what to declare in their place. */
const GONE: { readonly [kind: string]: string } = {
  branch_in: 'branch_in never fires and cannot be declared; declare category_in or json_condition',
  field_confidence_lt:
    'field_confidence_lt is gone; declare json_condition over likelihoods.<field> with is_less_than',
};

/**
 * Checks a predicate that an author declares on the gate of a block.
 *
 * 1. The kind fits the block's type and the gate's placement, and its numbers and lists are in range.
 * 2. Conditions and expressions are checked as far as they can be before there is data.
 * 3. What reads a consensus on a block that runs none is a warning: it would fire every time.
 *
 * Every default is filled in. Paths lead from the predicate.
 */
export function checkPredicate(predicate: unknown, context: PredicateContext): CheckedPredicate {
  const malformed = checkIJson(predicate);
  return malformed.length > 0 ? { problems: malformed } : check(predicate, context, 1);
}

function check(predicate: unknown, context: PredicateContext, depth: number): CheckedPredicate {
  if (!isJsonObject(predicate)) {
    return problem([], `expected a predicate object, got ${describe(predicate)}`);
  }
  const { kind } = predicate;
  if (typeof kind === 'string' && Object.hasOwn(GONE, kind)) {
    return problem(['kind'], GONE[kind] ?? '');
  }
  const accepted = predicateKindsFor(context.type, context.placement);
  const known = accepted.find((name) => name === kind);
  if (known === undefined) {
    const place = context.placement === 'input' ? 'input' : 'output';
    return problem(
      ['kind'],
      `expected a predicate for the ${place} of a block of type ${context.type}: ${oneOf(accepted)}, got ${describe(kind)}`,
    );
  }
  return known === 'any_of' || known === 'all_of'
    ? checkComposite(known, predicate, context, depth)
    : checkLeaf(known, predicate, context);
}

function checkComposite(
  kind: 'any_of' | 'all_of',
  predicate: JsonObject,
  context: PredicateContext,
  depth: number,
): CheckedPredicate {
  if (depth === MAX_DEPTH) {
    return problem([], `nests deeper than the ${MAX_DEPTH} levels accepted`);
  }
  const shape = closed({
    kind: z.literal(kind),
    predicates: z.array(z.unknown()).min(1).max(MAX_CHILDREN),
  }).safeParse(predicate);
  if (!shape.success) {
    return { problems: shapeProblems(shape.error.issues, predicate) };
  }
  const children = shape.data.predicates.map((child, index) => ({
    path: ['predicates', index],
    checked: check(child, context, depth + 1),
  }));
  const problems = children.flatMap(({ path, checked }) =>
    'problems' in checked ? under(path, checked.problems) : [],
  );
  if (problems.length > 0) {
    return { problems: problems.slice(0, MAX_PROBLEMS) };
  }
  return {
    predicate: {
      kind,
      predicates: children.flatMap(({ checked }) =>
        'problems' in checked ? [] : [checked.predicate],
      ),
    },
    warnings: children.flatMap(({ path, checked }) =>
      'problems' in checked ? [] : under(path, checked.warnings),
    ),
  };
}

function checkLeaf(
  kind: LeafKind,
  predicate: JsonObject,
  context: PredicateContext,
): CheckedPredicate {
  const shape = SHAPES[kind].safeParse(predicate);
  if (!shape.success) {
    return { problems: shapeProblems(shape.error.issues, predicate) };
  }
  const parsed: Predicate = shape.data;
  const problems = contentProblems(parsed, context);
  return problems.length > 0
    ? { problems: problems.slice(0, MAX_PROBLEMS) }
    : { predicate: parsed, warnings: warningsOf(parsed, context) };
}

function contentProblems(predicate: Predicate, context: PredicateContext): readonly Problem[] {
  if (predicate.kind === 'json_condition') {
    const { type, placement } = context;
    return under(['condition'], checkJsonCondition(predicate.condition, type, placement));
  }
  if (predicate.kind === 'expression') {
    const fault = checkExpression(predicate.expression, context.placement);
    return fault === null ? [] : under(['expression'], [fault]);
  }
  const { categories } = context;
  if (predicate.kind === 'category_in' && categories !== null) {
    // A misspelt category would never be met, and the gate never open.
    return predicate.categories.flatMap((category, index) =>
      categories.includes(category)
        ? []
        : [
            {
              path: ['categories', index],
              message: `expected a category of the block (${oneOf(categories)}), got ${describe(category)}`,
            },
          ],
    );
  }
  return [];
}

function warningsOf(predicate: Predicate, context: PredicateContext): readonly Problem[] {
  const warnings: Problem[] = [];
  if (context.n_consensus <= 1 && readsConsensus(predicate)) {
    warnings.push({
      path: [],
      message: `${predicate.kind} reads a consensus, which does not run with n_consensus ${context.n_consensus}: unless the block brings one itself, the gate opens every time`,
    });
  }
  if (predicate.kind === 'any_required_field_null' && context.json_schema === null) {
    warnings.push({
      path: [],
      message:
        'any_required_field_null reads the json_schema, which the block does not declare: the gate opens every time',
    });
  }
  return warnings;
}

function readsConsensus(predicate: Predicate): boolean {
  switch (predicate.kind) {
    case 'confidence_lt':
    case 'top_margin_lt':
    case 'boundary_confidence_lt':
      return true;
    case 'json_condition':
      return readsLikelihoods(predicate.condition);
    case 'expression':
      return expressionReads(predicate.expression, 'likelihoods');
    case 'always':
    case 'validation_failed':
    case 'any_required_field_null':
    case 'category_in':
    case 'split_count_neq':
    case 'any_split_pages_lt':
    case 'any_pages_unassigned':
    case 'any_of':
    case 'all_of':
      return false;
  }
}

function problem(path: readonly (string | number)[], message: string): CheckedPredicate {
  return { problems: [{ path, message }] };
}
