import { chmod, mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { acquireLock } from './lock-file.js';
import { SetupError } from './setup-error.js';
import { errorCode, errorText } from './system-error.js';

const DEFAULT_HOME = '.countersign';

/**
 * The folder in which the local stack keeps its state between two starts.
 *
 * Secrets in it are files of mode 0600. The folder itself can be entered, not listed, by others when we run as root,
 * because PostgreSQL then runs as another user and has its data in here.
 */
export type Home = {
  readonly path: string;
  /** Where server logs go. */
  readonly logs: string;
  /** Where the token of the bootstrapped admin is written, mode 0600. */
  readonly adminToken: string;
  /** A path in this folder; nothing is created. */
  file(...names: string[]): string;
  /** The port that a server had last time, so that addresses survive a restart. */
  rememberedPort(name: string): Promise<number | null>;
  rememberPort(name: string, port: number): Promise<void>;
};

/** The home folder that the environment asks for, as an absolute path. */
export function homePath(env: NodeJS.ProcessEnv = process.env, cwd = process.cwd()): string {
  const configured = env['COUNTERSIGN_HOME'];
  return resolve(cwd, configured === undefined || configured === '' ? DEFAULT_HOME : configured);
}

/** Where the admin token of a home is, for a program that reads it and starts nothing. */
export function adminTokenPath(home: string): string {
  return join(home, 'admin-token');
}

/** Opens a home folder, and makes it if it is not there. */
export async function openHome(path: string): Promise<Home> {
  const home = resolve(path);
  const logs = join(home, 'logs');
  const ports = join(home, 'ports');
  try {
    await makeFolder(dirname(home)); // folders on the way are not ours to close
    await makeFolder(home, 0o700);
    if (process.getuid?.() === 0 && (await readdir(home)).length === 0) {
      await chmod(home, 0o711);
    }
    await mkdir(logs, { recursive: true, mode: 0o700 });
    await mkdir(ports, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SetupError(
      `Cannot use ${home} as the home folder (${errorText(error)}): set COUNTERSIGN_HOME to a folder that you may write to.`,
      { cause: error },
    );
  }
  return {
    path: home,
    logs,
    adminToken: adminTokenPath(home),
    file: (...names) => join(home, ...names),
    rememberedPort: async (name) => {
      const port = Number(await readFile(join(ports, name), 'utf8').catch(() => ''));
      return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
    },
    rememberPort: async (name, port) => {
      await writeWhole(join(ports, name), `${port}\n`);
    },
  };
}

/**
 * Makes a folder and those on the way to it; one that is there stays as it is.
 *
 * Not by `recursive`: where a folder cannot hold others (`/proc`), Node tries for ever.
 */
async function makeFolder(path: string, mode?: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolder(dirname(path));
      await mkdir(path, mode);
    } else if (code !== 'EEXIST' || !(await isFolder(path))) {
      throw error;
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  const about = await stat(path).catch(() => null);
  return about?.isDirectory() === true;
}

/**
 * Makes this process the only one that runs a stack on this home.
 *
 * A lock that was left behind by a process that is gone is taken over without a word.
 */
export async function lockHome(home: Home): Promise<{ release(): Promise<void> }> {
  const lock = await acquireLock(home.file('lock'));
  if (!lock.held) {
    throw new SetupError(
      `Countersign is already running on ${home.path} (process ${lock.holder}): stop it first, or set COUNTERSIGN_HOME to another folder.`,
    );
  }
  return lock;
}

/** Replaces a file in one step, so that a reader or a crash never meets half of it. */
export async function writeWhole(path: string, content: string, mode = 0o600): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, content, { mode });
  await rename(draft, path);
}
