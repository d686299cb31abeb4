import { CamelCasePlugin, Kysely, PostgresDialect, type Transaction } from 'kysely';
import { DatabaseError, Pool } from 'pg';
import type { Tables } from './tables.js';

/** Typed access to the store; `Tx` is the same inside a transaction. */
export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

/** A connected store. */
export type Database = {
  readonly db: Db;
  readonly url: string;
  /** Ends every connection; pending statements are answered first. */
  close(): Promise<void>;
};

/** The failures worth a second try: serialization, deadlock. Nothing of the first one remains. */
const RETRYABLE_SQLSTATES = new Set(['40001', '40P01']);

/**
 * Opens a pool of connections to PostgreSQL; it connects on first use.
 *
 * @param onIdleError told of connections that break while idle (a server restart); the pool replaces them
 */
export function openDatabase(
  url: string,
  options: { readonly maxConnections?: number; readonly onIdleError?: (error: Error) => void } = {},
): Database {
  const pool = new Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: 5_000,
    application_name: 'countersign',
  });
  // Without a listener an idle client's error ends the process when the server stops.
  pool.on('error', options.onIdleError ?? (() => {}));
  // The pool takes its own listener away from a client that is in use: a transaction that loses its
  // connection between two statements would end the process, too. Its next statement fails anyway.
  pool.on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
  return { db, url, close: () => db.destroy() };
}

/** Runs `work` in one transaction, and again from the start where PostgreSQL asks for that. */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (attempt >= 5 || !RETRYABLE_SQLSTATES.has(sqlState(error) ?? '')) {
        throw error;
      }
    }
  }
}

/** The SQLSTATE of a PostgreSQL error, or null for any other. */
export function sqlState(error: unknown): string | null {
  return error instanceof DatabaseError ? (error.code ?? null) : null;
}

/** The name of the constraint that an error says was violated, if it says so. */
export function violatedConstraint(error: unknown): string | null {
  return error instanceof DatabaseError && sqlState(error) === '23505'
    ? (error.constraint ?? null)
    : null;
}
