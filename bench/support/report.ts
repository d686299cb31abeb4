import type { EventCounts } from './histories.js';
import type { Machine } from './machine.js';
import type { Timing } from './measure.js';
import type { SideName } from './sides.js';
import { median, quantile, spread } from './statistics.js';
import { figure, table } from './table.js';

type BothSides<T> = Readonly<Record<SideName, T>>;

/** Everything that was measured. */
export type Report = {
  readonly machine: Machine;
  readonly votes: number;
  /** Whether the Temporal server kept its own limit on polling. */
  readonly isThrottled: boolean;
  readonly size: Readonly<Record<string, number>>;
  /** One vote at a time: the timings of each round. */
  readonly rounds: readonly BothSides<readonly Timing[]>[];
  /** All at once: gates per second in each round. */
  readonly bursts: readonly BothSides<number>[];
  readonly events: BothSides<EventCounts>;
};

type Comparison = BothSides<number> & {
  /** Countersign's figure by the bare one's: the median of the rounds, which lie close in time. */
  readonly ratio: number;
  /** The smallest and the largest of them; null where a round has too few samples for one, as for p99. */
  readonly ratioOfRounds: readonly [number, number] | null;
};

/** What a report comes to. */
export type Summary = {
  readonly machine: Machine;
  readonly votes: number;
  readonly isThrottled: boolean;
  readonly size: Report['size'];
  readonly samples: number;
  readonly downstreamP50Ms: Comparison;
  readonly downstreamP99Ms: Comparison;
  readonly answeredP50Ms: Comparison;
  readonly answeredP99Ms: Comparison;
  readonly gatesPerSecond: Comparison;
  readonly events: BothSides<EventCounts>;
};

/** Works out quantiles and ratios. */
export function summarize(report: Report): Summary {
  const { machine, votes, isThrottled, size, rounds, bursts, events } = report;
  const over = (value: (timing: Timing) => number, share: number): Comparison => {
    const of = (timings: readonly Timing[]): number => quantile(timings.map(value), share);
    const countersign = of(rounds.flatMap((round) => round.countersign));
    const bare = of(rounds.flatMap((round) => round.bare));
    if (share > 0.5) {
      return { countersign, bare, ratio: countersign / bare, ratioOfRounds: null };
    }
    const ratios = rounds.map((round) => of(round.countersign) / of(round.bare));
    return { countersign, bare, ratio: median(ratios), ratioOfRounds: spread(ratios) };
  };
  const ours = median(bursts.map(({ countersign }) => countersign));
  const theirs = median(bursts.map(({ bare }) => bare));
  const burstRatios = bursts.map(({ countersign, bare }) => countersign / bare);
  return {
    machine,
    votes,
    isThrottled,
    size,
    samples: rounds.flatMap((round) => round.countersign).length,
    downstreamP50Ms: over(({ downstreamMs }) => downstreamMs, 0.5),
    downstreamP99Ms: over(({ downstreamMs }) => downstreamMs, 0.99),
    answeredP50Ms: over(({ answeredMs }) => answeredMs, 0.5),
    answeredP99Ms: over(({ answeredMs }) => answeredMs, 0.99),
    gatesPerSecond: {
      countersign: ours,
      bare: theirs,
      ratio: median(burstRatios),
      ratioOfRounds: spread(burstRatios),
    },
    events,
  };
}

/** A report for people. */
export function show(summary: Summary): string {
  const { machine, votes, isThrottled, samples, size, events } = summary;
  const { versions } = machine;
  const row = (name: string, { countersign, bare, ratio, ratioOfRounds }: Comparison) => [
    name,
    figure(countersign),
    figure(bare),
    figure(ratio),
    ratioOfRounds === null ? '' : ratioOfRounds.map(figure).join(' to '),
  ];
  const count = (name: string, value: (counts: EventCounts) => number) => [
    name,
    value(events.countersign),
    value(events.bare),
    '',
    '',
  ];
  return [
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.platform}`,
    `load before: ${machine.load.join(', ')}; 8 kB durable on disk in ${figure(machine.fdatasyncMs)} ms`,
    `Countersign ${versions.countersign}, Node ${versions.node}, PostgreSQL ${versions.postgresql}, Temporal server ${versions.temporalServer} ${isThrottled ? 'with its own' : 'without a'} limit on polling`,
    `${votes} vote${votes === 1 ? '' : 's'} a gate; ${samples} samples one at a time; ${size['bursts']} times ${size['runsInBurst']} gates at once`,
    '',
    table(
      ['', 'Countersign', 'bare', 'ratio', 'ratio of rounds'],
      [
        row('vote to downstream step, p50 ms', summary.downstreamP50Ms),
        row('vote to downstream step, p99 ms', summary.downstreamP99Ms),
        row('vote to its answer, p50 ms', summary.answeredP50Ms),
        row('vote to its answer, p99 ms', summary.answeredP99Ms),
        row('gates per second, all at once', summary.gatesPerSecond),
        count('history events of a gate', ({ gate }) => gate),
        count('history events of a run', ({ run }) => run),
        count('history bytes of both', ({ gateBytes, runBytes }) => gateBytes + runBytes),
      ],
    ),
    '',
    'The ratios are the result. The other figures depend on this machine, its disk and what else it',
    'does, and are there to be read beside each other.',
  ].join('\n');
}
