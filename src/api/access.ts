import { type Role, type Scope } from '../domain/people.js';
import type { Actor } from '../store/actors.js';
import { type ApiError, forbidden } from './errors.js';
import type { GuardedRouteId, PublicRouteId } from './routes.js';

/**
 * Who may call a route.
 *
 * `owner: true` lets in every person, and then only those act who own the run concerned (beside the
 * roles and scopes named). `ruling: true` marks a route on which the rules of the gate decide
 * further, inside the transaction: who may fill an entry, who may withdraw.
 */
export type AccessRule = {
  readonly persons: 'all' | readonly Role[];
  readonly services: readonly Scope[];
  readonly owner?: true;
  readonly ruling?: true;
};

const READ: AccessRule = { persons: 'all', services: ['reviews:read', 'admin'] };
const ADMIN: AccessRule = { persons: ['admin'], services: ['admin'] };
const OVERSIGHT: AccessRule = { persons: ['admin', 'auditor'], services: ['admin'] };
const BY_RULING: AccessRule = {
  persons: 'all',
  services: ['reviews:read', 'reviews:vote-as', 'admin'],
  ruling: true,
};

/** The one place that says who may do what: a route without a row here does not compile. */
export const ACCESS = {
  healthz: 'public',
  readyz: 'public',

  'reviews.list': READ,
  'reviews.get': READ,
  'reviews.explain': READ,
  'reviews.votes': READ,
  'reviews.approve': BY_RULING,
  'reviews.reject': BY_RULING,
  'reviews.withdraw': BY_RULING,
  'reviews.release': { persons: 'all', services: [], ruling: true },
  'versions.create': BY_RULING,
  'versions.list': READ,
  'versions.get': READ,

  'runs.start': { persons: 'all', services: ['runs:write', 'admin'] },
  'runs.list': READ,
  'runs.get': READ,
  'runs.cancel': { persons: ['admin'], services: ['runs:write', 'admin'], owner: true },
  'steps.list': READ,
  'steps.get': READ,

  'workflows.put': { persons: ['author', 'admin'], services: ['admin'] },
  'workflows.list': READ,
  'workflows.get': READ,
  'workflows.versions': READ,

  'users.put': ADMIN,
  'users.list': OVERSIGHT,
  'users.remove': ADMIN,
  'tokens.create': ADMIN,
  'tokens.list': OVERSIGHT,
  'tokens.revoke': ADMIN,
  'audit.list': OVERSIGHT,
  'me.get': {
    persons: 'all',
    services: ['runs:write', 'reviews:read', 'reviews:vote-as', 'admin'],
  },
} as const satisfies Record<GuardedRouteId, AccessRule> & Record<PublicRouteId, 'public'>;

/** The rule of a route that asks who calls. */
export function accessRule(id: GuardedRouteId): AccessRule {
  return ACCESS[id];
}

/** Why somebody may not enter a route, whatever it is asked about; null when they may. */
export function refuseEntry(rule: AccessRule, actor: Actor): ApiError | null {
  if (actor.kind === 'person') {
    const enters = rule.persons === 'all' || rule.owner === true || hasOneOf(rule.persons, actor);
    return enters
      ? null
      : forbidden(`This is for people with the role ${orList(rule.persons)}: ask an admin.`);
  }
  if (rule.services.some((scope) => actor.scopes.includes(scope))) {
    return null;
  }
  return forbidden(
    rule.services.length === 0
      ? 'No service may do this: send the token of a person.'
      : `This needs a service token with the scope ${orList(rule.services)}: ask an admin for one.`,
  );
}

/** Whether somebody who has entered may act on what this person owns. */
export function mayActFor(rule: AccessRule, actor: Actor, ownerId: string | null): boolean {
  if (rule.owner !== true || actor.kind !== 'person') {
    return true;
  }
  return actor.id === ownerId || (rule.persons !== 'all' && hasOneOf(rule.persons, actor));
}

function hasOneOf(roles: readonly Role[], actor: Actor): boolean {
  return roles.some((role) => actor.roles.includes(role));
}

function orList(words: readonly string[] | string): string {
  return typeof words === 'string' ? words : words.map((word) => `'${word}'`).join(' or ');
}
