import type { Block, Definition, Execution, Gate } from '../domain/definition.js';
import { orderBlocks } from './block-order.js';
import { parseCanonical } from './canonical.js';
import { ID_FORM, MAX_BLOCKS, definitionShape, type DeclaredBlock } from './definition-shapes.js';
import { parseDurationMs } from '../domain/duration.js';
import { checkGate } from './gate-check.js';
import { checkSchema } from './json-schema.js';
import { findUnsupported } from './not-yet-supported.js';
import { MAX_PROBLEMS, describe, oneOf, under, type Problem } from './problem.js';
import { refusalWarnings } from './refusal-warnings.js';
import { typesOf } from './schema-reading.js';
import { shapeProblems } from './zod-problems.js';

/** A definition may take as much as canonical JSON. */
const MAX_DEFINITION_BYTES = 1024 * 1024;
const MAX_TIMEOUT_MS = 24 * 3_600_000;
/** How many for_eaches deep a block may be. */
const MAX_LOOPS = 3;

/** Workflow ids that are the first segment of other routes. */
const RESERVED_IDS = ['runs', 'reviews', 'steps'];

/** A definition as it is stored, with what its author should know; or everything that is wrong with it. */
export type ParsedDefinition =
  | { readonly definition: Definition; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] };

/**
 * Parses the body that declares a workflow into the form that is stored, with every default filled in.
 *
 * 1. It checks in three rounds, each only if the one before found nothing: what the value is (I-JSON, size), its shape
 *    together with what is not supported yet, and what its parts say about each other.
 * 2. Paths are those of the wire: `['body', 'blocks', 0, 'review', 'groups', 1]`; an id in the URL is at
 *    `['path', 'workflow_id']`. Indexes are those that the author wrote, before blocks are ordered.
 * 3. Parsing what it gave changes nothing, so that a stored definition can be sent again and is the same version.
 */
export function parseDefinition(workflowId: string, body: unknown): ParsedDefinition {
  const aboutId = workflowIdProblems(workflowId);
  const sized = parseCanonical(body, MAX_DEFINITION_BYTES);
  if ('problems' in sized) {
    return { problems: [...aboutId, ...under(['body'], sized.problems)] };
  }
  const shape = definitionShape.safeParse(body);
  const unfit = [
    ...findUnsupported(body),
    ...(shape.success ? [] : shapeProblems(shape.error.issues, body)),
  ];
  if (!shape.success || unfit.length > 0) {
    return { problems: [...aboutId, ...under(['body'], unfit)].slice(0, MAX_PROBLEMS) };
  }
  const { blocks: declared, name, metadata } = shape.data;
  const read = readBlocks(declared, 0);
  const twice = duplicateIds(declared);
  // With two blocks of one id it is not clear whom a need means.
  const order = twice.length > 0 ? { problems: twice } : orderBlocks(read.blocks);
  const problems = [
    ...sizeProblems(declared),
    ...under(['blocks'], read.problems),
    ...('problems' in order ? order.problems : []),
  ];
  if (aboutId.length > 0 || problems.length > 0 || 'problems' in order) {
    return { problems: [...aboutId, ...under(['body'], problems)].slice(0, MAX_PROBLEMS) };
  }
  return {
    definition: {
      workflow_id: workflowId,
      name: name ?? null,
      blocks: order.ordered,
      metadata: metadata ?? null,
    },
    warnings: under(['body', 'blocks'], [...read.warnings, ...refusalWarnings(read.blocks)]),
  };
}

type ReadBlocks = {
  readonly blocks: readonly Block[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

/** The blocks of a definition, or of a body so many for_eaches deep; paths lead from their list. */
function readBlocks(declared: readonly DeclaredBlock[], depth: number): ReadBlocks {
  const read = declared.map((block, index) => readBlock(block, declared[index - 1], depth));
  return {
    blocks: read.map(({ block }) => block),
    problems: read.flatMap((one, index) => under([index], one.problems)),
    warnings: read.flatMap((one, index) => under([index], one.warnings)),
  };
}

type ReadBlock = {
  readonly block: Block;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

/** A block with its defaults, and all that is wrong with it beside its shape; paths lead from the block. */
function readBlock(
  declared: DeclaredBlock,
  before: DeclaredBlock | undefined,
  depth: number,
): ReadBlock {
  const body = readBody(declared, depth);
  const block = {
    id: declared.id,
    type: declared.type,
    label: declared.label ?? null,
    needs: declared.needs ?? (before === undefined ? [] : [before.id]),
    executor: declared.executor,
    json_schema: declared.json_schema ?? null,
    categories: declared.categories ?? null,
    n_consensus: declared.n_consensus ?? 1,
    allow_overlap: declared.allow_overlap ?? false,
    map_method: declared.map_method ?? null,
    key: declared.key ?? null,
    body: body.blocks,
  };
  const { review, problems, warnings } = readReview(declared, block, depth > 0);
  return {
    block: { ...block, review, execution: executionOf(declared, review) },
    problems: [
      ...fieldProblems(block),
      ...schemaProblems(block, review),
      ...problems,
      ...executionProblems(declared, review),
      ...under(['body'], body.problems),
    ],
    warnings: [...warnings, ...under(['body'], body.warnings)],
  };
}

function readBody(
  { body }: DeclaredBlock,
  depth: number,
): Omit<ReadBlocks, 'blocks'> & { readonly blocks: readonly Block[] | null } {
  if (body === undefined || body === null) {
    return { blocks: null, problems: [], warnings: [] };
  }
  if (depth === MAX_LOOPS) {
    const message = `a for_each may stand in another, at most ${MAX_LOOPS} deep`;
    return { blocks: [], problems: [{ path: [], message }], warnings: [] };
  }
  return readBlocks(body, depth + 1);
}

type Fields = Omit<Block, 'review' | 'execution'>;

/** The gate of a block, which may stand under `config` too; with what is wrong and what is odd about it. */
function readReview(
  declared: DeclaredBlock,
  fields: Fields,
  isInBody: boolean,
): Omit<ReadBlock, 'block'> & { readonly review: Gate | null } {
  const direct = declared.review ?? null;
  const configured = declared.config?.review ?? null;
  const review = direct ?? configured;
  if (review === null) {
    return { review: null, problems: [], warnings: [] };
  }
  if (direct !== null && configured !== null) {
    const message = 'expected either review or config.review, got both';
    return { review: null, problems: [{ path: ['config', 'review'], message }], warnings: [] };
  }
  const path = direct === null ? ['config', 'review'] : ['review'];
  const checked = checkGate(review, { ...fields, isInBody });
  return 'problems' in checked
    ? { review: null, problems: under(path, checked.problems), warnings: [] }
    : { review: checked.gate, problems: [], warnings: under(path, checked.warnings) };
}

/** Fields that a block of its type has no use for, and lists with repeats. */
function fieldProblems(block: Fields): readonly Problem[] {
  const { type, categories } = block;
  const problems: Problem[] = [];
  const onlyFor = (key: string, isGiven: boolean, ...types: readonly string[]): void => {
    if (isGiven && !types.includes(type)) {
      problems.push({
        path: [key],
        message: `is for blocks of type ${oneOf(types)} only, and this is ${describe(type)}`,
      });
    }
  };
  onlyFor('categories', categories !== null, 'classifier');
  onlyFor('allow_overlap', block.allow_overlap, 'split', 'for_each');
  onlyFor('map_method', block.map_method !== null, 'for_each');
  onlyFor('key', block.key !== null, 'for_each');
  onlyFor('body', block.body !== null, 'for_each');
  if (type === 'for_each' && block.body === null) {
    problems.push({
      path: ['body'],
      message: 'expected the blocks that run for each item, got nothing',
    });
  }
  for (const [index, category] of (categories ?? []).entries()) {
    if (categories?.indexOf(category) !== index) {
      problems.push({
        path: ['categories', index],
        message: `${describe(category)} is listed already`,
      });
    }
  }
  return problems;
}

function schemaProblems(block: Fields, review: Gate | null): readonly Problem[] {
  const { json_schema: schema } = block;
  if (schema === null) {
    return [];
  }
  const problems = under(['json_schema'], checkSchema(schema));
  const types = typesOf(schema);
  const isObject = types.length === 0 || types.includes('object');
  return review?.placement === 'output' && !isObject && problems.length === 0
    ? [
        {
          path: ['json_schema', 'type'],
          message: `a reviewed output is a JSON object; expected "object", got ${oneOf(types)}`,
        },
      ]
    : problems;
}

/** A function behind an input gate does what was approved, perhaps a payment: it is not repeated unless told so. */
function repeatableByDefault({ executor }: DeclaredBlock, review: Gate | null): boolean {
  return !(executor.kind === 'function' && review?.placement === 'input');
}

function executionOf(declared: DeclaredBlock, review: Gate | null): Execution {
  const repeatable = declared.execution?.repeatable ?? repeatableByDefault(declared, review);
  return {
    repeatable,
    attempts: declared.execution?.attempts ?? (repeatable ? 3 : 1),
    timeout: declared.execution?.timeout ?? '5m',
  };
}

function executionProblems(declared: DeclaredBlock, review: Gate | null): readonly Problem[] {
  const { repeatable, attempts, timeout } = executionOf(declared, review);
  const timeoutMs = parseDurationMs(timeout) ?? 0;
  return [
    ...(!repeatable && attempts > 1
      ? [
          {
            path: ['execution', 'attempts'],
            message: `expected 1 for a block that is not repeatable, got ${attempts}; set repeatable to true if running it twice does no harm`,
          },
        ]
      : []),
    ...(timeoutMs === 0 || timeoutMs > MAX_TIMEOUT_MS
      ? [
          {
            path: ['execution', 'timeout'],
            message: `expected a duration from "1ms" to "24h", got ${describe(timeout)}`,
          },
        ]
      : []),
  ];
}

/** Every declared block with the path to it, those of bodies behind the for_each that they belong to. */
function placesOf(
  blocks: readonly DeclaredBlock[],
  path: Problem['path'],
): readonly { readonly id: string; readonly path: Problem['path'] }[] {
  return blocks.flatMap(({ id, body }, index) => [
    { id, path: [...path, index] },
    ...placesOf(body ?? [], [...path, index, 'body']),
  ]);
}

function duplicateIds(blocks: readonly DeclaredBlock[]): readonly Problem[] {
  const places = placesOf(blocks, ['blocks']);
  const ids = places.map(({ id }) => id);
  return places.flatMap(({ id, path }, index) =>
    ids.indexOf(id) === index
      ? []
      : [{ path: [...path, 'id'], message: `${describe(id)} is the id of a block already` }],
  );
}

function sizeProblems(blocks: readonly DeclaredBlock[]): readonly Problem[] {
  const count = placesOf(blocks, []).length;
  return count > MAX_BLOCKS
    ? [
        {
          path: ['blocks'],
          message: `expected at most ${MAX_BLOCKS} blocks, those of bodies counted, got ${count}`,
        },
      ]
    : [];
}

function workflowIdProblems(workflowId: string): readonly Problem[] {
  const path = ['path', 'workflow_id'];
  if (!ID_FORM.test(workflowId)) {
    return [
      {
        path,
        message: `expected 1 to 64 letters, digits, "_", "." or "-", the first a letter or a digit, got ${describe(workflowId)}`,
      },
    ];
  }
  return RESERVED_IDS.includes(workflowId)
    ? [{ path, message: `${describe(workflowId)} is a route of the API; choose another id` }]
    : [];
}
