import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { maximumMatching } from '../../src/domain/matching.js';
import { entriesOf } from '../../src/domain/policy.js';
import { tally } from '../../src/domain/tally.js';
import { aPolicy, aVote } from '../support/builders.js';

type Candidates = readonly (readonly string[])[];

/** Every set of entries that people can fill together, one entry each: tried one by one. */
function fillableSets(candidates: Candidates): readonly ReadonlySet<string>[] {
  const [first, ...others] = candidates;
  if (first === undefined) {
    return [new Set()];
  }
  return fillableSets(others).flatMap((set) => [
    set,
    ...first.filter((key) => !set.has(key)).map((key) => new Set([...set, key])),
  ]);
}

/** How many of some entries can be filled at once. */
function mostOf(entryKeys: readonly string[], candidates: Candidates): number {
  const sizes = fillableSets(candidates).map(
    (set) => entryKeys.filter((key) => set.has(key)).length,
  );
  return Math.max(...sizes);
}

describe('maximumMatching', () => {
  test.each<readonly [string, readonly string[], Candidates, Readonly<Record<string, number>>]>([
    ['nobody fills nothing', ['a', 'b'], [], {}],
    ['nothing is filled by anybody', [], [['a'], ['b']], {}],
    ['one person fills one entry', ['a', 'b'], [['a', 'b']], { a: 0 }],
    ['the first of two people fills the one entry', ['a'], [['a'], ['a']], { a: 0 }],
    ['a person makes room for another', ['a', 'b'], [['a', 'b'], ['a']], { a: 1, b: 0 }],
    [
      'people make room for each other along a chain',
      ['a', 'b', 'c', 'd'],
      [['a', 'b'], ['b', 'c'], ['c', 'd'], ['a']],
      { a: 3, b: 0, c: 1, d: 2 },
    ],
    ['an earlier entry is never given up for a later one', ['a', 'b'], [['b', 'a']], { a: 0 }],
    ['entries that nobody asked about are left out', ['a'], [['x'], ['a', 'x']], { a: 1 }],
    ['an entry that nobody may fill stays open', ['a', 'b'], [['b']], { b: 0 }],
  ])('%s', (_title, entryKeys, candidates, matched) => {
    expect(Object.fromEntries(maximumMatching(entryKeys, candidates))).toEqual(matched);
  });

  const KEYS = ['a', 'b', 'c', 'd', 'e'] as const;
  const anyKeys = fc.shuffledSubarray([...KEYS]);
  const anyCandidates = fc.array(fc.subarray([...KEYS], { maxLength: 4 }), { maxLength: 4 });

  test.prop([anyKeys, anyCandidates], { numRuns: 500 })(
    'seats each person once, where they may sit',
    (entryKeys, candidates) => {
      const matched = [...maximumMatching(entryKeys, candidates)];
      expect(new Set(matched.map(([, person]) => person)).size).toBe(matched.length);
      for (const [key, person] of matched) {
        expect(entryKeys).toContain(key);
        expect(candidates[person]).toContain(key);
      }
    },
  );

  test.prop([anyKeys, anyCandidates], { numRuns: 500 })(
    'leaves no entry open that some assignment would fill, of the first entries the most',
    (entryKeys, candidates) => {
      const matched = maximumMatching(entryKeys, candidates);
      for (let count = 1; count <= entryKeys.length; count += 1) {
        const first = entryKeys.slice(0, count);
        expect(first.filter((key) => matched.has(key))).toHaveLength(mostOf(first, candidates));
      }
    },
  );
});

describe('tally, where a person fills one entry, against every way of seating people', () => {
  const PEOPLE = ['u_1', 'u_2', 'u_3', 'u_4'] as const;
  const anyPolicy = fc
    .record({
      groups: fc.uniqueArray(
        fc.record({
          group: fc.constantFrom('finance', 'legal', 'tax'),
          required: fc.integer({ min: 1, max: 2 }),
        }),
        { selector: ({ group }) => group, minLength: 1, maxLength: 2 },
      ),
      reviewers: fc.uniqueArray(
        fc.record({ id: fc.constantFrom(...PEOPLE), mandatory: fc.boolean() }),
        { selector: ({ id }) => id, maxLength: 2 },
      ),
    })
    .map((rules) => aPolicy({ ...rules, onePersonOneEntry: true }));

  const anyGroups = fc.tuple(...PEOPLE.map(() => fc.subarray(['finance', 'legal', 'tax'])));

  test.prop([anyPolicy, anyGroups], { numRuns: 300 })(
    'fills as many required entries as can be, and then as many optional ones',
    (policy, memberships) => {
      const entries = entriesOf(policy);
      const fills = memberships.map((groups, person) =>
        entries
          .filter(({ kind, subject }) =>
            kind === 'group' ? groups.includes(subject) : subject === PEOPLE[person],
          )
          .map(({ key }) => key),
      );
      const votes = PEOPLE.map((reviewerId, person) =>
        aVote({ seq: person + 1, reviewerId, fills: fills[person] ?? [] }),
      );
      const { filled, complete } = tally(policy, votes, 'rvr_1');
      const required = entries.filter(({ mandatory }) => mandatory).map(({ key }) => key);
      const isRequired = (key: string): boolean => required.includes(key);
      expect([...filled.keys()].filter(isRequired)).toHaveLength(mostOf(required, fills));
      expect(filled.size).toBe(
        mostOf(
          entries.map(({ key }) => key),
          fills,
        ),
      );
      expect(complete).toBe(mostOf(required, fills) === required.length);
    },
  );
});
