import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/client/index.js';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort } from '../../src/dev/ports.js';
import { ROOT } from '../docs/markdown.js';
import { type TestHome, testHome } from '../support/test-home.js';
import { until } from '../support/until.js';

/** A process whose lines are read while it runs. */
type Watched = { readonly lines: readonly string[]; readonly exited: Promise<unknown> };

let home: TestHome;
let stack: ChildProcess;
let client: Client;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  home = await testHome('own-workflow');
  const settings = ['PATH', 'HOME', 'XDG_CACHE_HOME', 'TEMPORAL_CLI_PATH'];
  env = {
    ...Object.fromEntries(settings.map((name) => [name, process.env[name]])),
    COUNTERSIGN_HOME: home.path,
    PORT: `${await freePort()}`,
  };
  stack = await spawnGuarded({
    file: process.execPath,
    args: ['bin/countersign.js', 'up'],
    cwd: ROOT,
    env,
    deathSignal: 'KILL',
  });
  const { lines } = watch(stack);
  const url = await until('the stack', () => find(lines, /^countersign ready: (\S+)$/), 110_000);
  const token = (await readFile(join(home.path, 'admin-token'), 'utf8')).trim();
  client = createClient({ url, token });
});

afterAll(async () => {
  if (stack !== undefined) {
    const gone = once(stack, 'close');
    stack.kill('SIGTERM');
    await gone;
  }
  await home?.remove();
});

function watch(child: ChildProcess): Watched {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) {
      createInterface({ input: stream }).on('line', (line) => lines.push(line));
    }
  }
  return { lines, exited: once(child, 'close') };
}

function find(lines: readonly string[], pattern: RegExp): string | undefined {
  return lines.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined);
}

/** Runs the example as its README says, by the one command; it builds first. */
function buildAndRun(...args: readonly string[]): Watched {
  return watch(
    spawn('npm', ['run', '--silent', 'example:own-workflow', '--', ...args], { cwd: ROOT, env }),
  );
}

/** Runs it again, on what was built. */
function runExample(...args: readonly string[]): Watched {
  return watch(
    spawn(process.execPath, ['examples/own-workflow/run.js', ...args], { cwd: ROOT, env }),
  );
}

async function reviewIn({ lines }: Watched): Promise<string> {
  return await until(
    `a review in ${lines.join(' | ')}`,
    () => find(lines, /^waits for countersign review approve (rev_\w+)$/),
    60_000,
  );
}

async function endOf({ lines, exited }: Watched): Promise<unknown> {
  await exited;
  const text = find(lines, /^(?:ended|failed) (.+)$/) ?? lines.join('\n');
  return text.startsWith('{') ? JSON.parse(text) : text;
}

async function ledger(): Promise<readonly string[]> {
  const text = await readFile(join(home.path, 'refunds.txt'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

test('books what a person corrected and approved', async () => {
  const example = buildAndRun('refund', 'o-1001');
  const reviewId = await reviewIn(example);
  const review = await client.reviews.get(reviewId);
  const seed = await client.reviews.versions.get(review.newest_version_id);
  expect(seed.snapshot).toMatchObject({ order: 'o-1001', amount: 96 });
  const corrected = await client.reviews.versions.create({
    review_id: reviewId,
    parent_id: seed.id,
    snapshot: { ...seed.snapshot, amount: 79 },
  });
  expect(await ledger()).toEqual([]);
  await client.reviews.approve(reviewId, corrected.id);
  expect(await endOf(example)).toEqual({
    booked: true,
    receipt: 'o-1001: 79.00 EUR',
    approvedBy: 'admin',
  });
  expect(await ledger()).toEqual(['o-1001: 79.00 EUR']);
}, 90_000);

test('books a small one without asking anybody', async () => {
  expect(await endOf(runExample('refund', 'o-1002'))).toEqual({
    booked: true,
    receipt: 'o-1002: 12.00 EUR',
    approvedBy: null,
  });
}, 90_000);

test.each([
  ['refund', { booked: false, verdict: 'rejected', by: 'admin', reason: 'The grinder was used.' }],
  ['refundOrFail', 'The review "refund" was rejected by admin: The grinder was used.'],
])(
  'books nothing that was rejected: %s',
  async (type, end) => {
    const example = runExample(type, 'o-1003');
    const reviewId = await reviewIn(example);
    const { newest_version_id: version } = await client.reviews.get(reviewId);
    await client.reviews.reject(reviewId, version, 'The grinder was used.');
    expect(await endOf(example)).toEqual(end);
    expect(await ledger()).not.toContainEqual(expect.stringContaining('o-1003'));
  },
  90_000,
);

test('books a batch by reference', async () => {
  const example = runExample('refundBatch', 'o-1002', 'o-1003');
  const reviewId = await reviewIn(example);
  const { newest_version_id: version } = await client.reviews.get(reviewId);
  await client.reviews.approve(reviewId, version);
  expect(await endOf(example)).toEqual({
    booked: true,
    receipts: ['o-1002: 12.00 EUR', 'o-1003: 129.00 EUR'],
  });
}, 90_000);
