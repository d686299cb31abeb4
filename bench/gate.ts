import { parseArgs } from 'node:util';
import { type Bounds, openBoundsMeter } from './support/bounds.js';
import { type CpuPerRun, measureCpu } from './support/cpu.js';
import { eventCounts } from './support/histories.js';
import { describeMachine, systemLoad } from './support/machine.js';
import { burst, Starts, timeTurns } from './support/measure.js';
import type { Round } from './support/ratios.js';
import { show, summarize } from './support/report.js';
import { runBench } from './support/run-bench.js';
import { type BySide, openBare, openCountersign } from './support/sides.js';
import { inOrder, orderOf } from './support/turns.js';

// Compares a gate of Countersign with bare workflows that wait for the same signals, on the same servers, in
// the same worker process and in turns, and ends with exit code 1 when a gate is missed. See docs/performance.md.

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    votes: { type: 'string', default: '1' },
    'stock-temporal': { type: 'boolean', default: false },
  },
});
const votes = Number(values.votes);
if (!Number.isInteger(votes) || votes < 1 || votes > 10) {
  console.error(`bench: --votes is '${values.votes}': give a number from 1 to 10.`);
  process.exit(1);
}

const size = values.quick
  ? { warmUp: 6, rounds: 3, turns: 12, bursts: 2, runsInBurst: 40, cpuRounds: 2, runsForCpu: 20 }
  : { warmUp: 18, rounds: 5, turns: 42, bursts: 3, runsInBurst: 100, cpuRounds: 5, runsForCpu: 50 };
const limitMs = (values.quick ? 8 : 25) * 60_000;
const isStock = values['stock-temporal'];
const loadBefore = systemLoad();

await runBench({ isTraced: false, isStock, limitMs }, async (stage, say) => {
  const machine = await describeMachine(stage, loadBefore);
  const starts = new Starts();
  const worker = await stage.startWorker();
  starts.follow(worker);
  const bench = { starts, temporal: stage.temporal };
  const meter = await openBoundsMeter(stage);
  const sides = [
    await openCountersign(stage, votes),
    openBare('child', stage, votes),
    openBare('flat', stage, votes),
  ];

  const round = async (turns: number): Promise<Round> => {
    const bounds: Bounds[] = [];
    const timings = await timeTurns(bench, sides, turns, async () => {
      bounds.push(await meter.measure());
    });
    return { timings, bounds };
  };
  say('warming up');
  await round(size.warmUp);
  for (const side of sides) {
    await burst(bench, side, size.warmUp);
  }
  const rounds: Round[] = [];
  for (let number = 1; number <= size.rounds; number += 1) {
    say(`one vote at a time: round ${number} of ${size.rounds}`);
    rounds.push(await round(size.turns));
  }
  await meter.close();
  const bursts: BySide<number>[] = [];
  for (let number = 1; number <= size.bursts; number += 1) {
    say(`all at once: round ${number} of ${size.bursts}`);
    const order = orderOf(sides, number);
    bursts.push(await inOrder(order, (side) => burst(bench, side, size.runsInBurst)));
  }
  const cpu: BySide<CpuPerRun>[] = [];
  for (let number = 1; number <= size.cpuRounds; number += 1) {
    say(`CPU of whole runs: round ${number} of ${size.cpuRounds}`);
    const order = orderOf(sides, number);
    cpu.push(
      await inOrder(order, (side) => measureCpu(stage, worker, bench, side, size.runsForCpu)),
    );
  }
  const events = await inOrder(sides, ({ name }) => {
    const timings = rounds[0]?.timings[name] ?? [];
    return eventCounts(
      stage.temporal,
      timings.slice(0, 10).map(({ run }) => run),
    );
  });
  const summary = summarize({ machine, votes, isStock, size, rounds, bursts, cpu, events });
  console.log(values.json ? JSON.stringify(summary, null, 2) : show(summary));
  return summary.gates.every(({ isMet }) => isMet);
});
