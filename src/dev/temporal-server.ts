import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import { spawnGuarded } from './guarded-process.js';
import { openHome, writeWhole, type Home } from './home.js';
import { listensOn } from './listening.js';
import { freePort, LOOPBACK } from './ports.js';
import { openProcessLog, type ProcessLog } from './process-log.js';
import { exitText, runningProcess, type Exit, type Running } from './running.js';
import { SetupError } from './setup-error.js';
import { cliVersion } from './temporal/cli-version.js';
import { answersCalls, connectToDevServer, ensureNamespace } from './temporal/namespace.js';
import { endOldServer, forgetServer, noteServer } from './temporal/old-server.js';
import { pause } from './wait.js';

// What people know it by; used when they are free, so that a second stack beside this one works too.
const USUAL_PORT = 7233;
const USUAL_UI_PORT = 8233;
const READY_MS = 60_000;
const PATIENCE_MS = 15_000;

// Its last lines say little: it panics after a taken port, and the reason comes before the stack of every goroutine.
const REASON = /level=ERROR|^panic:|^Error|database is locked/;
const PASSES = /database is locked|address already in use/;
const KEPT_REASONS = 5;

export type TemporalOptions = {
  /** Path of the Temporal CLI. */
  readonly cli: string;
  /** The home folder; the caller holds its lock. */
  readonly home: string;
  /** These ports and no others, for a restart behind clients that know them. Default: those of last time, else free ones. */
  readonly port?: number;
  readonly uiPort?: number;
  readonly namespace?: string;
  /** Keep nothing, run without the Web UI, and end without ceremony: for tests. */
  readonly inMemory?: boolean;
  readonly signal?: AbortSignal;
  /** How long to try again when the reason passes by itself: a taken port, the end of an old server. */
  readonly patienceMs?: number;
  /** Every line that the server writes; they are in the home's `logs/temporal.log` in any case. */
  readonly onLog?: (line: string) => void;
};

/** A running Temporal dev server. */
export type TemporalServer = Running & {
  /** Where clients connect, `host:port`. */
  readonly address: string;
  readonly port: number;
  /** The Web UI; null when it runs in memory. */
  readonly uiUrl: string | null;
  readonly uiPort: number | null;
};

/**
 * Starts Temporal's dev server on the loopback address, its state in the home folder, and returns when it answers.
 *
 * 1. Ports are remembered in the home, so that addresses survive a restart.
 * 2. A server that an earlier process left running on this home is ended first.
 * 3. It ends with this process: by `stop()`, or on Linux by the kernel when we are killed.
 * 4. Closed workflows stay readable for 30 days.
 */
export async function startTemporalServer(options: TemporalOptions): Promise<TemporalServer> {
  const { namespace = 'default', inMemory = false, signal } = options;
  const home = await openHome(options.home);
  await mkdir(home.file('temporal'), { recursive: true, mode: 0o700 });
  await endOldServer(noteFile(home));
  const version = cliVersion(options.cli);
  const launched = await launchPatiently(home, { ...options, namespace, inMemory });
  const { running, port, uiPort } = launched;
  const address = `${LOOPBACK}:${port}`;
  try {
    await withConnection(address, async (connection) => {
      await ensureNamespace(connection, namespace);
    });
    await home.rememberPort('temporal', port);
    if (uiPort !== null) {
      await home.rememberPort('temporal-ui', uiPort);
    }
    await writeWhole(versionFile(home), `${(await version) ?? ''}\n`);
    signal?.throwIfAborted();
  } catch (error) {
    await running.stop({ force: true });
    throw error;
  }
  return {
    ...running,
    address,
    port,
    uiPort,
    uiUrl: uiPort === null ? null : `http://${LOOPBACK}:${uiPort}`,
    stop: async (stopOptions) => {
      await running.stop(inMemory ? { force: true } : stopOptions);
      await forgetServer(noteFile(home));
    },
  };
}

type Options = TemporalOptions & { readonly namespace: string; readonly inMemory: boolean };
type Ports = { readonly port: number; readonly uiPort: number | null };

/** Launches again while the reason for a failure passes by itself: a port that somebody took, an old server's end. */
async function launchPatiently(
  home: Home,
  options: Options,
): Promise<Ports & { running: Running }> {
  const giveUpAt = performance.now() + (options.patienceMs ?? PATIENCE_MS);
  for (let attempt = 0; ; attempt += 1) {
    const ports = await choosePorts(home, options, attempt > 0);
    const reasons: string[] = [];
    const log = await openProcessLog(join(home.logs, 'temporal.log'), (line) => {
      options.onLog?.(line);
      if (REASON.test(line) && reasons.length < KEPT_REASONS) {
        reasons.push(line);
      }
    });
    const launched = await launch(home, options, ports, log);
    if ('running' in launched) {
      return { ...launched, ...ports };
    }
    if (!reasons.some((line) => PASSES.test(line)) || performance.now() > giveUpAt) {
      const details = reasons.length > 0 ? reasons : launched.ended.lastLines;
      throw await launchError(home, options, { ...launched.ended, lastLines: details }, log);
    }
    await pause(200, options.signal);
  }
}

async function choosePorts(home: Home, options: Options, avoidOld: boolean): Promise<Ports> {
  if (options.inMemory) {
    return { port: options.port ?? (await freePort()), uiPort: null };
  }
  const preferred = async (name: string, usual: number): Promise<readonly (number | null)[]> =>
    avoidOld ? [] : [await home.rememberedPort(name), usual];
  return {
    port: options.port ?? (await freePort(await preferred('temporal', USUAL_PORT))),
    uiPort: options.uiPort ?? (await freePort(await preferred('temporal-ui', USUAL_UI_PORT))),
  };
}

async function launch(
  home: Home,
  { cli, namespace, inMemory, signal }: Options,
  ports: Ports,
  log: ProcessLog,
): Promise<{ running: Running } | { ended: Exit }> {
  const { port, uiPort } = ports;
  const child = await spawnGuarded({
    file: cli,
    args: [
      'server',
      'start-dev',
      `--ip=${LOOPBACK}`,
      `--port=${port}`,
      `--namespace=${namespace}`,
      '--log-level=warn',
      uiPort === null ? '--headless' : `--ui-port=${uiPort}`,
      // A write-ahead log halves the time of a write here (11 to 6 ms for start and signal), and is as durable.
      ...(inMemory ? [] : [`--db-filename=${stateFile(home)}`, '--sqlite-pragma=journal_mode=wal']),
    ],
    cwd: home.file('temporal'),
    env: withoutTemporalSettings(process.env),
    deathSignal: inMemory ? 'KILL' : 'TERM',
  });
  log.follow(child);
  const running = runningProcess(child, log, [{ signal: 'SIGTERM', withinMs: 10_000 }]);
  await noteServer(noteFile(home), running.pid);
  let ended: Exit | null = null;
  const ending = running.exited.then((exit) => {
    ended = exit;
    return false;
  });
  const giveUpAt = performance.now() + READY_MS;
  try {
    return await withConnection(`${LOOPBACK}:${port}`, async (connection) => {
      for (;;) {
        signal?.throwIfAborted();
        if (await Promise.race([isServing(connection, running.pid, ports), ending])) {
          return { running };
        }
        await Promise.race([ending, pause(20)]);
        if (ended !== null) {
          return { ended };
        }
        if (performance.now() > giveUpAt) {
          throw new SetupError(
            `The Temporal server did not answer within ${READY_MS / 1_000} seconds: see ${log.path}.`,
            { details: log.lastLines() },
          );
        }
      }
    });
  } catch (error) {
    await running.stop({ force: true });
    throw error;
  }
}

/**
 * Whether it is this server that answers calls: whoever took a port from it would answer too, and it ends only later.
 *
 * The ports are looked at before and after, because it tries them for a moment before it starts.
 */
async function isServing(connection: Connection, pid: number, ports: Ports): Promise<boolean> {
  return (
    (await hasItsPorts(pid, ports)) &&
    (await answersCalls(connection)) &&
    (await hasItsPorts(pid, ports))
  );
}

async function hasItsPorts(pid: number, { port, uiPort }: Ports): Promise<boolean> {
  const held = await Promise.all([
    listensOn(pid, port),
    uiPort === null ? null : listensOn(pid, uiPort),
  ]);
  return !held.includes(false);
}

async function launchError(
  home: Home,
  { cli }: Options,
  exit: Exit,
  log: ProcessLog,
): Promise<SetupError> {
  const version = (await cliVersion(cli)) ?? cli;
  const madeBy = (await readFile(versionFile(home), 'utf8').catch(() => version)).trim();
  const advice =
    madeBy === version
      ? `see ${log.path}`
      : `its state was written by "${madeBy}" and this is "${version}", so set TEMPORAL_CLI_PATH to the older one, or delete ${stateFile(home)} and run "countersign doctor" after the start`;
  return new SetupError(
    `The Temporal server ended before it was ready (${exitText(exit)}): ${advice}.`,
    { details: exit.lastLines },
  );
}

async function withConnection<T>(
  address: string,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = connectToDevServer(address);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** Settings for clients, such as TEMPORAL_ENV, are not the server's. */
function withoutTemporalSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

function stateFile(home: Home): string {
  return home.file('temporal', 'state.db');
}

function noteFile(home: Home): string {
  return home.file('temporal', 'server.json');
}

/** Names the CLI that last had the state open: a newer one does not migrate it. */
function versionFile(home: Home): string {
  return home.file('temporal', 'version');
}
