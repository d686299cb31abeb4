import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort } from '../../src/dev/ports.js';
import { type TestHome, testHome } from '../support/test-home.js';
import { codeBlocks, document, ROOT, section } from './markdown.js';

const run = promisify(execFile);

/** Commands of the tour, and what README shows that they print; null where it shows nothing. */
type Stop = { readonly line: number; readonly commands: string; readonly promised: string | null };

const README = document('README.md').text;

/** Stands before the number of a line in what the tour prints. */
const MARK = '@@ README.md:';

describe('the two commands', () => {
  test('install, start and test, and nothing else', () => {
    expect(codeBlocks(section(README, '## Two commands')).map(({ code }) => code)).toEqual([
      'npm ci && npm start',
      'npm ci && npm test',
    ]);
  });
});

describe('the tour', () => {
  let home: TestHome;
  let stack: Started;
  const printed = new Map<number, string>();
  const stops = readTour();

  beforeAll(async () => {
    home = await testHome('tour');
    const env = { PORT: `${await freePort()}`, COUNTERSIGN_HOME: home.path };
    stack = await start(packageJson.scripts.start, env);
    const script = join(home.path, 'tour.sh');
    await writeFile(script, scriptOf(stops));
    const { stdout } = await run('bash', [script], {
      cwd: ROOT,
      env: { ...ownEnvironment(), ...env, COUNTERSIGN_URL: stack.url },
      timeout: 120_000,
    });
    for (const part of stdout.split(MARK).slice(1)) {
      const end = part.indexOf('\n');
      printed.set(Number(part.slice(0, end)), part.slice(end + 1));
    }
  }, 300_000);

  afterAll(async () => {
    await stack?.stop();
    await home?.remove();
  });

  test('begins with a stack that says where it is, and serves its docs there', async () => {
    expect(section(README, '## A two-minute tour')).toContain(
      '`countersign ready: http://127.0.0.1:8080`',
    );
    const response = await fetch(`${stack.url}/docs`);
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining('swagger-ui'),
    ]);
  });

  test('shows what most of its commands print', () => {
    expect(stops.filter(({ promised }) => promised !== null).length).toBeGreaterThanOrEqual(6);
  });

  test.each(stops)('line $line prints what README shows', ({ line, promised }) => {
    const output = printed.get(line);
    expect(output, 'it was not reached').toBeDefined();
    if (promised !== null) {
      expect(masked(output ?? '')).toMatch(asPattern(promised));
    }
  });
});

/** The commands of the tour, each with the block of text behind it. */
function readTour(): readonly Stop[] {
  const above = README.slice(0, README.indexOf('## A two-minute tour')).split('\n').length;
  const blocks = codeBlocks(section(README, '## A two-minute tour'));
  return blocks.flatMap(({ language, code, line }, index) => {
    const next = blocks[index + 1];
    return language === 'sh'
      ? [
          {
            line: above + line,
            commands: code,
            promised: next?.language === 'text' ? next.code : null,
          },
        ]
      : [];
  });
}

/** All commands in one shell, as somebody types them; what each prints comes behind its line number. */
function scriptOf(stops: readonly Stop[]): string {
  const parts = stops.map(({ line, commands }) => `echo '${MARK}${line}'\n${commands}`);
  return ['set -euo pipefail', 'exec 2>&1', ...parts].join('\n');
}

/**
 * A pattern for what README shows: a line of `…` stands for any lines, ids and times for any others.
 */
function asPattern(promised: string): RegExp {
  const lines = masked(promised)
    .split('\n')
    .map((line) =>
      line === '…'
        ? String.raw`(?:.*\n)*?`
        : `${line.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)}\n`,
    );
  return new RegExp(`^${lines.join('')}$`);
}

function masked(text: string): string {
  return text
    .replaceAll(/\b(run|rev|rvr|wfv)_[A-Z2-7]{26}/g, '$1_…')
    .replaceAll(/\bbkg_[0-9a-f]{20}/g, 'bkg_…')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, '<time>');
}

type Started = { readonly url: string; stop(): Promise<void> };

/** Runs what `npm start` runs; it ends with us. */
async function start(command: string, env: NodeJS.ProcessEnv): Promise<Started> {
  const [file = '', ...args] = command.split(' ');
  const child = await spawnGuarded({
    file: file === 'node' ? process.execPath : file,
    args,
    cwd: ROOT,
    env: { ...ownEnvironment(), ...env },
    deathSignal: 'KILL',
  });
  const exited = once(child, 'close');
  const lines: string[] = [];
  const url = new Promise<string | null>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on('line', (line) => {
          lines.push(line);
          const ready = /^countersign ready: (\S+)$/.exec(line);
          if (ready?.[1] !== undefined) {
            resolve(ready[1]);
          }
        });
      }
    }
    void exited.then(() => resolve(null));
  });
  const readyAt = await url;
  if (readyAt === null) {
    throw new Error(`\`${command}\` ended before it was ready:\n${lines.join('\n')}`);
  }
  return {
    url: readyAt,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Nothing of a person's own settings for another installation. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    ['PATH', 'HOME', 'XDG_CACHE_HOME', 'TEMPORAL_CLI_PATH'].map((name) => [
      name,
      process.env[name],
    ]),
  );
}
