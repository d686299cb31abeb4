import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cancelRun } from '../../src/store/cancel-run.js';
import { endRun } from '../../src/store/end-run.js';
import { beginStep, failAttempt } from '../../src/store/ledger.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { SYSTEM } from '../../src/store/actors.js';
import { gateOf } from '../support/callers.js';
import {
  type Caller,
  domainError,
  said,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';

const RUNS = '/v1/workflows/runs';
const STEPS = '/v1/workflows/steps';

let api: TestApi;
let owner: Caller;
beforeAll(async () => {
  api = await startApi();
  owner = await api.person('u_owner');
});
afterAll(() => api.stop());

const ONCE = { repeatable: false, attempts: 1, timeout: '30s' };
const PAY = {
  id: 'pay',
  type: 'task',
  needs: [],
  executor: { kind: 'function', name: 'pay' },
  execution: ONCE,
};
const GATED_INPUT = { ...PAY, review: { placement: 'input', self_approval: 'admins' } };
const GATED_OUTPUT = { ...PAY, review: { placement: 'output' } };
const BESIDE = {
  id: 'beside',
  type: 'task',
  needs: [],
  executor: { kind: 'supplied' },
  review: {},
};

let count = 0;

/** A run that has begun, of blocks as they are declared. */
async function begin(...blocks: readonly { readonly id: string }[]): Promise<string> {
  count += 1;
  const put = await api.send('PUT', `/v1/workflows/recovery_${count}`, { body: { blocks } });
  expect(put.status, JSON.stringify(put.body)).toBe(200);
  const started = await api.post(RUNS, {
    as: owner,
    body: {
      workflow_id: `recovery_${count}`,
      json_inputs: Object.fromEntries(blocks.map(({ id }) => [id, { amount: 7 }])),
    },
  });
  const runId = textAt(started.body, 'id');
  await api.progress.begin(runId);
  return runId;
}

/** Executes `pay` until it has failed, or nobody can know what it did; the run ends in error with it. */
const fail = (runId: string, how: 'failed' | 'unknown'): Promise<string> =>
  api.progress.fail(runId, 'pay', how);

/** Opens the review of `pay`'s input, and lets an admin approve it. */
async function approveInput(runId: string): Promise<string> {
  const row = await api.progress.openReview(runId, 'pay');
  await approve(row.id, row.newestVersionId);
  return row.id;
}

async function approve(reviewId: string, versionId: string): Promise<unknown> {
  const approved = await api.post(`/v1/workflows/reviews/${reviewId}/approve`, {
    body: { version_id: versionId },
  });
  expect(approved.status, JSON.stringify(approved.body)).toBe(200);
  return approved.body;
}

const statusOf = async (reviewId: string): Promise<unknown> =>
  valueAt((await api.get(`/v1/workflows/reviews/${reviewId}`)).body, 'status');

const auditOf = async (runId: string): Promise<readonly string[]> =>
  textsAt((await api.get(`/v1/audit?run_id=${runId}`)).body, 'action');

describe('a run in error', () => {
  test('keeps its reviews open, and votes on them count; nobody is told before it is retried', async () => {
    const runId = await begin(PAY, BESIDE);
    const review = await api.progress.openReview(runId, 'beside');
    await fail(runId, 'failed');
    const before = api.forwarded.length;
    expect(await approve(review.id, review.newestVersionId)).toMatchObject({
      submission_status: 'accepted',
      resume_status: 'skipped',
      resume_error:
        'The vote is recorded; its run is in error, and goes on with it when somebody retries the run.',
      review: { status: 'APPROVED' },
    });
    expect(api.forwarded).toHaveLength(before);
    expect(await api.get(`/v1/workflows/reviews/${review.id}/explain`)).toMatchObject({
      body: { waiting_for: 'It is approved; released as soon as its run goes on.' },
    });
  });

  test('goes on from its failed step, with the approval that was given', async () => {
    const runId = await begin(GATED_INPUT);
    const reviewId = await approveInput(runId);
    const stepId = await fail(runId, 'failed');
    expect(await statusOf(reviewId)).toBe('EXECUTED');
    const retried = await api.post(`${RUNS}/${runId}/retry`, { as: owner });
    expect(said(retried)).toMatchObject({
      status: 200,
      body: {
        step_ids: [stepId],
        run: { lifecycle: { status: 'running' }, timing: { completed_at: null } },
      },
    });
    expect(await statusOf(reviewId)).toBe('PROCESSING');
    const step = await api.get(`${STEPS}/${stepId}`);
    expect(step.body).toMatchObject({
      lifecycle: { status: 'pending' },
      retry_count: 0,
      completed_at: null,
    });
    const told = api.told.filter((message) => message.runId === runId);
    expect(told.filter(({ kind }) => kind === 'restart')).toMatchObject([{ workflowId: runId }]);
    const lines = await api.get(`/v1/audit?run_id=${runId}`);
    const rows = valueAt(lines.body, 'data');
    expect(Array.isArray(rows) && rows.at(-1)).toMatchObject({
      action: 'run_retried',
      actor_id: 'u_owner',
      detail: { step_ids: [stepId] },
    });
  });

  test('is retried once by twenty at once; the others are told so', async () => {
    const runId = await begin(PAY);
    await fail(runId, 'failed');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.post(`${RUNS}/${runId}/retry`)),
    );
    const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other);
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
    expect(said(await api.post(`${RUNS}/${runId}/retry`))).toEqual(
      domainError(
        409,
        'run_not_in_error',
        `Run '${runId}' is running, and only a run in error can be retried: read it again.`,
      ),
    );
    expect((await auditOf(runId)).filter((action) => action === 'run_retried')).toHaveLength(1);
  });

  test('is retried by its owner and admins, and from steps that failed in it', async () => {
    const runId = await begin(PAY);
    const stepId = await fail(runId, 'failed');
    const stranger = await api.person('u_stranger');
    expect(said(await api.post(`${RUNS}/${runId}/retry`, { as: stranger }))).toMatchObject({
      status: 403,
    });
    expect(said(await api.post(`${RUNS}/${runId}/retry`, { body: { steps: ['else'] } }))).toEqual(
      domainError(
        409,
        'step_not_failed',
        "This run has no failed step 'else': name steps that are in error, or none for all of them.",
      ),
    );
    for (const body of [{ steps: [] }, { step: [stepId] }, { steps: stepId }, []]) {
      expect(await api.post(`${RUNS}/${runId}/retry`, { body })).toMatchObject({ status: 422 });
    }
    expect(await api.post(`${RUNS}/run_none/retry`)).toMatchObject({ status: 404 });
    expect(await api.post(`${RUNS}/${runId}/retry`, { body: { steps: [stepId] } })).toMatchObject({
      status: 200,
    });
  });
});

describe('an unknown outcome', () => {
  test('is settled before its run is retried', async () => {
    const runId = await begin(PAY);
    const stepId = await fail(runId, 'unknown');
    expect(said(await api.post(`${RUNS}/${runId}/retry`))).toEqual(
      domainError(
        409,
        'outcome_unknown',
        `Nobody knows whether step '${stepId}' did its work: find out, settle it (countersign step settle), and retry the run then.`,
      ),
    );
  });

  test('that happened completes the step with what the person says, and its review', async () => {
    const runId = await begin(GATED_INPUT);
    const reviewId = await approveInput(runId);
    const stepId = await fail(runId, 'unknown');
    expect(await statusOf(reviewId)).toBe('UNKNOWN');
    const settled = await api.post(`${STEPS}/${stepId}/settle`, {
      as: owner,
      body: { happened: true, output: { b: 1, a: { paid: true } } },
    });
    expect(said(settled)).toMatchObject({
      status: 200,
      body: {
        lifecycle: { status: 'completed' },
        outcome_unknown: false,
        handle_outputs: { 'output-json-0': { data: { a: { paid: true }, b: 1 } } },
      },
    });
    expect(await statusOf(reviewId)).toBe('EXECUTED');
    const { output } = await api.db
      .selectFrom('step')
      .select('output')
      .where('id', '=', stepId)
      .executeTakeFirstOrThrow();
    expect(output).toBe('{"a":{"paid":true},"b":1}');
    // The same again has nothing to settle, and the run waits for its retry.
    expect(
      said(await api.post(`${STEPS}/${stepId}/settle`, { body: { happened: false } })),
    ).toEqual(
      domainError(
        409,
        'outcome_known',
        `What became of step '${stepId}' is known (it is completed): there is nothing to settle.`,
      ),
    );
    expect(await api.get(`${RUNS}/${runId}`)).toMatchObject({
      body: { lifecycle: { status: 'error' } },
    });
    expect(await api.post(`${RUNS}/${runId}/retry`)).toMatchObject({
      status: 200,
      body: { step_ids: [] },
    });
    const audit = await api.get(`/v1/audit?review_id=${reviewId}`);
    const rows = valueAt(audit.body, 'data');
    expect(Array.isArray(rows) && rows.at(-1)).toMatchObject({
      action: 'outcome_settled',
      actor_id: 'u_owner',
      detail: { step_id: stepId, happened: true },
    });
  });

  test('that did not happen lets the step begin again with the input that was approved', async () => {
    const runId = await begin(GATED_INPUT);
    const reviewId = await approveInput(runId);
    const stepId = await fail(runId, 'unknown');
    const settled = await api.post(`${STEPS}/${stepId}/settle`, { body: { happened: false } });
    expect(settled).toMatchObject({
      status: 200,
      body: { lifecycle: { status: 'pending' }, outcome_unknown: false },
    });
    expect(await statusOf(reviewId)).toBe('PROCESSING');
    await api.post(`${RUNS}/${runId}/retry`);
    expect(await beginStep(api.db, stepId, gateOf(stepId), 'again')).toMatchObject({
      kind: 'begin',
      attempt: 1,
      input: { input: { amount: 7 } },
    });
  });

  test('that happened before a gate on the output opens that gate over what the person says', async () => {
    const runId = await begin(GATED_OUTPUT);
    const stepId = await fail(runId, 'unknown');
    const body = { happened: true, output: { total: 12 } };
    expect(await api.post(`${STEPS}/${stepId}/settle`, { body })).toMatchObject({
      status: 200,
      body: { lifecycle: { status: 'awaiting_review' }, handle_outputs: {} },
    });
    const listed = await api.get(`/v1/workflows/reviews?run_id=${runId}`);
    expect(valueAt(listed.body, 'data', 0)).toMatchObject({ status: 'PENDING', step_id: stepId });
  });

  test('in a cancelled run only puts the record right: nothing of it goes on', async () => {
    for (const happened of [true, false]) {
      const runId = await begin(GATED_INPUT);
      const reviewId = await approveInput(runId);
      const stepId = stepIdOf(runId, 'pay');
      await beginStep(api.db, stepId, gateOf(stepId), 't');
      const about = { reason: 'not needed', dialect: 'native' as const };
      await cancelRun(api.db, SYSTEM, runId, about, 0);
      await failAttempt(api.db, stepId, 't', 'no answer', true);
      await endRun(api.db, runId, { kind: 'cancelled' });
      const body = happened ? { happened, output: null } : { happened };
      expect(await api.post(`${STEPS}/${stepId}/settle`, { body })).toMatchObject({
        status: 200,
        body: { lifecycle: { status: happened ? 'completed' : 'cancelled' } },
      });
      expect(await statusOf(reviewId)).toBe(happened ? 'EXECUTED' : 'REVOKED');
      expect(await api.post(`${RUNS}/${runId}/retry`)).toMatchObject({ status: 409 });
    }
  });

  test('is told by a person who may, and with an output that the block could have given', async () => {
    const runId = await begin(GATED_OUTPUT);
    const stepId = await fail(runId, 'unknown');
    const path = `${STEPS}/${stepId}/settle`;
    const stranger = await api.person('u_passer');
    const service = await api.service('bot', 'admin', 'runs:write');
    for (const as of [stranger, service]) {
      expect(await api.post(path, { as, body: { happened: false } })).toMatchObject({
        status: 403,
      });
    }
    const bodies = [
      {},
      { happened: true },
      { happened: false, output: 1 },
      { happened: true, output: 1 },
      { happened: true, output: { n: 2 ** 60 } },
      { happened: true, output: {}, note: '' },
    ];
    for (const body of bodies) {
      expect(await api.post(path, { body }), JSON.stringify(body)).toMatchObject({ status: 422 });
    }
    expect(await api.get(`${STEPS}/${stepId}`)).toMatchObject({ body: { outcome_unknown: true } });
    expect(await api.post(`${STEPS}/none/settle`, { body: { happened: false } })).toMatchObject({
      status: 404,
    });
  });
});

describe('a run that is being cancelled while an approved block is executed', () => {
  test('is running until that block has ended, in every word of it', async () => {
    const runId = await begin(GATED_INPUT);
    await approveInput(runId);
    const stepId = stepIdOf(runId, 'pay');
    await beginStep(api.db, stepId, gateOf(stepId), 't');
    const isRunning = {
      lifecycle: { status: 'running' },
      is_being_cancelled: true,
      timing: { completed_at: null },
    };
    expect(await api.post(`${RUNS}/${runId}/cancel`, { as: owner, body: {} })).toMatchObject({
      body: { cancellation_status: 'cancellation_requested', run: isRunning },
    });
    expect(await api.get(`${RUNS}/${runId}`)).toMatchObject({ body: isRunning });
    expect(textsAt((await api.get(`${RUNS}?status=running`)).body, 'id')).toContain(runId);
    expect(textsAt((await api.get(`${RUNS}?status=cancelled`)).body, 'id')).not.toContain(runId);
    await failAttempt(api.db, stepId, 't', 'refused', false);
    await endRun(api.db, runId, { kind: 'cancelled' });
    expect(await api.get(`${RUNS}/${runId}`)).toMatchObject({
      body: { lifecycle: { status: 'cancelled' }, is_being_cancelled: false },
    });
  });
});

describe('a step that waits for a worker', () => {
  test('says so, and so does its review', async () => {
    const runId = await begin(GATED_INPUT);
    const reviewId = await approveInput(runId);
    const stepId = stepIdOf(runId, 'pay');
    const words = "It waits for a worker that has the function 'pay'.";
    await beginStep(api.db, stepId, gateOf(stepId), 't', () => words);
    expect(await api.get(`${STEPS}/${stepId}`)).toMatchObject({ body: { waiting_for: words } });
    expect(await api.get(`/v1/workflows/reviews/${reviewId}/explain`)).toMatchObject({
      body: { status: 'PROCESSING', waiting_for: `It has been released. ${words}` },
    });
    const { body } = await api.get('/v1/operations');
    expect(valueAt(body, 'missing_functions')).toEqual([
      { step_id: stepId, run_id: runId, message: words },
    ]);
  });
});
