import { once } from 'node:events';
import { createServer } from 'node:net';
import { LOOPBACK } from '../../src/dev/ports.js';
import { errorCode } from '../../src/dev/system-error.js';
import { until } from '../support/until.js';

/** A program that keeps a port from whoever it belongs to. */
export type Squatter = { leave(): Promise<void> };

/** Takes a port as soon as its server has gone, and turns away at once whoever comes. */
export async function takePort(port: number): Promise<Squatter> {
  const server = createServer((socket) => socket.destroy());
  const listens = async (): Promise<boolean> => {
    try {
      server.listen(port, LOOPBACK);
      await once(server, 'listening');
      return true;
    } catch (error) {
      if (errorCode(error) !== 'EADDRINUSE') {
        throw error;
      }
      return false;
    }
  };
  await until(`port ${port} to be free`, listens);
  return {
    leave: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
