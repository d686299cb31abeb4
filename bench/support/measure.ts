import type { Client as TemporalClient } from '@temporalio/client';
import { settlesWithin } from '../../src/dev/wait.js';
import type { BenchProcess } from './bench-process.js';
import { nowMs } from './clock.js';
import { concurrently } from './concurrently.js';
import { type ParkedRun, type Side, untilWaiting } from './sides.js';

const END_MS = 60_000;

/** How many votes are on their way at a time when all are cast at once. */
export const BURST_CONCURRENCY = 16;

/** What measuring needs: who tells of downstream steps, and where runs are seen to end. */
export type Bench = { readonly starts: Starts; readonly temporal: TemporalClient };

/** When the downstream step of each run has begun, as the worker tells it. */
export class Starts {
  readonly #times = new Map<string, number>();
  readonly #waiting = new Map<string, (atMs: number) => void>();

  /** Takes in what a worker process tells. */
  follow(worker: BenchProcess): void {
    worker.onTold((told) => {
      if (told.kind === 'started') {
        this.#times.set(told.runId, told.atMs);
        this.#waiting.get(told.runId)?.(told.atMs);
      }
    });
  }

  /** When a run's downstream step has begun; waits for it. */
  async of(runId: string): Promise<number> {
    const started = new Promise<number>((resolve) => {
      const known = this.#times.get(runId);
      if (known === undefined) {
        this.#waiting.set(runId, resolve);
      } else {
        resolve(known);
      }
    });
    if (!(await settlesWithin(started, END_MS))) {
      throw new Error(`the downstream step of ${runId} did not begin in ${END_MS / 1_000} seconds`);
    }
    return await started;
  }
}

/** One vote on a gate that nothing else happens beside. */
export type Timing = {
  readonly run: ParkedRun;
  readonly votedAtMs: number;
  /** From the call that casts the last vote to the first line of the downstream step. */
  readonly downstreamMs: number;
  /** From the same call to its answer. */
  readonly answeredMs: number;
};

/** Parks as many runs of each side, and times them in turns: one at a time, each pair in the other order. */
export async function timePairs(
  bench: Bench,
  sides: readonly Side[],
  count: number,
): Promise<readonly (readonly Timing[])[]> {
  const timings: Timing[][] = sides.map(() => []);
  const parked: (readonly ParkedRun[])[] = [];
  for (const side of sides) {
    parked.push(await side.park(count));
  }
  await Promise.all(
    parked.flat().map(async ({ id, votes }) => {
      for (const vote of votes.slice(0, -1)) {
        await vote();
      }
      await untilWaiting(bench.temporal, id);
    }),
  );
  for (let turn = 0; turn < count; turn += 1) {
    const order = [...sides.keys()];
    for (const side of turn % 2 === 0 ? order : order.toReversed()) {
      const run = parked[side]?.[turn];
      if (run !== undefined) {
        timings[side]?.push(await timeOne(bench, run));
      }
    }
  }
  return timings;
}

async function timeOne({ starts, temporal }: Bench, run: ParkedRun): Promise<Timing> {
  const last = run.votes.at(-1);
  if (last === undefined) {
    throw new Error(`run ${run.id} needs no vote`);
  }
  const votedAtMs = nowMs();
  const answered = last().then(() => nowMs());
  const [answeredAt, startedAt] = await Promise.all([answered, starts.of(run.id)]);
  await untilEnded(temporal, run);
  return {
    run,
    votedAtMs,
    downstreamMs: startedAt - votedAtMs,
    answeredMs: answeredAt - votedAtMs,
  };
}

/**
 * Parks runs and casts all their votes at once; resolves when they have ended.
 *
 * @param onParked runs before the first vote
 */
export async function burst(
  { starts, temporal }: Bench,
  side: Side,
  count: number,
  onParked: () => Promise<void> = async () => {},
): Promise<{ readonly gatesPerSecond: number }> {
  const runs = await side.park(count);
  await onParked();
  const votes = runs.flatMap((run) => run.votes);
  const fromMs = nowMs();
  await concurrently(BURST_CONCURRENCY, votes, (vote) => vote());
  const startedAt = await Promise.all(runs.map(({ id }) => starts.of(id)));
  await Promise.all(runs.map((run) => untilEnded(temporal, run)));
  return { gatesPerSecond: (count * 1_000) / (Math.max(...startedAt) - fromMs) };
}

/** Waits until a run's workflow has ended. */
export async function untilEnded(temporal: TemporalClient, { id }: ParkedRun): Promise<void> {
  const ended = temporal.workflow.getHandle(id).result();
  if (!(await settlesWithin(ended, END_MS))) {
    throw new Error(`run ${id} did not end in ${END_MS / 1_000} seconds`);
  }
  await ended;
}
