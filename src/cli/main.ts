import { Command, CommanderError } from 'commander';
import { registerClientCommands } from './commands/index.js';
import { explainConnectionError } from './connection-error.js';
import { registerProcessCommands } from './processes.js';
import { VERSION } from './version.js';

/** Errors whose message is meant for the person at the keyboard; any other one is a bug of ours. */
const FOR_PEOPLE = new Set([
  'ConfigError',
  'SetupError',
  'SchemaError',
  'SearchAttributeConflictError',
  'TemporalSettingsError',
]);

const program = new Command('countersign')
  .description('Durable review gates on Temporal.')
  .version(VERSION)
  .showHelpAfterError()
  .exitOverride();
registerProcessCommands(program);
registerClientCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode;
  }
  // By name, because the classes come with modules that most commands never load.
  const sentence =
    error instanceof Error && FOR_PEOPLE.has(error.name)
      ? error.message
      : explainConnectionError(error);
  console.error(`countersign: ${sentence ?? describeBug(error)}`);
  return 1;
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
