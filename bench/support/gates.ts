import type { Ratios } from './ratios.js';

/** What Countersign may cost at most, as a ratio within one run. */
type Gate = {
  readonly name: string;
  readonly ratio: (ratios: Ratios) => number;
} & ({ readonly atMost: number } | { readonly atLeast: number });

/** How a gate was found. */
export type Judgement = {
  readonly name: string;
  readonly ratio: number;
  /** `at most 1.15`. */
  readonly limit: string;
  readonly isMet: boolean;
};

const GATES: readonly Gate[] = [
  {
    name: 'vote to next step, by child',
    ratio: ({ downstreamP50Ms }) => downstreamP50Ms.byChild.value,
    atMost: 1.15,
  },
  {
    name: 'vote to next step, by flat',
    ratio: ({ downstreamP50Ms }) => downstreamP50Ms.byFlat.value,
    atMost: 2.4,
  },
  {
    name: 'vote to its answer, by a bare signal',
    ratio: ({ answeredP50Ms }) => answeredP50Ms.byChild.value,
    atMost: 3.2,
  },
  {
    name: 'vote to its answer, by signal + commit + empty request',
    ratio: ({ answerBound }) => answerBound.ratio.value,
    atMost: 2.0,
  },
  {
    name: 'gates per second, by child',
    ratio: ({ gatesPerSecond }) => gatesPerSecond.byChild.value,
    atLeast: 0.7,
  },
  {
    name: 'CPU of a whole run, by child',
    ratio: ({ cpuMs }) => cpuMs.byChild.value,
    atMost: 1.6,
  },
];

/** Rules on every gate. A ratio that is no number meets none. */
export function judge(ratios: Ratios): readonly Judgement[] {
  return GATES.map((gate) => {
    const ratio = gate.ratio(ratios);
    return 'atMost' in gate
      ? { name: gate.name, ratio, limit: `at most ${gate.atMost}`, isMet: ratio <= gate.atMost }
      : { name: gate.name, ratio, limit: `at least ${gate.atLeast}`, isMet: ratio >= gate.atLeast };
  });
}
