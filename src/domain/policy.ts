/** A declared group: any `required` different members of it must approve. */
export type GroupRequirement = { readonly group: string; readonly required: number };

/** A declared reviewer: one person, whose approval is needed (mandatory) or only welcome. */
export type NamedReviewer = { readonly id: string; readonly mandatory: boolean };

/** Whether an owner may approve what runs on their own behalf. */
export type SelfApproval = 'never' | 'admins';

/** When an approved step goes on: at once, when its owner says so, or after a time to undo. */
export type Release = 'auto' | 'manual' | { readonly afterMs: number };

/** What a rejection does: end the run, drop this iteration's output, or go on with it. */
export type OnReject = 'cancel_run' | 'drop' | 'continue';

/**
 * The rules of a gate: who must approve, and what follows.
 *
 * It holds ids and numbers only, never prose, because it travels through Temporal histories.
 */
export type Policy = {
  readonly groups: readonly GroupRequirement[];
  readonly reviewers: readonly NamedReviewer[];
  /** How many of the group entries are needed; null means all of them. */
  readonly minApprovals: number | null;
  readonly selfApproval: SelfApproval;
  readonly onePersonOneEntry: boolean;
  readonly corrections: 'entries' | 'none';
  readonly correctionAuthorMayApprove: boolean;
  readonly release: Release;
  readonly onReject: OnReject;
  readonly forceApprovalGroups: readonly string[];
  readonly acknowledgeSuperseded: boolean;
  /** Entries that an admin has given to somebody else, the latest of each; a gate declares none. */
  readonly reassigned?: readonly Reassigned[];
};

/** Whom an entry can be given to: any member of a group, or one person. */
export type Assignee = { readonly kind: 'group' | 'reviewer'; readonly subject: string };

/** An entry that somebody else fills than the gate declares. */
export type Reassigned = {
  readonly key: string;
  readonly to: Assignee;
  /** The fact that first gave it away; votes before it filled the entry as it was declared. */
  readonly since: number;
};

/**
 * One approval that a gate requires (or, if optional, welcomes).
 *
 * Its key is stable for the life of a review: `group:finance#1` (the first approval of that group),
 * `user:u_legal_01`, or `anyone` where a gate declares neither groups nor reviewers.
 */
export type Entry = {
  readonly key: string;
  readonly kind: 'group' | 'reviewer' | 'anyone';
  /** The group's name or the person's id; empty for `anyone`. */
  readonly subject: string;
  readonly mandatory: boolean;
};

/**
 * The entries a policy asks for, groups first, in declared order; those given away by who has them now.
 *
 * `anyone` stands only where nothing was declared: a declaration that comes to nothing (a group of
 * which nobody is required) gives no entry, and a gate without entries stays shut.
 */
export function entriesOf(policy: Policy): readonly Entry[] {
  const { reassigned = [] } = policy;
  const declared = declaredEntries(policy);
  return reassigned.length === 0
    ? declared
    : declared.map((entry) => {
        const to = reassigned.find(({ key }) => key === entry.key)?.to;
        return to === undefined ? entry : { ...entry, ...to };
      });
}

/** The entries as the gate declares them, whoever has them now. */
export function declaredEntries(policy: Policy): readonly Entry[] {
  const groups = policy.groups.flatMap(({ group, required }) =>
    Array.from({ length: required }, (_, index): Entry => ({
      key: groupEntryKey(group, index + 1),
      kind: 'group',
      subject: group,
      mandatory: true,
    })),
  );
  const reviewers = policy.reviewers.map(({ id, mandatory }): Entry => ({
    key: `user:${id}`,
    kind: 'reviewer',
    subject: id,
    mandatory,
  }));
  const isDeclared = policy.groups.length > 0 || policy.reviewers.length > 0;
  return isDeclared
    ? [...groups, ...reviewers]
    : [{ key: 'anyone', kind: 'anyone', subject: '', mandatory: true }];
}

/** The key of a group's n-th entry, counted from 1. */
export function groupEntryKey(group: string, nth: number): string {
  return `group:${group}#${nth}`;
}

/**
 * Whether an entry is one of those that `minApprovals` counts: every one that names no reviewer.
 *
 * It stays one when it is given to a person, so that a gate never asks for fewer approvals than declared.
 */
export function isGroupEntry({ key }: Entry): boolean {
  return !key.startsWith('user:');
}

/** How many of the group entries (or the `anyone` entry) must be filled; never less than one of them. */
export function neededGroupEntries(policy: Policy, entries: readonly Entry[]): number {
  const count = entries.filter(isGroupEntry).length;
  return policy.minApprovals === null ? count : Math.max(1, Math.min(count, policy.minApprovals));
}
