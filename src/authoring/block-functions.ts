import type { Json } from '../domain/json.js';
import type { AnyBlock, TypesOf } from './block.js';
import type { ItemOf } from './for-each.js';
import type { AnyWorkflow, BlocksOf } from './workflow.js';

// What the types of a workflow say about the functions behind its blocks.

/** The ids of a workflow's blocks, those in bodies too. */
export type BlockIdOf<Of extends AnyWorkflow> = EntryOf<Of>['id'];

/** The names of the functions that a workflow's blocks run. */
export type FunctionNameOf<Of extends AnyWorkflow> = EntryOf<Of>['fn'];

/** What a block is given. */
export type ArgsOf<Of extends AnyWorkflow, Id extends BlockIdOf<Of>> = Entry<Of, Id>['args'];

/** What a block answers. */
export type OutputOf<Of extends AnyWorkflow, Id extends BlockIdOf<Of>> = Entry<Of, Id>['output'];

/** The block, or blocks, that run a function. */
export type RunsOf<Of extends AnyWorkflow, Name extends FunctionNameOf<Of>> = Exclude<
  Extract<EntryOf<Of>, { readonly fn: Name }>,
  { readonly fn: never } // blocks without a function, which would be taken for blocks with any
>;

type Entry<Of extends AnyWorkflow, Id> = Extract<EntryOf<Of>, { readonly id: Id }>;
type EntryOf<Of extends AnyWorkflow> = Entries<BlocksOf<Of>, Json, object>;

/** An entry for each block; in a body the input is the item, and the first block needs nothing unless it says so. */
type Entries<Blocks extends readonly AnyBlock[], Input, Before> = Blocks extends readonly [
  infer First extends AnyBlock,
  ...infer Rest extends readonly AnyBlock[],
]
  ? | {
        readonly id: First['id'];
        readonly fn: TypesOf<First>['fn'];
        readonly args: {
          readonly input: Input;
          readonly blocks: TypesOf<First>['needs'] extends object
            ? TypesOf<First>['needs']
            : Before;
        };
        readonly output: TypesOf<First>['output'];
      }
    | Entries<TypesOf<First>['body'], ItemOf<TypesOf<First>['output']>, object>
    | Entries<Rest, Input, { readonly [Id in First['id']]: TypesOf<First>['flow'] }>
  : never;
