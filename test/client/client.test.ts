import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, type Client, createClient } from '../../src/client/index.js';
import { type Caller, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
let admin: Client;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  admin = clientOf(api.admin);
  ann = await api.person('u_ann', { groups: ['finance'] });
});

afterAll(async () => {
  await api.stop();
});

function clientOf({ token }: Caller): Client {
  return createClient({ url: api.url, token });
}

const BLOCKS = [{ id: 'a', type: 'task', executor: { kind: 'supplied' } }];

describe('reviews', () => {
  test('are listed, read and approved by the id of a version', async () => {
    const { id, seedId, runId } = await api.openReview({ owner: ann });
    const [listed] = (await admin.reviews.list({ run_id: runId }).page()).data;
    expect(listed).toEqual(await admin.reviews.get(id));
    expect(listed).toMatchObject({ id, status: 'PENDING', newest_version_id: seedId });
    const answer = await admin.reviews.approve(id, seedId);
    expect(answer).toMatchObject({ submission_status: 'accepted', resume_status: 'resumed' });
    expect(answer.review.decision).toMatchObject({ verdict: 'approved', version_id: seedId });
    const facts = await admin.reviews.votes(id).take(10);
    expect(facts.data).toMatchObject([{ seq: 1, verdict: 'approved', actor: { id: 'u_admin' } }]);
  });

  test('are walked over all pages, in the order asked for', async () => {
    const opened: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      opened.push((await api.openReview({ workflowId: 'wf_pages' })).id);
    }
    const walk = async (order: 'asc' | 'desc'): Promise<readonly string[]> => {
      const ids: string[] = [];
      for await (const { id } of admin.reviews.list({ workflow_id: 'wf_pages', limit: 2, order })) {
        ids.push(id);
      }
      return ids;
    };
    expect(await walk('asc')).toEqual(opened);
    expect(await walk('desc')).toEqual(opened.toReversed());
  });

  test('are rejected with a reason, and then a different vote is a conflict and no error', async () => {
    const { id, seedId } = await api.openReview();
    const rejected = await clientOf(ann).reviews.reject(id, seedId, 'The total is missing');
    expect(rejected.review.decision).toMatchObject({ reason: 'The total is missing' });
    const bob = await api.person('u_bob');
    const late = await clientOf(bob).reviews.approve(id, seedId);
    expect(late).toMatchObject({ submission_status: 'conflict', resume_status: 'skipped' });
  });

  test('take corrections, which are versions', async () => {
    const { id, seedId } = await api.openReview();
    const client = clientOf(ann);
    const correction = { review_id: id, parent_id: seedId, snapshot: { total_amount: 325 } };
    const version = await client.reviews.versions.create({ ...correction, note: 'from the PDF' });
    expect(version).toMatchObject({ parent_id: seedId, snapshot: { total_amount: 325 } });
    expect(await client.reviews.versions.get(version.id)).toEqual(version);
    const { data } = await client.reviews.versions.list(id).take(10);
    expect(data.map((one) => one.id)).toEqual([seedId, version.id]);
    const conflicting = client.reviews.versions.create({ ...correction, parent_id: version.id });
    await expect(conflicting).rejects.toMatchObject({
      status: 409,
      code: 'parent_conflict',
      details: { version_id: version.id, existing_parent_id: seedId },
    });
  });

  test('explain who could give what is missing', async () => {
    const { id } = await api.openReview({ review: { groups: ['finance', 'nobody'] } });
    const { missing, waiting_for: waitingFor } = await admin.reviews.explain(id);
    expect(missing).toMatchObject([
      { key: 'group:finance#1', could_fill: [{ id: 'u_ann', name: 'Name of u_ann' }] },
      { key: 'group:nobody#1', could_fill: [] },
    ]);
    expect(waitingFor).not.toBe('');
  });

  test('are withdrawn, and released where the gate wants it said', async () => {
    const review = { placement: 'input', release: 'manual' };
    const withdrawn = await api.openReview({ owner: ann, review });
    await admin.reviews.approve(withdrawn.id, withdrawn.seedId);
    const answer = await clientOf(ann).reviews.withdraw(withdrawn.id, { reason: 'too early' });
    expect(answer.review.status).toBe('REVOKED');
    const released = await api.openReview({ owner: ann, review });
    await admin.reviews.approve(released.id, released.seedId);
    const done = await clientOf(ann).reviews.release(released.id);
    expect(done.submission_status).toBe('accepted');
  });

  test('lose an approval that is taken back, and get entries that others fill', async () => {
    const { id, seedId } = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    const client = clientOf(ann);
    const own = { what: 'own_approval', reason: 'the wrong one' } as const;
    await expect(client.reviews.withdraw(id, own)).rejects.toMatchObject({
      status: 409,
      code: 'no_approval_of_yours',
    });
    await client.reviews.approve(id, seedId);
    expect((await client.reviews.withdraw(id, own)).review).toMatchObject({
      status: 'PENDING',
      entries: [{ status: 'PENDING' }, { status: 'PENDING' }],
    });
    const to = { reviewer: 'u_ann' };
    const entry = { entry: 'group:legal#1', to, reason: 'nobody is in legal' };
    await expect(client.reviews.reassign(id, entry)).rejects.toMatchObject({ status: 403 });
    const given = await admin.reviews.reassign(id, entry);
    expect(given).toMatchObject({ submission_status: 'accepted', review: { status: 'PENDING' } });
    expect((await admin.reviews.explain(id)).missing).toMatchObject([
      { key: 'group:finance#1' },
      { key: 'group:legal#1', subject: 'u_ann', could_fill: [{ id: 'u_ann' }] },
    ]);
  });

  test('that nobody may decide so answer why, with a code', async () => {
    const { id, seedId } = await api.openReview({ owner: ann });
    const own = clientOf(ann).reviews.approve(id, seedId);
    await expect(own).rejects.toMatchObject({ status: 403, code: 'self_approval' });
    const missing = admin.reviews.get('rev_AAAAAAAAAAAAAAAAAAAAAAAAAA');
    await expect(missing).rejects.toBeInstanceOf(ApiError);
    await expect(missing).rejects.toMatchObject({ status: 404, code: 'review_not_found' });
    const malformed = admin.reviews.reject(id, 'rvr_1', ' ');
    await expect(malformed).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path: 'body.version_id' }, { path: 'body.reason' }],
    });
  });
});

describe('runs', () => {
  test('are the same run under the same command id', async () => {
    await admin.workflows.put('wf_runs', { blocks: BLOCKS });
    const request = { workflow_id: 'wf_runs', json_inputs: { a: { n: 1 } }, command_id: 'c-1' };
    const [first, second] = [await admin.runs.start(request), await admin.runs.start(request)];
    expect(second.id).toBe(first.id);
    const other = await admin.runs.start({ ...request, command_id: 'c-2' });
    expect(other.id).not.toBe(first.id);
    const { data } = await admin.runs.list({ workflow_id: 'wf_runs' }).take(10);
    expect(data.map(({ id }) => id)).toEqual([other.id, first.id]);
  });

  test('are found by status and by metadata', async () => {
    await admin.workflows.put('wf_found', { blocks: BLOCKS });
    const run = await admin.runs.start({
      workflow_id: 'wf_found',
      metadata: { batch: 'may & june' },
      owner: 'u_ann',
    });
    expect(run.owner_id).toBe('u_ann');
    const found = await admin.runs.list({ metadata: { batch: 'may & june' } }).take(5);
    expect(found.data.map(({ id }) => id)).toEqual([run.id]);
    const ended = admin.runs.list({ workflow_id: 'wf_found', status: ['completed', 'error'] });
    expect((await ended.page()).data).toEqual([]);
  });

  test('are cancelled, and waiting for them is over then', async () => {
    await admin.workflows.put('wf_cancel', { blocks: BLOCKS });
    const run = await admin.runs.start({ workflow_id: 'wf_cancel' });
    const ended = admin.runs.waitFor(run.id, { pollMs: 50 });
    const cancelled = await admin.runs.cancel(run.id, { reason: 'not needed' });
    expect(cancelled.cancellation_status).toMatch(/^cancell/);
    expect((await ended).lifecycle).toEqual({ status: 'cancelled', reason: 'not needed' });
  });

  test('in error are retried, once it is said what became of an unknown outcome', async () => {
    const pay = { id: 'pay', type: 'task', executor: { kind: 'function', name: 'pay' } };
    await admin.workflows.put('wf_pay', {
      blocks: [{ ...pay, execution: { repeatable: false, attempts: 1, timeout: '30s' } }],
    });
    const { id } = await admin.runs.start({ workflow_id: 'wf_pay' });
    await api.progress.begin(id);
    const stepId = await api.progress.fail(id, 'pay', 'unknown');
    await expect(admin.runs.retry(id)).rejects.toMatchObject({
      status: 409,
      code: 'outcome_unknown',
    });
    const settled = await admin.steps.settle(stepId, { happened: true, output: { paid: true } });
    expect(settled).toMatchObject({ lifecycle: { status: 'completed' }, outcome_unknown: false });
    await expect(admin.steps.settle(stepId, { happened: false })).rejects.toMatchObject({
      status: 409,
      code: 'outcome_known',
    });
    await expect(admin.runs.retry(id, { steps: [stepId] })).rejects.toMatchObject({
      status: 409,
      code: 'step_not_failed',
    });
    expect(await admin.runs.retry(id)).toMatchObject({
      step_ids: [],
      run: { id, lifecycle: { status: 'running' } },
    });
  });

  test('have steps', async () => {
    const { runId, stepId } = await api.openReview();
    const { data } = await admin.steps.list({ run_id: runId }).take(10);
    expect(data).toEqual([await admin.steps.get(stepId)]);
  });

  test('have items, where a step loops', async () => {
    const line = { id: 'line', type: 'task', executor: { kind: 'supplied' } };
    const each = { id: 'each', type: 'for_each', executor: { kind: 'supplied' }, body: [line] };
    await admin.workflows.put('wf_loop', { blocks: [each] });
    const { id: runId } = await admin.runs.start({
      workflow_id: 'wf_loop',
      json_inputs: { each: [1, 2, 3] },
    });
    await api.progress.begin(runId);
    await api.progress.complete(runId, 'each');
    await api.progress.iterate(`${runId}_each`);
    const keys: string[] = [];
    for await (const { iteration_key: key } of admin.steps.items(`${runId}_each`)) {
      keys.push(key);
    }
    expect(keys).toEqual(['0', '1', '2']);
  });
});

describe('workflows', () => {
  test('are stored by content, and listed with their versions', async () => {
    const first = await admin.workflows.put('wf_stored', { blocks: BLOCKS, name: 'Stored' });
    const again = await admin.workflows.put('wf_stored', { blocks: BLOCKS, name: 'Stored' });
    expect(again.version_id).toBe(first.version_id);
    await admin.workflows.put('wf_stored', { blocks: BLOCKS, name: 'Renamed' });
    const { data } = await admin.workflows.versions('wf_stored').page();
    expect(data.map(({ name, is_current: isCurrent }) => [name, isCurrent])).toEqual([
      ['Stored', false],
      ['Renamed', true],
    ]);
    expect(await admin.workflows.get('wf_stored')).toMatchObject({ version: 2, name: 'Renamed' });
    const all = await admin.workflows.list().page();
    expect(all.data.map(({ id }) => id)).toContain('wf_stored');
  });

  test('that are wrong are refused with the path of each problem', async () => {
    const work = admin.workflows.put('wf_wrong', { blocks: [{ id: '', type: 'nonsense' }] });
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    const paths = error instanceof ApiError ? error.problems.map(({ path }) => path) : [];
    expect(paths).toContain('body.blocks.0.type');
    expect(paths).toContain('body.blocks.0.executor');
  });
});

describe('people', () => {
  test('are stored, get tokens, and are removed with them', async () => {
    const stored = await admin.users.put('u_eve', {
      name: 'Eve',
      email: 'eve@example.com',
      groups: ['legal'],
      roles: ['reviewer', 'author'],
    });
    expect(stored).toMatchObject({ id: 'u_eve', groups: ['legal'], roles: ['reviewer', 'author'] });
    const { token, id } = await admin.tokens.create({ user_id: 'u_eve' });
    const eve = createClient({ url: api.url, token });
    expect(await eve.me()).toMatchObject({ kind: 'person', id: 'u_eve', groups: ['legal'] });
    const { data } = await admin.tokens.list().page();
    expect(data.find((one) => one.id === id)).toMatchObject({ user_id: 'u_eve' });
    expect(await admin.users.remove('u_eve')).toEqual({
      id: 'u_eve',
      removed: true,
      warnings: [],
    });
    await expect(eve.me()).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
    const { data: people } = await admin.users.list().page();
    expect(people.map((person) => person.id)).not.toContain('u_eve');
  });

  test('are not the only ones with tokens: services have scopes', async () => {
    const { id, token } = await admin.tokens.create({
      service: 'batch',
      scopes: ['runs:write', 'reviews:read'],
    });
    const batch = createClient({ url: api.url, token });
    expect(await batch.me()).toMatchObject({
      kind: 'service',
      scopes: ['runs:write', 'reviews:read'],
    });
    expect(await admin.tokens.revoke(id)).toEqual({ id, revoked: true });
    await expect(batch.me()).rejects.toMatchObject({ status: 401 });
  });
});

describe('audit', () => {
  test('is walked over its pages, oldest first', async () => {
    const { id } = await api.openReview();
    const actions: string[] = [];
    for await (const line of admin.audit.list({ limit: 3 })) {
      actions.push(line.action);
    }
    expect(actions.length).toBeGreaterThan(3);
    const { data } = await admin.audit.list({ review_id: id }).take(5);
    expect(data.map(({ action }) => action)).toContain('gate_fired');
  });
});
