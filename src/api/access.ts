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
  /** People with this role only look on, unless they are admins, too. */
  readonly except?: Role;
};

const READ: AccessRule = { persons: 'all', services: ['reviews:read', 'admin'] };
const ADMIN: AccessRule = { persons: ['admin'], services: ['admin'] };
const OVERSIGHT: AccessRule = { persons: ['admin', 'auditor'], services: ['admin'] };
const BY_RULING: AccessRule = {
  persons: 'all',
  services: ['reviews:read', 'reviews:vote-as', 'admin'],
  ruling: true,
};
/** Behind the hoop dialect's votes, where an auditor only reads. */
const BY_RULING_NO_AUDITORS: AccessRule = { ...BY_RULING, except: 'auditor' };

/** Behind the Velt dialect's door, which lets in services only: what it does not do needs no scope in particular. */
const ANY_SERVICE: AccessRule = {
  persons: [],
  services: ['runs:write', 'reviews:read', 'reviews:vote-as', 'admin'],
};

/** The one place that says who may do what: a route without a row here does not compile. */
export const ACCESS = {
  healthz: 'public',
  readyz: 'public',
  'session.get': 'public',
  'session.end': 'public',
  'session.readLink': 'public',
  'session.useLink': 'public',

  'reviews.list': READ,
  'reviews.get': READ,
  'reviews.explain': READ,
  'reviews.votes': READ,
  'reviews.context': READ,
  'reviews.approve': BY_RULING,
  'reviews.reject': BY_RULING,
  'reviews.withdraw': BY_RULING,
  'reviews.reassign': { persons: ['admin'], services: [], ruling: true },
  'reviews.release': { persons: 'all', services: [], ruling: true },
  'versions.create': BY_RULING,
  'versions.list': READ,
  'versions.get': READ,

  'overlays.list': READ,
  'overlays.get': READ,
  'overlays.decide': BY_RULING,
  'overlays.addVersion': BY_RULING,
  'overlays.claim': BY_RULING,
  'overlays.release': BY_RULING,

  'runs.start': { persons: 'all', services: ['runs:write', 'admin'] },
  'runs.list': READ,
  'runs.get': READ,
  'runs.cancel': { persons: ['admin'], services: ['runs:write', 'admin'], owner: true },
  'runs.retry': { persons: ['admin'], services: ['runs:write', 'admin'], owner: true },
  'steps.settle': { persons: ['admin'], services: [], owner: true },
  'steps.list': READ,
  'steps.get': READ,
  'steps.items': READ,

  'workflows.put': { persons: ['author', 'admin'], services: ['admin'] },
  'workflows.check': { persons: ['author', 'admin'], services: ['admin'] },
  'workflows.list': READ,
  'workflows.get': READ,
  'workflows.versions': READ,

  'snapshots.create': { persons: 'all', services: ['runs:write', 'admin'] },
  'snapshots.get': READ,

  'users.put': ADMIN,
  'users.list': OVERSIGHT,
  'users.remove': ADMIN,
  'tokens.create': ADMIN,
  'tokens.list': OVERSIGHT,
  'tokens.revoke': ADMIN,
  'audit.list': OVERSIGHT,
  'inbox.list': READ,
  'inbox.counts': READ,
  'inbox.facets': READ,
  'operations.read': OVERSIGHT,
  'doctor.read': OVERSIGHT,
  'events.follow': READ,
  'me.get': {
    persons: 'all',
    services: ['runs:write', 'reviews:read', 'reviews:vote-as', 'admin'],
  },

  'hoop.reviews.list': READ,
  'hoop.reviews.get': READ,
  'hoop.reviews.put': BY_RULING_NO_AUDITORS,
  'hoop.sessions.get': READ,
  'hoop.sessions.review': BY_RULING_NO_AUDITORS,
  'hoop.sessions.exec': BY_RULING,

  'velt.steps.recordReviewerDecision': {
    persons: [],
    services: ['reviews:vote-as'],
    ruling: true,
  },
  'velt.steps.resolve': { persons: [], services: ['reviews:vote-as', 'admin'], ruling: true },
  'velt.executions.get': { persons: [], services: ['reviews:read', 'admin'] },
  'velt.executions.cancel': { persons: [], services: ['runs:write', 'admin'] },
  'velt.executions.dispatch': ANY_SERVICE,
  'velt.executions.list': ANY_SERVICE,
  'velt.executions.getEvents': ANY_SERVICE,
  'velt.steps.cancel': ANY_SERVICE,
  'velt.steps.recordAgentResolution': ANY_SERVICE,
  'velt.definitions': ANY_SERVICE,
} as const satisfies Record<GuardedRouteId, AccessRule> & Record<PublicRouteId, 'public'>;

/** The rule of a route that asks who calls. */
export function accessRule(id: GuardedRouteId): AccessRule {
  return ACCESS[id];
}

/** Why somebody may not enter a route, whatever it is asked about; null when they may. */
export function refuseEntry(rule: AccessRule, actor: Actor): ApiError | null {
  if (actor.kind === 'person') {
    if (rule.except !== undefined && hasRole(actor, rule.except) && !hasRole(actor, 'admin')) {
      return forbidden(`People with the role '${rule.except}' only look on here: ask an admin.`);
    }
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
  return roles.some((role) => hasRole(actor, role));
}

function hasRole({ roles }: Actor, role: Role): boolean {
  return roles.includes(role);
}

function orList(words: readonly string[] | string): string {
  return typeof words === 'string' ? words : words.map((word) => `'${word}'`).join(' or ');
}
