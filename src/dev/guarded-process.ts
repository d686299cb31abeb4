import { execFile, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An operating system user to run a program as; only root may ask for another one. */
export type ServerUser = { readonly uid: number; readonly gid: number };

export type GuardedCommand = {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly user?: ServerUser | null;
  /** What the program gets when this process dies, by whatever means (Linux only); null: nothing. */
  readonly deathSignal: 'INT' | 'TERM' | 'KILL' | null;
  readonly stdio?: StdioOptions;
};

/**
 * Spawns a program that dies with us, and that Ctrl-C in our terminal does not reach.
 *
 * 1. It has a process group of its own: the terminal signals whole groups, and the database would go while the API
 *    still drains.
 * 2. On Linux the kernel signals it when we die, SIGKILL included. Elsewhere a caller needs another way.
 */
export async function spawnGuarded(command: GuardedCommand): Promise<ChildProcess> {
  const { file, args, stdio = ['ignore', 'pipe', 'pipe'] } = command;
  const options = {
    cwd: command.cwd,
    env: command.env,
    stdio,
    detached: process.platform !== 'win32',
    windowsHide: true,
  };
  const user = command.user ?? null;
  const setpriv = await findSetpriv();
  if (setpriv === null) {
    return spawn(file, args, user === null ? options : { ...options, ...user });
  }
  const identity =
    user === null ? [] : ['--reuid', `${user.uid}`, '--regid', `${user.gid}`, '--clear-groups'];
  const death = command.deathSignal === null ? [] : ['--pdeathsig', command.deathSignal];
  const guard = [...death, ...identity, '--', file, ...args];
  return spawn(setpriv, guard, options);
}

/** Whether the kernel ends our children when we die; if not, they must notice it themselves. */
export async function kernelEndsChildren(): Promise<boolean> {
  return (await findSetpriv()) !== null;
}

let setprivSearch: Promise<string | null> | undefined;

/** util-linux's `setpriv`; BusyBox has one too, which knows no `--pdeathsig`. */
function findSetpriv(): Promise<string | null> {
  setprivSearch ??= (async () => {
    const path = process.platform === 'linux' ? findOnPath('setpriv') : null;
    if (path === null) {
      return null;
    }
    return await run(path, ['--pdeathsig', 'KILL', '--', path, '--version']).then(
      () => path,
      () => null,
    );
  })();
  return setprivSearch;
}

/** The first executable file of that name on the PATH. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv = process.env): string | null {
  const names = process.platform === 'win32' ? [`${name}.exe`, name] : [name];
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    for (const candidate of names.map((each) => join(folder, each))) {
      if (folder !== '' && isExecutable(candidate)) {
        return candidate;
      }
    }
  }
  return null;
}

/** Whether a path is a file that we may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
