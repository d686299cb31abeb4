import type { JsonObject } from '../domain/json.js';
import { inside, isBlock, type AnyBlock, type TypesOf } from './block.js';
import { DefinitionError, quoted, unknownOptions, type Problem } from './problem.js';
import { repeated, type StandsTwice } from './repeats.js';
import { defined, type DeclaredBlock, type DeclaredWorkflow } from './stored-form.js';

declare const blocks: unique symbol;

/** A workflow definition in the form that is stored, which remembers the types of its blocks. */
export type Workflow<Blocks extends readonly AnyBlock[]> = DeclaredWorkflow & {
  /** Never there: it carries the types. */
  readonly [blocks]?: Blocks;
};

export type AnyWorkflow = Workflow<readonly AnyBlock[]>;

export type BlocksOf<Of extends AnyWorkflow> = NonNullable<Of[typeof blocks]>;

type IdsOf<Blocks extends readonly AnyBlock[]> = {
  [Index in keyof Blocks]: Blocks[Index]['id'];
};

/** A block of a workflow, or the sentence that says why it cannot be one. */
type InWorkflow<Blocks extends readonly AnyBlock[], Part> = Part extends AnyBlock
  ? TypesOf<Part>['drops'] extends true
    ? Problem<`The gate of block "${Part['id']}" drops an iteration, and it is in none: "drop" is for the body of a forEach.`>
    : StandsTwice<IdsOf<Blocks>, Part['id']> extends true
      ? Problem<`Two blocks have the id "${Part['id']}": give one of them another.`>
      : Exclude<keyof TypesOf<Part>['needs'], Blocks[number]['id']> extends infer Missing
        ? [Missing] extends [never]
          ? Part
          : Problem<`Block "${Part['id']}" needs "${Missing & string}", which is not in this workflow: add it to blocks.`>
        : never
  : Part;

/**
 * Declares a workflow: gives its definition in the form that is stored, which `countersign workflow push` and the client take.
 *
 * @throws DefinitionError with everything that is wrong with it, where the compiler could not say so
 */
export function defineWorkflow<
  const Blocks extends readonly [AnyBlock, ...AnyBlock[]],
>(definition: {
  /** The id that runs name. */
  readonly id: string;
  /** A name for people. */
  readonly name?: string;
  readonly metadata?: JsonObject;
  readonly blocks: { readonly [Index in keyof Blocks]: InWorkflow<Blocks, Blocks[Index]> };
}): Workflow<Blocks> {
  const { id, name, metadata } = definition;
  const declared: readonly unknown[] = Array.isArray(definition.blocks) ? definition.blocks : [];
  const own = declared.filter((item) => isBlock(item));
  const problems = [
    ...unknownOptions(definition, ['id', 'name', 'metadata', 'blocks']).map(
      (problem) => `The workflow is wrong: ${problem}.`,
    ),
    ...(declared.length > 0 && own.length === declared.length
      ? []
      : [
          'The blocks of a workflow are a list of what block.extract, block.task and the others make.',
        ]),
    ...repeated(own.flatMap((one) => withBody(one)).map((one) => one.id)).map(
      (twice) => `Two blocks have the id ${quoted(twice)}: give one of them another.`,
    ),
    ...own.flatMap((one) => blockProblems(one, own, null)),
  ];
  if (problems.length > 0) {
    throw new DefinitionError(problems);
  }
  return defined<DeclaredWorkflow>({
    id,
    name,
    metadata,
    blocks: own.map((one) => one[inside].declared),
  });
}

/** What is wrong with a block and its body; `loop` is the forEach that it is in. */
function blockProblems(
  block: AnyBlock,
  siblings: readonly AnyBlock[],
  loop: AnyBlock | null,
): readonly string[] {
  const { needs, body, problems, declared } = block[inside];
  const around = loop?.[inside].needs ?? [];
  const known = [...siblings, ...around].map(({ id }) => id);
  const place =
    loop === null
      ? 'is not in this workflow: add it to blocks'
      : `is neither in its body nor among the needs of ${quoted(loop.id)}`;
  return [
    ...problems,
    ...(needs ?? [])
      .filter(({ id }) => !known.includes(id))
      .map(({ id }) => `Block ${quoted(block.id)} needs ${quoted(id)}, which ${place}.`),
    ...(loop === null && declared.review?.on_reject === 'drop'
      ? [
          `The gate of block ${quoted(block.id)} drops an iteration, and it is in none: "drop" is for the body of a forEach.`,
        ]
      : []),
    ...body.flatMap((inner) => blockProblems(inner, body, block)),
  ];
}

function withBody(block: AnyBlock): readonly AnyBlock[] {
  return [block, ...block[inside].body.flatMap((inner) => withBody(inner))];
}

/** The names of the functions that the blocks of a definition run, those in bodies too. */
export function functionNamesIn(blocks: readonly DeclaredBlock[]): readonly string[] {
  return blocks.flatMap(({ executor, body }) => [
    ...(executor.kind === 'function' ? [executor.name] : []),
    ...functionNamesIn(body ?? []),
  ]);
}
