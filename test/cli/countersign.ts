import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));

/** What a command printed, and how it ended. */
export type Printed = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** The environment of a command: nothing of the tests' own settings. */
export type CommandEnv = Readonly<Record<string, string>>;

/** A command that is running. */
export type RunningCommand = {
  readonly done: Promise<Printed>;
  /** What it has written to standard error so far. */
  stderr(): string;
};

/** Starts the real `countersign` in a process of its own. */
export function startCommand(
  args: readonly string[],
  options: { readonly env: CommandEnv; readonly cwd?: string; readonly input?: string },
): RunningCommand {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(options.input ?? '');
  const done = new Promise<Printed>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  return { done, stderr: () => stderr };
}

/** Runs the real `countersign` to its end. */
export async function countersign(
  args: readonly string[],
  options: { readonly env: CommandEnv; readonly cwd?: string; readonly input?: string },
): Promise<Printed> {
  return await startCommand(args, options).done;
}

/** Runs a command whose standard output nobody reads, from its first character on. */
export async function closeEarly(
  args: readonly string[],
  env: CommandEnv,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return await new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, stderr });
    });
  });
}
