import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { LOOPBACK } from '../../src/dev/ports.js';

/** A server that takes every connection and never says a word. */
export type BlackHole = { readonly address: string; close(): Promise<void> };

/** Opens one; the caller closes it. */
export async function openBlackHole(): Promise<BlackHole> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) {
    throw new Error('a TCP server has an address');
  }
  return {
    address: `${LOOPBACK}:${bound.port}`,
    close: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
