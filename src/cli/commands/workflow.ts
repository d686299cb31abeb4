import type { Command } from 'commander';
import type { StoredWorkflow, Warning, WorkflowSummary } from '../../client/index.js';
import { say } from '../output/printable.js';
import { table } from '../output/table.js';
import { showTime } from '../output/time.js';
import { check } from './check-workflow.js';
import { clientCommand, clientGroup } from './client-command.js';
import { loadDefinition } from './load-definition.js';
import { type CommonOptions, perform } from './perform.js';

/** Adds `countersign workflow …`. */
export function registerWorkflowCommands(program: Command): void {
  const group = clientGroup(program, 'workflow', 'check, store and list workflow definitions');

  clientCommand(group, 'push', 'store a definition; the same content is the same version')
    .argument(
      '<file>',
      'a .json file (- for standard input), or a .ts or .js module with a default export',
    )
    .option('--id <workflow_id>', 'the workflow to store it for, instead of the id in the file')
    .action(push);

  clientCommand(group, 'check', 'say what is wrong with a definition, and who could pass its gates')
    .argument('<file>', 'as for push')
    .option('--id <workflow_id>', 'the workflow it is for, instead of the id in the file')
    .option('--as <user>', 'what the gates mean for this person, as a reviewer and as the owner')
    .option('--offline', 'ask no server: who could approve is left out')
    .action(check);

  clientCommand(group, 'list', 'list the workflows there are').action(list);
}

async function push(
  file: string,
  options: CommonOptions & { readonly id?: string },
): Promise<void> {
  await perform(options, async ({ client, note, noteStyle }) => {
    const { workflowId, body } = await loadDefinition(file, options.id);
    const stored = await client.workflows.put(workflowId, body);
    for (const warning of stored.warnings) {
      note(`${noteStyle.yellow('warning:')} ${showWarning(warning)}`);
    }
    return { json: stored, text: () => showStored(stored) };
  });
}

function showStored({ id, version_id: versionId, version }: StoredWorkflow): string {
  return say`Workflow ${id} is stored as ${versionId} (version ${version}); new runs take it.`;
}

function showWarning({ loc, msg }: Warning): string {
  return say`${loc.join('.')}: ${msg}`;
}

async function list(options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const page = await client.workflows.list().page();
    return {
      json: page,
      text: (style) =>
        table(
          style,
          ['WORKFLOW', 'NAME', 'VERSION', '', 'STORED'],
          page.data.map(rowOf),
          'There is no workflow yet: store one with `countersign workflow push <file>`.',
        ),
    };
  });
}

function rowOf(workflow: WorkflowSummary): readonly (string | null)[] {
  const { id, name, version, version_id: versionId, updated_at: updatedAt } = workflow;
  return [id, name, String(version), versionId, showTime(updatedAt)];
}
