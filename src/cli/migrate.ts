import { Connection } from '@temporalio/client';
import { ensureSearchAttributes } from '../delivery/search-attributes.js';
import { temporalOptions } from '../delivery/temporal.js';
import { openDatabase } from '../store/database.js';
import { PATIENT_LIMITS } from '../store/limits.js';
import { migrate } from '../store/migrate.js';
import { type Environment, readConfig, requireDatabaseUrl } from './config.js';
import { untilStoreAnswers } from './until-store-answers.js';

/** Prepares DATABASE_URL and TEMPORAL_ADDRESS for this version, and prints what was done. */
export async function runMigrate(env: Environment): Promise<void> {
  for (const line of await prepareServers(requireDatabaseUrl(readConfig(env)), env)) {
    console.log(line);
  }
}

/** Brings the schema up to date and registers search attributes; says in a line each what was done. */
export async function prepareServers(
  databaseUrl: string,
  env: Environment,
): Promise<readonly string[]> {
  return [await prepareDatabase(databaseUrl), await prepareTemporal(env)];
}

async function prepareDatabase(databaseUrl: string): Promise<string> {
  const database = openDatabase(databaseUrl, { maxConnections: 1, limits: PATIENT_LIMITS });
  try {
    const steps = await untilStoreAnswers(
      () => migrate(database.db, { onWait: say }),
      (reason) => say(`waiting for PostgreSQL: ${reason}`),
    );
    return steps.length === 0 ? 'schema: up to date' : `schema: applied ${steps.join(', ')}`;
  } finally {
    await database.close();
  }
}

function say(line: string): void {
  console.error(line);
}

async function prepareTemporal(env: Environment): Promise<string> {
  const { namespace, connectionOptions } = temporalOptions(env);
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '10s' });
  try {
    const report = await ensureSearchAttributes(connection, namespace);
    if (report.outcome === 'by hand') {
      return `search attributes: create ${report.names.join(', ')} (Keyword) in namespace ${namespace} by hand; this server lets nobody register them through its API`;
    }
    return report.added.length === 0
      ? 'search attributes: up to date'
      : `search attributes: registered ${report.added.join(', ')}`;
  } finally {
    await connection.close();
  }
}
