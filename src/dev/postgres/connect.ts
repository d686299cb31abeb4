import { Client } from 'pg';
import { LOOPBACK } from '../ports.js';
import { errorCode } from '../system-error.js';
import { DATABASE_NAME, DATABASE_USER } from './cluster.js';

type Target = { readonly port: number; readonly password: string };

/** Whether a server lets us in yet: `starting` is one that says so itself (recovery can take long). */
export type Answer = 'ready' | 'starting' | 'silent' | 'refused';

/** Asks a server for `select 1`: a log line that says "ready" proves less. */
export async function askServer(target: Target): Promise<Answer> {
  try {
    await withClient(target, async (client) => {
      await client.query('select 1');
    });
    return 'ready';
  } catch (error) {
    const code = errorCode(error);
    if (code === '57P03') {
      return 'starting'; // cannot_connect_now
    }
    return code === '28P01' ? 'refused' : 'silent'; // invalid_password
  }
}

/** Whether the server on a port is the one that has this data folder open. */
export async function servesFolder(target: Target, dataFolder: string): Promise<boolean> {
  try {
    return await withClient(target, async (client) => {
      const { rows } = await client.query<{ data_directory: string }>('show data_directory');
      return rows[0]?.data_directory === dataFolder;
    });
  } catch {
    return false;
  }
}

/** Makes the application's database if it is not there. */
export async function ensureDatabase(target: Target): Promise<void> {
  await withClient(target, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [
      DATABASE_NAME,
    ]);
    if (rowCount === 0) {
      await client.query(`create database ${DATABASE_NAME}`);
    }
  });
}

async function withClient<T>(
  { port, password }: Target,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    host: LOOPBACK,
    port,
    user: DATABASE_USER,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
    query_timeout: 10_000,
  });
  client.on('error', () => undefined); // a server that stops while we ask; the query fails as well
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
