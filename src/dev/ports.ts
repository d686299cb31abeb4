import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { SetupError } from './setup-error.js';
import { errorCode, errorText } from './system-error.js';

export const LOOPBACK = '127.0.0.1';

// Below the range that systems take the local ports of outgoing connections from (Linux: 32768 and up): such a connection
// could otherwise sit on a server's port when the server wants it back.
const LOWEST = 16_000;
const HIGHEST = 32_000;
const TRIES = 100;

/** A port that was free a moment ago: the preferred one if possible, else any. Whoever binds it must cope with a rival. */
export async function freePort(
  preferred: readonly (number | null | undefined)[] = [],
): Promise<number> {
  for (const port of preferred) {
    if (typeof port === 'number' && (await tryListen(LOOPBACK, port)) !== null) {
      return port;
    }
  }
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = await tryListen(LOOPBACK, randomInt(LOWEST, HIGHEST));
    if (port !== null) {
      return port;
    }
  }
  throw new SetupError(
    `No free port was found between ${LOWEST} and ${HIGHEST} on ${LOOPBACK}: close some programs and try again.`,
  );
}

/**
 * Refuses, in one sentence, an address on which the API could not listen.
 *
 * @returns the port: the one given, or a free one for 0
 */
export async function requireFreePort(host: string, port: number): Promise<number> {
  try {
    const listened = await tryListen(host, port === 0 ? await freePort() : port);
    if (listened !== null) {
      return listened;
    }
  } catch (error) {
    throw new SetupError(
      `Cannot listen on ${host}, port ${port} (${errorText(error)}): set HOST and PORT to an address of this machine that you may use.`,
      { cause: error },
    );
  }
  throw new SetupError(
    `Port ${port} on ${host} is already in use: stop the program that listens there, or set PORT to another port.`,
  );
}

/** Listens for a moment; null when the port is taken. */
async function tryListen(host: string, port: number): Promise<number | null> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : null;
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') {
      return null;
    }
    throw error;
  } finally {
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
  }
}

/** A host that a client on this machine can connect to, for an address to listen on. */
export function connectHost(host: string): string {
  switch (host) {
    case '0.0.0.0':
      return LOOPBACK;
    case '::':
      return '[::1]';
    default:
      return host.includes(':') ? `[${host}]` : host;
  }
}
