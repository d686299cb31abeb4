import { parseArgs } from 'node:util';
import type { BenchProcess } from './support/bench-process.js';
import { describeMachine, systemLoad } from './support/machine.js';
import { measureMemory, type MemoryPerRun } from './support/memory.js';
import { Starts, timeTurns } from './support/measure.js';
import type { Span } from './support/messages.js';
import { profile, showProfile } from './support/profile-report.js';
import { runBench } from './support/run-bench.js';
import { openBare, openCountersign } from './support/sides.js';

// Says what the time goes into that a gate of Countersign takes and a bare workflow does not. Linux only.

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const size = values.quick
  ? { warmUp: 5, turns: 15, parked: 50 }
  : { warmUp: 20, turns: 60, parked: 200 };
const LIMIT_MS = 15 * 60_000;
const loadBefore = systemLoad();

await runBench({ isTraced: true, isStock: false, limitMs: LIMIT_MS }, async (stage, say) => {
  const machine = await describeMachine(stage, loadBefore);
  const starts = new Starts();
  const bench = { starts, temporal: stage.temporal };
  const worker = await stage.startWorker();
  starts.follow(worker);
  const sides = [await openCountersign(stage, 1), openBare('child', stage, 1)];

  say('warming up');
  await timeTurns(bench, sides, size.warmUp);
  await takeSpans(stage.api, worker);

  say('one vote at a time, traced');
  const { countersign, child } = await timeTurns(bench, sides, size.turns);
  const spans = await takeSpans(stage.api, worker);

  say('parking, to see what cached gates weigh');
  const memory: MemoryPerRun[] = [];
  for (const side of sides) {
    memory.push(await measureMemory(stage, bench, side, size.parked));
  }
  const result = { machine, size, ...profile(countersign, child, spans), memory };
  console.log(values.json ? JSON.stringify(result, null, 2) : showProfile(result));
  return true;
});

async function takeSpans(...processes: readonly BenchProcess[]): Promise<readonly Span[]> {
  const told = await Promise.all(processes.map((one) => one.ask('spans')));
  return told.flatMap(({ spans }) => spans);
}
