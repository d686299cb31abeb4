import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errorCode } from './system-error.js';

const run = promisify(execFile);

/**
 * Whether it is this process that listens on a TCP port (IPv4); null where that cannot be known.
 *
 * An answer on a port proves less: two servers that were given one free port at the same moment both seem to answer
 * until one of them has found out.
 */
export async function listensOn(pid: number, port: number): Promise<boolean | null> {
  switch (process.platform) {
    case 'linux':
      return await ownsSocket(pid, port);
    case 'darwin':
      return await run('lsof', ['-nP', '-a', '-p', `${pid}`, `-iTCP:${port}`, '-sTCP:LISTEN']).then(
        () => true,
        (error: unknown) => (errorCode(error) === 'ENOENT' ? null : false), // no lsof; nothing found
      );
    default:
      return null;
  }
}

async function ownsSocket(pid: number, port: number): Promise<boolean | null> {
  try {
    const inodes = listeningInodes(await readFile('/proc/net/tcp', 'utf8'), port);
    const folder = `/proc/${pid}/fd`;
    const open = await Promise.all(
      (await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')),
    );
    return open.some((target) => inodes.has(target));
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? false : null; // it has ended; or this /proc hides it from us
  }
}

/** The sockets that listen on a port, as /proc names them: proc_pid_net(5), state 0A is LISTEN. */
function listeningInodes(table: string, port: number): ReadonlySet<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = table.split('\n').map((row) => row.trim().split(/\s+/));
  return new Set(
    rows
      .filter(([, local, , state]) => local?.endsWith(suffix) === true && state === '0A')
      .map((row) => `socket:[${row[9]}]`),
  );
}
