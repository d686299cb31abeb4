import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/domain/facts.js';
import type { ReviewStatus } from '../../src/domain/statuses.js';
import {
  type Caller,
  type OpenedReview,
  type OpenReview,
  type Reply,
  said,
  startApi,
  type TestApi,
  textAt,
  valueAt,
} from '../support/api.js';
import { asTimeWindow, put as putReview, refusal, windowAround } from '../support/hoop.js';

let api: TestApi;
let ann: Caller;
let ben: Caller;
let cy: Caller;
let owner: Caller;
let adminOwner: Caller;
let stranger: Caller;
let oncall: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['sre'] });
  ben = await api.person('u_ben', { groups: ['banking'] });
  cy = await api.person('u_cy', { groups: ['sre', 'banking'] });
  owner = await api.person('u_owner', { groups: ['sre'] });
  adminOwner = await api.person('u_boss', { groups: ['sre'], roles: ['reviewer', 'admin'] });
  stranger = await api.person('u_stranger');
  oncall = await api.person('u_oncall', { groups: ['oncall'] });
});
afterAll(() => api.stop());

const put = (review: Pick<OpenedReview, 'id'>, as: Caller, body: unknown): Promise<Reply> =>
  putReview(api, review, as, body);

/** A review of two groups, or as its gate is declared, of a run that `u_owner` started. */
async function open(
  gate: OpenReview['review'] = {},
  about: OpenReview = {},
): Promise<OpenedReview> {
  return await api.openReview({
    owner,
    block: { id: 'drop_table', type: 'task' },
    snapshot: { table: 'orders' },
    ...about,
    review: { groups: ['sre', 'banking'], placement: 'input', ...gate },
  });
}

/** A review whose approval is not followed by its release at once: it can still be withdrawn. */
async function openHeld(
  gate: OpenReview['review'] = {},
  about: OpenReview = {},
): Promise<OpenedReview> {
  return await open({ ...gate, release: 'manual' }, about);
}

/** Group, status and reviewer of each row, in order. */
function rowsOf(body: unknown): readonly (readonly [unknown, unknown, unknown])[] {
  const rows = valueAt(body, 'review_groups_data');
  return (Array.isArray(rows) ? rows : []).map((row: unknown) => [
    valueAt(row, 'group'),
    valueAt(row, 'status'),
    valueAt(row, 'reviewed_by', 'id') ?? null,
  ]);
}

async function factsOf(review: OpenedReview): Promise<readonly Verdict[]> {
  const facts = await api.db
    .selectFrom('fact')
    .select(['verdict'])
    .where('reviewId', '=', review.id)
    .orderBy('seq')
    .execute();
  return facts.flatMap(({ verdict }) => (verdict === null ? [] : [verdict]));
}

async function statusOf({ id }: OpenedReview): Promise<string> {
  return textAt((await api.get(`/api/reviews/${id}`)).body, 'status');
}

/** Brings a review to a status, as people and the system would; to APPROVED or REVOKED one that is held. */
async function bring(review: OpenedReview, status: ReviewStatus): Promise<void> {
  switch (status) {
    case 'PENDING':
      return;
    case 'REJECTED':
      await put(review, ann, { status: 'REJECTED' });
      return;
    case 'APPROVED':
      await put(review, cy, { status: 'APPROVED' });
      return;
    case 'REVOKED':
      await put(review, cy, { status: 'APPROVED' });
      await put(review, api.admin, { status: 'REVOKED' });
      return;
    case 'PROCESSING':
    case 'EXECUTED':
    case 'UNKNOWN':
      await put(review, cy, { status: 'APPROVED' });
      expect(await statusOf(review)).toBe('PROCESSING');
      await sql`update review set status = ${status} where id = ${review.id}`.execute(api.db);
  }
}

const someTime: unknown = expect.stringMatching(/Z$/);
const WRONG_STATE = refusal(400, 'review is in wrong state');
const NOT_ELIGIBLE = refusal(400, 'not eligible for review');
const SELF = refusal(400, 'unable to self approve review');
const UNKNOWN_STATUS = refusal(400, 'failed updating review status: unknown status');
const required = (field: string, name = field): string =>
  `Key: 'ReviewRequest.${field}' Error:Field validation for '${name}' failed on the 'required' tag`;
const window = (
  start: unknown = '09:00',
  end: unknown = '18:00',
  type: unknown = 'time_range',
) => ({
  type,
  configuration: { start_time: start, end_time: end },
});

describe('the body', () => {
  let review: OpenedReview;
  beforeAll(async () => {
    review = await open();
  });

  const cannot = (what: string, field: string, type: string): string =>
    `json: cannot unmarshal ${what} into Go struct field ReviewRequest.${field} of type ${type}`;
  const noTimes = 'both from and to time must be provided';
  const badTime = (name: string): string =>
    `invalid ${name} format, expected HH:MM in 24-hour format`;

  test.each<readonly [string, unknown, string]>([
    ['status missing', {}, required('Status')],
    ['status empty', { status: '' }, required('Status')],
    ['status null', { status: null }, required('Status')],
    ['null', null, required('Status')],
    ['a list', [], 'json: cannot unmarshal array into Go value of type ReviewRequest'],
    ['a string', 'APPROVED', 'json: cannot unmarshal string into Go value of type ReviewRequest'],
    ['status a number', { status: 1 }, cannot('number', 'status', 'string')],
    ['status a list', { status: ['APPROVED'] }, cannot('array', 'status', 'string')],
    [
      'force_review a string',
      { status: 'APPROVED', force_review: 'true' },
      cannot('string', 'force_review', 'bool'),
    ],
    [
      'rejection_reason an object',
      { status: 'REJECTED', rejection_reason: {} },
      cannot('object', 'rejection_reason', 'string'),
    ],
    [
      'version_id a bool',
      { status: 'APPROVED', version_id: true },
      cannot('bool', 'version_id', 'string'),
    ],
    [
      'a wrong type before what is missing',
      { force_review: 0 },
      cannot('number', 'force_review', 'bool'),
    ],
    [
      'time_window a string',
      { status: 'APPROVED', time_window: '09:00-18:00' },
      cannot('string', 'time_window', 'ReviewTimeWindow'),
    ],
    [
      'time_window empty',
      { status: 'APPROVED', time_window: {} },
      `${required('TimeWindow.Type', 'Type')}\n${required('TimeWindow.Configuration', 'Configuration')}`,
    ],
    [
      'everything missing',
      { time_window: { type: null } },
      `${required('Status')}\n${required('TimeWindow.Type', 'Type')}\n${required('TimeWindow.Configuration', 'Configuration')}`,
    ],
    [
      'time_window without type',
      { status: 'APPROVED', time_window: { configuration: window().configuration } },
      required('TimeWindow.Type', 'Type'),
    ],
    [
      'time_window without configuration',
      { status: 'APPROVED', time_window: { type: 'time_range' } },
      required('TimeWindow.Configuration', 'Configuration'),
    ],
    [
      'configuration a list',
      { status: 'APPROVED', time_window: { type: 'time_range', configuration: [] } },
      cannot('array', 'time_window.configuration', 'map[string]string'),
    ],
    [
      'a time that is a number',
      { status: 'APPROVED', time_window: window(9) },
      cannot('number', 'time_window.configuration', 'string'),
    ],
    [
      'no times at all',
      { status: 'APPROVED', time_window: { type: 'time_range', configuration: {} } },
      noTimes,
    ],
    ['a time is missing', { status: 'APPROVED', time_window: window('09:00', null) }, noTimes],
    ['a time is empty', { status: 'APPROVED', time_window: window('', '18:00') }, noTimes],
    [
      'a start that is malformed',
      { status: 'APPROVED', time_window: window('24:00') },
      badTime('start_time'),
    ],
    [
      'an end that is malformed',
      { status: 'APPROVED', time_window: window('09:00', '6pm') },
      badTime('end_time'),
    ],
    [
      'two that are malformed',
      { status: 'APPROVED', time_window: window('9:00', '6pm') },
      badTime('start_time'),
    ],
    [
      'an unknown type',
      { status: 'APPROVED', time_window: window('09:00', '18:00', 'cron') },
      'unknown execution window type cron',
    ],
    [
      'a window that is wrong, with a status that drops it',
      { status: 'REJECTED', time_window: window('24:00') },
      badTime('start_time'),
    ],
    [
      'a window that is wrong, with an unknown status',
      { status: 'MAYBE', time_window: window('24:00') },
      badTime('start_time'),
    ],
    [
      'a reason that cannot be stored',
      { status: 'REJECTED', rejection_reason: 'a\0b' },
      'rejection_reason takes up to 10000 characters, and neither NUL nor half of a surrogate pair',
    ],
  ])('%s → 400', async (_case, body, message) => {
    expect(said(await put(review, ann, body))).toEqual(refusal(400, message));
    // The body is looked at before the review is.
    expect(said(await put({ id: 'rev_unknown' }, ann, body))).toEqual(refusal(400, message));
  });

  test.each<readonly [string, string, number, string]>([
    [
      'not JSON',
      '{"status":',
      400,
      'The body is not JSON: check it with a JSON parser and send it again.',
    ],
    ['empty', ' ', 400, required('Status')],
  ])('%s → %s', async (_case, raw, status, message) => {
    const reply = await api.send('PUT', `/api/reviews/${review.id}`, { as: ann, raw });
    expect(said(reply)).toEqual(refusal(status, message));
  });

  test('no body at all → 400', async () => {
    const reply = await api.send('PUT', `/api/reviews/${review.id}`, { as: ann });
    expect(said(reply)).toEqual(refusal(400, required('Status')));
  });

  test('another media type → 415, too much → 413', async () => {
    const path = `/api/reviews/${review.id}`;
    const headers = { 'content-type': 'text/plain' };
    const text = await api.send('PUT', path, { as: ann, raw: '{"status":"APPROVED"}', headers });
    expect(said(text)).toEqual(
      refusal(
        415,
        "The body came with 'text/plain': send JSON in UTF-8 with the header content-type: application/json.",
      ),
    );
    const raw = JSON.stringify({ status: 'x'.repeat(1024 * 1024) });
    expect(said(await api.send('PUT', path, { as: ann, raw }))).toEqual(
      refusal(413, 'The body takes more than the 1048576 bytes accepted here: send less.'),
    );
  });

  test('nothing of all this was recorded', async () => {
    expect(await factsOf(review)).toEqual([]);
  });

  test('unknown fields and nulls are ignored, and the status is upper-cased', async () => {
    const body = {
      status: 'aPPRoved',
      time_window: null,
      force_review: null,
      rejection_reason: null,
      version_id: null,
      comment: 'fine',
    };
    const reply = await put(review, ann, body);
    expect(reply.status).toBe(200);
    expect(rowsOf(reply.body)).toEqual([
      ['sre', 'APPROVED', 'u_ann'],
      ['banking', 'PENDING', null],
    ]);
  });
});

describe('the order of checks', () => {
  test.each(['PENDING', 'MAYBE', ' APPROVED', 'PROCESSING', 'APPROVE', '__proto__'])(
    'unknown status %j → 400, once the review is known',
    async (status) => {
      const review = await open();
      expect(said(await put(review, stranger, { status }))).toEqual(UNKNOWN_STATUS);
      expect(said(await put({ id: 'rev_x' }, stranger, { status }))).toEqual(
        refusal(404, 'failed updating review status: review not found'),
      );
      await bring(review, 'REJECTED');
      expect(said(await put(review, stranger, { status }))).toEqual(UNKNOWN_STATUS);
    },
  );

  test('a second time window comes before an unknown status, a wrong state and self-approval', async () => {
    const second = refusal(400, 'failed updating review status: time window can only be set once');
    const review = await open();
    await put(review, ann, { status: 'APPROVED', time_window: window() });
    const body = { time_window: window('01:00', '02:00') };
    for (const status of ['MAYBE', 'APPROVED', 'REJECTED', 'REVOKED']) {
      expect(said(await put(review, owner, { status, ...body }))).toEqual(second);
    }
    await bring(review, 'REJECTED');
    expect(said(await put(review, ann, { status: 'APPROVED', ...body }))).toEqual(second);
  });

  test('the state comes before self-approval and eligibility', async () => {
    const review = await open();
    await bring(review, 'REJECTED');
    expect(said(await put(review, owner, { status: 'APPROVED' }))).toEqual(WRONG_STATE);
    expect(said(await put(review, stranger, { status: 'APPROVED' }))).toEqual(WRONG_STATE);
  });

  test('self-approval comes before eligibility', async () => {
    const review = await open({ groups: ['banking'] });
    expect(said(await put(review, owner, { status: 'APPROVED' }))).toEqual(SELF);
    expect(said(await put(review, owner, { status: 'APPROVED', force_review: true }))).toEqual(
      SELF,
    );
  });

  test('revoking what is not approved comes before eligibility', async () => {
    const review = await open();
    expect(said(await put(review, stranger, { status: 'REVOKED' }))).toEqual(WRONG_STATE);
  });
});

describe('rule 5: the state', () => {
  const FINAL = ['REJECTED', 'REVOKED', 'PROCESSING', 'EXECUTED', 'UNKNOWN'] as const;
  const cases = FINAL.flatMap((status) =>
    ['APPROVED', 'REJECTED', 'REVOKED'].map((asked) => [status, asked] as const),
  );

  test.each(cases)('a review that is %s is immutable: %s → 400', async (status, asked) => {
    const gate = { force_approval_groups: ['oncall'] };
    const review = await (status === 'REVOKED' ? openHeld(gate) : open(gate));
    await bring(review, status);
    const before = said(await api.get(`/api/reviews/${review.id}`));
    const facts = await factsOf(review);
    for (const who of [ann, ben, cy, owner, api.admin, stranger]) {
      expect(said(await put(review, who, { status: asked }))).toEqual(WRONG_STATE);
    }
    expect(said(await put(review, oncall, { status: asked, force_review: true }))).toEqual(
      WRONG_STATE,
    );
    expect(said(await api.get(`/api/reviews/${review.id}`))).toEqual(before);
    expect(await factsOf(review)).toEqual(facts);
  });

  test('late approvals are refused once the step is released', async () => {
    const review = await open({ min_approvals: 1 });
    await put(review, ann, { status: 'APPROVED' });
    expect(said(await put(review, ben, { status: 'APPROVED' }))).toEqual(WRONG_STATE);
    expect(await factsOf(review)).toEqual(['approved']);
  });

  test('cancelled while pending reads as REVOKED with its rows untouched and cancelled_at', async () => {
    const review = await open();
    await put(review, ann, { status: 'APPROVED' });
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`, {
      as: owner,
      body: { reason: 'not needed any more' },
    });
    const { body } = await api.get(`/api/reviews/${review.id}`);
    expect(body).toMatchObject({
      status: 'REVOKED',
      cancelled_at: someTime,
      revoke_at: null,
    });
    expect(body).not.toHaveProperty('rejection_reason');
    expect(rowsOf(body)).toEqual([
      ['sre', 'APPROVED', 'u_ann'],
      ['banking', 'PENDING', null],
    ]);
    for (const [who, status] of [
      [ann, 'APPROVED'],
      [ben, 'APPROVED'],
      [ben, 'REJECTED'],
      [api.admin, 'REVOKED'],
    ] as const) {
      expect(said(await put(review, who, { status }))).toEqual(WRONG_STATE);
    }
  });
});

describe('rule 6: self-approval', () => {
  test('APPROVED is not asked for by the owner', async () => {
    const review = await open();
    expect(said(await put(review, owner, { status: 'APPROVED' }))).toEqual(SELF);
  });

  test('an owner who is an admin may', async () => {
    const review = await open({ groups: ['sre'] }, { owner: adminOwner });
    const reply = await put(review, adminOwner, { status: 'APPROVED' });
    expect(reply.body).toMatchObject({ status: 'APPROVED' });
  });

  test('unless the gate declares self_approval: never', async () => {
    const review = await open({ self_approval: 'never' }, { owner: adminOwner });
    expect(said(await put(review, adminOwner, { status: 'APPROVED' }))).toEqual(SELF);
  });

  test('force_review does not lift this', async () => {
    const review = await open({ force_approval_groups: ['sre'] });
    expect(said(await put(review, owner, { status: 'APPROVED', force_review: true }))).toEqual(
      SELF,
    );
    const held = await openHeld({ force_approval_groups: ['sre'] });
    await bring(held, 'APPROVED');
    expect(said(await put(held, owner, { status: 'APPROVED' }))).toEqual(SELF);
  });
});

describe('rule 7: REVOKED only while APPROVED', () => {
  test.each([
    ['a member', () => ann],
    ['the owner', () => owner],
    ['an admin', () => api.admin],
  ])('%s → 400', async (_case, who) => {
    const review = await open();
    expect(said(await put(review, who(), { status: 'REVOKED' }))).toEqual(WRONG_STATE);
  });
});

describe('rule 8a: while PENDING, who may', () => {
  test.each(['APPROVED', 'REJECTED'])('a stranger asks for %s → 400', async (status) => {
    const review = await open();
    expect(said(await put(review, stranger, { status }))).toEqual(NOT_ELIGIBLE);
  });

  test('owner, not admin, rejects while PENDING → 400: the owner cancels the run instead', async () => {
    const review = await open();
    expect(said(await put(review, owner, { status: 'REJECTED' }))).toEqual(NOT_ELIGIBLE);
  });

  test('an owner who is an admin rejects', async () => {
    const review = await open({}, { owner: adminOwner });
    const reply = await put(review, adminOwner, { status: 'REJECTED' });
    expect(rowsOf(reply.body)).toEqual([
      ['sre', 'REJECTED', 'u_boss'],
      ['banking', 'PENDING', null],
    ]);
  });

  test.each(['APPROVED', 'REJECTED'])('a named reviewer asks for %s', async (status) => {
    const review = await open({ groups: [], reviewers: [{ id: 'u_stranger' }] });
    const reply = await put(review, stranger, { status });
    expect(reply.body).toMatchObject({ status });
    expect(rowsOf(reply.body)).toEqual([['user:u_stranger', status, 'u_stranger']]);
  });

  test('a gate without declared entries: anybody but the owner', async () => {
    const review = await open({ groups: [] });
    expect(said(await put(review, owner, { status: 'APPROVED' }))).toEqual(SELF);
    const reply = await put(review, stranger, { status: 'APPROVED' });
    expect(rowsOf(reply.body)).toEqual([['*', 'APPROVED', 'u_stranger']]);
  });
});

describe('rule 8b: an admin outside every entry', () => {
  test('may REJECT: a row `admin` is appended', async () => {
    const review = await open();
    const reply = await put(review, api.admin, { status: 'REJECTED' });
    expect(reply.body).toMatchObject({ status: 'REJECTED' });
    expect(rowsOf(reply.body)).toEqual([
      ['sre', 'PENDING', null],
      ['banking', 'PENDING', null],
      ['admin', 'REJECTED', 'u_admin'],
    ]);
  });

  test('his APPROVED has nothing to fill → 400', async () => {
    const review = await openHeld();
    expect(said(await put(review, api.admin, { status: 'APPROVED' }))).toEqual(NOT_ELIGIBLE);
    await bring(review, 'APPROVED');
    expect(said(await put(review, api.admin, { status: 'APPROVED' }))).toEqual(NOT_ELIGIBLE);
  });
});

describe('rule 8c: while APPROVED, REJECTED or REVOKED by the owner or an admin only', () => {
  const cases = (['REJECTED', 'REVOKED'] as const).map((status) => [status] as const);

  test.each(cases)('%s by an eligible reviewer → 400', async (status) => {
    const review = await openHeld();
    await bring(review, 'APPROVED');
    for (const who of [ann, cy, stranger]) {
      expect(said(await put(review, who, { status }))).toEqual(NOT_ELIGIBLE);
    }
    expect(await statusOf(review)).toBe('APPROVED');
  });

  test.each(cases)(
    '%s by the owner withdraws it: nothing is executed, the run is cancelled',
    async (status) => {
      const review = await openHeld();
      await bring(review, 'APPROVED');
      const reply = await put(review, owner, { status });
      expect(reply.body).toMatchObject({ status });
      expect(rowsOf(reply.body)).toEqual([
        ['sre', status, 'u_owner'],
        ['banking', 'APPROVED', 'u_cy'],
      ]);
      expect(await api.progress.check(review)).toEqual({
        kind: 'ended',
        end: 'rejected',
        run: null,
      });
      const run = await api.get(`/v1/workflows/runs/${review.runId}`);
      expect(valueAt(run.body, 'lifecycle', 'status')).toMatch(/^cancel/);
    },
  );

  test.each(cases)('%s by an admin outside every entry: a row `admin`', async (status) => {
    const review = await openHeld();
    await bring(review, 'APPROVED');
    const reply = await put(review, api.admin, { status });
    expect(rowsOf(reply.body)).toEqual([
      ['sre', 'APPROVED', 'u_cy'],
      ['banking', 'APPROVED', 'u_cy'],
      ['admin', status, 'u_admin'],
    ]);
  });

  test('by an owner in no group: a row of their own', async () => {
    const review = await openHeld({}, { owner: stranger });
    await bring(review, 'APPROVED');
    const { body } = await put(review, stranger, { status: 'REVOKED' });
    expect(rowsOf(body).at(-1)).toEqual(['user:u_stranger', 'REVOKED', 'u_stranger']);
  });

  test('in Retab form it shows from then on as verdict rejected by whoever withdrew it', async () => {
    const review = await openHeld();
    await bring(review, 'APPROVED');
    await put(review, owner, { status: 'REVOKED' });
    const { body } = await api.get(`/v1/workflows/reviews/${review.id}`);
    expect(body).toMatchObject({
      status: 'REVOKED',
      decision: {
        verdict: 'rejected',
        version_id: review.seedId,
        author: { kind: 'human', id: 'u_owner', display_name: 'Name of u_owner' },
      },
    });
  });
});

describe('rule 8d: force_review', () => {
  const force = (status: string) => ({ status, force_review: true });

  test('of nobody in a force group → 400', async () => {
    const review = await open({ force_approval_groups: ['oncall'] });
    for (const who of [ann, stranger, api.admin]) {
      expect(said(await put(review, who, force('APPROVED')))).toEqual(NOT_ELIGIBLE);
    }
  });

  test('of a gate that declares none → 400', async () => {
    const review = await open();
    expect(said(await put(review, ann, force('APPROVED')))).toEqual(NOT_ELIGIBLE);
  });

  test('the owner rule of 8a holds: an owner in the force group rejects → 400', async () => {
    const review = await open({ force_approval_groups: ['sre'] });
    expect(said(await put(review, owner, force('REJECTED')))).toEqual(NOT_ELIGIBLE);
  });

  test('while APPROVED 8c holds, too', async () => {
    const review = await openHeld({ force_approval_groups: ['oncall', 'sre'] });
    await bring(review, 'APPROVED');
    expect(said(await put(review, oncall, force('REVOKED')))).toEqual(NOT_ELIGIBLE);
    expect((await put(review, owner, force('REVOKED'))).body).toMatchObject({ status: 'REVOKED' });
  });

  test('appends the row of the first force group, and the overall status becomes the asked one', async () => {
    const review = await open({ force_approval_groups: ['nobodies', 'oncall'] });
    const { body } = await put(review, oncall, force('APPROVED'));
    expect(body).toMatchObject({
      status: 'APPROVED',
      force_approval_groups: ['nobodies', 'oncall'],
    });
    expect(rowsOf(body)).toEqual([
      ['sre', 'PENDING', null],
      ['banking', 'PENDING', null],
      ['oncall', 'APPROVED', 'u_oncall'],
    ]);
    expect(valueAt(body, 'review_groups_data', 2)).toMatchObject({ forced_review: true });
    expect(valueAt(body, 'review_groups_data', 0)).toMatchObject({ forced_review: false });
  });

  test('sets the row that there is', async () => {
    const review = await open({ force_approval_groups: ['banking'] });
    const { body } = await put(review, cy, force('APPROVED'));
    expect(body).toMatchObject({ status: 'APPROVED' });
    expect(rowsOf(body)).toEqual([
      ['sre', 'PENDING', null],
      ['banking', 'APPROVED', 'u_cy'],
    ]);
    expect(valueAt(body, 'review_groups_data', 1)).toMatchObject({ forced_review: true });
  });

  test('rejects as well', async () => {
    const review = await open({ force_approval_groups: ['oncall'] });
    const { body } = await put(review, oncall, force('REJECTED'));
    expect(body).toMatchObject({ status: 'REJECTED' });
    expect(rowsOf(body).at(-1)).toEqual(['oncall', 'REJECTED', 'u_oncall']);
  });

  test('the audit says forced', async () => {
    const review = await open({ force_approval_groups: ['oncall'] });
    await put(review, oncall, force('APPROVED'));
    const { body } = await api.get(`/v1/audit?review_id=${review.id}`);
    expect(valueAt(body, 'data', 1)).toMatchObject({
      action: 'decision_made',
      detail: { forced: true, dialect: 'hoop', verdict: 'approved' },
    });
  });

  test('without it a member of a force group alone is not eligible', async () => {
    const review = await open({ force_approval_groups: ['oncall'] });
    expect(said(await put(review, oncall, { status: 'APPROVED' }))).toEqual(NOT_ELIGIBLE);
  });
});

describe('APPROVED', () => {
  test('all group rows are needed', async () => {
    const review = await open();
    expect((await put(review, ann, { status: 'APPROVED' })).body).toMatchObject({
      status: 'PENDING',
      revoke_at: null,
    });
    const { body } = await put(review, ben, { status: 'APPROVED' });
    expect(body).toMatchObject({ status: 'APPROVED' });
    expect(valueAt(body, 'revoke_at')).toBe(valueAt(body, 'review_groups_data', 1, 'review_date'));
  });

  test('one caller in several groups fills all of their rows', async () => {
    const review = await open();
    const { body } = await put(review, cy, { status: 'APPROVED' });
    expect(body).toMatchObject({ status: 'APPROVED' });
    expect(rowsOf(body)).toEqual([
      ['sre', 'APPROVED', 'u_cy'],
      ['banking', 'APPROVED', 'u_cy'],
    ]);
  });

  test('of n rows of one group: one', async () => {
    const review = await open({ groups: [{ group: 'sre', required: 2 }] });
    const first = await put(review, ann, { status: 'APPROVED' });
    expect(rowsOf(first.body)).toEqual([
      ['sre', 'APPROVED', 'u_ann'],
      ['sre', 'PENDING', null],
    ]);
    const { body } = await put(review, cy, { status: 'APPROVED' });
    expect(body).toMatchObject({ status: 'APPROVED' });
  });

  test('min_approvals of them where the gate declares it, and more is no less', async () => {
    const review = await open({ min_approvals: 1, release: 'manual' });
    const { body } = await put(review, ann, { status: 'APPROVED' });
    expect(body).toMatchObject({ status: 'APPROVED', min_approvals: 1 });
    const overshot = await put(review, ben, { status: 'APPROVED' });
    expect(overshot.body).toMatchObject({ status: 'APPROVED' });
    expect(rowsOf(overshot.body)).toEqual([
      ['sre', 'APPROVED', 'u_ann'],
      ['banking', 'APPROVED', 'u_ben'],
    ]);
    // By one vote of somebody in both groups as well, where a count with == would hang.
    const both = await open({ min_approvals: 1 });
    expect((await put(both, cy, { status: 'APPROVED' })).body).toMatchObject({
      status: 'APPROVED',
    });
  });

  test('every mandatory named row is needed, and optional ones never count', async () => {
    const review = await open({
      groups: ['sre'],
      reviewers: [
        { id: 'u_ben', mandatory: true },
        { id: 'u_stranger', mandatory: false },
      ],
    });
    expect((await put(review, stranger, { status: 'APPROVED' })).body).toMatchObject({
      status: 'PENDING',
    });
    expect((await put(review, ann, { status: 'APPROVED' })).body).toMatchObject({
      status: 'PENDING',
    });
    const { body } = await put(review, ben, { status: 'APPROVED' });
    expect(body).toMatchObject({ status: 'APPROVED' });
    expect(rowsOf(body)).toEqual([
      ['sre', 'APPROVED', 'u_ann'],
      ['user:u_ben', 'APPROVED', 'u_ben'],
      ['user:u_stranger', 'APPROVED', 'u_stranger'],
    ]);
    const rows = valueAt(body, 'review_groups_data');
    const mandatory = (Array.isArray(rows) ? rows : []).map((row) => valueAt(row, 'mandatory'));
    expect(mandatory).toEqual([undefined, undefined, false]);
  });

  test('approving again: first reviewer and date stand, nothing is prolonged', async () => {
    const review = await open({ groups: ['sre'], release: 'manual' });
    const first = await put(review, ann, { status: 'APPROVED' });
    expect(said(await put(review, ann, { status: 'APPROVED' }))).toEqual(said(first));
    expect(said(await put(review, cy, { status: 'APPROVED' }))).toEqual(said(first));
    expect(await factsOf(review)).toEqual(['approved']);
  });

  test('nothing left to fill while PENDING → 200, the rows unchanged', async () => {
    const review = await open();
    const first = await put(review, ann, { status: 'APPROVED' });
    const colleague = await api.person('u_sre2', { groups: ['sre'] });
    const again = await put(review, colleague, { status: 'APPROVED' });
    expect(again.status).toBe(200);
    expect(valueAt(again.body, 'review_groups_data')).toEqual(
      valueAt(first.body, 'review_groups_data'),
    );
  });

  test('the tally is per version: approvals of an older one leave their rows pending', async () => {
    const review = await open({ placement: 'output', corrections: 'entries' });
    await put(review, ann, { status: 'APPROVED' });
    const added = await api.post('/v1/workflows/reviews/versions', {
      as: ben,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { table: 'drafts' } },
    });
    const newest = textAt(added.body, 'id');
    const shown = await api.get(`/api/reviews/${review.id}`);
    expect(shown.body).toMatchObject({ version_id: newest });
    expect(rowsOf(shown.body)).toEqual([
      ['sre', 'PENDING', null],
      ['banking', 'PENDING', null],
    ]);
    expect((await put(review, ben, { status: 'APPROVED' })).body).toMatchObject({
      status: 'PENDING',
    });
    const decided = await put(review, ann, { status: 'APPROVED' });
    expect(decided.body).toMatchObject({ status: 'APPROVED', version_id: newest });
  });

  test('version_id: a vote counts for the version it names', async () => {
    const review = await open({ placement: 'output', groups: ['sre'] });
    await api.post('/v1/workflows/reviews/versions', {
      as: ann,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { table: 'drafts' } },
    });
    const body = { status: 'APPROVED', version_id: review.seedId };
    const reply = await put(review, ann, body);
    expect(reply.body).toMatchObject({ status: 'APPROVED', version_id: review.seedId });
  });

  test('version_id: one that the review does not have → 404', async () => {
    const review = await open();
    const body = { status: 'APPROVED', version_id: 'rvr_AAAAAAAAAAAAAAAAAAAAAAAAAA' };
    expect(said(await put(review, ann, body))).toEqual(
      refusal(404, 'failed updating review status: version not found'),
    );
  });

  test('version_id: another than the decided one, while APPROVED → 400 wrong state', async () => {
    const review = await open({ placement: 'output', groups: ['sre', 'banking'] });
    const added = await api.post('/v1/workflows/reviews/versions', {
      as: ann,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { table: 'drafts' } },
    });
    await put(review, cy, { status: 'APPROVED', version_id: review.seedId });
    const other = { status: 'APPROVED', version_id: textAt(added.body, 'id') };
    expect(said(await put(review, ann, other))).toEqual(WRONG_STATE);
  });

  test('what a gate wants acknowledged is named, and can be', async () => {
    const review = await open({
      placement: 'output',
      groups: ['sre'],
      acknowledge_superseded: true,
    });
    const ids: string[] = [];
    for (const table of ['a', 'b']) {
      const added = await api.post('/v1/workflows/reviews/versions', {
        as: ann,
        body: {
          review_id: review.id,
          parent_id: review.seedId,
          snapshot: { table },
          acknowledged_superseded_version_ids: ids,
        },
      });
      ids.push(textAt(added.body, 'id'));
    }
    const [first = ''] = ids;
    expect(said(await put(review, ann, { status: 'APPROVED' }))).toEqual(
      refusal(
        400,
        `This would discard versions that nobody built on: re-send this request with acknowledged_superseded_version_ids=[${first}]`,
      ),
    );
    const body = { status: 'APPROVED', acknowledged_superseded_version_ids: [first] };
    expect((await put(review, ann, body)).body).toMatchObject({ status: 'APPROVED' });
  });

  test('a correction whose author may not approve it → 400', async () => {
    const review = await open({
      placement: 'output',
      groups: ['sre'],
      correction_author_may_approve: false,
    });
    await api.post('/v1/workflows/reviews/versions', {
      as: ann,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { table: 'drafts' } },
    });
    expect(said(await put(review, ann, { status: 'APPROVED' }))).toEqual(NOT_ELIGIBLE);
  });

  test('one_person_one_entry narrows all of their rows to one', async () => {
    const review = await open({ one_person_one_entry: true });
    const { body } = await put(review, cy, { status: 'APPROVED' });
    expect(body).toMatchObject({ status: 'PENDING' });
    expect(rowsOf(body).filter(([, status]) => status === 'APPROVED')).toHaveLength(1);
    // Chosen so that the most entries get filled: the other one is whichever is left for them.
    const done = await put(review, ann, { status: 'APPROVED' });
    expect(done.body).toMatchObject({ status: 'APPROVED' });
    expect(rowsOf(done.body)).toEqual([
      ['sre', 'APPROVED', 'u_ann'],
      ['banking', 'APPROVED', 'u_cy'],
    ]);
  });

  test('its workflow is told, and the answer says APPROVED although it has gone on since', async () => {
    const review = await open({ groups: ['sre'] });
    let before = '';
    api.onForward = async () => {
      api.onForward = null;
      before = await statusOf(review);
    };
    const { body } = await put(review, ann, { status: 'APPROVED' });
    expect(body).toMatchObject({ status: 'APPROVED' });
    expect([before, await statusOf(review)]).toEqual(['PROCESSING', 'PROCESSING']);
  });
});

describe('REJECTED', () => {
  test('the caller’s rows become REJECTED, the others stay, the run is cancelled', async () => {
    const review = await open();
    await put(review, ben, { status: 'APPROVED' });
    const { body } = await put(review, ann, { status: 'REJECTED', rejection_reason: 'not now' });
    expect(body).toMatchObject({ status: 'REJECTED', rejection_reason: 'not now' });
    expect(rowsOf(body)).toEqual([
      ['sre', 'REJECTED', 'u_ann'],
      ['banking', 'APPROVED', 'u_ben'],
    ]);
    const run = await api.get(`/v1/workflows/runs/${review.runId}`);
    expect(valueAt(run.body, 'lifecycle', 'status')).toMatch(/^cancel/);
  });

  test('whatever they said before', async () => {
    const review = await open();
    await put(review, ann, { status: 'APPROVED' });
    const { body } = await put(review, ann, { status: 'REJECTED' });
    expect(rowsOf(body)).toEqual([
      ['sre', 'REJECTED', 'u_ann'],
      ['banking', 'PENDING', null],
    ]);
  });

  test('all rows of somebody in several groups', async () => {
    const review = await open();
    const { body } = await put(review, cy, { status: 'REJECTED' });
    expect(rowsOf(body)).toEqual([
      ['sre', 'REJECTED', 'u_cy'],
      ['banking', 'REJECTED', 'u_cy'],
    ]);
  });

  test.each([
    ['an empty reason', { status: 'REJECTED', rejection_reason: '' }],
    ['no reason', { status: 'REJECTED' }],
  ])('%s is not kept', async (_case, body) => {
    const review = await open();
    expect((await put(review, ann, body)).body).not.toHaveProperty('rejection_reason');
  });

  test.each(['APPROVED', 'REVOKED'])('a reason given with %s is not kept', async (status) => {
    const review = await openHeld({ groups: ['sre'] });
    await put(review, ann, { status: 'APPROVED', rejection_reason: 'no reason at all' });
    const body = { status, rejection_reason: 'no reason at all' };
    const reply = await put(review, status === 'REVOKED' ? owner : ann, body);
    expect(reply.body).toMatchObject({ status });
    expect(reply.body).not.toHaveProperty('rejection_reason');
    const votes = await api.get(`/v1/workflows/reviews/${review.id}/votes`);
    expect(JSON.stringify(votes.body)).not.toContain('no reason at all');
  });
});

describe('time_window', () => {
  /** Hours in which nothing may be released now, whatever the time. */
  const closed = windowAround(120, 180);
  const sent = asTimeWindow(closed);

  test('is kept with an approval, shown everywhere as sent, and stays', async () => {
    const review = await open();
    const first = await put(review, ann, { status: 'APPROVED', time_window: sent });
    expect(first.body).toMatchObject({ status: 'PENDING', time_window: sent });
    const second = await put(review, ben, { status: 'APPROVED' });
    expect(second.body).toMatchObject({ status: 'APPROVED', time_window: sent });
    const list = await api.get('/api/reviews');
    expect(list.body).toContainEqual(second.body);
    const session = await api.get(`/api/sessions/${review.stepId}`);
    expect(valueAt(session.body, 'review', 'time_window')).toEqual(sent);
  });

  test('with another status it is checked and dropped', async () => {
    const review = await open();
    const { body } = await put(review, ann, { status: 'REJECTED', time_window: sent });
    expect(body).toMatchObject({ status: 'REJECTED', time_window: null });
  });

  test('only once, also of two at once', async () => {
    const review = await open({ groups: [{ group: 'sre', required: 2 }, 'banking'] });
    const replies = await Promise.all(
      [ann, ben, cy].map((who) => put(review, who, { status: 'APPROVED', time_window: sent })),
    );
    expect(replies.map(({ status }) => String(status)).toSorted()).toEqual(['200', '400', '400']);
    expect(await factsOf(review)).toEqual(['approved']);
  });

  test('the audit names it, and explain says when it may be executed', async () => {
    const review = await open({ groups: ['sre'], release: 'manual' });
    await put(review, ann, { status: 'APPROVED', time_window: sent });
    const audit = await api.get(`/v1/audit?review_id=${review.id}`);
    expect(valueAt(audit.body, 'data', 1)).toMatchObject({
      detail: { time_window: closed },
    });
    const explained = await api.get(`/v1/workflows/reviews/${review.id}/explain`);
    expect(valueAt(explained.body, 'waiting_for')).toBe(
      `It is approved; waiting for its owner to release it, may be executed from ${closed.start} to ${closed.end} UTC.`,
    );
  });

  test('a vote that is refused sets none', async () => {
    const review = await open();
    await put(review, owner, { status: 'APPROVED', time_window: sent });
    const { body } = await api.get(`/api/reviews/${review.id}`);
    expect(body).toMatchObject({ time_window: null });
  });
});

describe('at once', () => {
  test('the same vote sent twenty times at once is recorded once', async () => {
    const review = await open();
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => put(review, ann, { status: 'APPROVED' })),
    );
    expect(new Set(replies.map((reply) => JSON.stringify(said(reply)))).size).toBe(1);
    expect(replies[0]?.status).toBe(200);
    expect(await factsOf(review)).toEqual(['approved']);
  });

  test('the same rejection sent twenty times at once is recorded once', async () => {
    const review = await open();
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => put(review, ann, { status: 'REJECTED' })),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const reply of replies.filter(({ status }) => status !== 200)) {
      expect(said(reply)).toEqual(WRONG_STATE);
    }
    expect(await factsOf(review)).toEqual(['rejected']);
  });

  test('two last votes at once: none is lost, and one of them settles', async () => {
    const review = await open();
    const replies = await Promise.all(
      [ann, ben].map((who) => put(review, who, { status: 'APPROVED' })),
    );
    const statuses = replies.map(({ body }) => String(valueAt(body, 'status'))).toSorted();
    expect(statuses).toEqual(['APPROVED', 'PENDING']);
    const checks = await Promise.all([api.progress.check(review), api.progress.check(review)]);
    expect(checks).toEqual([{ kind: 'execute' }, { kind: 'execute' }]);
    const rows = await api.db
      .selectFrom('audit')
      .select('action')
      .where('reviewId', '=', review.id)
      .where('action', '=', 'released')
      .execute();
    expect(rows).toHaveLength(1);
  });
});

describe('one gate, several doors', () => {
  test('a vote here and one through the Retab routes add up, and show in each other', async () => {
    const review = await open();
    await put(review, ann, { status: 'APPROVED' });
    const shown = await api.get(`/v1/workflows/reviews/${review.id}`);
    expect(valueAt(shown.body, 'entries', 0)).toMatchObject({
      key: 'group:sre#1',
      status: 'APPROVED',
      vote: { reviewer: { id: 'u_ann' }, verdict: 'approved', version_id: review.seedId },
    });
    const approved = await api.post(`/v1/workflows/reviews/${review.id}/approve`, {
      as: ben,
      body: { version_id: review.seedId },
    });
    expect(approved.body).toMatchObject({ submission_status: 'accepted' });
    const { body } = await api.get(`/api/reviews/${review.id}`);
    expect(body).toMatchObject({ status: 'PROCESSING' });
    expect(rowsOf(body)).toEqual([
      ['sre', 'APPROVED', 'u_ann'],
      ['banking', 'APPROVED', 'u_ben'],
    ]);
  });

  test('a reason given there is a rejection_reason here, and the reverse', async () => {
    const there = await open();
    await api.post(`/v1/workflows/reviews/${there.id}/reject`, {
      as: ann,
      body: { version_id: there.seedId, reason: 'wrong table' },
    });
    expect((await api.get(`/api/reviews/${there.id}`)).body).toMatchObject({
      status: 'REJECTED',
      rejection_reason: 'wrong table',
    });
    const here = await open();
    await put(here, ann, { status: 'REJECTED', rejection_reason: 'wrong hour' });
    expect((await api.get(`/v1/workflows/reviews/${here.id}`)).body).toMatchObject({
      decision: { verdict: 'rejected', reason: 'wrong hour' },
    });
  });

  test('a repeat through another door is a repeat', async () => {
    const review = await open({ release: 'manual' });
    await put(review, ann, { status: 'APPROVED' });
    const again = await api.post(`/v1/workflows/reviews/${review.id}/approve`, {
      as: ann,
      body: { version_id: review.seedId },
    });
    expect(again.body).toMatchObject({ submission_status: 'already_applied' });
    expect(await factsOf(review)).toEqual(['approved']);
  });

  test('reviews of gates on a block’s output are listed and decided here as well', async () => {
    const review = await open({ placement: 'output', groups: ['sre'] });
    const { body } = await put(review, ann, { status: 'APPROVED' });
    expect(body).toMatchObject({
      session: review.stepId,
      placement: 'output',
      status: 'APPROVED',
    });
    expect(await statusOf(review)).toBe('EXECUTED');
    expect(said(await put(review, owner, { status: 'REVOKED' }))).toEqual(WRONG_STATE);
  });
});
