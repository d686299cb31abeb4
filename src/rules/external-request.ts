import { z } from 'zod';
import { BLOCK_TYPES, type Block, type Definition, type Gate } from '../domain/definition.js';
import { EXTERNAL_BLOCK, type ExternalRequest, MAX_KEY_LENGTH } from '../domain/external-review.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { parseDefinition } from './definition.js';
import { describe, type Problem, under } from './problem.js';
import { closed, shapeProblems } from './zod-problems.js';

const object = z.custom<JsonObject>((value) => isJsonObject(value), {
  error: 'expected an object',
});

const shape = closed({
  workflow_id: z.string().min(1),
  workflow_type: z.string().min(1),
  first_execution_run_id: z.string().min(1),
  key: z.string().min(1).max(MAX_KEY_LENGTH),
  owner: z.string().min(1).nullable(),
  policy: object,
  block_type: z.enum(BLOCK_TYPES),
  json_schema: object.nullable(),
  categories: z.array(z.string()).nullable(),
  snapshot: object.nullable(),
  snapshot_ref: z.string().nullable(),
});

/** What a review by an author's own workflow is opened with; or everything that is wrong with it. */
export type ParsedExternalRequest =
  | {
      readonly request: ExternalRequest;
      readonly definition: Definition;
      readonly block: Block;
      readonly gate: Gate;
    }
  | { readonly problems: readonly Problem[] };

/**
 * Parses what `review()` asks for, by the rules that definitions are held to.
 *
 * It is unknown what comes: whoever reaches Temporal can start a gate. Paths are those of the options
 * of `review()`, and no message says anything of the snapshot.
 */
export function parseExternalRequest(value: unknown): ParsedExternalRequest {
  const parsed = shape.safeParse(value);
  if (!parsed.success) {
    return { problems: shapeProblems(parsed.error.issues, value).map(asOption) };
  }
  const request = parsed.data;
  const unfit = [
    ...storable(request.workflow_id, 'workflow_id'),
    ...storable(request.workflow_type, 'workflow_type'),
    ...storable(request.key, 'key'),
    ...snapshotProblems(request),
    ...policyProblems(request.policy),
  ];
  const declared = parseDefinition(EXTERNAL_BLOCK, {
    blocks: [
      {
        id: EXTERNAL_BLOCK,
        type: request.block_type,
        executor: { kind: 'supplied' },
        review: request.policy,
        ...(request.json_schema === null ? {} : { json_schema: request.json_schema }),
        ...(request.categories === null ? {} : { categories: request.categories }),
      },
    ],
  });
  if ('problems' in declared) {
    const known = new Set(unfit.map(({ path }) => path.join('.')));
    const others = declared.problems.map(asOption).filter(({ path }) => !known.has(path.join('.')));
    return { problems: [...unfit, ...others] };
  }
  const [block] = declared.definition.blocks;
  if (unfit.length > 0 || block === undefined || block.review === null) {
    return { problems: unfit };
  }
  const definition = {
    ...declared.definition,
    workflow_id: externalWorkflowId(request.workflow_type),
  };
  return { request, definition, block, gate: block.review };
}

/**
 * The workflow id under which the reviews of one type of workflow are stored.
 *
 * No definition that somebody declares can have it: a colon is not allowed there.
 */
export function externalWorkflowId(workflowType: string): string {
  return `external:${workflowType.replaceAll(/[^A-Za-z0-9_.-]/g, '-').slice(0, 64)}`;
}

/** What is wrong, in one sentence. */
export function describeProblems(problems: readonly Problem[]): string {
  const parts = problems.map(({ path, message }) =>
    path.length === 0 ? message : `${pathOf(path)}: ${message}`,
  );
  return parts.join('; and ');
}

function pathOf(path: Problem['path']): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`,
    )
    .join('');
}

function snapshotProblems({ snapshot, snapshot_ref: ref }: ExternalRequest): readonly Problem[] {
  return (snapshot === null) === (ref === null)
    ? [{ path: ['snapshot'], message: 'expected either snapshot or snapshotRef' }]
    : [];
}

function policyProblems(policy: JsonObject): readonly Problem[] {
  const { placement, on_reject: onReject } = policy;
  const problems: Problem[] = [];
  if (placement === 'input') {
    problems.push({
      path: ['placement'],
      message: 'a workflow of your own has its snapshot reviewed as an output; leave it out',
    });
  }
  if (onReject === 'drop' || onReject === 'continue') {
    problems.push({
      path: ['on_reject'],
      message: `a rejection is an answer of review() and cancels nothing of yours; expected "cancel_run" or nothing, got ${describe(onReject)}`,
    });
  }
  return [
    ...under(['policy'], problems),
    // Gates are kept as jsonb, which holds no NUL.
    ...(JSON.stringify(policy)
      .replaceAll(String.raw`\\`, '')
      .includes(String.raw`\u0000`)
      ? [{ path: ['policy'], message: 'has a NUL character; remove it' }]
      : []),
  ];
}

function storable(text: string, name: string): readonly Problem[] {
  return /\0|\p{Surrogate}/u.test(text)
    ? [{ path: [name], message: 'has a NUL character or half of a surrogate pair; remove it' }]
    : [];
}

/** A problem of the order or of the definition made from it, at the option that it comes from. */
function asOption({ path, message }: Problem): Problem {
  const [, , , ...inBlock] = path[0] === 'body' ? path : ['', '', '', ...path];
  const [first, ...rest] = inBlock;
  const named = typeof first === 'string' ? (OPTIONS[first] ?? first) : 'policy';
  // The usual words say what was given, and a snapshot is not to be quoted.
  return named === 'snapshot'
    ? { path: [named], message: 'expected a JSON object' }
    : { path: [named, ...rest], message };
}

const OPTIONS: Readonly<Record<string, string>> = {
  review: 'policy',
  type: 'blockType',
  block_type: 'blockType',
  json_schema: 'jsonSchema',
  snapshot_ref: 'snapshotRef',
};
