import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { spawnGuarded, type ServerUser } from '../guarded-process.js';
import { LOOPBACK } from '../ports.js';
import type { ProcessLog } from '../process-log.js';
import { exitText, runningProcess, type Exit, type Running } from '../running.js';
import { SetupError } from '../setup-error.js';
import { pause } from '../wait.js';
import type { Binaries } from './binaries.js';
import { serverEnvironment, type Cluster, type Durability } from './cluster.js';
import { askServer, type Answer } from './connect.js';

// A server that does not even listen is broken; one that says it is recovering is left to it.
const SILENCE_MS = 30_000;
const RECOVERY_MS = 15 * 60_000;
const REFUSAL_MS = 1_000; // a rival on our port may refuse us while our own server finds that out

export type Launch = {
  readonly binaries: Binaries;
  readonly cluster: Cluster;
  readonly user: ServerUser | null;
  readonly durability: Durability;
  readonly port: number;
  readonly socketFolder: string | null;
  readonly log: ProcessLog;
  readonly signal?: AbortSignal | undefined;
};

/** A server that answers, or the reason why it did not get there. */
export type Launched =
  | { readonly running: Running }
  | { readonly failed: 'port taken' | 'old server not gone' | 'broken'; readonly exit: Exit };

/** Starts one server on one port, and waits until it lets us in or has ended. */
export async function launchServer(launch: Launch): Promise<Launched> {
  const running = await spawnServer(launch);
  let ended: Exit | null = null;
  const ending = running.exited.then((exit) => {
    ended = exit;
  });
  const started = performance.now();
  try {
    for (;;) {
      launch.signal?.throwIfAborted();
      const answer = await Promise.race([
        askServer({ port: launch.port, password: launch.cluster.password }),
        ending.then(() => 'silent' as const),
      ]);
      if (answer === 'ready') {
        return { running }; // nobody else on this port would take our password
      }
      await Promise.race([ending, pause(10)]);
      if (ended !== null) {
        return { failed: reasonOf(ended), exit: ended };
      }
      refuseToWait(answer, performance.now() - started, launch);
    }
  } catch (error) {
    await running.stop({ force: true });
    throw error;
  }
}

function refuseToWait(answer: Answer, waitedMs: number, { cluster, log }: Launch): void {
  const limits = { starting: RECOVERY_MS, silent: SILENCE_MS, refused: REFUSAL_MS, ready: 0 };
  if (waitedMs < limits[answer]) {
    return;
  }
  throw new SetupError(
    answer === 'refused'
      ? `PostgreSQL refuses the password in ${join(cluster.folder, 'password')}: restore that file, or set COUNTERSIGN_HOME to a new folder.`
      : `PostgreSQL did not answer within ${Math.round(waitedMs / 1_000)} seconds: see ${log.path}, or set DATABASE_URL to a PostgreSQL server.`,
    { details: log.lastLines() },
  );
}

async function spawnServer(launch: Launch): Promise<Running> {
  const { binaries, cluster, durability, port, socketFolder, user, log } = launch;
  const settings = [
    `listen_addresses=${LOOPBACK}`,
    `unix_socket_directories=${socketFolder ?? ''}`,
    'unix_socket_permissions=0700',
    'max_connections=200',
    'timezone=UTC',
    'log_timezone=UTC',
    'lc_messages=C', // the reasons below are read from its messages
    ...(durability === 'fast'
      ? ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off']
      : []),
  ];
  const child = await spawnGuarded({
    file: join(binaries.bin, process.platform === 'win32' ? 'postgres.exe' : 'postgres'),
    args: [
      '-D', // first: an old server is recognised by it
      cluster.data,
      '-p',
      String(port),
      ...settings.flatMap((setting) => ['-c', setting]),
    ],
    cwd: cluster.data,
    env: serverEnvironment(),
    user,
    deathSignal: 'INT',
  });
  log.follow(child);
  // Fast, then immediate shutdown (pg_ctl's words). Not SIGTERM: "smart" waits for every client to leave.
  const running = runningProcess(child, log, [
    { signal: 'SIGINT', withinMs: 10_000 },
    { signal: 'SIGQUIT', withinMs: 5_000 },
  ]);
  return process.platform === 'win32' ? stoppedByPgCtl(running, launch) : running;
}

/** Windows has no signals: Node's `kill` would end the server as a crash does. */
function stoppedByPgCtl(running: Running, { binaries, cluster }: Launch): Running {
  return {
    ...running,
    stop: async (options) => {
      const args = ['stop', '-D', cluster.data, '-m', 'fast', '-t', '10'];
      const asked = spawn(join(binaries.bin, 'pg_ctl.exe'), args, { stdio: 'ignore' });
      await new Promise<void>((resolve) => {
        asked.once('error', () => {
          resolve();
        });
        asked.once('exit', () => {
          resolve();
        });
      });
      await running.stop(options);
    },
  };
}

function reasonOf(exit: Exit): 'port taken' | 'old server not gone' | 'broken' {
  const text = exit.lastLines.join('\n');
  if (/could not create any TCP\/IP sockets|could not bind/.test(text)) {
    return 'port taken';
  }
  // The processes of a server that was killed need a moment to notice it.
  return /pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(text)
    ? 'old server not gone'
    : 'broken';
}

/** The error for a server that ended before it was ready. */
export function launchError(exit: Exit, log: ProcessLog): SetupError {
  return new SetupError(
    `PostgreSQL ended before it was ready (${exitText(exit)}): see ${log.path}, or set DATABASE_URL to a PostgreSQL server.`,
    { details: exit.lastLines },
  );
}
