import type { Client as TemporalClient } from '@temporalio/client';
import { pause, settlesWithin } from '../../src/dev/wait.js';
import type { BenchProcess } from './bench-process.js';
import { nowMs } from './clock.js';
import type { Told } from './messages.js';
import { concurrently } from './concurrently.js';
import { type BySide, bySide, park, type ParkedRun, type Side, untilWaiting } from './sides.js';
import { orderOf } from './turns.js';

const END_MS = 60_000;
/** After a run has ended, what is left of it may not disturb the next one: messages to settle, workflows to close. */
const REST_MS = 20;

/** How many votes are on their way at a time when all are cast at once. */
const BURST_CONCURRENCY = 16;

/** What measuring needs: who tells of downstream steps, and where runs are seen to end. */
export type Bench = { readonly starts: Starts; readonly temporal: TemporalClient };

/** When the downstream step of each run has begun, as the worker tells it. */
export class Starts {
  readonly #times = new Map<string, number>();
  readonly #waiting = new Map<string, (atMs: number) => void>();

  /** Takes in what a worker process tells. */
  follow(worker: BenchProcess): void {
    worker.onTold((told) => this.hear(told));
  }

  /** Takes in one thing that a worker process tells. */
  hear(told: Told): void {
    if (told.kind === 'started') {
      this.#times.set(told.runId, told.atMs);
      this.#waiting.get(told.runId)?.(told.atMs);
    }
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

/**
 * Parks as many runs of each side, and times them one at a time, in turns.
 *
 * @param onTurn runs before each turn
 */
export async function timeTurns(
  bench: Bench,
  sides: readonly Side[],
  count: number,
  onTurn: () => Promise<void> = async () => {},
): Promise<BySide<readonly Timing[]>> {
  const timings = bySide((): Timing[] => []);
  const parked = bySide((): readonly ParkedRun[] => []);
  for (const side of sides) {
    parked[side.name] = await park(side, count);
  }
  await Promise.all(
    Object.values(parked)
      .flat()
      .map(async ({ id, gateId, votes }) => {
        for (const vote of votes.slice(0, -1)) {
          await vote();
        }
        await untilWaiting(bench.temporal, id, gateId !== null);
      }),
  );
  for (let turn = 0; turn < count; turn += 1) {
    await onTurn();
    for (const { name } of orderOf(sides, turn)) {
      const run = parked[name][turn];
      if (run !== undefined) {
        timings[name].push(await timeOne(bench, run));
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
  await pause(REST_MS);
  return {
    run,
    votedAtMs,
    downstreamMs: startedAt - votedAtMs,
    answeredMs: answeredAt - votedAtMs,
  };
}

/** Parks runs and casts all their votes at once; resolves with the gates per second when they have ended. */
export async function burst(bench: Bench, side: Side, count: number): Promise<number> {
  const runs = await park(side, count);
  const fromMs = nowMs();
  const startedAt = await voteAtOnce(bench, runs);
  return (count * 1_000) / (Math.max(...startedAt) - fromMs);
}

/** Casts all votes at once, and resolves when the runs have ended, with the times at which they went on. */
export async function voteAtOnce(
  { starts, temporal }: Bench,
  runs: readonly ParkedRun[],
): Promise<readonly number[]> {
  const votes = runs.flatMap((run) => run.votes);
  await concurrently(BURST_CONCURRENCY, votes, (vote) => vote());
  const startedAt = await Promise.all(runs.map(({ id }) => starts.of(id)));
  await Promise.all(runs.map((run) => untilEnded(temporal, run)));
  return startedAt;
}

/** Waits until a run's workflow has ended. */
export async function untilEnded(temporal: TemporalClient, { id }: ParkedRun): Promise<void> {
  const ended = temporal.workflow.getHandle(id).result();
  if (!(await settlesWithin(ended, END_MS))) {
    throw new Error(`run ${id} did not end in ${END_MS / 1_000} seconds`);
  }
  await ended;
}
