import { parseArgs } from 'node:util';
import type { BenchProcess } from './support/bench-process.js';
import { type CpuPerGate, measureCpu } from './support/cpu.js';
import { describeMachine, systemLoad } from './support/machine.js';
import { measureMemory } from './support/memory.js';
import { burst, Starts, timePairs } from './support/measure.js';
import type { Span } from './support/messages.js';
import { profile, showProfile } from './support/profile-report.js';
import { runBench } from './support/run-bench.js';
import { openBare, openCountersign } from './support/sides.js';

// Says what the time goes into that a gate of Countersign takes and a bare workflow does not. Linux only.

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const SIZE = { warmUp: 20, pairs: 60, runsInBurst: 100, bursts: 2, parked: 200 };
const LIMIT_MS = 15 * 60_000;
const loadBefore = systemLoad();

await runBench({ isTraced: true, isThrottled: false, limitMs: LIMIT_MS }, async (stage, say) => {
  const machine = await describeMachine(stage, loadBefore);
  const starts = new Starts();
  const bench = { starts, temporal: stage.temporal };
  const worker = await stage.startWorker();
  starts.follow(worker);
  const sides = [await openCountersign(stage, 1), openBare(stage, 1)];

  say('warming up');
  await timePairs(bench, sides, SIZE.warmUp);
  await takeSpans(stage.api, worker);

  say('one vote at a time, traced');
  const [ours = [], theirs = []] = await timePairs(bench, sides, SIZE.pairs);
  const spans = await takeSpans(stage.api, worker);

  say('all at once');
  const untraced = await stage.startWorker({ isTraced: false });
  starts.follow(untraced);
  for (const side of sides) {
    await burst(bench, side, SIZE.warmUp);
  }
  const cpu: CpuPerGate[] = [];
  for (const side of Array.from({ length: SIZE.bursts }, () => sides).flat()) {
    cpu.push(await measureCpu(stage, untraced, bench, side, SIZE.runsInBurst));
  }

  say('parking, to see what cached gates weigh');
  const memory: Awaited<ReturnType<typeof measureMemory>>[] = [];
  for (const side of sides) {
    memory.push(await measureMemory(stage, bench, side, SIZE.parked));
  }
  const result = { machine, size: SIZE, ...profile(ours, theirs, spans), cpu, memory };
  console.log(values.json ? JSON.stringify(result, null, 2) : showProfile(result));
});

async function takeSpans(...processes: readonly BenchProcess[]): Promise<readonly Span[]> {
  const told = await Promise.all(processes.map((one) => one.ask('spans')));
  return told.flatMap(({ spans }) => spans);
}
