import type { Command } from 'commander';

const ENVIRONMENT = `
Environment:
  COUNTERSIGN_URL    where the server is (default: the one that \`countersign up\` runs here)
  COUNTERSIGN_TOKEN  who you are (default: the token that \`countersign up\` wrote to its home)
  COUNTERSIGN_HOME   the home of \`countersign up\` (default: .countersign)`;

/** Adds a group of commands that talk to a server; a usage error shows the usage. */
export function clientGroup(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .showHelpAfterError()
    .showSuggestionAfterError()
    .addHelpText('after', ENVIRONMENT);
}

/** Adds a command that talks to a server, with the options that all of them have. */
export function clientCommand(group: Command, usage: string, description: string): Command {
  return group
    .command(usage)
    .description(description)
    .option('--json', 'print one JSON document and nothing else');
}
