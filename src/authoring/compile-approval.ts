import type { Approval, ApprovalPart, SomeGroups } from './approval.js';
import { quoted } from './problem.js';
import { repeated } from './repeats.js';
import type { DeclaredGate } from './stored-form.js';

type Entries = Pick<DeclaredGate, 'groups' | 'reviewers' | 'min_approvals'>;

/** Who must approve, as it is stored, and what is wrong with it. */
export function compileApproval(approval: Approval | undefined): {
  readonly entries: Entries;
  readonly problems: readonly string[];
} {
  const parts = partsOf(approval);
  if (parts === null) {
    return {
      entries: {},
      problems: ['its approve is neither group, person, atLeast nor allOf of these'],
    };
  }
  const some = parts.filter((part) => part.kind === 'some groups');
  const own = parts.filter((part) => part.kind === 'group');
  const groups = [...own, ...some.flatMap((part) => part.groups)];
  const persons = parts.filter((part) => part.kind === 'person');
  const counted = some[0];
  return {
    entries: {
      ...(groups.length > 0 && {
        groups: groups.map(({ group, required }) =>
          required === 1 ? { group } : { group, required },
        ),
      }),
      ...(persons.length > 0 && {
        reviewers: persons.map(({ id, weight }) =>
          weight === 'optional' ? { id, mandatory: false } : { id },
        ),
      }),
      ...(counted !== undefined && { min_approvals: counted.count }),
    },
    problems: [
      ...groups.flatMap(({ group, required }) =>
        isWhole(required) ? [] : [`it wants ${required} members of group ${quoted(group)}`],
      ),
      ...some.flatMap((part) => countProblems(part)),
      ...(some.length > 0 && own.length > 0
        ? ['atLeast over several groups counts all its groups, and another group stands beside it']
        : []),
      ...(some.length > 1 ? ['more than one atLeast over several groups stands in it'] : []),
      ...repeated(groups.map(({ group }) => group)).map(
        (name) => `it names group ${quoted(name)} twice`,
      ),
      ...repeated(persons.map(({ id }) => id)).map((id) => `it names person ${quoted(id)} twice`),
      ...(groups.length === 0 &&
      persons.length > 0 &&
      persons.every(({ weight }) => weight === 'optional')
        ? ['every person in it is optional, so that nobody would have to approve']
        : []),
    ],
  };
}

/** The parts of an approval; null if it holds something that is none, which only JavaScript can write. */
function partsOf(approval: Approval | undefined): readonly ApprovalPart[] | null {
  if (approval === undefined) {
    return [];
  }
  const parts = approval?.kind === 'all' ? approval.approvals : [approval];
  const kinds: readonly unknown[] = parts.map((part) => part?.kind);
  const areKnown =
    kinds.every((kind) => kind === 'group' || kind === 'person' || kind === 'some groups') &&
    parts.every(
      (part) => part.kind !== 'some groups' || part.groups.every((one) => one?.kind === 'group'),
    );
  return kinds.length > 0 && areKnown ? parts : null;
}

function countProblems({ count, groups }: SomeGroups): readonly string[] {
  if (!isWhole(count) || count > groups.length) {
    return [`it wants ${count} of ${groups.length} groups`];
  }
  return groups.some(({ required }) => required !== 1)
    ? ['atLeast over several groups counts one member of each, and one of them wants more']
    : [];
}

function isWhole(count: number): boolean {
  return Number.isInteger(count) && count >= 1;
}
