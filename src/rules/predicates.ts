import type { BlockType, Placement, Predicate } from '../domain/definition.js';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { evaluateExpression } from './cel.js';
import {
  likelihoodsOf,
  overallLikelihood,
  pageCountsOf,
  pageLikelihoods,
  partsOf,
  topMargin,
} from './consensus.js';
import { evaluateJsonCondition } from './json-condition.js';
import { validate } from './json-schema.js';
import { describe } from './problem.js';
import { firstUnanswered } from './required-fields.js';
import { isJsonList, own } from './schema-tree.js';
import { checkShape } from './snapshot-shapes.js';
import { TooMuchWork, Work } from './work.js';

/** What a gate looks at when it asks whether it opens. */
export type Subject = {
  readonly placement: Placement;
  readonly blockType: BlockType;
  /** The block's output, or its input where the gate stands before the block. */
  readonly data: Json;
  readonly consensus: JsonObject | null;
  readonly json_schema: JsonObject | null;
  readonly categories: readonly string[] | null;
  readonly allow_overlap: boolean;
};

/** Whether a gate opens: the predicate that fired (null: none did), and in words why. */
export type Evaluation = { readonly fired: Predicate | null; readonly because: string };

type Outcome = { readonly fires: boolean; readonly because: string };

/**
 * Evaluates a predicate, failing closed, and never throws.
 *
 * What fired is what a review names as `triggered_by`: of `any_of` the first child that fires, resolved through nesting;
 * of `all_of` the `all_of` itself.
 *
 * What cannot be read fires, so that nothing passes in silence: likelihoods or votes that are absent because no consensus
 * ran, parts of a split without pages, a schema that is not declared. The exceptions are the comparisons of a
 * `json_condition`, whose contract says that a missing value compares false.
 */
export function evaluatePredicate(predicate: Predicate, subject: Subject): Evaluation {
  if (predicate.kind === 'any_of') {
    return evaluateAny(predicate, subject);
  }
  if (predicate.kind === 'all_of') {
    return evaluateAll(predicate, subject);
  }
  const { fires, because } = evaluateGuarded(predicate, subject);
  return { fired: fires ? predicate : null, because };
}

/**
 * A predicate in the words of the wire, whose kinds are a closed list.
 *
 * An `expression` goes out as a `json_condition` without sub-conditions, and its source rides along.
 */
export function wirePredicate(predicate: Predicate): JsonObject {
  if (predicate.kind === 'expression') {
    return {
      kind: 'json_condition',
      condition: { logical_operator: 'and', sub_conditions: [] },
      expression: predicate.expression,
    };
  }
  return predicate.kind === 'any_of' || predicate.kind === 'all_of'
    ? { ...predicate, predicates: predicate.predicates.map((child) => wirePredicate(child)) }
    : predicate;
}

type Composite<Kind> = Extract<Predicate, { kind: Kind }>;

function evaluateAny(predicate: Composite<'any_of'>, subject: Subject): Evaluation {
  for (const child of predicate.predicates) {
    const evaluation = evaluatePredicate(child, subject);
    if (evaluation.fired !== null) {
      return evaluation;
    }
  }
  return predicate.predicates.length === 0
    ? { fired: predicate, because: 'any_of has no predicates' }
    : { fired: null, because: 'none of the predicates fired' };
}

function evaluateAll(predicate: Composite<'all_of'>, subject: Subject): Evaluation {
  const reasons: string[] = [];
  for (const child of predicate.predicates) {
    const { fired, because } = evaluatePredicate(child, subject);
    if (fired === null) {
      return { fired: null, because };
    }
    reasons.push(because);
  }
  return {
    fired: predicate,
    because: reasons.length === 0 ? 'all_of has no predicates' : reasons.join('; '),
  };
}

type Leaf = Exclude<Predicate, { kind: 'any_of' | 'all_of' }>;

function evaluateGuarded(predicate: Leaf, subject: Subject): Outcome {
  try {
    return evaluateLeaf(predicate, subject, new Work());
  } catch (error) {
    if (error instanceof TooMuchWork) {
      return { fires: true, because: `${predicate.kind} could not be evaluated: ${error.message}` };
    }
    // A schema that refers to itself without end fills the stack; whatever it was, people look at it.
    const text = error instanceof Error ? error.message : String(error);
    return { fires: true, because: `${predicate.kind} failed: ${text}` };
  }
}

function evaluateLeaf(predicate: Leaf, subject: Subject, work: Work): Outcome {
  const likelihoods = likelihoodsOf(subject.consensus);
  switch (predicate.kind) {
    case 'always':
      return { fires: true, because: 'the gate always opens' };
    case 'validation_failed':
      return validationFailed(subject, work);
    case 'any_required_field_null':
      return anyRequiredFieldNull(subject, work);
    case 'confidence_lt':
      return below('the overall likelihood', overallLikelihood(likelihoods), predicate.threshold);
    case 'category_in':
      return categoryIn(subject.data, predicate.categories);
    case 'top_margin_lt':
      return below(
        'the margin of the first category',
        topMargin(subject.consensus),
        predicate.margin,
      );
    case 'split_count_neq':
      return splitCountNeq(subject.data, predicate.expected);
    case 'any_split_pages_lt':
      return anySplitPagesLt(subject.data, predicate.min_pages);
    case 'boundary_confidence_lt':
      return boundaryConfidenceLt(subject.data, likelihoods, predicate.threshold);
    case 'any_pages_unassigned':
      return anyPagesUnassigned(subject.data);
    case 'json_condition': {
      const { holds, because } = evaluateJsonCondition(
        predicate.condition,
        { data: subject.data, likelihoods },
        work,
      );
      return { fires: holds, because };
    }
    case 'expression': {
      const { opens, because } = evaluateExpression(
        predicate.expression,
        subject.placement === 'input'
          ? { input: subject.data }
          : { output: subject.data, likelihoods },
        subject.json_schema,
        work,
      );
      return { fires: opens, because };
    }
  }
}

function validationFailed(
  { blockType, data, json_schema: schema, ...rules }: Subject,
  work: Work,
): Outcome {
  const [problem] = [
    ...checkShape(blockType, data, rules),
    ...(schema === null ? [] : validate(schema, data, work)),
  ];
  if (problem === undefined) {
    return { fires: false, because: 'the output is valid' };
  }
  const place = problem.path.length === 0 ? 'the output' : `output.${problem.path.join('.')}`;
  return { fires: true, because: `${place}: ${problem.message}` };
}

function anyRequiredFieldNull({ data, json_schema: schema }: Subject, work: Work): Outcome {
  if (schema === null) {
    return { fires: true, because: 'the block declares no schema, so no field is known' };
  }
  const path = firstUnanswered(schema, data, work);
  return path === null
    ? { fires: false, because: 'every required field has an answer' }
    : { fires: true, because: `output.${path.join('.')} is required and has no answer` };
}

function categoryIn(data: Json, categories: readonly string[]): Outcome {
  const category = isJsonObject(data) ? own(data, 'category') : undefined;
  if (typeof category !== 'string') {
    return { fires: true, because: `the output's category is ${describe(category)}` };
  }
  const fires = categories.includes(category);
  return {
    fires,
    because: `the category ${describe(category)} is ${fires ? '' : 'not '}in the list`,
  };
}

function splitCountNeq(data: Json, expected: number): Outcome {
  const parts = partsOf(data);
  return parts === null
    ? UNREADABLE_SPLIT
    : {
        fires: parts.length !== expected,
        because: `there are ${parts.length} splits, expected ${expected}`,
      };
}

function anySplitPagesLt(data: Json, minPages: number): Outcome {
  const counts = pageCountsOf(data);
  if (counts === null) {
    return UNREADABLE_SPLIT;
  }
  const index = counts.findIndex((count) => count < minPages);
  return index === -1
    ? { fires: false, because: `every split has at least ${minPages} pages` }
    : { fires: true, because: `split ${index} has ${counts[index]} pages, fewer than ${minPages}` };
}

function boundaryConfidenceLt(data: Json, likelihoods: Json | null, threshold: number): Outcome {
  const counts = pageCountsOf(data);
  if (counts === null) {
    return UNREADABLE_SPLIT;
  }
  const pages = pageLikelihoods(likelihoods, counts);
  if (pages === null) {
    return below('the likelihood of a page', null, threshold);
  }
  const lowest = pages.reduce((least, page) => Math.min(least, page), 1);
  return below('the lowest likelihood of a page', lowest, threshold);
}

function anyPagesUnassigned(data: Json): Outcome {
  const pages = isJsonObject(data) ? own(data, 'unassigned_pages') : undefined;
  if (pages === undefined) {
    return { fires: false, because: 'the output lists no unassigned pages' };
  }
  return isJsonList(pages)
    ? { fires: pages.length > 0, because: `${pages.length} pages are unassigned` }
    : { fires: true, because: `the output's unassigned_pages is ${describe(pages)}` };
}

const UNREADABLE_SPLIT: Outcome = {
  fires: true,
  because: 'the output lists no documents or partitions with their pages',
};

function below(what: string, value: number | null, bound: number): Outcome {
  return value === null
    ? { fires: true, because: `${what} is not known: no consensus ran, or it gave none` }
    : {
        fires: value < bound,
        because: `${what} is ${value}, ${value < bound ? 'below' : 'not below'} ${bound}`,
      };
}
