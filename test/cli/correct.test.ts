import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { addVersionLocked } from '../../src/store/add-version.js';
import { inTransaction } from '../../src/store/database.js';
import { lockReview } from '../../src/store/reviews.js';
import { type Caller, startApi, type TestApi, textAt, valueAt } from '../support/api.js';
import { reviewer } from '../support/installation.js';
import { countWaiting } from '../support/locks.js';
import { until } from '../support/until.js';
import { type CommandEnv, countersign, type Printed } from './countersign.js';

vi.setConfig({ testTimeout: 120_000 });

const BEN = reviewer('u_ben', 'finance');

let api: TestApi;
let ann: Caller;
let ben: Caller;
let folder: string;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance'] });
  ben = await api.person('u_ben', { groups: ['finance'] });
  folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await api.stop();
});

const SNAPSHOT = { total_amount: 300, vendor: 'Acme', lines: [{ n: 1 }, { n: 2 }], iban: null };
const FINANCE = { groups: ['finance'] };

async function run(
  args: readonly string[],
  as: Caller = ann,
  more: { readonly input?: string; readonly env?: CommandEnv } = {},
): Promise<Printed> {
  const env = { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: as.token, ...more.env };
  return await countersign(args, { env, cwd: folder, input: more.input ?? '' });
}

async function openReview(review: object = FINANCE) {
  return await api.openReview({ review: { ...review }, snapshot: SNAPSHOT });
}

async function newest(path: string): Promise<unknown> {
  const { body } = await api.get(path);
  const version = await api.get(
    `/v1/workflows/reviews/versions/${textAt(body, 'newest_version_id')}`,
  );
  return version.body;
}

/** Adds a version as somebody else would, and gives its id. */
async function addVersion(reviewId: string, parentId: string, snapshot: object, as = ben) {
  const reply = await api.post('/v1/workflows/reviews/versions', {
    as,
    body: { review_id: reviewId, parent_id: parentId, snapshot },
  });
  expect(reply.status, JSON.stringify(reply.body)).toBe(201);
  return textAt(reply.body, 'id');
}

/** An editor that does to its file what a script says: `text()` reads it, `write(…)` replaces it. */
async function editor(name: string, script: string): Promise<CommandEnv> {
  const program = join(folder, `${name}.mjs`);
  await writeFile(
    program,
    `import { readFileSync, writeFileSync } from 'node:fs';
     const file = process.argv[2];
     const text = () => readFileSync(file, 'utf8');
     const write = (content, to = file) => writeFileSync(to, content);
     ${script}`,
  );
  return { EDITOR: `'${process.execPath}' '${program}'` };
}

describe('review diff', () => {
  test('shows what differs between seed and newest, marked', async () => {
    const { id, seedId } = await openReview();
    const changed = { total_amount: 325, lines: [{ n: 1 }], vendor: 'Acme', note: 'tw\u001bo' };
    const versionId = await addVersion(id, seedId, changed);
    const printed = await run(['review', 'diff', id]);
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    expect(printed.stdout.split('\n').slice(1)).toEqual([
      '- iban: null',
      '- lines[1]: {"n":2}',
      '~ total_amount: 300 → 325',
      '+ note: "tw\\u001bo"',
      '',
    ]);
    expect(printed.stdout).toMatch(new RegExp(`^From ${seedId} .* to ${versionId} \\(by Name of`));
  });

  test('goes between any two, and is one document for programs', async () => {
    const { id, seedId } = await openReview();
    const versionId = await addVersion(id, seedId, { ...SNAPSHOT, iban: 'DE1' });
    const [backwards, same, wrong] = await Promise.all([
      run(['review', 'diff', id, versionId, 'seed', '--json']),
      run(['review', 'diff', id, 'newest']),
      run(['review', 'diff', id, (await openReview()).seedId]),
    ]);
    expect(JSON.parse(backwards.stdout)).toMatchObject({
      review_id: id,
      from: { id: versionId },
      to: { id: seedId },
      differences: [{ at: 'iban', path: ['iban'], kind: 'changed', before: 'DE1', after: null }],
    });
    expect(same.stdout).toContain('There is no difference.');
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toContain('belongs to review rev_');
  });
});

describe('review correct', () => {
  test('sets and takes away what it is told, shows it, and makes a version of the newest', async () => {
    const { id, path, seedId } = await openReview();
    const change = ['--set', 'total_amount=325', '--set', 'lines[2]={"n":3}', '--unset', 'iban'];
    const texts = ['--set', 'vendor=Acme = Co', '--set', '["a=b"]=1', '--note', 'from the PDF'];
    const printed = await run(['review', 'correct', id, ...change, ...texts]);
    expect(printed.code).toBe(0);
    expect(printed.stderr.split('\n').slice(1)).toEqual([
      '- iban: null',
      '+ lines[2]: {"n":3}',
      '~ total_amount: 300 → 325',
      '~ vendor: "Acme" → "Acme = Co"',
      '+ ["a=b"]: 1',
      '',
    ]);
    expect(await newest(path)).toMatchObject({
      parent_id: seedId,
      note: 'from the PDF',
      author: { id: 'u_ann' },
      snapshot: {
        total_amount: 325,
        vendor: 'Acme = Co',
        lines: [{ n: 1 }, { n: 2 }, { n: 3 }],
        'a=b': 1,
      },
    });
    expect(valueAt((await api.get(path)).body, 'status')).toBe('PENDING');
  });

  test('takes a whole snapshot from standard input, and approves exactly that version', async () => {
    const { id, path } = await openReview();
    const printed = await run(
      ['review', 'correct', id, '--file', '-', '--approve', '--json'],
      ann,
      {
        input: JSON.stringify({ ...SNAPSHOT, total_amount: 1 }),
      },
    );
    const document: unknown = JSON.parse(printed.stdout);
    expect(document).toMatchObject({
      version: { snapshot: { total_amount: 1 } },
      submission: { submission_status: 'accepted' },
    });
    expect(valueAt((await api.get(path)).body, 'decision')).toMatchObject({
      verdict: 'approved',
      version_id: valueAt(document, 'version', 'id'),
    });
  });

  test('opens an editor, and keeps nothing of it afterwards', async () => {
    const { id, path } = await openReview();
    const env = await editor(
      'ed',
      `write(text().replace('300', '301')); write(file, '${folder}/seen');`,
    );
    const printed = await run(['review', 'correct', id, '--edit'], ann, { env });
    expect(printed.code).toBe(0);
    expect(await newest(path)).toMatchObject({ snapshot: { ...SNAPSHOT, total_amount: 301 } });
    const seen = (await readFile(join(folder, 'seen'), 'utf8')).trim();
    await expect(readFile(seen)).rejects.toThrow('ENOENT');
  });

  test.each([
    [
      'nothing was changed',
      'write(text());',
      /^error: Nothing differs from version rvr_\w+, so nothing was sent/m,
    ],
    [
      'the editor fails',
      'process.exit(3);',
      /^error: The editor '.*' failed \(3\), so nothing was sent/m,
    ],
  ])('sends nothing where %s', async (_what, command, message) => {
    const { id, path, seedId } = await openReview();
    const env = await editor('idle', command);
    const printed = await run(['review', 'correct', id, '--edit', '--approve'], ann, { env });
    expect(printed).toMatchObject({ code: 1, stdout: '' });
    expect(printed.stderr).toMatch(message);
    expect((await api.get(path)).body).toMatchObject({ newest_version_id: seedId, decision: null });
  });

  test.each([
    ['is not JSON', `write('{');`, 'What you wrote is not JSON'],
    ['is no object', `write('[]');`, 'holds no snapshot'],
    ['the server refuses', `write('{"total_amount":9007199254740993}');`, 'body.snapshot'],
  ])('keeps what was written where it %s', async (_what, command, message) => {
    const { id } = await openReview();
    const env = await editor('wrong', command);
    const printed = await run(['review', 'correct', id, '--edit'], ann, { env });
    expect(printed.code).toBe(1);
    expect(printed.stderr).toContain(message);
    const kept = /(\S+snapshot\.json)/.exec(printed.stderr)?.[1] ?? '';
    expect(await readFile(kept, 'utf8')).not.toBe('');
    await rm(join(kept, '..'), { recursive: true });
  });

  test.each<[string, readonly string[], string]>([
    ['without a way', [], 'Say in one way what is to be corrected'],
    ['in two ways', ['--set', 'a=1', '--edit'], 'Say in one way what is to be corrected'],
    ['at no path', ['--set', '=1'], '--set =1 cannot be read'],
    ['where nothing is', ['--set', 'totl.amount=1'], 'There is no totl:'],
    ['by taking away what is not there', ['--unset', 'vendr'], 'There is no vendr:'],
    ['without an editor', ['--edit'], 'No editor is set'],
    ['to what it is', ['--set', 'total_amount=3e2'], 'Nothing differs from version'],
  ])('says what to do when asked to correct %s', async (_what, args, message) => {
    const { id } = await openReview();
    const printed = await run(['review', 'correct', id, ...args]);
    expect(printed).toMatchObject({ code: 1, stdout: '' });
    expect(printed.stderr).toContain(message);
  });

  test('says what to do about the same content from another version', async () => {
    const { id, seedId } = await openReview();
    const first = await addVersion(id, seedId, { ...SNAPSHOT, total_amount: 1 });
    const second = await addVersion(id, first, { ...SNAPSHOT, total_amount: 2 });
    const printed = await run(['review', 'correct', id, '--set', 'total_amount=300', '--json']);
    expect(printed.code).toBe(1);
    expect(printed.stderr).toContain(
      `approve it with \`countersign review approve ${id} --version ${seedId} --older\``,
    );
    expect(JSON.parse(printed.stdout)).toMatchObject({ error: { code: 'parent_conflict' } });
    const older = await run(['review', 'correct', id, '--from', second, '--set', 'total_amount=3']);
    expect(older.code).toBe(0);
  });

  test('says that a decided review takes no corrections', async () => {
    const { id, path, seedId } = await openReview();
    await api.post(`${path}/approve`, { as: ben, body: { version_id: seedId } });
    const printed = await run(['review', 'correct', id, '--set', 'total_amount=1']);
    expect(printed.code).toBe(1);
    expect(printed.stderr).toContain(`Review ${id} has been decided (EXECUTED)`);
  });

  test('names the versions that a gate wants to have acknowledged', async () => {
    const { id, seedId } = await openReview({ ...FINANCE, acknowledge_superseded: true });
    const other = await addVersion(id, seedId, { ...SNAPSHOT, total_amount: 1 });
    const args = ['review', 'correct', id, '--from', seedId, '--set', 'total_amount=2'];
    const refused = await run(args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`add --acknowledge ${other}.`);
    expect(await run([...args, '--acknowledge', other])).toMatchObject({ code: 0 });
  });

  test('does not approve over a version that somebody added meanwhile', async () => {
    const { id, path, seedId } = await openReview();
    const body = { review_id: id, parent_id: seedId, snapshot: { ...SNAPSHOT, vendor: 'Rival' } };
    const request = {
      method: 'POST',
      headers: { authorization: `Bearer ${ben.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const env = await editor(
      'slow',
      `await fetch('${api.url}/v1/workflows/reviews/versions', ${JSON.stringify(request)});
       write(text().replace('300', '301'));`,
    );
    const printed = await run(['review', 'correct', id, '--edit', '--approve'], ann, { env });
    expect(printed.code).toBe(1);
    expect(printed.stdout).toMatch(/^Version rvr_\w+ is made, and not approved\.\n$/);
    expect(printed.stderr).toMatch(
      /Name of u_ben added version rvr_\w+ meanwhile: compare it with/,
    );
    expect((await api.get(path)).body).toMatchObject({ status: 'PENDING', decision: null });
  });
});

describe('review approve, of a version that is not the newest', () => {
  test('is refused with what has changed, unless that is meant', async () => {
    const { id, path, seedId } = await openReview();
    const newer = await addVersion(id, seedId, { ...SNAPSHOT, total_amount: 325 });
    const stale = await run(['review', 'approve', id, '--version', seedId]);
    expect(stale).toMatchObject({ code: 1, stdout: '' });
    expect(stale.stderr).toContain('~ total_amount: 300 → 325');
    expect(stale.stderr).toContain(
      `Version ${seedId} is not the newest any more, so nothing was sent: approve ${newer}, or add --older`,
    );
    expect(valueAt((await api.get(path)).body, 'decision')).toBeNull();
    const meant = await run(['review', 'approve', id, '--version', seedId, '--older']);
    expect(meant.stdout).toContain(`review ${id} is APPROVED`);
    expect(valueAt((await api.get(path)).body, 'decision', 'version_id')).toBe(seedId);
  });

  test('is told where the newer version came between the look and the vote', async () => {
    const { id, seedId } = await openReview({ groups: [{ group: 'finance', required: 2 }] });
    const printed = await inTransaction(api.db, async (tx) => {
      const locked = (await lockReview(tx, 'prj_default', id)) ?? expect.fail('no review');
      const approving = run(['review', 'approve', id]);
      await until('the vote to wait', async () => (await countWaiting(api.db)) > 0);
      await addVersionLocked(tx, locked, BEN, {
        parentId: seedId,
        snapshot: { ...SNAPSHOT, total_amount: 325 },
        note: null,
        origin: 'human_edit',
        acknowledgedVersionIds: [],
      });
      return { approving };
    }).then(({ approving }) => approving);
    expect(printed.code).toBe(0);
    expect(printed.stderr).toContain('~ total_amount: 300 → 325');
    expect(printed.stderr).toContain(`Your approval counts for ${seedId}`);
  });
});
