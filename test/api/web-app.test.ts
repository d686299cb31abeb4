import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApi, type TestApi, valueAt } from '../support/api.js';

let folder: string;
let api: TestApi;

const PAGE = '<!doctype html><title>The inbox</title>';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-web-'));
  api = await startApi({ webFolder: join(folder, 'web') });
});
afterAll(async () => {
  await api.stop();
  await rm(folder, { recursive: true });
});

test('before it is built, the front page says how, also to whoever opens a sign-in link', async () => {
  for (const path of ['/', '/signin', '/signin/link/abc']) {
    const { status, body } = await api.get(path, { as: null });
    expect(status).toBe(200);
    expect(body).toContain('npm run web:build');
  }
});

describe('once it is built', () => {
  beforeAll(async () => {
    const web = join(folder, 'web');
    await mkdir(join(web, 'assets'), { recursive: true });
    await mkdir(join(web, '.vite'));
    await writeFile(join(web, 'index.html'), PAGE);
    await writeFile(join(web, 'theme.js'), 'theme()');
    await writeFile(join(web, '.vite/manifest.json'), '{"of":"the build"}');
    await writeFile(join(web, 'assets/index-a1b2c3.js'), 'app()');
    await writeFile(join(folder, 'secret.js'), 'secret');
  });

  test.each([
    '/',
    '/?view=all',
    '/signin',
    '/signin?error=expired',
    '/signin/link/abc-DEF_1',
    '/reviews/rev_1',
    '/runs',
    '/runs/run_1',
    '/workflows',
    '/workflows/wf',
    '/operations',
  ])('%s is a page of it', async (path) => {
    const { status, headers, body } = await api.get(path, { as: null });
    expect({ status, body }).toEqual({ status: 200, body: PAGE });
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy':
        "default-src 'self';script-src 'self';style-src 'self';img-src 'self' data: blob:;frame-src 'self' blob:;connect-src 'self';object-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'self'",
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
  });

  test.each([
    ['/nowhere', 'text/html,application/xhtml+xml,*/*;q=0.8', PAGE],
    ['/nowhere', '*/*', { detail: { code: 'not_found' } }],
    ['/v1/nowhere', 'text/html', { detail: { code: 'not_found' } }],
    ['/api/nowhere', 'text/html', { message: 'resource not found' }],
  ])('%s, asked for as %s, is not there', async (path, accept, body) => {
    const reply = await api.get(path, { as: null, headers: { accept } });
    expect(reply.status).toBe(404);
    if (typeof body === 'string') {
      expect(reply.body).toBe(body);
    } else {
      expect(reply.body).toMatchObject(body);
    }
  });

  test('what a hash names is kept for ever, and nothing else is', async () => {
    const asset = await api.get('/assets/index-a1b2c3.js', { as: null });
    expect(asset.body).toBe('app()');
    expect(asset.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const theme = await api.get('/theme.js', { as: null });
    expect(theme.body).toBe('theme()');
    expect(theme.headers.get('cache-control')).toBe('no-cache');
  });

  test.each(['/v1/nope', '/v1', '/v2/workflow/nope', '/api/nope', '/nope', '/assets/nope.js'])(
    '%s is still not found, as JSON',
    async (path) => {
      const { status, headers, body } = await api.get(path);
      expect(status).toBe(404);
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(valueAt(body, 'title')).toBeUndefined();
    },
  );

  test.each([
    '/.vite/manifest.json',
    '/assets/..%2findex.html',
    '/assets/..%2f..%2fsecret.js',
    '/..%2fsecret.js',
    '/assets/',
  ])('%s leads nowhere', async (path) => {
    const { status, body } = await api.get(path, { as: null });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(body)).not.toMatch(/secret'|of the build|"secret"/);
  });

  test('the documentation keeps its own policy, and nobody may frame it either', async () => {
    const { status, headers } = await api.get('/docs', { as: null });
    expect(status).toBe(200);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("style-src 'self' https: 'unsafe-inline'");
    expect(policy).toContain("frame-ancestors 'none'");
  });
});
