import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a program, shows what it says, and gives its exit code. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): Promise<number | null> {
  const child = spawn(file, args, {
    cwd: options.cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env },
  });
  return await once(child, 'close').then(([code]: unknown[]) =>
    typeof code === 'number' ? code : null,
  );
}
