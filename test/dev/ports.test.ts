import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectHost, freePort, LOOPBACK, requireFreePort } from '../../src/dev/ports.js';
import { SetupError } from '../../src/dev/setup-error.js';

let server: Server;
let taken: number;
beforeEach(async () => {
  server = createServer();
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  taken = typeof address === 'object' && address !== null ? address.port : 0;
});
afterEach(async () => {
  server.close();
  await once(server, 'close');
});

describe('freePort', () => {
  test('takes the first preferred port that is free, and skips what is unknown or taken', async () => {
    const free = await freePort();
    expect(await freePort([null, taken, free])).toBe(free);
    expect(await freePort([taken])).not.toBe(taken);
  });
});

describe('requireFreePort', () => {
  test('names the port that is taken, and what to do', async () => {
    const asked = requireFreePort(LOOPBACK, taken);
    await expect(asked).rejects.toBeInstanceOf(SetupError);
    await expect(asked).rejects.toThrow(
      `Port ${taken} on ${LOOPBACK} is already in use: stop the program that listens there, or set PORT to another port.`,
    );
  });

  test('gives the port back, or a free one for 0', async () => {
    const free = await freePort();
    expect(await requireFreePort(LOOPBACK, free)).toBe(free);
    expect(await requireFreePort(LOOPBACK, 0)).toBeGreaterThan(0);
  });

  test('refuses an address that is not of this machine', async () => {
    await expect(requireFreePort('192.0.2.1', 0)).rejects.toThrow(/set HOST and PORT/);
  });
});

describe('connectHost', () => {
  test.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]'],
    ['::1', '[::1]'],
    ['localhost', 'localhost'],
  ])('a client reaches a server that listens on %s at %s', (host, expected) => {
    expect(connectHost(host)).toBe(expected);
  });
});
