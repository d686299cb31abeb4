import type { Gate } from '../api/wire.js';
import { predicateWords } from './predicate-words.js';

/** What a gate does, in plain sentences: when it opens, what it needs, and what follows. */
export function gateWords(gate: Gate): readonly string[] {
  return [
    openingWords(gate),
    ...dueWords(gate),
    ...neededWords(gate),
    ...ownerWords(gate),
    ...correctionWords(gate),
    releaseWords(gate),
    REJECTION[gate.on_reject],
    ...(gate.force_approval_groups.length === 0
      ? []
      : [`A member of ${either(gate.force_approval_groups)} may force an approval.`]),
    ...(gate.acknowledge_superseded
      ? ['An approval that discards versions nobody built on has to name them.']
      : []),
  ];
}

const REJECTION = {
  cancel_run: 'A rejection ends the review and cancels the run.',
  drop: 'A rejection ends the review, and what was rejected is left out.',
  continue: 'A rejection ends the review, and the run goes on.',
} as const satisfies Record<Gate['on_reject'], string>;

function openingWords({ placement, predicate }: Gate): string {
  const where = placement === 'input' ? 'Before the block runs, opens' : 'Opens';
  return predicate.kind === 'always'
    ? `${where} every time.`
    : `${where} when ${predicateWords(predicate)}.`;
}

const UNITS: Readonly<Record<string, string>> = {
  ms: 'millisecond',
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
};

function dueWords({ due_in: dueIn }: Gate): readonly string[] {
  const [, count = '', unit = ''] = /^(\d+)(\D+)$/.exec(dueIn ?? '') ?? [];
  const name = UNITS[unit];
  return name === undefined
    ? []
    : [`Due ${Number(count)} ${name}${Number(count) === 1 ? '' : 's'} after it opened.`];
}

function neededWords(gate: Gate): readonly string[] {
  const { groups, reviewers, min_approvals: minimum } = gate;
  if (groups.length === 0 && reviewers.length === 0) {
    return ['Needs one approval, by anyone with the role reviewer.'];
  }
  const named = reviewers.filter(({ mandatory }) => mandatory).map(({ id }) => id);
  const welcome = reviewers.filter(({ mandatory }) => !mandatory).map(({ id }) => id);
  const ofGroups =
    minimum === null
      ? groups.map(({ group, required }) => `${required} of ${group}`)
      : [`${minimum} of the groups ${all(groups.map(({ group }) => group))}`];
  const needed = [...(groups.length === 0 ? [] : ofGroups), ...named];
  return [
    ...(needed.length === 0 ? [] : [`Needs ${all(needed)}.`]),
    ...(welcome.length === 0 ? [] : [`${all(welcome)} may approve too, and need not.`]),
    ...(gate.one_person_one_entry ? ['One person counts for one approval only.'] : []),
  ];
}

function ownerWords({ self_approval: self }: Gate): readonly string[] {
  return [
    self === 'never'
      ? 'The owner of the run may not approve.'
      : 'The owner of the run may approve only as an admin.',
  ];
}

function correctionWords(gate: Gate): readonly string[] {
  if (gate.corrections === 'none') {
    return ['Nobody may correct it.'];
  }
  return [
    gate.correction_author_may_approve
      ? 'Whoever may approve may correct it first.'
      : 'Whoever may approve may correct it first, and somebody else has to approve the correction.',
  ];
}

function releaseWords({ release }: Gate): string {
  if (release === 'auto') {
    return 'Once approved, the run goes on at once.';
  }
  return release === 'manual'
    ? 'Once approved, it waits until its owner, an admin or an auditor releases it.'
    : `Once approved, the run goes on after ${release.after}; until then the approval can be undone.`;
}

function all(names: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(names);
}

function either(names: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(names);
}
