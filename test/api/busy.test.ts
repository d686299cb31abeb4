import { sql } from 'kysely';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Db, inTransaction } from '../../src/store/database.js';
import { PATIENT_LIMITS } from '../../src/store/limits.js';
import {
  type Caller,
  domainError,
  type OpenedReview,
  said,
  startApi,
  type TestApi,
  textAt,
} from '../support/api.js';
import { put, refusal } from '../support/hoop.js';
import { countWaiting } from '../support/locks.js';
import { until } from '../support/until.js';
import { backend, decideFor, failure } from '../support/velt.js';

let api: TestApi;

/** Starts an API of the test's own, which is stopped when whatever it holds has been let go. */
async function start(settings: Parameters<typeof startApi>[0]): Promise<void> {
  api = await startApi(settings);
  onTestFinished(() => api.stop());
}

const FOREVER_MS = 120_000;

/** Holds a run's row, as a process that has frozen in a transaction does, until it is told to let go. */
async function holdRun(db: Db, runId: string): Promise<() => Promise<void>> {
  const signals: { release: () => void } = { release: () => {} };
  const released = new Promise<void>((resolve) => {
    signals.release = resolve;
  });
  let holding = Promise.resolve();
  await new Promise<void>((held) => {
    holding = inTransaction(db, async (tx) => {
      await tx.selectFrom('run').select('id').where('id', '=', runId).forUpdate().execute();
      held();
      await released;
    });
  });
  const letGo = async (): Promise<void> => {
    signals.release();
    await holding;
  };
  onTestFinished(letGo);
  return letGo;
}

async function factsOf(db: Db, review: Pick<OpenedReview, 'id'>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from fact where review_id = ${review.id}`.execute(db);
  return rows[0]?.count ?? -1;
}

const approve = (review: Pick<OpenedReview, 'path' | 'seedId'>, as: Caller) =>
  api.post(`${review.path}/approve`, { as, body: { version_id: review.seedId } });

describe('a run that somebody holds', () => {
  /** One run with this many reviews open at once. */
  async function openReviews(
    count: number,
  ): Promise<readonly Pick<OpenedReview, 'path' | 'seedId'>[]> {
    const ids = Array.from({ length: count }, (_, index) => `block_${index}`);
    const blocks = ids.map((id) => ({
      id,
      type: 'extract',
      executor: { kind: 'supplied' },
      needs: [],
      review: {},
    }));
    await api.send('PUT', '/v1/workflows/wf_wide', { body: { blocks } });
    const started = await api.post('/v1/workflows/runs', {
      body: {
        workflow_id: 'wf_wide',
        json_inputs: Object.fromEntries(ids.map((id) => [id, { total: null }])),
      },
    });
    const runId = textAt(started.body, 'id');
    await api.progress.begin(runId);
    const opened = [];
    for (const id of ids) {
      const row = await api.progress.openReview(runId, id);
      opened.push({ runId, path: `/v1/workflows/reviews/${row.id}`, seedId: row.newestVersionId });
    }
    return opened;
  }

  test('takes one connection, however many votes wait for it: reads, sign-ins and votes on others go on', async () => {
    await start({ queue: { waitMs: FOREVER_MS, waitingAtMost: 100 } });
    const ann = await api.person('u_ann');
    const reviews = await openReviews(25);
    const other = await api.openReview();
    const runId = textAt((await api.get(reviews[0]?.path ?? '')).body, 'workflow_run_id');
    const release = await holdRun(api.db, runId);
    const votes = reviews.map((review) => approve(review, ann));
    await until('a vote to wait for the run', async () => (await countWaiting(api.db)) > 0);

    expect((await api.get('/v1/me', { as: ann })).status).toBe(200);
    expect((await api.get('/v1/workflows/runs', { as: ann })).status).toBe(200);
    expect((await approve(other, ann)).body).toMatchObject({ submission_status: 'accepted' });
    expect(await countWaiting(api.db)).toBe(1);

    await release();
    const answers = await Promise.all(votes);
    expect(answers.map(({ status }) => status)).toEqual(reviews.map(() => 200));
  });

  test('is busy for a vote that has queued for too long, which changes nothing; the one before it is taken', async () => {
    await start({ queue: { waitMs: 50, waitingAtMost: 100 } });
    const ann = await api.person('u_ann', { groups: ['sre'] });
    const review = await api.openReview({ review: { groups: ['sre'] } });
    const release = await holdRun(api.db, review.runId);
    const first = approve(review, ann);
    await until('the vote to wait for the run', async () => (await countWaiting(api.db)) > 0);
    expect(await approve(review, ann)).toMatchObject({ status: 503 });
    await release();
    expect((await first).status).toBe(200);
    expect(await factsOf(api.db, review)).toBe(1);
  });

  test('is answered in each contract’s own form, with Retry-After, and nothing is recorded', async () => {
    await start({ limits: { ...PATIENT_LIMITS, lockMs: 50 } });
    const ann = await api.person('u_ann', { groups: ['sre'] });
    const trusted = await backend(api, 'backend', 'reviews:vote-as');
    const review = await api.openReview({ review: { groups: ['sre'] } });
    await holdRun(api.db, review.runId);

    const sentence =
      'the database is busy, or somebody else is at work on the same: send the request again in a few seconds';
    const asSentence = `T${sentence.slice(1)}.`;
    const overlay = `/v1/workflows/reviews/${review.runId}/extract_invoice`;
    const answers = [
      [await approve(review, ann), domainError(503, 'busy', asSentence)],
      [
        await api.post(`/v1/workflows/runs/${review.runId}/cancel`, { body: {} }),
        domainError(503, 'busy', asSentence),
      ],
      [
        await api.post('/v1/workflows/reviews/versions', {
          as: ann,
          body: { review_id: review.id, parent_id: review.seedId, snapshot: { total: 1 } },
        }),
        domainError(503, 'busy', asSentence),
      ],
      [
        await api.post(`${overlay}/claim`, { as: ann, body: { version_stamp: review.row.rev } }),
        { status: 503, body: { detail: asSentence } },
      ],
      [await put(api, review, ann, { status: 'APPROVED' }), refusal(503, sentence)],
      [await decideFor(api, trusted, review, ann.id), failure(503, 'UNAVAILABLE', asSentence)],
    ] as const;
    for (const [reply, expected] of answers) {
      expect(said(reply)).toEqual(expected);
      expect(reply.headers.get('retry-after')).toBe('2');
    }
    expect(await factsOf(api.db, review)).toBe(0);
  });
});

test('a statement that PostgreSQL ends, as it does with one that takes too long, is busy', async () => {
  await start({});
  const review = await api.openReview();
  await inTransaction(api.db, async (tx) => {
    await sql`lock table entry in access exclusive mode`.execute(tx);
    const reading = api.get(review.path);
    await until('the read to wait', async () => (await countWaiting(api.db)) > 0);
    await sql`select pg_cancel_backend(pid) from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'`.execute(tx);
    const { status, body } = await reading;
    expect({ status, body }).toMatchObject({ status: 503, body: { detail: { code: 'busy' } } });
  });
});
