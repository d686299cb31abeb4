import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM } from '../../src/store/actors.js';
import { putPerson } from '../../src/store/people.js';
import {
  type Caller,
  type OpenedReview,
  startApi,
  type TestApi,
  textAt,
  valueAt,
} from '../support/api.js';
import { put } from '../support/hoop.js';

let api: TestApi;
let ann: Caller;
let jane: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['sre'] });
  jane = await api.person('u_jane');
});
afterAll(() => api.stop());

const uuid: unknown = expect.stringMatching(
  /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
);
const someTime: unknown = expect.stringMatching(/Z$/);

/** A review as a session has it. */
function withoutSession(body: unknown): object {
  const entries = Object.entries(typeof body === 'object' && body !== null ? body : {});
  return Object.fromEntries(entries.filter(([key]) => key !== 'session'));
}

const window = {
  type: 'time_range',
  configuration: { start_time: '09:00', end_time: '18:00' },
};

async function open(
  gate: object = {},
  snapshot: object = { table: 'orders' },
): Promise<OpenedReview> {
  return await api.openReview({
    owner: jane,
    workflowId: 'wf_maintenance',
    block: { id: 'drop_table', type: 'task' },
    snapshot,
    review: { groups: ['sre', 'banking'], placement: 'input', ...gate },
  });
}

const read = async ({ id }: OpenedReview): Promise<unknown> =>
  (await api.get(`/api/reviews/${id}`)).body;
const readSession = async ({ stepId }: OpenedReview): Promise<unknown> =>
  (await api.get(`/api/sessions/${stepId}`)).body;

/** The rows of two groups of which nobody has said anything. */
const untouched = ['sre', 'banking'].map((group) => ({
  id: uuid,
  group,
  status: 'PENDING',
  reviewed_by: null,
  review_date: null,
  forced_review: false,
}));

describe('a review in answers', () => {
  test('every key is always present, except rejection_reason', async () => {
    const review = await open();
    expect(await read(review)).toEqual({
      id: review.id,
      session: review.stepId,
      type: 'onetime',
      access_duration: 0,
      status: 'PENDING',
      revoke_at: null,
      created_at: review.row.createdAt.toISOString(),
      review_groups_data: untouched,
      time_window: null,
      access_request_rule_name: null,
      min_approvals: null,
      force_approval_groups: null,
      run_id: review.runId,
      block_id: 'drop_table',
      placement: 'input',
      version_id: review.seedId,
      rev: 0,
      cancelled_at: null,
    });
  });

  test('with everything that a gate can declare and a vote can bring', async () => {
    const review = await open({
      name: 'Drops',
      min_approvals: 1,
      release: 'manual',
      force_approval_groups: ['oncall', 'sre'],
      reviewers: [{ id: 'u_fyi', mandatory: false }],
    });
    await put(api, review, ann, { status: 'APPROVED', time_window: window, force_review: true });
    const shown = await read(review);
    const at = textAt(shown, 'revoke_at');
    expect(shown).toEqual({
      id: review.id,
      session: review.stepId,
      type: 'onetime',
      access_duration: 0,
      status: 'APPROVED',
      revoke_at: at,
      created_at: review.row.createdAt.toISOString(),
      review_groups_data: [
        {
          id: uuid,
          group: 'sre',
          status: 'APPROVED',
          reviewed_by: {
            id: 'u_ann',
            name: 'Name of u_ann',
            email: 'u_ann@example.com',
            slack_id: '',
          },
          review_date: at,
          forced_review: true,
        },
        untouched[1],
        { ...untouched[1], group: 'user:u_fyi', mandatory: false },
      ],
      time_window: window,
      access_request_rule_name: 'Drops',
      min_approvals: 1,
      force_approval_groups: ['oncall', 'sre'],
      run_id: review.runId,
      block_id: 'drop_table',
      placement: 'input',
      version_id: review.seedId,
      rev: 1,
      cancelled_at: null,
    });
  });

  test('row ids are UUIDs that stay', async () => {
    const review = await open();
    const before = await read(review);
    await put(api, review, ann, { status: 'APPROVED' });
    const after = await read(review);
    for (const index of [0, 1]) {
      expect(valueAt(after, 'review_groups_data', index, 'id')).toBe(
        valueAt(before, 'review_groups_data', index, 'id'),
      );
    }
  });

  test('reviewed_by shows the slack id, and somebody who was removed', async () => {
    const review = await open();
    const slack = await api.person('u_slack', { groups: ['sre'] });
    await putPerson(api.db, SYSTEM, {
      id: 'u_slack',
      name: '',
      email: 'slack@example.com',
      slackId: 'U123',
      groups: ['sre'],
      roles: ['reviewer'],
    });
    await put(api, review, slack, { status: 'APPROVED' });
    await api.send('DELETE', '/v1/users/u_slack');
    expect(valueAt(await read(review), 'review_groups_data', 0, 'reviewed_by')).toEqual({
      id: 'u_slack',
      email: 'slack@example.com',
      slack_id: 'U123',
    });
  });

  test('revoke_at stays what it was when the approval is withdrawn', async () => {
    const review = await open({ groups: ['sre'], release: 'manual' });
    const approved = await put(api, review, ann, { status: 'APPROVED' });
    const revoked = await put(api, review, jane, { status: 'REVOKED' });
    expect(valueAt(revoked.body, 'revoke_at')).toBe(textAt(approved.body, 'revoke_at'));
  });

  test('an appended row says no more than any other', async () => {
    const review = await open();
    const { body } = await put(api, review, api.admin, { status: 'REJECTED' });
    expect(valueAt(body, 'review_groups_data', 2)).toEqual({
      id: uuid,
      group: 'admin',
      status: 'REJECTED',
      reviewed_by: {
        id: 'u_admin',
        name: 'Name of u_admin',
        email: 'u_admin@example.com',
        slack_id: '',
      },
      review_date: someTime,
      forced_review: false,
    });
  });

  test('rejection_reason is only for what is REJECTED', async () => {
    const review = await open({ groups: ['sre'], release: 'manual' });
    await put(api, review, ann, { status: 'APPROVED' });
    await api.post(`${review.path}/withdraw`, {
      as: jane,
      body: { verdict: 'revoked', reason: 'too early' },
    });
    const shown = await read(review);
    expect(shown).toMatchObject({ status: 'REVOKED' });
    expect(shown).not.toHaveProperty('rejection_reason');
  });

  test('a gate without entries has one row *', async () => {
    const review = await open({ groups: [] });
    expect(valueAt(await read(review), 'review_groups_data')).toEqual([
      { ...untouched[0], group: '*' },
    ]);
  });

  test.each(['PROCESSING', 'EXECUTED', 'UNKNOWN'])('the status %s', async (status) => {
    const review = await open({ groups: ['sre'] });
    await put(api, review, ann, { status: 'APPROVED' });
    expect(await read(review)).toMatchObject({ status: 'PROCESSING' });
    await sql`update review set status = ${status} where id = ${review.id}`.execute(api.db);
    expect(await read(review)).toMatchObject({ status });
  });

  test('more reviews than one statement reads', async () => {
    const review = await open();
    await sql`
      insert into step (id, project_id, run_id, workflow_id, block_id, block_type, position, iteration_key)
      select id || '@' || n, project_id, run_id, workflow_id, block_id, block_type, position, n::text
        from step, generate_series(1, 1100) n where id = ${review.stepId}`.execute(api.db);
    await sql`
      insert into review (id, project_id, run_id, step_id, workflow_id, workflow_version_id, block_id,
                          block_type, iteration_key, placement, owner_id, gate, policy, triggered_by,
                          because, newest_version_id, created_at)
      select 'rev_' || lpad(n::text, 26, 'A'), project_id, run_id, step_id || '@' || n, workflow_id,
             workflow_version_id, block_id, block_type, n::text, placement, owner_id, gate, policy,
             triggered_by, because, newest_version_id, created_at
        from review, generate_series(1, 1100) n where id = ${review.id}`.execute(api.db);
    const { body } = await api.get('/api/reviews');
    const rows = Array.isArray(body) ? body : [];
    const ids = rows.map((row: unknown) => textAt(row, 'id'));
    expect(ids.length).toBeGreaterThan(1_100);
    expect(new Set(ids).size).toBe(ids.length);
    // By (created_at, id), newest first.
    const keys = rows.map((row: unknown) => `${textAt(row, 'created_at')} ${textAt(row, 'id')}`);
    expect(keys).toEqual(keys.toSorted().toReversed());
    // An iteration is found by its step id, and named by it alone: its run has many.
    const third = `${review.stepId}@3`;
    expect((await api.get(`/api/reviews/${third}`)).body).toMatchObject({ session: third });
    expect((await api.get(`/api/sessions/${encodeURIComponent(third)}`)).body).toMatchObject({
      id: third,
    });
    expect((await api.get(`/api/sessions/${review.runId}`)).status).toBe(404);
    await sql`delete from review where iteration_key is not null`.execute(api.db);
    await sql`delete from step where iteration_key is not null`.execute(api.db);
  });
});

describe('a session', () => {
  test('every key', async () => {
    const review = await open();
    const at = review.row.createdAt.toISOString();
    expect(await readSession(review)).toEqual({
      id: review.stepId,
      org_id: 'prj_default',
      script: { data: '{"table":"orders"}' },
      script_size: 18,
      labels: {},
      integrations_metadata: null,
      metadata: {},
      metrics: {},
      user: 'u_jane@example.com',
      user_id: 'u_jane',
      user_name: 'Name of u_jane',
      type: 'custom',
      connection_subtype: 'task',
      connection: 'drop_table',
      resource_name: 'wf_maintenance',
      role_name: 'drop_table',
      connection_tags: {},
      review: withoutSession(await read(review)),
      verb: 'exec',
      status: 'open',
      exit_code: null,
      event_size: 0,
      correlation_id: review.runId,
      start_date: at,
      end_date: null,
      ai_analysis: null,
      guardrails_info: null,
      identity_type: 'user',
    });
  });

  test('script.data is the newest version, its size is in bytes', async () => {
    const review = await open({ placement: 'output', groups: ['sre'] });
    await api.post('/v1/workflows/reviews/versions', {
      as: ann,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { table: 'größer' } },
    });
    expect(await readSession(review)).toMatchObject({
      script: { data: '{"table":"größer"}' },
      script_size: 20,
    });
  });

  test('of a run that a service started: machine, with an owner or without', async () => {
    const service = await api.service('svc_intake', 'runs:write');
    const block = { id: 'drop_table', type: 'task', executor: { kind: 'supplied' }, review: {} };
    await api.send('PUT', '/v1/workflows/wf_machine', { body: { blocks: [block] } });
    for (const owner of ['u_jane', null]) {
      const started = await api.post('/v1/workflows/runs', {
        as: service,
        body: {
          workflow_id: 'wf_machine',
          json_inputs: { drop_table: {} },
          ...(owner === null ? {} : { owner }),
        },
      });
      const runId = textAt(started.body, 'id');
      await api.progress.begin(runId);
      const { stepId } = await api.progress.openReview(runId, 'drop_table');
      expect((await api.get(`/api/sessions/${stepId}`)).body).toMatchObject({
        identity_type: 'machine',
        user_id: owner ?? '',
        user: owner === null ? '' : 'u_jane@example.com',
        user_name: owner === null ? '' : 'Name of u_jane',
      });
    }
  });

  test('of a step without a review: null, from open to done', async () => {
    const block = { id: 'copy', type: 'task', executor: { kind: 'supplied' } };
    await api.send('PUT', '/v1/workflows/wf_plain', { body: { blocks: [block] } });
    const started = await api.post('/v1/workflows/runs', {
      as: jane,
      body: { workflow_id: 'wf_plain', json_inputs: { copy: { b: 1, a: 2 } } },
    });
    const runId = textAt(started.body, 'id');
    await api.progress.begin(runId);
    const path = `/api/sessions/${runId}_copy`;
    expect((await api.get(path)).body).toMatchObject({
      review: null,
      status: 'open',
      exit_code: null,
      end_date: null,
      script: { data: '{"a":2,"b":1}' },
      script_size: 13,
    });
    await api.progress.complete(runId, 'copy');
    expect((await api.get(path)).body).toMatchObject({
      review: null,
      status: 'done',
      exit_code: 0,
      end_date: someTime,
    });
  });

  test('of a step that was cancelled before it began: done, without an exit code', async () => {
    const first = { id: 'first', type: 'task', executor: { kind: 'supplied' }, review: {} };
    const second = { id: 'second', type: 'task', executor: { kind: 'pass' } };
    await api.send('PUT', '/v1/workflows/wf_two', { body: { blocks: [first, second] } });
    const started = await api.post('/v1/workflows/runs', {
      as: jane,
      body: { workflow_id: 'wf_two', json_inputs: { first: {} } },
    });
    const runId = textAt(started.body, 'id');
    await api.progress.begin(runId);
    await api.progress.openReview(runId, 'first');
    await api.post(`/v1/workflows/runs/${runId}/cancel`, { as: jane, body: { reason: 'enough' } });
    await api.progress.end(runId, { kind: 'cancelled' });
    expect((await api.get(`/api/sessions/${runId}_second`)).body).toMatchObject({
      review: null,
      status: 'done',
      exit_code: null,
      script: { data: '' },
      script_size: 0,
    });
    expect((await api.get(`/api/sessions/${runId}_first`)).body).toMatchObject({
      status: 'done',
      exit_code: null,
      end_date: someTime,
      review: { status: 'REVOKED', cancelled_at: someTime },
    });
  });

  test.each<[string, string, string, number | null]>([
    ['PENDING', 'pending', 'open', null],
    ['PROCESSING', 'running', 'open', null],
    ['APPROVED', 'awaiting_review', 'ready', null],
    ['REJECTED', 'cancelled', 'done', null],
    ['REVOKED', 'cancelled', 'done', null],
    ['EXECUTED', 'completed', 'done', 0],
    ['EXECUTED', 'error', 'done', 1],
    ['UNKNOWN', 'error', 'done', -2],
  ])(
    'a review %s of a step %s → status %s, exit code %s',
    async (status, step, shown, exitCode) => {
      const review = await open();
      const isDone = shown === 'done';
      await sql`
      update review set status = ${status},
             ended_at = case when ${isDone} then clock_timestamp() end
       where id = ${review.id}`.execute(api.db);
      await sql`update step set status = ${step} where id = ${review.stepId}`.execute(api.db);
      expect(await readSession(review)).toMatchObject({
        status: shown,
        exit_code: exitCode,
        end_date: isDone ? someTime : null,
      });
    },
  );
});
