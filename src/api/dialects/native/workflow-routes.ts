import { z } from 'zod';
import type { Definition } from '../../../domain/definition.js';
import { isJsonObject, type JsonObject } from '../../../domain/json.js';
import type { Voter } from '../../../domain/people.js';
import { parseDefinition } from '../../../rules/definition.js';
import { listPeople, personAsVoter } from '../../../store/people.js';
import type { WorkflowVersionRow } from '../../../store/tables.js';
import {
  findWorkflow,
  listWorkflows,
  listWorkflowVersions,
  putWorkflow,
  readDefinition,
  type StoredWorkflow,
} from '../../../store/workflows.js';
import { ok } from '../../answer.js';
import { atPlace } from '../../check-snapshot.js';
import { directoryWarnings } from '../../directory-warnings.js';
import { type ApiError, isApiError, notFound } from '../../errors.js';
import { anyId, jsonObject, jsonObjectAs, listOf, showTime, timestamp } from '../../fields.js';
import { weakenedGates } from '../../gate-weakening.js';
import { route } from '../../route.js';
import { unstorableText } from '../../unstorable-text.js';
import { native } from './dialect.js';

const tag = 'Workflows';
const params = z.object({ workflow_id: anyId });

export const warning = z
  .object({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string() })
  .meta({ id: 'Warning' });

const stored = z
  .object({
    id: z.string(),
    version_id: z.string(),
    version: z.int().meta({ description: 'The how-manieth version of this workflow it is.' }),
    warnings: z.array(warning),
  })
  .meta({ id: 'StoredWorkflow' });

// Under its own name and not as another `jsonObject`, which would refer to that one and say nothing of `blocks`.
export const definitionBody = jsonObjectAs(
  'DefinitionRequest',
  'A workflow definition: `blocks`, and optionally `name` and `metadata`. A block has an `id`, a `type`, an `executor`, and where it is gated a `review`.',
  {
    required: ['blocks'],
    properties: {
      blocks: { type: 'array', minItems: 1, items: { type: 'object', required: ['id', 'type'] } },
      name: { type: ['string', 'null'] },
      metadata: { type: ['object', 'null'] },
    },
  },
);

const put = route({
  id: 'workflows.put',
  method: 'put',
  path: '/v1/workflows/{workflow_id}',
  summary: 'Stores a definition; the same content is the same version, and new runs take it.',
  tag,
  dialect: native,
  bodySize: 'definition',
  params,
  body: definitionBody,
  responses: { 200: stored },
  handle: async ({ deps, actor }, { params: { workflow_id: id }, body }) => {
    const people = (await listPeople(deps.db, actor.projectId)).map(personAsVoter);
    const read = readDeclared(id, body, people);
    if (isApiError(read)) {
      return read;
    }
    const version = await putWorkflow(deps.db, actor, read.definition, weakenedGates);
    return ok({
      id,
      version_id: version.id,
      version: version.ordinal,
      warnings: read.warnings,
    });
  },
});

/** A definition as its author sent it, parsed; with what is odd about it, also in view of today's people. */
export function readDeclared(
  workflowId: string,
  body: JsonObject,
  people: readonly Voter[],
): { readonly definition: Definition; readonly warnings: z.infer<typeof warning>[] } | ApiError {
  const parsed = parseDefinition(workflowId, body);
  if ('problems' in parsed) {
    return atPlace(parsed.problems, []);
  }
  const unstorable = unstorableText(body);
  if (unstorable.length > 0) {
    return atPlace(unstorable, ['body']);
  }
  const paths = new Map(pathsAsSent(body['blocks'], ['body', 'blocks']));
  const unsatisfied = directoryWarnings(parsed.definition, people).map(({ blockId, message }) => ({
    path: [...(paths.get(blockId) ?? ['body', 'blocks', blockId]), 'review'],
    message,
  }));
  const warnings = [...parsed.warnings, ...unsatisfied];
  return {
    definition: parsed.definition,
    warnings: warnings.map(({ path, message }) => ({ loc: [...path], msg: message })),
  };
}

/** Where the author wrote each block, those of bodies too: blocks are ordered before they are stored. */
function pathsAsSent(
  blocks: unknown,
  path: readonly (string | number)[],
): readonly (readonly [string, readonly (string | number)[]])[] {
  return Array.isArray(blocks)
    ? blocks.flatMap((block: unknown, index) =>
        isJsonObject(block) && typeof block['id'] === 'string'
          ? [
              [block['id'], [...path, index]] as const,
              ...pathsAsSent(block['body'], [...path, index, 'body']),
            ]
          : [],
      )
    : [];
}

const summaryFields = {
  id: z.string(),
  name: z.string().nullable(),
  version_id: z.string(),
  version: z.int(),
  created_at: timestamp,
  updated_at: timestamp,
};
const definitionFields = { blocks: z.array(jsonObject), metadata: jsonObject.nullable() };

const workflowSummary = z.object(summaryFields).meta({ id: 'WorkflowSummary' });
const workflow = z.object({ ...summaryFields, ...definitionFields }).meta({ id: 'Workflow' });
const workflowVersion = z
  .object({
    id: z.string(),
    workflow_id: z.string(),
    version: z.int(),
    is_current: z.boolean(),
    name: z.string().nullable(),
    created_by: z.string(),
    created_at: timestamp,
    ...definitionFields,
  })
  .meta({ id: 'WorkflowVersion' });

const list = route({
  id: 'workflows.list',
  method: 'get',
  path: '/v1/workflows',
  summary: 'Lists the workflows of the project by id.',
  tag,
  dialect: native,
  responses: { 200: listOf(workflowSummary) },
  handle: async ({ deps, actor }) => {
    const workflows = await listWorkflows(deps.db, actor.projectId);
    return ok({
      data: workflows.map(showSummary),
      list_metadata: { before: null, after: null },
    });
  },
});

const get = route({
  id: 'workflows.get',
  method: 'get',
  path: '/v1/workflows/{workflow_id}',
  summary: 'Reads a workflow with the definition that new runs take.',
  tag,
  dialect: native,
  params,
  responses: { 200: workflow },
  handle: async ({ deps, actor }, { params: { workflow_id: id } }) => {
    const found = await findWorkflow(deps.db, actor.projectId, id);
    return found === null
      ? notFound('workflow', id)
      : ok({ ...showSummary(found), ...showDefinition(found.current) });
  },
});

const versions = route({
  id: 'workflows.versions',
  method: 'get',
  path: '/v1/workflows/{workflow_id}/versions',
  summary: 'Lists the versions of a workflow, oldest first.',
  tag,
  dialect: native,
  params,
  responses: { 200: listOf(workflowVersion) },
  handle: async ({ deps, actor }, { params: { workflow_id: id } }) => {
    const found = await findWorkflow(deps.db, actor.projectId, id);
    if (found === null) {
      return notFound('workflow', id);
    }
    const rows = await listWorkflowVersions(deps.db, actor.projectId, id);
    return ok({
      data: rows.map((row) => ({
        id: row.id,
        workflow_id: id,
        version: row.ordinal,
        is_current: row.id === found.current.id,
        name: readDefinition(row).name,
        created_by: row.createdBy,
        created_at: showTime(row.createdAt),
        ...showDefinition(row),
      })),
      list_metadata: { before: null, after: null },
    });
  },
});

function showSummary({ id, current, createdAt, updatedAt }: StoredWorkflow) {
  return {
    id,
    name: readDefinition(current).name,
    version_id: current.id,
    version: current.ordinal,
    created_at: showTime(createdAt),
    updated_at: showTime(updatedAt),
  };
}

function showDefinition(version: WorkflowVersionRow) {
  const { blocks, metadata } = readDefinition(version);
  return { blocks, metadata };
}

export const WORKFLOW_ROUTES = [put, list, get, versions] as const;
