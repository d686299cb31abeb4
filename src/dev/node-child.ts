import { kernelEndsChildren, spawnGuarded } from './guarded-process.js';
import { openProcessLog } from './process-log.js';
import { runningProcess, type Running } from './running.js';

const DRAIN_MS = 15_000;

/** A Node program of ours: what to run, and what its environment has beside ours. */
export type NodeCommand = {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};

export type NodeChildOptions = {
  readonly logFile: string;
  readonly onLog?: (line: string) => void;
  /** How the child learns that we are gone: by the kernel where it can, else by the end of a channel between us. */
  readonly lifeline?: 'kernel' | 'channel';
  /** How long `stop()` lets it drain before SIGKILL. */
  readonly drainMs?: number;
};

// Runs before the child's own code. Listening would keep the child alive by itself, hence the unref.
const EXIT_WITH_PARENT = `data:text/javascript,${encodeURIComponent(
  "process.once('disconnect',()=>process.exit(1));process.channel?.unref()",
)}`;

/**
 * Starts a Node program of ours, which dies with us and which Ctrl-C in our terminal does not reach.
 *
 * `stop()` sends SIGTERM and gives it time to drain, then SIGKILL; when we die it is killed at once, because nothing
 * it holds is worth waiting for: what it owes is in the database.
 */
export async function startNodeChild(
  { file, args, env = process.env }: NodeCommand,
  options: NodeChildOptions,
): Promise<Running> {
  const lifeline = options.lifeline ?? ((await kernelEndsChildren()) ? 'kernel' : 'channel');
  const log = await openProcessLog(options.logFile, options.onLog);
  const child = await spawnGuarded({
    file,
    args,
    env: lifeline === 'kernel' ? env : withPreload(env),
    deathSignal: lifeline === 'kernel' ? 'KILL' : null,
    stdio: lifeline === 'kernel' ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  log.follow(child);
  return runningProcess(child, log, [{ signal: 'SIGTERM', withinMs: options.drainMs ?? DRAIN_MS }]);
}

function withPreload(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...env,
    NODE_OPTIONS: `${env['NODE_OPTIONS'] ?? ''} --import ${EXIT_WITH_PARENT}`.trim(),
  };
}
