import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { spawnGuarded, type ServerUser } from '../guarded-process.js';
import { SetupError } from '../setup-error.js';

const run = promisify(execFile);

/**
 * The user that PostgreSQL runs as when we are root, which it refuses to be; null when we are somebody else.
 *
 * A database that is there already keeps its owner, so that installing a `postgres` user later changes nothing.
 */
export async function serverUser(dataFolder: string): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) {
    return null;
  }
  const owner = await stat(dataFolder).catch(() => null);
  if (owner !== null && owner.uid !== 0) {
    return { uid: owner.uid, gid: owner.gid };
  }
  const user = (await lookUp('nobody')) ?? (await lookUp('postgres'));
  if (user === null) {
    throw new SetupError(
      'PostgreSQL does not run as root, and this machine has neither a user "nobody" nor "postgres": start as an ordinary user, or set DATABASE_URL.',
    );
  }
  return user;
}

/** Whether a user can pass through a folder, asked of the system itself: modes alone do not tell. */
export async function canEnter(user: ServerUser | null, folder: string): Promise<boolean> {
  if (user === null) {
    return true;
  }
  const child = await spawnGuarded({
    file: '/bin/sh',
    args: ['-c', 'cd -- "$0"', folder],
    cwd: '/',
    user,
    deathSignal: 'KILL',
    stdio: 'ignore',
  });
  return await new Promise<boolean>((resolve) => {
    child.once('error', () => {
      resolve(false);
    });
    child.once('exit', (code) => {
      resolve(code === 0);
    });
  });
}

async function lookUp(name: string): Promise<ServerUser | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}
