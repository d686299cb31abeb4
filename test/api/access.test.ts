import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCESS, accessRule, mayActFor, refuseEntry } from '../../src/api/access.js';
import { ROUTES, type ServedRoute } from '../../src/api/routes.js';
import { ROLES, SCOPES } from '../../src/domain/people.js';
import { SYSTEM } from '../../src/store/actors.js';
import {
  type Caller,
  domainError,
  said,
  type Sending,
  startApi,
  type TestApi,
  valueAt,
} from '../support/api.js';
import { FROM_OUR_PAGE, signIn } from '../support/browser-session.js';

let api: TestApi;
const callers: Record<string, Caller> = {};
const cookies: Record<string, string> = {};
/** The ids of tokens by whose they are: a contract with a door of its own wants both. */
const tokenIds = new Map<string, string>();

beforeAll(async () => {
  api = await startApi();
  for (const role of ROLES) {
    callers[role] = await api.person(`u_${role}`, { roles: [role] });
  }
  callers['nothing'] = await api.person('u_nothing', { roles: [] });
  for (const scope of SCOPES) {
    callers[`scope ${scope}`] = await api.service(`svc_${scope}`, scope);
  }
  for (const who of PEOPLE) {
    cookies[who] = await signIn(api, `u_${who}`);
  }
  callers['no scope'] = await api.service('svc_none');
  for (const { id, personId, service } of await api.db
    .selectFrom('token')
    .select(['id', 'personId', 'service'])
    .execute()) {
    tokenIds.set(personId ?? service ?? '', id);
  }
});
afterAll(() => api.stop());

const PEOPLE = [...ROLES, 'nothing'];
const SERVICES = [...SCOPES.map((scope) => `scope ${scope}`), 'no scope'];

/** Who gets past the door of each route, written out once more: the table must say the same. */
const EVERYBODY = ['reviewer', 'author', 'auditor', 'admin', 'nothing'];
const READERS = [...EVERYBODY, 'scope reviews:read', 'scope admin'];
const VOTERS = [...EVERYBODY, 'scope reviews:read', 'scope reviews:vote-as', 'scope admin'];
const ADMINS = ['admin', 'scope admin'];
const OVERSEERS = ['auditor', 'admin', 'scope admin'];
const SCOPED = SCOPES.map((scope) => `scope ${scope}`);
const ENTER: Readonly<Record<string, readonly string[]>> = {
  'reviews.list': READERS,
  'reviews.get': READERS,
  'reviews.explain': READERS,
  'reviews.votes': READERS,
  'reviews.context': READERS,
  'reviews.approve': VOTERS,
  'reviews.reject': VOTERS,
  'reviews.withdraw': VOTERS,
  'reviews.reassign': ['admin'],
  'reviews.release': EVERYBODY,
  'versions.create': VOTERS,
  'versions.list': READERS,
  'versions.get': READERS,
  'overlays.list': READERS,
  'overlays.get': READERS,
  'overlays.decide': VOTERS,
  'overlays.addVersion': VOTERS,
  'overlays.claim': VOTERS,
  'overlays.release': VOTERS,
  'runs.start': [...EVERYBODY, 'scope runs:write', 'scope admin'],
  'runs.list': READERS,
  'runs.get': READERS,
  'runs.cancel': [...EVERYBODY, 'scope runs:write', 'scope admin'],
  'runs.retry': [...EVERYBODY, 'scope runs:write', 'scope admin'],
  'steps.settle': EVERYBODY,
  'steps.list': READERS,
  'steps.get': READERS,
  'steps.items': READERS,
  'workflows.put': ['author', 'admin', 'scope admin'],
  'workflows.check': ['author', 'admin', 'scope admin'],
  'workflows.list': READERS,
  'workflows.get': READERS,
  'workflows.versions': READERS,
  'snapshots.create': [...EVERYBODY, 'scope runs:write', 'scope admin'],
  'snapshots.get': READERS,
  'hoop.reviews.list': READERS,
  'hoop.reviews.get': READERS,
  'hoop.reviews.put': VOTERS.filter((who) => who !== 'auditor'),
  'hoop.sessions.get': READERS,
  'hoop.sessions.review': VOTERS.filter((who) => who !== 'auditor'),
  'hoop.sessions.exec': VOTERS,
  'velt.steps.recordReviewerDecision': ['scope reviews:vote-as'],
  'velt.steps.resolve': ['scope reviews:vote-as', 'scope admin'],
  'velt.executions.get': ['scope reviews:read', 'scope admin'],
  'velt.executions.cancel': ['scope runs:write', 'scope admin'],
  'velt.executions.dispatch': SCOPED,
  'velt.executions.list': SCOPED,
  'velt.executions.getEvents': SCOPED,
  'velt.steps.cancel': SCOPED,
  'velt.steps.recordAgentResolution': SCOPED,
  'velt.definitions': SCOPED,
  'users.put': ADMINS,
  'users.list': OVERSEERS,
  'users.remove': ADMINS,
  'tokens.create': ADMINS,
  'tokens.list': OVERSEERS,
  'tokens.revoke': ADMINS,
  'audit.list': OVERSEERS,
  'inbox.list': READERS,
  'inbox.counts': READERS,
  'inbox.facets': READERS,
  'operations.read': OVERSEERS,
  'doctor.read': OVERSEERS,
  'events.follow': READERS,
  'me.get': [
    ...EVERYBODY,
    'scope runs:write',
    'scope reviews:read',
    'scope reviews:vote-as',
    'scope admin',
  ],
};

const guarded = ROUTES.filter((route) => route.access === 'guarded');
const PATHS = guarded.map((route) => ({
  ...route,
  url:
    route.path.replaceAll(/\{(\w+)(?::(!?\w+))?\}/g, (_all, name: string, prefix: string = '!') =>
      name === 'review_id' || !prefix.startsWith('!') ? 'rev_none' : 'none',
    ) + (route.servesQuery === null ? '' : '?mine=true'),
}));

test('the table and the matrix of this test have the same routes', () => {
  const named = Object.entries(ACCESS).filter(([, rule]) => rule !== 'public');
  expect(Object.keys(ENTER).toSorted()).toEqual(named.map(([id]) => id).toSorted());
});

/** Whether a body says, in the form of its contract, that the door is closed. */
function saysForbidden(contract: ServedRoute['dialect']['name'], body: unknown): boolean {
  const detail = valueAt(body, 'detail');
  if (contract === 'hoop') {
    return valueAt(body, 'message') === 'access denied';
  }
  if (contract === 'velt') {
    return valueAt(body, 'error', 'status') === 'PERMISSION_DENIED';
  }
  return contract === 'overlay'
    ? typeof detail === 'string' && / ask an admin\b| send the token of a person\.$/.test(detail)
    : valueAt(detail, 'code') === 'forbidden';
}

/** A request with somebody's credential, as the route's contract wants it, and without sense. */
function sendingOf({ dialect, body }: ServedRoute, who: string | null): Sending {
  const caller = who === null ? null : (callers[who] ?? null);
  if (dialect.door === undefined) {
    return {
      as: caller,
      ...(body === null ? {} : { body: 'of no form that any route takes' }),
    };
  }
  const headers: Record<string, string> =
    caller === null
      ? {}
      : {
          'x-velt-api-key': tokenIds.get(caller.id) ?? '',
          'x-velt-auth-token': caller.token,
        };
  return { as: null, headers, body: { data: {} } };
}

describe.each(PATHS)('$id', (route) => {
  test.each([...PEOPLE, ...SERVICES])('%s', async (who) => {
    const reply = await api.send(route.method.toUpperCase(), route.url, sendingOf(route, who));
    const enters = ENTER[route.id]?.includes(who) === true;
    if (enters) {
      expect([200, 404, 501, route.dialect.invalidStatus ?? 422]).toContain(reply.status);
    } else {
      expect(reply.status).toBe(403);
      expect(saysForbidden(route.dialect.name, reply.body)).toBe(true);
    }
  });

  test.each(PEOPLE)('%s, by session cookie', async (who) => {
    const reply = await api.send(route.method.toUpperCase(), route.url, {
      as: null,
      headers: { ...FROM_OUR_PAGE, cookie: cookies[who] ?? '' },
      ...(route.body === null ? {} : { body: 'of no form that any route takes' }),
    });
    const enters = ENTER[route.id]?.includes(who) === true;
    if (route.dialect.door !== undefined) {
      expect(reply.status, 'a contract with a door of its own takes no cookie').not.toBe(200);
    } else if (enters) {
      expect([200, 404, route.dialect.invalidStatus ?? 422]).toContain(reply.status);
    } else {
      expect(reply.status).toBe(403);
      expect(saysForbidden(route.dialect.name, reply.body)).toBe(true);
    }
  });

  test('nobody without a credential', async () => {
    const reply = await api.send(route.method.toUpperCase(), route.url, sendingOf(route, null));
    expect(reply.status).toBe(401);
  });
});

describe('what a refusal says', () => {
  test('to a person: the roles that may', async () => {
    const reply = await api.send('PUT', '/v1/workflows/wf', {
      as: callers['reviewer'] ?? null,
      body: {},
    });
    expect(said(reply)).toEqual(
      domainError(
        403,
        'forbidden',
        "This is for people with the role 'author' or 'admin': ask an admin.",
      ),
    );
  });

  test('to a service: the scopes that may', async () => {
    const reply = await api.get('/v1/workflows/reviews', {
      as: callers['scope runs:write'] ?? null,
    });
    expect(said(reply)).toEqual(
      domainError(
        403,
        'forbidden',
        "This needs a service token with the scope 'reviews:read' or 'admin': ask an admin for one.",
      ),
    );
  });

  test('to a service where none may', async () => {
    const reply = await api.post('/v1/workflows/reviews/rev_x/release', {
      as: callers['scope reviews:read'] ?? null,
    });
    expect(said(reply)).toEqual(
      domainError(403, 'forbidden', 'No service may do this: send the token of a person.'),
    );
  });
});

describe('owner rules', () => {
  const person = (id: string, ...roles: ('reviewer' | 'auditor' | 'admin')[]) =>
    ({ ...SYSTEM, id, kind: 'person', roles }) as const;

  test('belong to what is done to a run as a whole', () => {
    const owned = Object.entries(ACCESS).flatMap(([id, rule]) =>
      rule !== 'public' && 'owner' in rule ? [id] : [],
    );
    expect(owned).toEqual(['runs.cancel', 'runs.retry', 'steps.settle']);
  });

  test.each([
    ['the owner', person('u_owner', 'reviewer'), true],
    ['an admin', person('u_else', 'admin'), true],
    ['an auditor', person('u_else', 'auditor'), false],
    ['somebody else', person('u_else', 'reviewer'), false],
  ])('%s', (_case, actor, may) => {
    const rule = accessRule('runs.cancel');
    expect(refuseEntry(rule, actor)).toBeNull();
    expect(mayActFor(rule, actor, 'u_owner')).toBe(may);
  });

  test('nobody owns what has no owner', () => {
    expect(mayActFor(accessRule('runs.cancel'), person('', 'reviewer'), null)).toBe(false);
  });

  test('a service that has the scope acts for every owner, whatever its name', () => {
    const service = { ...SYSTEM, id: 'u_owner', kind: 'service', scopes: ['runs:write'] } as const;
    expect(refuseEntry(accessRule('runs.cancel'), service)).toBeNull();
    expect(mayActFor(accessRule('runs.cancel'), service, 'u_else')).toBe(true);
    const stranger = { ...service, scopes: ['reviews:read'] } as const;
    expect(refuseEntry(accessRule('runs.cancel'), stranger)).not.toBeNull();
  });
});
