import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Caller,
  domainError,
  invalidInput,
  said,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';

let api: TestApi;
let ann: Caller;

const RUNS = '/v1/workflows/runs';
const UNKNOWN_RUN = 'run_AAAAAAAAAAAAAAAAAAAAAAAAAA';

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann');
  await declare('wf_plain');
  const inside = { ...TAKE, id: 'inside' };
  await declare('wf_loop', [{ ...TAKE, id: 'each', type: 'for_each', body: [inside] }]);
});
beforeEach(() => {
  api.delivery = 'delivers';
});
afterAll(() => api.stop());

/** Declares a workflow of one ungated block; gives its version. */
async function declare(id: string, blocks: readonly object[] = [TAKE]): Promise<string> {
  const reply = await api.send('PUT', `/v1/workflows/${id}`, { body: { blocks } });
  expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  return textAt(reply.body, 'version_id');
}

const TAKE = { id: 'take', type: 'task', executor: { kind: 'supplied' } };

async function start(body: object, as = ann): Promise<string> {
  const reply = await api.post(RUNS, { as, body: { workflow_id: 'wf_plain', ...body } });
  expect(reply.status, JSON.stringify(reply.body)).toBe(202);
  return textAt(reply.body, 'id');
}

const lifecycleOf = async (id: string): Promise<unknown> =>
  valueAt((await api.get(`${RUNS}/${id}`)).body, 'lifecycle');

describe('starting', () => {
  test('202, the run as the contract shows it', async () => {
    const before = api.forwarded.length;
    const reply = await api.post(RUNS, {
      as: ann,
      body: {
        workflow_id: 'wf_plain',
        json_inputs: { take: { total: 1, none: null } },
        documents: {},
        version: 'production',
        metadata: { team: 'ap' },
        sources: ['ignored'],
        anything: { else: 'ignored' },
      },
    });
    const id = textAt(reply.body, 'id');
    expect(id).toMatch(/^run_[A-Z2-7]{26}$/);
    expect(said(reply)).toEqual({
      status: 202,
      body: {
        id,
        workflow_id: 'wf_plain',
        workflow_version_id: await declare('wf_plain'),
        trigger: { type: 'api' },
        lifecycle: { status: 'pending' },
        timing: {
          created_at: textAt(reply.body, 'timing', 'created_at'),
          started_at: null,
          completed_at: null,
        },
        inputs: { documents: {}, json_data: { take: { total: 1, none: null } } },
        metadata: { team: 'ap' },
        owner_id: 'u_ann',
        started_by: 'u_ann',
        command_id: null,
        is_being_cancelled: false,
        temporal_url: `http://localhost:8233/of/${id}`,
      },
    });
    expect(api.forwarded.length - before).toBe(1);
    expect((await api.get(`${RUNS}/${id}`)).body).toEqual(reply.body);
  });

  test('only workflow_id is required, and null says the same as nothing', async () => {
    for (const body of [
      {},
      { json_inputs: null, documents: null, version: null, metadata: null, owner: null },
    ]) {
      const id = await start(body);
      const run = await api.get(`${RUNS}/${id}`);
      expect(run.body).toMatchObject({ inputs: { json_data: {} }, metadata: null });
    }
  });

  test('production and draft are the version stored last; a wfv_ id is that one', async () => {
    const first = await declare('wf_versions');
    const second = await declare('wf_versions', [{ ...TAKE, label: 'Take' }]);
    const versionOf = async (version: string): Promise<unknown> => {
      const body = { workflow_id: 'wf_versions', version };
      return valueAt((await api.post(RUNS, { body })).body, 'workflow_version_id');
    };
    expect(await versionOf('production')).toBe(second);
    expect(await versionOf('draft')).toBe(second);
    expect(await versionOf(first)).toBe(first);
  });

  test('while Temporal is away it is 202 all the same', async () => {
    api.delivery = 'finds Temporal away';
    const id = await start({});
    expect(await lifecycleOf(id)).toEqual({ status: 'pending' });
  });

  test('the same command_id gives the same run, also at the same moment', async () => {
    const command = { command_id: 'order-42', json_inputs: { take: 1 } };
    const ids = await Promise.all(Array.from({ length: 10 }, () => start(command)));
    expect(new Set(ids).size).toBe(1);
    await declare('wf_plain', [{ ...TAKE, id: 'renamed' }]);
    expect(await start(command)).toBe(ids[0]);
    await declare('wf_plain');
    expect(api.told.filter(({ runId }) => runId === ids[0])).toHaveLength(1);
  });

  const value = (loc: readonly (string | number)[], msg: string) =>
    invalidInput({ loc, msg, type: 'value_error' });

  test.each([
    [
      'no workflow_id',
      { workflow_id: undefined },
      invalidInput({
        loc: ['body', 'workflow_id'],
        msg: 'This is required: send it.',
        type: 'missing',
      }),
    ],
    [
      'documents',
      { documents: { take: { url: 'x' } } },
      value(
        ['body', 'documents'],
        'Inputs are JSON here: send them as `json_inputs`, and documents as links inside them.',
      ),
    ],
    [
      'inputs that are no object',
      { json_inputs: [1] },
      invalidInput({
        loc: ['body', 'json_inputs'],
        msg: 'Expected a JSON object.',
        type: 'dict_type',
      }),
    ],
    [
      'inputs for a block that is not there',
      { json_inputs: { take: 1, typo: 2 } },
      value(['body', 'json_inputs', 'typo'], 'The workflow has no such block: use one of take.'),
    ],
    [
      'inputs for a block of a body, which is given its item',
      { workflow_id: 'wf_loop', json_inputs: { each: [], inside: 2 } },
      value(
        ['body', 'json_inputs', 'inside'],
        "A block in the body of for_each 'each' gets its item as input: give the items to 'each'.",
      ),
    ],
    [
      'inputs that are no I-JSON',
      { json_inputs: { take: { n: [2 ** 60] } } },
      value(
        ['body', 'json_inputs', 'take', 'n', 0],
        'Is 1152921504606847000, beyond ±(2^53−1), where integers lose digits; send it as a string.',
      ),
    ],
    [
      'half a surrogate pair in an input',
      { json_inputs: { take: '\udc00' } },
      value(['body', 'json_inputs', 'take'], 'Has a lone surrogate, which no UTF-8 text can hold.'),
    ],
    [
      'a version of another form',
      { version: 'latest' },
      value(['body', 'version'], "Expected 'production', 'draft' or the id of a version (wfv_…)."),
    ],
    [
      'a NUL character in the metadata',
      { metadata: { a: ['b\0'] } },
      value(['body', 'metadata', 'a', 0], 'Has a NUL character; remove it.'),
    ],
    [
      'a NUL character in a key of the metadata',
      { metadata: { 'a\0': 1 } },
      value(['body', 'metadata'], 'Has a key with a NUL character; rename it.'),
    ],
    [
      'a command id that is too long',
      { command_id: 'x'.repeat(201) },
      invalidInput({
        loc: ['body', 'command_id'],
        msg: 'Expected at most 200 characters.',
        type: 'string_too_long',
      }),
    ],
    [
      'an empty command id',
      { command_id: '' },
      invalidInput({
        loc: ['body', 'command_id'],
        msg: 'Expected at least 1 characters.',
        type: 'string_too_short',
      }),
    ],
  ])('%s → 422', async (_case, change, expected) => {
    const body = { workflow_id: 'wf_plain', ...change };
    expect(said(await api.post(RUNS, { as: ann, body }))).toEqual(expected);
  });

  test('a NUL character inside an input is just text', async () => {
    const id = await start({ json_inputs: { take: 'a\0b' } });
    const { body } = await api.get(`${RUNS}/${id}`);
    expect(valueAt(body, 'inputs', 'json_data')).toEqual({ take: 'a\0b' });
  });

  test('an input of 9 MiB → 413 snapshot_too_large, nothing written', async () => {
    const countRuns = async (): Promise<unknown> =>
      (await sql`select count(*) from run`.execute(api.db)).rows;
    const before = await countRuns();
    const body = {
      workflow_id: 'wf_plain',
      json_inputs: { take: 'x'.repeat(9 * 1024 * 1024) },
    };
    expect(said(await api.post(RUNS, { as: ann, body }))).toEqual(
      domainError(
        413,
        'snapshot_too_large',
        'json_inputs.take takes 9437186 bytes as canonical JSON, and at most 8388608 are accepted: make it smaller, or refer to large content by a link.',
        { max_bytes: 8_388_608 },
      ),
    );
    expect(await countRuns()).toEqual(before);
  });

  test('an unknown workflow or version → 404 workflow_not_found', async () => {
    expect(said(await api.post(RUNS, { body: { workflow_id: 'wf_nope' } }))).toEqual(
      domainError(
        404,
        'workflow_not_found',
        "There is no workflow 'wf_nope' in this project: check the id, or list what there is.",
      ),
    );
    const other = await declare('wf_other', [{ ...TAKE, label: 'Other' }]);
    const body = { workflow_id: 'wf_plain', version: other };
    expect(said(await api.post(RUNS, { body }))).toEqual(
      domainError(
        404,
        'workflow_not_found',
        `Workflow 'wf_plain' has no version '${other}': list its versions at /v1/workflows/wf_plain/versions.`,
      ),
    );
  });
});

describe('the owner', () => {
  test('is the person who starts the run', async () => {
    const { body } = await api.get(`${RUNS}/${await start({})}`);
    expect(body).toMatchObject({ owner_id: 'u_ann', started_by: 'u_ann' });
  });

  test('is nobody for a service, unless it names somebody', async () => {
    const robot = await api.service('robot', 'runs:write');
    const send = (body: object) =>
      api.post(RUNS, { as: robot, body: { workflow_id: 'wf_plain', ...body } });
    expect((await send({})).body).toMatchObject({ owner_id: null, started_by: 'robot' });
    expect((await send({ owner: 'u_ann' })).body).toMatchObject({
      owner_id: 'u_ann',
      started_by: 'robot',
    });
  });

  test('may be named by an admin, and by anybody as themselves', async () => {
    const owned = await api.get(`${RUNS}/${await start({ owner: 'u_ann' }, api.admin)}`);
    expect(owned.body).toMatchObject({ owner_id: 'u_ann', started_by: 'u_admin' });
    expect(await start({ owner: 'u_ann' })).toMatch(/^run_/);
  });

  test('somebody else, named by a person who is no admin → 403', async () => {
    const body = { workflow_id: 'wf_plain', owner: 'u_admin' };
    expect(said(await api.post(RUNS, { as: ann, body }))).toEqual(
      domainError(
        403,
        'forbidden',
        "Only services and admins start runs in somebody else's name: leave `owner` out.",
      ),
    );
  });

  test('an unknown user → 422', async () => {
    const body = { workflow_id: 'wf_plain', owner: 'u_nope' };
    expect(said(await api.post(RUNS, { body }))).toEqual(
      invalidInput({
        loc: ['body', 'owner'],
        msg: "There is no user 'u_nope': name one that GET /v1/users lists.",
        type: 'value_error',
      }),
    );
  });
});

describe('the lifecycle of a run', () => {
  test('pending, running, completed', async () => {
    const id = await start({ json_inputs: { take: { done: true } } });
    expect(await lifecycleOf(id)).toEqual({ status: 'pending' });
    await api.progress.begin(id);
    expect(await lifecycleOf(id)).toEqual({ status: 'running' });
    await api.progress.complete(id, 'take');
    await api.progress.end(id, { kind: 'completed' });
    const { body } = await api.get(`${RUNS}/${id}`);
    expect(body).toMatchObject({
      lifecycle: { status: 'completed' },
      timing: {
        started_at: expect.stringMatching(/Z$/) as unknown,
        completed_at: expect.stringMatching(/Z$/) as unknown,
      },
    });
  });

  test('awaiting_review names the blocks it waits for, until people have moved them', async () => {
    const review = await api.openReview();
    expect(await lifecycleOf(review.runId)).toEqual({
      status: 'awaiting_review',
      waiting_for_block_ids: ['extract_invoice'],
    });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    expect(await lifecycleOf(review.runId)).toEqual({ status: 'completed' });
    const held = await api.openReview({ review: { release: { after: '1h' } } });
    await api.post(`${held.path}/approve`, { as: ann, body: { version_id: held.seedId } });
    expect(await lifecycleOf(held.runId)).toEqual({ status: 'running' });
  });

  test('an approval to be released by hand is still waited for', async () => {
    const review = await api.openReview({ review: { placement: 'input', release: 'manual' } });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    expect(await lifecycleOf(review.runId)).toMatchObject({ status: 'awaiting_review' });
  });

  test('error has a message and every other key', async () => {
    const id = await start({});
    await api.progress.begin(id);
    await api.db
      .updateTable('step')
      .set({ status: 'error', errorMessage: 'the model gave up' })
      .where('id', '=', `${id}_take`)
      .execute();
    await api.progress.end(id, { kind: 'failed', stepId: `${id}_take` });
    expect(await lifecycleOf(id)).toEqual({
      status: 'error',
      message: 'the model gave up',
      stage: null,
      category: null,
      details: null,
      failing_step_id: `${id}_take`,
    });
  });

  test('a reject ends the run as cancelled, with the reason of the reviewer', async () => {
    const review = await api.openReview();
    const body = { version_id: review.seedId, reason: 'wrong vendor' };
    await api.post(`${review.path}/reject`, { as: ann, body });
    const cancelled = { status: 'cancelled', reason: 'wrong vendor' };
    expect(await lifecycleOf(review.runId)).toEqual(cancelled);
    await api.progress.end(review.runId, { kind: 'cancelled' });
    expect(await lifecycleOf(review.runId)).toEqual(cancelled);
  });
});

describe('cancelling', () => {
  const cancel = (id: string, sending: object = {}) =>
    api.post(`${RUNS}/${id}/cancel`, { as: ann, ...sending });

  test('a run that has not begun → cancelled', async () => {
    const id = await start({});
    const reply = await cancel(id);
    expect(said(reply)).toMatchObject({
      status: 200,
      body: {
        run: { id, lifecycle: { status: 'cancelled', reason: 'cancelled by Name of u_ann' } },
        cancellation_status: 'cancelled',
        redis_available: true,
      },
    });
  });

  test('a running one → cancellation_requested, and shows as cancelled at once', async () => {
    const id = await start({});
    await api.progress.begin(id);
    const before = api.forwarded.length;
    const body = { reason: 'postponed' };
    expect(said(await cancel(id, { body }))).toMatchObject({
      status: 200,
      body: {
        run: { lifecycle: { status: 'cancelled', reason: 'postponed' } },
        cancellation_status: 'cancellation_requested',
      },
    });
    expect(api.forwarded.length - before).toBe(1);
    expect(await cancel(id)).toMatchObject({
      body: { cancellation_status: 'cancellation_requested' },
    });
    expect(api.forwarded.length - before).toBe(1);
  });

  test('one that obeys while it is told → cancelled', async () => {
    const id = await start({});
    await api.progress.begin(id);
    api.onForward = async () => {
      await api.progress.end(id, { kind: 'cancelled' });
    };
    try {
      const { body } = await cancel(id);
      expect(body).toMatchObject({
        run: {
          id,
          lifecycle: { status: 'cancelled' },
        },
        cancellation_status: 'cancelled',
      });
      expect(valueAt(body, 'run', 'timing', 'completed_at')).not.toBeNull();
    } finally {
      api.onForward = null;
    }
  });

  test('a finished one → 200, cancelled, unchanged', async () => {
    const id = await start({ json_inputs: { take: {} } });
    await api.progress.begin(id);
    await api.progress.complete(id, 'take');
    await api.progress.end(id, { kind: 'completed' });
    const { body: run } = await api.get(`${RUNS}/${id}`);
    expect(said(await cancel(id))).toEqual({
      status: 200,
      body: { run, cancellation_status: 'cancelled', redis_available: true },
    });
  });

  test.each([
    ['no body', {}],
    ['null', { raw: 'null' }],
    ['an empty object', { body: {} }],
    ['a command id', { body: { command_id: 'c-1' } }],
    ['a command id that is null, and a further key', { body: { command_id: null, by: 'cli' } }],
  ])('%s is a fine body', async (_case, sending) => {
    expect((await cancel(await start({}), sending)).status).toBe(200);
  });

  test.each([
    [
      { body: 'now' },
      { loc: ['body'], msg: 'Expected an object, got a string.', type: 'dict_type' },
    ],
    [
      { body: { command_id: 7 } },
      {
        loc: ['body', 'command_id'],
        msg: 'Expected a string, got a number.',
        type: 'string_type',
      },
    ],
    [
      { body: { reason: ' ' } },
      {
        loc: ['body', 'reason'],
        msg: 'Expected some words, not blank text.',
        type: 'value_error',
      },
    ],
  ])('%j → 422', async (sending, problem) => {
    const id = await start({});
    expect(said(await cancel(id, sending))).toEqual(invalidInput(problem));
    expect(await lifecycleOf(id)).toEqual({ status: 'pending' });
  });

  test('closes undecided reviews, and takes unreleased approvals back', async () => {
    const open = await api.openReview();
    await api.post(`${RUNS}/${open.runId}/cancel`);
    expect((await api.get(open.path)).body).toMatchObject({ status: 'REVOKED', decision: null });
    const approved = await api.openReview({ review: { release: { after: '1h' } } });
    await api.post(`${approved.path}/approve`, {
      as: ann,
      body: { version_id: approved.seedId },
    });
    await api.post(`${RUNS}/${approved.runId}/cancel`);
    expect((await api.get(approved.path)).body).toMatchObject({
      status: 'REVOKED',
      decision: { verdict: 'rejected', author: { id: 'u_admin' } },
    });
  });

  test('by somebody who is neither owner nor admin → 403 forbidden', async () => {
    const id = await start({}, api.admin);
    expect(said(await cancel(id))).toEqual(
      domainError(
        403,
        'forbidden',
        "Only the run's owner or an admin may cancel it: ask one of them, or reject its review.",
      ),
    );
    expect(await lifecycleOf(id)).toEqual({ status: 'pending' });
  });

  test('an unknown run → 404 run_not_found', async () => {
    const refusal = domainError(
      404,
      'run_not_found',
      `There is no run '${UNKNOWN_RUN}' in this project: check the id, or list what there is.`,
    );
    expect(said(await cancel(UNKNOWN_RUN))).toEqual(refusal);
    expect(said(await api.get(`${RUNS}/${UNKNOWN_RUN}`))).toEqual(refusal);
  });

  test('at the same time ten times cancels once', async () => {
    const review = await api.openReview();
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => api.post(`${RUNS}/${review.runId}/cancel`)),
    );
    expect(replies.every(({ status }) => status === 200)).toBe(true);
    const told = api.told.filter(({ runId, kind }) => runId === review.runId && kind === 'cancel');
    expect(told).toHaveLength(1);
  });
});

describe('listing runs', () => {
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    await declare('wf_listed');
    const begin = async (name: string, metadata: object): Promise<string> => {
      const id = await start({ workflow_id: 'wf_listed', metadata });
      ids[name] = id;
      return id;
    };
    await begin('pending', { n: 1, team: { name: 'ap' } });
    await api.progress.begin(await begin('running', { n: 2 }));
    const cancelling = await begin('cancelling', { n: 3 });
    await api.progress.begin(cancelling);
    await api.post(`${RUNS}/${cancelling}/cancel`);
    const failed = await begin('error', { n: 4, text: '50%_\\' });
    await api.progress.begin(failed);
    await api.progress.end(failed, { kind: 'failed', stepId: `${failed}_take` });
    const completed = await begin('completed', { n: 5 });
    await api.progress.begin(completed);
    await api.progress.complete(completed, 'take');
    const awaiting = await api.openReview({ workflowId: 'wf_listed_2' });
    ids['awaiting'] = awaiting.runId;
    await api.db
      .updateTable('run')
      .set({ workflowId: 'wf_listed' })
      .where('id', '=', awaiting.runId)
      .execute();
    await api.db
      .updateTable('run')
      .set({ createdAt: '2026-05-13T12:00:00.000Z', trigger: 'schedule' })
      .where('id', '=', ids['pending'] ?? '')
      .execute();
  });

  const listed = async (query: string): Promise<readonly string[]> => {
    const reply = await api.get(`${RUNS}?workflow_id=wf_listed&order=asc&${query}`);
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
    const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]));
    return textsAt(reply.body, 'id').map((id) => names.get(id) ?? id);
  };
  const ALL = ['pending', 'running', 'cancelling', 'error', 'completed', 'awaiting'];
  const json = (value: object): string => encodeURIComponent(JSON.stringify(value));

  test.each([
    ['everything', '', ALL],
    ['status pending', 'status=pending', ['pending']],
    ['status queued, an older word', 'status=queued', ['pending']],
    ['status running', 'status=running', ['running']],
    ['status awaiting_review', 'status=awaiting_review', ['awaiting']],
    ['status cancelled, obeyed or not', 'status=cancelled', ['cancelling']],
    ['status error', 'status=error', ['error']],
    ['status failed, an older word', 'status=failed', ['error']],
    ['status completed', 'status=completed', ['completed']],
    ['two statuses', 'status=error&status=completed', ['error', 'completed']],
    [
      'exclude_status',
      'exclude_status=cancelled&exclude_status=failed',
      ['pending', 'running', 'completed', 'awaiting'],
    ],
    ['trigger_type', 'trigger_type=schedule', ['pending']],
    ['from_date', 'from_date=2026-05-14', ALL.slice(1)],
    ['to_date, the whole day', 'to_date=2026-05-13', ['pending']],
    ['to_date, a time before', 'to_date=2026-05-13T11:59:59Z', []],
    ['a time with an offset', 'to_date=2026-05-13T14:00:00%2B02:00', ['pending']],
    ['a time without an offset is UTC', 'to_date=2026-05-13T12:00:00', ['pending']],
    ['metadata', `metadata=${json({ n: 2 })}`, ['running']],
    ['metadata inside', `metadata=${json({ team: { name: 'ap' } })}`, ['pending']],
    ['metadata that nothing has', `metadata=${json({ n: '2' })}`, []],
    ['search in workflow ids', 'search=LISTED', ALL],
    ['search is literal', 'search=%25', []],
  ])('%s', async (_case, query, expected) => {
    expect(await listed(query)).toEqual(expected);
  });

  test('search finds a run by a part of its id', async () => {
    expect(await listed(`search=${ids['error']?.slice(4)}`)).toEqual(['error']);
  });

  test('newest first by default, 20 of them', async () => {
    const reply = await api.get(`${RUNS}?workflow_id=wf_listed`);
    expect(textsAt(reply.body, 'id')[0]).toBe(ids['awaiting']);
    expect(textsAt(reply.body, 'id').at(-1)).toBe(ids['pending']);
    for (let count = 0; count < 21; count += 1) {
      await start({});
    }
    const many = await api.get(`${RUNS}?workflow_id=wf_plain`);
    expect(textsAt(many.body, 'id')).toHaveLength(20);
    expect(valueAt(many.body, 'list_metadata')).toEqual({
      before: null,
      after: textsAt(many.body, 'id').at(-1),
    });
  });

  test.each([
    ['limit=101', 'limit', 'less_than_equal'],
    ['limit=0', 'limit', 'greater_than_equal'],
    ['status=done', 'status', 'enum'],
    ['trigger_type=cron', 'trigger_type', 'enum'],
    ['from_date=yesterday', 'from_date', 'value_error'],
    ['from_date=2026-02-31', 'from_date', 'value_error'],
    ['to_date=2026-13-01', 'to_date', 'value_error'],
    ['to_date=2026-05-13T25:00:00Z', 'to_date', 'value_error'],
    ['from_date=0000-01-01', 'from_date', 'value_error'],
    ['from_date=', 'from_date', 'value_error'],
    ['metadata=%7B', 'metadata', 'value_error'],
    ['metadata=%5B1%5D', 'metadata', 'value_error'],
    [`metadata=${json({ a: '\0' })}`, 'metadata', 'value_error'],
    ['metadata=%7B%22a%22:1e999%7D', 'metadata', 'value_error'],
    ['after=run_nope', 'after', 'value_error'],
    ['search=%00', 'search', 'value_error'],
  ])('%s → 422', async (query, name, type) => {
    const reply = await api.get(`${RUNS}?${query}`);
    expect(reply.status).toBe(422);
    expect(valueAt(reply.body, 'detail', 0, 'loc', 1)).toBe(name);
    expect(valueAt(reply.body, 'detail', 0, 'type')).toBe(type);
  });
});
