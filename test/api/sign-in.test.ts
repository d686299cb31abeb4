import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM } from '../../src/store/actors.js';
import { putPerson, removePerson } from '../../src/store/people.js';
import { domainError, said, startApi, type Reply, type TestApi, valueAt } from '../support/api.js';
import { FROM_OUR_PAGE, linkFor, signIn } from '../support/browser-session.js';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
  for (const id of ['u_dana', 'u_lee', 'u_sam']) {
    await api.person(id, { groups: ['finance'] });
  }
});
afterAll(() => api.stop());

const sessionOf = async (cookie: string): Promise<unknown> =>
  valueAt((await api.get('/v1/session', { as: null, headers: { cookie } })).body, 'person');

const me = async (cookie: string): Promise<Reply> =>
  await api.get('/v1/me', { as: null, headers: { cookie } });

const GONE = domainError(
  404,
  'sign_in_link_not_found',
  'This sign-in link has been used, is too old, or never was: ask for a new one (`countersign sign-in-link`).',
);

describe('a session', () => {
  test('is nobody without a cookie, and says how one signs in', async () => {
    expect(said(await api.get('/v1/session', { as: null }))).toEqual({
      status: 200,
      body: {
        person: null,
        sign_in: { oidc: null, links: true },
        temporal_ui_url: 'http://localhost:8233/',
        version: '0.0.0-test',
      },
    });
  });

  test('is the person whom the link was for, on every route', async () => {
    const cookie = await signIn(api, 'u_dana');
    expect(cookie).toMatch(/^countersign_session=[\w-]{43}$/);
    const person = {
      id: 'u_dana',
      name: 'Name of u_dana',
      email: 'u_dana@example.com',
      groups: ['finance'],
      roles: ['reviewer'],
    };
    expect(await sessionOf(cookie)).toEqual(person);
    expect((await me(cookie)).body).toMatchObject({ ...person, kind: 'person', scopes: [] });
    expect((await me(`other=1; ${cookie}; countersign_sessionx=2`)).status).toBe(200);
  });

  test('is a cookie that no script reads, for as long as a session can last', async () => {
    const code = await linkFor(api, 'u_dana');
    const reply = await api.post(`/v1/session/links/${code}`, { as: null, headers: FROM_OUR_PAGE });
    expect(said(reply)).toEqual({ status: 204, body: '' });
    expect(reply.headers.get('set-cookie')).toMatch(
      /^countersign_session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/,
    );
  });

  test('is stored as a hash, and so is a link', async () => {
    const code = await linkFor(api, 'u_dana');
    const secret = (await signIn(api, 'u_dana')).split('=')[1] ?? '';
    const rows = await sql`
      select s.*::text as row from web_session s union all select l.*::text from sign_in_link l
      union all select a.*::text from audit a`.execute(api.db);
    const stored = JSON.stringify(rows.rows);
    expect(stored).toContain('u_dana');
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(code);
    const log = api.log().join('\n');
    expect(log).toContain('/v1/session/links/…');
    expect(log).not.toContain(code);
  });

  test('gives way to a token that is sent too', async () => {
    const cookie = await signIn(api, 'u_dana');
    expect((await api.get('/v1/me', { headers: { cookie } })).body).toMatchObject({
      id: 'u_admin',
    });
    const wrong = await api.get('/v1/me', { as: { id: '', token: 'cs_no' }, headers: { cookie } });
    expect(wrong.status).toBe(401);
    const put = await api.send('PUT', '/v1/users/u_new', {
      headers: { cookie },
      body: { name: 'New', email: 'new@example.com', groups: [] },
    });
    expect(put.status, 'a token needs no proof of where it is from').toBe(200);
  });

  test('ends by signing out, and no other one with it', async () => {
    const [cookie, other] = [await signIn(api, 'u_dana'), await signIn(api, 'u_dana')];
    const reply = await api.send('DELETE', '/v1/session', {
      as: null,
      headers: { cookie, ...FROM_OUR_PAGE },
    });
    expect(reply.status).toBe(204);
    expect(reply.headers.get('set-cookie')).toMatch(/^countersign_session=; Path=\/; Max-Age=0;/);
    expect(said(await me(cookie))).toEqual(
      domainError(401, 'unauthenticated', 'Your session has ended: sign in again.'),
    );
    expect(await sessionOf(cookie)).toBeNull();
    expect((await me(other)).status).toBe(200);
  });

  test('ends with the removal of its person, and does not come back with them', async () => {
    const person = { id: 'u_gone', name: 'Gone', email: '', slackId: '', groups: [], roles: [] };
    await putPerson(api.db, SYSTEM, person);
    const [cookie, code] = [await signIn(api, 'u_gone'), await linkFor(api, 'u_gone')];
    await removePerson(api.db, SYSTEM, 'u_gone');
    expect((await me(cookie)).status).toBe(401);
    await putPerson(api.db, SYSTEM, person);
    expect((await me(cookie)).status).toBe(401);
    expect((await api.get(`/v1/session/links/${code}`, { as: null })).status).toBe(404);
  });

  test('ends after 12 hours without use, and after 7 days with any', async () => {
    const cookie = await signIn(api, 'u_sam');
    const age = async (created: string, left: string): Promise<void> => {
      await sql`update web_session set created_at = clock_timestamp() - ${created}::interval,
        expires_at = clock_timestamp() + ${left}::interval where person_id = 'u_sam'`.execute(
        api.db,
      );
    };
    const hoursLeft = async (): Promise<number> => {
      const { rows } = await sql<{ hours: number }>`
        select round(extract(epoch from expires_at - clock_timestamp()) / 3600)::int as hours
        from web_session where person_id = 'u_sam'`.execute(api.db);
      return rows[0]?.hours ?? -1;
    };
    expect(await hoursLeft()).toBe(12);
    await age('3 hours', '9 hours');
    expect((await me(cookie)).status).toBe(200);
    expect(await hoursLeft(), 'a use lengthens it').toBe(12);
    await age('166 hours', '1 hour');
    expect((await me(cookie)).status).toBe(200);
    expect(await hoursLeft(), 'to seven days and no further').toBe(2);
    await age('3 hours', '-1 second');
    expect((await me(cookie)).status).toBe(401);
  });
});

describe('a link', () => {
  test('says whom it signs in as often as it is looked at, and works once', async () => {
    const path = `/v1/session/links/${await linkFor(api, 'u_lee')}`;
    for (const method of ['GET', 'HEAD', 'GET']) {
      expect((await api.send(method, path, { as: null })).status).toBe(200);
    }
    expect((await api.get(path, { as: null })).body).toEqual({
      person: { id: 'u_lee', name: 'Name of u_lee' },
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
    });
    const use = async (): Promise<Reply> =>
      await api.post(path, { as: null, headers: FROM_OUR_PAGE });
    const replies = await Promise.all([use(), use(), use()]);
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 404, 404]);
    expect(said(await use())).toEqual(GONE);
    expect(said(await api.get(path, { as: null }))).toEqual(GONE);
  });

  test('ends with its time, and an unknown one never was', async () => {
    const old = await linkFor(api, 'u_lee', -1);
    for (const code of [old, 'nonsense', '%00', "';--"]) {
      const path = `/v1/session/links/${encodeURIComponent(code)}`;
      expect([404, 422]).toContain((await api.get(path, { as: null })).status);
      const used = await api.post(path, { as: null, headers: FROM_OUR_PAGE });
      expect([404, 422]).toContain(used.status);
    }
    expect(said(await api.get(`/v1/session/links/${old}`, { as: null }))).toEqual(GONE);
  });

  test('is not used by a page of another site, which could sign people in as somebody else', async () => {
    const path = `/v1/session/links/${await linkFor(api, 'u_lee')}`;
    const reply = await api.post(path, { as: null, headers: { 'sec-fetch-site': 'cross-site' } });
    expect(reply.status).toBe(403);
    expect(reply.headers.get('set-cookie')).toBeNull();
    expect((await api.get(path, { as: null })).status).toBe(200);
  });

  test('and who used it are in the audit', async () => {
    await signIn(api, 'u_sam');
    const { body } = await api.get('/v1/audit?limit=500');
    const rows = JSON.stringify(body);
    expect(rows).toContain('sign_in_link_created');
    expect(rows).toContain('"signed_in"');
    expect(rows).toMatch(/"ses_[A-Z2-7]{26}"/);
  });
});

describe('what changes something, by cookie', () => {
  const CSRF = { 'x-countersign-csrf': '1' };
  const own = (): string => api.url;

  test.each([
    ['nothing', () => ({})],
    ['the header alone', () => CSRF],
    ['its own site alone', () => ({ 'sec-fetch-site': 'same-origin', origin: own() })],
    ['another site', () => ({ ...CSRF, 'sec-fetch-site': 'cross-site' })],
    ['another origin of the site', () => ({ ...CSRF, 'sec-fetch-site': 'same-site' })],
    ['another origin', () => ({ ...CSRF, origin: 'https://evil.example' })],
    ['an origin that only begins so', () => ({ ...CSRF, origin: `${own()}.evil.example` })],
    ['no origin', () => ({ ...CSRF, origin: 'null' })],
    ['another header value', () => ({ ...FROM_OUR_PAGE, 'x-countersign-csrf': '0' })],
  ])('is refused with %s, and nothing is done', async (_what, headers) => {
    const cookie = await signIn(api, 'u_dana');
    const review = await api.openReview();
    const sent = { as: null, headers: { cookie, ...headers() } };
    const body = { version_id: review.seedId };
    const reply = await api.post(`${review.path}/approve`, { ...sent, body });
    expect(reply.status).toBe(403);
    expect(valueAt(reply.body, 'detail', 'code')).toBe('forbidden');
    expect(valueAt((await api.get(review.path)).body, 'decision_status')).not.toBe('approved');
    const { body: votes } = await api.get(`${review.path}/votes`);
    expect(valueAt(votes, 'data')).toEqual([]);
    // The other contracts, in their own forms.
    const hoop = await api.send('PUT', `/api/reviews/${review.id}`, {
      ...sent,
      body: { status: 'APPROVED' },
    });
    expect(said(hoop)).toEqual({ status: 403, body: { message: 'access denied' } });
    const started = await api.post('/v1/workflows/runs', { ...sent, body: {} });
    expect(started.status).toBe(403);
    const out = await api.send('DELETE', '/v1/session', sent);
    expect(out.status).toBe(403);
    expect((await me(cookie)).status).toBe(200);
  });

  test.each([
    ['what the browser says', () => FROM_OUR_PAGE],
    ['an address that was typed', () => ({ ...CSRF, 'sec-fetch-site': 'none' })],
    ['our own origin', () => ({ ...CSRF, origin: own() })],
  ])('is done with the header and %s', async (_what, headers) => {
    const cookie = await signIn(api, 'u_dana');
    const review = await api.openReview();
    const reply = await api.post(`${review.path}/approve`, {
      as: null,
      headers: { cookie, ...headers() },
      body: { version_id: review.seedId },
    });
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
    const { body } = await api.get(`${review.path}/votes`);
    expect(JSON.stringify(body)).toContain('u_dana');
  });

  test('is refused to a role that may not, as with a token', async () => {
    const cookie = await signIn(api, 'u_dana');
    const sent = { as: null, headers: { cookie, ...FROM_OUR_PAGE } };
    expect((await api.get('/v1/tokens', sent)).status).toBe(403);
    expect((await api.send('PUT', '/v1/users/u_eve', { ...sent, body: {} })).status).toBe(403);
  });
});

describe('behind https', () => {
  let secure: TestApi;
  beforeAll(async () => {
    secure = await startApi({ publicUrl: new URL('https://gates.example.com') });
    await secure.person('u_dana');
  });
  afterAll(() => secure.stop());

  test('the cookie is for https and for this host alone', async () => {
    const code = await linkFor(secure, 'u_dana');
    const reply = await secure.post(`/v1/session/links/${code}`, {
      as: null,
      headers: { 'x-countersign-csrf': '1', origin: 'https://gates.example.com' },
    });
    expect(reply.headers.get('set-cookie')).toMatch(
      /^__Host-countersign_session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure$/,
    );
    const cookie = await signIn(secure, 'u_dana');
    const seen = async (sent: string): Promise<number> =>
      (await secure.get('/v1/me', { as: null, headers: { cookie: sent } })).status;
    expect(await seen(cookie)).toBe(200);
    expect(await seen(cookie.replace('__Host-', ''))).toBe(401);
  });

  test('only the public origin is ours', async () => {
    const cookie = await signIn(secure, 'u_dana');
    const reply = await secure.send('DELETE', '/v1/session', {
      as: null,
      headers: { cookie, 'x-countersign-csrf': '1', origin: secure.url },
    });
    expect(reply.status).toBe(403);
  });
});
