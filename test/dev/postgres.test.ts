import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { spawnGuarded, type ServerUser } from '../../src/dev/guarded-process.js';
import { jsonFields } from '../../src/dev/json-fields.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { startPostgres, type Postgres, type PostgresOptions } from '../../src/dev/postgres.js';
import { MACHINE } from '../../src/dev/postgres/binaries.js';
import { processIdentity } from '../../src/dev/process-identity.js';
import { SetupError } from '../../src/dev/setup-error.js';
import { becomesTrue } from '../../src/dev/wait.js';
import { testHome, type TestHome } from '../support/test-home.js';
import { isJson, startFixture } from './fixture.js';

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

const running = new Set<Postgres>();
const start = async (options: Partial<PostgresOptions> & { home: string }): Promise<Postgres> => {
  const postgres = await startPostgres({ durability: 'fast', ...options });
  running.add(postgres);
  return postgres;
};
afterEach(async () => {
  await Promise.all([...running].map((postgres) => postgres.stop()));
  running.clear();
});

describe('a new home', () => {
  test('gets a durable server with one database, one user and one password', async () => {
    const home = await newHome();
    const postgres = await start({ home, durability: 'durable' });
    const [row] = await ask(
      postgres.url,
      `select current_database() as database, current_user as "user",
        current_setting('listen_addresses') as listens, current_setting('fsync') as fsync,
        current_setting('data_checksums') as checksums, current_setting('TimeZone') as zone,
        (select datlocprovider::text || ':' || coalesce(datlocale, '') from pg_database
          where datname = current_database()) as locale`,
    );
    expect(row).toMatchObject({
      database: 'countersign',
      user: 'countersign',
      listens: LOOPBACK,
      fsync: 'on',
      zone: 'UTC',
      locale: 'b:C.UTF-8',
    });
    expect((await stat(join(home, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'postgres', 'data'))).mode & 0o777).toBe(0o700);
  });

  test('works however deep it lies, through a socket too', async () => {
    const home = join(
      await newHome(),
      'a-folder-with-a-long-name'.repeat(4),
      'and-another'.repeat(4),
    );
    const postgres = await start({ home });
    expect(await readdir(join(home, 'postgres'))).toContain('data');
    expect(await ask(postgres.socketUrl ?? postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('ends up whole when the first start was killed half way', async () => {
    const home = await newHome();
    const drafts = async (): Promise<string[]> =>
      (await readdir(home)).filter((name) => name.startsWith('postgres.new-'));
    const fixture = startFixture('hold-postgres', [home]);
    const isUnderWay = async (): Promise<boolean> => {
      const [draft = ''] = await drafts();
      const made = await readdir(join(home, draft, 'data')).catch((): string[] => []);
      return draft !== '' && made.includes('PG_VERSION');
    };
    expect(await becomesTrue(isUnderWay, 20_000, 1)).toBe(true);
    await fixture.kill();
    const postgres = await start({ home });
    expect(await ask(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await drafts()).toEqual([]);
  });

  test('can be given up while it is being made', async () => {
    const home = await newHome();
    const stop = new AbortController();
    const starting = startPostgres({ home, durability: 'fast', signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(starting).rejects.toThrow('enough');
    expect(await ask((await start({ home })).url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test.runIf(isRoot)('keeps its data elsewhere when the server cannot get there', async () => {
    const closed = await newHome();
    await chmod(closed, 0o700);
    const home = join(closed, 'home');
    const said: string[] = [];
    const postgres = await start({ home, onProgress: (line) => said.push(line) });
    const cluster = (await readFile(join(home, 'postgres-folder'), 'utf8')).trim();
    onTestFinished(async () => {
      await rm(join(cluster, '..'), { recursive: true });
      await rmdir(join(cluster, '..', '..')).catch(() => undefined); // another home may be in use there
    });
    expect(said.join()).toContain(`cannot enter ${home}, so its data is in ${join(cluster, '..')}`);
    await ask(postgres.url, 'create table kept ()');
    await postgres.stop();
    const again = await start({ home });
    expect(await ask(again.url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
  });
});

describe('a home with a database', () => {
  let home: TestHome;
  let data: string;
  let user: ServerUser | null;
  beforeAll(async () => {
    home = await testHome('postgres');
    data = join(home.path, 'postgres', 'data');
    const postgres = await startPostgres({ home: home.path, durability: 'fast' });
    await ask(postgres.url, 'create table kept (n int)');
    await ask(postgres.url, 'insert into kept values (1), (2)');
    await postgres.stop();
    const owner = await stat(data);
    user = isRoot ? { uid: owner.uid, gid: owner.gid } : null;
  });
  afterAll(async () => {
    await home.remove();
  });
  const startAgain = (options: Partial<PostgresOptions> = {}): Promise<Postgres> =>
    start({ home: home.path, ...options });
  const expectKept = async ({ url }: { url: string }): Promise<void> => {
    expect(await ask(url, 'select count(*)::int as n from kept')).toEqual([{ n: 2 }]);
  };

  test('keeps its rows, its password and its port', async () => {
    const first = await startAgain();
    await first.stop();
    const second = await startAgain();
    expect([second.url, second.socketUrl]).toEqual([first.url, first.socketUrl]);
    await expectKept(second);
  });

  test('lets nobody in without the password', async () => {
    const { url } = await startAgain();
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(ask(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('says so when the password on disk is not the one of the database', async () => {
    const file = join(home.path, 'postgres', 'password');
    const password = await readFile(file, 'utf8');
    onTestFinished(() => writeFile(file, password));
    await writeFile(file, 'another');
    await expect(startAgain()).rejects.toThrow(/refuses the password in .*password/);
  });

  test('ends at once although clients are connected, and tells how it ended', async () => {
    const postgres = await startAgain();
    const client = new Client({ connectionString: postgres.url });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    await client.connect();
    await Promise.all([postgres.stop(), postgres.stop()]);
    expect(await becomesTrue(() => errors.length > 0, 5_000)).toBe(true);
    expect(errors[0]).toMatchObject({ code: '57P01' });
    const exit = await postgres.exited;
    expect(exit).toMatchObject({ code: 0, signal: null });
    expect(exit.lastLines.join('\n')).toContain('database system is shut down');
  });

  test('comes back on the same port after its server was killed', async () => {
    const killed = await startAgain();
    process.kill(killed.pid, 'SIGKILL');
    expect(await killed.exited).toMatchObject({ signal: 'SIGKILL' });
    const again = await startAgain({ port: killed.port });
    expect(again.url).toBe(killed.url);
    expect(again.socketUrl).toBe(killed.socketUrl);
    await expectKept(again);
  });

  test.runIf(isLinux)('ends by itself when its parent is killed, and starts again', async () => {
    const parent = startFixture('hold-postgres', [home.path]);
    const { pid, url } = parsed(await parent.line(isJson));
    await ask(url, 'select 1');
    const identity = await processIdentity(pid);
    await parent.kill();
    const again = await startAgain();
    expect(await processIdentity(pid)).not.toBe(identity);
    await expectKept(again);
  });

  test('replaces a server that an earlier process left running', async () => {
    const left = await leaveServer(data, user);
    const again = await startAgain();
    expect(await processIdentity(left)).toBeNull();
    await expectKept(again);
  });

  test('is not kept out by a pid that another program has by now', async () => {
    const other = await spawnGuarded({
      file: 'sleep',
      args: ['100'],
      cwd: '/',
      user,
      deathSignal: 'KILL',
      stdio: 'ignore',
    });
    onTestFinished(() => void other.kill('SIGKILL'));
    await writePidFile(data, other.pid ?? 0, user);
    await expectKept(await startAgain());
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });

  test.runIf(isLinux)('is not kept out by a zombie', async () => {
    // The shell becomes `sleep 100`, which never collects the child that the shell had started.
    const parent = await spawnGuarded({
      file: '/bin/sh',
      args: ['-c', 'sleep 0.05 & echo $!; exec sleep 100'],
      cwd: '/',
      user,
      deathSignal: 'KILL',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    let said = '';
    parent.stdout?.on('data', (chunk) => {
      said += String(chunk);
    });
    expect(await becomesTrue(() => said.endsWith('\n'), 5_000)).toBe(true);
    const zombie = Number(said);
    expect(await becomesTrue(async () => (await processIdentity(zombie)) === null, 5_000)).toBe(
      true,
    );
    process.kill(zombie, 0);
    await writePidFile(data, zombie, user);
    await expectKept(await startAgain());
  });

  test('takes another port when somebody has its own, unless it must not', async () => {
    const first = await startAgain();
    await first.stop();
    const rival = createServer().listen(first.port, LOOPBACK);
    await once(rival, 'listening');
    onTestFinished(() => void rival.close());
    await expect(startAgain({ port: first.port, patienceMs: 100 })).rejects.toThrow(
      `PostgreSQL cannot start again on port ${first.port}, which another program has taken`,
    );
    const elsewhere = await startAgain();
    expect(elsewhere.port).not.toBe(first.port);
    await expectKept(elsewhere);
  });

  test('of another major version is refused with both versions', async () => {
    const file = join(data, 'PG_VERSION');
    const version = await readFile(file, 'utf8');
    onTestFinished(() => writeFile(file, version));
    await writeFile(file, '9\n');
    const starting = startAgain();
    await expect(starting).rejects.toBeInstanceOf(SetupError);
    await expect(starting).rejects.toThrow(
      /made by PostgreSQL 9, and only version \d+ \(.*\) was found: install PostgreSQL 9, or set COUNTERSIGN_HOME/,
    );
  });

  test('that is incomplete is set aside, and a new one is made', async () => {
    const broken = await newHome();
    await mkdir(join(broken, 'postgres', 'data'), { recursive: true });
    await writeFile(join(broken, 'postgres', 'data', 'PG_VERSION'), '18\n');
    const said: string[] = [];
    const postgres = await start({ home: broken, onProgress: (line) => said.push(line) });
    expect(await ask(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    const [aside = ''] = (await readdir(broken)).filter((name) => name.includes('incomplete'));
    expect(await readFile(join(broken, aside, 'data', 'PG_VERSION'), 'utf8')).toBe('18\n');
    expect(said.join()).toContain('was incomplete and has been set aside');
  });
});

test('two homes run side by side', async () => {
  const [one, two] = await Promise.all([
    start({ home: await newHome() }),
    start({ home: await newHome() }),
  ]);
  expect(one.port).not.toBe(two.port);
  await ask(one.url, 'create table only_here ()');
  await expect(ask(two.url, 'select from only_here')).rejects.toMatchObject({ code: '42P01' });
});

test('a server that ends before it is ready is an error with its last lines', async () => {
  const home = await newHome();
  await (await start({ home })).stop();
  const control = join(home, 'postgres', 'data', 'global', 'pg_control');
  await rename(control, `${control}.gone`);
  const error: unknown = await startPostgres({ home, durability: 'fast' }).catch((e: unknown) => e);
  const { message, details } = error instanceof SetupError ? error : new SetupError('none');
  expect(message).toMatch(/^PostgreSQL ended before it was ready \(exit code \d\): see .*log/);
  expect(details.join('\n')).toContain('pg_control');
});

async function newHome(): Promise<string> {
  const home = await testHome('postgres');
  onTestFinished(() => home.remove());
  return home.path;
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Starts a server on a stopped home as if by another process that has gone; gives its pid when it is ready. */
async function leaveServer(data: string, user: ServerUser | null): Promise<number> {
  const [installation] = await MACHINE.installations();
  const port = await freePort();
  const child = await spawnGuarded({
    file: join(installation?.bin ?? '', 'postgres'),
    args: ['-D', data, '-p', String(port), '-c', 'unix_socket_directories='],
    cwd: data,
    user,
    deathSignal: 'KILL',
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const isReady = async (): Promise<boolean> =>
    (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).includes('ready');
  expect(await becomesTrue(isReady, 10_000)).toBe(true);
  return child.pid ?? 0;
}

/** Writes what a server on port 1 would leave behind if it was killed. */
async function writePidFile(data: string, pid: number, user: ServerUser | null): Promise<void> {
  const file = join(data, 'postmaster.pid');
  await writeFile(file, [pid, data, 1_700_000_000, 1, '', LOOPBACK, '', 'ready', ''].join('\n'));
  if (user !== null) {
    await chown(file, user.uid, user.gid);
  }
}

function parsed(line: string): { pid: number; url: string } {
  const { pid, url } = jsonFields(line);
  return { pid: Number(pid), url: String(url) };
}
