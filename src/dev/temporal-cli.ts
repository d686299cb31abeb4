import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from './cache-folder.js';
import { findOnPath, isExecutable } from './guarded-process.js';
import { acquireLock, type Lock } from './lock-file.js';
import { SetupError } from './setup-error.js';
import { buildCli } from './temporal/build.js';
import { CLI_FILE, cliVersion, TEMPORAL_CLI_VERSION } from './temporal/cli-version.js';
import { downloadCli } from './temporal/download.js';
import { pause } from './wait.js';

/** A Temporal CLI, and where it came from. */
export type TemporalCli = {
  readonly path: string;
  readonly source: 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'download' | 'build';
};

export type FindOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** How the CLI is got when it is nowhere; tests put something quicker here. */
  readonly ways?: Ways;
};

/** Ways to get the CLI to a path. */
export type Ways = {
  /** Gives null, or why it was not possible. */
  readonly download: (
    path: string,
    env: NodeJS.ProcessEnv,
    signal?: AbortSignal,
  ) => Promise<string | null>;
  readonly build: (
    path: string,
    env: NodeJS.ProcessEnv,
    onProgress: (line: string) => void,
    signal?: AbortSignal,
  ) => Promise<void>;
};

const REAL_WAYS: Ways = { download: downloadCli, build: buildCli };

/**
 * Finds the Temporal CLI, and gets it if it is nowhere: by the SDK's download or, where that is blocked, by Go.
 *
 * The order: `TEMPORAL_CLI_PATH`; `temporal` on the PATH; a cached copy; the download; a build. What is downloaded or
 * built is cached outside the checkout, by one process at a time.
 */
export async function findTemporalCli(options: FindOptions): Promise<TemporalCli> {
  const { env, onProgress: say = () => undefined, signal, ways = REAL_WAYS } = options;
  const configured = env['TEMPORAL_CLI_PATH'] ?? '';
  if (configured !== '') {
    return { path: await requireCli(resolve(configured)), source: 'TEMPORAL_CLI_PATH' };
  }
  const onPath = findOnPath('temporal', env);
  if (onPath !== null) {
    if ((await cliVersion(onPath)) !== null) {
      return { path: resolve(onPath), source: 'PATH' };
    }
    say(`${onPath} is not a Temporal CLI that runs here; looking elsewhere`);
  }
  const cached = cachedCliPath(env);
  if (isExecutable(cached)) {
    return { path: cached, source: 'cache' };
  }
  const lock = await waitForLock(`${dirname(cached)}.lock`, say, signal);
  try {
    if (isExecutable(cached)) {
      return { path: cached, source: 'cache' }; // somebody else has just got it
    }
    say(`looking for the Temporal CLI ${TEMPORAL_CLI_VERSION} on the network`);
    const problem = await ways.download(cached, env, signal);
    if (problem === null) {
      return { path: cached, source: 'download' };
    }
    say('downloads are not possible here');
    await ways.build(cached, env, say, signal);
    return { path: cached, source: 'build' };
  } finally {
    await lock.release();
  }
}

/** Where the CLI is kept once it has been downloaded or built. */
export function cachedCliPath(env: NodeJS.ProcessEnv): string {
  const platform = `${TEMPORAL_CLI_VERSION}-${process.platform}-${process.arch}`;
  return join(cacheFolder(env), 'temporal-cli', platform, CLI_FILE);
}

async function requireCli(path: string): Promise<string> {
  if (!isExecutable(path)) {
    throw new SetupError(
      `TEMPORAL_CLI_PATH is ${path}, where there is no file that can be run: set it to the path of the Temporal CLI, or unset it.`,
    );
  }
  if ((await cliVersion(path)) === null) {
    throw new SetupError(
      `TEMPORAL_CLI_PATH is ${path}, which does not answer "--version" as the Temporal CLI does: set it to the path of the Temporal CLI, or unset it.`,
    );
  }
  return path;
}

async function waitForLock(
  path: string,
  say: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<Lock> {
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 0; ; attempt += 1) {
    const lock = await acquireLock(path);
    if (lock.held) {
      return lock;
    }
    if (attempt === 0) {
      say(`process ${lock.holder} is getting the Temporal CLI; waiting for it`);
    }
    await pause(200, signal);
  }
}
