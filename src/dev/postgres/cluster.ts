import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { spawnGuarded, type ServerUser } from '../guarded-process.js';
import { collectOutput } from '../process-output.js';
import { SetupError } from '../setup-error.js';
import { errorCode, errorText } from '../system-error.js';
import type { Binaries } from './binaries.js';

/** The superuser that `initdb` makes, and the application's database. */
export const DATABASE_USER = 'countersign';
export const DATABASE_NAME = 'countersign';

/** Commits reach the disk, or they do not and everything is faster: for tests that kill nothing. */
export type Durability = 'durable' | 'fast';

/**
 * A database cluster on disk: one folder that holds the server's data and, beside it, the password.
 *
 * Both are made in a sibling and appear under their name in one rename. `initdb` writes `PG_VERSION` first, so that a
 * folder in which it was killed would otherwise look like a database, start, and have none inside.
 */
export type Cluster = { readonly folder: string; readonly data: string; readonly password: string };

/** The cluster in a folder, or null when there is none yet. What is there but incomplete is set aside, never deleted. */
export async function findCluster(
  folder: string,
  say: (line: string) => void,
): Promise<Cluster | null> {
  try {
    const password = (await readFile(passwordFile(folder), 'utf8')).trim();
    await readFile(join(dataFolder(folder), 'PG_VERSION'));
    return { folder, data: dataFolder(folder), password };
  } catch (error) {
    if (errorCode(error) === 'EACCES') {
      throw new SetupError(
        `The database in ${folder} belongs to another user: start as the user who made it, or set COUNTERSIGN_HOME to a new folder.`,
        { cause: error },
      );
    }
  }
  if ((await readdir(folder).catch(() => [])).length > 0) {
    const aside = `${folder}.incomplete-${Date.now()}`;
    await rename(folder, aside);
    say(`The database in ${folder} was incomplete and has been set aside as ${aside}`);
  }
  return null;
}

/** The major version that made a cluster. */
export async function clusterMajor({ data }: Cluster): Promise<number> {
  return Number.parseInt(await readFile(join(data, 'PG_VERSION'), 'utf8'), 10);
}

/** Makes a cluster whose only way in is a random password. */
export async function createCluster(
  folder: string,
  binaries: Binaries,
  user: ServerUser | null,
  durability: Durability,
): Promise<Cluster> {
  await removeDrafts(folder);
  const draft = await mkdtemp(draftPrefix(folder));
  const password = randomBytes(24).toString('base64url');
  try {
    // The server's user passes through this folder on the way to its data.
    await chmod(draft, user === null ? 0o700 : 0o711);
    await mkdir(dataFolder(draft), { mode: 0o700 });
    await writeFile(passwordFile(draft), `${password}\n`, { mode: 0o600, flush: true });
    if (user !== null) {
      await giveTo(user, [dataFolder(draft), passwordFile(draft)]);
    }
    await initialise(draft, binaries, user, durability);
    if (user !== null) {
      await chown(passwordFile(draft), process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    }
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
  return { folder, data: dataFolder(folder), password };
}

async function initialise(
  draft: string,
  binaries: Binaries,
  user: ServerUser | null,
  durability: Durability,
): Promise<void> {
  // Sorting is the same on every machine. The built-in provider needs nothing of the OS and came with version 17.
  const locale =
    binaries.major >= 17
      ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
      : ['--locale=C.UTF-8'];
  const child = await spawnGuarded({
    file: join(binaries.bin, process.platform === 'win32' ? 'initdb.exe' : 'initdb'),
    args: [
      `--pgdata=${dataFolder(draft)}`,
      `--username=${DATABASE_USER}`,
      `--pwfile=${passwordFile(draft)}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      ...locale,
      ...(durability === 'fast' ? ['--no-sync'] : []),
    ],
    cwd: dataFolder(draft), // the inherited one may be closed to that user
    env: serverEnvironment(),
    user,
    deathSignal: 'KILL',
  });
  const { code, output } = await collectOutput(child);
  if (code !== 0) {
    throw new SetupError(
      `PostgreSQL could not create its database in ${dirname(draft)}: see the lines below, or set DATABASE_URL to a PostgreSQL server.`,
      { details: output.trim().split('\n').slice(-10) },
    );
  }
}

/** Our environment without what would redirect a server: PGPORT, PGDATA and the like. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', TZ: 'UTC' };
}

async function giveTo(user: ServerUser, paths: readonly string[]): Promise<void> {
  try {
    await Promise.all(paths.map((path) => chown(path, user.uid, user.gid)));
  } catch (error) {
    throw new SetupError(
      `Cannot give files to the user ${user.uid} that PostgreSQL runs as (${errorText(error)}): start as an ordinary user, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

/** What earlier attempts left behind when they were killed. */
async function removeDrafts(folder: string): Promise<void> {
  const prefix = basename(draftPrefix(folder));
  const parent = dirname(folder);
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) {
      await rm(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
    }
  }
}

function draftPrefix(folder: string): string {
  return `${folder}.new-`;
}

function dataFolder(folder: string): string {
  return join(folder, 'data');
}

function passwordFile(folder: string): string {
  return join(folder, 'password');
}
