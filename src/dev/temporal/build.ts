import { execFile, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findOnPath, spawnGuarded } from '../guarded-process.js';
import { signalProcess } from '../process-identity.js';
import { collectOutput } from '../process-output.js';
import { hasEnded } from '../running.js';
import { SetupError } from '../setup-error.js';
import { TEMPORAL_CLI_VERSION } from './cli-version.js';

const run = promisify(execFile);

const MODULE_FOLDER = fileURLToPath(new URL('../../../tools/temporal-cli', import.meta.url));
const PACKAGE = 'github.com/temporalio/cli/cmd/temporal';
const NEEDED_GO = [1, 25] as const;
const PROGRESS_EVERY_MS = 15_000;
const PACKAGES = 1_300; // about, for the person who waits

const OTHER_WAYS =
  'install the Temporal CLI and put it on the PATH, or set TEMPORAL_ADDRESS to a running Temporal server';

/** A Go that can build the CLI. */
type Go = { readonly path: string; readonly version: string };

/** Finds Go, or says in one sentence what is missing. */
async function requireGo(env: NodeJS.ProcessEnv): Promise<Go> {
  const path = findOnPath('go', env);
  if (path === null) {
    throw new SetupError(
      `The Temporal CLI is not here, cannot be downloaded, and Go is not installed to build it: install Go ${NEEDED_GO.join('.')} or newer, ${OTHER_WAYS}.`,
    );
  }
  // Its own version, asked outside any module: inside ours an older Go would try to download a newer one.
  const { stdout } = await run(path, ['env', 'GOVERSION'], {
    cwd: tmpdir(),
    env: { ...env, GOTOOLCHAIN: 'local' },
  }).catch(() => ({ stdout: '' }));
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(stdout) ?? [];
  const isNewEnough =
    Number(major) > NEEDED_GO[0] ||
    (Number(major) === NEEDED_GO[0] && Number(minor) >= NEEDED_GO[1]);
  if (!isNewEnough && !stdout.startsWith('devel')) {
    throw new SetupError(
      `Building the Temporal CLI needs Go ${NEEDED_GO.join('.')} or newer, and ${path} is ${stdout.trim() || 'of no known version'}: update Go, ${OTHER_WAYS}.`,
    );
  }
  return { path, version: stdout.trim() };
}

/**
 * Builds the pinned Temporal CLI to a path, telling how far it is.
 *
 * The first build takes about two minutes on two cores. The file appears whole or not at all; the caller sees to it
 * that one process at a time builds.
 */
export async function buildCli(
  path: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const go = await requireGo(env);
  if (!existsSync(MODULE_FOLDER)) {
    throw new SetupError(`The Temporal CLI is not here and cannot be downloaded: ${OTHER_WAYS}.`);
  }
  onProgress(
    `building the Temporal CLI ${TEMPORAL_CLI_VERSION} with ${go.version}; this happens once and takes a few minutes`,
  );
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.new`;
  try {
    const child = await spawnGuarded({
      file: go.path,
      args: ['build', '-v', '-trimpath', '-ldflags', '-s -w', '-o', draft, PACKAGE],
      cwd: MODULE_FOLDER,
      env: { ...env, GOFLAGS: '', GOWORK: 'off' },
      deathSignal: 'TERM',
    });
    const { code, output } = await followBuild(child, onProgress, signal);
    if (code !== 0) {
      throw new SetupError(
        `The Temporal CLI could not be built: see the lines below, or ${OTHER_WAYS}.`,
        {
          details: output.trim().split('\n').slice(-10),
        },
      );
    }
    await chmod(draft, 0o755);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

async function followBuild(
  child: ChildProcess,
  onProgress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<{ code: number | null; output: string }> {
  const startedAt = performance.now();
  let downloaded = 0;
  let compiled = 0;
  child.stderr?.on('data', (chunk: string) => {
    // One line a module that is downloaded, one a package that is compiled.
    const lines = chunk.split('\n').filter((line) => line !== '');
    const modules = lines.filter((line) => line.startsWith('go: downloading')).length;
    downloaded += modules;
    compiled += lines.length - modules;
  });
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    onProgress(
      downloaded > 0 && compiled === 0
        ? `getting the Temporal CLI's sources: ${downloaded} modules, ${seconds} s`
        : `building the Temporal CLI: ${compiled} of about ${PACKAGES} packages, ${seconds} s`,
    );
  }, PROGRESS_EVERY_MS);
  const stop = (): void => {
    stopGroup(child); // the compilers that it runs too
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const result = await collectOutput(child);
    signal?.throwIfAborted();
    return result;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', stop);
  }
}

function stopGroup(child: ChildProcess): void {
  if (child.pid === undefined || hasEnded(child)) {
    return;
  }
  if (process.platform === 'win32') {
    child.kill();
  } else {
    signalProcess(-child.pid, 'SIGTERM');
  }
}
