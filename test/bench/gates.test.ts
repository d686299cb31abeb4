import { describe, expect, test } from 'vitest';
import { document, section } from '../docs/markdown.js';
import { judge } from '../../bench/support/gates.js';
import type { Comparison, Ratio, Ratios } from '../../bench/support/ratios.js';

/** Each gate's name with the ratio that it allows at most, or at least. */
const LIMITS = {
  'vote to next step, by child': 1.15,
  'vote to next step, by flat': 2.4,
  'vote to its answer, by a bare signal': 3.2,
  'vote to its answer, by signal + commit + empty request': 2,
  'gates per second, by child': 0.7,
  'CPU of a whole run, by child': 1.6,
} as const;
type Name = keyof typeof LIMITS;
const NAMES = Object.keys(LIMITS) as Name[]; // oxlint-disable-line typescript/no-unsafe-type-assertion

describe('judge', () => {
  test('meets every gate at its limit', () => {
    const judged = judge(measured({}));
    expect(judged.map(({ name }) => name)).toEqual(NAMES);
    expect(judged.every(({ isMet }) => isMet)).toBe(true);
  });

  test.each(NAMES)('misses only %s when that is worse', (name) => {
    const worse = LIMITS[name] * (name.startsWith('gates per second') ? 0.99 : 1.01);
    expect(missed(measured({ [name]: worse }))).toEqual([name]);
  });

  test.each(NAMES)('misses %s when it could not be worked out', (name) => {
    expect(missed(measured({ [name]: Number.NaN }))).toEqual([name]);
  });
});

test('docs/performance.md names the gates with their limits', () => {
  const page = section(document('docs/performance.md').text, '## The gates');
  for (const { name, limit } of judge(measured({}))) {
    expect(page).toMatch(
      new RegExp(`^\\| ${name.replaceAll('+', '\\+')} +\\| ${limit} +\\|$`, 'm'),
    );
  }
});

function missed(ratios: Ratios): readonly string[] {
  return judge(ratios).flatMap(({ name, isMet }) => (isMet ? [] : [name]));
}

/** Ratios at their limits, but for those that are given. */
function measured(given: Partial<Record<Name, number>>): Ratios {
  const ratio = (name: Name): Ratio => ({ value: given[name] ?? LIMITS[name], rounds: null });
  const figures = { countersign: 1, child: 1, flat: 1 };
  const unused = { value: 1_000, rounds: null };
  const by = (child: Name | null, flat: Name | null = null): Comparison => ({
    figures,
    byChild: child === null ? unused : ratio(child),
    byFlat: flat === null ? unused : ratio(flat),
  });
  return {
    downstreamP50Ms: by('vote to next step, by child', 'vote to next step, by flat'),
    answeredP50Ms: by('vote to its answer, by a bare signal'),
    answerBound: {
      signalMs: 1,
      commitMs: 1,
      requestMs: 1,
      sumMs: 3,
      ratio: ratio('vote to its answer, by signal + commit + empty request'),
    },
    gatesPerSecond: by('gates per second, by child'),
    cpuMs: by('CPU of a whole run, by child'),
  };
}
