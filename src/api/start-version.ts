import type { JsonObject } from '../domain/json.js';
import { findBlock } from '../domain/blocks.js';
import type { Block } from '../domain/definition.js';
import type { Db } from '../store/database.js';
import type { WorkflowVersionRow } from '../store/tables.js';
import { findWorkflow, findWorkflowVersion, readDefinition } from '../store/workflows.js';
import { type ApiError, invalid, invalidValue, notFound } from './errors.js';

/**
 * The definition version that a new run is pinned to, or why there is none.
 *
 * `production` and `draft` are both the version stored last: there is one line of versions here.
 */
export async function findStartVersion(
  db: Db,
  projectId: string,
  workflowId: string,
  asked: string,
): Promise<WorkflowVersionRow | ApiError> {
  const isName = asked === 'production' || asked === 'draft';
  if (!isName && !asked.startsWith('wfv_')) {
    return invalidValue(
      ['body', 'version'],
      "Expected 'production', 'draft' or the id of a version (wfv_…).",
    );
  }
  const workflow = await findWorkflow(db, projectId, workflowId);
  if (workflow === null) {
    return notFound('workflow', workflowId);
  }
  if (isName) {
    return workflow.current;
  }
  return (
    (await findWorkflowVersion(db, projectId, workflowId, asked)) ?? {
      kind: 'error',
      code: 'not_found',
      what: 'workflow',
      message: `Workflow '${workflowId}' has no version '${asked}': list its versions at /v1/workflows/${workflowId}/versions.`,
    }
  );
}

/** Inputs for blocks that take none, or that the definition does not have: they would be lost without a word. */
export function unknownBlocks(version: WorkflowVersionRow, inputs: JsonObject): ApiError | null {
  const { blocks } = readDefinition(version);
  const known = blocks.map(({ id }) => id);
  const unknown = Object.keys(inputs).filter((id) => !known.includes(id));
  return unknown.length === 0
    ? null
    : invalid(
        ...unknown.slice(0, 20).map((id) => ({
          loc: ['body', 'json_inputs', id],
          message: whyNoInput(blocks, id),
          type: 'value_error',
        })),
      );
}

function whyNoInput(blocks: readonly Block[], id: string): string {
  const loop = findBlock(blocks, id)?.around.at(-1)?.id;
  return loop === undefined
    ? `The workflow has no such block: use one of ${blocks.map((block) => block.id).join(', ')}.`
    : `A block in the body of for_each '${loop}' gets its item as input: give the items to '${loop}'.`;
}
