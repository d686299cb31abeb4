import type { ChildProcess } from 'node:child_process';
import { on } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { openProcessLog } from '../../src/dev/process-log.js';
import { type Running, runningProcess } from '../../src/dev/running.js';
import type { Question, Told } from './messages.js';

const TSX = import.meta.resolve('tsx');
const DRAIN_MS = 15_000;
const ANSWER_MS = 30_000;

/** A Node process of the bench, with a channel to the one that measures. */
export type BenchProcess = Running & {
  /** Calls back for everything that the process tells. */
  onTold(listener: (told: Told) => void): void;
  /** Asks for something and waits for the answer. */
  ask<Kind extends Question>(question: Kind): Promise<Extract<Told, { kind: Kind }>>;
  /** Waits until the process says that it is ready. */
  untilReady(): Promise<void>;
};

/** What to run, and how. */
export type BenchProgram = {
  readonly name: string;
  /** The TypeScript file, seen from this folder. */
  readonly file: string;
  readonly args?: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The folder for its log. */
  readonly logs: string;
  /** Whether statements and requests are recorded. */
  readonly isTraced: boolean;
};

/** Starts a TypeScript program in a process of its own, which dies with us. */
export async function startBenchProcess(program: BenchProgram): Promise<BenchProcess> {
  const { name, file, args = [], env, logs, isTraced } = program;
  const log = await openProcessLog(join(logs, `${name}.log`));
  const child = await spawnGuarded({
    file: process.execPath,
    args: ['--import', TSX, fileURLToPath(new URL(file, import.meta.url)), ...args],
    env: { ...env, BENCH_TRACE: isTraced ? 'yes' : 'no' },
    deathSignal: 'KILL',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  log.follow(child);
  const running = runningProcess(child, log, [{ signal: 'SIGTERM', withinMs: DRAIN_MS }]);
  const first = async <Kind extends Told['kind']>(
    kind: Kind,
  ): Promise<Extract<Told, { kind: Kind }>> => {
    const ended = running.exited.then(({ lastLines }): never => {
      throw new Error(`the ${name} process ended: ${lastLines.join('\n')}`);
    });
    return await Promise.race([firstTold(child, kind), ended]);
  };
  return {
    ...running,
    onTold: (listener) => {
      child.on('message', (message) => {
        listener(asTold(message));
      });
    },
    untilReady: async () => {
      await first('ready');
    },
    ask: async (question) => {
      const answer = first(question);
      child.send(question);
      return await answer;
    },
  };
}

async function firstTold<Kind extends Told['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<Told, { kind: Kind }>> {
  for await (const [message] of on(child, 'message', { signal: AbortSignal.timeout(ANSWER_MS) })) {
    const told = asTold(message);
    if (isOfKind(told, kind)) {
      return told;
    }
  }
  throw new Error(`nothing was told of '${kind}'`);
}

function isOfKind<Kind extends Told['kind']>(
  told: Told,
  kind: Kind,
): told is Extract<Told, { kind: Kind }> {
  return told.kind === kind;
}

/** Our own processes are believed. */
function asTold(message: unknown): Told {
  return message as Told; // oxlint-disable-line typescript/no-unsafe-type-assertion
}
