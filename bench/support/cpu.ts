import type { BenchProcess } from './bench-process.js';
import { type Bench, burst } from './measure.js';
import { cpuMs } from './proc.js';
import type { Side, SideName } from './sides.js';
import type { Stage } from './stage.js';

/** How many milliseconds of CPU each process spent on a gate, from its vote to the end of its run. */
export type CpuPerGate = {
  readonly side: SideName;
  readonly gatesPerSecond: number;
  readonly msOf: Readonly<Record<'api' | 'worker' | 'postgres' | 'temporal' | 'client', number>>;
};

/** Parks runs, casts all their votes at once, and sees what CPU that took until they have ended. */
export async function measureCpu(
  stage: Stage,
  worker: BenchProcess,
  bench: Bench,
  side: Side,
  count: number,
): Promise<CpuPerGate> {
  const { postgres, temporal } = stage.servers;
  const pids = [stage.api.pid, worker.pid, postgres.pid, temporal.pid, process.pid];
  const read = (): Promise<readonly number[]> => Promise.all(pids.map(cpuOf));
  let before: readonly number[] = [];
  const { gatesPerSecond } = await burst(bench, side, count, async () => {
    before = await read();
  });
  const after = await read();
  const [api = 0, work = 0, store = 0, server = 0, client = 0] = after.map(
    (total, index) => (total - (before[index] ?? 0)) / count,
  );
  const msOf = { api, worker: work, postgres: store, temporal: server, client };
  return { side: side.name, gatesPerSecond, msOf };
}

/** Our own children are the other processes here. */
async function cpuOf(pid: number): Promise<number> {
  if (pid !== process.pid) {
    return await cpuMs(pid);
  }
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
