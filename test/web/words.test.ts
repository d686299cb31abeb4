import { describe, expect, test } from 'vitest';
import type { Predicate } from '../../src/domain/definition.js';
import { itemWords, reviewTitle } from '../../web/src/queue/waiting-words.js';
import { becauseWords, markedPaths } from '../../web/src/review/because.js';
import { showValue, linkIn } from '../../web/src/review/snapshot-model.js';
import { age, ageInWords, dueWords, timeLeft } from '../../web/src/ui/ages.js';
import { expressionWords } from '../../web/src/workflows/expression-words.js';
import { gateWords } from '../../web/src/workflows/gate-words.js';
import { predicateWords } from '../../web/src/workflows/predicate-words.js';
import { gate } from '../support/installation.js';

describe('gateWords', () => {
  test.each([
    ['2d', 'Due 2 days after it opened.'],
    ['1h', 'Due 1 hour after it opened.'],
    ['90m', 'Due 90 minutes after it opened.'],
  ])('says of %s when a decision is wanted', (dueIn, words) => {
    expect(gateWords(gate({ due_in: dueIn }))[1]).toBe(words);
  });

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
  [
    { kind: 'expression', expression: 'output.a > 1.0' },
    'A is more than 1, or that cannot be told',
  ],
  [
    { kind: 'expression', expression: 'size(output.a) > 1' },
    'size(output.a) > 1 holds, or cannot be told',
  ],
])('predicate %j reads well', (predicate, words) => {
  expect(predicateWords(predicate)).toBe(words);
});

describe('why a review opened', () => {
  test('is the condition itself where the server names none of its values', () => {
    const condition = { sub_conditions: [{ path: 'data.n', operator: 'is_true' }] };
    const triggered_by = { kind: 'json_condition', condition };
    expect(becauseWords({ triggered_by, because: 'every sub-condition holds' })).toBe('N is true');
  });

  test('is what the server found otherwise, in words where it only compares', () => {
    const expression = { kind: 'json_condition', condition: {}, expression: 'output.n > 1.0' };
    const of = (because: string): string => becauseWords({ triggered_by: expression, because });
    expect(of('output.n > 1.0 is true')).toBe('N is more than 1');
    expect(of('size(output.n) > 1 is true')).toBe('size(output.n) > 1 is true');
    expect(of('output.n > 1.0 is true; size(output.n) > 1 is true; and 2 more')).toBe(
      'N is more than 1; size(output.n) > 1 is true; and 2 more',
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

describe('expressionWords', () => {
  test.each([
    ['output.due_date == null', 'Due date has no value'],
    ['output.vendor.vat_id != null', 'Vendor › VAT ID has a value'],
    ['input.total >= 10000.0', 'Total is at least 10,000'],
    ['output.share < 0.125', 'Share is less than 0.125'],
    ['output.paid == false', 'Paid is false'],
    ['output.tool != "find_order"', 'Tool is not "find_order"'],
    ['output.a == null || output.a > 500.0', 'A has no value or A is more than 500'],
    [
      'output.a > 1 && output.b <= -2 || output.c == 3',
      'A is more than 1 and B is at most -2 or C is 3',
    ],
  ])('%s: %s', (expression, words) => {
    expect(expressionWords(expression)).toBe(words);
  });

  test.each([
    'output.a > null',
    'output.a == "x || y" || size(output.a) > 1',
    '(output.a > 1 || output.b > 1) && output.c > 1',
    '!has(output.a)',
    'output.lines.exists(l, l.amount < 0.0)',
    'likelihoods.a < 0.5',
    'output == null',
    'output.a > output.b',
    '',
  ])('%j stays code', (expression) => {
    expect(expressionWords(expression)).toBeNull();
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
  [172_900, 'due in 2 d'],
  [7_300, 'due in 2 h'],
  [59, 'due in 59 s'],
  [3, 'due now'],
  [0, 'overdue'],
  [-3, 'overdue'],
  [-61, 'overdue by 1 min'],
])('with %d s left a review is %j', (secondsLeft, words) => {
  expect(dueWords(secondsLeft)).toBe(words);
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

test.each([
  ['0', 'item 1'],
  ['9', 'item 10'],
  ['3.0', 'item 4.1'],
])('the place %s is called %s', (key, words) => {
  expect(itemWords(key)).toBe(words);
});

test.each([
  [{ name: 'Totals', block_id: 'b', iteration_key: null }, null, 'Totals'],
  [{ name: null, block_id: 'b', iteration_key: null }, 'Label', 'Label'],
  [{ name: null, block_id: 'b', iteration_key: '1' }, null, 'b, item 2'],
])('a review %j is called by what it has', (row, label, title) => {
  expect(reviewTitle(row, label)).toBe(title);
});
