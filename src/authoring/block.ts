import type { BlockType } from '../domain/definition.js';
import type { Json } from '../domain/json.js';
import type { Flat } from './from-schema.js';
import type { InputGate, OnReject, OutputGate, OutputScope } from './gate.js';
import type { Problem } from './problem.js';
import type { DeclaredBlock } from './stored-form.js';
import type { WhenInput } from './when.js';

/** Where a block keeps what its definition is made of. */
export const inside: unique symbol = Symbol('inside');

/** What the types know of a block. */
export type BlockTypes = {
  readonly type: BlockType;
  /** What it answers, and what its gate looks at. */
  readonly output: unknown;
  /** What blocks that need it get: null too, where a rejection goes on without an output. */
  readonly flow: unknown;
  /** What it gets of the blocks it needs, by id; undefined if it does not say which. */
  readonly needs: object | undefined;
  /** The name of the function it runs; never if it runs none. */
  readonly fn: string;
  /** True if a rejection at its gate drops an iteration. */
  readonly drops: boolean;
  readonly body: readonly AnyBlock[];
};

/** A block of a workflow: what `block.extract`, `block.task` and the others make. */
export interface Block<Id extends string, Types extends BlockTypes> {
  readonly id: Id;
  readonly type: Types['type'];
  readonly [inside]: Inside<Types>;
}

export type AnyBlock = Block<string, BlockTypes>;

export type Inside<Types> = {
  readonly declared: DeclaredBlock;
  /** Null if it does not say: then it needs the block before it. */
  readonly needs: readonly AnyBlock[] | null;
  readonly body: readonly AnyBlock[];
  readonly problems: readonly string[];
  /** Never there: it carries the types. */
  readonly types?: Types;
};

/** A block that has no gate yet. */
export interface UngatedBlock<Id extends string, Types extends BlockTypes> extends Block<
  Id,
  Types
> {
  /**
   * The same block behind a gate: it waits until the right people have decided, and what they approved flows on.
   *
   * @example
   * invoice.review({
   *   when: ({ output }) => output.total.gt(10_000),
   *   approve: allOf(group('finance'), atLeast(2, group('legal'))),
   * })
   */
  review<const Rejected extends OnReject = 'cancel'>(
    gate: GateOf<Types, Rejected>,
  ): Block<Id, Gated<Types, Rejected>>;
}

type GateOf<Types extends BlockTypes, Rejected extends OnReject> =
  | (Types extends { readonly type: 'for_each'; readonly partitioned: false }
      ? Problem<'A gate on what a forEach goes over needs its mapMethod "split_by_key" and a key.'>
      : OutputGate<OutputScope<Types['type'], Types['output']>, Rejected>)
  | InputGate<WhenInput<InputOf<Types['needs']>>, Rejected>;

/** What a gate on an input looks at. */
type InputOf<Needs> = Needs extends object
  ? keyof Needs extends never
    ? Json
    : { readonly input: Json; readonly blocks: Needs }
  : Json;

type Gated<Types extends BlockTypes, Rejected extends OnReject> = Flat<
  Omit<Types, 'flow' | 'drops'> & {
    readonly flow: Rejected extends 'continue' ? Types['flow'] | null : Types['flow'];
    readonly drops: Rejected extends 'drop' ? true : false;
  }
>;

/** What the blocks that are needed give, by id. */
export type NeedsOf<Needs> = Needs extends readonly AnyBlock[]
  ? { readonly [Need in Needs[number] as Need['id']]: TypesOf<Need>['flow'] }
  : undefined;

export type TypesOf<Of extends AnyBlock> = NonNullable<Of[typeof inside]['types']>;

/** Tells a block from what else JavaScript may put among blocks. */
export function isBlock(value: unknown): value is AnyBlock {
  return typeof value === 'object' && value !== null && inside in value;
}
