import { describe, expect, test } from 'vitest';
import { compileWhen } from '../../src/authoring/compile-when.js';
import type { ConditionOperator } from '../../src/authoring/json-conditions.js';
import { BLOCK_TYPES, type Predicate, type PredicateKind } from '../../src/domain/definition.js';
import { OPERATORS } from '../../src/rules/condition-operators.js';
import { checkPredicate } from '../../src/rules/predicate-check.js';

type Makers = { readonly [name: string]: (...args: readonly unknown[]) => unknown };

/** How each kind of predicate is made inside of a `when`. */
const MADE: { readonly [Kind in PredicateKind]: (scope: Makers) => unknown } = {
  always: (scope) => scope['always']?.(),
  validation_failed: (scope) => scope['validationFailed']?.(),
  any_required_field_null: (scope) => scope['anyRequiredFieldNull']?.(),
  confidence_lt: (scope) => scope['confidenceLt']?.(0.5),
  category_in: (scope) => scope['categoryIn']?.('a'),
  top_margin_lt: (scope) => scope['topMarginLt']?.(0.5),
  split_count_neq: (scope) => scope['splitCountNeq']?.(2),
  any_split_pages_lt: (scope) => scope['anySplitPagesLt']?.(2),
  boundary_confidence_lt: (scope) => scope['boundaryConfidenceLt']?.(0.5),
  any_pages_unassigned: (scope) => scope['anyPagesUnassigned']?.(),
  json_condition: (scope) =>
    scope['jsonCondition']?.({ subConditions: [{ path: 'data.a', operator: 'exists' }] }),
  expression: (scope) => scope['anyOf']?.(scope['expression']?.('true')),
  any_of: (scope) => scope['anyOf']?.(scope['always']?.()),
  all_of: (scope) => scope['allOf']?.(scope['always']?.()),
};

// Every kind comes with its name, and the checks of the rules know no other.
const KINDS = Object.entries(MADE);

describe('the builder and the rules agree', () => {
  const cases = BLOCK_TYPES.flatMap((type) =>
    (['output', 'input'] as const).flatMap((placement) =>
      KINDS.map(([kind, make]) => ({ type, placement, kind, make })),
    ),
  );

  test.each(cases)('whether $kind fits the $placement of a $type', ({ type, placement, make }) => {
    const context = { type, placement, schema: null, categories: null };
    const { stored, problems } = compileWhen(make, context);
    const predicate: Predicate | undefined = stored.predicate;
    const checked = checkPredicate(predicate, {
      type,
      placement,
      json_schema: null,
      categories: null,
      n_consensus: 1,
    });
    expect(predicate).toBeDefined();
    expect(problems.length > 0).toBe('problems' in checked);
  });

  test('which operators a condition has', () => {
    const operators: { readonly [Operator in ConditionOperator]: true } = {
      exists: true,
      does_not_exist: true,
      is_empty: true,
      is_not_empty: true,
      is_true: true,
      is_false: true,
      is_equal_to: true,
      is_not_equal_to: true,
      contains: true,
      starts_with: true,
      ends_with: true,
      matches_regex: true,
      is_greater_than: true,
      is_less_than: true,
      is_greater_than_or_equal_to: true,
      is_less_than_or_equal_to: true,
      length_equal_to: true,
      length_greater_than: true,
      length_less_than: true,
      is_after: true,
      is_before: true,
      is_after_or_equal_to: true,
      is_before_or_equal_to: true,
    };
    expect(Object.keys(operators).toSorted()).toEqual(Object.keys(OPERATORS).toSorted());
  });
});
