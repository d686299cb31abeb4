import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction, openDatabase } from '../../src/store/database.js';
import { oweMessage } from '../../src/store/outbox.js';
import { isStoreAway } from '../../src/store/store-away.js';
import {
  type Caller,
  domainError,
  type OpenedReview,
  said,
  startApi,
  type TestApi,
  valueAt,
} from '../support/api.js';
import { countWaiting } from '../support/locks.js';
import { until } from '../support/until.js';

let api: TestApi;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann');
});
afterAll(() => api.stop());

const unavailable = domainError(
  503,
  'unavailable',
  'The database does not answer at the moment: send the request again in a few seconds.',
);

/** Makes the database refuse every new connection while `work` runs, and ends those there are. */
async function withoutDatabase(work: () => Promise<void>): Promise<void> {
  const name = new URL(api.database.url).pathname.slice(1);
  const server = openDatabase(api.database.url.replace(`/${name}`, '/postgres'), {
    maxConnections: 1,
  });
  try {
    await sql.raw(`alter database ${name} allow_connections false`).execute(server.db);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
               where datname = ${name}`.execute(server.db);
    try {
      await work();
    } finally {
      await sql.raw(`alter database ${name} allow_connections true`).execute(server.db);
    }
  } finally {
    await server.close();
  }
}

async function factCount(review: OpenedReview): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from fact where review_id = ${review.id}`.execute(api.db);
  return rows[0]?.count ?? -1;
}

describe('while PostgreSQL is away', () => {
  test('every route answers 503 with Retry-After, and serves again afterwards', async () => {
    const review = await api.openReview();
    const body = { version_id: review.seedId };
    await withoutDatabase(async () => {
      for (const reply of [
        await api.get('/v1/workflows/reviews'),
        await api.get(review.path),
        await api.post(`${review.path}/approve`, { as: ann, body }),
        await api.get('/v1/me'),
      ]) {
        expect(said(reply)).toEqual(unavailable);
        expect(reply.headers.get('retry-after')).toBe('2');
      }
    });
    expect(await factCount(review)).toBe(0);
    const reply = await api.post(`${review.path}/approve`, { as: ann, body });
    expect(reply.body).toMatchObject({ submission_status: 'accepted' });
  });

  test('healthz lives, readyz is 503, metrics say so', async () => {
    await withoutDatabase(async () => {
      expect((await api.get('/healthz')).status).toBe(200);
      const ready = await api.get('/readyz');
      expect(said(ready)).toEqual({
        status: 503,
        body: {
          status: 'unavailable',
          version: '0.0.0-test',
          postgres: 'away',
          temporal: 'ok',
          temporal_since: null,
          backlog: null,
        },
      });
      expect(ready.headers.get('retry-after')).toBe('2');
      const metrics = await api.get('/metrics');
      expect(metrics.status).toBe(200);
      expect(metrics.body).toContain('countersign_postgres_up 0');
    });
    expect((await api.get('/readyz')).status).toBe(200);
  });
});

describe('after a commit', () => {
  test('a vote that cannot be read back is still a success', async () => {
    const review = await api.openReview();
    await sql`create function fail() returns trigger language plpgsql as
      $$ begin raise exception 'nothing can be delivered'; end $$`.execute(api.db);
    await sql`create trigger break_delivery before update or delete on outbox
      for each row execute function fail()`.execute(api.db);
    try {
      const body = { version_id: review.seedId };
      const reply = await api.post(`${review.path}/approve`, { as: ann, body });
      expect(said(reply)).toMatchObject({
        status: 200,
        body: { submission_status: 'accepted', resume_status: 'pending' },
      });
    } finally {
      await sql`drop trigger break_delivery on outbox`.execute(api.db);
      await sql`drop function fail`.execute(api.db);
    }
    expect(await factCount(review)).toBe(1);
  });

  test('an answer to a repeat that shows a vote of somebody else says what is owed for that one, too', async () => {
    const review = await api.openReview({ review: { groups: [{ group: 'sre', required: 2 }] } });
    const { db } = api;
    const eve = await api.person('u_eve', { groups: ['sre'] });
    const approve = () =>
      api.post(`${review.path}/approve`, { as: eve, body: { version_id: review.seedId } });
    await approve();
    // Nobody reads entries until more is owed, so whoever has looked before then says too little.
    const reply = await inTransaction(db, async (tx) => {
      await sql`lock table entry in access exclusive mode`.execute(tx);
      const again = approve();
      await until('the answer to read the entries', async () => (await countWaiting(db)) > 0);
      const { runId, id: reviewId } = review;
      const factId = 'fct_OFARIVAL';
      await sql`
        insert into fact (review_id, seq, project_id, id, kind, actor_id, actor_kind, actor_name, dialect)
        values (${reviewId}, 2, 'prj_default', ${factId}, 'release_requested', 'u_rival', 'person', 'A rival', 'native')`.execute(
        tx,
      );
      await sql`update review set seq = 2 where id = ${reviewId}`.execute(tx);
      const about = { projectId: 'prj_default', runId, reviewId, factId, workflowId: null };
      await oweMessage(tx, { ...about, kind: 'signal' }, 0);
      return { again };
    });
    expect(said(await reply.again)).toMatchObject({
      status: 200,
      body: { submission_status: 'already_applied', resume_status: 'pending' },
    });
  });

  test('a database that goes away between the commit and the answer costs only details', async () => {
    const review = await api.openReview();
    const name = new URL(api.database.url).pathname.slice(1);
    api.onForward = async () => {
      await sql.raw(`alter database ${name} allow_connections false`).execute(server.db);
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = ${name}`.execute(server.db);
    };
    const server = openDatabase(api.database.url.replace(`/${name}`, '/postgres'), {
      maxConnections: 1,
    });
    try {
      const body = { version_id: review.seedId };
      const reply = await api.post(`${review.path}/approve`, { as: ann, body });
      expect(said(reply)).toMatchObject({
        status: 200,
        body: {
          submission_status: 'accepted',
          resume_status: 'pending',
          resume_error:
            'The vote is recorded; whether its workflow has been told could not be read: read the review again.',
          review: {
            id: review.id,
            status: 'APPROVED',
            entries: [{ status: 'APPROVED' }],
            decision: {
              verdict: 'approved',
              author: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
            },
          },
        },
      });
      const body2 = { workflow_id: review.row.workflowId };
      const away = await api.post('/v1/workflows/runs', { body: body2 });
      expect(said(away)).toEqual(unavailable);
    } finally {
      api.onForward = null;
      await sql.raw(`alter database ${name} allow_connections true`).execute(server.db);
      await server.close();
    }
    expect(await factCount(review)).toBe(1);
  });
});

describe('a connection that breaks in the middle of a transaction', () => {
  test('fails that transaction, and the process lives', async () => {
    const other = openDatabase(api.database.url, { maxConnections: 1 });
    const lost = api.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await sql`select pg_terminate_backend(${rows[0]?.pid ?? 0}, 5000)`.execute(other.db);
      await sql`select 1`.execute(tx);
    });
    await expect(lost).rejects.toSatisfy(isStoreAway);
    await other.close();
    expect((await api.get('/v1/me')).status).toBe(200);
  });
});

describe('a bug of ours', () => {
  test('is 500, says nothing of its cause, and is in the log under the request id', async () => {
    const review = await api.openReview();
    await sql`alter table fact rename to fact_away`.execute(api.db);
    try {
      const headers = { 'x-request-id': 'bug-1' };
      const reply = await api.get(review.path, { headers });
      expect(said(reply)).toEqual(
        domainError(
          500,
          'internal_error',
          "Something went wrong here: tell an operator the request id 'bug-1'.",
        ),
      );
    } finally {
      await sql`alter table fact_away rename to fact`.execute(api.db);
    }
    const line = api.log().find((one) => one.includes('bug-1') && one.includes('a request failed'));
    expect(line).toContain('relation \\"fact\\" does not exist');
    expect(valueAt(JSON.parse(line ?? '{}'), 'route')).toBe('reviews.get');
  });
});
