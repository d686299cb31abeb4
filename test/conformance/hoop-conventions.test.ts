import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  type OpenedReview,
  type Reply,
  said,
  startApi,
  type TestApi,
  valueAt,
} from '../support/api.js';
import { put, refusal } from '../support/hoop.js';

let api: TestApi;
let review: OpenedReview;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['sre'] });
  review = await api.openReview({ review: { groups: ['sre', 'banking'] } });
});
afterAll(() => api.stop());

const UNKNOWN = 'rev_AAAAAAAAAAAAAAAAAAAAAAAAAA';

/** The ids of a list, in order. */
function idsIn({ body }: Reply): readonly unknown[] {
  return Array.isArray(body) ? body.map((row: unknown) => valueAt(row, 'id')) : [];
}

describe('routes', () => {
  test('GET /api/reviews → every review of the project, a bare JSON array, newest first', async () => {
    const second = await api.openReview();
    const reply = await api.get('/api/reviews');
    expect(reply.status).toBe(200);
    expect(Array.isArray(reply.body)).toBe(true);
    expect(idsIn(reply)).toEqual([second.id, review.id]);
  });

  test('the list and the review alone show the same', async () => {
    const { body } = await api.get('/api/reviews');
    const alone = await api.get(`/api/reviews/${review.id}`);
    expect(body).toContainEqual(alone.body);
  });

  test.each(['id', 'stepId', 'runId'] as const)(
    'a review is read, decided and looked at as a session by its %s',
    async (name) => {
      const about = {
        block: { id: 'drop_table', type: 'task' },
        review: { groups: ['sre'], release: { after: '1h' } },
      };
      const mine = await api.openReview(about);
      const id = mine[name];
      expect(valueAt((await api.get(`/api/reviews/${id}`)).body, 'id')).toBe(mine.id);
      expect(valueAt((await api.get(`/api/sessions/${id}`)).body, 'id')).toBe(mine.stepId);
      const first = await api.send('PUT', `/api/reviews/${id}`, {
        as: ann,
        body: { status: 'approved' },
      });
      expect(first.body).toMatchObject({ id: mine.id, session: mine.stepId, status: 'APPROVED' });
      const again = await api.send('PUT', `/api/sessions/${id}/review`, {
        as: ann,
        body: { status: 'APPROVED' },
      });
      expect(said(again)).toEqual(said(first));
    },
  );

  test('a run that has several reviews, or none, names none', async () => {
    const block = { id: 'one', type: 'task', executor: { kind: 'supplied' } };
    const blocks = [
      { ...block, review: {} },
      { ...block, id: 'two', needs: [], review: {} },
    ];
    await api.send('PUT', '/v1/workflows/wf_two', { body: { blocks } });
    const started = await api.post('/v1/workflows/runs', {
      body: { workflow_id: 'wf_two', json_inputs: { one: {}, two: {} } },
    });
    const runId = String(valueAt(started.body, 'id'));
    const notFound = refusal(404, 'resource not found');
    expect(said(await api.get(`/api/reviews/${runId}`))).toEqual(notFound);
    await api.progress.begin(runId);
    const one = await api.progress.openReview(runId, 'one');
    expect(valueAt((await api.get(`/api/reviews/${runId}`)).body, 'id')).toBe(one.id);
    await api.progress.openReview(runId, 'two');
    expect(said(await api.get(`/api/reviews/${runId}`))).toEqual(notFound);
    expect(said(await api.get(`/api/sessions/${runId}`))).toEqual(
      refusal(404, 'session not found'),
    );
    expect(said(await put(api, { id: runId }, ann, { status: 'APPROVED' }))).toEqual(
      refusal(404, 'failed updating review status: review not found'),
    );
  });

  test.each(['/api/reviews', '/api/reviews/{id}', '/api/sessions/{id}'])(
    'HEAD works on %s',
    async (path) => {
      const reply = await api.send('HEAD', path.replace('{id}', review.stepId));
      expect(reply.status).toBe(200);
      expect(reply.body).toBe('');
      expect(reply.headers.get('content-type')).toContain('application/json');
    },
  );

  test.each([
    ['POST', '/api/reviews', 'GET, HEAD'],
    ['DELETE', '/api/reviews/{id}', 'GET, HEAD, PUT'],
    ['GET', '/api/sessions/{id}/review', 'PUT'],
    ['GET', '/api/sessions/{id}/exec', 'POST'],
    ['PUT', '/api/sessions/{id}', 'GET, HEAD'],
  ])('%s %s → 405', async (method, path, allow) => {
    const reply = await api.send(method, path.replace('{id}', review.id));
    expect(said(reply)).toEqual(refusal(405, `${method} is not possible here: use ${allow}.`));
    expect(reply.headers.get('allow')).toBe(allow);
  });

  test.each(['/api', '/api/', '/api/connections', '/api/reviews/{id}/approve', '/api/sessions'])(
    'nothing is served at %s → 404 in this form',
    async (path) => {
      for (const method of ['GET', 'POST']) {
        const reply = await api.send(method, path.replace('{id}', review.id), { as: null });
        expect(said(reply)).toEqual(refusal(404, 'resource not found'));
      }
    },
  );

  test('what only begins like it has the form of its own contract', async () => {
    const reply = await api.get('/apiary');
    expect(valueAt(reply.body, 'detail', 'code')).toBe('not_found');
  });
});

describe('the list', () => {
  test.each(['pending', 'PENDING', 'Pending'])('?status=%s', async (status) => {
    const held = await api.openReview({ review: { release: { after: '1h' } } });
    const released = await api.openReview();
    for (const decided of [held, released]) {
      await put(api, decided, ann, { status: 'APPROVED' });
    }
    const pending = idsIn(await api.get(`/api/reviews?status=${status}`));
    expect(pending).toContain(review.id);
    expect(pending).not.toContain(held.id);
    expect(pending).not.toContain(released.id);
    const approved = idsIn(await api.get('/api/reviews?status=approved'));
    expect(approved).toContain(held.id);
    expect(approved).not.toContain(released.id);
    expect(idsIn(await api.get('/api/reviews?status=executed'))).toContain(released.id);
  });

  test('?status=<of no review> is empty', async () => {
    expect(said(await api.get('/api/reviews?status=UNKNOWN'))).toEqual({ status: 200, body: [] });
  });

  test.each(['EXPIRED', 'PENDING,APPROVED', '%00'])('?status=%s → 400', async (status) => {
    expect(said(await api.get(`/api/reviews?status=${status}`))).toEqual(
      refusal(
        400,
        'unknown status: use one of PENDING, APPROVED, REJECTED, REVOKED, PROCESSING, EXECUTED, UNKNOWN',
      ),
    );
  });

  test('other parameters are ignored, and an empty filter is none', async () => {
    const all = (await api.get('/api/reviews')).body;
    expect((await api.get('/api/reviews?page=2&limit=1&status=')).body).toEqual(all);
  });
});

describe('credentials', () => {
  const denied = refusal(401, 'access denied');
  const unauthorized = refusal(401, 'unauthorize');
  const at = (headers: Readonly<Record<string, string>>): Promise<Reply> =>
    api.get('/api/reviews', { as: null, headers });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['none', {}],
    ['an unknown bearer', { authorization: 'Bearer cs_nothing' }],
    ['no bearer', { authorization: 'Basic YTpi' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['two that differ', { authorization: 'Bearer cs_a', 'api-key': 'cs_b' }],
    ['two that are unknown alike', { authorization: 'Bearer cs_a', 'api-key': 'cs_a' }],
  ])('%s → 401 access denied', async (_case, headers) => {
    expect(said(await at(headers))).toEqual(denied);
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['an unknown Api-Key', { 'api-key': 'cs_nothing' }],
    ['an empty Api-Key', { 'api-key': '' }],
  ])('%s → 401 unauthorize', async (_case, headers) => {
    expect(said(await at(headers))).toEqual(unauthorized);
  });

  test('an Api-Key stands for its service, and a bearer for its person', async () => {
    const service = await api.service('svc_read', 'reviews:read');
    expect((await at({ 'api-key': service.token })).status).toBe(200);
    expect((await at({ authorization: `Bearer ${service.token}` })).status).toBe(200);
    expect((await at({ authorization: `Bearer ${ann.token}` })).status).toBe(200);
  });

  test('a revoked token is no credential', async () => {
    const gone = await api.person('u_gone');
    expect((await api.get('/api/reviews', { as: gone })).status).toBe(200);
    await api.send('DELETE', '/v1/users/u_gone');
    expect(said(await api.get('/api/reviews', { as: gone }))).toEqual(denied);
  });

  test('a token without the scope → 403 access denied', async () => {
    const service = await api.service('svc_runs', 'runs:write');
    const forbidden = refusal(403, 'access denied');
    const sending = { as: service };
    expect(said(await api.get('/api/reviews', sending))).toEqual(forbidden);
    expect(said(await api.get(`/api/reviews/${review.id}`, sending))).toEqual(forbidden);
    expect(said(await api.get(`/api/sessions/${review.id}`, sending))).toEqual(forbidden);
    expect(said(await put(api, review, service, { status: 'APPROVED' }))).toEqual(forbidden);
    const exec = await api.post(`/api/sessions/${review.id}/exec`, sending);
    expect(said(exec)).toEqual(forbidden);
  });

  test('a non-admin auditor on PUT → 403 access denied, and reads all the same', async () => {
    const auditor = await api.person('u_auditor', { groups: ['sre'], roles: ['auditor'] });
    const both = await api.person('u_both', { groups: ['sre'], roles: ['auditor', 'reviewer'] });
    const chief = await api.person('u_chief', { groups: ['sre'], roles: ['auditor', 'admin'] });
    const mine = await api.openReview({ review: { groups: ['sre'] } });
    for (const caller of [auditor, both]) {
      expect(said(await put(api, mine, caller, { status: 'APPROVED' }))).toEqual(
        refusal(403, 'access denied'),
      );
      expect((await api.get(`/api/reviews/${mine.id}`, { as: caller })).status).toBe(200);
    }
    expect((await put(api, mine, chief, { status: 'APPROVED' })).status).toBe(200);
  });

  test('a group called admin gives no role', async () => {
    const pretender = await api.person('u_pretender', { groups: ['admin', 'auditor'] });
    expect(said(await put(api, review, pretender, { status: 'REJECTED' }))).toEqual(
      refusal(400, 'not eligible for review'),
    );
  });

  test('a service that votes → 400 not eligible for review', async () => {
    const service = await api.service('svc_vote', 'reviews:vote-as', 'reviews:read', 'admin');
    for (const status of ['APPROVED', 'REJECTED']) {
      expect(said(await put(api, review, service, { status }))).toEqual(
        refusal(400, 'not eligible for review'),
      );
    }
  });

  test('anybody authenticated reads every review', async () => {
    const nobody = await api.person('u_nobody', { roles: [] });
    expect((await api.get(`/api/reviews/${review.id}`, { as: nobody })).status).toBe(200);
  });
});

describe('ids of any form', () => {
  const strange = [UNKNOWN, 'x', '%00', 'a%2Fb', '%F0%9F%98%80', '-', 'x'.repeat(4_000), '%ff'];

  test.each(strange)('GET: unknown id %s → 404', async (id) => {
    expect(said(await api.get(`/api/reviews/${id}`))).toEqual(refusal(404, 'resource not found'));
  });

  test.each(strange.slice(0, -1))('PUT: unknown id %s → 404', async (id) => {
    const notFound = refusal(404, 'failed updating review status: review not found');
    const body = { status: 'APPROVED' };
    expect(said(await put(api, { id }, ann, body))).toEqual(notFound);
    const path = `/api/sessions/${id}/review`;
    expect(said(await api.send('PUT', path, { as: ann, body }))).toEqual(notFound);
  });

  test.each(strange.slice(0, -1))('exec: no review under the id %s → 404', async (id) => {
    const reply = await api.post(`/api/sessions/${id}/exec`);
    expect(said(reply)).toEqual(refusal(404, 'reviewed session not found'));
  });

  test.each(strange.slice(0, -1))('GET session: unknown id %s → 404', async (id) => {
    expect(said(await api.get(`/api/sessions/${id}`))).toEqual(refusal(404, 'session not found'));
  });

  test('a review of another project is unknown', async () => {
    const theirs = await api.openReview();
    await api.db.insertInto('project').values({ id: 'prj_other', name: 'Other' }).execute();
    for (const table of ['review', 'step'] as const) {
      await api.db
        .updateTable(table)
        .set({ projectId: 'prj_other' })
        .where('runId', '=', theirs.runId)
        .execute();
    }
    for (const id of [theirs.id, theirs.stepId, theirs.runId]) {
      expect((await api.get(`/api/reviews/${id}`)).status).toBe(404);
      expect((await api.get(`/api/sessions/${id}`)).status).toBe(404);
      expect((await put(api, { id }, ann, { status: 'APPROVED' })).status).toBe(404);
      expect((await api.post(`/api/sessions/${id}/exec`)).status).toBe(404);
    }
    expect(idsIn(await api.get('/api/reviews'))).not.toContain(theirs.id);
  });
});
