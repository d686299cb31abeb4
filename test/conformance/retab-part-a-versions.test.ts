import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { versionId } from '../../src/rules/content-ids.js';
import {
  type Caller,
  domainError,
  invalidInput,
  type OpenedReview,
  type OpenReview,
  type Reply,
  said,
  type ShownProblem,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';

let api: TestApi;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
});
afterAll(() => api.stop());

const VERSIONS = '/v1/workflows/reviews/versions';
const UNKNOWN_REVIEW = 'rev_AAAAAAAAAAAAAAAAAAAAAAAAAA';
const UNKNOWN_VERSION = 'rvr_AAAAAAAAAAAAAAAAAAAAAAAAAA';

const create = (
  review: OpenedReview,
  snapshot: unknown,
  more: object = {},
  as = ann,
): Promise<Reply> =>
  api.post(VERSIONS, {
    as,
    body: { review_id: review.id, parent_id: review.seedId, snapshot, ...more },
  });

async function versionCount(review: OpenedReview): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from version where review_id = ${review.id}`.execute(api.db);
  return rows[0]?.count ?? -1;
}

describe('creating', () => {
  test('new content → 201, the version', async () => {
    const review = await api.openReview();
    const snapshot = { total_amount: 325, vendor_name: 'Acme Corp', nested: { left: null } };
    const reply = await create(review, snapshot, { note: 'read off the PDF' });
    expect(said(reply)).toEqual({
      status: 201,
      body: {
        id: versionId(review.id, snapshot),
        review_id: review.id,
        parent_id: review.seedId,
        author: { kind: 'human', id: 'u_ann', display_name: 'Name of u_ann' },
        snapshot,
        note: 'read off the PDF',
        created_at: textAt(reply.body, 'created_at'),
        origin: 'human_edit',
        content_sha256: textAt(reply.body, 'content_sha256'),
      },
    });
    expect((await api.get(`${VERSIONS}/${textAt(reply.body, 'id')}`)).body).toEqual(reply.body);
    expect((await api.get(review.path)).body).toMatchObject({
      newest_version_id: textAt(reply.body, 'id'),
      rev: 1,
      status: 'PENDING',
    });
  });

  test('the id is the one of the test vectors', () => {
    const review = 'rev_D4J7WZBRV4H7C2SKQJ4NP6W2EY';
    expect(versionId(review, { total_amount: 325, vendor_name: 'Acme Corp' })).toBe(
      'rvr_EJN44TAXFXFEWPKSQXEBR5GCSY',
    );
  });

  test('same review, parent and snapshot again → 200, first author, note and time kept', async () => {
    const review = await api.openReview();
    const ben = await api.person('u_ben');
    const first = await create(review, { a: 1, b: 2 }, { note: 'first' });
    const again = await create(review, { b: 2, a: 1 }, { note: 'second' }, ben);
    expect(said(again)).toEqual({ status: 200, body: first.body });
    expect(await versionCount(review)).toBe(2);
  });

  test('the same again is 200 when the review is decided or cancelled, too', async () => {
    const review = await api.openReview();
    const first = await create(review, { a: 1 });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    expect(said(await create(review, { a: 1 }))).toEqual({ status: 200, body: first.body });
    const other = await api.openReview();
    const before = await create(other, { a: 1 });
    await api.post(`/v1/workflows/runs/${other.runId}/cancel`);
    expect(said(await create(other, { a: 1 }))).toEqual({ status: 200, body: before.body });
  });

  test('same content under another parent → 409 parent_conflict', async () => {
    const review = await api.openReview();
    const first = textAt((await create(review, { a: 1 })).body, 'id');
    const second = textAt((await create(review, { a: 2 })).body, 'id');
    expect(said(await create(review, { a: 1 }, { parent_id: second }))).toEqual(
      domainError(
        409,
        'parent_conflict',
        `This content is version '${first}' already, under another parent: use that version, or name its parent.`,
        {
          version_id: first,
          existing_parent_id: review.seedId,
          requested_parent_id: second,
        },
      ),
    );
  });

  test("the seed's own content → 409 parent_conflict, its parent is null", async () => {
    const review = await api.openReview({ snapshot: { seed: true } });
    const reply = await create(review, { seed: true });
    expect([reply.status, valueAt(reply.body, 'detail', 'details')]).toEqual([
      409,
      {
        version_id: review.seedId,
        existing_parent_id: null,
        requested_parent_id: review.seedId,
      },
    ]);
  });

  test.each([
    ['APPROVED', { after: '1h' }],
    ['EXECUTED', 'auto'],
  ])('review decided → 409 review_decided (%s)', async (status, release) => {
    const review = await api.openReview({ review: { release } });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    expect(said(await create(review, { a: 1 }))).toEqual(
      domainError(409, 'review_decided', `Review ${review.id} already has a decision.`, {
        review_id: review.id,
        status,
        version_id: review.seedId,
      }),
    );
    expect(await versionCount(review)).toBe(1);
  });

  test('review cancelled → 409 review_cancelled', async () => {
    const review = await api.openReview();
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
    expect(said(await create(review, { a: 1 }))).toEqual(
      domainError(
        409,
        'review_cancelled',
        `The run of review '${review.id}' was cancelled: there is nothing left to decide.`,
      ),
    );
  });

  test('the same content at once is one version', async () => {
    const review = await api.openReview();
    const replies = await Promise.all(Array.from({ length: 10 }, () => create(review, { a: 1 })));
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 9 }, () => 200),
      201,
    ]);
    expect(await versionCount(review)).toBe(2);
  });

  test('any version is a valid parent and a valid target', async () => {
    const review = await api.openReview();
    const first = textAt((await create(review, { a: 1 })).body, 'id');
    await create(review, { a: 2 });
    const third = await create(review, { a: 3 }, { parent_id: first });
    expect(valueAt(third.body, 'parent_id')).toBe(first);
    const body = { version_id: first };
    const reply = await api.post(`${review.path}/approve`, { as: ann, body });
    expect(valueAt(reply.body, 'review', 'decision', 'version_id')).toBe(first);
  });
});

describe('the body', () => {
  let review: OpenedReview;
  beforeAll(async () => {
    review = await api.openReview();
  });
  const missing = (field: string) => ({
    loc: ['body', field],
    msg: 'This is required: send it.',
    type: 'missing',
  });
  const valid = (): object => ({
    review_id: review.id,
    parent_id: review.seedId,
    snapshot: { a: 1 },
  });

  type Case = readonly [string, object, readonly ShownProblem[]];
  const cases: readonly Case[] = [
    ['nothing', {}, [missing('review_id'), missing('parent_id'), missing('snapshot')]],
    [
      'parent_id null',
      { parent_id: null },
      [{ loc: ['body', 'parent_id'], msg: 'Expected a string, got null.', type: 'string_type' }],
    ],
    ...[null, [], 'text', 7, true].map((snapshot): Case => [
      `snapshot ${JSON.stringify(snapshot)}`,
      { snapshot },
      [{ loc: ['body', 'snapshot'], msg: 'Expected a JSON object.', type: 'dict_type' }],
    ]),
    [
      'a note that is no text',
      { note: 5 },
      [{ loc: ['body', 'note'], msg: 'Expected a string, got a number.', type: 'string_type' }],
    ],
    [
      'a NUL character in the note',
      { note: '\0' },
      [
        {
          loc: ['body', 'note'],
          msg: 'Text must have no NUL character and no half of a surrogate pair: remove it.',
          type: 'value_error',
        },
      ],
    ],
    [
      'an unknown key',
      { patch: [] },
      [
        {
          loc: ['body', 'patch'],
          msg: 'This key is not known here: leave it out.',
          type: 'extra_forbidden',
        },
      ],
    ],
  ];
  test.each(cases)('%s → 422', async (_case, change, problems) => {
    const body = Object.keys(change).length === 0 ? {} : { ...valid(), ...change };
    expect(said(await api.post(VERSIONS, { as: ann, body }))).toEqual(invalidInput(...problems));
    expect(await versionCount(review)).toBe(1);
  });

  test.each([
    [
      'an integer beyond 2^53',
      '{"a":[1,9007199254740993]}',
      ['a', 1],
      'Is 9007199254740992, beyond ±(2^53−1), where integers lose digits; send it as a string.',
    ],
    ['a number that overflows', '{"a":1e999}', ['a'], 'Is Infinity; JSON has finite numbers only.'],
    [
      'half a surrogate pair',
      '{"a":{"b":"\\ud800"}}',
      ['a', 'b'],
      'Has a lone surrogate, which no UTF-8 text can hold.',
    ],
  ])('a snapshot with %s → 422', async (_case, snapshot, path, msg) => {
    const raw = `{"review_id":"${review.id}","parent_id":"${review.seedId}","snapshot":${snapshot}}`;
    expect(said(await api.post(VERSIONS, { as: ann, raw }))).toEqual(
      invalidInput({ loc: ['body', 'snapshot', ...path], msg, type: 'value_error' }),
    );
    expect(await versionCount(review)).toBe(1);
  });

  test('a hundred thousand brackets → 422', async () => {
    const nested = '['.repeat(100_000) + ']'.repeat(100_000);
    const raw = `{"review_id":"${review.id}","parent_id":"${review.seedId}","snapshot":{"a":${nested}}}`;
    const reply = await api.post(VERSIONS, { as: ann, raw });
    expect(reply.status).toBe(422);
    expect(valueAt(reply.body, 'detail', 0, 'msg')).toBe(
      'Nests deeper than the 100 levels accepted.',
    );
  });

  test('a snapshot of 9 MiB → 413 snapshot_too_large, nothing written', async () => {
    const reply = await create(review, { text: 'x'.repeat(9 * 1024 * 1024) });
    expect(said(reply)).toEqual(
      domainError(
        413,
        'snapshot_too_large',
        'snapshot takes 9437195 bytes as canonical JSON, and at most 8388608 are accepted: make it smaller, or refer to large content by a link.',
        { max_bytes: 8_388_608 },
      ),
    );
    expect(await versionCount(review)).toBe(1);
  });

  test('a body of 20 MiB → 413 snapshot_too_large, nothing written', async () => {
    const reply = await create(review, { text: 'x'.repeat(20 * 1024 * 1024) });
    expect(said(reply)).toEqual(
      domainError(
        413,
        'snapshot_too_large',
        'The body takes more than the 16842752 bytes accepted here: one snapshot may take 8388608 bytes as canonical JSON. Make it smaller, or refer to large content by a link.',
        { max_bytes: 16_842_752 },
      ),
    );
    expect(await versionCount(review)).toBe(1);
  });

  test('a snapshot of just under 8 MiB is fine, however wide it is written', async () => {
    const large = await api.openReview();
    const snapshot = { text: 'ä'.repeat(4 * 1024 * 1024 - 8) };
    const raw = JSON.stringify({
      review_id: large.id,
      parent_id: large.seedId,
      snapshot,
    }).replaceAll(/ä/g, 'ä');
    const reply = await api.post(VERSIONS, { as: ann, raw });
    expect(reply.status).toBe(201);
  });

  test('keys that JavaScript treats in a special way survive', async () => {
    const other = await api.openReview();
    const snapshot = '{"__proto__":{"a":1},"constructor":null,"toString":"x"}';
    const raw = `{"review_id":"${other.id}","parent_id":"${other.seedId}","snapshot":${snapshot}}`;
    const reply = await api.post(VERSIONS, { as: ann, raw });
    expect(reply.status).toBe(201);
    const stored = await api.db
      .selectFrom('version')
      .select('snapshot')
      .where('id', '=', textAt(reply.body, 'id'))
      .executeTakeFirstOrThrow();
    expect(stored.snapshot).toBe(snapshot);
  });

  test('a NUL character inside a snapshot survives', async () => {
    const other = await api.openReview();
    const reply = await create(other, { text: 'a\0b' });
    expect([reply.status, valueAt(reply.body, 'snapshot')]).toEqual([201, { text: 'a\0b' }]);
  });
});

describe('the order of checks', () => {
  test('an unknown review → 404 review_not_found, before the parent', async () => {
    const body = { review_id: UNKNOWN_REVIEW, parent_id: 'nonsense', snapshot: {} };
    expect(said(await api.post(VERSIONS, { as: ann, body }))).toEqual(
      domainError(
        404,
        'review_not_found',
        `There is no review '${UNKNOWN_REVIEW}' in this project: check the id, or list what there is.`,
      ),
    );
  });

  test.each([UNKNOWN_VERSION, 'nonsense', ''])(
    'a parent that names no version of this review (%j) → 404 version_not_found',
    async (parentId) => {
      const review = await api.openReview({ review: { groups: ['legal'] } });
      expect(said(await create(review, { a: 1 }, { parent_id: parentId }))).toEqual(
        domainError(
          404,
          'version_not_found',
          `Version '${parentId}' does not belong to review '${review.id}': list its versions and name one of them.`,
        ),
      );
    },
  );

  test("another review's version as parent → 404", async () => {
    const review = await api.openReview();
    const other = await api.openReview();
    const reply = await create(review, { a: 1 }, { parent_id: other.seedId });
    expect(valueAt(reply.body, 'detail', 'code')).toBe('version_not_found');
  });

  test('eligibility comes before the state of the review', async () => {
    const review = await api.openReview({ review: { groups: ['legal'] } });
    await api.post(`/v1/workflows/runs/${review.runId}/cancel`);
    expect(said(await create(review, { a: 1 }))).toEqual(
      domainError(
        403,
        'not_eligible',
        "'u_ann' may not decide this review: it needs a member of legal.",
      ),
    );
  });
});

describe('who may', () => {
  test('an admin may, outside every entry', async () => {
    const review = await api.openReview({ owner: ann, review: { groups: ['legal'] } });
    expect((await create(review, { a: 1 }, {}, api.admin)).status).toBe(201);
  });

  test('the owner may not', async () => {
    const review = await api.openReview({ owner: ann });
    expect((await create(review, { a: 1 })).status).toBe(403);
  });

  test('a service may not', async () => {
    const review = await api.openReview();
    const robot = await api.service('robot', 'admin');
    const reply = await create(review, { a: 1 }, {}, robot);
    expect([reply.status, valueAt(reply.body, 'detail', 'code')]).toEqual([403, 'not_eligible']);
  });

  test('nobody may where the gate takes no corrections', async () => {
    const review = await api.openReview({ review: { corrections: 'none' } });
    expect(said(await create(review, { a: 1 }))).toEqual(
      domainError(
        403,
        'not_eligible',
        `The gate of review '${review.id}' takes no corrections: approve or reject the version that is there.`,
      ),
    );
  });
});

describe('snapshots by type', () => {
  const classifier: OpenReview = {
    block: { type: 'classifier', categories: ['invoice', 'receipt'] },
    snapshot: { category: 'receipt' },
  };
  const split: OpenReview = {
    block: { type: 'split' },
    snapshot: { documents: [{ name: 'a', pages: [1] }] },
  };
  const overlapping: OpenReview = { ...split, block: { type: 'split', allow_overlap: true } };
  const freeClassifier: OpenReview = { ...classifier, block: { type: 'classifier' } };
  const ofInput: OpenReview = {
    ...classifier,
    review: { placement: 'input', corrections: 'entries' },
    snapshot: { document: 'text' },
  };

  test.each([
    ['extract', {}, {}],
    ['extract, anything inside', {}, { a: [null, { b: false }] }],
    ['task', { block: { type: 'task' }, snapshot: {} }, { a: 1 }],
    ['classifier', classifier, { category: 'invoice' }],
    ['classifier without declared categories', freeClassifier, { category: 'whatever' }],
    ['split', split, { documents: [{ name: 'b', pages: [1, 2, 9] }] }],
    ['split with partitions', split, { documents: [{ name: 'b', pages: [1], partitions: [] }] }],
    [
      'split that allows overlap',
      overlapping,
      {
        documents: [
          { name: 'a', pages: [1, 2] },
          { name: 'b', pages: [2] },
        ],
      },
    ],
    ["a classifier's input: any object", ofInput, { document: 'other text' }],
  ])('%s: fine', async (_case, about: OpenReview, snapshot) => {
    const review = await api.openReview(about);
    const reply = await create(review, snapshot);
    expect(reply.status, JSON.stringify(reply.body)).toBe(201);
  });

  test.each([
    ['classifier: no category', classifier, {}, ['category']],
    ['classifier: another key', classifier, { category: 'invoice', why: 'x' }, ['why']],
    ['classifier: an undeclared category', classifier, { category: 'order' }, ['category']],
    ['classifier: an empty category', freeClassifier, { category: '' }, ['category']],
    ['split: no documents', split, {}, ['documents']],
    ['split: another key', split, { documents: [], x: 1 }, ['x']],
    ['split: no name', split, { documents: [{ pages: [1] }] }, ['documents', 0, 'name']],
    [
      'split: page 0',
      split,
      { documents: [{ name: 'a', pages: [0] }] },
      ['documents', 0, 'pages', 0],
    ],
    [
      'split: pages not ascending',
      split,
      { documents: [{ name: 'a', pages: [2, 1] }] },
      ['documents', 0, 'pages', 1],
    ],
    [
      'split: a page twice',
      split,
      { documents: [{ name: 'a', pages: [2, 2] }] },
      ['documents', 0, 'pages', 1],
    ],
    [
      'split: no whole number',
      split,
      { documents: [{ name: 'a', pages: [1.5] }] },
      ['documents', 0, 'pages', 0],
    ],
    [
      'split: overlap',
      split,
      {
        documents: [
          { name: 'a', pages: [1] },
          { name: 'b', pages: [1] },
        ],
      },
      ['documents', 1, 'pages', 0],
    ],
  ])('%s → 422', async (_case, about: OpenReview, snapshot, path) => {
    const review = await api.openReview(about);
    const reply = await create(review, snapshot);
    expect(said(reply)).toEqual(
      invalidInput({
        loc: ['body', 'snapshot', ...path],
        msg: textAt(reply.body, 'detail', 0, 'msg'),
        type: 'value_error',
      }),
    );
    expect(await versionCount(review)).toBe(1);
  });
});

describe('snapshots of a for_each', () => {
  /** Its gates cannot be declared yet, and their reviews are shaped like any other. */
  const openForEach = async (allowOverlap = false): Promise<OpenedReview> => {
    const review = await api.openReview(allowOverlap ? overlapping : split);
    await api.db
      .updateTable('review')
      .set({ blockType: 'for_each' })
      .where('id', '=', review.id)
      .execute();
    return review;
  };
  const split: OpenReview = {
    block: { type: 'split' },
    snapshot: { documents: [{ name: 'a', pages: [1] }] },
  };
  const overlapping: OpenReview = { ...split, block: { type: 'split', allow_overlap: true } };
  const part = (key: string, ...pages: readonly number[]) => ({ key, pages });

  test.each([
    ['partitions', { partitions: [part('a', 1, 2), part('b', 3)] }],
    ['pages that nobody has', { partitions: [part('a', 1)], unassigned_pages: [2, 3] }],
    ['no partition at all', { partitions: [] }],
  ])('%s: fine', async (_case, snapshot) => {
    expect((await create(await openForEach(), snapshot)).status).toBe(201);
  });

  test('a page in two partitions is fine where the block allows overlap', async () => {
    const snapshot = { partitions: [part('a', 1), part('b', 1)] };
    expect((await create(await openForEach(true), snapshot)).status).toBe(201);
    expect((await create(await openForEach(), snapshot)).status).toBe(422);
  });

  test.each([
    ['no partitions', {}, ['partitions']],
    ['another key', { partitions: [], documents: [] }, ['documents']],
    [
      'a name in place of a key',
      { partitions: [{ name: 'a', pages: [1] }] },
      ['partitions', 0, 'name'],
    ],
    ['pages not ascending', { partitions: [part('a', 2, 1)] }, ['partitions', 0, 'pages', 1]],
    [
      'unassigned pages that are no list',
      { partitions: [], unassigned_pages: 3 },
      ['unassigned_pages'],
    ],
  ])('%s → 422', async (_case, snapshot, path) => {
    const reply = await create(await openForEach(), snapshot);
    expect([reply.status, valueAt(reply.body, 'detail', 0, 'loc')]).toEqual([
      422,
      ['body', 'snapshot', ...path],
    ]);
  });
});

describe('acknowledge_superseded', () => {
  test('creating under a parent discards the other leaves only when they are acknowledged', async () => {
    const review = await api.openReview({ review: { acknowledge_superseded: true } });
    const first = textAt((await create(review, { a: 1 })).body, 'id');
    expect(said(await create(review, { a: 2 }))).toEqual(
      domainError(
        409,
        'superseded_versions',
        `This would discard versions that nobody built on: re-send this request with acknowledged_superseded_version_ids=[${first}]`,
        { version_ids: [first] },
      ),
    );
    const more = { acknowledged_superseded_version_ids: [first] };
    const second = await create(review, { a: 2 }, more);
    expect(second.status).toBe(201);
    const third = await create(review, { a: 3 }, { parent_id: first });
    expect(valueAt(third.body, 'detail', 'details')).toEqual({
      version_ids: [textAt(second.body, 'id')],
    });
  });

  test('the message lists several ids as the contract writes them', async () => {
    const review = await api.openReview({ review: { acknowledge_superseded: true } });
    const first = textAt((await create(review, { a: 1 })).body, 'id');
    const more = { acknowledged_superseded_version_ids: [first] };
    const second = textAt((await create(review, { a: 2 }, more)).body, 'id');
    const reply = await create(review, { a: 3 });
    expect(textAt(reply.body, 'detail', 'message')).toMatch(
      new RegExp(
        `re-send this request with acknowledged_superseded_version_ids=\\[${first}, ${second}\\]$`,
      ),
    );
  });
});

describe('listing', () => {
  test('needs review_id → 422 without, 404 when unknown', async () => {
    expect(said(await api.get(VERSIONS))).toEqual(
      invalidInput({
        loc: ['query', 'review_id'],
        msg: 'This is required: send it.',
        type: 'missing',
      }),
    );
    const unknown = await api.get(`${VERSIONS}?review_id=${UNKNOWN_REVIEW}`);
    expect([unknown.status, valueAt(unknown.body, 'detail', 'code')]).toEqual([
      404,
      'review_not_found',
    ]);
  });

  test('by (created_at, id) ascending, with cursors that are version ids of this review', async () => {
    const review = await api.openReview();
    const ids = [review.seedId];
    for (const a of [1, 2, 3]) {
      ids.push(textAt((await create(review, { a })).body, 'id'));
    }
    const path = `${VERSIONS}?review_id=${review.id}`;
    expect(textsAt((await api.get(path)).body, 'id')).toEqual(ids);
    expect(textsAt((await api.get(`${path}&order=desc`)).body, 'id')).toEqual(ids.toReversed());
    const page = await api.get(`${path}&limit=2&after=${ids[0]}`);
    expect(textsAt(page.body, 'id')).toEqual(ids.slice(1, 3));
    expect(valueAt(page.body, 'list_metadata')).toEqual({ before: ids[1], after: ids[2] });
    const other = await api.openReview();
    expect(said(await api.get(`${path}&after=${other.seedId}`))).toMatchObject({ status: 422 });
    expect(said(await api.get(`${path}&limit=201`))).toMatchObject({ status: 422 });
  });

  test('the seed is the only version without a parent', async () => {
    const review = await api.openReview();
    await create(review, { a: 1 });
    const { body } = await api.get(`${VERSIONS}?review_id=${review.id}`);
    expect(valueAt(body, 'data', 0)).toMatchObject({
      id: review.seedId,
      parent_id: null,
      origin: 'model_output',
      author: { kind: 'agent', id: 'u_admin' },
    });
    expect(valueAt(body, 'data', 1, 'parent_id')).toBe(review.seedId);
  });
});

test('an unknown version → 404 version_not_found', async () => {
  expect(said(await api.get(`${VERSIONS}/${UNKNOWN_VERSION}`))).toEqual(
    domainError(
      404,
      'version_not_found',
      `There is no version '${UNKNOWN_VERSION}' in this project: check the id, or list what there is.`,
    ),
  );
});

test.each(['PUT', 'DELETE', 'PATCH'])(
  '%s of a version → 405: they are immutable',
  async (method) => {
    const review = await api.openReview();
    expect((await api.send(method, `${VERSIONS}/${review.seedId}`)).status).toBe(405);
  },
);
