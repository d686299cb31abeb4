import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Caller, said, startApi, type TestApi, valueAt } from '../support/api.js';
import { until } from '../support/until.js';

let api: TestApi;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann');
});
beforeEach(() => {
  api.delivery = 'delivers';
  api.temporal = { reachable: true, since: null };
});
afterAll(() => api.stop());

test('healthz says that the process lives, to anybody', async () => {
  expect(said(await api.get('/healthz', { as: null }))).toEqual({
    status: 200,
    body: { status: 'ok', version: '0.0.0-test' },
  });
});

describe('readyz', () => {
  const ready = {
    status: 'ready',
    version: '0.0.0-test',
    postgres: 'ok',
    temporal: 'ok',
    temporal_since: null,
    backlog: { pending: 0, oldest_pending_ms: null, failed: 0 },
  };

  test('is 200 while PostgreSQL answers', async () => {
    expect(said(await api.get('/readyz', { as: null }))).toEqual({ status: 200, body: ready });
  });

  test('is 200 before anybody has asked Temporal', async () => {
    api.temporal = { reachable: null, since: null };
    expect((await api.get('/readyz')).body).toEqual({ ...ready, temporal: 'unknown' });
  });

  test('is 200 and says degraded, with the backlog, while Temporal is away', async () => {
    const review = await api.openReview();
    api.delivery = 'finds Temporal away';
    api.temporal = { reachable: false, since: '2026-05-13T08:14:02.341Z' };
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    // What is owed is measured once a second.
    const reply = await until('the backlog to be shown', async () => {
      const shown = await api.get('/readyz', { as: null });
      return valueAt(shown.body, 'backlog', 'pending') === 1 && shown;
    });
    expect(said(reply)).toEqual({
      status: 200,
      body: {
        ...ready,
        temporal: 'degraded',
        temporal_since: '2026-05-13T08:14:02.341Z',
        backlog: {
          pending: 1,
          oldest_pending_ms: expect.any(Number) as unknown,
          failed: 0,
        },
      },
    });
  });
});

describe('metrics', () => {
  const read = async (): Promise<string> => {
    const reply = await api.get('/metrics', { as: null });
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain/);
    return String(reply.body);
  };
  const valueOf = (metrics: string, line: string): number => {
    const found = metrics.split('\n').find((one) => one.startsWith(`${line} `));
    return Number(found?.split(' ').at(-1) ?? 'NaN');
  };

  test('count votes by verdict and wire, and repeats not at all', async () => {
    const before = await read();
    const line = 'countersign_votes_total{verdict="rejected",dialect="retab"}';
    const review = await api.openReview();
    const body = { version_id: review.seedId, reason: 'no' };
    for (let count = 0; count < 3; count += 1) {
      await api.post(`${review.path}/reject`, { as: ann, body });
    }
    const counted = valueOf(await read(), line) - (valueOf(before, line) || 0);
    expect(counted).toBe(1);
  });

  test('measure requests by route and status', async () => {
    await api.get('/v1/workflows/reviews/rev_none');
    const metrics = await read();
    const line = 'countersign_http_request_duration_seconds_count';
    expect(valueOf(metrics, `${line}{route="reviews.get",status="404"}`)).toBeGreaterThan(0);
    expect(metrics).not.toContain('rev_none');
    expect(metrics).toContain('process_cpu_user_seconds_total');
  });

  test('show the backlog', async () => {
    const review = await api.openReview();
    const before = valueOf(await read(), 'countersign_backlog_failed');
    api.delivery = 'finds no workflow';
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    const metrics = await until('what failed to be counted', async () => {
      const text = await read();
      return valueOf(text, 'countersign_backlog_failed') > before && text;
    });
    expect(valueOf(metrics, 'countersign_backlog_failed') - before).toBe(1);
    expect(valueOf(metrics, 'countersign_backlog_pending')).toBeGreaterThanOrEqual(1);
    expect(valueOf(metrics, 'countersign_backlog_oldest_seconds')).toBeGreaterThan(0);
    expect(valueOf(metrics, 'countersign_postgres_up')).toBe(1);
  });
});

describe('pages', () => {
  test.each([
    ['/', 'text/html; charset=utf-8', 'href="/docs"'],
    ['/docs', 'text/html; charset=utf-8', 'src="/docs/initialise.js"'],
    ['/docs/initialise.js', 'text/javascript; charset=utf-8', "url: '/openapi.json'"],
    ['/docs/swagger-ui.css', 'text/css; charset=utf-8', '.swagger-ui'],
    ['/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8', 'SwaggerUIBundle'],
  ])('%s', async (path, type, part) => {
    const reply = await api.get(path, { as: null });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe(type);
    expect(reply.body).toContain(part);
  });

  test('load nothing from elsewhere, and no script inline', async () => {
    for (const path of ['/', '/docs']) {
      const reply = await api.get(path, { as: null });
      expect(String(reply.body)).not.toMatch(/(src|href)="(https?:)?\/\/(?!localhost:8233)/);
      expect(String(reply.body)).not.toMatch(/<script(?![^>]*src=)/);
      const policy = reply.headers.get('content-security-policy');
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toContain('upgrade-insecure-requests');
    }
  });

  test('the front page leads to Temporal', async () => {
    const reply = await api.get('/', { as: null });
    expect(reply.body).toContain('href="http://localhost:8233/"');
  });

  test('the OpenAPI document is served', async () => {
    const { body } = await api.get('/openapi.json', { as: null });
    expect(valueAt(body, 'openapi')).toBe('3.1.1');
    expect(valueAt(body, 'info', 'version')).toBe('0.0.0-test');
  });

  test('no path leads out of the folder of the documentation', async () => {
    for (const path of ['/docs/package.json', '/docs/..%2f..%2fpackage.json', '/docs/']) {
      const reply = await api.get(path, { as: null });
      expect([200, 404]).toContain(reply.status);
      expect(String(reply.body)).not.toContain('"dependencies"');
    }
  });
});

describe('security headers', () => {
  test('stand on every answer', async () => {
    for (const path of ['/', '/healthz', '/v1/me', '/nope']) {
      const { headers } = await api.get(path, { as: null });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('etag') === null || path === '/docs').toBe(true);
    }
  });
});

describe('the log', () => {
  test('has one line for each request, without bodies and credentials', async () => {
    const review = await api.openReview({ snapshot: { account: 'DE00 1234' } });
    await api.post(`${review.path}/reject?token=cs_in_a_query`, {
      as: ann,
      headers: { 'x-request-id': 'log-me' },
      body: { version_id: review.seedId, reason: 'a private reason' },
    });
    const lines = api.log().filter((line) => line.includes('log-me'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      requestId: 'log-me',
      route: 'reviews.reject',
      method: 'POST',
      path: `${review.path}/reject`,
      status: 200,
      actor: 'u_ann',
    });
    const all = api.log().join('');
    for (const secret of [ann.token, 'a private reason', 'DE00 1234', 'cs_in_a_query']) {
      expect(all).not.toContain(secret);
    }
  });
});
