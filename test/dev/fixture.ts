import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program of `fixtures/` that runs in a process of its own. */
export type Fixture = {
  readonly child: ChildProcess;
  /** All lines that it wrote so far, errors included. */
  readonly lines: readonly string[];
  /** The first line, old or new, in which something is found; throws when it ends before. */
  line(found: (line: string) => boolean): Promise<string>;
  /** Ends it at once, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves with its exit code. */
  readonly exited: Promise<number | null>;
};

/** Starts a fixture; `env` goes on top of ours. */
export function startFixture(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Fixture {
  const file = fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const each of waiting) {
      each();
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  let hasExited = false;
  const exited = once(child, 'close').then(([code]: unknown[]) => {
    hasExited = true;
    wake();
    return typeof code === 'number' ? code : null;
  });
  return {
    child,
    lines,
    exited,
    line: async (found) => {
      for (;;) {
        const match = lines.find(found);
        if (match !== undefined) {
          return match;
        }
        if (hasExited) {
          throw new Error(`${name} ended before that line:\n${lines.join('\n')}`);
        }
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
        });
      }
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Whether a line is the JSON that a fixture says when it is up. */
export function isJson(line: string): boolean {
  return line.startsWith('{');
}
