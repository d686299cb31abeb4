import type { Bounds } from './bounds.js';
import type { CpuPerRun } from './cpu.js';
import type { Timing } from './measure.js';
import { type BySide, bySide, type SideName } from './sides.js';
import { median, quantile, spread } from './statistics.js';

/** One round of votes, one at a time. */
export type Round = {
  readonly timings: BySide<readonly Timing[]>;
  /** Measured before each turn. */
  readonly bounds: readonly Bounds[];
};

/** Countersign's figure by another: the median of the rounds, which lie close in time. */
export type Ratio = {
  readonly value: number;
  /** The smallest and the largest of the rounds; null where a round has too few samples for one, as for p99. */
  readonly rounds: readonly [number, number] | null;
};

/** One figure of each side, and Countersign's by each of the others. */
export type Comparison = {
  readonly figures: BySide<number>;
  readonly byChild: Ratio;
  readonly byFlat: Ratio;
};

/** The least that the answer to a vote takes: a bare signal, a bare commit, and an empty request, medians. */
export type AnswerBound = {
  readonly signalMs: number;
  readonly commitMs: number;
  readonly requestMs: number;
  readonly sumMs: number;
  /** Countersign's answer by that sum. */
  readonly ratio: Ratio;
};

/** What the gates rule on. */
export type Ratios = {
  readonly downstreamP50Ms: Comparison;
  readonly answeredP50Ms: Comparison;
  readonly answerBound: AnswerBound;
  readonly gatesPerSecond: Comparison;
  readonly cpuMs: Comparison;
};

/** Works out what the gates rule on. */
export function ratiosOf(measured: {
  readonly rounds: readonly Round[];
  readonly bursts: readonly BySide<number>[];
  readonly cpu: readonly BySide<CpuPerRun>[];
}): Ratios {
  const { rounds, bursts, cpu } = measured;
  return {
    downstreamP50Ms: compareMedians(rounds, ({ downstreamMs }) => downstreamMs),
    answeredP50Ms: compareMedians(rounds, ({ answeredMs }) => answeredMs),
    answerBound: boundOf(rounds),
    gatesPerSecond: compareRounds(bursts),
    cpuMs: compareRounds(cpu.map((round) => bySide((side) => round[side].sum))),
  };
}

type Value = (timing: Timing) => number;

function compareMedians(rounds: readonly Round[], value: Value): Comparison {
  const perRound = rounds.map(({ timings }) => bySide((side) => median(timings[side].map(value))));
  return { ...compareRounds(perRound), figures: overall(rounds, value, 0.5) };
}

/** Of all rounds together: one has too few samples. */
export function compareP99(rounds: readonly Round[], value: Value): Comparison {
  const figures = overall(rounds, value, 0.99);
  const by = (side: SideName): Ratio => ({
    value: figures.countersign / figures[side],
    rounds: null,
  });
  return { figures, byChild: by('child'), byFlat: by('flat') };
}

function overall(rounds: readonly Round[], value: Value, share: number): BySide<number> {
  return bySide((side) =>
    quantile(
      rounds.flatMap(({ timings }) => timings[side].map(value)),
      share,
    ),
  );
}

function compareRounds(rounds: readonly BySide<number>[]): Comparison {
  const by = (side: SideName): Ratio =>
    ratioOf(rounds.map((round) => round.countersign / round[side]));
  return {
    figures: bySide((side) => median(rounds.map((round) => round[side]))),
    byChild: by('child'),
    byFlat: by('flat'),
  };
}

function ratioOf(rounds: readonly number[]): Ratio {
  return { value: median(rounds), rounds: spread(rounds) };
}

/** The bound of a turn is the sum of its parts, which were measured in it; the signal is the one to the bare child. */
function boundOf(rounds: readonly Round[]): AnswerBound {
  const turns = rounds.map(({ timings, bounds }) =>
    timings.child.map(({ answeredMs }, turn) => {
      const { commitMs, requestMs } = bounds[turn] ?? {
        commitMs: Number.NaN,
        requestMs: Number.NaN,
      };
      return {
        signalMs: answeredMs,
        commitMs,
        requestMs,
        sumMs: answeredMs + commitMs + requestMs,
      };
    }),
  );
  const of = (part: keyof (typeof turns)[number][number]): number =>
    median(turns.flat().map((turn) => turn[part]));
  const ratios = rounds.map(
    ({ timings }, round) =>
      median(timings.countersign.map(({ answeredMs }) => answeredMs)) /
      median((turns[round] ?? []).map(({ sumMs }) => sumMs)),
  );
  return {
    signalMs: of('signalMs'),
    commitMs: of('commitMs'),
    requestMs: of('requestMs'),
    sumMs: of('sumMs'),
    ratio: ratioOf(ratios),
  };
}
