import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  domainError,
  invalidInput,
  said,
  startApi,
  type TestApi,
  textAt,
  textsAt,
  valueAt,
} from '../support/api.js';

let api: TestApi;
let author: Caller;

beforeAll(async () => {
  api = await startApi();
  author = await api.person('u_author', { roles: ['author'] });
  await api.person('u_fin', { groups: ['finance'] });
});
afterAll(() => api.stop());

const TAKE = { id: 'take', type: 'task', executor: { kind: 'supplied' } };
const put = (id: string, body: unknown, as = author) =>
  api.send('PUT', `/v1/workflows/${id}`, { as, body });

/** Stores a workflow of one gated block. */
const putGate = (id: string, review: object) => put(id, { blocks: [{ ...TAKE, review }] });

describe('storing', () => {
  test('new content is a new version, the same content the same one', async () => {
    const first = await put('wf_a', { name: 'A', blocks: [TAKE] });
    const id = textAt(first.body, 'version_id');
    expect(said(first)).toEqual({
      status: 200,
      body: { id: 'wf_a', version_id: id, version: 1, warnings: [] },
    });
    expect(id).toMatch(/^wfv_[A-Z2-7]{26}$/);
    expect((await put('wf_a', { blocks: [TAKE], name: 'A' })).body).toEqual(first.body);
    const second = await put('wf_a', { blocks: [{ ...TAKE, label: 'Take' }] });
    expect(second.body).toMatchObject({ version: 2 });
    expect((await put('wf_a', { name: 'A', blocks: [TAKE] })).body).toEqual(first.body);
    expect((await api.get('/v1/workflows/wf_a')).body).toMatchObject({ version_id: id });
  });

  test('many at once get versions of their own, without a gap', async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) => put('wf_race', { blocks: [{ ...TAKE, label: `${n}` }] })),
    );
    const versions = replies.map(({ body }) => Number(valueAt(body, 'version')));
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('review under config is accepted for review', async () => {
    const reply = await put('wf_config', {
      blocks: [{ ...TAKE, config: { review: { groups: ['finance'] } } }],
    });
    expect(reply.status).toBe(200);
    const { body } = await api.get('/v1/workflows/wf_config');
    expect(valueAt(body, 'blocks', 0, 'review', 'groups')).toEqual([
      { group: 'finance', required: 1 },
    ]);
  });

  test.each([
    ['no body', undefined, ['body'], 'missing', 'This is required: send it.'],
    ['a list', [], ['body'], 'dict_type', 'Expected a JSON object.'],
    ['no blocks', {}, ['body', 'blocks'], 'value_error', 'Expected a list, got nothing.'],
    [
      'no blocks in it',
      { blocks: [] },
      ['body', 'blocks'],
      'value_error',
      'Expected at least 1 item, got a list of 0 items.',
    ],
    [
      'an unknown key',
      { blocks: [TAKE], block: 1 },
      ['body', 'block'],
      'value_error',
      'Unknown key; accepted: "blocks", "name" or "metadata".',
    ],
    [
      'what is not supported yet',
      { blocks: [{ ...TAKE, review: { remind_every: '24h' } }] },
      ['body', 'blocks', 0, 'review', 'remind_every'],
      'value_error',
      'Remind_every is not supported yet.',
    ],
    [
      'a NUL character in a name',
      { blocks: [{ ...TAKE, review: { name: 'a\0b' } }] },
      ['body', 'blocks', 0, 'review', 'name'],
      'value_error',
      'Has a NUL character; remove it.',
    ],
  ])('%s → 422 with the path', async (_case, body, loc, type, msg) => {
    const reply = await api.send('PUT', '/v1/workflows/wf_bad', {
      as: author,
      ...(body === undefined ? {} : { body }),
    });
    expect(said(reply)).toEqual(invalidInput({ loc, msg, type }));
    expect((await api.get('/v1/workflows/wf_bad')).status).toBe(404);
  });

  test('an id that could not be a path → 422', async () => {
    const reply = await put('wf%20bad', { blocks: [TAKE] });
    expect(said(reply)).toEqual(
      invalidInput({
        loc: ['path', 'workflow_id'],
        msg: 'Expected 1 to 64 letters, digits, "_", "." or "-", the first a letter or a digit, got "wf bad".',
        type: 'value_error',
      }),
    );
  });

  test.each(['runs', 'reviews', 'steps'])('the id %s is a route → 405', async (id) => {
    expect((await put(id, { blocks: [TAKE] })).status).toBe(405);
  });

  test('a definition of more than 1 MiB → 422, a body of more than 4 MiB → 413', async () => {
    const wide = (length: number) => ({ blocks: [TAKE], metadata: { text: 'x'.repeat(length) } });
    expect((await put('wf_wide', wide(1_100_000))).status).toBe(422);
    expect(said(await put('wf_wide', wide(4_300_000)))).toEqual(
      domainError(
        413,
        'body_too_large',
        'The body takes more than the 4194304 bytes accepted here: send less.',
        { max_bytes: 4_194_304 },
      ),
    );
  });
});

describe('warnings', () => {
  const warning = (lacks: string) => ({
    loc: ['body', 'blocks', 0, 'review'],
    msg: `with the people there are today this gate cannot be satisfied: it lacks ${lacks}. Add them with PUT /v1/users/{id}`,
  });

  test.each([
    ['a gate that somebody can satisfy', { groups: ['finance'] }, []],
    ['anybody', {}, []],
    ['an empty group', { groups: ['finance', 'tax'] }, [warning('a member of tax')]],
    [
      'a group that is too small',
      { groups: [{ group: 'finance', required: 2 }] },
      [warning('a member of finance')],
    ],
    ['an unknown reviewer', { reviewers: [{ id: 'u_zoe' }] }, [warning('reviewer u_zoe')]],
    [
      'an optional reviewer who is unknown',
      { groups: ['finance'], reviewers: [{ id: 'u_zoe', mandatory: false }] },
      [],
    ],
    ['min_approvals that others can give', { groups: ['finance', 'tax'], min_approvals: 1 }, []],
    [
      'one person who would have to fill two entries',
      { groups: ['finance'], reviewers: [{ id: 'u_fin' }], one_person_one_entry: true },
      [warning('a member of finance')],
    ],
  ])('%s', async (_case, review, warnings) => {
    expect(valueAt((await putGate('wf_warn', review)).body, 'warnings')).toEqual(warnings);
  });

  test('of the definition itself stand with those about people', async () => {
    const review = { groups: ['tax'], predicate: { kind: 'confidence_lt', threshold: 0.5 } };
    const { body } = await putGate('wf_warn', review);
    expect(valueAt(body, 'warnings')).toHaveLength(2);
  });

  test('name a block by the place where its author wrote it', async () => {
    const { body } = await put('wf_order', {
      blocks: [
        { ...TAKE, needs: ['later'], review: { groups: ['tax'] } },
        { ...TAKE, id: 'later', needs: [] },
      ],
    });
    expect(valueAt(body, 'warnings', 0, 'loc')).toEqual(['body', 'blocks', 0, 'review']);
  });
});

describe('a gate that became weaker', () => {
  const strong = { groups: ['finance', { group: 'legal', required: 2 }], self_approval: 'never' };
  const weakenings = async (): Promise<unknown> => {
    const { body } = await api.get('/v1/audit?limit=500');
    const lines = valueAt(body, 'data');
    return Array.isArray(lines)
      ? lines.filter(
          (line: unknown) =>
            valueAt(line, 'action') === 'gate_weakened' &&
            valueAt(line, 'detail', 'workflow_id') === 'wf_weak',
        )
      : [];
  };

  test('is in the audit, with who did it and what changed', async () => {
    await putGate('wf_weak', strong);
    expect(await weakenings()).toEqual([]);
    const weaker = await putGate('wf_weak', { groups: ['finance', 'legal'] });
    expect(await weakenings()).toMatchObject([
      {
        actor_id: 'u_author',
        detail: {
          workflow_id: 'wf_weak',
          version_id: textAt(weaker.body, 'version_id'),
          block_id: 'take',
          changes: ['group:legal#2 is no longer required', 'owners who are admins may approve'],
        },
      },
    ]);
    await putGate('wf_weak', strong);
    await putGate('wf_weak', strong);
    expect(await weakenings()).toHaveLength(1);
    await put('wf_weak', { blocks: [TAKE] });
    expect(await weakenings()).toHaveLength(2);
  });
});

describe('reading', () => {
  test('a workflow with the definition as it is stored', async () => {
    const { body } = await putGate('wf_read', { name: 'Totals' });
    const reply = await api.get('/v1/workflows/wf_read');
    expect(reply.body).toMatchObject({
      id: 'wf_read',
      name: null,
      version_id: valueAt(body, 'version_id'),
      version: 1,
      metadata: null,
      blocks: [{ id: 'take', needs: [], review: { name: 'Totals', placement: 'output' } }],
    });
    const again = await put('wf_read', {
      blocks: valueAt(reply.body, 'blocks'),
      name: null,
      metadata: null,
    });
    expect(valueAt(again.body, 'version_id')).toBe(valueAt(body, 'version_id'));
  });

  test('all versions, oldest first, and which is current', async () => {
    await put('wf_history', { blocks: [TAKE] });
    await put('wf_history', { blocks: [{ ...TAKE, label: 'Two' }], name: 'Two' });
    await put('wf_history', { blocks: [TAKE] });
    const { body } = await api.get('/v1/workflows/wf_history/versions');
    expect(body).toMatchObject({
      data: [
        { version: 1, is_current: true, name: null, created_by: 'u_author' },
        { version: 2, is_current: false, name: 'Two', workflow_id: 'wf_history' },
      ],
      list_metadata: { before: null, after: null },
    });
  });

  test('the list of workflows, by id', async () => {
    const { body } = await api.get('/v1/workflows');
    const ids = textsAt(body, 'id');
    expect(ids).toEqual(ids.toSorted());
    expect(ids).toContain('wf_read');
  });

  test.each(['/v1/workflows/wf_nope', '/v1/workflows/wf_nope/versions'])(
    '%s → 404 workflow_not_found',
    async (path) => {
      expect(said(await api.get(path))).toEqual(
        domainError(
          404,
          'workflow_not_found',
          "There is no workflow 'wf_nope' in this project: check the id, or list what there is.",
        ),
      );
    },
  );
});

describe('checking', () => {
  const check = (id: string, body: unknown, query = '', as = author) =>
    api.post(`/v1/workflows/${id}/check${query}`, { as, body });
  const gate = (review: object) => ({ blocks: [{ ...TAKE, review }] });
  const fin = { id: 'u_fin', name: 'Name of u_fin' };
  const anybody = ['u_admin', 'u_fin'].map((id) => ({ id, name: `Name of ${id}` }));

  test('says what storing would come to, and stores nothing', async () => {
    const reply = await check('wf_checked', gate({ groups: ['finance', 'nobody'] }));
    expect(said(reply)).toEqual({
      status: 200,
      body: {
        id: 'wf_checked',
        version_id: textAt(reply.body, 'version_id'),
        is_current: false,
        warnings: [
          {
            loc: ['body', 'blocks', 0, 'review'],
            msg: 'with the people there are today this gate cannot be satisfied: it lacks a member of nobody. Add them with PUT /v1/users/{id}',
          },
        ],
        weakened: [],
        user: null,
        gates: [
          {
            block_id: 'take',
            satisfiable: false,
            entries: [
              {
                key: 'group:finance#1',
                kind: 'group',
                subject: 'finance',
                mandatory: true,
                could_fill: [fin],
              },
              {
                key: 'group:nobody#1',
                kind: 'group',
                subject: 'nobody',
                mandatory: true,
                could_fill: [],
              },
            ],
            could_force: [],
            for_user: null,
          },
        ],
      },
    });
    expect((await api.get('/v1/workflows/wf_checked')).status).toBe(404);
    const audit = await api.get('/v1/audit?limit=500');
    expect(JSON.stringify(audit.body)).not.toContain('wf_checked');
  });

  test('names the version that storing gives, and what a change would weaken', async () => {
    const first = await putGate('wf_same', { groups: ['finance'] });
    const same = await check('wf_same', gate({ groups: ['finance'] }));
    expect(same.body).toMatchObject({
      version_id: textAt(first.body, 'version_id'),
      is_current: true,
      weakened: [],
    });
    const weaker = await check('wf_same', gate({ reviewers: [{ id: 'u_fin' }] }));
    expect(weaker.body).toMatchObject({
      is_current: false,
      weakened: [{ block_id: 'take', changes: ['group:finance#1 is no longer required'] }],
    });
    const stored = await put('wf_same', gate({ reviewers: [{ id: 'u_fin' }] }));
    expect(valueAt(stored.body, 'version_id')).toBe(valueAt(weaker.body, 'version_id'));
  });

  test.each([
    ['a member of the group', { groups: ['finance'] }, 'u_fin', ['group:finance#1'], [], false],
    ['a stranger to it', { groups: ['finance'] }, 'u_author', [], [], true],
    ['a reviewer, where anybody may', {}, 'u_fin', ['anyone'], [], true],
    ['an admin, who may as the owner', {}, 'u_admin', ['anyone'], ['anyone'], true],
    ['an admin, who may not', { self_approval: 'never' }, 'u_admin', ['anyone'], [], true],
  ])('says what a gate means for %s', async (_who, review, user, canFill, asOwner, satisfiable) => {
    expect(await check('wf_as', gate(review), `?as=${user}`)).toMatchObject({
      body: {
        user: { id: user },
        gates: [
          {
            for_user: {
              can_fill: canFill,
              can_fill_as_owner: asOwner,
              satisfiable_as_owner: satisfiable,
            },
          },
        ],
      },
    });
  });

  test('a gate of two people who are one is not satisfiable for them both', async () => {
    const review = { groups: ['finance'], reviewers: [{ id: 'u_fin' }] };
    expect((await check('wf_one', gate(review))).body).toMatchObject({
      gates: [{ satisfiable: true }],
    });
    expect(
      (await check('wf_one', gate({ ...review, one_person_one_entry: true }))).body,
    ).toMatchObject({ gates: [{ satisfiable: false }] });
  });

  test('tells of gates in bodies, and warns of them where they stand', async () => {
    const inner = {
      ...TAKE,
      id: 'inner',
      executor: { kind: 'pass' },
      review: { groups: ['none'] },
    };
    const loop = { ...TAKE, id: 'loop', type: 'for_each', body: [inner] };
    const reply = await check('wf_body', { blocks: [TAKE, { ...loop, needs: ['take'] }] });
    expect(reply.body).toMatchObject({
      gates: [{ block_id: 'inner', satisfiable: false }],
      warnings: [{ loc: ['body', 'blocks', 1, 'body', 0, 'review'] }],
    });
  });

  test('lists who could fill the entry of a gate that declares none, and who could force one', async () => {
    const reply = await check('wf_any', gate({ force_approval_groups: ['finance'] }));
    expect(valueAt(reply.body, 'gates', 0)).toMatchObject({
      entries: [{ key: 'anyone', could_fill: anybody }],
      could_force: [fin],
    });
  });

  test('is refused like a definition that cannot be stored, and for a user who is not there', async () => {
    const wrong = { blocks: [{ ...TAKE, review: { groups: ['finance', 'finance'] } }] };
    const [checked, stored] = [await check('wf_wrong', wrong), await put('wf_wrong', wrong)];
    expect(checked.status).toBe(422);
    expect(said(checked)).toEqual(said(stored));
    const unknown = await check('wf_any', gate({}), '?as=u_nobody');
    expect(said(unknown)).toEqual(
      domainError(
        404,
        'user_not_found',
        "There is no user 'u_nobody' in this project: check the id, or list what there is.",
      ),
    );
  });
});
