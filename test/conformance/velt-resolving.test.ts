import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
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
let voting: Backend;
let admin: Backend;
let oncall: Caller;

beforeAll(async () => {
  api = await startApi();
  voting = await backend(api, 'svc_app', 'reviews:vote-as');
  admin = await backend(api, 'svc_ops', 'admin');
  oncall = await api.person('u_oncall', { groups: ['oncall'] });
  for (const id of ['u_legal', 'u_risk', 'u_stranger']) {
    await api.person(id);
  }
});
afterAll(() => api.stop());

const GATE = {
  reviewers: [
    { id: 'u_legal', mandatory: true },
    { id: 'u_risk', mandatory: true },
  ],
  force_approval_groups: ['oncall'],
};

const open = async (gate: OpenReview['review'] = {}, about: OpenReview = {}) =>
  await api.openReview({ ...about, review: { ...GATE, ...gate } });

type Step = Pick<OpenedReview, 'runId' | 'stepId'>;

async function resolve(
  as: Backend,
  { runId: executionId, stepId }: Step,
  action: string,
  actorId: string,
  about: Readonly<Record<string, unknown>> = {},
) {
  const data = { executionId, stepId, action, actorId, ...about };
  return said(await ask(api, as, 'steps/resolve', data));
}

const answered = ({ runId, stepId }: Step, action: string, resolved: boolean) => ({
  status: 200,
  body: { result: { resolved, executionId: runId, stepId, action } },
});

const overridesOf = async (review: OpenedReview) =>
  await api.db
    .selectFrom('audit')
    .select(['actorId', 'tokenId', 'detail'])
    .where('reviewId', '=', review.id)
    .where('action', '=', 'step_overridden')
    .orderBy('id')
    .execute();

const statusOf = async ({ path }: OpenedReview): Promise<string> =>
  textAt((await api.get(path)).body, 'status');

const notWaiting = ({ stepId }: Step, why: string) =>
  failure(
    400,
    'FAILED_PRECONDITION',
    `Step '${stepId}' is not waiting for a decision (${why}): read the execution again.`,
  );

describe('reviewer-approve, reviewer-reject', () => {
  test('is a vote like any other, resolved once the review is', async () => {
    const review = await open();
    const act = 'reviewer-approve';
    expect(await resolve(voting, review, act, 'u_legal')).toEqual(answered(review, act, false));
    expect(await resolve(voting, review, act, 'u_legal')).toEqual(answered(review, act, false));
    expect(await statusOf(review)).toBe('PENDING');
    expect(await resolve(voting, review, act, 'u_risk')).toEqual(answered(review, act, true));
    expect(await resolve(voting, review, act, 'u_legal')).toEqual(answered(review, act, true));
    expect(await statusOf(review)).toBe('EXECUTED');
  });

  test('reviewer-reject ends it', async () => {
    const review = await open();
    const act = 'reviewer-reject';
    expect(await resolve(voting, review, act, 'u_legal')).toEqual(answered(review, act, true));
    expect(await statusOf(review)).toBe('REJECTED');
  });

  test('a contrary one', async () => {
    const review = await open();
    await resolve(voting, review, 'reviewer-approve', 'u_legal');
    const message = `'u_legal' has already decided on step '${review.stepId}', the other way: the first decision stands.`;
    expect(await resolve(voting, review, 'reviewer-reject', 'u_legal')).toEqual(
      failure(400, 'FAILED_PRECONDITION', message),
    );
    expect(await overridesOf(review)).toHaveLength(1);
  });

  test('by somebody not declared', async () => {
    const review = await open();
    const message = `'u_stranger' is not a declared reviewer of step '${review.stepId}': name one of its reviewers.`;
    expect(await resolve(voting, review, 'reviewer-approve', 'u_stranger')).toEqual(
      failure(403, 'PERMISSION_DENIED', message),
    );
  });

  test('unknown run or step', async () => {
    const step = { runId: 'run_none', stepId: 'none' };
    const message = `There is no step 'none' in an execution 'run_none' of this project: check both ids.`;
    expect(await resolve(voting, step, 'reviewer-approve', 'u_legal')).toEqual(
      failure(404, 'NOT_FOUND', message),
    );
  });

  test('the step has ended', async () => {
    const review = await open();
    await resolve(voting, review, 'reviewer-reject', 'u_legal');
    expect(await resolve(voting, review, 'reviewer-approve', 'u_risk')).toEqual(
      notWaiting(review, 'its review is REJECTED'),
    );
  });

  test('needs the scope reviews:vote-as', async () => {
    const review = await open();
    expect(await resolve(admin, review, 'reviewer-approve', 'u_legal')).toEqual(
      failure(
        403,
        'PERMISSION_DENIED',
        "'reviewer-approve' needs a service token with the scope 'reviews:vote-as': ask an admin for one.",
      ),
    );
  });
});

describe('force-approve', () => {
  const act = 'force-approve';

  test('by a member of a force group opens the gate, and is repeated', async () => {
    const review = await open();
    expect(await resolve(admin, review, act, 'u_oncall')).toEqual(answered(review, act, true));
    expect(await resolve(admin, review, act, 'u_oncall')).toEqual(answered(review, act, true));
    expect(await statusOf(review)).toBe('EXECUTED');
    const votes = await api.db
      .selectFrom('fact')
      .select(['actorId', 'forced', 'actingFor', 'tokenId'])
      .where('reviewId', '=', review.id)
      .execute();
    expect(votes).toEqual([
      { actorId: 'u_oncall', forced: true, actingFor: 'oncall', tokenId: admin.id },
    ]);
  });

  test('by nobody else', async () => {
    const review = await open();
    expect(await resolve(admin, review, act, 'u_legal')).toEqual(
      failure(
        403,
        'PERMISSION_DENIED',
        'Only members of oncall may force an approval here: vote without force.',
      ),
    );
    expect(await resolve(admin, review, act, 'u_ghost')).toEqual(
      failure(
        403,
        'PERMISSION_DENIED',
        "'u_ghost' is not in the directory, so nobody can decide in their name: ask an admin to add them.",
      ),
    );
    expect(await statusOf(review)).toBe('PENDING');
  });

  test('not by the owner', async () => {
    const review = await open({}, { owner: oncall });
    expect(await resolve(admin, review, act, 'u_oncall')).toEqual(
      failure(403, 'PERMISSION_DENIED', 'unable to self approve review'),
    );
  });

  test('not where the gate declares no such group', async () => {
    const review = await open({ force_approval_groups: [] });
    expect(await resolve(admin, review, act, 'u_oncall')).toEqual(
      failure(
        403,
        'PERMISSION_DENIED',
        'This gate declares no group that may force an approval: vote without force.',
      ),
    );
  });

  test('not without the scope admin', async () => {
    const review = await open();
    expect(await resolve(voting, review, act, 'u_oncall')).toEqual(
      failure(
        403,
        'PERMISSION_DENIED',
        "'force-approve' needs a service token with the scope 'admin': ask an admin for one.",
      ),
    );
  });

  test('not once the review is decided', async () => {
    const review = await open();
    await resolve(voting, review, 'reviewer-reject', 'u_legal');
    expect(await resolve(admin, review, act, 'u_oncall')).toEqual(
      notWaiting(review, 'its review is REJECTED'),
    );
  });
});

describe('force-reject', () => {
  const act = 'force-reject';

  test.each(['cancel_run', 'continue'])(
    'rejects in the name of anybody known, and cancels the run (on_reject %s)',
    async (onReject) => {
      const review = await open({ on_reject: onReject });
      expect(await resolve(admin, review, act, 'u_stranger', { reason: 'stop it' })).toEqual(
        answered(review, act, true),
      );
      const shown = await api.get(review.path);
      expect(valueAt(shown.body, 'status')).toBe('REJECTED');
      expect(valueAt(shown.body, 'decision', 'author', 'id')).toBe('u_stranger');
      const run = await api.get(`/v1/workflows/runs/${review.runId}`);
      expect(valueAt(run.body, 'lifecycle')).toMatchObject({
        status: 'cancelled',
        reason: 'stop it',
      });
    },
  );

  test('in nobody else’s name, and not without the scope', async () => {
    const review = await open();
    expect((await resolve(admin, review, act, 'u_ghost')).status).toBe(403);
    expect((await resolve(voting, review, act, 'u_legal')).status).toBe(403);
    expect(await statusOf(review)).toBe('PENDING');
  });
});

test.each(['force-approve', 'force-reject'])('%s on an unknown run or step', async (action) => {
  const review = await open();
  for (const on of [
    { runId: 'run_none', stepId: review.stepId },
    { runId: review.runId, stepId: 'none' },
  ]) {
    expect(await resolve(admin, on, action, 'u_oncall')).toEqual(
      failure(400, 'FAILED_PRECONDITION', 'resolveStep not applied: step-not-found'),
    );
  }
});

test.each(['force-complete', 'force-fail'])('%s is not served', async (action) => {
  const review = await open();
  expect(await resolve(admin, review, action, 'u_oncall')).toEqual(
    failure(
      501,
      'UNIMPLEMENTED',
      `'${action}' is not served: it would let an output through that nobody approved, or settle a step that runs.`,
    ),
  );
  expect(await statusOf(review)).toBe('PENDING');
});

describe('what is kept', () => {
  test('token, actorId, action, reason, decision and output; and what flows is what was approved', async () => {
    const review = await open();
    const output = { decision: 'reject', approved: false, overriddenAt: 1, further: ['x'] };
    await resolve(admin, review, 'force-approve', 'u_oncall', { reason: 'on call', output });
    expect(await overridesOf(review)).toEqual([
      {
        actorId: 'svc_ops',
        tokenId: admin.id,
        detail: {
          step_id: review.stepId,
          action: 'force-approve',
          actor_id: 'u_oncall',
          verdict: 'approved',
          status: 'APPROVED',
          dialect: 'velt',
          reason: 'on call',
          output,
        },
      },
    ]);
    const step = await api.get(`/v1/workflows/steps/${review.stepId}`);
    expect(valueAt(step.body, 'handle_outputs', 'output-json-0', 'data')).toEqual({
      total_amount: null,
      vendor_name: 'Acme Corp',
    });
  });

  test('a plain decision is no override', async () => {
    const review = await open();
    await decideFor(api, voting, review, 'u_legal');
    expect(await overridesOf(review)).toEqual([]);
  });
});

describe('the schema', () => {
  const INVALID = 'The data is not valid: correct what details.issues names.';
  const long = { code: 'string_too_long', message: 'Expected at most 256 characters.' };
  const noObject = { code: 'dict_type', message: 'Expected a JSON object.' };

  test.each<readonly [string, object, readonly string[], object]>([
    ['actorId of 257 characters', { actorId: 'x'.repeat(257) }, ['actorId'], long],
    ['output null', { output: null }, ['output'], noObject],
    ['output a list', { output: [] }, ['output'], noObject],
    [
      'output with what no text can hold',
      { output: { note: '\0' } },
      ['output', 'note'],
      { code: 'value_error', message: 'Has a NUL character; remove it.' },
    ],
  ])('%s', async (_case, change, path, issue) => {
    const review = await open();
    expect(await resolve(voting, review, 'reviewer-approve', 'u_legal', { ...change })).toEqual(
      failure(400, 'INVALID_ARGUMENT', INVALID, { issues: [{ ...issue, path }] }),
    );
  });

  test('output of any depth is answered', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const raw = `{"data":{"executionId":"a","stepId":"b","action":"reviewer-approve","actorId":"c","output":{"a":${deep}}}}`;
    const reply = await ask(api, voting, 'steps/resolve', null, { raw });
    expect(reply.status).toBe(400);
  });
});
