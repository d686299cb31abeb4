/** Somebody whom the campaign adds to the directory; nobody changes while it runs. */
export type Person = {
  readonly id: string;
  readonly groups: readonly string[];
  readonly isAdmin: boolean;
};

const person = (id: string, groups: readonly string[] = [], isAdmin = false): Person => ({
  id,
  groups,
  isAdmin,
});

/** The groups that gates ask. */
export const GROUPS = ['alpha', 'beta', 'gamma'] as const;

/** Who may force an approval where a gate says so. */
export const FORCE_GROUP = 'oncall';

/** Everybody: people in one group, in two, in none, owners with and without the admin role. */
export const PEOPLE: readonly Person[] = [
  person('ana', ['alpha']),
  person('ari', ['alpha']),
  person('abe', ['alpha', 'beta']),
  person('bea', ['beta']),
  person('bo', ['beta']),
  person('bix', ['beta', 'gamma']),
  person('gus', ['gamma']),
  person('gia', ['gamma']),
  person('olga', [FORCE_GROUP]),
  person('omar', [FORCE_GROUP, 'alpha']),
  person('owen'),
  person('orla', ['alpha', 'gamma']),
  person('ada', ['alpha'], true),
  person('zed'),
];

/** Those on whose behalf runs run. */
export const OWNERS = ['owen', 'orla', 'ada'] as const;

/** In no group, named by no gate: every vote of theirs on a gate with entries has to be refused. */
export const STRANGER = 'zed';

/** Who may do what only admins may. */
export const ADMIN = 'ada';
