import { describe, expect, test } from 'vitest';
import { weakenedGates } from '../../src/api/gate-weakening.js';
import type { Definition } from '../../src/domain/definition.js';
import { canonicalJson } from '../../src/rules/canonical.js';
import { parseDefinition } from '../../src/rules/definition.js';
import { readDefinitionText } from '../../src/store/stored-json.js';

/** A definition with one block, and this gate on it. */
function withGate(review: object | null, id = 'take'): Definition {
  const parsed = parseDefinition('wf', {
    blocks: [{ id, type: 'task', executor: { kind: 'supplied' }, review }],
  });
  if ('problems' in parsed) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return parsed.definition;
}

describe('weakenedGates', () => {
  const two = { groups: ['finance', 'legal'] };
  test.each([
    ['the gate is gone', two, null, ['the gate was removed']],
    ['a group is gone', two, { groups: ['legal'] }, ['group:finance#1 is no longer required']],
    [
      'fewer of a group',
      { groups: [{ group: 'legal', required: 2 }] },
      { groups: ['legal'] },
      ['group:legal#2 is no longer required'],
    ],
    [
      'fewer groups are enough',
      two,
      { ...two, min_approvals: 1 },
      ['1 group approvals are enough, 2 were needed'],
    ],
    [
      'a reviewer became optional',
      { ...two, reviewers: [{ id: 'u_a' }] },
      { ...two, reviewers: [{ id: 'u_a', mandatory: false }] },
      ['user:u_a is no longer required'],
    ],
    ['owners may approve', { self_approval: 'never' }, {}, ['owners who are admins may approve']],
    [
      'one person may do it all',
      { ...two, one_person_one_entry: true },
      two,
      ['one person may fill several entries'],
    ],
    ['corrections', { corrections: 'none' }, {}, ['corrections are taken']],
    [
      "corrections by the approver's own hand",
      { correction_author_may_approve: false },
      {},
      ["a correction's author may approve it"],
    ],
    [
      'no release by hand',
      { placement: 'input', release: 'manual' },
      { placement: 'input', release: { after: '7d' } },
      ['it is released earlier'],
    ],
    ['less time to undo', { release: { after: '1h' } }, {}, ['it is released earlier']],
    [
      'a force group',
      { force_approval_groups: ['a'] },
      { force_approval_groups: ['a', 'b'] },
      ['b may force an approval'],
    ],
    [
      'versions are discarded',
      { acknowledge_superseded: true },
      {},
      ['versions are discarded without a word'],
    ],
    [
      'another predicate',
      {},
      { predicate: { kind: 'validation_failed' } },
      ['its predicate was changed'],
    ],
    [
      'another placement',
      { corrections: 'none' },
      { placement: 'input' },
      ['its placement was changed'],
    ],
  ])('%s', (_case, before, after, changes) => {
    expect(weakenedGates(withGate(before), withGate(after))).toEqual([
      { blockId: 'take', changes },
    ]);
  });

  test.each([
    ['nothing', two, two],
    ['a new gate', null, two],
    ['words', { name: 'a' }, { name: 'b', instructions: 'c' }],
    ['a group more', { groups: ['legal'] }, two],
    ['a group in place of anybody', {}, two],
    ['a reviewer in place of anybody', {}, { reviewers: [{ id: 'u_a' }] }],
    ['owners may not', {}, { self_approval: 'never' }],
    ['a release by hand', { placement: 'input' }, { placement: 'input', release: 'manual' }],
    ['more groups are needed', { ...two, min_approvals: 1 }, two],
    ['one force group fewer', { force_approval_groups: ['a'] }, {}],
  ])('is silent about %s', (_case, before, after) => {
    expect(weakenedGates(withGate(before), withGate(after))).toEqual([]);
  });

  test('a gated block that is gone is told', () => {
    expect(weakenedGates(withGate(two), withGate(two, 'other'))).toEqual([
      { blockId: 'take', changes: ['the gated block was removed'] },
    ]);
    expect(weakenedGates(withGate(null), withGate(two, 'other'))).toEqual([]);
  });

  test('nothing is told where a predicate has its keys in another order, as the store has them', () => {
    const declared = withGate({ when: 'output.total > 10' });
    const stored = readDefinitionText(canonicalJson(declared));
    expect(JSON.stringify(stored)).not.toBe(JSON.stringify(declared));
    expect(weakenedGates(stored, declared)).toEqual([]);
  });
});
