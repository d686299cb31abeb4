import type { Problem } from './problem.js';
import type { StandsTwice } from './repeats.js';

/** Approvals of a group: any `Required` different members of it. */
export interface GroupApproval<Name extends string = string, Required extends number = number> {
  readonly kind: 'group';
  readonly group: Name;
  readonly required: Required;
}

/** The approval of one person, which is needed or only welcome. */
export interface PersonApproval<
  Id extends string = string,
  Weight extends 'mandatory' | 'optional' = 'mandatory' | 'optional',
> {
  readonly kind: 'person';
  readonly id: Id;
  readonly weight: Weight;
}

/** Approvals of some of several groups. */
export interface SomeGroups {
  readonly kind: 'some groups';
  readonly count: number;
  readonly groups: readonly GroupApproval[];
}

/** All of several approvals. */
export interface AllApprovals {
  readonly kind: 'all';
  readonly approvals: readonly ApprovalPart[];
}

export type ApprovalPart = GroupApproval | PersonApproval | SomeGroups;

/** Who must approve: what `group`, `person`, `atLeast` and `allOf` give. An optional person alone would leave nobody who must. */
export type Approval =
  GroupApproval | PersonApproval<string, 'mandatory'> | SomeGroups | AllApprovals;

/** The approval of one member of a group. */
export function group<const Name extends string>(name: Name): GroupApproval<Name, 1> {
  return { kind: 'group', group: name, required: 1 };
}

/** The approval of one person, by id; with `{ optional: true }` it is welcome and not needed. */
export function person<const Id extends string, const Optional extends boolean = false>(
  id: Id,
  options?: { readonly optional: Optional },
): PersonApproval<Id, Optional extends true ? 'optional' : 'mandatory'>;
export function person(id: string, options?: { readonly optional: boolean }): PersonApproval {
  return { kind: 'person', id, weight: options?.optional === true ? 'optional' : 'mandatory' };
}

/**
 * Several approvals: of one group that many different members, of several groups that many of the groups.
 *
 * `atLeast(2, group('legal'))` wants two members of legal; `atLeast(2, group('a'), group('b'), group('c'))` a member each of two of the three.
 */
export function atLeast<
  const Count extends number,
  const Groups extends readonly [GroupApproval<string, 1>, ...GroupApproval<string, 1>[]],
>(
  count: CountOf<Count, Groups>,
  ...groups: Groups
): Groups['length'] extends 1 ? GroupApproval<Groups[0]['group'], Count> : SomeGroups;
export function atLeast(
  count: unknown,
  ...groups: readonly GroupApproval[]
): GroupApproval | SomeGroups {
  const [only, ...others] = groups;
  // A count of another type, which only JavaScript can give, is reported with the gate.
  const number = typeof count === 'number' ? count : Number.NaN;
  return only !== undefined && others.length === 0 && only.required === 1
    ? { kind: 'group', group: only.group, required: number }
    : { kind: 'some groups', count: number, groups };
}

/** All of the given approvals: of groups and persons, or of persons beside one `atLeast` over several groups. */
export function allOf<const Approvals extends readonly [ApprovalPart, ...ApprovalPart[]]>(
  ...approvals: { readonly [Index in keyof Approvals]: PartOf<Approvals, Approvals[Index]> }
): AllApprovals;
export function allOf(...approvals: readonly ApprovalPart[]): AllApprovals {
  return { kind: 'all', approvals };
}

type CountOf<Count extends number, Groups extends readonly unknown[]> = number extends Count
  ? Count
  : IsWhole<Count> extends true
    ? Groups['length'] extends 1
      ? Count
      : Count extends CountsUpTo<Groups>
        ? Count
        : Problem<`atLeast(${Count}, …) can never be met: it names ${Groups['length'] & number} groups.`>
    : Problem<`atLeast(${Count}, …) cannot be counted: the count is a whole number from 1.`>;

/** True for a literal of a whole number from 1. */
export type IsWhole<Count extends number> = `${Count}` extends
  '0' | `-${string}` | `${string}.${string}`
  ? false
  : true;

type CountsUpTo<Groups extends readonly unknown[]> = Exclude<Partial<Groups>['length'], 0>;

/** One argument of `allOf`, or the sentence that says why it cannot stand beside the others. */
type PartOf<Approvals extends readonly ApprovalPart[], Part> =
  StandsTwice<{ [Index in keyof Approvals]: NameOf<Approvals[Index]> }, NameOf<Part>> extends true
    ? Problem<`${NameOf<Part> & string} stands here twice.`>
    : Part extends SomeGroups
      ? [Extract<Approvals[number], GroupApproval>] extends [never]
        ? Part
        : Problem<'atLeast over several groups counts all groups of its gate: no other group can stand beside it.'>
      : [Exclude<Approvals[number], PersonApproval<string, 'optional'>>] extends [never]
        ? Problem<'Every person here is optional: nobody would have to approve.'>
        : Part;

/** What an approval is called in a sentence. */
type NameOf<Part> =
  Part extends GroupApproval<infer Name>
    ? Named<'Group', Name>
    : Part extends PersonApproval<infer Id>
      ? Named<'Person', Id>
      : 'An atLeast over several groups';

type Named<Kind extends string, Name extends string> = string extends Name
  ? string
  : `${Kind} "${Name}"`;
