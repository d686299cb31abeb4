import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Caller, startApi, type TestApi, textAt, valueAt } from '../support/api.js';
import { countersign, type Printed } from './countersign.js';

// Every command is a process, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let api: TestApi;
let ann: Caller;
let bob: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  bob = await api.person('u_bob', { groups: ['legal'] });
});
afterAll(() => api.stop());

/** Runs a command as somebody, by default as the admin. */
async function run(args: readonly string[], as: Caller = api.admin, input = ''): Promise<Printed> {
  const env = { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: as.token };
  return await countersign(args, { env, input });
}

const refusal = (sentence: string): Printed => ({
  code: 1,
  stdout: '',
  stderr: `error: ${sentence}\n`,
});

describe('review withdraw --own', () => {
  const both = { groups: ['finance', 'legal'] };

  test('takes back one’s own approval, and the review waits on', async () => {
    const review = await api.openReview({ review: both });
    await run(['review', 'approve', review.id], ann);
    const taken = await run(
      ['review', 'withdraw', review.id, '--own', '--reason', 'wrong one'],
      ann,
    );
    expect(taken).toMatchObject({ code: 0, stderr: '' });
    expect(taken.stdout).toContain(`review ${review.id} is PENDING`);
    const { body } = await api.get(`${review.path}/votes`);
    expect(valueAt(body, 'data', 1)).toMatchObject({
      kind: 'withdrawn',
      actor: { id: 'u_ann' },
      reason: 'wrong one',
    });
    expect((await api.get(`${review.path}/explain`)).body).toMatchObject({
      missing: [{ key: 'group:finance#1' }, { key: 'group:legal#1' }],
    });
  });

  test('of an admin is their own approval, and not the whole decision', async () => {
    const review = { placement: 'input', release: 'manual' };
    const [own, all] = await Promise.all([
      api.openReview({ owner: ann, review }),
      api.openReview({ owner: ann, review }),
    ]);
    for (const { path, seedId } of [own, all]) {
      await api.post(`${path}/approve`, { body: { version_id: seedId } });
    }
    const [taken, withdrawn] = await Promise.all([
      run(['review', 'withdraw', own.id, '--reason', 'mine', '--own']),
      run(['review', 'withdraw', all.id, '--reason', 'all of it']),
    ]);
    expect(taken.stdout).toContain(`review ${own.id} is PENDING`);
    expect(withdrawn.stdout).toContain(`review ${all.id} is REVOKED`);
  });

  test('of somebody who approved nothing says so, and changes nothing', async () => {
    const { id, path } = await api.openReview({ review: both });
    await run(['review', 'approve', id], ann);
    const args = ['review', 'withdraw', id, '--own', '--reason', 'not mine'];
    expect(await run(args, bob)).toEqual(
      refusal(
        `No approval of 'u_bob' stands on review '${id}', so there is none to take back: read the review again.`,
      ),
    );
    expect(valueAt((await api.get(`${path}/votes`)).body, 'data')).toHaveLength(1);
  });

  test('and a verdict on the whole review exclude each other', async () => {
    const args = ['review', 'withdraw', 'rev_1', '--own', '--verdict', 'revoked', '--reason', 'x'];
    const printed = await run(args);
    expect(printed).toMatchObject({ code: 1, stdout: '' });
    expect(printed.stderr).toContain('Usage: countersign review withdraw');
  });
});

describe('review reassign', () => {
  test('gives an open entry to somebody else, whose approval then decides', async () => {
    const { id, path } = await api.openReview({ review: { groups: ['tax'] } });
    const args = ['--entry', 'group:tax#1', '--reason', 'tax is away'];
    const given = await run(['review', 'reassign', id, ...args, '--reviewer', 'u_ann']);
    expect(given).toMatchObject({ code: 0, stderr: '' });
    expect(given.stdout).toContain('The reassignment is recorded');
    expect((await api.get(`${path}/explain`)).body).toMatchObject({
      waiting_for: 'It is waiting for reviewer u_ann.',
    });
    const approved = await run(['review', 'approve', id], ann);
    expect(approved.stdout).toContain(`review ${id} is APPROVED`);
  });

  test('gives an entry to a group', async () => {
    const { id, path } = await api.openReview({ review: { reviewers: [{ id: 'u_bob' }] } });
    const args = ['--entry', 'user:u_bob', '--reason', 'any of them', '--group', 'finance'];
    expect((await run(['review', 'reassign', id, ...args])).code).toBe(0);
    expect((await api.get(`${path}/explain`)).body).toMatchObject({
      missing: [{ key: 'user:u_bob', subject: 'finance', could_fill: [{ id: 'u_ann' }] }],
    });
  });

  test('is an admin’s, names somebody, and an entry and a person that there are', async () => {
    const { id, path } = await api.openReview({ review: { groups: ['finance'] } });
    const args = ['review', 'reassign', id, '--reason', 'away'];
    const [byAnn, toNobody, unknownEntry, unknownPerson] = await Promise.all([
      run([...args, '--entry', 'group:finance#1', '--reviewer', 'u_bob'], ann),
      run([...args, '--entry', 'group:finance#1']),
      run([...args, '--entry', 'group:legal#1', '--group', 'legal']),
      run([...args, '--entry', 'group:finance#1', '--reviewer', 'u_none']),
    ]);
    expect(byAnn.code).toBe(1);
    expect(byAnn.stderr).toContain("role 'admin'");
    expect(toNobody).toEqual(
      refusal('Say who fills the entry: --group <group> or --reviewer <user>.'),
    );
    expect(unknownEntry).toMatchObject({ code: 1, stdout: '' });
    expect(unknownEntry.stderr).toContain('group:finance#1');
    expect(unknownPerson).toMatchObject({ code: 1, stdout: '' });
    expect(unknownPerson.stderr).toContain("'u_none'");
    expect(valueAt((await api.get(`${path}/votes`)).body, 'data')).toEqual([]);
  });
});

/** A run that ended in error with its only block. */
async function failed(how: 'failed' | 'unknown'): Promise<{ runId: string; stepId: string }> {
  const pay = { id: 'pay', type: 'task', executor: { kind: 'function', name: 'pay' } };
  const block = { ...pay, execution: { repeatable: false, attempts: 1, timeout: '30s' } };
  await api.send('PUT', '/v1/workflows/payments', { body: { blocks: [block] } });
  const body = { workflow_id: 'payments', owner: 'u_ann' };
  const runId = textAt((await api.post('/v1/workflows/runs', { body })).body, 'id');
  await api.progress.begin(runId);
  return { runId, stepId: await api.progress.fail(runId, 'pay', how) };
}

describe('run retry', () => {
  test('goes on with a run in error, and says from which steps', async () => {
    const { runId, stepId } = await failed('failed');
    expect(await run(['run', 'retry', runId], ann)).toEqual({
      code: 0,
      stdout: `Run ${runId} goes on; again: ${stepId}.\n`,
      stderr: '',
    });
    expect((await api.get(`/v1/workflows/runs/${runId}`)).body).toMatchObject({
      lifecycle: { status: 'running' },
    });
    expect(await run(['run', 'retry', runId], ann)).toEqual(
      refusal(`Run '${runId}' is running, and only a run in error can be retried: read it again.`),
    );
  });

  test('takes steps that failed and no others, and is its owner’s', async () => {
    const { runId, stepId } = await failed('failed');
    const [strangers, others] = await Promise.all([
      run(['run', 'retry', runId], bob),
      run(['run', 'retry', runId, '--step', 'else']),
    ]);
    expect(strangers.code).toBe(1);
    expect(others).toEqual(
      refusal(
        "This run has no failed step 'else': name steps that are in error, or none for all of them.",
      ),
    );
    expect((await run(['run', 'retry', runId, '--step', stepId])).code).toBe(0);
  });
});

describe('step settle', () => {
  test('is what a retry asks for, and names the retry in its turn', async () => {
    const { runId, stepId } = await failed('unknown');
    expect(await run(['run', 'retry', runId], ann)).toEqual(
      refusal(
        `Nobody knows whether step '${stepId}' did its work: find out, settle it (countersign step settle), and retry the run then.`,
      ),
    );
    expect(await run(['step', 'settle', stepId, '--output', '{"paid":true}'], ann)).toEqual({
      code: 0,
      stdout: `Step ${stepId} is settled (completed). Go on with its run: countersign run retry ${runId}\n`,
      stderr: '',
    });
    expect((await run(['run', 'retry', runId], ann)).stdout).toBe(`Run ${runId} goes on.\n`);
    expect((await api.get(`/v1/workflows/steps/${stepId}`)).body).toMatchObject({
      handle_outputs: { 'output-json-0': { data: { paid: true } } },
    });
    expect(await run(['step', 'settle', stepId, '--did-nothing'], ann)).toEqual(
      refusal(
        `What became of step '${stepId}' is known (it is completed): there is nothing to settle.`,
      ),
    );
  });

  test('lets a step begin again that did nothing', async () => {
    const { stepId } = await failed('unknown');
    const settled = await run(['step', 'settle', stepId, '--did-nothing', '--json'], ann);
    expect(settled.code).toBe(0);
    expect(JSON.parse(settled.stdout)).toMatchObject({
      step_id: stepId,
      lifecycle: { status: 'pending' },
      outcome_unknown: false,
    });
  });

  test('wants to be told what became of it, in one way, and takes an output from a file', async () => {
    const { stepId } = await failed('unknown');
    const [silent, both, wrong] = await Promise.all([
      run(['step', 'settle', stepId]),
      run(['step', 'settle', stepId, '--did-nothing', '--output', '{}']),
      run(['step', 'settle', stepId, '--output', '{"paid":']),
    ]);
    expect(silent).toEqual(
      refusal(
        'Say what became of it: --output or --output-file with what it gave, or --did-nothing.',
      ),
    );
    for (const printed of [both, wrong]) {
      expect(printed).toMatchObject({ code: 1, stdout: '' });
      expect(printed.stderr).toContain('Usage: countersign step settle');
    }
    const piped = await run(['step', 'settle', stepId, '--output-file', '-'], ann, '{"n":1}');
    expect(piped.stdout).toContain('is settled (completed)');
  });
});
