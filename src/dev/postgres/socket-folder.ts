import { chown, lstat, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerUser } from '../guarded-process.js';
import { writeWhole } from '../home.js';

/**
 * A short private folder for the server's Unix socket; null where there is none.
 *
 * A socket's path ends at 107 bytes (103 on macOS), which a data folder deep in a checkout exceeds. The folder is
 * remembered in the cluster's folder, so that a server that was killed leaves one behind and not one more each time.
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
  const owner = user?.uid ?? process.getuid?.();
  const old = remembered === '' ? null : await lstat(remembered).catch(() => null);
  if (old !== null && old.isDirectory() && old.uid === owner && (old.mode & 0o077) === 0) {
    return remembered;
  }
  try {
    const folder = await mkdtemp('/tmp/countersign-pg-'); // mode 0700
    if (user !== null) {
      await chown(folder, user.uid, user.gid);
    }
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
