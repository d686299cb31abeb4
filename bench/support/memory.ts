import { type Bench, burst, voteAtOnce } from './measure.js';
import { rssBytes } from './proc.js';
import { park, type Side, type SideName } from './sides.js';
import type { Stage } from './stage.js';

/** By how much the worker's resident memory grew for each parked run: its own workflow and its gate's. */
export type MemoryPerRun = {
  readonly side: SideName;
  readonly parked: number;
  readonly kbPerRun: number;
};

const WARM_UP = 20;

/** Parks runs in a fresh worker, all of which fit its cache, and sees how it grows; then lets them end. */
export async function measureMemory(
  stage: Stage,
  bench: Bench,
  side: Side,
  parked: number,
): Promise<MemoryPerRun> {
  const worker = await stage.startWorker({ isTraced: false });
  bench.starts.follow(worker);
  await burst(bench, side, WARM_UP);
  const before = await rssBytes(worker.pid);
  const runs = await park(side, parked);
  const after = await rssBytes(worker.pid);
  await voteAtOnce(bench, runs);
  return { side: side.name, parked, kbPerRun: (after - before) / 1_024 / parked };
}
