import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../../src/api/routes.js';
import {
  type Caller,
  domainError,
  invalidInput,
  type OpenedReview,
  said,
  startApi,
  type TestApi,
  valueAt,
} from '../support/api.js';

let api: TestApi;
let ann: Caller;
let review: OpenedReview;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann');
  review = await api.openReview();
});
afterAll(() => api.stop());

const LIST = '/v1/workflows/reviews';

describe('credentials', () => {
  test.each([
    ['Authorization: Bearer', (token: string) => ({ authorization: `Bearer ${token}` })],
    ['a scheme in lower case', (token: string) => ({ authorization: `bearer ${token}` })],
    ['Api-Key', (token: string) => ({ 'api-key': token })],
    ['both, the same', (token: string) => ({ authorization: `Bearer ${token}`, 'api-key': token })],
  ])('%s is accepted', async (_case, headers) => {
    const reply = await api.get('/v1/me', { as: null, headers: headers(ann.token) });
    expect(said(reply)).toMatchObject({ status: 200, body: { id: 'u_ann' } });
  });

  const none =
    'This request carries no credential: send a token as `Authorization: Bearer <token>`.';
  const unknown =
    'This token is unknown or has been revoked: ask an admin for a new one (`countersign token`).';
  const notBearer =
    'The Authorization header is not of the form `Bearer <token>`: send the token that way.';
  test.each([
    ['nothing', {}, none],
    ['an unknown token', { authorization: 'Bearer cs_unknown' }, unknown],
    ['an unknown key', { 'api-key': 'cs_unknown' }, unknown],
    ['another scheme', { authorization: 'Basic dTpw' }, notBearer],
    ['a scheme without a token', { authorization: 'Bearer' }, notBearer],
    ['an empty key', { 'api-key': '' }, 'The Api-Key header is empty: send a token.'],
    [
      'two different tokens',
      { authorization: 'Bearer cs_one', 'api-key': 'cs_two' },
      'Authorization and Api-Key carry different tokens: send one of them, or the same in both.',
    ],
  ])('%s → 401', async (_case, headers, message) => {
    const reply = await api.get(LIST, { as: null, headers });
    expect(said(reply)).toEqual(domainError(401, 'unauthenticated', message));
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('two tokens of the same person are still two', async () => {
    const again = await api.person('u_ann');
    const headers = { authorization: `Bearer ${ann.token}`, 'api-key': again.token };
    expect((await api.get(LIST, { as: null, headers })).status).toBe(401);
  });

  test('a revoked token and a removed person → 401', async () => {
    const gone = await api.person('u_gone');
    expect((await api.get(LIST, { as: gone })).status).toBe(200);
    expect((await api.send('DELETE', '/v1/users/u_gone')).status).toBe(200);
    expect((await api.get(LIST, { as: gone })).status).toBe(401);
  });
});

describe('every answer', () => {
  const paths = [
    LIST,
    '/v1/workflows/reviews/rev_nope',
    '/v1/nothing',
    '/v1/workflows/runs?limit=0',
  ];

  test.each(paths)('of %s carries x-request-id and is JSON', async (path) => {
    const reply = await api.get(path);
    expect(reply.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  test("carries the caller's own request id where it is sane", async () => {
    const reply = await api.get(LIST, { headers: { 'x-request-id': 'req:42/a.b_c-d' } });
    expect(reply.headers.get('x-request-id')).toBe('req:42/a.b_c-d');
  });

  test.each(['', 'a b', 'x'.repeat(129), 'ä', '{"a":1}'])(
    'carries a new request id in place of %j',
    async (sent) => {
      const headers = { 'x-request-id': encodeURI(sent) === sent ? sent : 'a b' };
      const reply = await api.get(LIST, { headers });
      expect(reply.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('an error carries them, too: unauthenticated, unknown path, wrong method', async () => {
    for (const reply of [
      await api.get(LIST, { as: null }),
      await api.get('/nowhere'),
      await api.send('DELETE', LIST),
    ]) {
      expect(reply.headers.get('x-request-id')).not.toBeNull();
      expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(valueAt(reply.body, 'error')).toBeUndefined();
    }
  });
});

test('unknown query parameters are ignored', async () => {
  expect((await api.get(`${LIST}?colour=blue&page_size=3`)).status).toBe(200);
  expect((await api.get(`${review.path}?expand=all`)).status).toBe(200);
});

test('of a repeated parameter the last value counts', async () => {
  const reply = await api.get(`${LIST}?limit=0&limit=1`);
  expect(reply.status).toBe(200);
});

describe('bodies', () => {
  const path = (): string => `${review.path}/approve`;

  test.each([
    ['broken JSON', '{"version_id":', 'json_invalid'],
    ['no JSON at all', 'version_id=rvr_x', 'json_invalid'],
    ['two values', '{} {}', 'json_invalid'],
  ])('%s → 422', async (_case, raw, type) => {
    const reply = await api.post(path(), { as: ann, raw });
    expect(said(reply)).toEqual(
      invalidInput({
        loc: ['body'],
        msg: 'The body is not JSON: check it with a JSON parser and send it again.',
        type,
      }),
    );
  });

  test('bytes that are no UTF-8 → 422', async () => {
    const raw = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    expect(said(await api.post(path(), { as: ann, raw }))).toEqual(
      invalidInput({
        loc: ['body'],
        msg: 'The body is not UTF-8: send JSON in UTF-8.',
        type: 'json_invalid',
      }),
    );
  });

  test.each(['', '  \n'])('an empty body (%j) → 422 missing', async (raw) => {
    expect(said(await api.post(path(), { as: ann, raw }))).toEqual(
      invalidInput({ loc: ['body'], msg: 'This is required: send it.', type: 'missing' }),
    );
  });

  test.each([
    ['text/plain', "'text/plain'"],
    ['application/x-www-form-urlencoded', "'application/x-www-form-urlencoded'"],
    ['application/json; charset=latin1', "'application/json; charset=latin1'"],
    ['application/jsonp', "'application/jsonp'"],
  ])('content type %s → 415', async (type, named) => {
    const reply = await api.post(path(), {
      as: ann,
      raw: '{}',
      headers: { 'content-type': type },
    });
    expect(said(reply)).toEqual(
      domainError(
        415,
        'unsupported_media_type',
        `The body came with ${named}: send JSON in UTF-8 with the header content-type: application/json.`,
      ),
    );
  });

  test.each(['application/json;charset=UTF-8', 'Application/JSON; charset="utf-8"'])(
    'content type %s is fine',
    async (type) => {
      const headers = { 'content-type': type };
      const reply = await api.post(path(), { as: ann, raw: '{}', headers });
      expect(reply.status).toBe(422);
    },
  );

  test('an unknown content encoding → 415', async () => {
    const headers = { 'content-encoding': 'rot13' };
    const reply = await api.post(path(), { as: ann, raw: '{}', headers });
    expect(said(reply)).toEqual(
      domainError(
        415,
        'unsupported_media_type',
        'The content-encoding is not known here: send gzip, deflate, br, or no encoding.',
      ),
    );
  });

  test('a body that is not what its encoding says → 422', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const reply = await api.post(path(), { as: ann, raw: '{}', headers });
    expect(said(reply)).toEqual(
      invalidInput({
        loc: ['body'],
        msg: 'The body could not be read as it was announced: send it again.',
        type: 'json_invalid',
      }),
    );
  });

  test('a command of more than 1 MiB → 413', async () => {
    const raw = JSON.stringify({ version_id: review.seedId, reason: 'x'.repeat(1_100_000) });
    const reply = await api.post(`${review.path}/reject`, { as: ann, raw });
    expect(said(reply)).toEqual(
      domainError(
        413,
        'body_too_large',
        'The body takes more than the 1048576 bytes accepted here: send less.',
        { max_bytes: 1_048_576 },
      ),
    );
  });
});

describe('routing', () => {
  test('the literal `versions` comes before ids', async () => {
    const list = await api.get(`${LIST}/versions?review_id=${review.id}`);
    expect(valueAt(list.body, 'data', 0, 'id')).toBe(review.seedId);
    const get = await api.get(`${LIST}/versions/${review.seedId}`);
    expect(valueAt(get.body, 'id')).toBe(review.seedId);
  });

  test.each([
    [LIST, 'DELETE', 'GET, HEAD'],
    [`${LIST}/rev_x/approve`, 'GET', 'POST'],
    [`${LIST}/versions`, 'PUT', 'GET, HEAD, POST'],
    ['/v1/workflows/runs', 'PUT', 'GET, HEAD, POST'],
    ['/v1/workflows/steps', 'POST', 'GET, HEAD'],
    ['/v1/workflows/wf_x', 'POST', 'GET, HEAD, PUT'],
    ['/healthz', 'POST', 'GET, HEAD'],
  ])('%s with %s → 405 that allows %s', async (path, method, allow) => {
    const reply = await api.send(method, path);
    expect(said(reply)).toEqual(
      domainError(405, 'method_not_allowed', `${method} is not possible here: use ${allow}.`),
    );
    expect(reply.headers.get('allow')).toBe(allow);
  });

  test('HEAD works where GET does, and has no body', async () => {
    const reply = await api.send('HEAD', review.path);
    expect(said(reply)).toEqual({ status: 200, body: '' });
  });

  test('an unknown path → 404 in the same form', async () => {
    expect(said(await api.get('/v1/nothing/here'))).toEqual(
      domainError(
        404,
        'not_found',
        "Nothing is served at '/v1/nothing/here': see /docs for what is.",
      ),
    );
  });

  test('an unknown part of a review → 404', async () => {
    expect((await api.get(`${review.path}/nonsense`)).status).toBe(404);
    const reply = await api.post(`${LIST}/not-a-review/approve`, { body: {} });
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([
      404,
      'review_not_found',
    ]);
  });

  test('a slash at the end is tolerated', async () => {
    expect((await api.get(`${review.path}/`)).status).toBe(200);
  });

  test.each(['/v1/workflows/runs/%E0%A4%A', '/v1/workflows/reviews/%ff'])(
    'a path that is not well-formed (%s) → 422',
    async (path) => {
      expect(said(await api.get(path))).toEqual(
        invalidInput({
          loc: ['path'],
          msg: 'The path is not well-formed: percent-encode UTF-8.',
          type: 'value_error',
        }),
      );
    },
  );

  test('a NUL character in the path or the query → 422', async () => {
    const nul = {
      msg: 'Text must have no NUL character and no half of a surrogate pair: remove it.',
      type: 'value_error',
    };
    expect(said(await api.get('/v1/workflows/runs/run_%00'))).toEqual(
      invalidInput({ loc: ['path', 'run_id'], ...nul }),
    );
    expect(said(await api.get(`${LIST}?workflow_id=a%00b&block_id=%00`))).toEqual(
      invalidInput(
        { loc: ['query', 'workflow_id'], ...nul },
        { loc: ['query', 'block_id'], ...nul },
      ),
    );
  });

  test('an address that no URL parser takes is answered all the same', async () => {
    const reply = await api.get('//[?limit=0');
    expect(reply.status).toBe(404);
  });

  test('paths are tried in the order of the registry, a path with all its methods at once', () => {
    const paths = ROUTES.map(({ path }) => path);
    const first = (path: string): number => paths.findIndex((one) => one === path);
    expect(first('/v1/workflows/reviews/versions')).toBeLessThan(
      first('/v1/workflows/reviews/{review_id}'),
    );
    for (const literal of ['reviews', 'runs', 'steps']) {
      expect(first(`/v1/workflows/${literal}`)).toBeLessThan(first('/v1/workflows/{workflow_id}'));
    }
  });
});
