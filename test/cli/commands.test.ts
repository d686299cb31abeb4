import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Caller, startApi, type TestApi, textAt, valueAt } from '../support/api.js';
import { until } from '../support/until.js';
import { scriptedServer } from '../client/scripted-server.js';
import {
  closeEarly,
  type CommandEnv,
  countersign,
  type Printed,
  startCommand,
} from './countersign.js';

// Every command is a process, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let api: TestApi;
let ann: Caller;
let folder: string;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await api.stop();
});

function envOf({ token }: Caller): CommandEnv {
  return { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: token };
}

/** Runs a command as somebody, by default as the admin. */
async function run(args: readonly string[], as: Caller = api.admin, input = ''): Promise<Printed> {
  return await countersign(args, { env: envOf(as), cwd: folder, input });
}

/** The one JSON document that a command printed. */
function documentOf({ stdout }: Printed): unknown {
  const value: unknown = JSON.parse(stdout);
  return value;
}

async function aFile(name: string, content: unknown): Promise<string> {
  await writeFile(
    join(folder, name),
    typeof content === 'string' ? content : JSON.stringify(content),
  );
  return name;
}

const TASK = { id: 'a', type: 'task', executor: { kind: 'supplied' } };

describe('workflow', () => {
  test('push stores what a file declares, and warns of a gate that nobody can pass', async () => {
    const blocks = [{ ...TASK, review: { groups: ['nobody'] } }];
    const file = await aFile(
      'gated.ts',
      `const blocks: object[] = ${JSON.stringify(blocks)}; export default { id: 'gated', blocks };`,
    );
    const pushed = await run(['workflow', 'push', file, '--json']);
    expect(pushed).toMatchObject({ code: 0 });
    expect(pushed.stderr).toMatch(/^warning: body\.blocks\.0\.review: .*a member of nobody/);
    expect(documentOf(pushed)).toMatchObject({ id: 'gated', version: 1 });
    const listed = await run(['workflow', 'list']);
    expect(listed.stdout).toContain(String(valueAt(documentOf(pushed), 'version_id')));
  });

  test('push lists what is wrong one a line, with its path', async () => {
    const file = await aFile('wrong.json', { id: 'wrong', blocks: [{ id: 'a', type: 'odd' }] });
    const refused = await run(['workflow', 'push', file]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr.split('\n')).toEqual([
      'error: The request is not valid; change these and try again:',
      expect.stringMatching(/^ {2}body\.blocks\.0\.type: /),
      expect.stringMatching(/^ {2}body\.blocks\.0\.executor: /),
      '',
    ]);
    const forPrograms = await run(['workflow', 'push', file, '--json']);
    expect(forPrograms.code).toBe(1);
    expect(documentOf(forPrograms)).toMatchObject({
      error: { code: 'invalid', status: 422, problems: [{ path: 'body.blocks.0.type' }, {}] },
    });
  });
});

describe('run', () => {
  beforeAll(async () => {
    await api.send('PUT', '/v1/workflows/tasks', { body: { blocks: [TASK] } });
  });

  test('start is the same run under the same command id', async () => {
    const args = ['run', 'start', 'tasks', '--input-file', '-', '--command-id', 'c-1', '--json'];
    const [first, second] = await Promise.all([
      run([...args, '--owner', 'u_ann'], api.admin, '{"a":{"n":1}}'),
      run([...args, '--owner', 'u_ann'], api.admin, '{"a":{"n":1}}'),
    ]);
    expect(documentOf(first)).toMatchObject({
      owner_id: 'u_ann',
      inputs: { json_data: { a: { n: 1 } } },
    });
    expect(valueAt(documentOf(first), 'id')).toBe(valueAt(documentOf(second), 'id'));
  });

  test('start --wait tells of every change, and ends with the run', async () => {
    const command = startCommand(['run', 'start', 'tasks', '--input', '{"a":1}', '--wait'], {
      env: envOf(api.admin),
    });
    const told = await until('the command to wait', () => /^pending$/m.exec(command.stderr()));
    const id = /Run (run_\w+) of tasks/.exec(told.input)?.[1] ?? '';
    await api.progress.begin(id);
    await until('the command to see it', () => /^running$/m.exec(command.stderr()));
    await api.progress.complete(id, 'a');
    await api.progress.end(id, { kind: 'completed' });
    expect(await command.done).toMatchObject({
      code: 0,
      stdout: `Run ${id} has ended: completed.\n`,
    });
  });

  test('start --wait fails where the run does, and says why', async () => {
    const command = startCommand(['run', 'start', 'tasks', '--wait', '--json'], {
      env: envOf(api.admin),
    });
    const told = await until('the command to wait', () => /Run (run_\w+)/.exec(command.stderr()));
    const cancelled = await run(['run', 'cancel', told[1] ?? '', '--reason', 'not needed']);
    expect(cancelled.stdout).toMatch(/is cancelled|has ended: cancelled/);
    const printed = await command.done;
    expect(printed.code).toBe(1);
    expect(printed.stderr).toMatch(/error: Run run_\w+ has ended: cancelled: not needed\.\n$/);
    expect(documentOf(printed)).toMatchObject({
      lifecycle: { status: 'cancelled', reason: 'not needed' },
    });
  });

  test('start names the command id when nobody answers, for the next try', async () => {
    const { url } = await scriptedServer({ status: 302, headers: { location: 'https://x' } });
    const env = { ...envOf(api.admin), COUNTERSIGN_URL: url };
    const printed = await countersign(['run', 'start', 'tasks'], { env });
    expect(printed.stderr).toMatch(/send this again with --command-id cli-[0-9a-f-]{36}:/);
  });

  test('show --watch tells of every change, then shows the run as it ended', async () => {
    const started = await api.post('/v1/workflows/runs', { body: { workflow_id: 'tasks' } });
    const id = textAt(started.body, 'id');
    const command = startCommand(['run', 'show', id, '--watch', '--json'], {
      env: envOf(api.admin),
    });
    await until('the command to wait', () => /^waiting for run .* …$/m.exec(command.stderr()));
    await api.progress.begin(id);
    await until('the command to see it', () => /^running$/m.exec(command.stderr()));
    await api.progress.end(id, { kind: 'completed' });
    const printed = await command.done;
    expect(documentOf(printed)).toMatchObject({ id, lifecycle: { status: 'completed' } });
    expect(printed.stderr).toMatch(/^pending\nwaiting for run .* …\nrunning\n/);
  });

  test('show and list tell where runs stand', async () => {
    const { runId } = await api.openReview({ workflowId: 'shown' });
    const [shown, listed, json] = await Promise.all([
      run(['run', 'show', runId]),
      run(['run', 'list', '--workflow', 'shown', '--status', 'awaiting_review', 'error']),
      run(['run', 'list', '--workflow', 'shown', '--status', 'completed', '--json']),
    ]);
    expect(shown.stdout).toContain(`${runId}_extract_invoice`);
    expect(listed.stdout).toContain('awaiting_review (extract_invoice)');
    expect(documentOf(json)).toEqual({ data: [], list_metadata: { before: null, after: null } });
  });
});

describe('review', () => {
  test('list shows what waits, for everybody or for oneself', async () => {
    const review = { groups: ['finance'], name: 'Totals' };
    const mine = await api.openReview({ workflowId: 'listed', review });
    const others = await api.openReview({ workflowId: 'listed', review: { groups: ['legal'] } });
    const args = ['review', 'list', '--workflow', 'listed'];
    const [all, own, first] = await Promise.all([
      run(args),
      run([...args, '--mine', '--json'], ann),
      run([...args, '--limit', '1']),
    ]);
    expect(all.stdout).toMatch(
      new RegExp(`^${mine.id}  Totals .* PENDING .*group:finance#1$`, 'm'),
    );
    expect(all.stdout).toContain(others.id);
    expect(documentOf(own)).toMatchObject({ data: [{ id: mine.id }] });
    expect(first.stdout).toContain('There are more than these 1: use --limit to see them.');
  });

  test('list and show say what is due, and what is overdue', async () => {
    const review = { workflowId: 'listed-due', review: { due_in: '3h' } };
    const [due, overdue] = [
      await api.openReview(review),
      await api.openReview({ ...review, review: { due_in: '0s' } }),
    ];
    await api.openReview({ ...review, review: {} });
    const listed = await run(['review', 'list', '--workflow', 'listed-due']);
    expect(listed.stdout).toMatch(/^REVIEW .* OPENED +DUE +STATUS/);
    expect(listed.stdout).toMatch(new RegExp(`^${due.id} .* due in 2 h +PENDING`, 'm'));
    expect(listed.stdout).toMatch(
      new RegExp(String.raw`^${overdue.id} .* overdue since [-0-9]+ [:0-9]+Z +PENDING`, 'm'),
    );
    const [shown, explained] = await Promise.all([
      run(['review', 'show', due.id]),
      run(['review', 'explain', overdue.id]),
    ]);
    expect(shown.stdout).toMatch(/^due .*Z \(due in 2 h\)$/m);
    expect(explained.stdout).toMatch(/^due .*\(overdue since .*Z\)$/m);
  });

  test('show and explain tell who could give what is missing, and let nothing hide', async () => {
    const { id } = await api.openReview({
      review: { groups: ['finance', 'nobody'], instructions: 'Look\u001b[8m twice' },
      snapshot: { total: 1, note: '\u009b8m hidden' },
    });
    const [shown, explained] = await Promise.all([
      run(['review', 'show', id]),
      run(['review', 'explain', id]),
    ]);
    for (const { stdout } of [shown, explained]) {
      expect(stdout).toMatch(/^group:finance#1 .*Name of u_ann \(u_ann\)/m);
      expect(stdout).toMatch(/^group:nobody#1 .*nobody there is today/m);
    }
    expect(shown.stdout).toContain('Look\\u001b[8m twice');
    expect(shown.stdout).toContain('"note": "\\u009b8m hidden"');
  });

  test('approve shows the newest version and approves that very one', async () => {
    const { id, seedId, path } = await api.openReview({ review: { groups: ['finance'] } });
    const correction = { review_id: id, parent_id: seedId, snapshot: { total_amount: 325 } };
    const newer = await api.post('/v1/workflows/reviews/versions', { as: ann, body: correction });
    const approved = await run(['review', 'approve', id, '--json'], ann);
    expect(approved.code).toBe(0);
    expect(approved.stderr).toContain('"total_amount": 325');
    expect(documentOf(approved)).toMatchObject({ submission_status: 'accepted' });
    const { body } = await api.get(path);
    expect(valueAt(body, 'decision', 'version_id')).toBe(valueAt(newer.body, 'id'));
  });

  test('approve does not approve a version that came after the one it showed', async () => {
    const version = {
      id: 'rvr_SEEN',
      review_id: 'rev_1',
      author: { display_name: 'Ann' },
      created_at: '2026-05-13T08:14:02.341Z',
      note: null,
      snapshot: { seen: true },
    };
    const answer = {
      submission_status: 'accepted',
      resume_error: null,
      review: {
        id: 'rev_1',
        status: 'APPROVED',
        newest_version_id: 'rvr_LATER',
        cancelled_at: null,
        entries: [],
      },
    };
    const { url, seen } = await scriptedServer(
      { body: { id: 'rev_1', newest_version_id: 'rvr_SEEN' } },
      { body: version },
      { body: answer },
    );
    const env = { ...envOf(api.admin), COUNTERSIGN_URL: url };
    const printed = await countersign(['review', 'approve', 'rev_1'], { env });
    expect(printed).toMatchObject({
      code: 0,
      stdout: 'Your approval is recorded: review rev_1 is APPROVED.\n',
    });
    expect(printed.stderr).toContain('"seen": true');
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/workflows/reviews/rev_1',
      'GET /v1/workflows/reviews/versions/rvr_SEEN',
      'POST /v1/workflows/reviews/rev_1/approve',
    ]);
    expect(seen.at(-1)?.body).toEqual({ version_id: 'rvr_SEEN' });
  });

  test('approve --version approves that version, if it is one of the review', async () => {
    const one = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    const two = await api.openReview();
    const [right, wrong] = await Promise.all([
      run(['review', 'approve', one.id, '--version', one.seedId], ann),
      run(['review', 'approve', two.id, '--version', one.seedId], ann),
    ]);
    expect(right).toMatchObject({ code: 0 });
    expect(right.stdout).toContain(`review ${one.id} is PENDING`);
    expect(right.stdout).toContain('Open entries: group:legal#1');
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toContain(`belongs to review ${one.id}`);
    expect(valueAt((await api.get(two.path)).body, 'decision')).toBeNull();
  });

  test('says that a vote waits for Temporal, and is recorded all the same', async () => {
    const { id } = await api.openReview();
    api.delivery = 'finds Temporal away';
    try {
      const printed = await run(['review', 'approve', id], ann);
      expect(printed.code).toBe(0);
      expect(printed.stdout).toContain('as soon as Temporal answers');
    } finally {
      api.delivery = 'delivers';
    }
  });

  test('reject needs a reason; a vote against the decision changes nothing and fails', async () => {
    const { id } = await api.openReview();
    const unexplained = await run(['review', 'reject', id], ann);
    expect(unexplained.code).toBe(1);
    expect(unexplained.stderr).toContain("required option '--reason <text>' not specified");
    expect(unexplained.stderr).toContain('Usage: countersign review reject');
    const rejected = await run(['review', 'reject', id, '--reason', 'wrong total'], ann);
    expect(rejected.stdout).toContain(`review ${id} is REJECTED`);
    const late = await run(['review', 'approve', id, '--json']);
    expect(late.code).toBe(1);
    expect(late.stderr).toContain(
      'already has a decision, and it stands: rejected by Name of u_ann',
    );
    expect(documentOf(late)).toMatchObject({ submission_status: 'conflict' });
  });

  test('withdraw and release are the owner’s', async () => {
    const review = { placement: 'input', release: 'manual' };
    const [taken, released] = [
      await api.openReview({ owner: ann, review }),
      await api.openReview({ owner: ann, review }),
    ];
    for (const { path, seedId } of [taken, released]) {
      await api.post(`${path}/approve`, { body: { version_id: seedId } });
    }
    const [withdrawal, release] = await Promise.all([
      run(['review', 'withdraw', taken.id, '--reason', 'too early', '--verdict', 'rejected'], ann),
      run(['review', 'release', released.id, '--json'], ann),
    ]);
    expect(withdrawal.stdout).toContain(`review ${taken.id} is REJECTED`);
    expect(documentOf(release)).toMatchObject({ submission_status: 'accepted' });
  });

  test('gives the sentence of the server where something is not there', async () => {
    const id = 'rev_AAAAAAAAAAAAAAAAAAAAAAAAAA';
    const printed = await run(['review', 'show', id, '--json']);
    expect(printed.code).toBe(1);
    expect(printed.stderr).toBe(
      `error: There is no review '${id}' in this project: check the id, or list what there is.\n`,
    );
    expect(documentOf(printed)).toMatchObject({ error: { code: 'review_not_found', status: 404 } });
  });
});

describe('user and token', () => {
  test('keep people, whose tokens are printed once and alone', async () => {
    const about = ['--name', 'Eve', '--email', 'eve@example.com', '--group', 'legal', 'finance'];
    const put = await run(['user', 'put', 'u_eve', ...about, '--role', 'author']);
    expect(put.stdout).toBe('Eve is stored as u_eve: groups legal, finance; roles author.\n');
    const created = await run(['token', 'create', '--user', 'u_eve']);
    expect(created.stdout).toMatch(/^cs_\S+\n$/);
    const id = /Token (tok_\w+)/.exec(created.stderr)?.[1] ?? '';
    const eve = { id: 'u_eve', token: created.stdout.trim() };
    const own = await run(['user', 'list'], eve);
    expect(own.code).toBe(1);
    expect(own.stderr).toContain("role 'admin'");
    const [users, tokens] = await Promise.all([run(['user', 'list']), run(['token', 'list'])]);
    expect(users.stdout).toMatch(/^u_eve +Eve +eve@example\.com +legal, finance +author$/m);
    expect(tokens.stdout).toMatch(new RegExp(`^${id} +user u_eve `, 'm'));
    expect(tokens.stdout).not.toContain(eve.token);
    expect((await run(['token', 'revoke', id, '--json'])).stdout).toContain('"revoked": true');
    const ended = await run(['workflow', 'list'], eve);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`came from COUNTERSIGN_TOKEN, and the server is ${api.url}.`);
    expect((await run(['user', 'remove', 'u_eve'])).stdout).toContain('u_eve is removed');
  });

  test('create makes a service’s token only with its scopes', async () => {
    const [made, ...wrong] = await Promise.all([
      run(['token', 'create', '--service', 'batch', '--scope', 'runs:write', '--json']),
      run(['token', 'create']),
      run(['token', 'create', '--service', 'batch']),
      run(['token', 'create', '--user', 'u_ann', '--scope', 'admin']),
      run(['token', 'create', '--service', 'batch', '--scope', 'everything']),
    ]);
    expect(documentOf(made)).toMatchObject({ service: 'batch', scopes: ['runs:write'] });
    for (const printed of wrong) {
      expect(printed).toMatchObject({ code: 1, stdout: '' });
      expect(printed.stderr).toContain('Usage: countersign token create');
    }
  });
});

describe('countersign', () => {
  test('uses the token of the home, and says what to do without one', async () => {
    const home = await mkdtemp(join(folder, 'home-'));
    const env = { COUNTERSIGN_URL: api.url, COUNTERSIGN_HOME: home };
    const without = await countersign(['workflow', 'list', '--json'], { env });
    expect(without.code).toBe(1);
    expect(without.stderr).toMatch(/^error: No token: set COUNTERSIGN_TOKEN, or start a server/);
    expect(documentOf(without)).toMatchObject({ error: { code: 'not_possible' } });
    await writeFile(join(home, 'admin-token'), `${api.admin.token}\n`);
    expect(await countersign(['workflow', 'list'], { env })).toMatchObject({ code: 0, stderr: '' });
  });

  test('ends quietly when its reader is gone', async () => {
    for (const args of [['--help'], ['review', 'list', '--status', 'all', '--json']]) {
      const gone = await closeEarly(args, envOf(api.admin));
      expect(gone, args.join(' ')).toEqual({ code: 0, stderr: '' });
    }
  });

  test('names the server that does not answer', async () => {
    const env = { ...envOf(api.admin), COUNTERSIGN_URL: 'http://127.0.0.1:9' };
    const printed = await countersign(['run', 'list'], { env });
    expect(printed).toMatchObject({ code: 1, stdout: '' });
    expect(printed.stderr).toMatch(/^error: No answer from http:\/\/127\.0\.0\.1:9 \(/);
  });
});
