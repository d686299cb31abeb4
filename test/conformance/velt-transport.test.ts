import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HTTP_STATUS } from '../../src/api/dialects/velt/status.js';
import { said, startApi, type TestApi } from '../support/api.js';
import { ask, type Backend, backend, credentials, failure } from '../support/velt.js';

let api: TestApi;
let all: Backend;

beforeAll(async () => {
  api = await startApi();
  all = await backend(api, 'svc_all', 'reviews:vote-as', 'reviews:read', 'runs:write', 'admin');
});
afterAll(() => api.stop());

const DECIDE = '/v2/workflow/steps/recordReviewerDecision';
const BAD_REQUEST = failure(400, 'INVALID_ARGUMENT', 'Bad Request');

test('the table of status words and HTTP codes', () => {
  expect(HTTP_STATUS).toEqual({
    INVALID_ARGUMENT: 400,
    FAILED_PRECONDITION: 400,
    OUT_OF_RANGE: 400,
    UNAUTHENTICATED: 401,
    PERMISSION_DENIED: 403,
    NOT_FOUND: 404,
    ALREADY_EXISTS: 409,
    ABORTED: 409,
    RESOURCE_EXHAUSTED: 429,
    CANCELLED: 499,
    INTERNAL: 500,
    UNKNOWN: 500,
    DATA_LOSS: 500,
    UNIMPLEMENTED: 501,
    UNAVAILABLE: 503,
    DEADLINE_EXCEEDED: 504,
  });
});

describe('Bad Request, before anybody is asked who they are', () => {
  test.each(['GET', 'PUT', 'DELETE', 'PATCH'])('not POST: %s', async (method) => {
    expect(said(await api.send(method, DECIDE, { as: null }))).toEqual(BAD_REQUEST);
  });

  test.each<readonly [string, Parameters<TestApi['post']>[1]]>([
    ['other content type', { raw: '{"data":{}}', headers: { 'content-type': 'text/plain' } }],
    ['no body', {}],
    ['body not JSON', { raw: '{"data":' }],
    ['no data', { body: {} }],
    ['data a list', { body: { data: [] } }],
    ['data a string', { body: { data: 'x' } }],
    ['data null', { body: { data: null } }],
    ['the body a list', { body: [{ data: {} }] }],
    ['further top-level keys', { body: { data: {}, authToken: 'x' } }],
  ])('%s', async (_case, sending) => {
    expect(said(await api.post(DECIDE, { ...sending, as: null }))).toEqual(BAD_REQUEST);
  });

  test('a charset parameter is fine', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    const reply = await ask(api, all, 'executions/get', { executionId: 'x' }, { headers });
    expect(reply.status).toBe(404);
  });
});

describe('credentials', () => {
  const keyed = async (headers: Readonly<Record<string, string>>, data: unknown = {}) =>
    said(await api.post(DECIDE, { as: null, headers, body: { data } }));

  test('x-velt-api-key missing', async () => {
    const message = 'API key is required: send the id of a service token as x-velt-api-key.';
    const expected = failure(401, 'UNAUTHENTICATED', message);
    expect(await keyed({})).toEqual(expected);
    expect(await keyed({ 'x-velt-auth-token': all.secret })).toEqual(expected);
    expect(await keyed({ authorization: `Bearer ${all.secret}` })).toEqual(expected);
  });

  test('x-velt-api-key unknown', async () => {
    const message = 'This API key is unknown: send the id of a service token as x-velt-api-key.';
    expect(await keyed({ ...credentials(all), 'x-velt-api-key': 'tok_none' })).toEqual(
      failure(401, 'UNAUTHENTICATED', message),
    );
  });

  test.each([['missing'], ['empty']])('x-velt-auth-token %s', async (how) => {
    const headers = { 'x-velt-api-key': all.id };
    expect(
      await keyed(how === 'empty' ? { ...headers, 'x-velt-auth-token': '' } : headers),
    ).toEqual(failure(400, 'INVALID_ARGUMENT', 'Auth token is required'));
  });

  const DENIED = failure(
    403,
    'PERMISSION_DENIED',
    'This auth token is not the one of the API key, or has been revoked: ask an admin for a new one.',
  );

  test('token unknown', async () => {
    expect(await keyed({ ...credentials(all), 'x-velt-auth-token': 'cs_none' })).toEqual(DENIED);
  });

  test('token revoked', async () => {
    const gone = await backend(api, 'svc_gone', 'reviews:vote-as');
    await api.send('DELETE', `/v1/tokens/${gone.id}`);
    expect(await keyed(credentials(gone))).toEqual(DENIED);
  });

  test('token of another key', async () => {
    const other = await backend(api, 'svc_other', 'reviews:vote-as');
    expect(await keyed({ ...credentials(all), 'x-velt-auth-token': other.secret })).toEqual(DENIED);
  });

  test('token of another project', async () => {
    const far = await backend(api, 'svc_far', 'reviews:vote-as');
    await sql`insert into project (id, name) values ('prj_far', 'far')`.execute(api.db);
    await sql`update token set project_id = 'prj_far' where id = ${far.id}`.execute(api.db);
    expect(await keyed({ ...credentials(all), 'x-velt-auth-token': far.secret })).toEqual(DENIED);
    const review = await api.openReview();
    const data = {
      executionId: review.runId,
      stepId: review.stepId,
      reviewerId: 'u_admin',
      decision: 'approve',
    };
    expect((await keyed(credentials(far), data)).status).toBe(404);
  });

  test("a person's token", async () => {
    const { id } = await api.db
      .selectFrom('token')
      .select('id')
      .where('personId', '=', api.admin.id)
      .executeTakeFirstOrThrow();
    expect(await keyed(credentials({ id, secret: api.admin.token }))).toEqual(DENIED);
  });

  test('token without the scope, before the schema', async () => {
    const reader = await backend(api, 'svc_reader', 'reviews:read');
    expect(await keyed(credentials(reader))).toEqual(
      failure(
        403,
        'PERMISSION_DENIED',
        "This needs a service token with the scope 'reviews:vote-as': ask an admin for one.",
      ),
    );
  });

  test('credentials are never read from the body', async () => {
    const data = { 'x-velt-api-key': all.id, apiKey: all.id, authToken: all.secret };
    expect((await keyed({}, data)).status).toBe(401);
  });
});

describe('the schema of data', () => {
  const INVALID = 'The data is not valid: correct what details.issues names.';
  const good = { executionId: 'run_x', stepId: 'run_x_y', reviewerId: 'u', decision: 'approve' };
  const decision = { code: 'enum', message: "Expected one of 'approve', 'reject'." };
  const missing = { code: 'missing', message: 'This is required: send it.' };
  const short = { code: 'string_too_short', message: 'Expected at least 1 characters.' };
  const nothing = { code: 'string_type', message: 'Expected a string, got null.' };

  test.each<readonly [string, Readonly<Record<string, unknown>>, string, object]>([
    ['executionId missing', { executionId: undefined }, 'executionId', missing],
    ['stepId empty', { stepId: '' }, 'stepId', short],
    ['reviewerId null', { reviewerId: null }, 'reviewerId', nothing],
    ['decision in upper case', { decision: 'APPROVE' }, 'decision', decision],
    ['decision missing', { decision: undefined }, 'decision', missing],
    ['reason null', { reason: null }, 'reason', nothing],
    [
      'reason too long',
      { reason: 'x'.repeat(2001) },
      'reason',
      { code: 'string_too_long', message: 'Expected at most 2000 characters.' },
    ],
  ])('%s', async (_case, change, key, issue) => {
    const reply = await ask(api, all, 'steps/recordReviewerDecision', { ...good, ...change });
    expect(said(reply)).toEqual(
      failure(400, 'INVALID_ARGUMENT', INVALID, { issues: [{ ...issue, path: [key] }] }),
    );
  });

  test('unknown keys are ignored, and a reason of 2000 characters is taken', async () => {
    const data = { ...good, further: 1, reason: 'x'.repeat(2000) };
    const reply = await ask(api, all, 'steps/recordReviewerDecision', data);
    expect(reply.status).toBe(404);
  });
});

describe('everything else', () => {
  test.each([
    'definitions/create',
    'definitions/list',
    'executions/dispatch',
    'executions/list',
    'executions/getEvents',
    'steps/cancel',
    'steps/recordAgentResolution',
  ])('%s is not served', async (endpoint) => {
    expect(said(await ask(api, all, endpoint, {}))).toEqual(
      failure(
        501,
        'UNIMPLEMENTED',
        'This endpoint is not served: definitions are declared and runs are started under /v1/workflows.',
      ),
    );
  });

  test.each(['/v2/workflow', '/v2/workflow/steps/unheardOf', '/v2/workflow/a/b/c'])(
    '%s is an unknown path',
    async (path) => {
      const message = `Nothing is served at '${path}': see /docs for what is.`;
      expect(said(await api.post(path, { as: null }))).toEqual(failure(404, 'NOT_FOUND', message));
    },
  );

  test('anything unexpected in us is 500, and says nothing of its cause', async () => {
    await sql`alter table step rename to step_away`.execute(api.db);
    try {
      const data = { executionId: 'a', stepId: 'b', reviewerId: 'c', decision: 'approve' };
      expect(said(await ask(api, all, 'steps/recordReviewerDecision', data))).toEqual(
        failure(500, 'INTERNAL', 'INTERNAL'),
      );
    } finally {
      await sql`alter table step_away rename to step`.execute(api.db);
    }
  });
});
