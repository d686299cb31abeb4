import { readFile, rm } from 'node:fs/promises';
import { writeWhole } from '../home.js';
import { jsonFields } from '../json-fields.js';
import { processIdentity, signalProcess } from '../process-identity.js';
import { SetupError } from '../setup-error.js';
import { becomesTrue } from '../wait.js';

/** Notes which process has the state open, for a start after we were killed. */
export async function noteServer(path: string, pid: number): Promise<void> {
  await writeWhole(path, JSON.stringify({ pid, identity: await processIdentity(pid) }));
}

export async function forgetServer(path: string): Promise<void> {
  await rm(path, { force: true });
}

/**
 * Ends a server that an earlier process left running: a second one on its database file would meet "database is locked".
 *
 * It may be on its way out already (the kernel told it so when its parent died), which takes it a second or two.
 */
export async function endOldServer(path: string): Promise<void> {
  const note = parseNote(await readFile(path, 'utf8').catch(() => ''));
  if (note === null) {
    return;
  }
  const gone = async (): Promise<boolean> => (await processIdentity(note.pid)) !== note.identity;
  for (const [signal, withinMs] of [
    ['SIGTERM', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (await gone()) {
      return;
    }
    signalProcess(note.pid, signal);
    await becomesTrue(gone, withinMs);
  }
  if (!(await gone())) {
    throw new SetupError(
      `An earlier Temporal server (process ${note.pid}) cannot be stopped: end it, then start again.`,
    );
  }
}

function parseNote(text: string): { pid: number; identity: string } | null {
  const { pid, identity } = jsonFields(text);
  return typeof pid === 'number' && typeof identity === 'string' ? { pid, identity } : null;
}
