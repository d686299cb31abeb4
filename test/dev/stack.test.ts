import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { lockHome, openHome } from '../../src/dev/home.js';
import { fieldsOf, jsonFields } from '../../src/dev/json-fields.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { commandLine, processIdentity } from '../../src/dev/process-identity.js';
import { SetupError } from '../../src/dev/setup-error.js';
import { startStack, type Stack, type StackOptions } from '../../src/dev/stack.js';
import { DYNAMIC_CONFIG, dynamicConfigArgs } from '../../src/dev/temporal/dynamic-config.js';
import { becomesTrue } from '../../src/dev/wait.js';
import { testHome } from '../support/test-home.js';
import { startFixture, type Fixture } from './fixture.js';
import { stackCommand } from './fixtures/stack-command.js';

const isLinux = process.platform === 'linux';

/** Servers that run already, so that a test starts none. */
const given = (): NodeJS.ProcessEnv => ({
  ...process.env,
  DATABASE_URL: inject('postgresUrl'),
  TEMPORAL_ADDRESS: inject('temporalAddress'),
});

const start = async (options: Partial<StackOptions> & { home: string }): Promise<Stack> => {
  const stack = await startStack({
    env: process.env,
    host: LOOPBACK,
    port: 0,
    command: stackCommand,
    prepare: () => Promise.resolve(),
    print: () => undefined,
    ...options,
  });
  onTestFinished(() => stack.stop({ force: true }));
  return stack;
};

describe('startStack', () => {
  test('restarts what dies, on the ports it had, and leaves a second stack alone', async () => {
    const lines: string[] = [];
    const [stack, other] = await Promise.all([
      start({ home: await newHome(), print: (line) => lines.push(line) }),
      start({ home: await newHome() }),
    ]);
    expect(lines).toEqual([
      'starting PostgreSQL',
      'starting Temporal',
      'preparing the database and Temporal',
      'starting the worker and the API',
      `countersign ready: ${stack.urls.apiUrl}`,
    ]);
    const names = ['PostgreSQL', 'Temporal', 'worker', 'api'];
    expect(stack.status().map(({ name }) => name)).toEqual(names);
    const before = pids(stack);
    expect(await temporalSettings(stack)).toEqual(dynamicConfigArgs(DYNAMIC_CONFIG));
    const untouched = pids(other);
    for (const name of names) {
      process.kill(before[name] ?? 0, 'SIGKILL');
    }
    const isBack = (): boolean =>
      stack.status().every(({ name, state, pid }) => state === 'running' && pid !== before[name]);
    expect(
      await becomesTrue(isBack, 20_000),
      JSON.stringify([lines, stack.status()], null, 1),
    ).toBe(true);
    await ask(stack.urls.databaseUrl);
    expect(await temporalSettings(stack)).toEqual(dynamicConfigArgs(DYNAMIC_CONFIG));
    expect(await becomesTrue(() => isReady(stack), 10_000)).toBe(true);
    expect(await environmentAt(stack.urls.apiUrl)).toMatchObject({
      DATABASE_URL: stack.urls.databaseUrl,
      TEMPORAL_ADDRESS: stack.urls.temporalAddress,
      COUNTERSIGN_HOME: stack.urls.home.path,
    });
    expect(pids(other)).toEqual(untouched);
    expect(other.urls.databaseUrl).not.toBe(stack.urls.databaseUrl);
    await Promise.all([stack.stop(), other.stop()]);
  });

  test('uses the servers that the environment names, and starts none beside them', async () => {
    const stack = await start({ home: await newHome(), env: given() });
    expect(stack.status().map(({ name }) => name)).toEqual(['worker', 'api']);
    expect(stack.urls).toMatchObject({
      databaseUrl: inject('postgresUrl'),
      temporalAddress: inject('temporalAddress'),
      temporalNamespace: 'default',
      temporalUiUrl: null,
    });
  });

  test('prepares before its own processes start, and tells that it is ready last', async () => {
    const order: string[] = [];
    await start({
      home: await newHome(),
      env: given(),
      command: (name) => {
        order.push(name);
        return stackCommand(name);
      },
      prepare: () => {
        order.push('prepare');
        return Promise.resolve();
      },
      onReady: () => {
        order.push('onReady');
      },
      print: (line) => {
        if (line.startsWith('countersign ready')) {
          order.push('ready');
        }
      },
    });
    expect(order).toEqual(['prepare', 'worker', 'api', 'onReady', 'ready']);
  });

  test('names a port that is taken before it starts anything', async () => {
    const port = await freePort();
    const rival = createServer().listen(port, LOOPBACK);
    await once(rival, 'listening');
    onTestFinished(() => void rival.close());
    const home = await newHome();
    const starting = start({ home, port });
    await expect(starting).rejects.toBeInstanceOf(SetupError);
    await expect(starting).rejects.toThrow(`Port ${port} on ${LOOPBACK} is already in use`);
    expect((await readdir(home)).includes('postgres')).toBe(false);
    await expectFree(home);
  });

  test('gives up, with its last lines, on an API that keeps ending', async () => {
    const home = await newHome();
    const env = { ...given(), STAND_IN: 'broken' };
    const error: unknown = await start({ home, env }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SetupError);
    expect(error).toMatchObject({
      message: `The api process keeps ending before it is ready: see ${home}/logs/api.log.`,
      details: ['PORT makes no sense'],
    });
    await expectFree(home);
  });

  test('leaves nothing running when the preparation fails', async () => {
    const home = await newHome();
    const running: number[] = [];
    const starting = start({
      home,
      env: { ...given(), DATABASE_URL: '' },
      prepare: async ({ databaseUrl }) => {
        running.push(await serverPid(databaseUrl));
        throw new Error('the schema is newer than this version');
      },
    });
    await expect(starting).rejects.toThrow('the schema is newer than this version');
    expect(await Promise.all(running.map(processIdentity))).toEqual([null]);
    await expectFree(home);
  });

  test('can be given up while the preparation hangs', async () => {
    const home = await newHome();
    const stop = new AbortController();
    const starting = start({
      home,
      env: given(),
      signal: stop.signal,
      prepare: () => {
        stop.abort(new Error('Ctrl-C'));
        return new Promise(() => undefined);
      },
    });
    await expect(starting).rejects.toThrow('Ctrl-C');
    await expectFree(home);
  });
});

describe('runStack', () => {
  test.runIf(isLinux)('survives a kill, refuses a second start, and ends cleanly', async () => {
    const home = await newHome();
    // Not the usual ports: another stack may take them between two starts.
    const opened = await openHome(home);
    await opened.rememberPort('temporal', await freePort());
    await opened.rememberPort('temporal-ui', await freePort());
    // What belongs to another Temporal must not reach the clients of this one.
    const env = { TEMPORAL_API_KEY: 'secret', TEMPORAL_TLS: 'true' };
    const killed = startStackProcess([home], env);
    const first = await prepared(killed);
    await killed.line((line) => line.startsWith('countersign ready'));
    const everybody = await childrenOf(killed);
    expect(everybody.length).toBe(4);
    await killed.kill();
    expect(await becomesTrue(() => allGone(everybody), 15_000)).toBe(true);

    const again = startStackProcess([home], env);
    const second = await prepared(again);
    expect(second['databaseUrl']).toBe(first['databaseUrl']);
    expect(second['temporalAddress']).toBe(first['temporalAddress']);
    const ready = await again.line((line) => line.startsWith('countersign ready'));
    expect(await environmentAt(ready.replace('countersign ready: ', ''))).toMatchObject({
      TEMPORAL_ADDRESS: second['temporalAddress'],
      TEMPORAL_API_KEY: null,
    });

    const rival = startStackProcess([home]);
    expect(await rival.exited).toBe(1);
    expect(rival.lines).toEqual([
      `setup error: Countersign is already running on ${home} (process ${again.child.pid}): stop it first, or set COUNTERSIGN_HOME to another folder.`,
    ]);

    const last = await childrenOf(again);
    again.child.kill('SIGINT');
    expect(await again.exited).toBe(0);
    expect(await allGone(last)).toBe(true);
    await expectFree(home);
  });

  test.runIf(isLinux)('does not wait any longer after the second Ctrl-C', async () => {
    const home = await newHome();
    const fixture = startStackProcess([home], { ...given(), STAND_IN: 'stubborn' });
    await fixture.line((line) => line.startsWith('countersign ready'));
    const children = await childrenOf(fixture);
    fixture.child.kill('SIGINT');
    const wasAsked = async (): Promise<boolean> =>
      (await readFile(join(home, 'logs', 'api.log'), 'utf8')).includes('asked to end');
    expect(await becomesTrue(wasAsked, 10_000)).toBe(true);
    fixture.child.kill('SIGINT');
    expect(await fixture.exited).toBe(0);
    expect(await allGone(children)).toBe(true);
  });
});

function pids(stack: Stack): Readonly<Record<string, number>> {
  return Object.fromEntries(stack.status().map(({ name, pid }) => [name, pid ?? 0]));
}

/** The settings that a stack's Temporal server was started with; its log and API do not tell them. */
async function temporalSettings(stack: Stack): Promise<readonly string[]> {
  const line = (await commandLine(pids(stack)['Temporal'] ?? 0)) ?? '';
  return line.split(' ').filter((argument) => argument.startsWith('--dynamic-config-value='));
}

async function isReady(stack: Stack): Promise<boolean> {
  return await fetch(`${stack.urls.apiUrl}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function environmentAt(url: string): Promise<Readonly<Record<string, unknown>>> {
  return fieldsOf(jsonFields(await (await fetch(url)).text())['given']);
}

function startStackProcess(args: readonly string[], env: NodeJS.ProcessEnv = {}): Fixture {
  const fixture = startFixture('run-stack', args, env);
  onTestFinished(() => fixture.kill());
  return fixture;
}

/** What a stack's preparation was told. */
async function prepared(fixture: Fixture): Promise<Readonly<Record<string, unknown>>> {
  const line = await fixture.line((each) => each.startsWith('prepare '));
  return jsonFields(line.slice('prepare '.length));
}

type Child = { readonly pid: number; readonly identity: string | null };

/** The processes that a stack started, as Linux lists them; not the compiler that runs this TypeScript. */
async function childrenOf({ child }: Fixture): Promise<readonly Child[]> {
  const list = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  const children: Child[] = [];
  for (const pid of list.trim().split(' ').map(Number)) {
    if (!((await commandLine(pid)) ?? '').includes('esbuild')) {
      children.push({ pid, identity: await processIdentity(pid) });
    }
  }
  return children;
}

async function allGone(children: readonly Child[]): Promise<boolean> {
  const now = await Promise.all(children.map(({ pid }) => processIdentity(pid)));
  return children.every(({ identity }, index) => now[index] !== identity);
}

async function serverPid(url: string): Promise<number> {
  const [row] = await ask(
    url,
    "select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::int as pid",
  );
  return Number(fieldsOf(row)['pid']);
}

async function ask(url: string, sql = 'select 1'): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A stack that ended has given its home back. */
async function expectFree(home: string): Promise<void> {
  await (await lockHome(await openHome(home))).release();
}

async function newHome(): Promise<string> {
  const home = await testHome('stack');
  onTestFinished(() => home.remove());
  return home.path;
}
