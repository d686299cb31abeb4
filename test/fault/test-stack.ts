import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { findLocalStack } from '../../src/cli/local-stack.js';
import { type Client, createClient } from '../../src/client/index.js';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort } from '../../src/dev/ports.js';
import { commandLine, processIdentity, signalProcess } from '../../src/dev/process-identity.js';
import { countersign } from '../cli/countersign.js';
import { testHome } from '../support/test-home.js';
import { until } from '../support/until.js';
import { type Journal, JOURNAL_VARIABLE, openJournal } from './journal.js';

const BIN = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));
const BLOCKS = fileURLToPath(new URL('blocks.ts', import.meta.url));

/** What a stack consists of, and how the command line of each part is recognised. */
const COMMANDS = {
  api: /countersign\.js api$/,
  worker: /countersign\.js worker /,
  Temporal: / server start-dev /,
  PostgreSQL: /postgres -D /,
} as const;
export type Part = keyof typeof COMMANDS;
export const PARTS: readonly Part[] = ['api', 'worker', 'Temporal', 'PostgreSQL'];

/** The children of a stack are looked up in /proc, and only Linux ends them when their parent is killed. */
export const isLinux = process.platform === 'linux';

/** A process that was killed. */
export type Killed = { readonly part: Part; readonly pid: number };

/** What `/readyz` answered. */
export type Readiness = {
  readonly status: number;
  readonly temporal: string;
  readonly pending: number;
  readonly failed: number;
};

/** What `countersign doctor` found. */
export type Diagnosis = {
  readonly code: number | null;
  readonly findings: z.infer<typeof diagnosis>['findings'];
};

/** What `countersign up` runs on a home; the home and its address stay when its processes end. */
export type TestStack = {
  readonly home: string;
  readonly url: string;
  readonly journal: Journal;
  /** Runs `countersign up` until it says that it is ready. */
  up(): Promise<void>;
  clientOf(token: string): Client;
  admin(): Promise<Client>;
  /** The process of a part; null while there is none. */
  pidOf(part: Part): Promise<number | null>;
  /** Kills a part at once, and says which process that was. */
  kill(part: Part): Promise<Killed>;
  /** Waits until what was killed has been started again. */
  isBack(killed: Killed): Promise<void>;
  readyz(): Promise<Readiness>;
  /** Where its servers are; restarts keep that. */
  databaseUrl(): Promise<string>;
  temporalAddress(): Promise<string>;
  doctor(...options: readonly string[]): Promise<Diagnosis>;
  /** What a part has written to its log so far. */
  log(name: 'api' | 'worker'): Promise<string>;
  /** Asks `up` to end; resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Kills `up` itself, and waits until everything that it ran is gone. */
  crash(): Promise<void>;
  /** Prints what its parts wrote last, for a test that fails: the home is removed afterwards. */
  tell(): Promise<void>;
  /** Ends and removes everything. */
  remove(): Promise<void>;
};

const TOLD_LINES = 30;
const TOLD_CHARACTERS = 500;

/** Makes a home and brings a stack up on it. */
export async function startTestStack(): Promise<TestStack> {
  const folder = await testHome('fault');
  const home = folder.path;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const journal = openJournal(join(home, 'journal'));
  const said: string[] = [];
  let current: Up | null = null;

  const upNow = (): Up => {
    if (current === null) {
      throw new Error('the stack is not up');
    }
    return current;
  };
  const pidOf = async (part: Part): Promise<number | null> => {
    for (const pid of await childrenOf(upNow().pid)) {
      if (COMMANDS[part].test((await commandLine(pid)) ?? '')) {
        return pid;
      }
    }
    return null;
  };
  const stack: TestStack = {
    home,
    url,
    journal,
    up: async () => {
      current = await spawnUp({ PORT: `${port}`, COUNTERSIGN_HOME: home }, journal, said);
      await current.ready;
    },
    clientOf: (token) => createClient({ url, token, timeoutMs: 15_000 }),
    admin: async () => stack.clientOf((await readFile(join(home, 'admin-token'), 'utf8')).trim()),
    pidOf,
    kill: async (part) => {
      const pid = await until(`a process of ${part}`, () => pidOf(part));
      await killNow(pid);
      return { part, pid };
    },
    isBack: async ({ part, pid: killed }) => {
      await until(
        `${part} to be started again`,
        async () => {
          const pid = await pidOf(part);
          return pid !== null && pid !== killed;
        },
        60_000,
      );
    },
    readyz: () => readReadiness(url),
    databaseUrl: async () => (await findLocalStack(home))?.database_url ?? '',
    temporalAddress: async () => (await findLocalStack(home))?.temporal_address ?? '',
    doctor: (...options) => runDoctor(home, options),
    log: (name) => readFile(join(home, 'logs', `${name}.log`), 'utf8').catch(() => ''),
    stop: async () => {
      const { pid, exited } = upNow();
      signalProcess(pid, 'SIGTERM');
      const code = await exited;
      current = null;
      return code;
    },
    crash: async () => {
      const { pid } = upNow();
      const everybody = [pid, ...(await childrenOf(pid))];
      const identities = await Promise.all(everybody.map(processIdentity));
      signalProcess(pid, 'SIGKILL');
      await until('everything that `up` ran to be gone', async () => {
        const now = await Promise.all(everybody.map(processIdentity));
        return now.every((identity, index) => identity === null || identity !== identities[index]);
      });
      current = null;
    },
    tell: async () => {
      console.log(`countersign up:\n${said.slice(-TOLD_LINES).join('\n')}`);
      for (const name of await readdir(join(home, 'logs'))) {
        const text = await readFile(join(home, 'logs', name), 'utf8');
        const lines = text.split('\n').filter((line) => !line.includes('"msg":"request"'));
        const last = lines.slice(-TOLD_LINES).map((line) => line.slice(0, TOLD_CHARACTERS));
        console.log(`${name}:\n${last.join('\n')}`);
      }
    },
    remove: async () => {
      if (current !== null) {
        await stack.crash();
      }
      await folder.remove();
    },
  };
  try {
    await stack.up();
  } catch (error) {
    await stack.remove();
    throw error;
  }
  return stack;
}

/** A running `countersign up`. */
type Up = {
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly exited: Promise<number | null>;
};

/** It dies with us, and so does everything that it runs. */
async function spawnUp(env: NodeJS.ProcessEnv, journal: Journal, said: string[]): Promise<Up> {
  const child = await spawnGuarded({
    file: process.execPath,
    args: [BIN, 'up', '--blocks', BLOCKS],
    env: {
      ...withoutOurSettings(process.env),
      ...env,
      LOG_LEVEL: 'info',
      [JOURNAL_VARIABLE]: journal.folder,
    },
    deathSignal: 'KILL',
  });
  const exited = once(child, 'close').then(([code]: unknown[]) =>
    typeof code === 'number' ? code : null,
  );
  return { pid: child.pid ?? -1, exited, ready: sayingReady(child, exited, said) };
}

async function sayingReady(
  child: ChildProcess,
  exited: Promise<unknown>,
  said: string[],
): Promise<void> {
  const ready = new Promise<true>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on('line', (line) => {
          said.push(line);
          if (line.startsWith('countersign ready')) {
            resolve(true);
          }
        });
      }
    }
  });
  const isReady = await Promise.race([ready, exited.then(() => false)]);
  if (!isReady) {
    throw new Error(`\`countersign up\` ended before it was ready:\n${said.join('\n')}`);
  }
}

/** A person's own settings for another installation are none of this one's. */
function withoutOurSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) =>
      name === 'TEMPORAL_CLI_PATH' ||
      !/^(TEMPORAL_|COUNTERSIGN_|DATABASE_URL$|HOST$|NODE_OPTIONS$|VITEST)/.test(name),
  );
  return Object.fromEntries(kept);
}

/** The children of a process, whichever of its threads started them. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) =>
      readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => ''),
    ),
  );
  return lists.flatMap((list) =>
    list
      .split(' ')
      .filter((each) => each.trim() !== '')
      .map(Number),
  );
}

/** Kills a process, and resolves when it is gone. */
async function killNow(pid: number): Promise<void> {
  const identity = await processIdentity(pid);
  signalProcess(pid, 'SIGKILL');
  await until(
    `process ${pid} to be gone`,
    async () => identity === null || (await processIdentity(pid)) !== identity,
  );
}

const readiness = z.object({
  temporal: z.string(),
  backlog: z.object({ pending: z.int(), failed: z.int() }).nullable(),
});

async function readReadiness(url: string): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
  const { temporal, backlog } = readiness.parse(await response.json());
  return {
    status: response.status,
    temporal,
    pending: backlog?.pending ?? -1,
    failed: backlog?.failed ?? -1,
  };
}

const diagnosis = z.object({
  findings: z.array(
    z.object({
      code: z.string(),
      runId: z.string().nullable(),
      message: z.string(),
      fixed: z.boolean(),
    }),
  ),
});

async function runDoctor(home: string, options: readonly string[]): Promise<Diagnosis> {
  const env = { COUNTERSIGN_HOME: home };
  const { code, stdout, stderr } = await countersign(['doctor', '--json', ...options], { env });
  if (stdout === '') {
    throw new Error(`doctor could not look (exit code ${code}): ${stderr}`);
  }
  return { code, findings: diagnosis.parse(JSON.parse(stdout)).findings };
}
