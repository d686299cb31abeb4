import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Connection } from '@temporalio/client';
import { Client as PgClient } from 'pg';
import { bootstrap } from '../../../src/cli/bootstrap.js';
import { spawnGuarded } from '../../../src/dev/guarded-process.js';
import { freePort } from '../../../src/dev/ports.js';
import { startPostgres, type Postgres } from '../../../src/dev/postgres.js';
import { signalProcess } from '../../../src/dev/process-identity.js';
import { ensureNamespace } from '../../../src/dev/temporal/namespace.js';
import { findTemporalCli } from '../../../src/dev/temporal-cli.js';
import { startTemporalServer, type TemporalServer } from '../../../src/dev/temporal-server.js';
import { testHome } from '../../support/test-home.js';
import { until } from '../../support/until.js';
import { EXECUTIONS_VARIABLE } from './executions.js';
import { TcpProxy } from './tcp-proxy.js';

const LOOPBACK = '127.0.0.1';

/** The processes of ours, which nobody supervises but the campaign. */
export const PARTS = ['api-1', 'api-2', 'worker-1', 'worker-2'] as const;
export type Part = (typeof PARTS)[number];

/** The two servers behind the proxies. */
export const SERVERS = ['postgres', 'temporal'] as const;
export type ServerName = (typeof SERVERS)[number];

/** A database and a Temporal server that campaigns run on, one after another. */
export type Servers = {
  readonly home: string;
  /** The server, past all proxies; `database` is one that this server has. */
  databaseUrl(database: string): string;
  readonly temporalAddress: string;
  /** Makes an empty database and an empty namespace of that name. */
  prepare(name: string): Promise<void>;
  /** Ends a server at once, and starts it again on its port after a while. */
  crash(server: ServerName, downMs: number): Promise<void>;
  stop(): Promise<void>;
};

/** Starts PostgreSQL and Temporal in a home of their own, which is removed with them. */
export async function startServers(say: (line: string) => void): Promise<Servers> {
  const folder = await testHome('campaign');
  const home = folder.path;
  const ports = { postgres: await freePort(), temporal: await freePort(), ui: await freePort() };
  const cli = await findTemporalCli({ env: process.env, onProgress: say });
  const startDatabase = (): Promise<Postgres> =>
    startPostgres({ home, durability: 'fast', port: ports.postgres });
  const startTemporal = (): Promise<TemporalServer> =>
    startTemporalServer({ home, cli: cli.path, port: ports.temporal, uiPort: ports.ui });
  let postgres: Postgres | null = null;
  let temporal: TemporalServer | null = null;
  const stop = async (): Promise<void> => {
    await Promise.all([postgres?.stop({ force: true }), temporal?.stop({ force: true })]);
    await folder.remove();
  };
  try {
    [postgres, temporal] = await Promise.all([startDatabase(), startTemporal()]);
  } catch (error) {
    await stop();
    throw error;
  }
  const { url } = postgres;
  const databaseUrl = (database: string): string => {
    const own = new URL(url);
    own.pathname = `/${database}`;
    return own.href;
  };
  const temporalAddress = `${LOOPBACK}:${ports.temporal}`;
  return {
    home,
    databaseUrl,
    temporalAddress,
    prepare: async (name) => {
      await withDatabase(url, async (client) => {
        await client.query(`create database "${name}"`);
        // Without it a server that is killed loses what it has acknowledged; without fsync it does not.
        await client.query(`alter database "${name}" set synchronous_commit = on`);
      });
      await makeNamespace(temporalAddress, name);
    },
    crash: async (server, downMs) => {
      const crashed = server === 'postgres' ? postgres : temporal;
      if (crashed !== null) {
        signalProcess(crashed.pid, 'SIGKILL');
        await crashed.exited;
      }
      await pause(downMs);
      // A starved machine may need more than one try; whoever waits for the server waits as well.
      await until(
        `${server} to start again`,
        async () => {
          try {
            if (server === 'postgres') {
              postgres = await startDatabase();
            } else {
              temporal = await startTemporal();
            }
            return true;
          } catch (error) {
            say(`${server} did not start again: ${String(error)}`);
            return false;
          }
        },
        RESTART_WITHIN_MS,
      );
    },
    stop,
  };
}

/** Runs something on a connection of its own. */
export async function withDatabase<T>(
  url: string,
  work: (client: PgClient) => Promise<T>,
): Promise<T> {
  const client = new PgClient({ connectionString: url });
  client.on('error', () => undefined); // a server that is killed while we ask; the query fails as well
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function makeNamespace(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await ensureNamespace(connection, namespace);
    // A namespace is known everywhere some seconds after it was registered.
    await until(`namespace ${namespace}`, () =>
      connection.workflowService.listWorkflowExecutions({ namespace, pageSize: 1 }).then(
        () => true,
        () => false,
      ),
    );
  } finally {
    await connection.close();
  }
}

/** One process of ours, behind proxies of its own. */
export type Member = {
  readonly part: Part;
  /** Where an API answers; empty for a worker. */
  readonly url: string;
  readonly proxies: Readonly<Record<ServerName, TcpProxy>>;
  /** The pids it has had. */
  readonly pids: readonly number[];
  /** When it was not running or not scheduled, in milliseconds since 1970; the last may still go on. */
  readonly absences: readonly Absence[];
  kill(): Promise<void>;
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
};

/** A time in which a process could not answer, by our own doing. */
export type Absence = { readonly from: number; to: number | null };

/** APIs and workers on one pair of servers. */
export type Topology = {
  readonly members: readonly Member[];
  readonly databaseUrl: string;
  readonly namespace: string;
  readonly temporalAddress: string;
  /** The token of the admin that every installation begins with. */
  readonly adminToken: string;
  readonly executionsFile: string;
  readonly logs: string;
  /** What ended though nobody had asked it to. */
  readonly crashes: readonly string[];
  /** Runs a command of the product to its end, past all proxies. */
  command(args: readonly string[], signal?: AbortSignal): Promise<CommandResult>;
  stop(): Promise<void>;
};

export type CommandResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type TopologyOptions = {
  readonly servers: Servers;
  /** Names the database and the namespace. */
  readonly name: string;
  /** Which processes there are. */
  readonly parts: readonly Part[];
  /** The checkout whose `bin/countersign.js` runs: this one, or a copy with a planted fault. */
  readonly checkout: string;
};

/** Prepares the servers and starts the processes; everything ends with this process, however that ends. */
export async function startTopology(options: TopologyOptions): Promise<Topology> {
  const { servers, name, checkout } = options;
  await servers.prepare(name);
  const folder = join(servers.home, name);
  await mkdir(folder, { recursive: true });
  const executionsFile = join(folder, 'executions.jsonl');
  const direct = {
    databaseUrl: servers.databaseUrl(name),
    temporalAddress: servers.temporalAddress,
  };
  const environment = (databaseUrl: string, temporalAddress: string): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    TMPDIR: process.env['TMPDIR'],
    COUNTERSIGN_HOME: folder,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: name,
    HOST: LOOPBACK,
    LOG_LEVEL: 'info',
    // So that a campaign sees many audits, and not one.
    COUNTERSIGN_AUDIT_EVERY: '10s',
    [EXECUTIONS_VARIABLE]: executionsFile,
  });
  const bin = join(checkout, 'bin', 'countersign.js');
  const running = new Set<ChildProcess>();
  const command = async (args: readonly string[], signal?: AbortSignal): Promise<CommandResult> => {
    const child = await spawnGuarded({
      file: process.execPath,
      args: [bin, ...args],
      env: environment(direct.databaseUrl, direct.temporalAddress),
      deathSignal: 'KILL',
    });
    running.add(child);
    const abort = (): void => {
      child.kill('SIGKILL');
    };
    signal?.addEventListener('abort', abort);
    const [stdout, stderr] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      once(child, 'close'),
    ]);
    signal?.removeEventListener('abort', abort);
    running.delete(child);
    return { code: child.exitCode, stdout, stderr };
  };
  // By the checkout's own command: a fault may be planted in the schema, too.
  const migrated = await command(['migrate']);
  if (migrated.code !== 0) {
    throw new Error(`the schema could not be brought up to date: ${migrated.stderr}`);
  }
  const tokenFile = join(folder, 'admin-token');
  await bootstrap(direct.databaseUrl, tokenFile);
  const crashes: string[] = [];
  const members = await Promise.all(
    options.parts.map(async (part) => {
      const ports = {
        postgres: await freePort(),
        temporal: await freePort(),
        http: await freePort(),
      };
      const target = new URL(direct.databaseUrl);
      const [host = LOOPBACK, port = ''] = direct.temporalAddress.split(':');
      const proxies = {
        postgres: new TcpProxy({ host: target.hostname, port: Number(target.port) }),
        temporal: new TcpProxy({ host, port: Number(port) }),
      };
      await proxies.postgres.listen(ports.postgres);
      await proxies.temporal.listen(ports.temporal);
      target.port = `${ports.postgres}`;
      return member({
        part,
        url: part.startsWith('api') ? `http://${LOOPBACK}:${ports.http}` : '',
        proxies,
        crashes,
        logFile: join(folder, `${part}.log`),
        spawn: () =>
          spawnGuarded({
            file: process.execPath,
            args: part.startsWith('api')
              ? [bin, 'api']
              : [bin, 'worker', '--blocks', join(checkout, 'test/fault/campaign/blocks.ts')],
            env: {
              ...environment(target.href, `${LOOPBACK}:${ports.temporal}`),
              PORT: `${ports.http}`,
            },
            deathSignal: 'KILL',
          }),
      });
    }),
  );
  await Promise.all(members.map((one) => one.start()));
  return {
    members,
    ...direct,
    namespace: name,
    adminToken: (await readFile(tokenFile, 'utf8')).trim(),
    executionsFile,
    logs: folder,
    crashes,
    command,
    stop: async () => {
      for (const child of running) {
        child.kill('SIGKILL');
      }
      await Promise.all(members.map((one) => one.kill()));
      await Promise.all(
        members.flatMap(({ proxies }) => [proxies.postgres.close(), proxies.temporal.close()]),
      );
    },
  };
}

const RESTART_WITHIN_MS = 60_000;
const RESTART_AFTER_CRASH_MS = 1_000;

function member(about: {
  readonly part: Part;
  readonly url: string;
  readonly proxies: Member['proxies'];
  readonly crashes: string[];
  readonly logFile: string;
  readonly spawn: () => Promise<ChildProcess>;
}): Member {
  const { part, url, proxies, crashes, logFile, spawn } = about;
  const pids: number[] = [];
  const absences: Absence[] = [{ from: Date.now(), to: null }];
  let current: { readonly child: ChildProcess; readonly closed: Promise<unknown> } | null = null;
  let isWanted = false;
  const present = (): void => {
    const last = absences.at(-1);
    if (last !== undefined) {
      last.to ??= Date.now();
    }
  };
  const absent = (): void => {
    if (absences.at(-1)?.to !== null) {
      absences.push({ from: Date.now(), to: null });
    }
  };
  const start = async (): Promise<void> => {
    isWanted = true;
    const child = await spawn();
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    pids.push(child.pid ?? -1);
    const closed = once(child, 'close').then(async ([code, signal]: unknown[]) => {
      log.end();
      if (current?.child === child && isWanted) {
        crashes.push(
          `${part} ended by itself (${String(code ?? signal)}); the end of its log: ${await endOf(logFile)}`,
        );
        absent();
        await pause(RESTART_AFTER_CRASH_MS);
        // Only so that the rest can be judged: that it ended has failed the campaign already.
        if (isWanted) {
          await start();
        }
      }
    });
    current = { child, closed };
    present();
  };
  return {
    part,
    url,
    proxies,
    pids,
    absences,
    start,
    kill: async () => {
      isWanted = false;
      absent();
      if (current !== null) {
        const { child, closed } = current;
        current = null;
        child.kill('SIGKILL');
        await closed;
      }
    },
    freeze: () => {
      absent();
      current?.child.kill('SIGSTOP');
    },
    thaw: () => {
      current?.child.kill('SIGCONT');
      present();
    },
  };
}

async function endOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .trim()
    .split('\n')
    .slice(-6)
    .map((line) => line.slice(0, 400))
    .join(' | ');
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  if (stream !== null) {
    for await (const chunk of stream) {
      text += String(chunk);
    }
  }
  return text;
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
