import type { Connection } from '@temporalio/client';
import { spawnGuarded } from '../guarded-process.js';
import { listensOn } from '../listening.js';
import { LOOPBACK } from '../ports.js';
import type { ProcessLog } from '../process-log.js';
import { runningProcess, type Exit, type Running } from '../running.js';
import { SetupError } from '../setup-error.js';
import { pause } from '../wait.js';
import { type DynamicConfig, dynamicConfigArgs } from './dynamic-config.js';
import { answersCalls, withConnection } from './namespace.js';

const READY_MS = 60_000;

/** Where a server listens; no Web UI when `uiPort` is null. */
export type Ports = { readonly port: number; readonly uiPort: number | null };

export type Launch = Ports & {
  readonly cli: string;
  /** The folder to run in. */
  readonly folder: string;
  readonly namespace: string;
  readonly dynamicConfig: DynamicConfig;
  /** Null keeps everything in memory. */
  readonly stateFile: string | null;
  readonly log: ProcessLog;
  readonly signal: AbortSignal | undefined;
  /** Told at once, so that a later start finds the process even if we do not live to see it ready. */
  readonly onSpawn: (pid: number) => Promise<void>;
};

/** Starts one server on its ports, and waits until it serves them or has ended. */
export async function launchServer(
  launch: Launch,
): Promise<{ readonly running: Running } | { readonly ended: Exit }> {
  const { cli, folder, namespace, dynamicConfig, port, uiPort, stateFile, log, signal } = launch;
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
      ...(stateFile === null
        ? []
        : [`--db-filename=${stateFile}`, '--sqlite-pragma=journal_mode=wal']),
      ...dynamicConfigArgs(dynamicConfig),
    ],
    cwd: folder,
    env: withoutTemporalSettings(process.env),
    deathSignal: stateFile === null ? 'KILL' : 'TERM',
  });
  log.follow(child);
  const running = runningProcess(child, log, [{ signal: 'SIGTERM', withinMs: 10_000 }]);
  let ended: Exit | null = null;
  const ending = running.exited.then((exit) => {
    ended = exit;
    return false;
  });
  const giveUpAt = performance.now() + READY_MS;
  try {
    await launch.onSpawn(running.pid);
    return await withConnection(`${LOOPBACK}:${port}`, async (connection) => {
      for (;;) {
        signal?.throwIfAborted();
        if (await Promise.race([isServing(connection, running.pid, launch), ending])) {
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

/** Settings for clients, such as TEMPORAL_ENV, are not the server's. */
function withoutTemporalSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}
