import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openHome, writeWhole, type Home } from './home.js';
import { freePort, LOOPBACK } from './ports.js';
import { openProcessLog } from './process-log.js';
import { exitText, type Exit, type Running } from './running.js';
import { SetupError } from './setup-error.js';
import { cliVersion } from './temporal/cli-version.js';
import { DYNAMIC_CONFIG, type DynamicConfig } from './temporal/dynamic-config.js';
import { launchServer, type Ports } from './temporal/launch.js';
import { ensureNamespace, withConnection } from './temporal/namespace.js';
import { endOldServer, forgetServer, noteServer } from './temporal/old-server.js';
import { pause } from './wait.js';

// What people know it by; used when they are free, so that a second stack beside this one works too.
const USUAL_PORT = 7233;
const USUAL_UI_PORT = 8233;
const PATIENCE_MS = 15_000;

// Its last lines say little: it panics after a taken port, and the reason comes before the stack of every goroutine.
const REASON = /level=ERROR|^panic:|^Error|database is locked/;
const PASSES = /database is locked|address already in use/;
const PORT_TAKEN = /address already in use/;
const KEPT_REASONS = 5;

export type TemporalOptions = {
  /** Path of the Temporal CLI. */
  readonly cli: string;
  /** The home folder; the caller holds its lock. */
  readonly home: string;
  /** These ports and no others, for a restart behind clients that know them. Default: those of last time, else free ones. */
  readonly port?: number;
  readonly uiPort?: number;
  readonly namespace?: string;
  /** Keep nothing, run without the Web UI, and end without ceremony: for tests. */
  readonly inMemory?: boolean;
  /** Settings beside the server's defaults; default: `DYNAMIC_CONFIG`. */
  readonly dynamicConfig?: DynamicConfig;
  readonly signal?: AbortSignal;
  /** How long to try again when the reason passes by itself: a taken port, the end of an old server. */
  readonly patienceMs?: number;
  /** Every line that the server writes; they are in the home's `logs/temporal.log` in any case. */
  readonly onLog?: (line: string) => void;
};

/** A running Temporal dev server. */
export type TemporalServer = Running & {
  /** Where clients connect, `host:port`. */
  readonly address: string;
  readonly port: number;
  /** The Web UI; null when it runs in memory. */
  readonly uiUrl: string | null;
  readonly uiPort: number | null;
};

/**
 * Starts Temporal's dev server on the loopback address, its state in the home folder, and returns when it answers.
 *
 * 1. Ports are remembered in the home, so that addresses survive a restart.
 * 2. A server that an earlier process left running on this home is ended first.
 * 3. It ends with this process: by `stop()`, or on Linux by the kernel when we are killed.
 * 4. Closed workflows stay readable for 30 days.
 */
export async function startTemporalServer(options: TemporalOptions): Promise<TemporalServer> {
  const { namespace = 'default', inMemory = false, signal } = options;
  const home = await openHome(options.home);
  await mkdir(home.file('temporal'), { recursive: true, mode: 0o700 });
  await endOldServer(noteFile(home));
  const version = cliVersion(options.cli);
  const launched = await launchPatiently(home, { ...options, namespace, inMemory });
  const { running, port, uiPort } = launched;
  const address = `${LOOPBACK}:${port}`;
  try {
    await withConnection(address, async (connection) => {
      await ensureNamespace(connection, namespace);
    });
    await home.rememberPort('temporal', port);
    if (uiPort !== null) {
      await home.rememberPort('temporal-ui', uiPort);
    }
    await writeWhole(versionFile(home), `${(await version) ?? ''}\n`);
    signal?.throwIfAborted();
  } catch (error) {
    await running.stop({ force: true });
    throw error;
  }
  return {
    ...running,
    address,
    port,
    uiPort,
    uiUrl: uiPort === null ? null : `http://${LOOPBACK}:${uiPort}`,
    stop: async (stopOptions) => {
      await running.stop(inMemory ? { force: true } : stopOptions);
      await forgetServer(noteFile(home));
    },
  };
}

type Options = TemporalOptions & { readonly namespace: string; readonly inMemory: boolean };

/** Launches again while the reason for a failure passes by itself: a port that somebody took, an old server's end. */
async function launchPatiently(
  home: Home,
  options: Options,
): Promise<Ports & { running: Running }> {
  const giveUpAt = performance.now() + (options.patienceMs ?? PATIENCE_MS);
  let avoidOld = false;
  for (;;) {
    const ports = await choosePorts(home, options, avoidOld);
    const reasons: string[] = [];
    const log = await openProcessLog(join(home.logs, 'temporal.log'), (line) => {
      options.onLog?.(line);
      if (REASON.test(line) && reasons.length < KEPT_REASONS) {
        reasons.push(line);
      }
    });
    const launched = await launchServer({
      ...ports,
      cli: options.cli,
      folder: home.file('temporal'),
      namespace: options.namespace,
      dynamicConfig: options.dynamicConfig ?? DYNAMIC_CONFIG,
      stateFile: options.inMemory ? null : stateFile(home),
      log,
      signal: options.signal,
      onSpawn: (pid) => noteServer(noteFile(home), pid),
    });
    if ('running' in launched) {
      return { ...launched, ...ports };
    }
    if (!reasons.some((line) => PASSES.test(line)) || performance.now() > giveUpAt) {
      throw await launchError(home, options.cli, launched.ended, log.path, reasons);
    }
    avoidOld ||= reasons.some((line) => PORT_TAKEN.test(line));
    await pause(200, options.signal);
  }
}

async function choosePorts(home: Home, options: Options, avoidOld: boolean): Promise<Ports> {
  if (options.inMemory) {
    return { port: options.port ?? (await freePort()), uiPort: null };
  }
  const preferred = async (name: string, usual: number): Promise<readonly (number | null)[]> =>
    avoidOld ? [] : [await home.rememberedPort(name), usual];
  return {
    port: options.port ?? (await freePort(await preferred('temporal', USUAL_PORT))),
    uiPort: options.uiPort ?? (await freePort(await preferred('temporal-ui', USUAL_UI_PORT))),
  };
}

async function launchError(
  home: Home,
  cli: string,
  exit: Exit,
  logPath: string,
  reasons: readonly string[],
): Promise<SetupError> {
  const version = (await cliVersion(cli)) ?? cli;
  const madeBy = (await readFile(versionFile(home), 'utf8').catch(() => version)).trim();
  let advice = `see ${logPath}`;
  if (reasons.some((line) => PORT_TAKEN.test(line))) {
    advice = 'another program has taken its port, so stop that program';
  } else if (madeBy !== version) {
    advice = `its state was written by "${madeBy}" and this is "${version}", so set TEMPORAL_CLI_PATH to the older one, or delete ${stateFile(home)} and run "countersign doctor" after the start`;
  }
  return new SetupError(
    `The Temporal server ended before it was ready (${exitText(exit)}): ${advice}.`,
    { details: reasons.length > 0 ? reasons : exit.lastLines },
  );
}

function stateFile(home: Home): string {
  return home.file('temporal', 'state.db');
}

function noteFile(home: Home): string {
  return home.file('temporal', 'server.json');
}

/** Names the CLI that last had the state open: a newer one does not migrate it. */
function versionFile(home: Home): string {
  return home.file('temporal', 'version');
}
