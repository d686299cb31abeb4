import { chown, lstat, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerUser } from '../guarded-process.js';
import { writeWhole } from '../home.js';

/**
 * A short private folder for the server's Unix socket; null where there is none.
 *
 * A socket's path ends at 107 bytes (103 on macOS), which a data folder deep in a checkout exceeds. The path is
 * remembered in the cluster's folder and used again: clients that know it find the restarted server, and a server that
 * was killed leaves one folder behind and not one more each time.
 */
export async function openSocketFolder(
  clusterFolder: string,
  user: ServerUser | null,
): Promise<string | null> {
  if (process.platform === 'win32') {
    return null;
  }
  const pointer = join(clusterFolder, 'socket-folder');
  const remembered = (await readFile(pointer, 'utf8').catch(() => '')).trim();
  if (remembered !== '' && (await makePrivate(remembered, user))) {
    return remembered;
  }
  try {
    const folder = await mkdtemp('/tmp/countersign-pg-');
    await giveTo(user, folder);
    await writeWhole(pointer, `${folder}\n`);
    return folder;
  } catch {
    return null; // TCP alone serves as well
  }
}

/** Removes the folder after the server has ended. */
export async function closeSocketFolder(folder: string | null): Promise<void> {
  if (folder !== null) {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes a folder at this very path, or finds that it is there and nobody else's. */
async function makePrivate(path: string, user: ServerUser | null): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    await giveTo(user, path);
    return true;
  } catch {
    const found = await lstat(path).catch(() => null);
    const owner = user?.uid ?? process.getuid?.();
    return found?.isDirectory() === true && found.uid === owner && (found.mode & 0o077) === 0;
  }
}

async function giveTo(user: ServerUser | null, path: string): Promise<void> {
  if (user !== null) {
    await chown(path, user.uid, user.gid);
  }
}
