import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillableEntries, mayFillEntry } from '../../src/domain/decide.js';
import { foldReview } from '../../src/domain/review-state.js';
import type { Role } from '../../src/domain/people.js';
import {
  type Caller,
  domainError,
  invalidInput,
  type OpenedReview,
  said,
  startApi,
  type TestApi,
  textsAt,
  valueAt,
} from '../support/api.js';

type Reader = Caller & { readonly groups: readonly string[]; readonly roles: readonly Role[] };

let api: TestApi;
let readers: readonly Reader[];
let opened: readonly OpenedReview[];

const GATES: readonly Readonly<Record<string, unknown>>[] = [
  { name: 'Anyone may' },
  { name: 'Finance', groups: ['finance'] },
  { name: 'Two of legal', groups: [{ group: 'legal', required: 2 }] },
  { name: 'Both groups', groups: ['finance', 'legal'], self_approval: 'never' },
  { name: 'Named', reviewers: [{ id: 'u_ben', mandatory: true }] },
  {
    name: 'Named and welcome',
    groups: ['legal'],
    reviewers: [{ id: 'u_ann', mandatory: false }],
  },
  { name: '100%_sure \\ of it', self_approval: 'never' },
];

beforeAll(async () => {
  api = await startApi();
  const person = async (id: string, groups: string[], roles: Role[]): Promise<Reader> => ({
    ...(await api.person(id, { groups, roles })),
    groups,
    roles,
  });
  readers = [
    await person('u_ann', ['finance'], ['reviewer']),
    await person('u_ben', ['legal'], ['reviewer']),
    await person('u_cat', ['finance', 'legal'], ['reviewer']),
    await person('u_dan', ['finance'], ['reviewer', 'admin']),
    await person('u_eve', [], ['author']),
    await person('u_fay', [], ['reviewer']),
  ];
  const reviews: OpenedReview[] = [];
  for (const [index, review] of GATES.entries()) {
    for (const owner of [readers[index % 3], readers[3]]) {
      reviews.push(await api.openReview({ review, ...(owner === undefined ? {} : { owner }) }));
    }
  }
  opened = reviews;
});
afterAll(() => api.stop());

const reader = (id: string): Reader => {
  const found = readers.find((one) => one.id === id);
  if (found === undefined) {
    throw new Error(`nobody is called ${id}`);
  }
  return found;
};
const inbox = async (as: Caller, query: string): Promise<readonly string[]> => {
  const reply = await api.get(`/v1/inbox?limit=200&${query}`, { as });
  expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  return textsAt(reply.body, 'id');
};

describe('the views are what the rules say, row by row', () => {
  test.each(['u_ann', 'u_ben', 'u_cat', 'u_dan', 'u_eve', 'u_fay'])('for %s', async (id) => {
    const who = reader(id);
    const voter = { id, kind: 'person', groups: who.groups, roles: who.roles } as const;
    const fillable = opened.filter(({ row }) => {
      const state = foldReview(row.policy, []);
      return mayFillEntry({ ownerId: row.ownerId, state }, voter);
    });
    expect(await inbox(who, 'view=waiting')).toEqual(fillable.map((one) => one.id));
    expect(await inbox(who, 'view=open_to_me')).toEqual(
      (who.roles.includes('admin') ? opened : fillable).map((one) => one.id),
    );
    expect(await inbox(who, 'view=decided_by_me')).toEqual([]);
    expect(await inbox(who, 'view=all')).toEqual(opened.map((one) => one.id));
  });

  test('an item says which entries the reader may fill', async () => {
    const cat = reader('u_cat');
    const { body } = await api.get('/v1/inbox?limit=200&view=all', { as: cat });
    for (const [index, { row }] of opened.entries()) {
      const entries = fillableEntries(row.policy, { ...cat, kind: 'person' });
      expect(valueAt(body, 'data', index, 'can_fill'), row.gate.name ?? '').toEqual(
        row.ownerId === 'u_cat' ? [] : entries.map(({ key }) => key),
      );
    }
  });
});

describe('a vote', () => {
  test('takes the review from those that wait for the voter to those they decided', async () => {
    const [ann, ben] = [reader('u_ann'), reader('u_ben')];
    const review = await api.openReview({
      owner: reader('u_fay'),
      review: { groups: ['finance', 'legal'] },
    });
    expect(await inbox(ann, 'view=waiting')).toContain(review.id);
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    expect(await inbox(ann, 'view=waiting')).not.toContain(review.id);
    expect(await inbox(ann, 'view=open_to_me')).toContain(review.id);
    expect(await inbox(ann, 'view=decided_by_me')).toEqual([review.id]);
    expect(await inbox(ben, 'view=waiting')).toContain(review.id);
    expect(await inbox(ben, 'view=waiting&group=finance')).not.toContain(review.id);
    const { body } = await api.get('/v1/inbox?view=decided_by_me', { as: ann });
    expect(valueAt(body, 'data', 0)).toMatchObject({
      can_fill: [],
      my_vote: { verdict: 'approved', version_id: review.seedId, seq: 1 },
      resume_status: 'resumed',
    });
  });

  test('on a version that has been corrected since leaves the review waiting for the voter', async () => {
    const [ann, cat] = [reader('u_ann'), reader('u_cat')];
    const review = await api.openReview({
      owner: reader('u_fay'),
      review: { groups: ['finance', 'legal'] },
    });
    await api.post(`${review.path}/approve`, { as: ann, body: { version_id: review.seedId } });
    const corrected = await api.post('/v1/workflows/reviews/versions', {
      as: cat,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { total_amount: 7 } },
    });
    expect(corrected.status).toBe(201);
    expect(await inbox(ann, 'view=waiting')).toContain(review.id);
    expect(await inbox(ann, 'view=decided_by_me')).toContain(review.id);
  });
});

describe('what is due', () => {
  test('comes first with order=due, and says by when, on routes of our own alone', async () => {
    const ben = reader('u_ben');
    const open = (due_in?: string): Promise<OpenedReview> =>
      api.openReview({
        workflowId: 'due',
        review: due_in === undefined ? {} : { due_in },
      });
    const [never, late, soon, over] = [
      await open(),
      await open('3d'),
      await open('1h'),
      await open('0s'),
    ];
    const ids = (of: readonly OpenedReview[]): readonly string[] => of.map(({ id }) => id);
    const due = 'view=all&workflow_id=due';
    expect(await inbox(ben, due)).toEqual(ids([never, late, soon, over]));
    expect(await inbox(ben, `${due}&order=newest`)).toEqual(ids([over, soon, late, never]));
    expect(await inbox(ben, `${due}&order=due`)).toEqual(ids([over, soon, late, never]));
    expect(await inbox(ben, `${due}&order=due&after=${soon.id}`)).toEqual(ids([late, never]));
    expect(await inbox(ben, `${due}&order=due&before=${never.id}&limit=2`)).toEqual(
      ids([soon, late]),
    );
    expect(await inbox(ben, `${due}&overdue=true`)).toEqual(ids([over]));
    expect(await inbox(ben, `${due}&overdue=false`)).toHaveLength(4);
    const counts = await api.get('/v1/inbox/counts?workflow_id=due&overdue=true', { as: ben });
    expect(counts.body).toMatchObject({ waiting: 1, open_to_me: 1, decided_by_me: 0, all: 1 });

    const at = new Date(late.row.createdAt.getTime() + 3 * 86_400_000).toISOString();
    const { body } = await api.get(`/v1/inbox?${due}&order=due`, { as: ben });
    expect(valueAt(body, 'data', 2, 'due_at')).toBe(at);
    expect(valueAt(body, 'data', 3, 'due_at')).toBeNull();
    for (const path of ['context', 'explain']) {
      const read = await api.get(`${late.path}/${path}`, { as: ben });
      expect(valueAt(read.body, 'due_at')).toBe(at);
      expect(valueAt(read.body, 'gate', 'due_in')).toBe('3d');
    }
    // The forms of other contracts are theirs.
    const published = [late.path, '/v1/workflows/reviews?workflow_id=due', '/api/reviews'];
    for (const path of published) {
      const read = await api.get(path, { as: ben });
      expect(read.status).toBe(200);
      expect(JSON.stringify(read.body)).not.toContain('due_at');
    }
  });

  test.each(['order=soonest', 'overdue=perhaps'])('is asked for in one way: %s', async (query) => {
    expect((await api.get(`/v1/inbox?${query}`)).status).toBe(422);
  });
});

describe('a vote from a page', () => {
  test('is refused with 409 when a newer version has come meanwhile, and nothing is recorded', async () => {
    const [ann, cat] = [reader('u_ann'), reader('u_cat')];
    const review = await api.openReview({
      owner: reader('u_fay'),
      review: { groups: ['finance'] },
    });
    const corrected = await api.post('/v1/workflows/reviews/versions', {
      as: cat,
      body: { review_id: review.id, parent_id: review.seedId, snapshot: { total_amount: 8 } },
    });
    const newest = String(valueAt(corrected.body, 'id'));
    for (const [verb, more] of [
      ['approve', {}],
      ['reject', { reason: 'wrong' }],
    ] as const) {
      const reply = await api.post(`${review.path}/${verb}`, {
        as: ann,
        body: { version_id: review.seedId, if_newest: true, ...more },
      });
      expect(said(reply)).toEqual(
        domainError(
          409,
          'stale_version',
          `Version '${review.seedId}' is no longer the newest one, which is '${newest}': look at what changed, and vote again.`,
          { newest_version_id: newest },
        ),
      );
    }
    expect(textsAt((await api.get(`${review.path}/votes`)).body, 'id')).toEqual([]);
    const reply = await api.post(`${review.path}/approve`, {
      as: ann,
      body: { version_id: newest, if_newest: true },
    });
    expect(valueAt(reply.body, 'review', 'status')).toBe('APPROVED');
  });
});

describe('filters', () => {
  test.each([
    ['workflow_id=wf_1', 1],
    ['block_id=extract_invoice&status=PENDING&run_id=nothing', 0],
    ['group=legal', 6],
    ['search=two%20LEGAL', 2],
    ['search=100%25_sure', 2],
    ['search=100x_sure', 0],
    ['search=%5C%20of', 2],
    ['older_than=1ms', 14],
    ['older_than=1h', 0],
    ['status=REJECTED', 0],
  ])('%s', async (query, count) => {
    const ids = new Set(opened.map(({ id }) => id));
    const found = await inbox(api.admin, `view=all&${query}`);
    expect(found.filter((id) => ids.has(id))).toHaveLength(count);
  });

  test('a duration that is none is refused', async () => {
    expect(said(await api.get('/v1/inbox?older_than=soon'))).toEqual(
      invalidInput({
        loc: ['query', 'older_than'],
        msg: 'Expected a duration such as "30m", "24h" or "7d".',
        type: 'value_error',
      }),
    );
  });

  test('pages go on where the last one ended, in both orders', async () => {
    const seen: string[] = [];
    let after = '';
    do {
      const { body } = await api.get(`/v1/inbox?view=all&order=newest&limit=5${after}`);
      seen.push(...textsAt(body, 'id'));
      const next = valueAt(body, 'list_metadata', 'after');
      after = typeof next === 'string' ? `&after=${next}` : '';
    } while (after !== '');
    expect(seen).toEqual((await inbox(api.admin, 'view=all&order=oldest')).toReversed());
  });
});

describe('counts and facets', () => {
  test('counts are those of the views, under the same filters', async () => {
    const ben = reader('u_ben');
    const { body } = await api.get('/v1/inbox/counts?search=finance', { as: ben });
    const count = async (view: string): Promise<number> =>
      (await inbox(ben, `view=${view}&search=finance`)).length;
    expect(body).toEqual({
      waiting: await count('waiting'),
      open_to_me: await count('open_to_me'),
      decided_by_me: await count('decided_by_me'),
      all: await count('all'),
      capped_at: 10_000,
    });
  });

  test('facets count undecided reviews by workflow, block and group', async () => {
    const { body } = await api.get('/v1/inbox/facets');
    const pending = await inbox(api.admin, 'view=all&status=PENDING');
    const workflows = valueAt(body, 'workflows');
    const sum = Array.isArray(workflows)
      ? workflows.reduce((total: number, row: unknown) => total + Number(valueAt(row, 'count')), 0)
      : -1;
    expect(sum).toBe(pending.length);
    expect(valueAt(body, 'groups')).toEqual([
      {
        name: 'finance',
        count: (await inbox(api.admin, 'view=all&status=PENDING&group=finance')).length,
      },
      {
        name: 'legal',
        count: (await inbox(api.admin, 'view=all&status=PENDING&group=legal')).length,
      },
    ]);
  });
});

describe('the context of a review', () => {
  test('says what the reader may do, and in a sentence why not', async () => {
    const owner = reader('u_ann');
    const review = await api.openReview({
      owner,
      review: {
        when: 'output.total_amount > 10000.0 || output.vendor_name == "Acme Corp"',
        groups: ['finance'],
      },
    });
    const as = { as: owner };
    const { body } = await api.get(`${review.path}/context`, as);
    expect(body).toMatchObject({
      review: { id: review.id },
      gate: { groups: [{ group: 'finance', required: 1 }] },
      block: { id: 'extract_invoice', type: 'extract' },
      run: { id: review.runId, status: 'running', owner_name: 'Name of u_ann' },
      step: { id: review.stepId, status: 'awaiting_review', outcome_unknown: false, votes: null },
      my: {
        can_fill: [],
        vote: null,
        approve: {
          allowed: false,
          why_not:
            'You own this run, and only an owner who is an admin may approve it: ask another reviewer.',
        },
        release: { allowed: false },
      },
      resume: { status: 'skipped', error: null },
      release_at: null,
    });
    const forDan = await api.get(`${review.path}/context`, { as: reader('u_dan') });
    expect(valueAt(forDan.body, 'my')).toMatchObject({
      can_fill: ['group:finance#1'],
      approve: { allowed: true, why_not: null },
      reject: { allowed: true, why_not: null },
      correct: { allowed: true, why_not: null },
      withdraw: { allowed: false },
    });
  });

  test('marks the values that opened it', async () => {
    const review = await api.openReview({
      fired: {
        predicate: { kind: 'expression', expression: 'output.vendor_name == "Acme Corp"' },
      },
    });
    const { body } = await api.get(`${review.path}/context`);
    expect(valueAt(body, 'fired_paths')).toEqual(['vendor_name']);
  });

  test('says when an approval takes effect at last', async () => {
    const review = await api.openReview({ review: { release: { after: '1h' } } });
    await api.post(`${review.path}/approve`, { body: { version_id: review.seedId } });
    const { body } = await api.get(`${review.path}/context`);
    const decidedAt = Date.parse(String(valueAt(body, 'review', 'decision', 'decided_at')));
    expect(valueAt(body, 'release_at')).toBe(new Date(decidedAt + 3_600_000).toISOString());
    expect(valueAt(body, 'my', 'withdraw')).toEqual({ allowed: true, why_not: null });
  });

  test('leads to the neighbours that wait, too', async () => {
    const ann = reader('u_ann');
    const [first, second, third] = await inbox(ann, 'view=waiting&order=due');
    const { body } = await api.get(`/v1/workflows/reviews/${second}/context`, { as: ann });
    expect(valueAt(body, 'neighbours')).toEqual({ previous: first, next: third });
    const atTheEdge = await api.get(`/v1/workflows/reviews/${first}/context`, { as: ann });
    expect(valueAt(atTheEdge.body, 'neighbours')).toEqual({ previous: null, next: second });
  });
});

describe('operations', () => {
  test('tell what is owed, and what the doctor finds', async () => {
    const review = await api.openReview();
    api.delivery = 'finds Temporal away';
    await api.post(`${review.path}/approve`, { body: { version_id: review.seedId } });
    api.delivery = 'delivers';
    const { body } = await api.get('/v1/operations');
    expect(body).toMatchObject({
      owed: { failed: 0 },
      reconciler: { temporal: 'reachable', since: null },
      unknown_outcomes: [],
    });
    expect(valueAt(body, 'messages')).toContainEqual(
      expect.objectContaining({
        kind: 'signal',
        review_id: review.id,
        state: 'pending',
        last_error: 'Temporal does not answer',
      }),
    );
    api.findings = [
      { code: 'RUN_GONE', runId: 'run_x', reviewId: null, message: 'It is gone.', remedy: null },
    ];
    expect((await api.get('/v1/doctor')).body).toEqual({
      temporal_error: null,
      complete: true,
      findings: [
        {
          code: 'RUN_GONE',
          run_id: 'run_x',
          review_id: null,
          message: 'It is gone.',
          can_be_mended: false,
        },
      ],
    });
  });
});
