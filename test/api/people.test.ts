import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  domainError,
  invalidInput,
  said,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const DANA = { name: 'Dana Rivera', email: 'dana@example.com', groups: ['finance'] };
const put = (id: string, body: object) => api.send('PUT', `/v1/users/${id}`, { body });

describe('users', () => {
  test('a new person is a reviewer', async () => {
    const reply = await put('u_dana', DANA);
    const at = textAt(reply.body, 'created_at');
    expect(said(reply)).toEqual({
      status: 200,
      body: {
        id: 'u_dana',
        ...DANA,
        slack_id: '',
        roles: ['reviewer'],
        source: 'admin',
        groups_as_of: textAt(reply.body, 'groups_as_of'),
        created_at: at,
        updated_at: textAt(reply.body, 'updated_at'),
        warnings: [],
      },
    });
  });

  test('what is said replaces what was known', async () => {
    await put('u_dana', { ...DANA, groups: ['legal', 'legal'], roles: ['author'], slack_id: 'U1' });
    const { body } = await put('u_dana', { ...DANA, groups: [], admin: true });
    expect(body).toMatchObject({ groups: [], roles: ['reviewer', 'admin'], slack_id: '' });
    expect((await put('u_dana', { ...DANA, roles: [] })).body).toMatchObject({ roles: [] });
  });

  test('groups and roles count at once, for tokens that are out already', async () => {
    await put('u_eve', { ...DANA, groups: [] });
    const created = await api.post('/v1/tokens', { body: { user_id: 'u_eve' } });
    const eve: Caller = { id: 'u_eve', token: textAt(created.body, 'token') };
    expect((await api.get('/v1/users', { as: eve })).status).toBe(403);
    await put('u_eve', { ...DANA, groups: ['finance'], admin: true });
    expect((await api.get('/v1/users', { as: eve })).status).toBe(200);
    expect((await api.get('/v1/me', { as: eve })).body).toMatchObject({ groups: ['finance'] });
  });

  const missing = (field: string) => ({
    loc: ['body', field],
    msg: 'This is required: send it.',
    type: 'missing',
  });
  const unfit = 'Text must have no NUL character and no half of a surrogate pair: remove it.';

  test.each([
    ['nothing', {}, [missing('name'), missing('email'), missing('groups')]],
    [
      'an address that is none',
      { ...DANA, email: 'dana' },
      [
        {
          loc: ['body', 'email'],
          msg: 'Expected an e-mail address such as dana@example.com.',
          type: 'string_pattern_mismatch',
        },
      ],
    ],
    [
      'an unknown role',
      { ...DANA, roles: ['boss'] },
      [
        {
          loc: ['body', 'roles', 0],
          msg: "Expected one of 'reviewer', 'author', 'auditor', 'admin'.",
          type: 'enum',
        },
      ],
    ],
    [
      'admin false with the role admin',
      { ...DANA, admin: false, roles: ['admin'] },
      [
        {
          loc: ['body', 'admin'],
          msg: "`admin` is false, and `roles` has 'admin': say one of the two.",
          type: 'value_error',
        },
      ],
    ],
    [
      'a NUL character in a group',
      { ...DANA, groups: ['finance', 'a\0'] },
      [{ loc: ['body', 'groups', 1], msg: unfit, type: 'value_error' }],
    ],
    [
      'half a surrogate pair in the name',
      { ...DANA, name: '\ud83d' },
      [{ loc: ['body', 'name'], msg: unfit, type: 'value_error' }],
    ],
    [
      'an unknown key',
      { ...DANA, role: 'admin' },
      [
        {
          loc: ['body', 'role'],
          msg: 'This key is not known here: leave it out.',
          type: 'extra_forbidden',
        },
      ],
    ],
  ])('%s → 422', async (_case, body, problems) => {
    expect(said(await put('u_bad', body))).toEqual(invalidInput(...problems));
  });

  test('an id that is too long or has a NUL character → 422', async () => {
    for (const id of ['x'.repeat(201), 'a%00']) {
      const reply = await put(id, DANA);
      expect([reply.status, valueAt(reply.body, 'detail', 0, 'loc')]).toEqual([
        422,
        ['path', 'user_id'],
      ]);
    }
  });

  test('are listed by id, and a removed one no longer', async () => {
    await put('u_zed', DANA);
    expect(said(await api.send('DELETE', '/v1/users/u_zed'))).toEqual({
      status: 200,
      body: { id: 'u_zed', removed: true, warnings: [] },
    });
    const ids = textsAt((await api.get('/v1/users')).body, 'id');
    expect(ids).toEqual(ids.toSorted());
    expect(ids).toContain('u_admin');
    expect(ids).not.toContain('u_zed');
    expect(said(await api.send('DELETE', '/v1/users/u_zed'))).toEqual(
      domainError(
        404,
        'user_not_found',
        "There is no user 'u_zed' in this project: check the id, or list what there is.",
      ),
    );
  });
});

describe('tokens', () => {
  test('of a person: the secret is shown once, and works', async () => {
    await put('u_tok', DANA);
    const reply = await api.post('/v1/tokens', { body: { user_id: 'u_tok' } });
    const secret = textAt(reply.body, 'token');
    expect(said(reply)).toEqual({
      status: 201,
      body: {
        id: textAt(reply.body, 'id'),
        user_id: 'u_tok',
        service: null,
        scopes: [],
        created_by: 'u_admin',
        created_at: textAt(reply.body, 'created_at'),
        revoked_at: null,
        token: secret,
      },
    });
    expect((await api.get('/v1/me', { as: { id: 'u_tok', token: secret } })).status).toBe(200);
    const list = await api.get('/v1/tokens');
    expect(JSON.stringify(list.body)).not.toContain(secret);
    expect(textsAt(list.body, 'id')).toContain(textAt(reply.body, 'id'));
    expect(api.log().join('')).not.toContain(secret);
  });

  test('of a service, with scopes, each once', async () => {
    const body = { service: 'nightly', scopes: ['runs:write', 'reviews:read', 'runs:write'] };
    const reply = await api.post('/v1/tokens', { body });
    expect(reply.body).toMatchObject({
      user_id: null,
      service: 'nightly',
      scopes: ['runs:write', 'reviews:read'],
    });
    const as = { id: 'nightly', token: textAt(reply.body, 'token') };
    expect((await api.get('/v1/me', { as })).body).toEqual({
      kind: 'service',
      id: 'nightly',
      name: 'nightly',
      email: '',
      groups: [],
      roles: [],
      scopes: ['runs:write', 'reviews:read'],
      project_id: 'prj_default',
    });
  });

  const either = {
    loc: ['body'],
    msg: 'Expected either `user_id`, or `service` and `scopes`.',
    type: 'value_error',
  };
  test.each([
    ['neither', {}, either],
    ['both', { user_id: 'u_admin', service: 'x', scopes: ['admin'] }, either],
    ['a person with scopes', { user_id: 'u_admin', scopes: ['admin'] }, either],
    ['a service without scopes', { service: 'x' }, either],
    [
      'no scope at all',
      { service: 'x', scopes: [] },
      { loc: ['body', 'scopes'], msg: 'Expected at least 1 items.', type: 'too_short' },
    ],
    [
      'an unknown scope',
      { service: 'x', scopes: ['root'] },
      {
        loc: ['body', 'scopes', 0],
        msg: "Expected one of 'runs:write', 'reviews:read', 'reviews:vote-as', 'admin'.",
        type: 'enum',
      },
    ],
  ])('%s → 422', async (_case, body, problem) => {
    expect(said(await api.post('/v1/tokens', { body }))).toEqual(invalidInput(problem));
  });

  test('of an unknown or a removed person → 404', async () => {
    await put('u_left', DANA);
    await api.send('DELETE', '/v1/users/u_left');
    for (const id of ['u_nope', 'u_left']) {
      expect(said(await api.post('/v1/tokens', { body: { user_id: id } }))).toEqual(
        domainError(
          404,
          'user_not_found',
          `There is no user '${id}' in this project: check the id, or list what there is.`,
        ),
      );
    }
  });

  test('end at once, and ending one again changes nothing', async () => {
    await put('u_rev', DANA);
    const created = await api.post('/v1/tokens', { body: { user_id: 'u_rev' } });
    const id = textAt(created.body, 'id');
    const as = { id: 'u_rev', token: textAt(created.body, 'token') };
    const revoke = () => api.send('DELETE', `/v1/tokens/${id}`);
    expect(said(await revoke())).toEqual({ status: 200, body: { id, revoked: true } });
    expect((await api.get('/v1/me', { as })).status).toBe(401);
    expect((await revoke()).status).toBe(200);
    expect(said(await api.send('DELETE', '/v1/tokens/tok_nope'))).toEqual(
      domainError(
        404,
        'token_not_found',
        "There is no token 'tok_nope' in this project: check the id, or list what there is.",
      ),
    );
  });
});

describe('audit', () => {
  test('has what happened to a review, in order, and can be narrowed and paged', async () => {
    const ann = await api.person('u_ann');
    const review = await api.openReview();
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    const { body } = await api.get(`/v1/audit?review_id=${review.id}`);
    expect(body).toMatchObject({
      data: [
        { action: 'gate_fired', actor_id: 'countersign', run_id: review.runId },
        {
          action: 'decision_made',
          actor_id: 'u_ann',
          review_id: review.id,
          detail: { verdict: 'approved', version_id: review.seedId, dialect: 'retab' },
        },
        {
          action: 'released',
          actor_id: 'countersign',
          review_id: review.id,
          detail: { version_id: review.seedId, step_id: review.stepId },
        },
      ],
      list_metadata: { before: null, after: null },
    });
    const all = await api.get(`/v1/audit?run_id=${review.runId}`);
    const ids = textsAt(all.body, 'id');
    const first = await api.get(`/v1/audit?run_id=${review.runId}&limit=2`);
    expect(textsAt(first.body, 'id')).toEqual(ids.slice(0, 2));
    expect(valueAt(first.body, 'list_metadata')).toEqual({ before: null, after: ids[1] });
    const rest = await api.get(`/v1/audit?run_id=${review.runId}&limit=2&after=${ids[1]}`);
    expect(textsAt(rest.body, 'id')).toEqual(ids.slice(2, 4));
  });

  test('never has a snapshot', async () => {
    const review = await api.openReview({ snapshot: { secret_total: 'hunter2' } });
    expect(review.id).toMatch(/^rev_/);
    expect(JSON.stringify((await api.get('/v1/audit?limit=500')).body)).not.toContain('hunter2');
  });

  test.each(['after=x', 'after=-1', `after=${'9'.repeat(19)}`, 'limit=0', 'limit=501'])(
    '%s → 422',
    async (query) => {
      expect((await api.get(`/v1/audit?${query}`)).status).toBe(422);
    },
  );
});

test('me says whose token this is', async () => {
  const ann = await api.person('u_me', { groups: ['finance'] });
  expect((await api.get('/v1/me', { as: ann })).body).toEqual({
    kind: 'person',
    id: 'u_me',
    name: 'Name of u_me',
    email: 'u_me@example.com',
    groups: ['finance'],
    roles: ['reviewer'],
    scopes: [],
    project_id: 'prj_default',
  });
});
