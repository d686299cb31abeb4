import type { CpuPerRun } from './cpu.js';
import { type Judgement, judge } from './gates.js';
import type { EventCounts } from './histories.js';
import type { Machine } from './machine.js';
import {
  compareP99,
  type Comparison,
  type Ratio,
  type Ratios,
  ratiosOf,
  type Round,
} from './ratios.js';
import { type BySide, bySide, SIDES } from './sides.js';
import { median } from './statistics.js';
import { figure, table } from './table.js';

/** Everything that was measured. */
export type Report = {
  readonly machine: Machine;
  readonly votes: number;
  /** Whether the Temporal server kept its own defaults. */
  readonly isStock: boolean;
  readonly size: Readonly<Record<string, number>>;
  readonly rounds: readonly Round[];
  /** All at once: gates per second in each round. */
  readonly bursts: readonly BySide<number>[];
  /** Whole runs: CPU in each round. */
  readonly cpu: readonly BySide<CpuPerRun>[];
  readonly events: BySide<EventCounts>;
};

/** What a report comes to. */
export type Summary = Pick<Report, 'machine' | 'votes' | 'isStock' | 'size' | 'events'> &
  Ratios & {
    readonly samples: number;
    readonly downstreamP99Ms: Comparison;
    readonly answeredP99Ms: Comparison;
    /** The CPU of a whole run by process, medians of the rounds. */
    readonly cpu: BySide<CpuPerRun>;
    readonly gates: readonly Judgement[];
  };

/** Works out quantiles and ratios, and rules on the gates. */
export function summarize(report: Report): Summary {
  const { machine, votes, isStock, size, rounds, cpu, events } = report;
  const ratios = ratiosOf(report);
  return {
    machine,
    votes,
    isStock,
    size,
    samples: rounds.flatMap(({ timings }) => timings.countersign).length,
    ...ratios,
    downstreamP99Ms: compareP99(rounds, ({ downstreamMs }) => downstreamMs),
    answeredP99Ms: compareP99(rounds, ({ answeredMs }) => answeredMs),
    cpu: bySide((side) => {
      const of = (part: keyof CpuPerRun): number => median(cpu.map((round) => round[side][part]));
      return {
        api: of('api'),
        worker: of('worker'),
        postgresql: of('postgresql'),
        temporal: of('temporal'),
        sum: of('sum'),
      };
    }),
    events,
    gates: judge(ratios),
  };
}

/** A report for people. */
export function show(summary: Summary): string {
  const { machine, votes, isStock, samples, size, events, cpu, answerBound } = summary;
  const { versions } = machine;
  const row = (name: string, { figures, byChild, byFlat }: Comparison) => [
    name,
    ...SIDES.map((side) => figure(figures[side])),
    ratioText(byChild),
    ratioText(byFlat),
  ];
  const count = (name: string, value: (counts: EventCounts) => number) => [
    name,
    ...SIDES.map((side) => value(events[side])),
    '',
    '',
  ];
  const part = (name: string, key: keyof CpuPerRun) => [
    `  ${name}`,
    ...SIDES.map((side) => figure(cpu[side][key])),
    '',
    '',
  ];
  const missed = summary.gates.filter(({ isMet }) => !isMet);
  return [
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.platform}`,
    `load before: ${machine.load.join(', ')}; 8 kB durable on disk in ${figure(machine.fdatasyncMs)} ms`,
    `Countersign ${versions.countersign}, Node ${versions.node}, PostgreSQL ${versions.postgresql}, Temporal server ${versions.temporalServer} with ${isStock ? 'its own defaults' : 'the settings of npm start'}`,
    `${votes} vote${votes === 1 ? '' : 's'} a gate; ${samples} samples one at a time; ${size['bursts']} times ${size['runsInBurst']} gates at once; CPU of ${size['cpuRounds']} times ${size['runsForCpu']} runs`,
    '',
    table(
      ['', 'Countersign', 'child', 'flat', 'by child (rounds)', 'by flat (rounds)'],
      [
        row('vote to next step, p50 ms', summary.downstreamP50Ms),
        row('vote to next step, p99 ms', summary.downstreamP99Ms),
        row('vote to its answer, p50 ms', summary.answeredP50Ms),
        row('vote to its answer, p99 ms', summary.answeredP99Ms),
        row('gates per second, all at once', summary.gatesPerSecond),
        row('CPU ms of a whole run', summary.cpuMs),
        part('API', 'api'),
        part('worker', 'worker'),
        part('PostgreSQL', 'postgresql'),
        part('Temporal', 'temporal'),
        count('history events of a gate', ({ gate }) => gate),
        count('history events of a run', ({ run }) => run),
        count('history bytes of both', ({ gateBytes, runBytes }) => gateBytes + runBytes),
      ],
    ),
    '',
    `the least that an answer takes: bare signal ${figure(answerBound.signalMs)} ms, bare commit ${figure(answerBound.commitMs)} ms, empty request ${figure(answerBound.requestMs)} ms, together ${figure(answerBound.sumMs)} ms; Countersign's answer takes ${ratioText(answerBound.ratio)} of that`,
    '',
    table(
      ['gate', 'ratio', 'limit', ''],
      summary.gates.map(({ name, ratio, limit, isMet }) => [
        name,
        figure(ratio),
        limit,
        isMet ? 'met' : 'MISSED',
      ]),
    ),
    missed.length === 0
      ? 'All gates are met.'
      : `Missed: ${missed.map(({ name }) => name).join('; ')}.`,
    '',
    'The ratios are the result. The other figures depend on this machine, its disk and what else it',
    'does, and are there to be read beside each other.',
  ].join('\n');
}

function ratioText({ value, rounds }: Ratio): string {
  return rounds === null ? figure(value) : `${figure(value)} (${rounds.map(figure).join(' to ')})`;
}
