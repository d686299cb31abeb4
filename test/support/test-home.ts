import { chmod, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireLock } from '../../src/dev/lock-file.js';

const PREFIX = 'countersign-test-';
const FRESH_MS = 10 * 60_000;

/** A home folder that lasts as long as a test. */
export type TestHome = { readonly path: string; remove(): Promise<void> };

/** Makes a home folder under the system's temporary one. It is ours until we remove it or die. */
export async function testHome(purpose: string): Promise<TestHome> {
  const path = await mkdtemp(join(tmpdir(), `${PREFIX}${purpose}-`));
  await chmod(path, 0o711); // under root PostgreSQL runs as another user
  const lock = await acquireLock(lockFile(path));
  return {
    path,
    remove: async () => {
      if (lock.held) {
        await lock.release();
      }
      await removeHome(path);
    },
  };
}

/** Removes the homes of test runs that were killed. */
export async function sweepTestHomes(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const path = join(tmpdir(), name);
    if (name.startsWith(PREFIX) && (await isAbandoned(path))) {
      await removeHome(path);
    }
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const changed = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  if (Date.now() - changed < FRESH_MS) {
    return false; // its owner may be about to lock it
  }
  const lock = await acquireLock(lockFile(path));
  return lock.held && (await lock.release().then(() => true));
}

async function removeHome(path: string): Promise<void> {
  const socketFolder = await readFile(join(path, 'postgres', 'socket-folder'), 'utf8').catch(
    () => '',
  );
  if (socketFolder.startsWith('/tmp/countersign-pg-')) {
    await rm(socketFolder.trim(), { recursive: true, force: true });
  }
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
}

function lockFile(path: string): string {
  return join(path, 'test-run');
}
