import type { Json } from '../domain/json.js';
import type { Condition } from './conditions.js';

// What a typed `when` sees: one field for each field of the schema, with the operators that fit its type.

/** What can be asked of every field. A comparison of a missing field is an error, and an error opens the gate. */
export interface EveryField {
  isNull(): Condition;
  isNotNull(): Condition;
  /** True if the field is there, be it null. */
  isPresent(): Condition;
  isMissing(): Condition;
}

export interface NumberField<Value extends number | null = number | null> extends EveryField {
  eq(other: Value | NumberField): Condition;
  ne(other: Value | NumberField): Condition;
  in(values: readonly Value[]): Condition;
  gt(other: number | NumberField): Condition;
  gte(other: number | NumberField): Condition;
  lt(other: number | NumberField): Condition;
  lte(other: number | NumberField): Condition;
}

export interface StringField<Value extends string | null = string | null> extends EveryField {
  eq(other: Value | StringField): Condition;
  ne(other: Value | StringField): Condition;
  in(values: readonly Value[]): Condition;
  contains(part: string): Condition;
  startsWith(part: string): Condition;
  endsWith(part: string): Condition;
  /** True if a pattern of RE2's syntax is found anywhere in it. */
  matches(pattern: string): Condition;
  /** How many characters it has. */
  size(): NumberField<number>;
}

/** A field that is true or false; it stands as a condition by itself. */
export interface BooleanField<Value extends boolean | null = boolean | null>
  extends EveryField, Condition {
  eq(other: Value | BooleanField): Condition;
  ne(other: Value | BooleanField): Condition;
}

export interface ListField<Item> extends EveryField {
  /** How many items it has. */
  size(): NumberField<number>;
  /** The item at an index, counted from 0. */
  at(index: number): Field<Item>;
  /** True if it has an item that equals the value. */
  has(value: Item): Condition;
  /** True if the condition holds for an item. */
  some(holds: (item: Field<Item>) => Condition): Condition;
  /** True if the condition holds for each item. */
  every(holds: (item: Field<Item>) => Condition): Condition;
}

export type ObjectField<Value> = {
  readonly [Key in keyof Value]-?: Field<Exclude<Value[Key], undefined>>;
} & EveryField;

/** A field of which no schema says anything: it has every operator. */
export interface AnyField extends EveryField, Condition {
  /** The field of a name. */
  field(name: string): AnyField;
  eq(other: Json | EveryField): Condition;
  ne(other: Json | EveryField): Condition;
  in(values: readonly Json[]): Condition;
  gt(other: number | NumberField | AnyField): Condition;
  gte(other: number | NumberField | AnyField): Condition;
  lt(other: number | NumberField | AnyField): Condition;
  lte(other: number | NumberField | AnyField): Condition;
  contains(part: string): Condition;
  startsWith(part: string): Condition;
  endsWith(part: string): Condition;
  matches(pattern: string): Condition;
  size(): NumberField<number>;
  at(index: number): AnyField;
  has(value: Json): Condition;
  some(holds: (item: AnyField) => Condition): Condition;
  every(holds: (item: AnyField) => Condition): Condition;
}

/** The field that stands for a value of a type. */
export type Field<Value> =
  IsOpen<Value> extends true ? AnyField : Known<Value, Exclude<Value, null | undefined>>;

/** True where a type does not say which fields its values have. */
type IsOpen<Value> = unknown extends Value ? true : true extends HasAnyKey<Value> ? true : false;

type HasAnyKey<Value> = Value extends readonly unknown[]
  ? false
  : Value extends object
    ? string extends keyof Value
      ? true
      : false
    : false;

type Known<Value, Present> = [Present] extends [never]
  ? AnyField
  : [Value] extends [boolean | null]
    ? BooleanField<Value>
    : [Value] extends [number | null]
      ? NumberField<Value>
      : [Value] extends [string | null]
        ? StringField<Value>
        : [Present] extends [readonly (infer Item)[]]
          ? ListField<Item>
          : [Present] extends [infer Whole extends object]
            ? ObjectField<Whole>
            : AnyField;

/** The likelihoods that a consensus on a value brings: a number for each of its leaves. */
export type Likelihoods<Value> =
  IsOpen<Value> extends true
    ? Json
    : [NonNullable<Value>] extends [readonly (infer Item)[]]
      ? readonly Likelihoods<Item>[]
      : [NonNullable<Value>] extends [object]
        ? {
            readonly [Key in keyof NonNullable<Value>]-?: Likelihoods<
              Exclude<NonNullable<Value>[Key], undefined>
            >;
          }
        : number;
