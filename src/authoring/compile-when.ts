import type { BlockType, Placement, Predicate } from '../domain/definition.js';
import type { JsonObject } from '../domain/json.js';
import { predicateKindsFor } from '../domain/predicate-kinds.js';
import { conditionText, rawCondition } from './conditions.js';
import { rootField } from './field-values.js';
import { jsonCondition, type ConditionGroup } from './json-conditions.js';
import { quoted } from './problem.js';
import type { Trigger } from './when.js';

/** What of its block decides how a `when` is compiled. */
export type WhenContext = {
  readonly type: BlockType;
  readonly placement: Placement;
  readonly schema: JsonObject | null;
  readonly categories: readonly string[] | null;
};

/** A `when` as it is stored: an expression or a predicate; and what is wrong with it. */
export type CompiledWhen = {
  readonly stored: { readonly when?: string; readonly predicate?: Predicate };
  readonly problems: readonly string[];
};

/** Compiles a `when`: none opens the gate every time, a string is CEL, and a function is asked once, now. */
export function compileWhen(when: unknown, context: WhenContext): CompiledWhen {
  if (when === undefined) {
    return { stored: {}, problems: [] };
  }
  if (typeof when === 'string') {
    return { stored: { when }, problems: [] };
  }
  if (typeof when !== 'function') {
    return { stored: {}, problems: [`its when is ${quoted(when)}, neither CEL nor a function`] };
  }
  try {
    const given: unknown = Reflect.apply(when, undefined, [scopeOf(context)]);
    const expression = conditionText(given);
    if (expression !== null) {
      return { stored: { when: expression }, problems: [] };
    }
    const predicate = predicateOf(given);
    return { stored: { predicate }, problems: predicateProblems(predicate, context) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { stored: {}, problems: [`its when cannot be written down: ${text}`] };
  }
}

const predicates = new WeakMap<object, Predicate>();

function trigger(predicate: Predicate): Trigger {
  const fires = { kind: predicate.kind };
  predicates.set(fires, predicate);
  return fires;
}

function predicateOf(value: unknown): Predicate {
  const expression = conditionText(value);
  if (expression !== null) {
    return { kind: 'expression', expression };
  }
  const predicate = typeof value === 'object' && value !== null ? predicates.get(value) : undefined;
  if (predicate === undefined) {
    throw new TypeError('it gave neither a condition nor a predicate');
  }
  return predicate;
}

/** Every name that a `when` of any block has; the types say which block has which. */
function scopeOf({ placement, schema }: WhenContext): object {
  const roots =
    placement === 'input'
      ? { input: rootField('input', null) }
      : { output: rootField('output', schema), likelihoods: rootField('likelihoods', null) };
  return {
    ...roots,
    always: () => trigger({ kind: 'always' }),
    expression: (cel: string) => rawCondition(cel),
    anyOf: (...all: readonly unknown[]) =>
      trigger({ kind: 'any_of', predicates: all.map((one) => predicateOf(one)) }),
    allOf: (...all: readonly unknown[]) =>
      trigger({ kind: 'all_of', predicates: all.map((one) => predicateOf(one)) }),
    validationFailed: () => trigger({ kind: 'validation_failed' }),
    jsonCondition: (group: ConditionGroup<string>) =>
      trigger({ kind: 'json_condition', condition: jsonCondition(group) }),
    anyRequiredFieldNull: () => trigger({ kind: 'any_required_field_null' }),
    confidenceLt: (threshold: number) => trigger({ kind: 'confidence_lt', threshold }),
    categoryIn: (...categories: readonly string[]) => trigger({ kind: 'category_in', categories }),
    topMarginLt: (margin: number) => trigger({ kind: 'top_margin_lt', margin }),
    splitCountNeq: (expected: number) => trigger({ kind: 'split_count_neq', expected }),
    anySplitPagesLt: (minPages: number) =>
      trigger({ kind: 'any_split_pages_lt', min_pages: minPages }),
    boundaryConfidenceLt: (threshold: number) =>
      trigger({ kind: 'boundary_confidence_lt', threshold }),
    anyPagesUnassigned: () => trigger({ kind: 'any_pages_unassigned' }),
  };
}

/** What the types would not have let pass: a kind that does not fit, and a category that the block does not have. */
function predicateProblems(predicate: Predicate, context: WhenContext): readonly string[] {
  const { type, placement, categories } = context;
  if (predicate.kind === 'any_of' || predicate.kind === 'all_of') {
    return predicate.predicates.flatMap((child) => predicateProblems(child, context));
  }
  const fitting = predicateKindsFor(type, placement);
  if (!fitting.includes(predicate.kind)) {
    return [
      `${predicate.kind} does not fit the ${placement} of a block of type ${type}, for which there are ${fitting.join(', ')}`,
    ];
  }
  return predicate.kind === 'category_in' && categories !== null
    ? predicate.categories
        .filter((category) => !categories.includes(category))
        .map(
          (category) =>
            `category ${quoted(category)} is none of the block: it has ${categories.join(', ')}`,
        )
    : [];
}
