import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Caller, startApi, type TestApi } from '../support/api.js';
import { countersign, type Printed } from './countersign.js';

vi.setConfig({ testTimeout: 120_000 });

let api: TestApi;
let author: Caller;
let folder: string;

beforeAll(async () => {
  api = await startApi();
  author = await api.person('u_author', { roles: ['author'] });
  await api.person('u_ann', { groups: ['finance', 'legal'] });
  await api.person('u_ben', { groups: ['finance'] });
  folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await api.stop();
});

const PAY = { id: 'pay', type: 'task', executor: { kind: 'supplied' } };

async function check(
  definition: object,
  args: readonly string[] = [],
  as: Caller | null = author,
): Promise<Printed> {
  await writeFile(join(folder, 'wf.json'), JSON.stringify(definition));
  const env = as === null ? {} : { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: as.token };
  return await countersign(['workflow', 'check', 'wf.json', ...args], {
    env: { ...env, COUNTERSIGN_HOME: join(folder, 'none') },
    cwd: folder,
  });
}

function gated(review: object): object {
  return { id: 'payments', blocks: [{ ...PAY, review }] };
}

describe('workflow check', () => {
  test('says in plain words what a gate asks for, and who could give it', async () => {
    const printed = await check(
      gated({
        name: 'Payment',
        when: 'input.amount > 100.0',
        placement: 'input',
        groups: [{ group: 'finance', required: 2 }],
        reviewers: [
          { id: 'u_ann', mandatory: true },
          { id: 'u_gone', mandatory: false },
        ],
        one_person_one_entry: true,
        release: 'manual',
        force_approval_groups: ['legal'],
        due_in: '2d',
      }),
    );
    expect(printed.code).toBe(0);
    expect(printed.stdout.replaceAll(/wfv_\w+/g, 'wfv_…')).toBe(
      `Workflow payments can be stored. It would be wfv_….

pay on its input, before it runs
  name          Payment
  opens         when input.amount > 100.0
  must approve  a member of finance (2 of them), reviewer u_ann
  welcome       reviewer u_gone
  rules         the owner of the run approves only as an admin; one person fills one entry; nobody corrects; legal may force an approval
  then          approved, it waits until its owner releases it; rejected, the run is cancelled
  due           2d after it opened

  ENTRY                   COULD BE GIVEN TODAY BY
  group:finance#1         Name of u_ann (u_ann), Name of u_ben (u_ben)
  group:finance#2         Name of u_ann (u_ann), Name of u_ben (u_ben)
  user:u_ann              Name of u_ann (u_ann)
  user:u_gone (optional)  nobody there is today
  by force                Name of u_ann (u_ann)
  Today’s people cannot satisfy it, even if all of them approve.
`,
    );
    expect(printed.stderr).toMatch(/^warning: body\.blocks\.0\.review: with the people there are/);
    expect((await api.get('/v1/workflows/payments')).status).toBe(404);
  });

  test.each<[string, object, string, string]>([
    [
      'may approve, and not as the owner',
      { groups: ['finance'] },
      'u_ann',
      'Name of u_ann can give group:finance#1. The owner rule stops them on a run of their own. A run of theirs can get through.',
    ],
    [
      'is the only one who could approve',
      { groups: ['legal'] },
      'u_ann',
      'Name of u_ann can give group:legal#1. The owner rule stops them on a run of their own. A run of theirs could not get through: nobody else can give what is needed.',
    ],
    [
      'is an admin, and may as the owner',
      {},
      'u_admin',
      'Name of u_admin can give anyone. The same holds for a run of their own. A run of theirs can get through.',
    ],
    [
      'has nothing to say',
      { groups: ['finance'] },
      'u_author',
      'Name of u_author can give none of these. A run of theirs can get through.',
    ],
  ])('--as tells of a person who %s', async (_what, review, user, sentence) => {
    const printed = await check(gated(review), ['--as', user]);
    expect(printed.code).toBe(0);
    expect(printed.stdout).toContain(`\n  ${sentence}\n`);
  });

  test('tells of every gate, of any some of the groups, and of what would be weaker', async () => {
    const blocks = [
      { ...PAY, review: { groups: ['finance', 'legal'], self_approval: 'never' } },
      { ...PAY, id: 'book', review: { predicate: { kind: 'validation_failed' } }, json_schema: {} },
    ];
    await api.send('PUT', '/v1/workflows/two', { body: { blocks } });
    const same = await check({ id: 'two', blocks });
    expect(same.stdout).toMatch(/^Workflow two can be stored\. It is wfv_\w+, which new runs take/);
    const weaker = { ...PAY, review: { groups: ['finance', 'legal'], min_approvals: 1 } };
    const printed = await check({ id: 'two', blocks: [weaker, blocks[1]] });
    expect(printed.stderr).toBe(
      'weaker: the gate of pay would ask for less than now: 1 group approvals are enough, 2 were needed; owners who are admins may approve.\n',
    );
    expect(printed.stdout).toContain('any 1 of: a member of finance, a member of legal\n');
    expect(printed.stdout).toContain('\nbook on its output\n');
    expect(printed.stdout).toContain('when validation_failed\n');
  });

  test('lists what is wrong with its path, and asks no server for that', async () => {
    const wrong = { id: 'wrong', blocks: [{ ...PAY, review: { groups: ['a', 'a'] } }, PAY] };
    const printed = await check(wrong, [], null);
    expect(printed).toMatchObject({ code: 1, stdout: '' });
    expect(printed.stderr.split('\n')).toEqual([
      'error: wf.json cannot be stored; change this and check again:',
      expect.stringMatching(/^ {2}blocks\.0\.review\.groups\.1: /),
      expect.stringMatching(/^ {2}blocks\.1\.id: /),
      '',
    ]);
    const json = await check(wrong, ['--json'], null);
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: false,
      problems: [{ loc: ['body', 'blocks', 0, 'review', 'groups', 1] }, {}],
    });
  });

  test('can do without a server, and says what is not known then', async () => {
    const printed = await check(gated({ groups: ['finance'] }), ['--offline'], null);
    expect(printed.code).toBe(0);
    expect(printed.stdout).toContain('must approve  a member of finance\n');
    expect(printed.stdout).toContain('No server was asked');
    const without = await check(gated({}), [], null);
    expect(without.code).toBe(1);
    expect(without.stderr).toContain('No token');
    const both = await check(gated({}), ['--offline', '--as', 'u_ann'], null);
    expect(both.stderr).toContain('use --as without --offline');
  });

  test('is one document for programs', async () => {
    const printed = await check(gated({ groups: ['finance'] }), ['--as', 'u_ben', '--json']);
    expect(JSON.parse(printed.stdout)).toMatchObject({
      valid: true,
      id: 'payments',
      user: { id: 'u_ben' },
      gates: [{ block_id: 'pay', for_user: { can_fill: ['group:finance#1'] } }],
    });
    const nobody = await check(gated({}), ['--as', 'u_none']);
    expect(nobody.stderr).toContain("There is no user 'u_none'");
  });

  test('is for authors', async () => {
    const ann = await api.person('u_reader');
    expect((await check(gated({}), [], ann)).stderr).toContain("role 'author' or 'admin'");
  });
});
