import type { BlockType, Executor } from '../domain/definition.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import {
  inside,
  isBlock,
  type AnyBlock,
  type BlockTypes,
  type Inside,
  type UngatedBlock,
} from './block.js';
import { compileGate } from './compile-gate.js';
import type { Duration } from './executors.js';
import { quoted, unknownOptions } from './problem.js';
import { defined, type DeclaredBlock } from './stored-form.js';

/** What blocks of every type say. */
export interface BlockOptions<Needs, Run> {
  /** How it gets its output: `fn('name')`, `supplied()`, `pass()` or `http({ … })`. */
  readonly executor: Run;
  /** The blocks whose outputs it gets; without it the block before, with `[]` none. */
  readonly needs?: Needs;
  /** A name for people. */
  readonly label?: string;
  /** How many answers its consensus has. */
  readonly nConsensus?: number;
  readonly execution?: {
    /** Whether running it twice does no harm. */
    readonly repeatable?: boolean;
    readonly attempts?: number;
    readonly timeout?: Duration;
  };
}

export interface SchemaOption<Schema> {
  /** A JSON Schema of its output, which gives the output its type. */
  readonly schema?: Schema;
}

export type OptionalNeeds = readonly AnyBlock[] | undefined;

/** Every option that some block has. */
type AnyBlockOptions = BlockOptions<OptionalNeeds, Executor> & {
  readonly schema?: JsonObject | undefined;
  readonly categories?: readonly string[];
  readonly allowOverlap?: boolean;
  readonly mapMethod?: string;
  readonly key?: string;
  readonly body?: readonly AnyBlock[];
};

const COMMON = ['executor', 'needs', 'label', 'nConsensus', 'execution', 'schema'];
const OPTIONS: { readonly [Type in BlockType]: readonly string[] } = {
  extract: COMMON,
  task: COMMON,
  classifier: [...COMMON, 'categories'],
  split: [...COMMON, 'allowOverlap'],
  for_each: [...COMMON, 'allowOverlap', 'mapMethod', 'key', 'body'],
};

/** Makes a block of any type; that its types are those of its options is the word of whoever calls it. */
export function makeBlock<Id extends string, Types extends BlockTypes>(
  id: Id,
  type: Types['type'],
  given: AnyBlockOptions,
): UngatedBlock<Id, Types> {
  // JavaScript may hand in nothing at all.
  const options: AnyBlockOptions = given ?? {};
  const needs = blocksIn(options.needs);
  const body = blocksIn(options.body);
  const { schema, categories, execution } = options;
  const compiled: Inside<Types> = {
    declared: defined<DeclaredBlock>({
      id,
      type,
      label: options.label,
      needs: options.needs === undefined ? undefined : needs.blocks.map((need) => need.id),
      executor: options.executor,
      json_schema: schema,
      categories,
      n_consensus: options.nConsensus,
      map_method: options.mapMethod,
      key: options.key,
      allow_overlap: options.allowOverlap,
      body: options.body === undefined ? undefined : body.blocks.map((one) => one[inside].declared),
      execution,
    }),
    needs: options.needs === undefined ? null : needs.blocks,
    body: body.blocks,
    problems: [
      ...unknownOptions(options, OPTIONS[type]).map(
        (problem) => `Block ${quoted(id)} is wrong: ${problem}.`,
      ),
      ...(isJsonObject(options.executor)
        ? []
        : [
            `Block ${quoted(id)} has no executor: it says how the block gets its output, as fn('name') does.`,
          ]),
      ...(needs.areBlocks
        ? []
        : [
            `Block ${quoted(id)} needs something that is no block: needs is a list of blocks, not of their ids.`,
          ]),
      ...(body.areBlocks
        ? []
        : [`The body of block ${quoted(id)} holds something that is no block.`]),
    ],
  };
  return {
    id,
    type,
    [inside]: compiled,
    review: (gate) => ({ id, type, [inside]: behind(compiled, gate ?? {}) }),
  };
}

/** A block's definition with its gate. */
function behind<Types, After>(block: Inside<Types>, gate: object): Inside<After> {
  const { id, type, json_schema: schema, categories } = block.declared;
  const { stored, problems } = compileGate(gate, {
    type,
    schema: schema ?? null,
    categories: categories ?? null,
  });
  return {
    declared: { ...block.declared, review: stored },
    needs: block.needs,
    body: block.body,
    problems: [
      ...block.problems,
      ...problems.map((problem) => `The gate of block ${quoted(id)} is wrong: ${problem}.`),
    ],
  };
}

/** The blocks of a list, which in JavaScript may hold other things, or be none. */
function blocksIn(list: unknown): {
  readonly blocks: readonly AnyBlock[];
  readonly areBlocks: boolean;
} {
  if (list === undefined) {
    return { blocks: [], areBlocks: true };
  }
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  const blocks = items.filter((item) => isBlock(item));
  return { blocks, areBlocks: Array.isArray(list) && blocks.length === items.length };
}
