import type { PredicateKind } from '../domain/definition.js';
import type { IsWhole } from './approval.js';
import type { Condition } from './conditions.js';
import type { Field, Likelihoods } from './fields.js';
import type { ConditionGroup } from './json-conditions.js';
import type { Problem } from './problem.js';

/** What opens a gate, other than a bare condition; the functions of a `when` make it. */
export interface Trigger<Kind extends PredicateKind = PredicateKind> {
  readonly kind: Kind;
}

/** What a `when` may answer. */
export type Opens = Condition | Trigger;

/** What every `when` can be made of. */
export interface WhenAnything {
  readonly always: () => Trigger<'always'>;
  /** A condition in CEL, for what fields have no operator for. */
  readonly expression: (cel: string) => Condition;
  /** Opens if one of them does; the review says which was the first. */
  readonly anyOf: (first: Opens, ...others: readonly Opens[]) => Trigger<'any_of'>;
  /** Opens if all of them do. */
  readonly allOf: (first: Opens, ...others: readonly Opens[]) => Trigger<'all_of'>;
}

/** What a gate on a block's input can be made of. */
export interface WhenInput<Input> extends WhenAnything {
  /** What the block would be given: its own json input, or `{input, blocks}` if it needs others. */
  readonly input: Field<Input>;
  readonly jsonCondition: (group: ConditionGroup<'data'>) => Trigger<'json_condition'>;
}

interface WhenOutput<Output, Likely, Root extends string> extends WhenAnything {
  /** What came out of the block. */
  readonly output: Field<Output>;
  /** How sure its consensus is. Without a consensus a condition on it opens the gate. */
  readonly likelihoods: Field<Likely>;
  /** Opens if the output breaks the shape of its type, or the schema. */
  readonly validationFailed: () => Trigger<'validation_failed'>;
  readonly jsonCondition: (
    group: ConditionGroup<Root | 'data' | 'likelihoods'>,
  ) => Trigger<'json_condition'>;
}

/** What a gate on a task can be made of. */
export interface WhenTask<Output, Root extends string = never> extends WhenOutput<
  Output,
  Likelihoods<Output>,
  Root
> {
  /** Opens if a field that the schema requires has no answer. */
  readonly anyRequiredFieldNull: () => Trigger<'any_required_field_null'>;
  /** Opens if the mean of all likelihoods is below the threshold. */
  readonly confidenceLt: <const Threshold extends number>(
    threshold: ShareOf<Threshold>,
  ) => Trigger<'confidence_lt'>;
}

/** What a gate on an extract can be made of. */
export interface WhenExtract<Output> extends WhenTask<Output, 'output-json-0'> {}

/** What a gate on a classifier can be made of. */
export interface WhenClassifier<Category extends string> extends WhenOutput<
  { readonly category: Category },
  number,
  never
> {
  readonly categoryIn: (first: Category, ...others: readonly Category[]) => Trigger<'category_in'>;
  /** Opens if the likelihood is below the threshold. */
  readonly confidenceLt: <const Threshold extends number>(
    threshold: ShareOf<Threshold>,
  ) => Trigger<'confidence_lt'>;
  /** Opens if the first category leads the second by less than this share of the votes. */
  readonly topMarginLt: <const Margin extends number>(
    margin: ShareOf<Margin>,
  ) => Trigger<'top_margin_lt'>;
}

/** What a gate on a split can be made of. */
export interface WhenSplit<Output, Part extends 'name' | 'key' = 'name'> extends WhenOutput<
  Output,
  readonly ({ readonly [Key in Part]: string } & { readonly pages: readonly number[] })[],
  never
> {
  /** Opens if there are not as many parts. */
  readonly splitCountNeq: <const Expected extends number>(
    expected: CountOf<Expected>,
  ) => Trigger<'split_count_neq'>;
  /** Opens if a part has fewer pages. */
  readonly anySplitPagesLt: <const Pages extends number>(
    minPages: WholeOf<Pages>,
  ) => Trigger<'any_split_pages_lt'>;
  /** Opens if the lowest likelihood of a page is below the threshold. */
  readonly boundaryConfidenceLt: <const Threshold extends number>(
    threshold: ShareOf<Threshold>,
  ) => Trigger<'boundary_confidence_lt'>;
}

/** What a gate on the partitions of a forEach can be made of. */
export interface WhenForEach<Output> extends WhenSplit<Output, 'key'> {
  readonly anyPagesUnassigned: () => Trigger<'any_pages_unassigned'>;
}

/** A literal from 0 to 1. */
type ShareOf<Share extends number> = number extends Share
  ? Share
  : `${Share}` extends '0' | '1' | `0.${string}` | `${number}e-${number}`
    ? Share
    : Problem<`${Share} is no likelihood: it is a number from 0 to 1.`>;

type WholeOf<Count extends number> = number extends Count
  ? Count
  : IsWhole<Count> extends true
    ? Count
    : Problem<`${Count} pages cannot be counted: it is a whole number from 1.`>;

type CountOf<Count extends number> = Count extends 0
  ? Count
  : number extends Count
    ? Count
    : IsWhole<Count> extends true
      ? Count
      : Problem<`${Count} parts cannot be counted: it is a whole number from 0.`>;
