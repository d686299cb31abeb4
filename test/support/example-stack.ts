import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import type { RunningStack } from '../../examples/running-stack.js';
import { createClient } from '../../src/client/index.js';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort } from '../../src/dev/ports.js';
import { ROOT } from '../docs/markdown.js';
import { createTestDatabase } from './database.js';
import { testHome } from './test-home.js';
import { until } from './until.js';

/** A stack as `countersign up` runs it, on the tests' own servers, and a way to run demos beside it. */
export type ExampleStack = RunningStack & {
  readonly home: string;
  /** Runs `npm run demo -- <example>` and gives what it printed. */
  demo(example: string): Promise<string>;
  stop(): Promise<void>;
};

/** Starts an API and a worker with the functions of all examples, as processes. */
export async function startExampleStack(
  settings: Readonly<Record<string, string>>,
): Promise<ExampleStack> {
  const home = await testHome('examples');
  const database = await createTestDatabase();
  const inherited = ['PATH', 'HOME', 'XDG_CACHE_HOME'];
  const env = {
    ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    COUNTERSIGN_TASK_QUEUE: `examples-${randomUUID()}`,
    COUNTERSIGN_HOME: home.path,
    PORT: `${await freePort()}`,
    ...settings,
  };
  const child = await spawnGuarded({
    file: process.execPath,
    args: ['bin/countersign.js', 'up', '--no-demo'],
    cwd: ROOT,
    env,
    deathSignal: 'KILL',
  });
  const lines = linesOf(child);
  const gone = once(child, 'close');
  const url = await until(
    'the stack',
    () => lines.map((line) => /^countersign ready: (\S+)$/.exec(line)?.[1]).find(Boolean),
    110_000,
  );
  const token = (await readFile(join(home.path, 'admin-token'), 'utf8')).trim();
  return {
    url,
    databaseUrl: database.url,
    client: createClient({ url, token }),
    home: home.path,
    demo: async (example) => {
      const args = ['run', '--silent', 'demo', '--', example];
      const { stdout } = await promisify(execFile)('npm', args, { cwd: ROOT, env });
      return stdout;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
      await database.drop();
      await home.remove();
    },
  };
}

function linesOf({ stdout, stderr }: ChildProcess): readonly string[] {
  const lines: string[] = [];
  for (const stream of [stdout, stderr]) {
    if (stream !== null) {
      createInterface({ input: stream }).on('line', (line) => lines.push(line));
    }
  }
  return lines;
}
