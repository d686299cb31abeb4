import { readdir, readFile } from 'node:fs/promises';

// What Linux tells of processes under /proc.

/** The kernel's unit for times of processes (USER_HZ), the same on every platform that Node runs on. */
const TICK_MS = 10;

/** How many milliseconds of CPU a process and its children, present and past, have used so far. */
export async function cpuMs(pid: number): Promise<number> {
  let ticks = 0;
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readStat(name) : null;
    if (stat !== null && Number(name) === pid) {
      ticks += stat.ticks + stat.ticksOfEndedChildren;
    } else if (stat?.parent === pid) {
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

type Stat = {
  readonly parent: number;
  readonly ticks: number;
  readonly ticksOfEndedChildren: number;
};

async function readStat(pid: string): Promise<Stat | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null); // it may have ended
  if (text === null) {
    return null;
  }
  // The name comes second, in parentheses, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15).map(Number);
  return {
    parent: Number(fields[1]),
    ticks: (user ?? 0) + (system ?? 0),
    ticksOfEndedChildren: (childrenUser ?? 0) + (childrenSystem ?? 0),
  };
}
