import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, Transaction } from 'kysely';
import { DatabaseError, Pool } from 'pg';
import { CamelCaseRows } from './column-names.js';
import { Epoch, isStalePlan, StoreConnection, StoreDialect } from './connection.js';
import { type Limits, SERVING_LIMITS } from './limits.js';
import type { Tables } from './tables.js';

/** Typed access to the store; `Tx` is the same inside a transaction. */
export type Db = Kysely<Tables>;

/**
 * A transaction.
 *
 * Statements that do not need each other's answers may be awaited together (`Promise.all`): they are
 * sent at once, and are carried out in the order in which they were written.
 */
export class Tx extends Transaction<Tables> {
  readonly #last: Promise<unknown>[] = [];

  /**
   * Takes statements that have been sent and whose answers nobody needs: they are answered together with
   * the commit, which is sent right behind them. Where one of them fails nothing is committed.
   */
  withCommit(...sent: readonly Promise<unknown>[]): void {
    this.#last.push(...sent);
    Promise.all(sent).catch(() => {}); // the error is thrown with the commit, whatever else happens first
  }

  /** Resolves when everything that was left to the commit has been answered. */
  async answered(): Promise<void> {
    await Promise.all(this.#last);
  }
}

/** A connected store. */
export type Database = {
  /** For whatever writes or may have to wait for a lock. */
  readonly db: Db;
  /** For whatever only reads: connections of its own, so that a wait for locks never takes them all. */
  readonly reads: Db;
  readonly url: string;
  /** Ends every connection; pending statements are answered first. */
  close(): Promise<void>;
};

/** How a store is connected to. */
export type DatabaseOptions = {
  /** Connections of `db`; `reads` has `maxReadConnections` beside them. */
  readonly maxConnections?: number;
  readonly maxReadConnections?: number;
  readonly limits?: Limits;
  /** Told of connections that break while idle (a server restart); the pool replaces them. */
  readonly onIdleError?: (error: Error) => void;
};

/** The name under which the server lists our sessions. */
const APPLICATION_NAME = 'countersign';

/** How soon TCP asks whether the other side is still there; then a few seconds are enough to know. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

/**
 * How long a connection that nobody needs is kept: a new one costs a process of PostgreSQL, a password's check
 * and the plan of every statement.
 */
const IDLE_MS = 600_000;

/** The failures worth a second try: serialization, deadlock. Nothing of the first one remains. */
const RETRYABLE_SQLSTATES = new Set(['40001', '40P01']);
const ATTEMPTS = 5;
const BACKOFF_MS = 10;

/** Opens pools of connections to PostgreSQL; they connect on first use. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const { limits = SERVING_LIMITS } = options;
  const epoch = new Epoch();
  const open = (max: number): Db => {
    const pool = new Pool({
      connectionString: url,
      max,
      connectionTimeoutMillis: limits.connectMs,
      query_timeout: limits.queryMs,
      idleTimeoutMillis: IDLE_MS,
      pipeline: true,
      application_name: APPLICATION_NAME,
      ...KEEP_ALIVE,
    });
    // Without a listener an idle client's error ends the process when the server stops.
    pool.on('error', options.onIdleError ?? (() => {}));
    // The pool takes its own listener away from a client that is in use: a transaction that loses its
    // connection between two statements would end the process, too. Its next statement fails anyway.
    pool.on('connect', (client) => client.on('error', () => {}));
    return new Kysely<Tables>({
      dialect: new StoreDialect({ pool, limits, epoch }),
      plugins: [new CamelCaseRows()],
    });
  };
  const db = open(options.maxConnections ?? 10);
  const reads = open(options.maxReadConnections ?? 4);
  return {
    db,
    reads,
    url,
    close: async () => {
      await Promise.all([db.destroy(), reads.destroy()]);
    },
  };
}

/** Runs `work` in one READ COMMITTED transaction, and again from the start where PostgreSQL asks for that. */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryInTransaction(db, work);
    } catch (error) {
      const isWorthMore = RETRYABLE_SQLSTATES.has(sqlState(error) ?? '') || isStalePlan(error);
      if (attempt >= ATTEMPTS || !isWorthMore) {
        throw error;
      }
      await delay(Math.random() * BACKOFF_MS * 2 ** attempt);
    }
  }
}

async function tryInTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  if (db.isTransaction) {
    throw new Error('a transaction cannot begin inside of another one');
  }
  const executor = db.getExecutor();
  return await executor.provideConnection(async (connection) => {
    if (!(connection instanceof StoreConnection)) {
      throw new Error('a transaction needs a store that openDatabase has opened');
    }
    let isOpen = true;
    const { driver } = connection;
    const { dialect } = driver;
    // Kysely's own transactions send one statement at a time.
    const tx = new Tx({
      config: { dialect },
      dialect,
      driver,
      executor: executor.withConnectionProvider({
        provideConnection: async (consumer) => {
          if (!isOpen) {
            throw new Error('the transaction has ended: await every statement inside of it');
          }
          return await consumer(connection);
        },
      }),
    });
    try {
      connection.begin();
      const result = await work(tx);
      isOpen = false;
      const committed = connection.commit();
      committed.catch(() => {}); // where a statement failed, its error says more
      await tx.answered();
      await committed;
      return result;
    } catch (error) {
      isOpen = false;
      await connection.rollback();
      throw error;
    } finally {
      isOpen = false;
    }
  });
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
