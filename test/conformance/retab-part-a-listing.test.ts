import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  invalidInput,
  type OpenedReview,
  said,
  startApi,
  type TestApi,
  textsAt,
  valueAt,
} from '../support/api.js';

let api: TestApi;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann');
});
afterAll(() => api.stop());

const LIST = '/v1/workflows/reviews';

async function ids(query: string): Promise<readonly string[]> {
  const reply = await api.get(`${LIST}?${query}`);
  expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  return textsAt(reply.body, 'id');
}

describe('decision_status', () => {
  let pending: OpenedReview;
  let approved: OpenedReview;
  let rejected: OpenedReview;
  let withdrawn: OpenedReview;
  let cancelled: OpenedReview;
  let released: OpenedReview;

  beforeAll(async () => {
    const open = (review = {}): Promise<OpenedReview> =>
      api.openReview({ workflowId: 'wf_status', review });
    const held = { release: { after: '1h' } };
    [pending, approved, rejected] = [await open(), await open(held), await open()];
    [withdrawn, cancelled, released] = [await open(held), await open(), await open()];
    for (const { path, seedId } of [approved, withdrawn, released]) {
      await api.post(`${path}/approve`, { as: ann, body: { version_id: seedId } });
    }
    await api.post(`${rejected.path}/reject`, {
      as: ann,
      body: { version_id: rejected.seedId, reason: 'no' },
    });
    await api.post(`${withdrawn.path}/withdraw`, { body: { reason: 'too early' } });
    await api.post(`/v1/workflows/runs/${cancelled.runId}/cancel`);
  });

  test.each([
    ['by default', '', () => [pending]],
    ['pending', 'pending', () => [pending]],
    ['approved', 'approved', () => [approved, released]],
    ['rejected', 'rejected', () => [rejected, withdrawn]],
    ['decided', 'decided', () => [approved, rejected, withdrawn, released]],
    ['cancelled', 'cancelled', () => [cancelled]],
    ['all', 'all', () => [pending, approved, rejected, withdrawn, cancelled, released]],
  ])('%s', async (_case, status, expected) => {
    const query = `workflow_id=wf_status${status === '' ? '' : `&decision_status=${status}`}`;
    expect(await ids(query)).toEqual(expected().map(({ id }) => id));
  });

  test('anything else → 422', async () => {
    expect(said(await api.get(`${LIST}?decision_status=open`))).toEqual(
      invalidInput({
        loc: ['query', 'decision_status'],
        msg: "Expected one of 'pending', 'approved', 'rejected', 'decided', 'cancelled', 'all'.",
        type: 'enum',
      }),
    );
  });
});

describe('filters', () => {
  let one: OpenedReview;
  let other: OpenedReview;
  beforeAll(async () => {
    one = await api.openReview({ workflowId: 'wf_filter_a', block: { id: 'totals' } });
    other = await api.openReview({ workflowId: 'wf_filter_b', block: { id: 'totals' } });
    await api.db
      .updateTable('review')
      .set({ iterationKey: '7', parentStepId: `${one.runId}_pages` })
      .where('id', '=', one.id)
      .execute();
  });

  test.each([
    ['workflow_id', () => 'workflow_id=wf_filter_a', () => [one]],
    ['run_id', () => `run_id=${one.runId}`, () => [one]],
    ['block_id', () => 'block_id=totals', () => [one, other]],
    ['step_id', () => `step_id=${other.stepId}`, () => [other]],
    ['iteration_key', () => 'iteration_key=7', () => [one]],
    ['two of them, with AND', () => 'block_id=totals&workflow_id=wf_filter_b', () => [other]],
    ['two that nothing meets', () => `run_id=${one.runId}&step_id=${other.stepId}`, () => []],
    ['part of a value, which is no match', () => 'workflow_id=wf_filter', () => []],
  ])('%s', async (_case, query, expected) => {
    expect(await ids(query())).toEqual(expected().map(({ id }) => id));
  });
});

describe('pages', () => {
  const all: string[] = [];
  beforeAll(async () => {
    for (let count = 0; count < 5; count += 1) {
      all.push((await api.openReview({ workflowId: 'wf_pages' })).id);
    }
    // The same moment for three of them: then the id decides.
    await sql`update review set created_at = '2026-05-13T08:14:02.341Z'
               where id in (${sql.join(all.slice(1, 4))})`.execute(api.db);
    await sql`update review set created_at = '2026-05-13T08:14:01Z' where id = ${all[0]}`.execute(
      api.db,
    );
    const tied = all.slice(1, 4).toSorted();
    all.splice(1, 3, ...tied);
  });

  const page = async (query: string): Promise<unknown> => {
    const { body } = await api.get(`${LIST}?workflow_id=wf_pages&${query}`);
    return { ids: textsAt(body, 'id'), ...Object(valueAt(body, 'list_metadata')) };
  };

  test('order asc by (created_at, id), and desc the other way round', async () => {
    expect(await ids('workflow_id=wf_pages')).toEqual(all);
    expect(await ids('workflow_id=wf_pages&order=asc')).toEqual(all);
    expect(await ids('workflow_id=wf_pages&order=desc')).toEqual(all.toReversed());
  });

  test.each([
    ['the first page', '', [0, 2], false, true],
    ['a page in the middle', 'after=1', [2, 4], true, true],
    ['the last page', 'after=3', [4, 5], true, false],
    ['what comes after the last row', 'after=4', [5, 5], false, false],
    ['the page before a row', 'before=3', [1, 3], true, true],
    ['the page before the second row', 'before=1', [0, 1], false, true],
  ])('%s', async (_case, cursor, [from, to], hasBefore, hasAfter) => {
    const query = cursor.replace(/\d/, (index) => all[Number(index)] ?? '');
    const expected = all.slice(from, to);
    expect(await page(`limit=2&${query}`)).toEqual({
      ids: expected,
      before: hasBefore ? expected[0] : null,
      after: hasAfter ? expected.at(-1) : null,
    });
  });

  test('asking for the next page with the same parameters plus after walks the whole list', async () => {
    for (const order of ['asc', 'desc']) {
      const seen: string[] = [];
      let after: unknown = undefined;
      for (let pages = 0; after !== null && pages < 10; pages += 1) {
        const cursor = typeof after === 'string' ? `&after=${after}` : '';
        const { body } = await api.get(
          `${LIST}?workflow_id=wf_pages&order=${order}&limit=2${cursor}`,
        );
        seen.push(...textsAt(body, 'id'));
        after = valueAt(body, 'list_metadata', 'after');
      }
      expect(seen).toEqual(order === 'asc' ? all : all.toReversed());
    }
  });

  test('an empty list has both cursors, null', async () => {
    expect((await api.get(`${LIST}?workflow_id=wf_none`)).body).toEqual({
      data: [],
      list_metadata: { before: null, after: null },
    });
  });

  test('a whole list on one page has both cursors, null', async () => {
    expect(await page('limit=5')).toEqual({ ids: all, before: null, after: null });
  });

  test('both cursors at once → 422', async () => {
    expect(said(await api.get(`${LIST}?before=${all[0]}&after=${all[1]}`))).toEqual(
      invalidInput({
        loc: ['query', 'before'],
        msg: 'Send either `before` or `after`, not both.',
        type: 'value_error',
      }),
    );
  });

  test.each(['before', 'after'])('an unknown id in %s → 422', async (name) => {
    for (const id of ['rev_nope', '', all[0]?.slice(0, -1)]) {
      expect(said(await api.get(`${LIST}?${name}=${id}`))).toEqual(
        invalidInput({
          loc: ['query', name],
          msg: `'${name}' names no row of this list: take the id from list_metadata of a page.`,
          type: 'value_error',
        }),
      );
    }
  });

  const limit = (msg: string, type: string) => invalidInput({ loc: ['query', 'limit'], msg, type });
  const notWhole = limit('Expected a whole number from 1 to 200.', 'int_parsing');
  test.each([
    ['0', limit('Expected at least 1.', 'greater_than_equal')],
    ['-1', limit('Expected at least 1.', 'greater_than_equal')],
    ['201', limit('Expected at most 200.', 'less_than_equal')],
    ['ten', notWhole],
    ['', notWhole],
    ['1.5', notWhole],
    ['1e2', notWhole],
    ['0x10', notWhole],
    ['99999999999', notWhole],
  ])('limit %j → 422', async (value, expected) => {
    expect(said(await api.get(`${LIST}?limit=${value}`))).toEqual(expected);
  });

  test('limit 1 and 200 are fine', async () => {
    expect(await ids('workflow_id=wf_pages&limit=1')).toEqual(all.slice(0, 1));
    expect(await ids('workflow_id=wf_pages&limit=200')).toEqual(all);
  });

  test('an unknown order → 422', async () => {
    expect(said(await api.get(`${LIST}?order=up`))).toEqual(
      invalidInput({
        loc: ['query', 'order'],
        msg: "Expected one of 'asc', 'desc'.",
        type: 'enum',
      }),
    );
  });

  test('several faults are told at once', async () => {
    const reply = await api.get(`${LIST}?limit=0&order=up`);
    expect(valueAt(reply.body, 'detail')).toHaveLength(2);
  });
});

test('the default limit is 50', async () => {
  const first = await api.openReview({ workflowId: 'wf_many' });
  await sql`
    with copies as (select generate_series(1, 59) as n),
    steps as (
      insert into step (id, project_id, run_id, workflow_id, block_id, block_type, position, iteration_key)
      select s.id || '_' || n, s.project_id, s.run_id, s.workflow_id, s.block_id, s.block_type, 0, n::text
        from step s, copies where s.id = ${first.stepId} returning id, iteration_key)
    insert into review (id, project_id, run_id, step_id, workflow_id, workflow_version_id, block_id,
      block_type, placement, gate, policy, triggered_by, because, newest_version_id, iteration_key)
    select 'rev_' || rpad(translate(lpad(steps.iteration_key, 2, '0'), '0123456789', 'ABCDEFGHIJ'), 26, 'A'),
      r.project_id, r.run_id, steps.id, r.workflow_id, r.workflow_version_id, r.block_id, r.block_type,
      r.placement, r.gate, r.policy, r.triggered_by, r.because, r.newest_version_id, steps.iteration_key
      from review r, steps where r.id = ${first.id}`.execute(api.db);
  expect(await ids('workflow_id=wf_many')).toHaveLength(50);
  expect(await ids('workflow_id=wf_many&limit=200')).toHaveLength(60);
});
