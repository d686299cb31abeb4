import { Command } from 'commander';
import { registerClientCommands } from './commands/index.js';
import { registerCompletion } from './completion/register.js';
import { registerProcessCommands } from './processes.js';
import { VERSION } from './version.js';

/** Makes the whole `countersign` command; nothing is read or run yet. */
export function createProgram(): Command {
  const program = new Command('countersign')
    .description('Durable review gates on Temporal.')
    .version(VERSION)
    .showHelpAfterError()
    .exitOverride();
  registerProcessCommands(program);
  registerClientCommands(program);
  registerCompletion(program);
  return program;
}
