import { type Client, createClient } from '../../client/index.js';
import { describeError } from '../output/errors.js';
import { printableJson } from '../output/printable.js';
import { type Style, styleFor } from '../output/style.js';
import { type Notes, openNotes } from '../output/waiting.js';
import { CommandError } from './command-error.js';
import { findServer, type ServerAccess } from './find-server.js';

/** The options of every command that prints a result. */
export type CommonOptions = { readonly json?: boolean };

/** What a command works with. */
export type Session = {
  readonly client: Client;
  /** Tells about progress, and about what is odd, on standard error. */
  readonly note: (text: string) => void;
  /** Says on standard error what is waited for. */
  readonly waitFor: (what: string) => void;
  /** The colours for notes. */
  readonly noteStyle: Style;
};

/** What a command works with that can do without a server. */
export type LocalSession = Omit<Session, 'client'> & {
  /** Finds the server and opens a client of it; it fails where there is none. */
  readonly connect: () => Promise<Client>;
};

/** What came of a command: for programs one JSON document, for people a text. */
export type Report = {
  readonly json: unknown;
  readonly text: (style: Style) => string;
  /** Why the command did not reach what it was for, although it was carried out; exit code 1. */
  readonly failure?: string | null;
};

/** Carries out a command that asks a server, and prints what came of it; see `performLocally`. */
export async function perform(
  options: CommonOptions,
  work: (session: Session) => Promise<Report>,
): Promise<void> {
  await performLocally(options, async ({ connect, ...session }) =>
    work({ ...session, client: await connect() }),
  );
}

/**
 * Carries a command out and prints what came of it.
 *
 * 1. On standard output stands the text, or with `--json` exactly one JSON document, also after an error
 *    (`{"error": …}`). Everything else goes to standard error.
 * 2. An error is told in a sentence, and the exit code is 1.
 */
export async function performLocally(
  { json = false }: CommonOptions,
  work: (session: LocalSession) => Promise<Report>,
): Promise<void> {
  const noteStyle = styleFor(process.stderr, process.env);
  const notes = openNotes(process.stderr);
  let server: ServerAccess | null = null;
  const connect = async (): Promise<Client> => {
    server = await findServer(process.env);
    notes.waitForSoon(`waiting for ${server.url}`);
    return openClient(server);
  };
  const fail = (text: string): void => {
    notes.say(`${noteStyle.red('error:')} ${text}`);
    process.exitCode = 1;
  };
  try {
    const report = await work({ connect, noteStyle, ...ownNotes(notes) });
    notes.stop();
    print(json ? printableJson(report.json) : report.text(styleFor(process.stdout, process.env)));
    if (typeof report.failure === 'string') {
      fail(report.failure);
    }
  } catch (error) {
    notes.stop();
    const { lines, document } = describeError(error, server);
    if (json) {
      print(printableJson({ error: document }));
    }
    fail(lines.join('\n'));
  }
}

/** Once a command has something to say, it is not the server that is waited for. */
function ownNotes(notes: Notes): Pick<Session, 'note' | 'waitFor'> {
  return {
    note: (text) => {
      notes.stop();
      notes.say(text);
    },
    waitFor: (what) => notes.waitFor(what),
  };
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
