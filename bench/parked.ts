import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { openDatabase } from '../src/store/database.js';
import { nowMs } from './support/clock.js';
import { concurrently } from './support/concurrently.js';
import { type Bench, Starts, untilEnded, voteAtOnce } from './support/measure.js';
import { rssBytes } from './support/proc.js';
import { runBench } from './support/run-bench.js';
import { openBare, openCountersign, park, type Side } from './support/sides.js';
import type { Stage } from './support/stage.js';
import { table } from './support/table.js';

// What parked gates weigh on disk and in the worker, and how fast they go on after its only worker was
// killed, beside a bare parent with a bare child. Linux only.

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, parked: { type: 'string' } },
});
const parked = Number(values.parked ?? (values.quick ? 100 : 1_000));
if (!Number.isInteger(parked) || parked < 4 || parked % 4 !== 0) {
  console.error(`bench: --parked is '${values.parked}': give a multiple of 4.`);
  process.exit(1);
}
const size = { parked, step: parked / 4, decided: values.quick ? 20 : 50 };
const LIMIT_MS = Math.max(20, parked / 50) * 60_000;
/** How many of the parked runs are let go on together: all of them would take longer than is waited for one. */
const ENDING_AT_ONCE = 250;
/** The limits that the bench rules on. */
const MAX_DISK_KB = 45;
const MAX_RESUME_RATIO = 1.5;

await runBench({ isTraced: false, isStock: false, limitMs: LIMIT_MS }, async (stage, say) => {
  const starts = new Starts();
  const bench = { starts, temporal: stage.temporal };
  starts.follow(await stage.startWorker());
  const sides = [await openCountersign(stage, 1), openBare('child', stage, 1)];
  for (const side of sides) {
    await voteAtOnce(bench, await park(side, 20)); // warm
  }
  const weights: Weight[] = [];
  for (const side of sides) {
    say(`parking ${size.parked} of ${side.name}`);
    weights.push(await weigh(stage, bench, side));
  }
  const resumes: number[] = [];
  for (const side of sides) {
    say(`killing the worker of ${side.name}`);
    resumes.push(await resumeMs(stage, bench, side));
  }
  const [ours = Number.NaN, bare = Number.NaN] = resumes;
  const diskKb = (weights[0]?.postgresKb ?? Number.NaN) + (weights[0]?.temporalKb ?? Number.NaN);
  console.log(
    table(
      ['', ...sides.map(({ name }) => name)],
      [
        ['PostgreSQL, KB a parked run', ...weights.map(({ postgresKb }) => postgresKb.toFixed(1))],
        ['Temporal, KB a parked run', ...weights.map(({ temporalKb }) => temporalKb.toFixed(1))],
        ...(weights[0]?.rssMb ?? []).map((_, index) => [
          `worker memory with ${(index + 1) * size.step} parked, MB`,
          ...weights.map(({ rssMb }) => (rssMb[index] ?? Number.NaN).toFixed(0)),
        ]),
        [
          `last of ${size.decided} goes on after SIGKILL, s`,
          ...resumes.map((ms) => (ms / 1_000).toFixed(1)),
        ],
      ],
    ),
  );
  console.log(`on disk: ${diskKb.toFixed(1)} KB a parked run, at most ${MAX_DISK_KB}`);
  console.log(
    `after SIGKILL: ${(ours / bare).toFixed(2)} of a bare worker, at most ${MAX_RESUME_RATIO}`,
  );
  return diskKb <= MAX_DISK_KB && ours / bare <= MAX_RESUME_RATIO;
});

type Weight = {
  readonly postgresKb: number;
  readonly temporalKb: number;
  readonly rssMb: readonly number[];
};

/** Parks runs in a fresh worker, and sees what grows; then lets them end. */
async function weigh(stage: Stage, bench: Bench, side: Side): Promise<Weight> {
  const worker = await stage.startWorker();
  bench.starts.follow(worker);
  const before = await onDisk(stage);
  const rssMb: number[] = [];
  const runs = [];
  for (let count = 0; count < size.parked; count += size.step) {
    runs.push(...(await park(side, size.step)));
    await onDisk(stage); // as often as autovacuum would: when a table has grown by a part
    rssMb.push((await rssBytes(worker.pid)) / 1_024 ** 2);
  }
  const after = await onDisk(stage);
  for (let from = 0; from < runs.length; from += ENDING_AT_ONCE) {
    await voteAtOnce(bench, runs.slice(from, from + ENDING_AT_ONCE));
  }
  return {
    postgresKb: (after.postgres - before.postgres) / 1_024 / size.parked,
    temporalKb: (after.temporal - before.temporal) / 1_024 / size.parked,
    rssMb,
  };
}

/**
 * The tables and indexes of PostgreSQL, and the files of the Temporal server, in bytes.
 *
 * A VACUUM comes first: rows that are gone, and pages that a table was given in advance, are not what a gate weighs.
 */
async function onDisk({
  databaseUrl,
  home,
}: Stage): Promise<{ postgres: number; temporal: number }> {
  const store = openDatabase(databaseUrl, { maxConnections: 1 });
  await sql`vacuum`.execute(store.db);
  const { rows } = await sql<{ bytes: string }>`
    select sum(pg_total_relation_size(oid)) as bytes from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace`.execute(store.db);
  await store.close();
  const folder = join(home, 'temporal');
  const names = (await readdir(folder)).filter((name) => name.startsWith('state.db'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return {
    postgres: Number(rows[0]?.bytes ?? Number.NaN),
    temporal: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** Kills the only worker, decides what it has parked, starts another one, and times the last run that goes on. */
async function resumeMs(stage: Stage, bench: Bench, side: Side): Promise<number> {
  const worker = await stage.startWorker();
  bench.starts.follow(worker);
  const runs = await park(side, size.decided);
  process.kill(worker.pid, 'SIGKILL');
  await worker.exited;
  await concurrently(
    16,
    runs.flatMap(({ votes }) => votes),
    (vote) => vote(),
  );
  const fromMs = nowMs();
  await stage.startWorker({ onTold: (told) => bench.starts.hear(told) });
  const startedAt = await Promise.all(runs.map(({ id }) => bench.starts.of(id)));
  await Promise.all(runs.map((run) => untilEnded(bench.temporal, run)));
  return Math.max(...startedAt) - fromMs;
}
