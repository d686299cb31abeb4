import { type Command, Option } from 'commander';
import type { SettleStep } from '../../client/index.js';
import { isIJson } from '../../rules/canonical.js';
import { say } from '../output/printable.js';
import { clientCommand, clientGroup } from './client-command.js';
import { CommandError } from './command-error.js';
import { jsonArgument } from './options.js';
import { type CommonOptions, perform } from './perform.js';
import { readJsonFile } from './read-input.js';

/** Adds `countersign step …`. */
export function registerStepCommands(program: Command): void {
  const group = clientGroup(program, 'step', 'say what became of a step');

  clientCommand(group, 'settle', 'say what became of a block whose outcome is unknown')
    .argument('<step>', 'the id of the step (see `run show`)')
    .addOption(
      new Option('--output <json>', 'it did its work, and this is its output')
        .argParser(jsonArgument)
        .conflicts(['outputFile', 'didNothing']),
    )
    .addOption(
      new Option(
        '--output-file <file>',
        'the same from a JSON file (- for standard input)',
      ).conflicts('didNothing'),
    )
    .option('--did-nothing', 'it did not do its work, and may run again')
    .action(settle);
}

type SettleOptions = CommonOptions & {
  readonly output?: unknown;
  readonly outputFile?: string;
  readonly didNothing?: boolean;
};

async function settle(stepId: string, options: SettleOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const step = await client.steps.settle(stepId, await readSettlement(options));
    return {
      json: step,
      text: () =>
        say`Step ${step.step_id} is settled (${step.lifecycle.status}). Go on with its run: countersign run retry ${step.run_id}`,
    };
  });
}

async function readSettlement({
  output,
  outputFile,
  didNothing,
}: SettleOptions): Promise<SettleStep> {
  if (didNothing === true) {
    return { happened: false };
  }
  const given = outputFile === undefined ? output : await readJsonFile(outputFile);
  if (!isIJson(given)) {
    throw new CommandError(
      'Say what became of it: --output or --output-file with what it gave, or --did-nothing.',
    );
  }
  return { happened: true, output: given };
}
