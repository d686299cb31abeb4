import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLine, processIdentity, signalProcess } from '../process-identity.js';
import { SetupError } from '../setup-error.js';
import { becomesTrue } from '../wait.js';

/** What a running server says of itself in `postmaster.pid`. */
export type PidFile = { readonly pid: number; readonly port: number | null };

/** Reads a data folder's `postmaster.pid`; null when no server has it open, or none ended without cleaning up. */
async function readPidFile(dataFolder: string): Promise<PidFile | null> {
  const text = await readFile(pidFilePath(dataFolder), 'utf8').catch(() => '');
  const [pid, , , port] = text.split('\n').map((line) => Number.parseInt(line, 10));
  return pid === undefined || !Number.isInteger(pid) || pid <= 0
    ? null
    : { pid, port: port === undefined || Number.isNaN(port) ? null : port };
}

/**
 * Makes sure that no server has this data folder open, and that no stale `postmaster.pid` keeps the next one out.
 *
 * 1. A server of this folder (its node was killed, say) is stopped: it is no child of ours, so nobody would see it end.
 * 2. A pid that belongs to another program by now, or to a zombie, is no server: the file is removed, because the
 *    server would believe it.
 * 3. A dead pid is left alone: the server checks by itself that nothing of the old one is left.
 *
 * The caller holds the home's lock, so that a server found here serves nobody who is alive.
 *
 * @param answers whether a server on that port is the one of this folder, for where command lines cannot be read
 */
export async function settleOldServer(
  dataFolder: string,
  answers: (port: number) => Promise<boolean>,
): Promise<'none' | 'stopped' | 'stale file removed'> {
  const file = await readPidFile(dataFolder);
  if (file === null) {
    return 'none';
  }
  const identity = await processIdentity(file.pid);
  if (identity !== null && (await isServerOf(file, dataFolder, answers))) {
    await stopOldServer(file.pid, identity, dataFolder);
    return 'stopped';
  }
  if (identity === null && !isVisible(file.pid)) {
    return 'none';
  }
  await rm(pidFilePath(dataFolder), { force: true });
  return 'stale file removed';
}

async function isServerOf(
  { pid, port }: PidFile,
  dataFolder: string,
  answers: (port: number) => Promise<boolean>,
): Promise<boolean> {
  const command = await commandLine(pid);
  if (command !== null && `${command} `.includes(`postgres -D ${dataFolder} `)) {
    return true;
  }
  return port !== null && (await answers(port));
}

async function stopOldServer(pid: number, identity: string, dataFolder: string): Promise<void> {
  const gone = async (): Promise<boolean> => (await processIdentity(pid)) !== identity;
  // Fast, then immediate shutdown (pg_ctl's words). Not SIGTERM: "smart" waits for every client to leave.
  for (const [signal, withinMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signalProcess(pid, signal);
    if (await becomesTrue(gone, withinMs)) {
      return;
    }
  }
  throw new SetupError(
    `A PostgreSQL server (process ${pid}) still has ${dataFolder} open and cannot be stopped: end it, then start again.`,
  );
}

/** Whether the server would find the pid in use: it asks by `kill(pid, 0)`, which a zombie answers too. */
function isVisible(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function pidFilePath(dataFolder: string): string {
  return join(dataFolder, 'postmaster.pid');
}
