import { readFile } from 'node:fs/promises';
import { adminTokenPath, homePath } from '../../dev/home.js';
import { connectHost } from '../../dev/ports.js';
import { errorCode, errorText } from '../../dev/system-error.js';
import { readConfig } from '../config.js';
import { findLocalStack } from '../local-stack.js';
import { CommandError } from './command-error.js';

/** Where the server is, and what shows who asks. */
export type ServerAccess = {
  readonly url: string;
  readonly token: string;
  /** Where the token came from, as a sentence names it. */
  readonly tokenSource: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the server to talk to: what the environment names, else the one that `countersign up` runs on this home.
 *
 * The token that `up` left in the home is for the server of that home. It is sent to another machine only where
 * COUNTERSIGN_HOME names the home, too: else an address alone would give an admin's token away.
 *
 * @throws ConfigError, CommandError
 */
export async function findServer(env: Environment, cwd = process.cwd()): Promise<ServerAccess> {
  const config = readConfig(env);
  const home = homePath(env, cwd);
  const stack = await findLocalStack(home);
  const ownUrl = stack?.api_url ?? `http://${connectHost(config.host)}:${config.port}`;
  const url = config.url ?? ownUrl;
  if (config.token !== null) {
    return { url, token: config.token.trim(), tokenSource: 'COUNTERSIGN_TOKEN' };
  }
  const tokenFile = adminTokenPath(home);
  const isHomeNamed = (env['COUNTERSIGN_HOME'] ?? '') !== '';
  if (!isHomeNamed && !isLoopback(url) && new URL(url).origin !== new URL(ownUrl).origin) {
    throw new CommandError(
      `No token for ${url}: set COUNTERSIGN_TOKEN (the one in ${tokenFile} is for the server on this machine).`,
    );
  }
  return { url, token: await readToken(tokenFile), tokenSource: tokenFile };
}

async function readToken(file: string): Promise<string> {
  try {
    const token = (await readFile(file, 'utf8')).trim();
    if (token !== '') {
      return token;
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') {
      throw new CommandError(
        `Cannot read the token in ${file} (${errorText(error)}): set COUNTERSIGN_TOKEN, or run this as the user who started the server.`,
        { cause: error },
      );
    }
  }
  throw new CommandError(
    `No token: set COUNTERSIGN_TOKEN, or start a server here with \`countersign up\`, which writes one to ${file}.`,
  );
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
