import { createInterface } from 'node:readline/promises';
import { CommandError } from './command-error.js';

/** The streams of a terminal at which somebody sits. */
export type Terminal = {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
};

const OWN: Terminal = { input: process.stdin, output: process.stderr };

/**
 * Asks the person at the terminal whether to go on; where nobody sits at one, a program has decided already.
 *
 * @throws CommandError when the answer is no
 */
export async function confirm(
  question: string,
  { yes = false }: { readonly yes?: boolean },
  { input, output }: Terminal = OWN,
): Promise<void> {
  if (yes || input.isTTY !== true || output.isTTY !== true) {
    return;
  }
  const lines = createInterface({ input, output });
  const gone = new AbortController();
  lines.once('close', () => gone.abort());
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: gone.signal });
    if (!/^\s*y(?:es)?\s*$/i.test(answer)) {
      throw new CommandError('Nothing was sent: the answer was not yes.');
    }
  } catch (error) {
    if (gone.signal.aborted && !(error instanceof CommandError)) {
      throw new CommandError('Nothing was sent: there was no answer.', { cause: error });
    }
    throw error;
  } finally {
    lines.close();
  }
}
