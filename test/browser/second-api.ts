import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort } from '../../src/dev/ports.js';
import { until } from '../support/until.js';
import type { Site } from './browser.js';

const BIN = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));

/** An API process of its own, on the servers of the stack that all browser tests share. */
export type SecondApi = Site & { stop(): Promise<void> };

/** Starts `countersign api` with settings that the shared one does not have. */
export async function startSecondApi(
  settingsOf: (url: string) => Readonly<Record<string, string>>,
): Promise<SecondApi> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const databaseUrl = inject('databaseUrl');
  const child = await spawnGuarded({
    file: process.execPath,
    args: [BIN, 'api'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: `${port}`,
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      LOG_LEVEL: 'error',
      ...settingsOf(url),
    },
    deathSignal: 'KILL',
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  try {
    await until('the second API to be ready', async () => {
      if (child.exitCode !== null) {
        throw new Error('the second API ended before it was ready: see what it printed above');
      }
      return await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, databaseUrl, stop };
}
