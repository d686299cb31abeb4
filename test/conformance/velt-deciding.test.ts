import { sql } from 'kysely';
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
import { type Backend, backend, decideFor, failure, recorded, replayed } from '../support/velt.js';

let api: TestApi;
let svc: Backend;
let owner: Caller;
let boss: Caller;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  svc = await backend(api, 'svc_app', 'reviews:vote-as');
  owner = await api.person('u_owner');
  boss = await api.person('u_boss', { roles: ['reviewer', 'admin'] });
  ann = await api.person('u_ann', { groups: ['sre'] });
  for (const id of ['u_legal', 'u_risk', 'u_fyi', 'u_stranger']) {
    await api.person(id);
  }
});
afterAll(() => api.stop());

const LEGAL = { id: 'u_legal', mandatory: true };
const RISK = { id: 'u_risk', mandatory: true };
const FYI = { id: 'u_fyi', mandatory: false };

async function open(
  gate: OpenReview['review'] = { reviewers: [LEGAL, RISK, FYI] },
  about: OpenReview = {},
): Promise<OpenedReview> {
  return await api.openReview({ ...about, review: gate });
}

const decide = async (
  review: Pick<OpenedReview, 'runId' | 'stepId'>,
  who: string,
  about: Readonly<Record<string, unknown>> = {},
) => said(await decideFor(api, svc, review, who, about));

async function factsOf(review: OpenedReview) {
  return await api.db
    .selectFrom('fact')
    .select(['actorId', 'actorKind', 'verdict', 'versionId', 'reason', 'dialect', 'tokenId'])
    .where('reviewId', '=', review.id)
    .where('kind', '=', 'vote')
    .orderBy('seq')
    .execute();
}

const notWaiting = (review: OpenedReview, why: string) =>
  failure(
    400,
    'FAILED_PRECONDITION',
    `Step '${review.stepId}' is not waiting for a decision (${why}): read the execution again.`,
  );
const notDeclared = (who: string, review: OpenedReview) =>
  failure(
    400,
    'INVALID_ARGUMENT',
    `'${who}' is not a declared reviewer of step '${review.stepId}': name one of its reviewers.`,
  );

describe('row 1: no such run or step', () => {
  test('unknown run, unknown step, and a step of another run', async () => {
    const review = await open();
    const other = await open();
    for (const on of [
      { runId: 'run_none', stepId: review.stepId },
      { runId: review.runId, stepId: 'none' },
      { runId: review.runId, stepId: other.stepId },
    ]) {
      const message = `There is no step '${on.stepId}' in an execution '${on.runId}' of this project: check both ids.`;
      expect(await decide(on, 'u_legal')).toEqual(failure(404, 'NOT_FOUND', message));
    }
  });
});

describe('row 2: declared reviewers', () => {
  test('somebody else is not one, and nothing is stored', async () => {
    const review = await open();
    expect(await decide(review, 'u_stranger')).toEqual(notDeclared('u_stranger', review));
    expect(await decide(review, 'u_nobody')).toEqual(notDeclared('u_nobody', review));
    expect(await decide(review, 'svc_app')).toEqual(notDeclared('svc_app', review));
    expect(await factsOf(review)).toEqual([]);
  });

  test('nor is one after the end', async () => {
    const review = await open({ reviewers: [LEGAL] });
    await decide(review, 'u_legal');
    expect(await decide(review, 'u_stranger')).toEqual(notDeclared('u_stranger', review));
  });

  test('a known person of one of its groups is', async () => {
    const review = await open({ groups: ['sre'] });
    expect(await decide(review, 'u_stranger')).toEqual(notDeclared('u_stranger', review));
    expect(await decide(review, 'u_ann')).toEqual(recorded('resolved'));
  });

  test('of a gate without entries any known person is', async () => {
    const review = await open({});
    expect(await decide(review, 'u_nobody')).toEqual(notDeclared('u_nobody', review));
    await api.person('u_plain', { roles: [] });
    expect(await decide(review, 'u_plain')).toEqual(
      failure(403, 'PERMISSION_DENIED', 'not eligible for review'),
    );
    expect(await decide(review, 'u_stranger')).toEqual(recorded('resolved'));
  });

  test('one whom the gate names and the directory does not know cannot decide', async () => {
    const review = await open({ reviewers: [{ id: 'u_ghost', mandatory: true }] });
    const message =
      "'u_ghost' is not in the directory, so nobody can decide in their name: ask an admin to add them.";
    expect(await decide(review, 'u_ghost')).toEqual(failure(400, 'FAILED_PRECONDITION', message));
  });
});

describe('row 3: the first decision stands', () => {
  test.each(['approve', 'reject'])('a second one (%s) while it waits', async (decision) => {
    const review = await open();
    await decide(review, 'u_legal');
    expect(await decide(review, 'u_legal', { decision })).toEqual(replayed('pending'));
    expect(await factsOf(review)).toHaveLength(1);
  });

  test.each(['approve', 'reject'])('a second one (%s) after the step completed', async (again) => {
    const review = await open({ reviewers: [LEGAL] });
    await decide(review, 'u_legal');
    expect(await decide(review, 'u_legal', { decision: again })).toEqual(replayed('resolved'));
    const held = await open({ reviewers: [LEGAL], release: { after: '1h' } });
    await decide(held, 'u_legal');
    expect(await decide(held, 'u_legal', { decision: again })).toEqual(replayed('resolved'));
  });

  test('of a rejection, too', async () => {
    const review = await open();
    await decide(review, 'u_fyi', { decision: 'reject' });
    expect(await decide(review, 'u_fyi')).toEqual(replayed('rejected'));
  });

  test('a vote by another contract counts', async () => {
    const review = await open({ groups: ['sre', 'legal'] });
    const body = { version_id: review.seedId };
    await api.post(`${review.path}/approve`, { as: ann, body });
    expect(await decide(review, 'u_ann', { decision: 'reject' })).toEqual(replayed('pending'));
  });

  test('also of somebody who has left the group since', async () => {
    await api.person('u_leaver', { groups: ['sre'] });
    const review = await open({ groups: ['sre', 'legal'] });
    await decide(review, 'u_leaver');
    await api.person('u_leaver', { groups: [] });
    expect(await decide(review, 'u_leaver')).toEqual(replayed('pending'));
  });
});

describe('row 4: not waiting', () => {
  test('a step without a gate', async () => {
    const blocks = [{ id: 'plain', type: 'task', executor: { kind: 'supplied' } }];
    await api.send('PUT', '/v1/workflows/wf_plain', { body: { blocks } });
    const started = await api.post('/v1/workflows/runs', {
      body: { workflow_id: 'wf_plain', json_inputs: { plain: {} } },
    });
    const runId = textAt(started.body, 'id');
    await api.progress.begin(runId);
    const stepId = `${runId}_plain`;
    const message = `Step '${stepId}' has no gate, so nobody decides on it: name a human step.`;
    expect(await decide({ runId, stepId }, 'u_legal')).toEqual(
      failure(400, 'FAILED_PRECONDITION', message),
    );
  });

  test('its review is not open yet', async () => {
    const first = { id: 'first', type: 'task', executor: { kind: 'supplied' } };
    const gated = {
      id: 'gated',
      type: 'task',
      executor: { kind: 'pass' },
      review: { reviewers: [LEGAL] },
    };
    await api.send('PUT', '/v1/workflows/wf_two', { body: { blocks: [first, gated] } });
    const started = await api.post('/v1/workflows/runs', {
      body: { workflow_id: 'wf_two', json_inputs: { first: {} } },
    });
    const runId = textAt(started.body, 'id');
    await api.progress.begin(runId);
    const step = { runId, stepId: `${runId}_gated` };
    const review = { ...(await open()), ...step };
    expect(await decide(step, 'u_legal')).toEqual(notWaiting(review, 'its review is not open'));
    expect(await decide(step, 'u_stranger')).toEqual(notDeclared('u_stranger', review));
  });

  test('decided by others', async () => {
    const held = await open({ reviewers: [LEGAL, FYI], release: { after: '1h' } });
    await decide(held, 'u_legal');
    expect(await decide(held, 'u_fyi')).toEqual(notWaiting(held, 'its review is APPROVED'));
    const released = await open({ reviewers: [LEGAL, FYI] });
    await decide(released, 'u_legal');
    expect(await decide(released, 'u_fyi')).toEqual(notWaiting(released, 'its review is EXECUTED'));
    const refused = await open();
    await decide(refused, 'u_legal', { decision: 'reject' });
    expect(await decide(refused, 'u_fyi')).toEqual(notWaiting(refused, 'its review is REJECTED'));
  });

  test('withdrawn', async () => {
    const review = await open({ reviewers: [LEGAL, FYI], release: { after: '1h' } }, { owner });
    await decide(review, 'u_legal');
    await api.post(`${review.path}/withdraw`, { as: owner, body: { reason: 'no' } });
    expect(await decide(review, 'u_fyi')).toEqual(notWaiting(review, 'its review is REVOKED'));
    expect(await decide(review, 'u_legal')).toEqual(replayed('rejected'));
  });

  test('cancelled', async () => {
    const review = await open();
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
    expect(await decide(review, 'u_legal')).toEqual(notWaiting(review, 'its run was cancelled'));
  });
});

describe('row 5: the owner', () => {
  const SELF = failure(403, 'PERMISSION_DENIED', 'unable to self approve review');
  const OUT = failure(403, 'PERMISSION_DENIED', 'not eligible for review');
  const named = (id: string) => ({ reviewers: [{ id, mandatory: true }] });

  test('is no admin', async () => {
    const review = await open(named('u_owner'), { owner });
    expect(await decide(review, 'u_owner')).toEqual(SELF);
    expect(await decide(review, 'u_owner', { decision: 'reject' })).toEqual(OUT);
    expect(await factsOf(review)).toEqual([]);
  });

  test("is an admin, and the gate says 'never'", async () => {
    const review = await open({ ...named('u_boss'), self_approval: 'never' }, { owner: boss });
    expect(await decide(review, 'u_boss')).toEqual(SELF);
    expect(await decide(review, 'u_boss', { decision: 'reject' })).toEqual(OUT);
  });

  test('is an admin', async () => {
    const review = await open(named('u_boss'), { owner: boss });
    expect(await decide(review, 'u_boss')).toEqual(recorded('resolved'));
  });
});

describe('how decisions add up', () => {
  test('every mandatory one resolves it, and an optional one neither completes nor blocks', async () => {
    const review = await open();
    expect(await decide(review, 'u_fyi')).toEqual(recorded('pending'));
    expect(await decide(review, 'u_legal')).toEqual(recorded('pending'));
    expect(await decide(review, 'u_risk')).toEqual(recorded('resolved'));
  });

  test.each(['u_legal', 'u_fyi'])("%s's rejection is terminal at once", async (who) => {
    const review = await open();
    expect(await decide(review, who, { decision: 'reject', reason: 'wrong total' })).toEqual(
      recorded('rejected'),
    );
    const run = await api.get(`/v1/workflows/runs/${review.runId}`);
    expect(valueAt(run.body, 'lifecycle')).toMatchObject({
      status: 'cancelled',
      reason: 'wrong total',
    });
  });

  test('it counts for the newest version, or for versionId', async () => {
    const review = await open({ groups: ['sre'], reviewers: [LEGAL] });
    const body = { review_id: review.id, parent_id: review.seedId, snapshot: { total_amount: 2 } };
    const added = await api.post('/v1/workflows/reviews/versions', { as: ann, body });
    await decide(review, 'u_legal');
    const newest = textAt(added.body, 'id');
    await decide(review, 'u_ann', { versionId: review.seedId });
    expect((await factsOf(review)).map(({ versionId }) => versionId)).toEqual([
      newest,
      review.seedId,
    ]);
    const unknown = `rvr_${'A'.repeat(26)}`;
    const another = await open();
    expect(await decide(another, 'u_legal', { versionId: unknown })).toEqual(
      failure(
        404,
        'NOT_FOUND',
        `Version '${unknown}' does not belong to review '${another.id}': list its versions and name one of them.`,
      ),
    );
  });
});

describe('what is kept', () => {
  test('the token and the person it named', async () => {
    const review = await open();
    await decide(review, 'u_legal', { reason: 'looks good' });
    expect(await factsOf(review)).toEqual([
      {
        actorId: 'u_legal',
        actorKind: 'person',
        verdict: 'approved',
        versionId: review.seedId,
        reason: 'looks good',
        dialect: 'velt',
        tokenId: svc.id,
      },
    ]);
    const audit = await api.db
      .selectFrom('audit')
      .select(['action', 'actorId', 'tokenId'])
      .where('reviewId', '=', review.id)
      .where('action', 'in', ['decision_made', 'step_overridden'])
      .execute();
    expect(audit).toEqual([{ action: 'decision_made', actorId: 'u_legal', tokenId: svc.id }]);
  });

  test('the vote is recorded whether or not Temporal has answered', async () => {
    const review = await open({ reviewers: [LEGAL] });
    api.delivery = 'finds Temporal away';
    try {
      expect(await decide(review, 'u_legal')).toEqual(recorded('resolved'));
    } finally {
      api.delivery = 'delivers';
    }
  });
});

describe('at once', () => {
  test('the same decision twenty times is recorded once', async () => {
    const review = await open({ reviewers: [LEGAL] });
    const replies = await Promise.all(Array.from({ length: 20 }, () => decide(review, 'u_legal')));
    const isFirst = ({ body }: { body: unknown }) => valueAt(body, 'result', 'recorded') === true;
    expect(replies.filter(isFirst)).toEqual([recorded('resolved')]);
    const others = replies.filter((reply) => !isFirst(reply));
    expect(others).toEqual(Array.from({ length: 19 }, () => replayed('resolved')));
    expect(await factsOf(review)).toHaveLength(1);
  });

  test('of two last votes exactly one schedules the resume', async () => {
    const review = await open({ reviewers: [LEGAL, RISK] });
    const replies = await Promise.all([decide(review, 'u_legal'), decide(review, 'u_risk')]);
    const scheduled = replies.map(({ body }) => valueAt(body, 'result', 'resumeScheduled'));
    expect(scheduled.filter((isOwed) => isOwed === true)).toHaveLength(1);
    expect(scheduled).toContain(false);
  });
});

test('a directory entry that is too old is refused where an age is set', async () => {
  const strict = await startApi({ voteAsMaxAgeMs: 3_600_000 });
  try {
    const app = await backend(strict, 'svc_app', 'reviews:vote-as');
    await strict.person('u_old');
    await strict.person('u_new');
    await sql`update person set directory_at = '2026-01-02T03:04:05Z' where id = 'u_old'`.execute(
      strict.db,
    );
    const review = await strict.openReview({
      review: {
        reviewers: [
          { id: 'u_old', mandatory: true },
          { id: 'u_new', mandatory: true },
        ],
      },
    });
    const message =
      "The reviewer's directory entry is of 2026-01-02T03:04:05.000Z, which is too old to decide by: have an admin put it again.";
    expect(said(await decideFor(strict, app, review, 'u_old'))).toEqual(
      failure(400, 'FAILED_PRECONDITION', message),
    );
    expect(said(await decideFor(strict, app, review, 'u_new'))).toEqual(recorded('pending'));
  } finally {
    await strict.stop();
  }
});
