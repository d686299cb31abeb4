import type { ChildProcess } from 'node:child_process';
import type { ProcessLog } from './process-log.js';
import { errorText } from './system-error.js';
import { settlesWithin } from './wait.js';

/** How a process ended, and the last that it wrote. */
export type Exit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastLines: readonly string[];
};

export type StopOptions = {
  /** Do not wait for a graceful end. */
  readonly force?: boolean;
};

/** A process that we started. */
export type Running = {
  readonly pid: number;
  /** Resolves when the process has ended, wanted or not; never rejects. */
  readonly exited: Promise<Exit>;
  /** Ends the process and resolves when it is gone. Bounded; a repeat joins the first, and may add force to it. */
  stop(options?: StopOptions): Promise<void>;
};

/** One way to ask a process to end, and how long to wait for it before the next way. */
export type StopStep = { readonly signal: NodeJS.Signals; readonly withinMs: number };

/** A handle on a spawned process, which ends it by the steps given and then by SIGKILL; force leaves out the first. */
export function runningProcess(
  child: ChildProcess,
  log: ProcessLog,
  steps: readonly StopStep[],
): Running {
  const exited = exitOf(child, log);
  let forced = false;
  let askForForce: () => void = () => undefined;
  const forceAsked = new Promise<void>((resolve) => {
    askForForce = resolve;
  });
  const stopBySteps = async (): Promise<void> => {
    for (const [index, { signal, withinMs }] of steps.entries()) {
      if (hasEnded(child)) {
        break;
      }
      if (index > 0 || !forced) {
        child.kill(signal);
        await settlesWithin(index > 0 ? exited : Promise.race([exited, forceAsked]), withinMs);
      }
    }
    if (!hasEnded(child)) {
      child.kill('SIGKILL');
    }
    await exited;
  };
  let stopping: Promise<void> | undefined;
  return {
    pid: child.pid ?? -1,
    exited,
    stop: async ({ force = false } = {}) => {
      if (force) {
        forced = true;
        askForForce();
      }
      stopping ??= stopBySteps();
      await stopping;
    },
  };
}

/** Whether a spawned process has ended already, or could not be spawned at all. */
export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** What a sentence calls an exit: `exit code 1` or `SIGKILL`. */
export function exitText({ code, signal }: Exit): string {
  return signal ?? `exit code ${code ?? 'unknown'}`;
}

async function exitOf(child: ChildProcess, log: ProcessLog): Promise<Exit> {
  const failures: string[] = [];
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.on('error', (error) => {
      failures.push(errorText(error));
      if (hasEnded(child)) {
        resolve(); // it could not be spawned: there will be no 'exit'
      }
    });
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
    }
  });
  await ended;
  // What it wrote last is still in the pipe, which its own children may hold open for longer.
  await settlesWithin(closed, 200);
  await log.close();
  return {
    code: child.exitCode,
    signal: child.signalCode,
    lastLines: [...log.lastLines(), ...failures],
  };
}
