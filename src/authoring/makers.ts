import type { BlockType, Executor } from '../domain/definition.js';
import type { Json, JsonObject } from '../domain/json.js';
import type { AnyBlock, NeedsOf, TypesOf, UngatedBlock } from './block.js';
import type { FunctionExecutor, PassExecutor } from './executors.js';
import type { FromSchema } from './from-schema.js';
import {
  makeBlock,
  type BlockOptions,
  type OptionalNeeds,
  type SchemaOption,
} from './make-block.js';

/** Makes an extract: a block that reads an object out of something. */
export function extract<
  const Id extends string,
  const Run extends Executor,
  const Needs extends OptionalNeeds = undefined,
  const Schema extends JsonObject | undefined = undefined,
>(
  id: Id,
  options: BlockOptions<Needs, Run> & SchemaOption<Schema>,
): UngatedBlock<Id, Plain<'extract', Given<Schema, Run, Needs, JsonObject>, Needs, Run>> {
  return makeBlock(id, 'extract', options);
}

/** Makes a task: a block whose output is any JSON. */
export function task<
  const Id extends string,
  const Run extends Executor,
  const Needs extends OptionalNeeds = undefined,
  const Schema extends JsonObject | undefined = undefined,
>(
  id: Id,
  options: BlockOptions<Needs, Run> & SchemaOption<Schema>,
): UngatedBlock<Id, Plain<'task', Given<Schema, Run, Needs, Json>, Needs, Run>> {
  return makeBlock(id, 'task', options);
}

/** Makes a classifier: a block that answers one of its categories. */
export function classifier<
  const Id extends string,
  const Run extends Executor,
  const Needs extends OptionalNeeds = undefined,
  const Category extends string = string,
>(
  id: Id,
  options: BlockOptions<Needs, Run> &
    SchemaOption<JsonObject> & { readonly categories?: readonly [Category, ...Category[]] },
): UngatedBlock<Id, Plain<'classifier', { readonly category: Category }, Needs, Run>> {
  return makeBlock(id, 'classifier', options);
}

/** Makes a split: a block that finds the documents in a pile of pages. */
export function split<
  const Id extends string,
  const Run extends Executor,
  const Needs extends OptionalNeeds = undefined,
>(
  id: Id,
  options: BlockOptions<Needs, Run> &
    SchemaOption<JsonObject> & {
      /** True: documents may share pages. */
      readonly allowOverlap?: boolean;
    },
): UngatedBlock<Id, Plain<'split', SplitOutput, Needs, Run>> {
  return makeBlock(id, 'split', options);
}

/** The types of a block whose output is not that of a loop. */
type Plain<Type extends BlockType, Output, Needs, Run> = {
  readonly type: Type;
  readonly output: Output;
  readonly flow: Output;
  readonly needs: NeedsOf<Needs>;
  readonly fn: Run extends FunctionExecutor<infer Name> ? Name : never;
  readonly drops: false;
  readonly body: readonly [];
};

/** What a block gives: what its schema says, or what it passes on, or anything. */
export type Given<Schema, Run, Needs, Otherwise> = Schema extends JsonObject
  ? FromSchema<Schema>
  : Run extends PassExecutor
    ? Needs extends readonly [infer Only extends AnyBlock]
      ? TypesOf<Only>['flow']
      : Otherwise
    : Otherwise;

/** A document that a split found. */
type SplitOutput = {
  readonly documents: readonly {
    readonly name: string;
    readonly pages: readonly number[];
    readonly partitions?: readonly Json[];
  }[];
};
