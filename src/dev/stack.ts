import { join } from 'node:path';
import { lockHome, openHome, type Home } from './home.js';
import { clientEnvironment, supervisePostgres, superviseTemporal } from './local-servers.js';
import { startNodeChild, type NodeCommand } from './node-child.js';
import { connectHost, requireFreePort } from './ports.js';
import { waitUntilReady } from './readiness.js';
import type { StopOptions } from './running.js';
import { createSupervisor, type ChildStatus, type Supervisor } from './supervisor.js';
import { findTemporalCli } from './temporal-cli.js';
import { orAborted, reasonOf } from './wait.js';

const READY_MS = 120_000;

/** Where the parts of a stack are, for the code that prepares them. */
export type StackUrls = {
  readonly home: Home;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  /** Temporal's Web UI; null when the Temporal server is not ours. */
  readonly temporalUiUrl: string | null;
  /** Where the API will answer. */
  readonly apiUrl: string;
  /** The environment that the worker and the API get, and by which any client of these servers should be configured. */
  readonly env: NodeJS.ProcessEnv;
};

export type StackOptions = {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where the API listens; port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** How to run our own processes. Their environment is the stack's, with the command's own on top. */
  readonly command: (name: 'api' | 'worker') => NodeCommand;
  /** Runs once the servers answer and before our own processes start: migrations, registrations, the first person. */
  readonly prepare: (urls: StackUrls) => Promise<void>;
  /** Runs once the API is ready and before that is said. */
  readonly onReady?: (urls: StackUrls) => Promise<void> | void;
  /** Runs once it is said that the stack is ready. */
  readonly onAnnounced?: (urls: StackUrls) => Promise<void> | void;
  /** One short line for a person; default: standard output. */
  readonly print?: (line: string) => void;
  /** Ends a start early. A stack that has started ends by `stop()`. */
  readonly signal?: AbortSignal;
  /** Ends at once whatever is being ended. */
  readonly force?: AbortSignal;
  readonly readyWithinMs?: number;
};

export type Stack = {
  readonly urls: StackUrls;
  status(): readonly ChildStatus[];
  /** Ends the API and the worker first, then Temporal, PostgreSQL last, and gives the home back. */
  stop(options?: StopOptions): Promise<void>;
};

/**
 * Brings up everything on one machine and returns when the API is ready: servers, worker, API.
 *
 * 1. What the environment names (`DATABASE_URL`, `TEMPORAL_ADDRESS`) is used; what it does not is started here.
 * 2. A start that fails, or is aborted, leaves nothing running.
 * 3. Whatever ends unexpectedly afterwards is started again, servers on the ports they had.
 *
 * @throws SetupError with one sentence for the person who asked
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { print = printLine, signal = new AbortController().signal } = options;
  const home = await openHome(options.home);
  const lock = await lockHome(home);
  const supervisor = createSupervisor({ onEvent: print });
  const force = (): void => {
    void supervisor.stop({ force: true });
  };
  options.force?.addEventListener('abort', force);
  const stop = async (stopOptions?: StopOptions): Promise<void> => {
    await supervisor.stop(stopOptions);
    await lock.release();
    options.force?.removeEventListener('abort', force);
  };
  try {
    const port = await requireFreePort(options.host, options.port);
    const urls = await orAborted(
      startServers({ ...options, port, print, signal }, home, supervisor),
      signal,
    );
    print('preparing the database and Temporal');
    await orAborted(options.prepare(urls), signal);
    print('starting the worker and the API');
    await startOwnProcesses(options, urls, supervisor);
    await waitUntilReady({
      url: `${urls.apiUrl}/readyz`,
      withinMs: options.readyWithinMs ?? READY_MS,
      status: () => supervisor.status(),
      logOf: (name) => logFile(home, name),
      signal,
    });
    await orAborted(Promise.resolve(options.onReady?.(urls)), signal);
    print(`countersign ready: ${urls.apiUrl}`);
    await options.onAnnounced?.(urls);
    return { urls, status: () => supervisor.status(), stop };
  } catch (error) {
    await stop();
    throw signal.aborted ? reasonOf(signal) : error;
  }
}

async function startServers(
  options: StackOptions & Required<Pick<StackOptions, 'print' | 'signal'>>,
  home: Home,
  supervisor: Supervisor,
): Promise<StackUrls> {
  const { env, host, port, print, signal } = options;
  const givenAddress = env['TEMPORAL_ADDRESS'] ?? '';
  const givenDatabase = env['DATABASE_URL'] ?? '';
  const temporalNamespace = env['TEMPORAL_NAMESPACE'] || 'default';
  // The CLI first: what may be missing is said before anything runs.
  const cli =
    givenAddress === '' ? await findTemporalCli({ env, onProgress: print, signal }) : null;
  let databaseUrl = givenDatabase;
  if (givenDatabase === '') {
    print('starting PostgreSQL');
    databaseUrl = (await supervisePostgres(home, supervisor, print)).url;
  }
  let temporalAddress = givenAddress;
  let temporalUiUrl: string | null = null;
  let clientEnv = env;
  if (cli !== null) {
    print('starting Temporal');
    const temporal = await superviseTemporal(home, cli.path, temporalNamespace, supervisor);
    temporalAddress = temporal.address;
    temporalUiUrl = temporal.uiUrl;
    clientEnv = await clientEnvironment(home, env);
  }
  return {
    home,
    databaseUrl,
    temporalAddress,
    temporalNamespace,
    temporalUiUrl,
    apiUrl: `http://${connectHost(host)}:${port}`,
    env: {
      ...clientEnv,
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: temporalAddress,
      TEMPORAL_NAMESPACE: temporalNamespace,
      ...(temporalUiUrl === null ? {} : { TEMPORAL_UI_URL: temporalUiUrl }),
      PORT: String(port),
      HOST: host,
      COUNTERSIGN_HOME: home.path,
    },
  };
}

async function startOwnProcesses(
  { command }: StackOptions,
  { home, env }: StackUrls,
  supervisor: Supervisor,
): Promise<void> {
  for (const name of ['worker', 'api'] as const) {
    const { file, args, env: own } = command(name);
    await supervisor.add({
      name,
      start: () =>
        startNodeChild({ file, args, env: { ...env, ...own } }, { logFile: logFile(home, name) }),
    });
  }
}

function logFile(home: Home, name: string): string {
  return join(home.logs, `${name}.log`);
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
