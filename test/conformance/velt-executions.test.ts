import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type OpenedReview,
  type OpenReview,
  said,
  startApi,
  type TestApi,
  textAt,
  valueAt,
} from '../support/api.js';
import { ask, type Backend, backend, decideFor, failure } from '../support/velt.js';

let api: TestApi;
let app: Backend;

beforeAll(async () => {
  api = await startApi();
  app = await backend(api, 'svc_app', 'reviews:vote-as', 'reviews:read', 'runs:write');
  await api.person('u_legal');
  await api.person('u_fyi');
});
afterAll(() => api.stop());

const REVIEWERS = [
  { id: 'u_legal', mandatory: true },
  { id: 'u_fyi', mandatory: false },
];
const ASKED = {
  reviewers: [
    { userId: 'u_legal', mandatory: true },
    { userId: 'u_fyi', mandatory: false },
  ],
  reviewerIds: ['u_legal', 'u_fyi'],
  reviewerEmails: [],
  commentBody: null,
};
const SNAPSHOT = { total_amount: null, vendor_name: 'Acme Corp' };
const someMs: unknown = expect.any(Number);

const open = async (gate: OpenReview['review'] = {}) =>
  await api.openReview({ review: { reviewers: REVIEWERS, ...gate } });

const get = async (executionId: string) =>
  said(await ask(api, app, 'executions/get', { executionId }));

async function stepOf(review: OpenedReview): Promise<unknown> {
  return valueAt((await get(review.runId)).body, 'result', 'steps', 0);
}

const decide = async (review: OpenedReview, who: string, decision = 'approve') => {
  const reply = await decideFor(api, app, review, who, { decision });
  expect(reply.status).toBe(200);
};

test('an execution that waits has every key', async () => {
  const review = await open();
  const started = review.row.createdAt.getTime();
  const reply = await get(review.runId);
  expect(reply).toEqual({
    status: 200,
    body: {
      result: {
        executionId: review.runId,
        status: 'running',
        startedAt: someMs,
        completedAt: null,
        cancelledAt: null,
        definitionId: review.row.workflowId,
        definitionVersion: 1,
        correlationId: review.runId,
        idempotencyKey: review.runId,
        failureReason: null,
        steps: [
          {
            stepId: review.stepId,
            nodeId: 'extract_invoice',
            nodeType: 'human',
            status: 'waiting',
            groupId: null,
            startedAt: someMs,
            completedAt: null,
            error: null,
            output: ASKED,
          },
        ],
      },
    },
  });
  expect(Number(valueAt(reply.body, 'result', 'startedAt'))).toBeLessThanOrEqual(started);
});

test('NOT_FOUND and INVALID_ARGUMENT', async () => {
  const message =
    "There is no run 'run_none' in this project: check the id, or list what there is.";
  expect(await get('run_none')).toEqual(failure(404, 'NOT_FOUND', message));
  expect((await get('')).status).toBe(400);
});

describe('the status of a step and of its execution', () => {
  test('running: approved and not released, or executed', async () => {
    const review = await open({ placement: 'input', release: 'manual' });
    await decide(review, 'u_legal');
    expect(await stepOf(review)).toMatchObject({ status: 'running', output: ASKED });
    const released = await open({ placement: 'input' });
    await decide(released, 'u_legal');
    expect(await stepOf(released)).toMatchObject({ status: 'running' });
  });

  test('completed: approved, with what came of it', async () => {
    const review = await open();
    await decide(review, 'u_fyi');
    await decide(review, 'u_legal');
    expect(valueAt(await stepOf(review), 'output')).toEqual({
      ...ASKED,
      aggregatorStatus: 'resolved',
      approveCount: 2,
      rejectCount: 0,
      totalResponses: 2,
      mandatoryCount: 1,
      mandatoryApproveCount: 1,
      decision: 'approve',
      approved: true,
      resumedAt: someMs,
      resumeKey: `human:${review.id}`,
      reviewId: review.id,
      versionId: review.seedId,
      snapshot: SNAPSHOT,
    });
    expect(await stepOf(review)).toMatchObject({ status: 'completed', completedAt: someMs });
  });

  test.each([
    ['u_legal', true],
    ['u_fyi', false],
  ])('completed: rejected by %s; its execution is cancelled', async (who, mandatory) => {
    const review = await open();
    await decide(review, who, 'reject');
    const reply = await get(review.runId);
    expect(valueAt(reply.body, 'result')).toMatchObject({ status: 'cancelled', completedAt: null });
    const step = await stepOf(review);
    expect(step).toMatchObject({ status: 'completed', completedAt: someMs });
    expect(valueAt(step, 'output')).toEqual({
      ...ASKED,
      aggregatorStatus: 'rejected',
      approveCount: 0,
      rejectCount: 1,
      totalResponses: 1,
      mandatoryCount: 1,
      mandatoryApproveCount: 0,
      decision: 'reject',
      approved: false,
      resumedAt: someMs,
      resumeKey: `human:${review.id}`,
      rejectedBy: who,
      rejectorMandatory: mandatory,
      reviewId: review.id,
      versionId: review.seedId,
      snapshot: null,
    });
  });

  test('cancelled while undecided', async () => {
    const review = await open();
    await ask(api, app, 'executions/cancel', { executionId: review.runId });
    expect(await stepOf(review)).toMatchObject({
      status: 'cancelled',
      output: { decision: null, approved: false, aggregatorStatus: 'rejected', versionId: null },
    });
  });

  test('pending, running, completed and failed, of agents and executions', async () => {
    const blocks = [
      { id: 'first', type: 'task', executor: { kind: 'supplied' } },
      { id: 'second', type: 'task', executor: { kind: 'pass' }, needs: ['first'] },
    ];
    await api.send('PUT', '/v1/workflows/wf_plain', { body: { blocks } });
    await api.send('PUT', '/v1/workflows/wf_plain', { body: { blocks: blocks.slice(0, 1) } });
    await api.send('PUT', '/v1/workflows/wf_plain', { body: { blocks } });
    const started = await api.post('/v1/workflows/runs', {
      body: {
        workflow_id: 'wf_plain',
        json_inputs: { first: { n: 1 } },
        command_id: 'cmd_1',
        metadata: { correlationId: 'order 7' },
      },
    });
    const runId = textAt(started.body, 'id');
    expect(valueAt((await get(runId)).body, 'result')).toMatchObject({
      status: 'pending',
      startedAt: null,
      steps: ['first', 'second'].map((nodeId) => ({
        nodeId,
        nodeType: 'agent',
        status: 'pending',
        startedAt: null,
        output: null,
      })),
      definitionVersion: 1,
      correlationId: 'order 7',
      idempotencyKey: 'cmd_1',
    });
    await api.progress.begin(runId);
    await api.progress.complete(runId, 'first');
    expect(valueAt((await get(runId)).body, 'result', 'steps')).toMatchObject([
      { nodeId: 'first', nodeType: 'agent', status: 'completed', output: { n: 1 } },
      { nodeId: 'second', nodeType: 'agent', status: 'pending', output: null },
    ]);
    await api.db
      .updateTable('step')
      .set({ status: 'error', errorMessage: 'no such table' })
      .where('id', '=', `${runId}_second`)
      .execute();
    await api.db
      .updateTable('run')
      .set({ status: 'error', errorMessage: 'second failed', endedAt: new Date(1_777_374_504_364) })
      .where('id', '=', runId)
      .execute();
    expect(valueAt((await get(runId)).body, 'result')).toMatchObject({
      status: 'failed',
      completedAt: 1_777_374_504_364,
      cancelledAt: null,
      failureReason: { code: 'STEP_FAILED', message: 'second failed' },
      steps: [
        { status: 'completed' },
        { status: 'failed', error: { code: 'STEP_FAILED', message: 'no such table' } },
      ],
    });
  });

  test('the steps of iterations have ids with @, and can be decided on by them', async () => {
    const review = await open();
    const stepId = `${review.stepId}@3.0`;
    await api.db
      .insertInto('step')
      .columns([
        'id',
        'projectId',
        'runId',
        'workflowId',
        'blockId',
        'blockType',
        'position',
        'iterationKey',
        'parentStepId',
        'status',
      ])
      .expression((eb) =>
        eb
          .selectFrom('step')
          .select((row) => [
            row.val(stepId).as('id'),
            'projectId',
            'runId',
            'workflowId',
            'blockId',
            'blockType',
            'position',
            row.val('3.0').as('iterationKey'),
            'id as parentStepId',
            row.val('pending' as const).as('status'),
          ])
          .where('id', '=', review.stepId),
      )
      .execute();
    expect(valueAt((await get(review.runId)).body, 'result', 'steps', 1)).toMatchObject({
      stepId,
      nodeId: 'extract_invoice',
      status: 'pending',
    });
    const reply = await decideFor(api, app, { runId: review.runId, stepId }, 'u_legal');
    expect(valueAt(reply.body, 'error', 'status')).toBe('FAILED_PRECONDITION');
  });
});

describe('executions/cancel', () => {
  test('is durable, and answers the same again', async () => {
    const review = await open();
    const data = { executionId: review.runId, reason: 'Campaign postponed' };
    const done = { status: 200, body: { result: { cancelled: true, executionId: review.runId } } };
    expect(said(await ask(api, app, 'executions/cancel', data))).toEqual(done);
    expect(said(await ask(api, app, 'executions/cancel', data))).toEqual(done);
    const run = await api.get(`/v1/workflows/runs/${review.runId}`);
    expect(valueAt(run.body, 'lifecycle')).toMatchObject({
      status: 'cancelled',
      reason: 'Campaign postponed',
    });
    const told = api.told.filter(({ runId, kind }) => runId === review.runId && kind === 'cancel');
    expect(told).toHaveLength(1);
    expect(valueAt((await api.get(review.path)).body, 'status')).toBe('REVOKED');
  });

  test('a finished run stays as it is', async () => {
    const review = await open();
    await api.db
      .updateTable('run')
      .set({ status: 'completed', endedAt: new Date() })
      .where('id', '=', review.runId)
      .execute();
    const reply = await ask(api, app, 'executions/cancel', { executionId: review.runId });
    expect(reply.status).toBe(200);
    expect(valueAt((await get(review.runId)).body, 'result', 'status')).toBe('completed');
  });

  test('NOT_FOUND and INVALID_ARGUMENT', async () => {
    const data = { executionId: 'run_none' };
    const message =
      "There is no run 'run_none' in this project: check the id, or list what there is.";
    expect(said(await ask(api, app, 'executions/cancel', data))).toEqual(
      failure(404, 'NOT_FOUND', message),
    );
    const reason = 'x'.repeat(501);
    expect((await ask(api, app, 'executions/cancel', { ...data, reason })).status).toBe(400);
  });
});
