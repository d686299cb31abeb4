import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { complete } from '../../src/cli/completion/complete.js';
import { completionScript, SHELLS } from '../../src/cli/completion/scripts.js';
import { createProgram } from '../../src/cli/program.js';
import { type OpenedReview, startApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';
import { countersign } from './countersign.js';

vi.setConfig({ testTimeout: 120_000 });

const BIN = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));

let api: TestApi;
let opened: OpenedReview;
let folder: string;

beforeAll(async () => {
  api = await startApi();
  await api.person('u_ann', { groups: ['finance'] });
  opened = await api.openReview({ workflowId: 'invoices', review: { name: 'Totals' } });
  folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
  await mkdir(join(folder, 'bin'));
  // As npm installs it: an executable file of that name on the PATH.
  const command = join(folder, 'bin', 'countersign');
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`, {
    mode: 0o755,
  });
  await writeFile(join(folder, 'bash.sh'), completionScript('bash'));
  await writeFile(join(folder, 'inputs.json'), '{}');
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await api.stop();
});

/** Completes the last of these words in a real bash, with the generated function. */
async function inBash(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {
    COUNTERSIGN_URL: api.url,
    COUNTERSIGN_TOKEN: api.admin.token,
  },
): Promise<readonly string[]> {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `
    source '${join(folder, 'bash.sh')}'
    COMP_WORDS=(countersign ${quoted}); COMP_CWORD=${words.length}
    _countersign
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const child = spawn('bash', ['--norc', '-c', script], {
    cwd: folder,
    env: { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += `stderr: ${text}`));
  await new Promise((resolve) => child.once('close', resolve));
  return printed.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  test('gives commands, options and choices', async () => {
    const [groups, commands, options, choices, equals] = await Promise.all([
      inBash(['re']),
      inBash(['review', 're']),
      inBash(['review', 'list', '--']),
      inBash(['review', 'list', '--status', 'd']),
      inBash(['review', 'list', '--status', '=', 'p']),
    ]);
    expect(groups).toEqual(['review']);
    expect(commands).toEqual(['reject', 'reassign', 'release']);
    expect(options).toEqual(
      expect.arrayContaining(['--json', '--status', '--run', '--mine', '--help']),
    );
    expect(choices).toEqual(['decided']);
    expect(equals).toEqual(['pending']);
  });

  test('gives ids as the server has them', async () => {
    // A busy machine may let the command run out of the patience that it has with the server.
    const ids = async (...words: readonly string[]): Promise<readonly string[]> =>
      until(`the ids after ${words.join(' ')}`, async () => {
        const found = await inBash(words);
        return found.length === 0 ? null : found;
      });
    const reviews = await ids('review', 'approve', 'rev_');
    const runs = await ids('run', 'show', '');
    const workflows = await ids('run', 'start', 'inv');
    const users = await ids('token', 'create', '--user', 'u_an');
    const versions = await ids('review', 'approve', opened.id, '--version', '');
    const option = await ids('review', 'list', '--run', 'run_');
    expect(reviews).toEqual([opened.id]);
    expect(runs).toEqual([opened.runId]);
    expect(workflows).toEqual(['invoices']);
    expect(users).toEqual(['u_ann']);
    expect(versions).toEqual([opened.seedId]);
    expect(option).toEqual([opened.runId]);
  });

  test('gives files where files belong', async () => {
    expect(await inBash(['workflow', 'push', 'inp'])).toEqual(['inputs.json']);
    expect(await inBash(['run', 'start', 'x', '--input-file', 'inp'])).toEqual(['inputs.json']);
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['no server answers', { COUNTERSIGN_URL: 'http://127.0.0.1:9', COUNTERSIGN_TOKEN: 'cs_x' }],
    ['there is no token', {}],
    ['a setting is wrong', { COUNTERSIGN_URL: 'nowhere' }],
  ])('says nothing at all where %s', async (_what, env) => {
    expect(await inBash(['review', 'show', 'rev_'], env)).toEqual([]);
    expect(await inBash(['review', 'sh'], env)).toEqual(['show']);
    const asked = ['__complete', '--', 'review', 'show', 'rev_'];
    expect(await countersign(asked, { env, cwd: folder })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});

describe('countersign completion', () => {
  test.each(SHELLS)('prints the script for %s', async (shell) => {
    const printed = await countersign(['completion', shell], { env: {} });
    expect(printed).toEqual({ code: 0, stdout: completionScript(shell), stderr: '' });
  });

  test('tells what each candidate means, without what could hide', async () => {
    await api.openReview({ workflowId: 'odd', review: { name: 'Bell\u0007' } });
    const env = { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: api.admin.token };
    const printed = await countersign(['__complete', '--', 'review', 'show', ''], { env });
    expect(printed.stdout).toContain(`${opened.id}\tTotals, PENDING\n`);
    expect(printed.stdout).toContain('\tBell\\u0007, PENDING\n');
  });

  test('is not among the commands that help lists by its inner name', async () => {
    expect((await countersign(['--help'], { env: {} })).stdout).not.toContain('__complete');
  });
});

describe('complete', () => {
  const at = (...words: readonly string[]) => {
    const { words: found, ids } = complete(createProgram(), words);
    return { words: found.map(({ word }) => word), ids };
  };

  test.each<[readonly string[], readonly string[], string | null]>([
    [['token', ''], ['create', 'list', 'revoke', 'help'], null],
    [['token', 'revoke', ''], [], 'token'],
    [
      ['token', 'create', '--scope', 'admin', ''],
      ['runs:write', 'reviews:read', 'reviews:vote-as', 'admin'],
      null,
    ],
    [['review', 'approve', 'rev_1', ''], [], null],
    [['review', 'diff', 'rev_1', ''], [], 'version'],
    [['review', 'diff', 'rev_1', 'seed', ''], [], 'version'],
    [['review', 'correct', '--approve', ''], [], 'review'],
    [['review', 'correct', '--note', ''], [], 'other'],
    [['completion', ''], ['bash', 'zsh', 'fish'], 'other'],
    [['worker', '--blocks', ''], [], 'file'],
    [['user', 'remove', ''], [], 'user'],
    [['nonsense', ''], [], null],
  ])('of %j', (words, expected, ids) => {
    const found = at(...words);
    expect(found.ids).toBe(ids);
    if (words[0] !== 'nonsense') {
      expect(found.words.filter((word) => word !== 'help')).toEqual(
        expected.filter((word) => word !== 'help'),
      );
    }
  });

  test('keeps what was given, for what depends on it', () => {
    const { given } = complete(createProgram(), [
      'review',
      'approve',
      '--json',
      'rev_1',
      '--version',
      '',
    ]);
    expect([...given]).toEqual([['review', 'rev_1']]);
  });
});
