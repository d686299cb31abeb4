import { Argument, type Command } from 'commander';
import { createClient } from '../../client/index.js';
import { findServer } from '../commands/find-server.js';
import { printable } from '../output/printable.js';
import { complete, type Wanted } from './complete.js';
import { completionScript, type Shell, SHELLS } from './scripts.js';
import { serverIds } from './server-ids.js';

/** How long the server may take; nobody waits longer for a Tab. */
const PATIENCE_MS = 1_500;

/** Adds `countersign completion`, and the hidden command that its scripts ask. */
export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands, options and ids in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell));
    });

  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      // Whatever a slow server still does.
      process.stdout.write(await candidates(program, words), () => process.exit(0));
    });
}

/** The candidates, one a line; on any failure those that need no server, and no word about it. */
async function candidates(program: Command, words: readonly string[]): Promise<string> {
  const wanted = complete(program, words);
  const current = words.at(-1) === '=' ? '' : (words.at(-1) ?? '');
  const ids = await findIds(wanted).catch(() => []);
  const lines = [...wanted.words, ...ids]
    .filter(({ word }) => word.startsWith(current))
    .map(({ word, about }) => `${printable(word)}\t${printable(about)}\n`);
  return [...lines, ...(wanted.ids === 'file' ? [':files\n'] : [])].join('');
}

async function findIds(wanted: Wanted): Promise<Wanted['words']> {
  if (wanted.ids === null || wanted.ids === 'file' || wanted.ids === 'other') {
    return [];
  }
  const { url, token } = await findServer(process.env);
  const client = createClient({ url, token, timeoutMs: PATIENCE_MS });
  const gaveUp = new Promise<Wanted['words']>((resolve) => {
    setTimeout(() => resolve([]), PATIENCE_MS);
  });
  return await Promise.race([serverIds(client, wanted), gaveUp]);
}
