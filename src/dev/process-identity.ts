import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errorCode } from './system-error.js';

const run = promisify(execFile);

/**
 * A string that tells a living process from any other that ever had its pid, or null when none lives there.
 *
 * It is the moment at which the process started. A zombie counts as gone: in a container without an init nobody
 * collects it, and `kill(pid, 0)` would go on answering for it.
 */
export async function processIdentity(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    // proc(5): the name in field 2 may hold blanks and brackets, so fields are counted from its end: 3 state, 22 start.
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    const [state, ...rest] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
    return state === undefined || state === 'Z' || state === 'X' ? null : (rest[18] ?? null);
  }
  if (!answersSignals(pid)) {
    return null;
  }
  if (process.platform === 'win32') {
    return 'alive';
  }
  const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  const [, state, start] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(stdout) ?? [];
  return state === undefined || state.startsWith('Z') ? null : (start ?? null);
}

/** The command line of a living process, arguments separated by blanks, or null when it cannot be known. */
export async function commandLine(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return raw === '' ? null : raw.split('\0').join(' ').trim();
  }
  if (process.platform === 'win32') {
    return null;
  }
  const { stdout } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() === '' ? null : stdout.trim();
}

/** Sends a signal, and takes it as delivered when the process has just gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') {
      throw error;
    }
  }
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM'; // somebody else's, so alive
  }
}
