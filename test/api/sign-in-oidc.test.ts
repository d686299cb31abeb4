import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOidc } from '../../src/api/sign-in/oidc.js';
import type { OidcSettings } from '../../src/api/sign-in/oidc-settings.js';
import { safeReturnPath } from '../../src/api/sign-in/return-path.js';
import { ConfigError } from '../../src/cli/config.js';
import { readOidcSettings } from '../../src/cli/oidc-settings.js';
import { SYSTEM } from '../../src/store/actors.js';
import { putPerson, removePerson } from '../../src/store/people.js';
import { domainError, said, startApi, type TestApi, valueAt } from '../support/api.js';
import {
  createBrowser,
  type OpenIdProvider,
  startOpenIdProvider,
} from '../support/openid-provider.js';

let provider: OpenIdProvider;
let api: TestApi;

const settingsFor = (issuer: string): OidcSettings => ({
  issuer: new URL(issuer),
  clientId: 'countersign',
  clientSecret: 'a secret of the client',
  scopes: 'openid profile email',
  audience: 'https://gates.example',
  idClaim: 'sub',
  groupsClaim: 'groups',
  roleMap: { 'gate-admins': 'admin' },
});

beforeAll(async () => {
  provider = await startOpenIdProvider();
  api = await startApi({ oidc: createOidc(settingsFor(provider.issuer)) });
  provider.register(`${api.url}/auth/callback`);
});
afterAll(async () => {
  await api.stop();
  await provider.stop();
});

type Browser = ReturnType<typeof createBrowser>;

const locationOf = (response: Response, base: string): string =>
  new URL(response.headers.get('location') ?? '', base).href;

/** Signs in at the provider and gives the address that it leads back to, which nobody has opened yet. */
async function throughProvider(browser: Browser, login: string, returnTo = '/'): Promise<string> {
  const path = `/auth/login?return_to=${encodeURIComponent(returnTo)}`;
  let at = api.url + path;
  for (let step = 0; step < 20; step += 1) {
    if (at.startsWith(`${api.url}/auth/callback`)) {
      return at;
    }
    const page = await browser.visit(at);
    if (page.status >= 300 && page.status < 400) {
      at = locationOf(page, at);
      continue;
    }
    const html = await page.text();
    const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1];
    if (action === undefined) {
      throw new Error(`no form at ${at}: ${html}`);
    }
    const form = html.includes('name="login"')
      ? { prompt: 'login', login, password: 'any' }
      : { prompt: 'consent' };
    at = locationOf(await browser.visit(new URL(action, at).href, form), at);
  }
  throw new Error('the sign-in does not end');
}

async function whoIs(browser: Browser): Promise<unknown> {
  const session = await browser.visit(`${api.url}/v1/session`);
  return valueAt(await session.json(), 'person');
}

describe('signing in at the provider', () => {
  test('makes the person of the claims and leads back, with roles by the map alone', async () => {
    provider.accounts.set('ann', {
      name: 'Ann Lee',
      email: 'ann@example.com',
      groups: ['finance', 'admin', 'auditor'],
    });
    const browser = createBrowser();
    const end = await browser.visit(await throughProvider(browser, 'ann', '/reviews/rev_1?a=b'));
    expect(end.status).toBe(302);
    expect(end.headers.get('location')).toBe('/reviews/rev_1?a=b');
    expect(await whoIs(browser)).toEqual({
      id: 'ann',
      name: 'Ann Lee',
      email: 'ann@example.com',
      groups: ['finance', 'admin', 'auditor'],
      roles: ['reviewer'],
    });
    // The next time says what is true then.
    provider.accounts.set('ann', {
      name: 'Ann Wu',
      email: 'ann@example.com',
      groups: ['gate-admins'],
    });
    const again = createBrowser();
    await again.visit(await throughProvider(again, 'ann'));
    expect(await whoIs(again)).toMatchObject({
      name: 'Ann Wu',
      groups: ['gate-admins'],
      roles: ['reviewer', 'admin'],
    });
  });

  test('is offered by the session', async () => {
    const { body } = await api.get('/v1/session', { as: null });
    expect(valueAt(body, 'sign_in', 'oidc')).toEqual({
      label: `Sign in with ${new URL(provider.issuer).host}`,
      url: '/auth/login',
    });
  });

  const refused = async (browser: Browser, url: string, failure: string): Promise<void> => {
    const end = await browser.visit(url);
    expect(end.headers.get('location')).toBe(`/signin?error=${failure}`);
    expect(end.headers.getSetCookie().join()).not.toContain('countersign_session');
    expect(await whoIs(browser)).toBeNull();
  };

  test('is refused with another state, and in another browser', async () => {
    const browser = createBrowser();
    const callback = await throughProvider(browser, 'bob');
    const url = new URL(callback);
    url.searchParams.set('state', 'another');
    await refused(createBrowser(), callback, 'state_mismatch');
    await refused(browser, url.href, 'state_mismatch');
    await refused(browser, callback, 'state_mismatch');
  });

  test.each([
    ['another nonce', { nonce: 'another' }, 'failed'],
    ['another verifier', { verifier: 'x'.repeat(43) }, 'failed'],
    ['its time over', { until: 1 }, 'expired'],
  ])('is refused with %s', async (_what, change, failure) => {
    const browser = createBrowser();
    const callback = await throughProvider(browser, 'bob');
    const cookie = browser.cookie('countersign_oidc');
    const flow: unknown = JSON.parse(Buffer.from(cookie, 'base64url').toString());
    const changed = Buffer.from(JSON.stringify(Object.assign({}, flow, change)));
    const end = await fetch(callback, {
      redirect: 'manual',
      headers: { cookie: `countersign_oidc=${changed.toString('base64url')}` },
    });
    expect(end.headers.get('location')).toBe(`/signin?error=${failure}`);
    expect(end.headers.getSetCookie().join()).not.toContain('countersign_session');
  });

  test('is refused with a code that was used', async () => {
    const browser = createBrowser();
    const callback = await throughProvider(browser, 'bob');
    const headers = { cookie: `countersign_oidc=${browser.cookie('countersign_oidc')}` };
    const ends: (string | null)[] = [];
    for (let time = 0; time < 2; time += 1) {
      const end = await fetch(callback, { redirect: 'manual', headers });
      ends.push(end.headers.get('location'));
    }
    expect(ends).toEqual(['/', '/signin?error=failed']);
  });

  test('is refused when it was declined there', async () => {
    const browser = createBrowser();
    const callback = new URL(await throughProvider(browser, 'bob'));
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    await refused(browser, callback.href, 'access_denied');
  });

  test('brings back nobody who was removed, and takes over nobody of the installation', async () => {
    const person = { name: 'X', email: '', slackId: '', groups: [], roles: ['admin'] as const };
    await putPerson(api.db, SYSTEM, { ...person, id: 'zoe' });
    await removePerson(api.db, SYSTEM, 'zoe');
    await putPerson(api.db, SYSTEM, { ...person, id: 'admin' }, 'bootstrap');
    for (const login of ['zoe', 'admin']) {
      const browser = createBrowser();
      await refused(browser, await throughProvider(browser, login), 'removed');
    }
  });
});

test.each([
  ['/reviews/rev_1', '/reviews/rev_1'],
  ['/?view=all', '/?view=all'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['/a\\..\\evil', '/'],
  ['https://evil.example/', '/'],
  ['javascript:alert(1)', '/'],
  ['/.//evil.example', '/'],
  ['/x/..//evil.example', '/'],
  ['/\t/evil.example', '/'],
  ['', '/'],
  [null, '/'],
])('after signing in, %j leads to %s', (wanted, to) => {
  expect(safeReturnPath(wanted)).toBe(to);
});

describe('a token of the provider', () => {
  const now = (): number => Math.floor(Date.now() / 1_000);
  const claims = (): Record<string, unknown> => ({
    iss: provider.issuer,
    aud: 'https://gates.example',
    sub: 'jo',
    name: 'Jo',
    groups: ['legal', 'gate-admins'],
    iat: now(),
    exp: now() + 300,
  });
  const seen = async (token: string) => await api.get('/v1/me', { as: { id: '', token } });

  test('is its person, made or refreshed', async () => {
    expect((await seen(await provider.sign(claims()))).body).toMatchObject({
      id: 'jo',
      groups: ['legal', 'gate-admins'],
      roles: ['reviewer', 'admin'],
    });
    const { body } = await seen(await provider.sign({ ...claims(), groups: [] }));
    expect(body).toMatchObject({ groups: [], roles: ['reviewer'] });
    await removePerson(api.db, SYSTEM, 'jo');
    expect((await seen(await provider.sign(claims()))).status).toBe(401);
  });

  test.each<[string, () => Promise<string>]>([
    ['another audience', async () => provider.sign({ ...claims(), aud: 'https://other.example' })],
    ['another issuer', async () => provider.sign({ ...claims(), iss: 'https://other.example' })],
    ['its time over', async () => provider.sign({ ...claims(), exp: now() - 60 })],
    ['no end', async () => provider.sign({ ...claims(), exp: undefined })],
    ['another key', async () => provider.sign(claims(), 'another key')],
    ['no signature', async () => unsigned(claims())],
    ['nonsense', async () => 'a.b.c'],
  ])('is nobody with %s', async (_what, token) => {
    expect((await seen(await token())).status).toBe(401);
  });
});

function unsigned(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

test('a provider that is away is said, and everything else works', async () => {
  const alone = await startApi({ oidc: createOidc(settingsFor('http://127.0.0.1:9')) });
  try {
    const login = await fetch(`${alone.url}/auth/login`, { redirect: 'manual' });
    expect(login.headers.get('location')).toBe('/signin?error=unavailable');
    expect((await alone.get('/v1/me')).status).toBe(200);
    const token = await provider.sign({ sub: 'jo' });
    expect(said(await alone.get('/v1/me', { as: { id: '', token } }))).toEqual(
      domainError(
        503,
        'unavailable',
        'The OpenID provider does not answer at the moment: send the request again in a few seconds.',
      ),
    );
  } finally {
    await alone.stop();
  }
});

describe('the settings', () => {
  const OIDC_ISSUER = 'https://id.example';

  test('are none without an issuer, and have defaults with one', () => {
    expect(readOidcSettings({ OIDC_CLIENT_ID: 'x' })).toBeNull();
    expect(readOidcSettings({ OIDC_ISSUER })).toEqual({
      issuer: new URL(OIDC_ISSUER),
      clientId: null,
      clientSecret: null,
      scopes: 'openid profile email',
      audience: null,
      idClaim: 'sub',
      groupsClaim: 'groups',
      roleMap: {},
    });
  });

  test('of scopes are sent as they are', async () => {
    const scopes = readOidcSettings({ OIDC_ISSUER, OIDC_SCOPES: ' openid  groups ' })?.scopes ?? '';
    const other = await startApi({
      oidc: createOidc({ ...settingsFor(provider.issuer), scopes }),
    });
    try {
      const login = await fetch(`${other.url}/auth/login`, { redirect: 'manual' });
      const to = new URL(login.headers.get('location') ?? '');
      expect(to.searchParams.get('scope')).toBe('openid groups');
    } finally {
      await other.stop();
    }
  });

  test.each([
    [{ OIDC_ISSUER, OIDC_SCOPES: 'profile email' }, /OIDC_SCOPES .* must have openid/],
    [{ OIDC_ISSUER: 'http://id.example' }, /OIDC_ISSUER .* must be an https URL/],
    [{ OIDC_ISSUER: 'http://127.0.0.1.evil.example' }, /OIDC_ISSUER/],
    [{ OIDC_ISSUER: 'id.example' }, /OIDC_ISSUER/],
    [{ OIDC_ISSUER, OIDC_ROLE_MAP: '{"a":"king"}' }, /OIDC_ROLE_MAP .* must be a JSON object/],
    [{ OIDC_ISSUER, OIDC_ROLE_MAP: 'x' }, /OIDC_ROLE_MAP/],
  ])('%j are refused', (env, message) => {
    expect(() => readOidcSettings(env)).toThrow(ConfigError);
    expect(() => readOidcSettings(env)).toThrow(message);
  });
});
