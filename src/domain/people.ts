/** What a person may be, beside the groups they are in. */
export const ROLES = ['reviewer', 'author', 'auditor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What a service token may be used for. */
export const SCOPES = ['runs:write', 'reviews:read', 'reviews:vote-as', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Somebody as the rules see them; only a person's vote fills an entry. */
export type Voter = {
  readonly id: string;
  readonly kind: 'person' | 'service';
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
};

/** Whether somebody has a role; an admin has only the roles that were given to them, too. */
export function hasRole(voter: Voter, role: Role): boolean {
  return voter.roles.includes(role);
}
