import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/store/database.js';
import { type Caller, said, startApi, type TestApi } from '../support/api.js';
import { put, refusal } from '../support/hoop.js';

let api: TestApi;
let ann: Caller;
let server: Database;
let name: string;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['sre'] });
  name = new URL(api.database.url).pathname.slice(1);
  server = openDatabase(api.database.url.replace(`/${name}`, '/postgres'), { maxConnections: 1 });
});
afterAll(async () => {
  await server.close();
  await api.stop();
});

async function takeAway(): Promise<void> {
  await sql.raw(`alter database ${name} allow_connections false`).execute(server.db);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`.execute(
    server.db,
  );
}

async function giveBack(): Promise<void> {
  await sql.raw(`alter database ${name} allow_connections true`).execute(server.db);
}

const gate = { groups: ['sre'], placement: 'input', release: 'manual' };

test('without the database every route answers 503 in this form, and serves again afterwards', async () => {
  const review = await api.openReview({ review: gate });
  await takeAway();
  try {
    for (const reply of [
      await api.get('/api/reviews'),
      await api.get(`/api/sessions/${review.stepId}`),
      await put(api, review, ann, { status: 'APPROVED' }),
      await api.post(`/api/sessions/${review.stepId}/exec`),
    ]) {
      expect(said(reply)).toEqual(
        refusal(
          503,
          'the database does not answer at the moment: send the request again in a few seconds',
        ),
      );
      expect(reply.headers.get('retry-after')).toBe('2');
    }
  } finally {
    await giveBack();
  }
  expect((await put(api, review, ann, { status: 'APPROVED' })).status).toBe(200);
});

test('a vote, or a request to execute, that was recorded before the database went away is a success', async () => {
  const review = await api.openReview({ review: gate });
  api.onForward = takeAway;
  try {
    const voted = await put(api, review, ann, { status: 'APPROVED' });
    expect(said(voted)).toMatchObject({
      status: 200,
      body: { id: review.id, session: review.stepId, status: 'APPROVED', review_groups_data: [] },
    });
    api.onForward = null;
    await giveBack();
    api.onForward = takeAway;
    const asked = await api.post(`/api/sessions/${review.stepId}/exec`);
    expect(said(asked)).toMatchObject({
      status: 202,
      body: { session_id: review.stepId, output_status: 'running', exit_code: -2 },
    });
  } finally {
    api.onForward = null;
    await giveBack();
  }
  expect(said(await api.post(`/api/sessions/${review.stepId}/exec`))).toEqual(
    refusal(409, `the session ${review.stepId} is already being processed`),
  );
});

test('a bug of ours is 500, and says nothing of its cause', async () => {
  await sql`alter table entry rename to entry_away`.execute(api.db);
  try {
    const review = await api.get('/api/reviews', { headers: { 'x-request-id': 'bug-1' } });
    expect(said(review)).toEqual(
      refusal(500, "something went wrong here: tell an operator the request id 'bug-1'"),
    );
  } finally {
    await sql`alter table entry_away rename to entry`.execute(api.db);
  }
});
