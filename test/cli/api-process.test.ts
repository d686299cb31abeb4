import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/dev/ports.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

const BIN = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));

test('an API to which nobody is connected ends when it is asked to', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const port = await freePort();
  const child = spawn(process.execPath, [BIN, 'api'], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: `${port}`,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      LOG_LEVEL: 'error',
    },
    stdio: 'inherit',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  await until('it to answer', () => child.exitCode !== null || answers(port), 60_000);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
}, 90_000);

/** Asks on a connection that ends with the answer. */
async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/healthz', agent: false });
    request.once('error', () => resolve(false));
    request.once('response', (response) => {
      response.resume().once('close', () => resolve(response.statusCode === 200));
    });
  });
}
