import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  domainError,
  invalidInput,
  type OpenedReview,
  type Reply,
  said,
  startApi,
  type TestApi,
  textAt,
  valueAt,
} from '../support/api.js';

let api: TestApi;
let ann: Caller;
let ben: Caller;
let owner: Caller;
let auditor: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  ben = await api.person('u_ben', { groups: ['legal'] });
  owner = await api.person('u_owner');
  auditor = await api.person('u_auditor', { roles: ['auditor'] });
});
afterAll(() => api.stop());

const approve = (review: OpenedReview, as = ann): Promise<Reply> =>
  api.post(`${review.path}/approve`, { as, body: { version_id: review.seedId } });
const withdraw = (review: OpenedReview, as: Caller, body: object = {}): Promise<Reply> =>
  api.post(`${review.path}/withdraw`, { as, body: { reason: 'too early', ...body } });
const release = (review: OpenedReview, as: Caller): Promise<Reply> =>
  api.post(`${review.path}/release`, { as });

const lifecycleOf = async ({ runId }: OpenedReview): Promise<unknown> =>
  valueAt((await api.get(`/v1/workflows/runs/${runId}`)).body, 'lifecycle');

/** Time to undo: what is approved is not released at once, and can be withdrawn. */
const held = { release: { after: '1h' } };

describe('withdraw', () => {
  test.each([
    ['revoked by default', {}, 'REVOKED', 'revoked'],
    ['rejected', { verdict: 'rejected' }, 'REJECTED', 'rejected'],
  ])('%s: accepted, and the run is cancelled', async (_case, body, status, verdict) => {
    const review = await api.openReview({ owner, review: held });
    await approve(review);
    const reply = await withdraw(review, owner, body);
    expect(said(reply)).toMatchObject({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'resumed',
        resume_error: null,
        review: {
          status,
          decision: {
            verdict: 'rejected',
            version_id: review.seedId,
            author: { id: 'u_owner' },
            reason: 'too early',
          },
        },
      },
    });
    expect(await lifecycleOf(review)).toEqual({ status: 'cancelled', reason: 'too early' });
    const { body: votes } = await api.get(`${review.path}/votes`);
    expect(valueAt(votes, 'data', 1)).toMatchObject({ verdict, dialect: 'native' });
  });

  test('again → already_applied, nothing recorded', async () => {
    const review = await api.openReview({ owner, review: held });
    await approve(review);
    const first = await withdraw(review, owner);
    const again = await withdraw(review, owner);
    expect(again.body).toMatchObject({
      submission_status: 'already_applied',
      review: valueAt(first.body, 'review'),
    });
  });

  test('an admin may, too', async () => {
    const review = await api.openReview({ owner, review: held });
    await approve(review);
    expect((await withdraw(review, api.admin)).body).toMatchObject({
      submission_status: 'accepted',
    });
  });

  test('somebody else → 403', async () => {
    const review = await api.openReview({ owner, review: held });
    await approve(review);
    const refusal = domainError(
      403,
      'not_eligible',
      "'u_ben' may not do this: it is for the run's owner or an admin.",
    );
    expect(said(await withdraw(review, ben))).toEqual(refusal);
    expect((await api.get(review.path)).body).toMatchObject({ status: 'APPROVED' });
  });

  test('while undecided → 409 not_approved', async () => {
    const review = await api.openReview({ owner, review: held });
    expect(said(await withdraw(review, owner))).toEqual(
      domainError(
        409,
        'not_approved',
        `Review '${review.id}' is PENDING, and only an APPROVED review can be withdrawn or released: read it again.`,
        { review_id: review.id, status: 'PENDING' },
      ),
    );
  });

  test('after the release → 409 already_released', async () => {
    const review = await api.openReview({ owner });
    await approve(review);
    expect(said(await withdraw(review, owner))).toEqual(
      domainError(
        409,
        'already_released',
        `Review '${review.id}' has been released (EXECUTED): it can no longer be withdrawn or released.`,
        { review_id: review.id, status: 'EXECUTED' },
      ),
    );
  });

  test('of a cancelled review → 409 review_cancelled', async () => {
    const review = await api.openReview({ owner, review: held });
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
    const reply = await withdraw(review, owner);
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([
      409,
      'review_cancelled',
    ]);
  });

  test('of an unknown review → 404', async () => {
    const reply = await api.post('/v1/workflows/reviews/rev_none/withdraw', {
      body: { reason: 'x' },
    });
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([
      404,
      'review_not_found',
    ]);
  });

  test.each([
    [
      'no reason',
      {},
      { loc: ['body', 'reason'], msg: 'This is required: send it.', type: 'missing' },
    ],
    [
      'another verdict',
      { reason: 'x', verdict: 'approved' },
      {
        loc: ['body', 'verdict'],
        msg: "Expected one of 'rejected', 'revoked'.",
        type: 'enum',
      },
    ],
    [
      'an unknown key',
      { reason: 'x', version_id: 'rvr_x' },
      {
        loc: ['body', 'version_id'],
        msg: 'This key is not known here: leave it out.',
        type: 'extra_forbidden',
      },
    ],
  ])('%s → 422', async (_case, body, problem) => {
    const review = await api.openReview({ owner, review: held });
    expect(said(await api.post(`${review.path}/withdraw`, { as: owner, body }))).toEqual(
      invalidInput(problem),
    );
  });

  test('against the release: whoever comes first wins, and both agree on who that was', async () => {
    for (let round = 0; round < 5; round += 1) {
      const review = await api.openReview({ owner, review: held });
      await approve(review);
      await api.db
        .updateTable('review')
        .set({ decidedAt: new Date(0) })
        .where('id', '=', review.id)
        .execute();
      const [reply, check] = await Promise.all([
        withdraw(review, owner),
        api.progress.check(review.row),
      ]);
      const isWithdrawn = reply.status === 200;
      expect(check).toMatchObject({ kind: 'ended', end: isWithdrawn ? 'rejected' : 'completed' });
      expect((await api.get(review.path)).body).toMatchObject({
        status: isWithdrawn ? 'REVOKED' : 'EXECUTED',
      });
    }
  });
});

describe('release', () => {
  const manual = { placement: 'input', release: 'manual' };

  test('releases what was approved, and not before; the answer shows the approval', async () => {
    const review = await api.openReview({ owner, review: manual });
    await approve(review);
    expect(await api.progress.check(review.row)).toMatchObject({ kind: 'waiting', waitMs: null });
    expect((await api.get(review.path)).body).toMatchObject({ status: 'APPROVED' });
    const reply = await release(review, owner);
    expect(said(reply)).toMatchObject({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'resumed',
        resume_error: null,
        review: { status: 'APPROVED', decision: { verdict: 'approved', author: { id: 'u_ann' } } },
      },
    });
    expect((await api.get(review.path)).body).toMatchObject({ status: 'PROCESSING' });
    expect(await api.progress.check(review.row)).toEqual({ kind: 'execute' });
  });

  test('again → already_applied, asked once', async () => {
    const review = await api.openReview({ owner, review: manual });
    await approve(review);
    const replies = await Promise.all(Array.from({ length: 8 }, () => release(review, owner)));
    const statuses = replies.map(({ body }) => textAt(body, 'submission_status'));
    expect(statuses.filter((status) => status === 'accepted')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'already_applied')).toHaveLength(7);
  });

  test('by an auditor and by an admin', async () => {
    for (const who of [auditor, api.admin]) {
      const review = await api.openReview({ owner, review: manual });
      await approve(review);
      expect((await release(review, who)).body).toMatchObject({ submission_status: 'accepted' });
    }
  });

  test('by somebody else → 403', async () => {
    const review = await api.openReview({ owner, review: manual });
    await approve(review);
    expect(said(await release(review, ann))).toEqual(
      domainError(
        403,
        'not_eligible',
        "'u_ann' may not do this: it is for the run's owner or an admin.",
      ),
    );
  });

  test('while undecided → 409 not_approved', async () => {
    const review = await api.openReview({ owner, review: manual });
    const reply = await release(review, owner);
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([409, 'not_approved']);
  });

  test('where the gate releases by itself → 409 not_manual', async () => {
    const review = await api.openReview({ owner, review: held });
    await approve(review);
    expect(said(await release(review, owner))).toEqual(
      domainError(
        409,
        'not_manual',
        `Review '${review.id}' is released without being asked: its gate does not declare release 'manual'.`,
      ),
    );
  });

  test('after its execution → 409 already_released', async () => {
    const review = await api.openReview({ owner, review: manual });
    await approve(review);
    await release(review, owner);
    await sql`update review set status = 'EXECUTED' where id = ${review.id}`.execute(api.db);
    const reply = await release(review, owner);
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([
      409,
      'already_released',
    ]);
  });

  test('takes no body, an empty one or null; anything in it → 422', async () => {
    const review = await api.openReview({ owner, review: manual });
    await approve(review);
    for (const sending of [{ body: {} }, { raw: 'null' }]) {
      const reply = await api.post(`${review.path}/release`, { as: owner, ...sending });
      expect(reply.status).toBe(200);
    }
    const reply = await api.post(`${review.path}/release`, { as: owner, body: { now: true } });
    expect(reply.status).toBe(422);
  });
});

describe('explain', () => {
  const explain = async (review: OpenedReview): Promise<unknown> =>
    (await api.get(`${review.path}/explain`)).body;

  test('says what is missing, who could fill it, and why the review opened', async () => {
    const review = await api.openReview({
      owner: ann,
      review: { groups: ['finance', 'legal'], reviewers: [{ id: 'u_owner' }] },
      fired: { because: 'total_amount is null' },
    });
    expect(await explain(review)).toEqual({
      review_id: review.id,
      status: 'PENDING',
      version_id: review.seedId,
      waiting_for:
        'It is waiting for a member of finance, a member of legal, reviewer u_owner; nobody can give it (a member of finance): an admin can add somebody who can (PUT /v1/users/{id}) or reassign the entry (POST /v1/workflows/reviews/{id}/reassign), or the run be cancelled.',
      opened_because: 'total_amount is null',
      due_at: null,
      gate: review.row.gate,
      decision_seq: null,
      still_needed: 2,
      missing: [
        {
          key: 'group:finance#1',
          kind: 'group',
          subject: 'finance',
          mandatory: true,
          could_fill: [],
        },
        {
          key: 'group:legal#1',
          kind: 'group',
          subject: 'legal',
          mandatory: true,
          could_fill: [{ id: 'u_ben', name: 'Name of u_ben' }],
        },
        {
          key: 'user:u_owner',
          kind: 'reviewer',
          subject: 'u_owner',
          mandatory: true,
          could_fill: [{ id: 'u_owner', name: 'Name of u_owner' }],
        },
      ],
    });
    await approve(review, ben);
    expect(valueAt(await explain(review), 'missing')).toMatchObject([
      { key: 'group:finance#1' },
      { key: 'user:u_owner' },
    ]);
  });

  test('with min_approvals it says how many of the missing ones are needed', async () => {
    const review = await api.openReview({
      review: { groups: ['finance', 'legal', 'tax'], min_approvals: 2 },
    });
    await approve(review);
    expect(await explain(review)).toMatchObject({
      waiting_for: 'It is waiting for a member of legal, a member of tax (any 1 of the groups).',
      still_needed: 1,
      missing: [{ subject: 'legal' }, { subject: 'tax' }],
    });
  });

  test('is about the newest version while undecided', async () => {
    const review = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    await approve(review);
    const created = await api.post('/v1/workflows/reviews/versions', {
      as: ben,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { a: 1 } },
    });
    expect(await explain(review)).toMatchObject({
      version_id: textAt(created.body, 'id'),
      missing: [{ subject: 'finance' }, { subject: 'legal' }],
    });
  });

  test.each([
    [
      'REJECTED',
      async (review: OpenedReview) => {
        const body = { version_id: review.seedId, reason: 'no' };
        await api.post(`${review.path}/reject`, { as: ann, body });
      },
      'It is rejected.',
    ],
    [
      'APPROVED',
      async (review: OpenedReview) => {
        await approve(review);
      },
      'It is approved; released once its time to undo has passed.',
      held,
    ],
    [
      'REVOKED',
      async (review: OpenedReview) => {
        await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
      },
      'It is cancelled with its run.',
    ],
    [
      'EXECUTED',
      async (review: OpenedReview) => {
        await approve(review);
      },
      'It waits for nothing: it was approved and has been released.',
    ],
  ] as const)('%s', async (status, move, words, gate: Readonly<Record<string, unknown>> = {}) => {
    const review = await api.openReview({ review: gate });
    await move(review);
    expect(await explain(review)).toMatchObject({
      status,
      waiting_for: words,
      missing: [],
      still_needed: 0,
    });
  });

  test('a release by hand, and what is executing', async () => {
    const review = await api.openReview({ review: { placement: 'input', release: 'manual' } });
    await approve(review);
    expect(valueAt(await explain(review), 'waiting_for')).toBe(
      'It is approved; waiting for its owner to release it.',
    );
    await release(review, api.admin);
    expect(valueAt(await explain(review), 'waiting_for')).toBe(
      'It has been released, and its block is being executed.',
    );
    await api.db
      .updateTable('review')
      .set({ status: 'UNKNOWN' })
      .where('id', '=', review.id)
      .execute();
    expect(valueAt(await explain(review), 'waiting_for')).toMatch(/cannot be known/);
  });

  test('an unknown review → 404', async () => {
    expect((await api.get('/v1/workflows/reviews/rev_none/explain')).status).toBe(404);
    expect((await api.get('/v1/workflows/reviews/rev_none/votes')).status).toBe(404);
  });
});

describe('votes', () => {
  test('has every fact in order, with names, reasons and the wire it came by', async () => {
    const review = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    await approve(review);
    const body = { version_id: review.seedId, reason: 'wrong vendor' };
    await api.post(`${review.path}/reject`, { as: ben, body });
    const reply = await api.get(`${review.path}/votes`);
    const fact = (index: number, of: object) => ({
      seq: index + 1,
      id: textAt(reply.body, 'data', index, 'id'),
      kind: 'vote',
      version_id: review.seedId,
      forced: false,
      acting_for: null,
      entry: null,
      to: null,
      dialect: 'retab',
      created_at: textAt(reply.body, 'data', index, 'created_at'),
      ...of,
    });
    expect(reply.body).toEqual({
      data: [
        fact(0, {
          actor: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
          verdict: 'approved',
          fills: ['group:finance#1'],
          reason: null,
        }),
        fact(1, {
          actor: { kind: 'human', id: 'u_ben', display_name: 'Name of u_ben' },
          verdict: 'rejected',
          fills: ['group:legal#1'],
          reason: 'wrong vendor',
        }),
      ],
      list_metadata: { before: null, after: null },
    });
  });

  test('a cancellation is among them', async () => {
    const review = await api.openReview();
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`, { body: { reason: 'postponed' } });
    const { body } = await api.get(`${review.path}/votes`);
    expect(valueAt(body, 'data', 0)).toMatchObject({
      kind: 'cancelled',
      actor: { id: 'u_admin' },
      verdict: null,
      version_id: null,
      fills: [],
      reason: 'postponed',
      dialect: 'system',
    });
  });
});

test('a rejection closes the other reviews of its run that are not released', async () => {
  const blocks = ['one', 'two'].map((id) => ({
    id,
    type: 'task',
    needs: [],
    executor: { kind: 'supplied' },
    review: {},
  }));
  await api.send('PUT', '/v1/workflows/wf_siblings', { body: { blocks } });
  const body = { workflow_id: 'wf_siblings', json_inputs: { one: { a: 1 }, two: { b: 2 } } };
  const runId = textAt((await api.post('/v1/workflows/runs', { body })).body, 'id');
  await api.progress.begin(runId);
  const one = await api.progress.openReview(runId, 'one');
  const two = await api.progress.openReview(runId, 'two');
  expect(valueAt((await api.get(`/v1/workflows/runs/${runId}`)).body, 'lifecycle')).toEqual({
    status: 'awaiting_review',
    waiting_for_block_ids: ['one', 'two'],
  });
  await api.post(`/v1/workflows/reviews/${one.id}/reject`, {
    as: ann,
    body: { version_id: one.newestVersionId, reason: 'no' },
  });
  expect((await api.get(`/v1/workflows/reviews/${two.id}`)).body).toMatchObject({
    status: 'REVOKED',
    decision: null,
  });
  expect(api.told.filter((told) => told.runId === runId && told.kind === 'cancel')).toHaveLength(1);
});
