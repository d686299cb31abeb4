import { describe, expect, test } from 'vitest';
import type { Predicate } from '../../src/domain/definition.js';
import { becauseWords, markedPaths } from '../../web/src/review/because.js';
import { showValue, linkIn } from '../../web/src/review/snapshot-model.js';
import { age, ageInWords, timeLeft } from '../../web/src/ui/ages.js';
import { gateWords } from '../../web/src/workflows/gate-words.js';
import { predicateWords } from '../../web/src/workflows/predicate-words.js';
import { gate } from '../support/installation.js';

describe('gateWords', () => {
  test('says what the simplest gate does', () => {
    expect(gateWords(gate())).toEqual([
      'Opens every time.',
      'Needs one approval, by anyone with the role reviewer.',
      'The owner of the run may approve only as an admin.',
      'Whoever may approve may correct it first.',
      'Once approved, the run goes on at once.',
      'A rejection ends the review and cancels the run.',
    ]);
  });

  test('says everything that a gate can ask for', () => {
    expect(
      gateWords(
        gate({
          placement: 'input',
          predicate: { kind: 'confidence_lt', threshold: 0.8 },
          groups: [
            { group: 'legal', required: 2 },
            { group: 'finance', required: 1 },
          ],
          reviewers: [
            { id: 'u_cfo', mandatory: true },
            { id: 'u_fyi', mandatory: false },
          ],
          self_approval: 'never',
          one_person_one_entry: true,
          corrections: 'none',
          release: { after: '30s' },
          on_reject: 'drop',
          force_approval_groups: ['sre', 'ops'],
          acknowledge_superseded: true,
        }),
      ),
    ).toEqual([
      'Before the block runs, opens when the confidence is below 0.8.',
      'Needs 2 of legal, 1 of finance and u_cfo.',
      'u_fyi may approve too, and need not.',
      'One person counts for one approval only.',
      'The owner of the run may not approve.',
      'Nobody may correct it.',
      'Once approved, the run goes on after 30s; until then the approval can be undone.',
      'A rejection ends the review, and what was rejected is left out.',
      'A member of sre or ops may force an approval.',
      'An approval that discards versions nobody built on has to name them.',
    ]);
  });

  test('says how many of the groups are enough', () => {
    const groups = ['a', 'b', 'c'].map((group) => ({ group, required: 1 }));
    expect(gateWords(gate({ groups, min_approvals: 2, release: 'manual' }))).toEqual(
      expect.arrayContaining([
        'Needs 2 of the groups a, b and c.',
        'Once approved, it waits until its owner, an admin or an auditor releases it.',
      ]),
    );
  });
});

test.each<readonly [Predicate, string]>([
  [{ kind: 'category_in', categories: ['a', 'b'] }, 'the category is a or b'],
  [
    {
      kind: 'json_condition',
      condition: {
        logical_operator: 'or',
        sub_conditions: [
          { path: 'data.total_amount', operator: 'is_greater_than', value: 10000 },
          { path_ref: { path: 'data.lines.*.name' }, operator: 'does_not_exist' },
        ],
      },
    },
    'Total amount is greater than 10000 or Lines › every item › Name has no value',
  ],
  [
    {
      kind: 'all_of',
      predicates: [
        { kind: 'any_required_field_null' },
        {
          kind: 'any_of',
          predicates: [{ kind: 'validation_failed' }, { kind: 'any_pages_unassigned' }],
        },
      ],
    },
    'a required field has no value and (the output breaks its schema or a page is in no part)',
  ],
  [{ kind: 'expression', expression: 'output.a > 1.0' }, 'output.a > 1.0 holds, or cannot be told'],
])('predicate %j reads well', (predicate, words) => {
  expect(predicateWords(predicate)).toBe(words);
});

describe('why a review opened', () => {
  test('is the condition itself where the server names none of its values', () => {
    const condition = { sub_conditions: [{ path: 'data.n', operator: 'is_true' }] };
    const triggered_by = { kind: 'json_condition', condition };
    expect(becauseWords({ triggered_by, because: 'every sub-condition holds' })).toBe('N is true');
  });

  test('is what the server found otherwise', () => {
    const expression = { kind: 'json_condition', condition: {}, expression: 'output.n > 1.0' };
    expect(becauseWords({ triggered_by: expression, because: 'output.n > 1.0 is true' })).toBe(
      'output.n > 1.0 is true',
    );
    expect(
      becauseWords({ triggered_by: { kind: 'always' }, because: 'the gate always opens' }),
    ).toBe('The gate always opens');
  });

  test('marks what the true part of an expression speaks of, and everything if that cannot be told', () => {
    const review = { because: 'output.total_amount > 10.0 is true' };
    expect(markedPaths({ review, fired_paths: ['due', 'total_amount', 'total'] })).toEqual([
      'total_amount',
    ]);
    expect(markedPaths({ review, fired_paths: ['due', 'vendor'] })).toEqual(['due', 'vendor']);
  });
});

test.each([
  [3, 'now', 'just now'],
  [59, '59 s', '59 seconds ago'],
  [60, '1 min', '1 minute ago'],
  [7_300, '2 h', '2 hours ago'],
  [90_000, '1 d', '1 day ago'],
])('an age of %d s is %j and %j', (seconds, short, long) => {
  expect([age(seconds), ageInWords(seconds)]).toEqual([short, long]);
});

test.each([
  [0, '0:00'],
  [-5, '0:00'],
  [65.2, '1:06'],
  [7_260, '2 h 1 min'],
])('%d s are left as %j', (seconds, words) => {
  expect(timeLeft(seconds)).toBe(words);
});

test.each([
  [18450.5, '18\u202f450.5'],
  [-1234567, '-1\u202f234\u202f567'],
  [2026, '2026'],
  [1e30, '1e+30'],
  [null, 'no value'],
  [[1, 'a'], '1, a'],
  [[], 'empty list'],
])('the value %j is shown as %j', (value, words) => {
  expect(showValue(value)).toBe(words);
});

test.each([
  ['https://example.org/a', 'example.org'],
  ['HTTP://EXAMPLE.org', 'example.org'],
  ['javascript:alert(1)', undefined],
  ['javascript://example.org/%0aalert(1)', undefined],
  ['data:text/html,x', undefined],
  ['see https://example.org', undefined],
  ['https://', undefined],
])('of %j the link leads to %j', (text, host) => {
  expect(linkIn(text)?.host).toBe(host);
});
