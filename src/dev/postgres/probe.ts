import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { spawnGuarded, type ServerUser } from '../guarded-process.js';
import { collectOutput } from '../process-output.js';

/**
 * What a server's binaries answer when a user runs them.
 *
 * - `closed`: that user cannot read them, or a library of theirs is missing; a copy elsewhere helps.
 * - `libc`: they are made for another C library; nothing helps.
 */
export type Probe =
  | { readonly major: number }
  | { readonly problem: 'closed' | 'libc' | 'broken'; readonly detail: string };

/** Runs `postgres --version` as the user who will run the server: the only check that misses nothing. */
export async function probeVersion(bin: string, user: ServerUser | null): Promise<Probe> {
  const file = join(bin, process.platform === 'win32' ? 'postgres.exe' : 'postgres');
  const child = await spawnGuarded({
    file,
    args: ['--version'],
    cwd: '/',
    user,
    deathSignal: 'KILL',
  });
  const { code, output } = await collectOutput(child);
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(output) ?? [];
  if (code === 0 && major !== undefined) {
    return { major: Number(major) };
  }
  const detail = output.trim().split('\n').at(-1) ?? '';
  if (/permission denied|EACCES|error while loading shared libraries/i.test(output)) {
    return { problem: 'closed', detail };
  }
  // The file is there and the system says that it is not: what it misses is the loader named in it (musl).
  const noLoader = /no such file or directory|ENOENT/i.test(output) && existsSync(file);
  return {
    problem: noLoader || /GLIBC_|symbol not found/.test(output) ? 'libc' : 'broken',
    detail,
  };
}
