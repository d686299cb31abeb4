import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCESS, accessRule, refuseEntry } from '../../src/api/access.js';
import { ROUTES } from '../../src/api/routes.js';
import { SYSTEM } from '../../src/store/actors.js';
import { putPerson } from '../../src/store/people.js';
import { createToken, revokeToken } from '../../src/store/tokens.js';
import { FROM_OUR_PAGE, signIn } from '../support/browser-session.js';
import {
  type Caller,
  type OpenedReview,
  type Reply,
  startApi,
  type TestApi,
} from '../support/api.js';

// Who somebody is to a review: what `access.test.ts` asks of roles and scopes, asked of relations.

let api: TestApi;
let sample: OpenedReview;
let elsewhere: Caller;
let revoked: Caller;
const callers: Record<string, Caller> = {};

const PEOPLE = [
  'stranger',
  'owner',
  'member of the group',
  'named reviewer',
  'author',
  'auditor',
  'admin',
] as const;
type Person = (typeof PEOPLE)[number];

/** Those of them who are plain reviewers otherwise. */
const RELATED = PEOPLE.slice(0, 4);

beforeAll(async () => {
  api = await startApi();
  callers['stranger'] = await api.person('u_stranger');
  callers['owner'] = await api.person('u_owner');
  callers['member of the group'] = await api.person('u_member', { groups: ['finance'] });
  callers['named reviewer'] = await api.person('u_named');
  callers['author'] = await api.person('u_author', { roles: ['author'] });
  callers['auditor'] = await api.person('u_auditor', { roles: ['auditor'] });
  callers['admin'] = api.admin;
  sample = await open();
  const gone = await createToken(api.db, SYSTEM, { personId: 'u_admin' });
  await revokeToken(api.db, SYSTEM, gone.row.id);
  revoked = { id: 'u_admin', token: gone.secret };
  // The same person, an admin, in a project of somebody else's.
  await api.db.insertInto('project').values({ id: 'prj_other', name: 'Other' }).execute();
  const other = { ...SYSTEM, projectId: 'prj_other' };
  await putPerson(api.db, other, {
    id: 'u_admin',
    name: 'Their admin',
    email: 'admin@example.org',
    slackId: '',
    groups: ['finance'],
    roles: ['reviewer', 'admin', 'author', 'auditor'],
  });
  const { secret } = await createToken(api.db, other, { personId: 'u_admin' });
  elsewhere = { id: 'u_admin', token: secret };
});
afterAll(() => api.stop());

/** A review of two entries, neither of which the owner, a stranger or an admin fills. */
async function open(): Promise<OpenedReview> {
  return await api.openReview({
    owner: caller('owner'),
    review: { groups: ['finance'], reviewers: [{ id: 'u_named' }] },
  });
}

function caller(who: Person): Caller {
  const found = callers[who];
  if (found === undefined) {
    throw new Error(`nobody is ${who}`);
  }
  return found;
}

/** What each route of a review is asked, in earnest. */
type Ask = (review: OpenedReview) => {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
};
const post =
  (path: (review: OpenedReview) => string, body: (review: OpenedReview) => unknown): Ask =>
  (review) => ({ method: 'POST', path: path(review), body: body(review) });
const overlay = (review: OpenedReview): string =>
  `/v1/workflows/reviews/${review.runId}/extract_invoice`;

/** The answer to each of PEOPLE in order: may they, or with which status not. */
type Row = readonly [Ask, readonly number[]];

const RULED: Readonly<Record<string, Row>> = {
  'reviews.approve': [
    post(
      ({ path }) => `${path}/approve`,
      ({ seedId }) => ({ version_id: seedId }),
    ),
    [403, 403, 200, 200, 403, 403, 403],
  ],
  'reviews.reject': [
    post(
      ({ path }) => `${path}/reject`,
      ({ seedId }) => ({ version_id: seedId, reason: 'no' }),
    ),
    [403, 403, 200, 200, 403, 403, 200],
  ],
  // Undecided still: to the owner and to admins it says that.
  'reviews.withdraw': [
    post(
      ({ path }) => `${path}/withdraw`,
      () => ({ reason: 'no' }),
    ),
    [403, 409, 403, 403, 403, 403, 409],
  ],
  // Past the door of the admins it says that nobody of that name is there.
  'reviews.reassign': [
    post(
      ({ path }) => `${path}/reassign`,
      () => ({ entry: 'group:finance#1', to: { reviewer: 'u_nobody' }, reason: 'no' }),
    ),
    [403, 403, 403, 403, 403, 403, 404],
  ],
  'reviews.release': [
    post(
      ({ path }) => `${path}/release`,
      () => ({}),
    ),
    [403, 409, 403, 403, 403, 409, 409],
  ],
  'versions.create': [
    post(
      () => '/v1/workflows/reviews/versions',
      ({ id, seedId }) => ({ review_id: id, parent_id: seedId, snapshot: { corrected: true } }),
    ),
    [403, 403, 201, 201, 403, 403, 201],
  ],
  'overlays.decide': [
    post(
      (review) => `${overlay(review)}/decision`,
      () => ({ verdict: 'approved', version_stamp: 0 }),
    ),
    [403, 403, 200, 200, 403, 403, 403],
  ],
  'overlays.addVersion': [
    post(
      (review) => `${overlay(review)}/versions`,
      () => ({ snapshot: { corrected: true }, version_stamp: 0, origin: 'human_edit' }),
    ),
    [403, 403, 200, 200, 403, 403, 200],
  ],
  'overlays.claim': [
    post(
      (review) => `${overlay(review)}/claim`,
      () => ({ version_stamp: 0 }),
    ),
    [403, 403, 200, 200, 403, 403, 200],
  ],
  // Nobody holds it, so that there is nothing to release.
  'overlays.release': [
    post(
      (review) => `${overlay(review)}/release`,
      () => ({ version_stamp: 0 }),
    ),
    [200, 200, 200, 200, 200, 200, 200],
  ],
  'hoop.reviews.put': [
    ({ id }) => ({ method: 'PUT', path: `/api/reviews/${id}`, body: { status: 'APPROVED' } }),
    [400, 400, 200, 200, 400, 403, 400],
  ],
  'hoop.sessions.review': [
    ({ stepId }) => ({
      method: 'PUT',
      path: `/api/sessions/${stepId}/review`,
      body: { status: 'REJECTED' },
    }),
    [400, 400, 200, 200, 400, 403, 200],
  ],
  'hoop.sessions.exec': [
    ({ stepId }) => ({ method: 'POST', path: `/api/sessions/${stepId}/exec` }),
    [403, 403, 403, 403, 403, 403, 403],
  ],
};

/** Ruled on for the person that a backend names: `velt-*.test.ts` has them. */
const FOR_SOMEBODY_ELSE = ['velt.steps.recordReviewerDecision', 'velt.steps.resolve'];

test('every route on which a gate rules has a row', () => {
  const ruled = Object.entries(ACCESS).flatMap(([id, rule]) =>
    rule !== 'public' && 'ruling' in rule ? [id] : [],
  );
  expect([...Object.keys(RULED), ...FOR_SOMEBODY_ELSE].toSorted()).toEqual(ruled.toSorted());
});

describe.each(Object.entries(RULED))('%s', (_id, [ask, statuses]) => {
  test.each(PEOPLE.map((who, index) => [who, statuses[index]] as const))(
    '%s: %i',
    async (who, status) => {
      const review = await open();
      const { method, path, body } = ask(review);
      const reply = await api.send(method, path, { as: caller(who), body });
      expect(reply.status, JSON.stringify(reply.body)).toBe(status);
    },
  );

  test("another project's admin: there is no such review, and it stays as it is", async () => {
    const review = await open();
    const { method, path, body } = ask(review);
    const reply = await api.send(method, path, { as: elsewhere, body });
    expect(reply.status).toBe(404);
    const { body: votes } = await api.get(`${review.path}/votes`);
    expect(votes).toMatchObject({ data: [] });
  });
});

const GUARDED = ROUTES.filter((route) => route.access === 'guarded').map((route) => ({
  id: route.id,
  method: route.method.toUpperCase(),
  door: route.dialect.door,
  urlFor: (review: OpenedReview): string =>
    route.path.replaceAll(/\{(\w+)(?::!?\w+)?\}/g, (_all, name: string) =>
      name === 'run_id' && route.dialect.name === 'overlay' ? review.runId : idOf(name, review),
    ),
}));

function idOf(name: string, { id, runId, stepId, seedId, row }: OpenedReview): string {
  const ids: Readonly<Record<string, string>> = {
    review_id: id,
    id,
    run_id: runId,
    session_id: stepId,
    step_id: stepId,
    version_id: seedId,
    workflow_id: row.workflowId,
    block_id: row.blockId,
    user_id: 'u_stranger',
  };
  return ids[name] ?? 'none';
}

describe.each(GUARDED.filter(({ door }) => door === undefined))('$id', ({ id, method, urlFor }) => {
  // What somebody is to one review opens no other route: the door knows roles, and whose run it is.
  test.each(Object.hasOwn(RULED, id) ? [] : RELATED)(
    '%s: the door is as for any reviewer',
    async (who) => {
      const reviewer = {
        ...SYSTEM,
        id: caller(who).id,
        kind: 'person',
        roles: ['reviewer'],
      } as const;
      const isShut = refuseEntry(accessRule(id), reviewer) !== null;
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: 'of no form' };
      const reply = await api.send(method, urlFor(sample), { as: caller(who), ...body });
      expect(reply.status === 403, JSON.stringify(reply.body)).toBe(isShut);
    },
  );

  test('a revoked token opens nothing', async () => {
    const reply = await api.send(method, urlFor(sample), { as: revoked });
    expect(reply.status).toBe(401);
  });

  test("another project's admin reads nothing of ours", async () => {
    if (method !== 'GET') {
      return;
    }
    const reply: Reply = await api.send(method, urlFor(sample), { as: elsewhere });
    expect([200, 404, 422]).toContain(reply.status);
    const text = reply.status === 200 ? JSON.stringify(reply.body) : '';
    for (const ours of [
      sample.id,
      sample.runId,
      sample.seedId,
      sample.row.workflowId,
      'u_stranger',
    ]) {
      expect(text).not.toContain(ours);
    }
  });
});

test('a session ends with its person', async () => {
  const leaver = await api.person('u_leaver');
  const cookie = await signIn(api, leaver.id);
  const headers = { ...FROM_OUR_PAGE, cookie };
  expect((await api.get('/v1/me', { as: null, headers })).status).toBe(200);
  await api.send('DELETE', '/v1/users/u_leaver');
  expect((await api.get('/v1/me', { as: null, headers })).status).toBe(401);
});
