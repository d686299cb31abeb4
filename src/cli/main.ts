import { CommanderError } from 'commander';
import { explainConnectionError } from './connection-error.js';
import { endQuietlyWithoutReader } from './output/without-reader.js';
import { createProgram } from './program.js';

/** Errors whose message is meant for the person at the keyboard; any other one is a bug of ours. */
const FOR_PEOPLE = new Set([
  'ConfigError',
  'SetupError',
  'SchemaError',
  'SearchAttributeConflictError',
  'StoreAwayError',
  'TemporalSettingsError',
]);

/** Processes that serve others, and go on when nobody reads what they print. */
const SERVING = new Set(['up', 'api', 'worker']);

endQuietlyWithoutReader(SERVING.has(process.argv[2] ?? ''));
try {
  await createProgram().parseAsync();
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
