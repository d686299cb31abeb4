import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnGuarded } from '../guarded-process.js';
import { collectOutput } from '../process-output.js';
import { TEMPORAL_CLI_VERSION } from './cli-version.js';

const SILENCE_MS = 15_000;
const LOOK_EVERY_MS = 1_000;

/**
 * The SDK's own download, in a process of its own: it has no timeout, and the dev server that it starts must not be ours.
 *
 * `@temporalio/testing` does the same through this native module, which `@temporalio/worker` brings along.
 */
const SCRIPT = `
const { createRequire } = require('node:module');
const [, from, folder, version] = process.argv;
const worker = createRequire(from).resolve('@temporalio/worker');
const { native } = createRequire(worker)('@temporalio/core-bridge');
globalThis.runtime = native.newRuntime({
  logExporter: { type: 'console', filter: 'ERROR', format: 'compact' },
  telemetry: { attachServiceName: false, metricPrefix: 'temporal_' },
  metricsExporter: null,
  workerHeartbeatIntervalMillis: null,
});
native
  .newEphemeralServer(globalThis.runtime, {
    type: 'dev-server',
    exe: {
      type: 'cached-download',
      downloadDir: folder,
      version,
      ttl: 86_400_000,
      sdkName: 'sdk-typescript',
      sdkVersion: version,
    },
    namespace: 'default',
    ip: '127.0.0.1',
    port: null,
    uiPort: null,
    dbFilename: null,
    ui: false,
    log: { format: 'json', level: 'error' },
    extraArgs: [],
  })
  .then((server) => native.ephemeralServerShutdown(server))
  .then(
    () => process.exit(0),
    (error) => {
      console.error(error.message);
      process.exit(1);
    },
  );
`;

/**
 * Downloads the Temporal CLI to a path, if downloads are possible here.
 *
 * Where they are blocked it fails at once; where they hang, as soon as nothing has arrived for a while.
 *
 * @returns null when it is there, else why not
 */
export async function downloadCli(
  path: string,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string | null> {
  const parent = join(path, '..');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, '.download-'));
  try {
    const child = await spawnGuarded({
      file: process.execPath,
      args: ['-e', SCRIPT, import.meta.url, folder, TEMPORAL_CLI_VERSION],
      env,
      deathSignal: 'KILL',
    });
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    signal?.addEventListener('abort', kill, { once: true });
    const stopWatching = killWhenSilent(folder, kill);
    const { code, output } = await collectOutput(child).finally(() => {
      stopWatching();
      signal?.removeEventListener('abort', kill);
    });
    signal?.throwIfAborted();
    const name = (await readdir(folder)).find((each) => !each.endsWith('.downloading'));
    if (code !== 0 || name === undefined) {
      return output.trim().split('\n').at(-1) || 'nothing arrived';
    }
    await rename(join(folder, name), path);
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function killWhenSilent(folder: string, kill: () => void): () => void {
  let size = -1;
  let silentMs = 0;
  const look = async (): Promise<void> => {
    const now = await folderSize(folder);
    silentMs = now === size ? silentMs + LOOK_EVERY_MS : 0;
    size = now;
    if (silentMs >= SILENCE_MS) {
      kill();
    }
  };
  const timer = setInterval(() => {
    void look();
  }, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
  };
}

async function folderSize(folder: string): Promise<number> {
  const sizes = (await readdir(folder).catch(() => [])).map((name) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
