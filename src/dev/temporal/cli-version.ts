import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The Temporal CLI that `tools/temporal-cli` pins: what is downloaded, built and cached. */
export const TEMPORAL_CLI_VERSION = 'v1.5.1';

export const CLI_FILE = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** The first line of `temporal --version`, or null when a file is not the Temporal CLI or does not run here. */
export async function cliVersion(path: string): Promise<string | null> {
  const { stdout } = await run(path, ['--version'], { timeout: 10_000 }).catch(() => ({
    stdout: '',
  }));
  return /^temporal version .*/.exec(stdout)?.[0] ?? null;
}
