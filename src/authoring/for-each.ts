import type { Executor } from '../domain/definition.js';
import type { Json, JsonObject } from '../domain/json.js';
import type { AnyBlock, NeedsOf, TypesOf, UngatedBlock } from './block.js';
import type { FunctionExecutor } from './executors.js';
import { makeBlock, type BlockOptions } from './make-block.js';
import type { Given } from './makers.js';
import type { Problem } from './problem.js';

/** What a split by key goes over. */
type Partitions = {
  readonly partitions: readonly { readonly key: string; readonly pages: readonly number[] }[];
  readonly unassigned_pages?: readonly number[];
};

/** The items of what a forEach goes over: a list, or the partitions or documents of an object. */
export type ItemOf<Items> = Items extends readonly (infer Item)[]
  ? Item
  : Items extends { readonly partitions: readonly (infer Item)[] }
    ? Item
    : Items extends { readonly documents: readonly (infer Item)[] }
      ? Item
      : Json;

/** What blocks behind a forEach get: the iterations that were not dropped, in the order of the items. */
type Iterations<Item, Body extends readonly AnyBlock[]> = {
  readonly iterations: readonly {
    readonly iteration_key: string;
    readonly item: Item;
    readonly output: Last<Body, Exclude<Body[number]['id'], NeededIn<Body>>>;
  }[];
};

/** The output of the one block that no other needs, or those of several by id. */
type Last<Body extends readonly AnyBlock[], Ends extends string> =
  IsUnion<Ends> extends true
    ? { readonly [End in Extract<Body[number], { readonly id: Ends }> as End['id']]: FlowOf<End> }
    : FlowOf<Extract<Body[number], { readonly id: Ends }>>;

type FlowOf<Of> = Of extends AnyBlock ? TypesOf<Of>['flow'] : never;

type IsUnion<Value, Whole = Value> = Value extends unknown
  ? [Whole] extends [Value]
    ? false
    : true
  : never;

/** The ids that blocks of a body need; one that does not say needs the block before it. */
type NeededIn<
  Body extends readonly AnyBlock[],
  Before extends string = never,
> = Body extends readonly [infer First extends AnyBlock, ...infer Rest extends readonly AnyBlock[]]
  ? | (TypesOf<First>['needs'] extends object ? keyof TypesOf<First>['needs'] : Before)
    | NeededIn<Rest, First['id']>
  : never;

type Looped<Items, Needs, Run, Body extends readonly AnyBlock[], IsPartitioned> = {
  readonly type: 'for_each';
  readonly output: Items;
  readonly flow: Iterations<ItemOf<Items>, Body>;
  readonly needs: NeedsOf<Needs>;
  readonly fn: Run extends FunctionExecutor<infer Name> ? Name : never;
  readonly drops: false;
  readonly body: Body;
  readonly partitioned: IsPartitioned;
};

/** A block of a body, or the sentence that says why it cannot be one. */
type InBody<
  Part,
  Body extends readonly AnyBlock[],
  Needs,
  Id extends string,
> = Part extends AnyBlock
  ? TypesOf<Part>['needs'] extends infer Own extends object
    ? Exclude<keyof Own, Body[number]['id'] | IdsOf<Needs>> extends infer Missing
      ? [Missing] extends [never]
        ? Part
        : Problem<`Block "${Part['id']}" needs "${Missing & string}", which is neither in this body nor among the needs of "${Id}".`>
      : never
    : Part
  : Part;

type IdsOf<Needs> = Needs extends readonly AnyBlock[] ? Needs[number]['id'] : never;

/**
 * Makes a forEach: a block that runs its body once for each item of what its executor gives.
 *
 * Each block of the body gets the item as its own input. It may need blocks of the body, and what the forEach itself needs.
 */
export function forEach<
  const Id extends string,
  const Run extends Executor,
  const Body extends readonly [AnyBlock, ...AnyBlock[]],
  const Needs extends readonly AnyBlock[] | undefined = undefined,
  const Schema extends JsonObject | undefined = undefined,
  const Method extends string = never,
  const Key extends string = never,
>(
  id: Id,
  options: BlockOptions<Needs, Run> & {
    /** A JSON Schema of what it goes over. */
    readonly schema?: Schema;
    readonly body: { readonly [Index in keyof Body]: InBody<Body[Index], Body, Needs, Id> };
    /** How the items were found; a gate on them needs `split_by_key`. */
    readonly mapMethod?: Method;
    /** What the items were split by. */
    readonly key?: Key;
    /** True: items may share pages. */
    readonly allowOverlap?: boolean;
  },
): UngatedBlock<
  Id,
  Looped<
    Given<Schema, Run, Needs, 'split_by_key' extends Method ? Partitions : Json>,
    Needs,
    Run,
    Body,
    'split_by_key' extends Method ? ([Key] extends [never] ? false : true) : false
  >
> {
  return makeBlock(id, 'for_each', options);
}
