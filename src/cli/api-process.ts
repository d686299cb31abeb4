import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { createApp } from '../api/app.js';
import { createOidc } from '../api/sign-in/oidc.js';
import type { OidcSettings } from '../api/sign-in/oidc-settings.js';
import { WEB_FOLDER } from '../api/web-app.js';
import { RunTurns } from '../api/run-turns.js';
import { createChangeHub } from '../api/change-hub.js';
import { createReadiness } from '../api/readiness.js';
import { LEASE_MS, Sender } from '../delivery/sender.js';
import { comparing, diagnoseWithin, type Diagnosis } from '../delivery/doctor.js';
import { openTemporal } from '../delivery/temporal.js';
import { followChanges } from '../store/change-feed.js';
import { openDatabase } from '../store/database.js';
import { checkSchema } from '../store/migrate.js';
import { ConfigError, type Environment, readConfig, requireDatabaseUrl } from './config.js';
import { readOidcSettings } from './oidc-settings.js';
import { openLog } from './logging.js';
import { untilStopped } from './until-stopped.js';
import { untilStoreAnswers } from './until-store-answers.js';
import { VERSION } from './version.js';

/** What an API process runs on. */
export type ApiSettings = {
  readonly databaseUrl: string;
  readonly env: Environment;
  readonly host: string;
  readonly port: number;
  readonly temporalUiUrl: string | null;
  readonly publicUrl: URL | null;
  readonly oidc: OidcSettings | null;
  readonly voteAsMaxAgeMs: number | null;
  readonly logger: Logger;
};

/** Runs the API until it is stopped: the process `countersign api`. */
export async function runApi(env: Environment): Promise<void> {
  const config = readConfig(env);
  const { host, port, temporalUiUrl, publicUrl, voteAsMaxAgeMs } = config;
  const logger = openLog(config.logLevel, 'api');
  const databaseUrl = requireDatabaseUrl(config);
  const settings = {
    databaseUrl,
    env,
    host,
    port,
    temporalUiUrl,
    publicUrl,
    oidc: readOidcSettings(env),
    voteAsMaxAgeMs,
    logger,
  };
  const api = await startApi(settings);
  logger.info({ url: api.url }, 'the API is listening');
  await untilStopped(() => api.stop());
}

/** An API that answers at `url`. */
export type RunningApi = { readonly url: string; stop(): Promise<void> };

/** How long open requests may take to finish when the process is asked to end. */
const DRAIN_MS = 10_000;

/**
 * Starts the HTTP API and a sender in this process. Temporal may be away: votes are taken all the same.
 *
 * @throws ConfigError when the address cannot be listened on
 */
async function startApi(settings: ApiSettings): Promise<RunningApi> {
  const { databaseUrl, env, host, port, logger } = settings;
  const database = openDatabase(databaseUrl, {
    maxConnections: 12,
    maxReadConnections: 8,
    onIdleError: (err) => logger.warn({ err }, 'a database connection was lost'),
  });
  const probe = openDatabase(databaseUrl, { maxConnections: 1, maxReadConnections: 1 });
  await untilStoreAnswers(
    () => checkSchema(database.db),
    (reason) => logger.warn({ reason }, 'waiting for PostgreSQL'),
  );
  const temporal = openTemporal(env);
  const sender = new Sender({ db: database.db, temporal, logger });
  const changes = createChangeHub((tell) => followChanges(database.db, tell));
  const app = createApp({
    db: database.db,
    reads: database.reads,
    turns: new RunTurns(database.reads),
    readiness: createReadiness({ db: database.db, probe: probe.db }, logger),
    changes,
    diagnose: shared(async () => {
      await temporal.probe();
      return await diagnoseWithin(comparing(database.db, temporal), DIAGNOSIS_MS);
    }),
    forward: (messages) => sender.forward(messages),
    forwardLeaseMs: LEASE_MS,
    voteAsMaxAgeMs: settings.voteAsMaxAgeMs,
    temporalState: () => sender.reachability(),
    logger,
    version: VERSION,
    temporalUiUrl: settings.temporalUiUrl,
    publicUrl: settings.publicUrl,
    webFolder: WEB_FOLDER,
    oidc: settings.oidc === null ? null : createOidc(settings.oidc),
    temporalUrlOf: (workflowId) =>
      temporalUrl(settings.temporalUiUrl, temporal.namespace, workflowId),
  });
  const server = createServer(app);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    await Promise.all([database.close(), probe.close()]);
    throw new ConfigError(
      `Cannot listen on ${host}:${port} (${error instanceof Error ? error.message : String(error)}): set PORT or HOST to a free address.`,
      { cause: error },
    );
  }
  sender.start();
  const address = server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;

  return {
    url: `http://${host}:${boundPort}`,
    stop: async () => {
      const closed = once(server, 'close'); // with nobody connected that is at once
      server.close();
      await changes.end();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      await closed;
      clearTimeout(timer);
      await sender.stop();
      await temporal.close();
      await Promise.all([database.close(), probe.close()]);
    },
  };
}

/** How long a request waits for a diagnosis. */
const DIAGNOSIS_MS = 20_000;

/** Whoever asks while somebody waits for the same gets the same answer. */
function shared(work: () => Promise<Diagnosis>): () => Promise<Diagnosis> {
  let underWay: Promise<Diagnosis> | null = null;
  return () => {
    underWay ??= work().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

/** The page of a workflow's latest execution in Temporal's UI. */
function temporalUrl(uiUrl: string | null, namespace: string, workflowId: string): string | null {
  return uiUrl === null
    ? null
    : new URL(
        `namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`,
        uiUrl.endsWith('/') ? uiUrl : `${uiUrl}/`,
      ).href;
}
