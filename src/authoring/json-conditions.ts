import type { JsonCondition, SubCondition } from '../domain/definition.js';
import type { Json } from '../domain/json.js';
import { defined } from './stored-form.js';

type BareOperator =
  'exists' | 'does_not_exist' | 'is_empty' | 'is_not_empty' | 'is_true' | 'is_false';
type JsonOperator = 'is_equal_to' | 'is_not_equal_to' | 'contains';
type StringOperator = 'starts_with' | 'ends_with' | 'matches_regex';
type NumberOperator =
  'is_greater_than' | 'is_less_than' | 'is_greater_than_or_equal_to' | 'is_less_than_or_equal_to';
type LengthOperator = 'length_equal_to' | 'length_greater_than' | 'length_less_than';
type MomentOperator = 'is_after' | 'is_before' | 'is_after_or_equal_to' | 'is_before_or_equal_to';

/** The operators of a condition. */
export type ConditionOperator =
  BareOperator | JsonOperator | StringOperator | NumberOperator | LengthOperator | MomentOperator;

type PathFrom<Root extends string> = Root | `${Root}.${string}`;

type Where<Root extends string> =
  | { readonly path: PathFrom<Root>; readonly pathRef?: never }
  | {
      readonly pathRef: { readonly input?: string; readonly path: PathFrom<Root> };
      readonly path?: never;
    };

type Compared =
  | { readonly operator: BareOperator; readonly value?: never }
  | { readonly operator: JsonOperator; readonly value: Json }
  | { readonly operator: StringOperator | MomentOperator; readonly value: string }
  | { readonly operator: NumberOperator; readonly value: number | `${number}` }
  | { readonly operator: LengthOperator; readonly value: number };

/** The conditions of a `jsonCondition`, joined by `and` unless it says `or`. */
export type ConditionGroup<Root extends string> = {
  readonly logicalOperator?: 'and' | 'or';
  readonly subConditions: readonly [SubConditionOf<Root>, ...SubConditionOf<Root>[]];
};

type SubConditionOf<Root extends string> = Where<Root> & Compared;

/** A group of conditions as it is stored. */
export function jsonCondition(group: ConditionGroup<string>): JsonCondition {
  const { logicalOperator, subConditions } = group;
  return defined<JsonCondition>({
    logical_operator: logicalOperator,
    sub_conditions: subConditions.map(({ path, pathRef, operator, value }) =>
      defined<SubCondition>({ path, path_ref: pathRef, operator, value }),
    ),
  });
}
