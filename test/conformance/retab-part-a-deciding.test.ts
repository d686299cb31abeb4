import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
let cy: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  ben = await api.person('u_ben', { groups: ['legal'] });
  cy = await api.person('u_cy', { groups: ['finance', 'legal'] });
});
beforeEach(() => {
  api.delivery = 'delivers';
});
afterAll(() => api.stop());

const UNKNOWN_REVIEW = 'rev_AAAAAAAAAAAAAAAAAAAAAAAAAA';
const UNKNOWN_VERSION = 'rvr_AAAAAAAAAAAAAAAAAAAAAAAAAA';

const approve = (review: OpenedReview, as: Caller, versionId = review.seedId): Promise<Reply> =>
  api.post(`${review.path}/approve`, { as, body: { version_id: versionId } });
const reject = (
  review: OpenedReview,
  as: Caller,
  reason = 'the total is wrong',
  versionId = review.seedId,
): Promise<Reply> =>
  api.post(`${review.path}/reject`, { as, body: { version_id: versionId, reason } });

/** Adds a version with this content and gives its id. */
async function correct(review: OpenedReview, as: Caller, snapshot: object): Promise<string> {
  const body = { review_id: review.id, parent_id: review.seedId, snapshot };
  const reply = await api.post('/v1/workflows/reviews/versions', { as, body });
  expect(reply.status).toBe(201);
  return textAt(reply.body, 'id');
}

async function factCount(review: OpenedReview): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from fact where review_id = ${review.id}`.execute(api.db);
  return rows[0]?.count ?? -1;
}

describe('the answer of a decision', () => {
  test('has every field of the contract', async () => {
    const review = await api.openReview({ workflowId: 'wf_invoices' });
    const reply = await approve(review, ann);
    const at = textAt(reply.body, 'review', 'decision', 'created_at');
    const wfv: unknown = expect.stringMatching(/^wfv_[A-Z2-7]{26}$/);
    expect(said(reply)).toEqual({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'resumed',
        resume_error: null,
        review: {
          id: review.id,
          workflow_id: 'wf_invoices',
          workflow_version_id: wfv,
          run_id: review.runId,
          workflow_run_id: review.runId,
          block_id: 'extract_invoice',
          step_id: `${review.runId}_extract_invoice`,
          parent_step_id: null,
          iteration_key: null,
          block_type: 'extract',
          triggered_by: { kind: 'always' },
          created_at: review.row.createdAt.toISOString(),
          cancelled_at: null,
          decision: {
            verdict: 'approved',
            version_id: review.seedId,
            author: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
            reason: null,
            created_at: at,
            decided_at: at,
          },
          status: 'APPROVED',
          type: 'extract',
          rev: 1,
          entries: [
            {
              key: 'anyone',
              kind: 'anyone',
              subject: '',
              mandatory: true,
              status: 'APPROVED',
              vote: {
                seq: 1,
                reviewer: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
                verdict: 'approved',
                version_id: review.seedId,
                reason: null,
                forced: false,
                created_at: at,
              },
            },
          ],
          placement: 'output',
          name: null,
          instructions: null,
          link: null,
          because: 'the gate asks for a review every time',
          owner_id: 'u_admin',
          newest_version_id: review.seedId,
          approved_at: at,
          released_at: null,
          ended_at: null,
        },
      },
    });
  });
});

describe('the bodies are closed and strict', () => {
  let review: OpenedReview;
  beforeAll(async () => {
    review = await api.openReview();
  });

  const missing = (field: string) => ({
    loc: ['body', field],
    msg: 'This is required: send it.',
    type: 'missing',
  });
  const badVersion = {
    loc: ['body', 'version_id'],
    msg: 'Expected a version id: rvr_ and 26 of A-Z2-7.',
    type: 'string_pattern_mismatch',
  };
  const blank = {
    loc: ['body', 'reason'],
    msg: 'Expected some words, not blank text.',
    type: 'value_error',
  };

  test.each([
    ['approve without a body', 'approve', undefined, [{ ...missing(''), loc: ['body'] }]],
    ['approve without version_id', 'approve', {}, [missing('version_id')]],
    ['a version id of another form', 'approve', { version_id: 'rvr_x' }, [badVersion]],
    [
      'a version id in lower case',
      'approve',
      { version_id: 'rvr_aaaaaaaaaaaaaaaaaaaaaaaaaa' },
      [badVersion],
    ],
    [
      'a version id that is null',
      'approve',
      { version_id: null },
      [
        {
          loc: ['body', 'version_id'],
          msg: 'Expected a string, got null.',
          type: 'string_type',
        },
      ],
    ],
    [
      'an unknown key',
      'approve',
      { version_id: UNKNOWN_VERSION, comment: 'fine' },
      [
        {
          loc: ['body', 'comment'],
          msg: 'This key is not known here: leave it out.',
          type: 'extra_forbidden',
        },
      ],
    ],
    [
      'acknowledged ids that are no list',
      'approve',
      { version_id: UNKNOWN_VERSION, acknowledged_superseded_version_ids: 'rvr_x' },
      [
        {
          loc: ['body', 'acknowledged_superseded_version_ids'],
          msg: 'Expected a list, got a string.',
          type: 'list_type',
        },
      ],
    ],
    [
      'an acknowledged id that is no string',
      'approve',
      { version_id: UNKNOWN_VERSION, acknowledged_superseded_version_ids: ['a', 7] },
      [
        {
          loc: ['body', 'acknowledged_superseded_version_ids', 1],
          msg: 'Expected a string, got a number.',
          type: 'string_type',
        },
      ],
    ],
    [
      'a body that is a list',
      'approve',
      [],
      [{ loc: ['body'], msg: 'Expected an object, got a list.', type: 'dict_type' }],
    ],
    ['reject without a reason', 'reject', { version_id: UNKNOWN_VERSION }, [missing('reason')]],
    ['an empty reason', 'reject', { version_id: UNKNOWN_VERSION, reason: '' }, [blank]],
    ['a blank reason', 'reject', { version_id: UNKNOWN_VERSION, reason: ' \n\t' }, [blank]],
    [
      'a reason that is null',
      'reject',
      { version_id: UNKNOWN_VERSION, reason: null },
      [{ loc: ['body', 'reason'], msg: 'Expected a string, got null.', type: 'string_type' }],
    ],
    [
      'a NUL character in the reason',
      'reject',
      { version_id: UNKNOWN_VERSION, reason: 'a\0b' },
      [
        {
          loc: ['body', 'reason'],
          msg: 'Text must have no NUL character and no half of a surrogate pair: remove it.',
          type: 'value_error',
        },
      ],
    ],
    [
      'half a surrogate pair in the reason',
      'reject',
      { version_id: UNKNOWN_VERSION, reason: 'a\ud800b' },
      [
        {
          loc: ['body', 'reason'],
          msg: 'Text must have no NUL character and no half of a surrogate pair: remove it.',
          type: 'value_error',
        },
      ],
    ],
    [
      'several faults at once',
      'reject',
      { note: 1 },
      [
        missing('version_id'),
        missing('reason'),
        {
          loc: ['body', 'note'],
          msg: 'This key is not known here: leave it out.',
          type: 'extra_forbidden',
        },
      ],
    ],
  ])('%s → 422', async (_case, verb, body, problems) => {
    const reply = await api.post(`${review.path}/${verb}`, {
      as: ann,
      ...(body === undefined ? {} : { body }),
    });
    expect(said(reply)).toEqual(invalidInput(...problems));
    expect(await factCount(review)).toBe(0);
  });

  test('no acknowledged ids may be said as null, too', async () => {
    const other = await api.openReview();
    const body = { version_id: other.seedId, acknowledged_superseded_version_ids: null };
    const reply = await api.post(`${other.path}/approve`, { as: ann, body });
    expect(reply.status).toBe(200);
  });
});

describe('the order of checks', () => {
  const malformed = { reason: '' };

  test('401 comes before everything', async () => {
    const reply = await api.post(`/v1/workflows/reviews/${UNKNOWN_REVIEW}/reject`, {
      as: { id: 'nobody', token: 'cs_nonsense' },
      body: malformed,
    });
    expect(said(reply)).toEqual(
      domainError(
        401,
        'unauthenticated',
        'This token is unknown or has been revoked: ask an admin for a new one (`countersign token`).',
      ),
    );
  });

  test('422 comes before an unknown review', async () => {
    const path = `/v1/workflows/reviews/${UNKNOWN_REVIEW}/reject`;
    expect((await api.post(path, { body: malformed })).status).toBe(422);
  });

  test.each(['approve', 'reject'])(
    '%s of an unknown review → 404 review_not_found',
    async (verb) => {
      const body = {
        version_id: UNKNOWN_VERSION,
        ...(verb === 'reject' ? { reason: 'wrong' } : {}),
      };
      const reply = await api.post(`/v1/workflows/reviews/${UNKNOWN_REVIEW}/${verb}`, { body });
      expect(said(reply)).toEqual(
        domainError(
          404,
          'review_not_found',
          `There is no review '${UNKNOWN_REVIEW}' in this project: check the id, or list what there is.`,
        ),
      );
    },
  );

  test('an unknown version comes before eligibility', async () => {
    const review = await api.openReview({ review: { groups: ['legal'] } });
    const reply = await approve(review, ann, UNKNOWN_VERSION);
    expect(said(reply)).toEqual(
      domainError(
        404,
        'version_not_found',
        `Version '${UNKNOWN_VERSION}' does not belong to review '${review.id}': list its versions and name one of them.`,
      ),
    );
  });

  test("another review's version is not found either", async () => {
    const review = await api.openReview();
    const other = await api.openReview();
    const reply = await approve(review, ann, other.seedId);
    expect(reply.status).toBe(404);
    expect(valueAt(reply.body, 'detail', 'code')).toBe('version_not_found');
  });

  test('eligibility comes before the state of the review', async () => {
    const review = await api.openReview({ review: { groups: ['legal'] } });
    expect((await approve(review, ben)).status).toBe(200);
    const reply = await approve(review, ann);
    expect(said(reply)).toEqual(
      domainError(
        403,
        'not_eligible',
        "'u_ann' may not decide this review: it needs a member of legal.",
      ),
    );
  });

  test('an unknown version comes before the state of the review', async () => {
    const review = await api.openReview();
    await approve(review, ann);
    expect((await approve(review, ann, UNKNOWN_VERSION)).status).toBe(404);
  });
});

describe('who may decide', () => {
  test('an owner who is no admin approves → 403 self_approval', async () => {
    const review = await api.openReview({ owner: ann });
    expect(said(await approve(review, ann))).toEqual(
      domainError(
        403,
        'self_approval',
        'You own this run, and only an owner who is an admin may approve it: ask another reviewer.',
      ),
    );
    expect(await factCount(review)).toBe(0);
  });

  test('an owner outside every entry still hears self_approval first', async () => {
    const review = await api.openReview({ owner: ann, review: { groups: ['legal'] } });
    const reply = await approve(review, ann);
    expect(valueAt(reply.body, 'detail', 'code')).toBe('self_approval');
  });

  test('an owner who is an admin approves, unless the gate says never', async () => {
    const allowed = await api.openReview();
    expect((await approve(allowed, api.admin)).status).toBe(200);
    const never = await api.openReview({ review: { self_approval: 'never' } });
    expect(said(await approve(never, api.admin))).toEqual(
      domainError(
        403,
        'self_approval',
        'You own this run, and its gate never lets the owner approve: ask another reviewer.',
      ),
    );
  });

  test('an owner who is no admin rejects → 403 not_eligible', async () => {
    const review = await api.openReview({ owner: ann });
    const reply = await reject(review, ann);
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([403, 'not_eligible']);
  });

  test('a stranger → 403 not_eligible', async () => {
    const review = await api.openReview({
      review: { groups: [{ group: 'legal', required: 2 }], reviewers: [{ id: 'u_zoe' }] },
    });
    expect(said(await approve(review, ann))).toEqual(
      domainError(
        403,
        'not_eligible',
        "'u_ann' may not decide this review: it needs a member of legal (2 of them), reviewer u_zoe.",
      ),
    );
  });

  test('a service → 403 not_eligible, whatever its scopes', async () => {
    const review = await api.openReview();
    const robot = await api.service('robot', 'reviews:read', 'reviews:vote-as', 'admin');
    for (const reply of [await approve(review, robot), await reject(review, robot)]) {
      expect(said(reply)).toEqual(
        domainError(
          403,
          'not_eligible',
          "Only a person's vote fills an entry, and 'robot' is a service: vote with a person's token.",
        ),
      );
    }
  });

  test('a service without a scope → 403 forbidden', async () => {
    const review = await api.openReview();
    const robot = await api.service('robot', 'runs:write');
    expect(said(await approve(review, robot))).toEqual(
      domainError(
        403,
        'forbidden',
        "This needs a service token with the scope 'reviews:read' or 'reviews:vote-as' or 'admin': ask an admin for one.",
      ),
    );
  });
});

describe('undecided', () => {
  const gate = { groups: ['finance', 'legal'] };

  test('approve → accepted, the vote is recorded, the decision stays null while the tally is open', async () => {
    const review = await api.openReview({ review: gate });
    const reply = await approve(review, ann);
    expect(said(reply)).toMatchObject({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'resumed',
        resume_error: null,
        review: {
          decision: null,
          status: 'PENDING',
          rev: 1,
          entries: [
            { key: 'group:finance#1', status: 'APPROVED', vote: { reviewer: { id: 'u_ann' } } },
            { key: 'group:legal#1', status: 'PENDING', vote: null },
          ],
        },
      },
    });
  });

  test('the vote that completes the tally sets the decision, and its author is who settled it', async () => {
    const review = await api.openReview({ review: gate });
    await approve(review, ann);
    const reply = await approve(review, ben);
    expect(said(reply)).toMatchObject({
      body: {
        submission_status: 'accepted',
        review: {
          status: 'APPROVED',
          decision: { verdict: 'approved', version_id: review.seedId, author: { id: 'u_ben' } },
        },
      },
    });
  });

  test('one person in several groups fills all of their entries', async () => {
    const review = await api.openReview({ review: gate });
    expect((await approve(review, cy)).body).toMatchObject({ review: { status: 'APPROVED' } });
  });

  test('the same person repeats the same vote → already_applied, nothing recorded', async () => {
    const review = await api.openReview({ review: gate });
    const first = await approve(review, ann);
    const again = await approve(review, ann);
    expect(again.body).toEqual({
      submission_status: 'already_applied',
      resume_status: 'resumed',
      resume_error: null,
      review: valueAt(first.body, 'review'),
    });
    expect(await factCount(review)).toBe(1);
  });

  test('approving another version replaces the vote, and approvals of different versions do not add up', async () => {
    const review = await api.openReview({ review: gate });
    const corrected = await correct(review, ann, { total_amount: 12, vendor_name: 'Acme Corp' });
    await approve(review, ann);
    const moved = await approve(review, ann, corrected);
    expect(moved.body).toMatchObject({
      submission_status: 'accepted',
      review: { decision: null, entries: [{ status: 'APPROVED' }, { status: 'PENDING' }] },
    });
    expect((await approve(review, ben)).body).toMatchObject({
      submission_status: 'accepted',
      review: { decision: null, status: 'PENDING' },
    });
    expect((await approve(review, ben, corrected)).body).toMatchObject({
      review: { decision: { verdict: 'approved', version_id: corrected } },
    });
    expect(await factCount(review)).toBe(4);
  });

  test('reject by any eligible reviewer → accepted, rejected, and the run is cancelled with the reason', async () => {
    const review = await api.openReview({
      review: { ...gate, reviewers: [{ id: 'u_fyi', mandatory: false }] },
    });
    const fyi = await api.person('u_fyi');
    await approve(review, ann);
    const reply = await reject(review, fyi, 'not our vendor');
    expect(said(reply)).toMatchObject({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'resumed',
        review: {
          status: 'REJECTED',
          decision: {
            verdict: 'rejected',
            version_id: review.seedId,
            author: { kind: 'human', id: 'u_fyi' },
            reason: 'not our vendor',
          },
          cancelled_at: null,
        },
      },
    });
    const run = await api.get(`/v1/workflows/runs/${review.runId}`);
    expect(valueAt(run.body, 'lifecycle')).toEqual({
      status: 'cancelled',
      reason: 'not our vendor',
    });
  });

  test('a rejection and its cancellation are both forwarded, once', async () => {
    const review = await api.openReview();
    const before = api.forwarded.length;
    await reject(review, ann);
    const told = api.told.filter(({ runId }) => runId === review.runId);
    expect(told.map(({ kind }) => kind)).toEqual(['start', 'signal', 'cancel']);
    expect(api.forwarded.length - before).toBe(2);
    await reject(review, ann);
    expect(api.forwarded.length - before).toBe(2);
  });

  test('a rejection names any version of the review', async () => {
    const review = await api.openReview();
    const corrected = await correct(review, ann, { total_amount: 5 });
    const reply = await reject(review, ann, 'no', corrected);
    expect(valueAt(reply.body, 'review', 'decision', 'version_id')).toBe(corrected);
  });
});

describe('decided', () => {
  test('same verdict and version, by anyone eligible → already_applied', async () => {
    const review = await api.openReview();
    await approve(review, ann);
    const reply = await approve(review, ben);
    expect(reply.body).toMatchObject({
      submission_status: 'already_applied',
      resume_status: 'resumed',
      resume_error: null,
      review: { decision: { author: { id: 'u_ann' } } },
    });
    expect(await factCount(review)).toBe(1);
  });

  test('the same rejection by somebody else → already_applied', async () => {
    const review = await api.openReview();
    await reject(review, ann, 'first');
    const reply = await reject(review, ben, 'second');
    expect(reply.body).toMatchObject({
      submission_status: 'already_applied',
      review: { decision: { author: { id: 'u_ann' }, reason: 'first' } },
    });
    expect(await factCount(review)).toBe(1);
  });

  test('a late approval of an entry still open is kept in the votes, and nothing else changes', async () => {
    const review = await api.openReview({
      review: { groups: ['finance', 'legal'], min_approvals: 1 },
    });
    const decided = await approve(review, ann);
    const late = await approve(review, ben);
    expect(late.body).toMatchObject({
      submission_status: 'already_applied',
      resume_status: 'resumed',
      review: {
        status: 'EXECUTED',
        decision: { author: { id: 'u_ann' } },
        entries: [
          { status: 'APPROVED', vote: { reviewer: { id: 'u_ann' } } },
          { status: 'APPROVED', vote: { reviewer: { id: 'u_ben' } } },
        ],
      },
    });
    expect(valueAt(late.body, 'review', 'decision')).toEqual(
      valueAt(decided.body, 'review', 'decision'),
    );
    expect(await factCount(review)).toBe(2);
  });

  test.each([
    ['the other verdict', 'approve', 'reject'],
    ['the other verdict, the other way round', 'reject', 'approve'],
  ])('%s → conflict, nothing changed', async (_case, first, second) => {
    const review = await api.openReview();
    const act = { approve, reject: (of: OpenedReview, as: Caller) => reject(of, as) };
    const decided = await (first === 'approve' ? act.approve : act.reject)(review, ann);
    const { body: standing } = await api.get(review.path);
    expect(valueAt(standing, 'decision')).toEqual(valueAt(decided.body, 'review', 'decision'));
    const reply = await (second === 'approve' ? act.approve : act.reject)(review, ben);
    expect(said(reply)).toEqual({
      status: 200,
      body: {
        submission_status: 'conflict',
        resume_status: 'skipped',
        resume_error: `Review ${review.id} already has a decision.`,
        review: standing,
      },
    });
    expect(await factCount(review)).toBe(1);
  });

  test('the same verdict on another version → conflict', async () => {
    const review = await api.openReview();
    const corrected = await correct(review, ann, { total_amount: 5 });
    await approve(review, ann, corrected);
    const reply = await approve(review, ben);
    expect(reply.body).toMatchObject({
      submission_status: 'conflict',
      review: { decision: { version_id: corrected } },
    });
  });

  test('a repeat of a vote that others have overruled → conflict', async () => {
    const review = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    await approve(review, ann);
    await reject(review, ben);
    expect((await approve(review, ann)).body).toMatchObject({
      submission_status: 'conflict',
      resume_status: 'skipped',
      review: { status: 'REJECTED', decision: { author: { id: 'u_ben' } } },
    });
  });

  test('after the release a repeat is still already_applied', async () => {
    const review = await api.openReview();
    await approve(review, ann);
    expect(await api.progress.check(review.row)).toEqual({
      kind: 'ended',
      end: 'completed',
      run: 'completed',
    });
    expect((await approve(review, ann)).body).toMatchObject({
      submission_status: 'already_applied',
      review: { status: 'EXECUTED', decision: { verdict: 'approved' } },
    });
    expect((await reject(review, ben)).body).toMatchObject({ submission_status: 'conflict' });
  });
});

describe('cancelled', () => {
  test.each(['approve', 'reject'])('%s → 409 review_cancelled', async (verb) => {
    const review = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    await approve(review, ann);
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
    const refusal = domainError(
      409,
      'review_cancelled',
      `The run of review '${review.id}' was cancelled: there is nothing left to decide.`,
    );
    const act = verb === 'approve' ? approve : (of: OpenedReview, as: Caller) => reject(of, as);
    expect(said(await act(review, ben))).toEqual(refusal);
    expect(said(await act(review, ann))).toEqual(refusal);
  });
});

describe('resume_status', () => {
  test('resumed: the workflow accepted the signal', async () => {
    const review = await api.openReview();
    expect((await approve(review, ann)).body).toMatchObject({
      resume_status: 'resumed',
      resume_error: null,
    });
  });

  test('pending: the vote is durable and the signal is not delivered yet', async () => {
    const review = await api.openReview();
    api.delivery = 'finds Temporal away';
    const reply = await approve(review, ann);
    expect(said(reply)).toMatchObject({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'pending',
        resume_error:
          'The vote is recorded; the workflow will be told as soon as Temporal answers (Temporal does not answer).',
        review: { status: 'APPROVED' },
      },
    });
    expect((await approve(review, ann)).body).toMatchObject({
      submission_status: 'already_applied',
      resume_status: 'pending',
    });
  });

  test('failed: the workflow is gone and the store is not settled; the vote stays valid', async () => {
    const review = await api.openReview();
    api.delivery = 'finds no workflow';
    expect(said(await approve(review, ann))).toMatchObject({
      status: 200,
      body: {
        submission_status: 'accepted',
        resume_status: 'failed',
        resume_error:
          'The vote is recorded, but its workflow could not be told: workflow not found. An operator can run `countersign doctor --fix`.',
        review: { status: 'APPROVED' },
      },
    });
  });

  test('it describes the latest vote, one that settles nothing included', async () => {
    const review = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    api.delivery = 'finds Temporal away';
    expect((await approve(review, ann)).body).toMatchObject({ resume_status: 'pending' });
    api.delivery = 'delivers';
    expect((await approve(review, ben)).body).toMatchObject({ resume_status: 'resumed' });
  });

  test('a forward that breaks its promise costs nothing: the vote stands and is pending', async () => {
    const review = await api.openReview();
    api.delivery = 'throws';
    expect(said(await approve(review, ann))).toMatchObject({
      status: 200,
      body: { submission_status: 'accepted', resume_status: 'pending' },
    });
    expect(await factCount(review)).toBe(1);
  });
});

describe('acknowledge_superseded', () => {
  test('approving discards the other leaves only when they are acknowledged', async () => {
    const review = await api.openReview({ review: { acknowledge_superseded: true } });
    const corrected = await correct(review, ann, { total_amount: 1 });
    const refused = await approve(review, ann);
    expect(said(refused)).toEqual(
      domainError(
        409,
        'superseded_versions',
        `This would discard versions that nobody built on: re-send this request with acknowledged_superseded_version_ids=[${corrected}]`,
        { version_ids: [corrected] },
      ),
    );
    const accepted = await api.post(`${review.path}/approve`, {
      as: ann,
      body: {
        version_id: review.seedId,
        acknowledged_superseded_version_ids: [corrected],
      },
    });
    expect(accepted.body).toMatchObject({ submission_status: 'accepted' });
  });

  test('reject never needs it', async () => {
    const review = await api.openReview({ review: { acknowledge_superseded: true } });
    await correct(review, ann, { total_amount: 1 });
    expect((await reject(review, ann)).body).toMatchObject({ submission_status: 'accepted' });
  });

  test('without it the key is accepted and means nothing', async () => {
    const review = await api.openReview();
    await correct(review, ann, { total_amount: 1 });
    const body = { version_id: review.seedId, acknowledged_superseded_version_ids: ['rvr_any'] };
    const reply = await api.post(`${review.path}/approve`, { as: ann, body });
    expect(reply.body).toMatchObject({ submission_status: 'accepted' });
  });
});

describe('at the same time', () => {
  test('the same vote twenty times at once is recorded once', async () => {
    const review = await api.openReview();
    const replies = await Promise.all(Array.from({ length: 20 }, () => approve(review, ann)));
    const statuses = replies.map(({ body }) => textAt(body, 'submission_status'));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(statuses.filter((status) => status === 'accepted')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'already_applied')).toHaveLength(19);
    expect(await factCount(review)).toBe(1);
  });

  test('two last votes at once settle once, and both are kept', async () => {
    for (let round = 0; round < 5; round += 1) {
      const review = await api.openReview({ review: { groups: ['finance', 'legal'] } });
      const replies = await Promise.all([approve(review, ann), approve(review, ben)]);
      for (const { body } of replies) {
        expect(body).toMatchObject({ submission_status: 'accepted' });
      }
      const settling = api.told.filter(
        ({ reviewId, payload }) => reviewId === review.id && payload?.status.status === 'EXECUTED',
      );
      expect(settling).toHaveLength(1);
      expect(await factCount(review)).toBe(2);
    }
  });

  test('an approval and a rejection at once: one of them decides, the other is told so', async () => {
    for (let round = 0; round < 5; round += 1) {
      const review = await api.openReview();
      const replies = await Promise.all([approve(review, ann), reject(review, ben)]);
      const statuses = replies.map(({ body }) => textAt(body, 'submission_status'));
      expect(statuses.toSorted()).toEqual(['accepted', 'conflict']);
      expect(await factCount(review)).toBe(1);
    }
  });
});
