import { pause } from '../../src/dev/wait.js';
import type { BenchProcess } from './bench-process.js';
import { concurrently } from './concurrently.js';
import { type Bench, voteAtOnce } from './measure.js';
import { nowMs } from './clock.js';
import { cpuMs } from './proc.js';
import { type Side, untilWaiting } from './sides.js';
import type { Stage } from './stage.js';

/** The processes that a run is at work in. */
const PARTS = ['api', 'worker', 'postgresql', 'temporal'] as const;

/** How many milliseconds of CPU a run took from its start to its end, by process and in all. */
export type CpuPerRun = Readonly<Record<(typeof PARTS)[number] | 'sum', number>>;

const IDLE_MS = 2_000;
/** Time for runs to park before they are asked about, and for what is left to do after their end. */
const REST_MS = 1_000;
const ASKED_AT_A_TIME = 4;

/**
 * Starts runs, casts all their votes once they are parked, and sees what CPU that took until they have ended.
 *
 * Not counted: what the processes use when nothing happens, or those that a side has no part in; what this process
 * uses (it stands for an application on either side); finding the reviews to vote on. Counted on either side: asking
 * Temporal whether runs wait or have ended, which is a few calls a run.
 */
export async function measureCpu(
  stage: Stage,
  worker: BenchProcess,
  bench: Bench,
  side: Side,
  count: number,
): Promise<CpuPerRun> {
  const { postgres, temporal } = stage.servers;
  const meter = await openMeter([stage.api.pid, worker.pid, postgres.pid, temporal.pid]);
  let ids: readonly string[] = [];
  const starting = await meter.during(async () => {
    ids = await side.start(count);
    await pause(REST_MS);
    await concurrently(ASKED_AT_A_TIME, ids, (id) =>
      untilWaiting(bench.temporal, id, side.hasGate),
    );
  });
  const runs = await side.parked(ids);
  const ending = await meter.during(async () => {
    await voteAtOnce(bench, runs);
    await pause(REST_MS);
  });
  const [api = 0, work = 0, postgresql = 0, server = 0] = starting.map(
    (used, part) => (used + (ending[part] ?? 0)) / count,
  );
  const ofStore = side.hasStore ? { api, postgresql } : { api: 0, postgresql: 0 };
  const sum = ofStore.api + work + ofStore.postgresql + server;
  return { ...ofStore, worker: work, temporal: server, sum };
}

type Meter = {
  /** What each process uses while something is done, beyond what it uses when nothing happens. */
  during(work: () => Promise<void>): Promise<readonly number[]>;
};

async function openMeter(pids: readonly number[]): Promise<Meter> {
  const used = async (work: () => Promise<void>) => {
    const fromMs = nowMs();
    const before = await Promise.all(pids.map(cpuMs));
    await work();
    const after = await Promise.all(pids.map(cpuMs));
    const tookMs = nowMs() - fromMs;
    return { tookMs, cpu: after.map((total, at) => total - (before[at] ?? 0)) };
  };
  const idle = await used(() => pause(IDLE_MS));
  const idleRates = idle.cpu.map((ms) => ms / idle.tookMs);
  return {
    during: async (work) => {
      const { tookMs, cpu } = await used(work);
      return cpu.map((ms, at) => ms - tookMs * (idleRates[at] ?? 0));
    },
  };
}
