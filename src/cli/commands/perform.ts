import { type Client, createClient } from '../../client/index.js';
import { describeError } from '../output/errors.js';
import { printableJson } from '../output/printable.js';
import { type Style, styleFor } from '../output/style.js';
import { CommandError } from './command-error.js';
import { findServer, type ServerAccess } from './find-server.js';

/** The options of every command that talks to a server. */
export type CommonOptions = { readonly json?: boolean };

/** What a command works with. */
export type Session = {
  readonly client: Client;
  /** Tells about progress, and about what is odd, on standard error. */
  readonly note: (text: string) => void;
  /** The colours for notes. */
  readonly noteStyle: Style;
};

/** What came of a command: for programs one JSON document, for people a text. */
export type Report = {
  readonly json: unknown;
  readonly text: (style: Style) => string;
  /** Why the command did not reach what it was for, although the server carried it out; exit code 1. */
  readonly failure?: string | null;
};

const PATIENCE_MS = 3_000;

/**
 * Carries a command out and prints what came of it.
 *
 * 1. On standard output stands the text, or with `--json` exactly one JSON document, also after an error
 *    (`{"error": …}`). Everything else goes to standard error.
 * 2. An error is told in a sentence, and the exit code is 1.
 */
export async function perform(
  { json = false }: CommonOptions,
  work: (session: Session) => Promise<Report>,
): Promise<void> {
  endQuietlyWithoutReader();
  const noteStyle = styleFor(process.stderr, process.env);
  let server: ServerAccess | null = null;
  let stopRemark: () => void = () => undefined;
  const note = (text: string): void => {
    stopRemark();
    process.stderr.write(`${text}\n`);
  };
  try {
    server = await findServer(process.env);
    stopRemark = remarkLater(`waiting for ${server.url} …`);
    const report = await work({ client: openClient(server), note, noteStyle });
    stopRemark();
    print(json ? printableJson(report.json) : report.text(styleFor(process.stdout, process.env)));
    if (typeof report.failure === 'string') {
      note(`${noteStyle.red('error:')} ${report.failure}`);
      process.exitCode = 1;
    }
  } catch (error) {
    stopRemark();
    const { lines, document } = describeError(error, server);
    if (json) {
      print(printableJson({ error: document }));
    }
    note(`${noteStyle.red('error:')} ${lines.join('\n')}`);
    process.exitCode = 1;
  }
}

function openClient({ url, token, tokenSource }: ServerAccess): Client {
  try {
    return createClient({ url, token });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `${reason} Check COUNTERSIGN_URL and the token (it came from ${tokenSource}).`,
      { cause: error },
    );
  }
}

function print(text: string): void {
  process.stdout.write(text === '' ? '' : `${text}\n`);
}

/** Says something on standard error if it takes long; the function given back stops that. */
function remarkLater(text: string): () => void {
  const timer = setTimeout(() => {
    process.stderr.write(`${text}\n`);
  }, PATIENCE_MS);
  timer.unref();
  return () => {
    clearTimeout(timer);
  };
}

/** A reader such as `head` may leave before all is written: that is no error of ours. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      process.exit();
    }
    throw error;
  });
}
