import { randomBytes } from 'node:crypto';
import {
  link,
  mkdir,
  readFile,
  readlink,
  rmdir,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { jsonFields } from './json-fields.js';
import { processIdentity } from './process-identity.js';
import { errorCode } from './system-error.js';
import { becomesTrue, pause } from './wait.js';

const BEAT_MS = 1_000;
const SILENCE_MS = 4_000;
const STUCK_TAKEOVER_MS = 10_000;

export type Lock = { readonly held: true; release(): Promise<void> };
export type Refused = { readonly held: false; readonly holder: number };

/** Who holds a lock: a pid means something only within one boot and one pid namespace. */
type Holder = {
  readonly pid: number;
  readonly identity: string;
  readonly boot: string;
  readonly namespace: string;
};

/**
 * Takes a lock that lives as a file, unless a living process holds it.
 *
 * 1. One process at a time holds it, however many ask at once.
 * 2. A holder that is gone, or whose pid another program has by now, or that ran before a reboot, is ignored.
 * 3. A holder in another container, where pids mean nothing here, is judged by whether it still touches the file.
 */
export async function acquireLock(
  path: string,
  { silenceMs = SILENCE_MS }: { readonly silenceMs?: number } = {},
): Promise<Lock | Refused> {
  const mine = JSON.stringify(await ownEntry());
  for (;;) {
    if (await createWhole(path, mine)) {
      return holdLock(path, mine);
    }
    const content = await readFile(path, 'utf8').catch(() => null);
    if (content === null) {
      continue; // released between the two
    }
    const holder = parseHolder(content);
    if (holder !== null && (await isHolding(path, holder, silenceMs))) {
      return { held: false, holder: holder.pid };
    }
    await removeStale(path, content);
  }
}

function holdLock(path: string, mine: string): Lock {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, BEAT_MS);
  beat.unref();
  return {
    held: true,
    release: async () => {
      clearInterval(beat);
      // Only our own: somebody may have deleted the file by hand and started anew.
      if ((await readFile(path, 'utf8').catch(() => null)) === mine) {
        await unlink(path).catch(() => undefined);
      }
    },
  };
}

/** Writes the file whole or not at all, so that nobody reads half an entry. */
async function createWhole(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, content, { mode: 0o644 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      return false;
    }
    return await createDirectly(path, content); // a file system without hard links
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

async function createDirectly(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** Removes a stale file, and never the fresh one by which a rival has replaced it meanwhile. */
async function removeStale(path: string, content: string): Promise<void> {
  const guard = `${path}.takeover`;
  try {
    await mkdir(guard);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') {
      throw error;
    }
    const age = await stat(guard).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > STUCK_TAKEOVER_MS) {
      await rmdir(guard).catch(() => undefined);
    }
    await pause(20);
    return;
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => null)) === content) {
      await unlink(path);
    }
  } finally {
    await rmdir(guard).catch(() => undefined);
  }
}

async function isHolding(path: string, holder: Holder, silenceMs: number): Promise<boolean> {
  const { boot, namespace } = await ownPidSpace();
  if (holder.boot !== boot) {
    return false;
  }
  if (holder.namespace === namespace) {
    return (await processIdentity(holder.pid)) === holder.identity;
  }
  const before = await lastBeat(path);
  return await becomesTrue(async () => (await lastBeat(path)) !== before, silenceMs, 100);
}

async function lastBeat(path: string): Promise<number | null> {
  return await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
}

function parseHolder(content: string): Holder | null {
  const { pid, identity, boot, namespace } = jsonFields(content);
  return typeof pid === 'number' &&
    typeof identity === 'string' &&
    typeof boot === 'string' &&
    typeof namespace === 'string'
    ? { pid, identity, boot, namespace }
    : null; // not written by us, so nobody of ours holds it
}

async function ownEntry(): Promise<Holder> {
  const identity = (await processIdentity(process.pid)) ?? 'alive';
  return { pid: process.pid, identity, ...(await ownPidSpace()) };
}

async function ownPidSpace(): Promise<{ boot: string; namespace: string }> {
  const [boot, namespace] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return { boot: boot.trim(), namespace };
}
