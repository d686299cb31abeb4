import { parseArgs } from 'node:util';
import { describeMachine, systemLoad } from './support/machine.js';
import { eventCounts } from './support/histories.js';
import { burst, Starts, type Timing, timePairs } from './support/measure.js';
import { type Report, show, summarize } from './support/report.js';
import { runBench } from './support/run-bench.js';
import { openBare, openCountersign } from './support/sides.js';

// Compares a gate of Countersign with a bare workflow that waits for the same signals, on the same
// servers, in the same worker process and in turns. See docs/performance.md.

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
  ? { warmUp: 5, rounds: 3, pairs: 15, bursts: 2, runsInBurst: 40 }
  : { warmUp: 20, rounds: 5, pairs: 40, bursts: 3, runsInBurst: 100 };
const limitMs = (values.quick ? 5 : 15) * 60_000;
const isThrottled = values['stock-temporal'];
const loadBefore = systemLoad();

await runBench({ isTraced: false, isThrottled, limitMs }, async (stage, say) => {
  const machine = await describeMachine(stage, loadBefore);
  const starts = new Starts();
  starts.follow(await stage.startWorker());
  const bench = { starts, temporal: stage.temporal };
  const sides = [await openCountersign(stage, votes), openBare(stage, votes)];
  const [countersign, bare] = sides;
  if (countersign === undefined || bare === undefined) {
    throw new Error('there are two sides');
  }

  say('warming up');
  await timePairs(bench, sides, size.warmUp);
  for (const side of sides) {
    await burst(bench, side, size.warmUp);
  }

  const rounds: Report['rounds'][number][] = [];
  for (let round = 1; round <= size.rounds; round += 1) {
    say(`one vote at a time: round ${round} of ${size.rounds}`);
    const [ours = [], theirs = []] = await timePairs(bench, sides, size.pairs);
    rounds.push({ countersign: ours, bare: theirs });
  }
  const bursts: Report['bursts'][number][] = [];
  for (let round = 1; round <= size.bursts; round += 1) {
    say(`all at once: round ${round} of ${size.bursts}`);
    const isEven = round % 2 === 0;
    const first = await burst(bench, isEven ? bare : countersign, size.runsInBurst);
    const second = await burst(bench, isEven ? countersign : bare, size.runsInBurst);
    const [ours, theirs] = isEven ? [second, first] : [first, second];
    bursts.push({ countersign: ours.gatesPerSecond, bare: theirs.gatesPerSecond });
  }

  const sample = (timings: readonly Timing[] | undefined) =>
    eventCounts(
      stage.temporal,
      (timings ?? []).slice(0, 10).map(({ run }) => run),
    );
  const events = {
    countersign: await sample(rounds[0]?.countersign),
    bare: await sample(rounds[0]?.bare),
  };
  const summary = summarize({ machine, votes, isThrottled, size, rounds, bursts, events });
  console.log(values.json ? JSON.stringify(summary, null, 2) : show(summary));
});
