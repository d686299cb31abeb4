import { join } from 'node:path';
import { openHome, type Home } from './home.js';
import { freePort, LOOPBACK } from './ports.js';
import { findBinaries, MACHINE, type BinarySources } from './postgres/binaries.js';
import {
  clusterMajor,
  createCluster,
  DATABASE_NAME,
  DATABASE_USER,
  findCluster,
  type Cluster,
  type Durability,
} from './postgres/cluster.js';
import { ensureDatabase, servesFolder } from './postgres/connect.js';
import { launchError, launchServer, type Launch, type Launched } from './postgres/launch.js';
import { clusterPlace } from './postgres/location.js';
import { settleOldServer } from './postgres/pid-file.js';
import { closeSocketFolder, openSocketFolder } from './postgres/socket-folder.js';
import { openProcessLog } from './process-log.js';
import type { Running } from './running.js';
import { SetupError } from './setup-error.js';
import { pause } from './wait.js';

const PORT_NAME = 'postgres';
const PATIENCE_MS = 15_000;

export type PostgresOptions = {
  /** The home folder; the caller holds its lock. */
  readonly home: string;
  readonly durability: Durability;
  /** This port and no other, for a restart behind clients that know it. Default: the one of last time, else a free one. */
  readonly port?: number;
  readonly signal?: AbortSignal;
  /** How long to try again when the reason passes by itself: a taken port, the end of an old server. */
  readonly patienceMs?: number;
  /** What is worth telling a person: where data went, what was repaired. */
  readonly onProgress?: (line: string) => void;
  /** Every line that the server writes; they are in the home's `logs/postgres.log` in any case. */
  readonly onLog?: (line: string) => void;
  /** Where to look for PostgreSQL; default: this machine's places. */
  readonly sources?: BinarySources;
};

/** A running PostgreSQL server. */
export type Postgres = Running & {
  /** The application's database over TCP on the loopback address, password included. */
  readonly url: string;
  /** The same through a Unix socket, which is faster with many connections; null where there is none. */
  readonly socketUrl: string | null;
  readonly port: number;
};

/**
 * Starts a real PostgreSQL server whose state lives in a home folder, and returns when it answers.
 *
 * 1. The first start makes the cluster; later ones find it, and the port, again.
 * 2. A server that an earlier process left running on this home is stopped and replaced.
 * 3. It listens on the loopback address only, and nobody gets in without the password in the home.
 * 4. It ends with this process: by `stop()`, or on Linux by the kernel when we are killed.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const say = options.onProgress ?? (() => undefined);
  const home = await openHome(options.home);
  const { folder, user } = await clusterPlace(home, say);
  const existing = await findCluster(folder, say);
  const neededMajor = existing === null ? null : await clusterMajor(existing);
  const binaries = await findBinaries(user, neededMajor, say, options.sources ?? MACHINE);
  options.signal?.throwIfAborted();
  const cluster = existing ?? (await createCluster(folder, binaries, user, options.durability));
  const socketFolder = await openSocketFolder(folder, user);
  const { durability, signal } = options;
  try {
    const launch = { binaries, cluster, user, durability, socketFolder, signal };
    const { running, port } = await launchPatiently(home, options, launch);
    await prepareDatabase(running, { port, password: cluster.password });
    await home.rememberPort(PORT_NAME, port);
    return {
      pid: running.pid,
      exited: running.exited,
      port,
      ...urlsOf(cluster, port, socketFolder),
      stop: async (stopOptions) => {
        await running.stop(stopOptions);
        await closeSocketFolder(socketFolder);
      },
    };
  } catch (error) {
    await closeSocketFolder(socketFolder);
    throw error;
  }
}

function urlsOf(
  { password }: Cluster,
  port: number,
  socketFolder: string | null,
): Pick<Postgres, 'url' | 'socketUrl'> {
  const user = `${DATABASE_USER}:${password}`;
  const socket = socketFolder === null ? null : encodeURIComponent(socketFolder);
  return {
    url: `postgres://${user}@${LOOPBACK}:${port}/${DATABASE_NAME}`,
    socketUrl:
      socket === null ? null : `postgres://${user}@/${DATABASE_NAME}?host=${socket}&port=${port}`,
  };
}

async function prepareDatabase(
  running: Running,
  target: { port: number; password: string },
): Promise<void> {
  try {
    await ensureDatabase(target);
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** Launches again while the reason for a failure passes by itself: a port that somebody took, an old server's end. */
async function launchPatiently(
  home: Home,
  options: PostgresOptions,
  launch: Omit<Launch, 'port' | 'log'>,
): Promise<{ running: Running; port: number }> {
  const { port: wanted, onLog } = options;
  const { cluster, signal } = launch;
  const giveUpAt = performance.now() + (options.patienceMs ?? PATIENCE_MS);
  let preferred = await home.rememberedPort(PORT_NAME);
  for (;;) {
    await settleOldServer(cluster.data, (port) =>
      servesFolder({ port, password: cluster.password }, cluster.data),
    );
    const port = wanted ?? (await freePort([preferred]));
    const log = await openProcessLog(join(home.logs, 'postgres.log'), onLog);
    const launched: Launched = await launchServer({ ...launch, port, log });
    if ('running' in launched) {
      return { running: launched.running, port };
    }
    if (launched.failed === 'broken' || performance.now() > giveUpAt) {
      throw launched.failed === 'port taken' && wanted !== undefined
        ? new SetupError(
            `PostgreSQL cannot start again on port ${port}, which another program has taken: stop that program.`,
            { details: launched.exit.lastLines },
          )
        : launchError(launched.exit, log);
    }
    if (launched.failed === 'port taken') {
      preferred = null;
    }
    await pause(100, signal);
  }
}
