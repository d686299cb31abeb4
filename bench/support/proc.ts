import { readdir, readFile } from 'node:fs/promises';

// What Linux tells of processes under /proc.

/** The kernel's unit for times of processes (USER_HZ), the same on every platform that Node runs on. */
const TICK_MS = 10;

/** How many milliseconds of CPU a process and its present children have used so far. */
export async function cpuMs(pid: number): Promise<number> {
  let ticks = 0;
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readStat(name) : null;
    if (stat !== null && (Number(name) === pid || stat.parent === pid)) {
      ticks += stat.ticks;
    }
  }
  return ticks * TICK_MS;
}

/** How much memory of a process is resident, in bytes. */
export async function rssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

async function readStat(pid: string): Promise<{ parent: number; ticks: number } | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null); // it may have ended
  if (text === null) {
    return null;
  }
  // The name comes second, in parentheses, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}
