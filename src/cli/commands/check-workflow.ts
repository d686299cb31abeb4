import type { CheckedWorkflow, Warning } from '../../client/index.js';
import type { Definition } from '../../domain/definition.js';
import { parseDefinition } from '../../rules/definition.js';
import type { Problem } from '../../rules/problem.js';
import { showGates } from '../output/gate-text.js';
import { printable, say } from '../output/printable.js';
import { CommandError } from './command-error.js';
import { loadDefinition } from './load-definition.js';
import { type CommonOptions, type LocalSession, performLocally, type Report } from './perform.js';

/** The options of `workflow check`. */
export type CheckOptions = CommonOptions & {
  readonly id?: string;
  readonly as?: string;
  readonly offline?: boolean;
};

/**
 * Carries out `workflow check`: a definition is read here, by the rules of the server; who could pass its gates
 * is the server's to say. Nothing is stored.
 */
export async function check(file: string, options: CheckOptions): Promise<void> {
  await performLocally(options, async (session) => {
    if (options.offline === true && options.as !== undefined) {
      throw new CommandError('Only the server knows people: use --as without --offline.');
    }
    const { workflowId, body } = await loadDefinition(file, options.id);
    const parsed = parseDefinition(workflowId, body);
    if ('problems' in parsed) {
      return wrong(file, parsed.problems);
    }
    if (options.offline === true) {
      const warnings = parsed.warnings.map(({ path, message }) => ({ loc: path, msg: message }));
      tell(session, warnings);
      return good(parsed.definition, { checked: null, warnings });
    }
    const client = await session.connect();
    const checked = await client.workflows.check(workflowId, body, { as: options.as });
    tell(session, checked.warnings);
    tellWeakened(session, checked);
    return good(parsed.definition, { checked, warnings: checked.warnings });
  });
}

function wrong(file: string, problems: readonly Problem[]): Report {
  const lines = problems.map(({ path, message }) =>
    printable(
      `  ${path.filter((step, index) => index > 0 || step !== 'body').join('.')}: ${message}`,
    ),
  );
  return {
    json: {
      valid: false,
      problems: problems.map(({ path, message }) => ({ loc: path, msg: message })),
    },
    text: () => '',
    failure: [say`${file} cannot be stored; change this and check again:`, ...lines].join('\n'),
  };
}

function good(
  definition: Definition,
  {
    checked,
    warnings,
  }: { readonly checked: CheckedWorkflow | null; readonly warnings: readonly Warning[] },
): Report {
  return {
    json: { valid: true, ...(checked ?? { id: definition.workflow_id, warnings }) },
    text: (style) =>
      [
        say`Workflow ${definition.workflow_id} can be stored.${whichVersion(checked)}`,
        '',
        showGates(style, definition, checked),
        ...(checked === null
          ? ['', style.dim('No server was asked: who could approve is not known.')]
          : []),
      ].join('\n'),
  };
}

function whichVersion(checked: CheckedWorkflow | null): string {
  if (checked === null) {
    return '';
  }
  return checked.is_current
    ? ` It is ${checked.version_id}, which new runs take already.`
    : ` It would be ${checked.version_id}.`;
}

function tell({ note, noteStyle }: LocalSession, warnings: readonly Warning[]): void {
  for (const { loc, msg } of warnings) {
    note(`${noteStyle.yellow('warning:')} ${say`${loc.join('.')}: ${msg}`}`);
  }
}

function tellWeakened({ note, noteStyle }: LocalSession, { weakened }: CheckedWorkflow): void {
  for (const { block_id: blockId, changes } of weakened) {
    note(
      `${noteStyle.yellow('weaker:')} ${say`the gate of ${blockId} would ask for less than now: ${changes.join('; ')}.`}`,
    );
  }
}
