import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type IsolationLevel,
  PostgresAdapter,
  PostgresIntrospector,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import { Client, DatabaseError, type Pool, type PoolClient, type QueryResult as Answer } from 'pg';
import { SnakeCaseCompiler } from './column-names.js';
import type { Limits } from './limits.js';
import { WrittenQuery } from './statement.js';
import { StatementNames } from './statement-names.js';
import { StoreAwayError, storeTrouble } from './store-away.js';

/** A server that is going away, or has become read-only: no other connection to it is worth more. */
const SERVER_CHANGED = new Set(['25006', '57P01', '57P02', '57P03']);

/** A table has got another column since the statement was prepared. */
const STALE_PLAN = '0A000';

/**
 * What the connections of a store share: when one finds that the server has changed, all go.
 *
 * A demoted server may keep every connection. A pool that only reads would never notice.
 */
export class Epoch {
  #number = 0;

  get number(): number {
    return this.#number;
  }

  end(): void {
    this.#number += 1;
  }
}

/** How connections of one pool are to behave. */
type ConnectionSettings = {
  readonly pool: Pool;
  readonly limits: Limits;
  readonly epoch: Epoch;
};

/** PostgreSQL through connections that end in time, and that leave the pool when they are no good any more. */
export class StoreDialect implements Dialect {
  readonly #settings: ConnectionSettings;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  createDriver(): StoreDriver {
    return new StoreDriver(this, this.#settings);
  }

  createQueryCompiler(): SnakeCaseCompiler {
    return new SnakeCaseCompiler();
  }

  createAdapter(): PostgresAdapter {
    return new PostgresAdapter();
  }

  createIntrospector(...[db]: Parameters<Dialect['createIntrospector']>): PostgresIntrospector {
    return new PostgresIntrospector(db);
  }
}

class StoreDriver implements Driver {
  readonly dialect: Dialect;
  readonly #settings: ConnectionSettings;
  readonly #names = new StatementNames();
  readonly #epochs = new WeakMap<PoolClient, number>();

  constructor(dialect: Dialect, settings: ConnectionSettings) {
    this.dialect = dialect;
    this.#settings = settings;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<StoreConnection> {
    const { pool, limits, epoch } = this.#settings;
    for (;;) {
      const client = await pool.connect();
      const since = this.#epochs.get(client);
      if (since !== undefined && since < epoch.number) {
        client.release(true);
        continue;
      }
      if (since === undefined) {
        this.#epochs.set(client, epoch.number);
        await greet(client, limits).catch((error: unknown) => {
          client.release(true);
          throw error;
        });
      }
      return new StoreConnection(this, client, this.#names, epoch);
    }
  }

  async beginTransaction(connection: StoreConnection, settings: TransactionSettings) {
    connection.begin(settings.isolationLevel);
    await Promise.resolve();
  }

  async commitTransaction(connection: StoreConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: StoreConnection): Promise<void> {
    await connection.rollback();
  }

  async releaseConnection(connection: StoreConnection): Promise<void> {
    connection.release();
    await Promise.resolve();
  }

  async destroy(): Promise<void> {
    await this.#settings.pool.end();
  }
}

/**
 * One connection while somebody uses it.
 *
 * Whatever is asked for is sent at once, behind what has not been answered yet (`pipeline` of `pg`).
 */
export class StoreConnection implements DatabaseConnection {
  readonly driver: StoreDriver;
  readonly #client: PoolClient;
  readonly #names: StatementNames;
  readonly #epoch: Epoch;
  #isUnfit = false;
  /** A transaction whose begin has not been answered yet. */
  #beginning: Promise<unknown> | null = null;
  #isInTransaction = false;
  #isGathering = false;
  /** What a statement of the transaction failed with: all that were sent behind it fail, too, and say less. */
  #failure: { error: unknown } | null = null;

  constructor(driver: StoreDriver, client: PoolClient, names: StatementNames, epoch: Epoch) {
    this.driver = driver;
    this.#client = client;
    this.#names = names;
    this.#epoch = epoch;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // Nothing is written before the transaction is known to have begun: it would stand by itself.
    if (this.#beginning !== null && !isPlainRead(query)) {
      await this.#beginning;
    }
    const [{ command, rowCount, rows }] = await Promise.all([
      this.#ask<R>(query.sql, query.parameters, query instanceof WrittenQuery),
      this.#beginning,
    ]);
    return WRITES.has(command) ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows };
  }

  streamQuery(): never {
    throw new Error('the store reads pages, and streams nothing');
  }

  /**
   * Begins a transaction; its answer is waited for with that of the first statement.
   *
   * Read committed whatever the database's default: locks are what rules among rivals here, and a
   * statement behind a lock has to see what its holder has committed.
   */
  begin(isolationLevel: IsolationLevel = 'read committed'): void {
    const begun = this.#ask(`start transaction isolation level ${isolationLevel}`, []).then(() => {
      this.#beginning = null;
    });
    begun.catch(() => {}); // whoever asks or ends next is told
    this.#beginning = begun;
    this.#isInTransaction = true;
    this.#failure = { error: null };
  }

  /** Commits, behind everything that was sent before. */
  async commit(): Promise<void> {
    await this.#beginning;
    this.#isInTransaction = false;
    const { command } = await this.#ask('commit', []);
    if (command !== 'COMMIT') {
      throw new Error('a statement of the transaction had failed: nothing of it was recorded');
    }
    this.#failure = null;
  }

  /** Undoes the transaction; where that cannot be told, the connection is given up. */
  async rollback(): Promise<void> {
    this.#isInTransaction = false;
    try {
      await this.#ask('rollback', []);
    } catch {
      this.#isUnfit = true;
    } finally {
      this.#beginning = null;
      this.#failure = null;
    }
  }

  /** Gives the connection back, or up. */
  release(): void {
    this.#client.release(this.#isUnfit || this.#client.getTransactionStatus() !== 'I');
  }

  async #ask<R>(
    text: string,
    parameters: readonly unknown[],
    isWritten = false,
  ): Promise<Answer<R & object>> {
    const values = [...parameters];
    // What reads lists is planned anew each time: there, a plan for any parameters can be a bad one.
    const comesAgain = isWritten || (this.#isInTransaction && values.length > 0);
    const name = comesAgain ? this.#names.nameOf(text) : null;
    this.#gather();
    try {
      return await this.#client.query<R & object>(
        name === null ? { text, values } : { text, values, name },
      );
    } catch (error) {
      this.#judge(error);
      if (name !== null && !this.#isInTransaction && isStalePlan(error)) {
        // It did nothing yet. In a transaction all of it is done again.
        return await this.#ask<R>(text, parameters);
      }
      if (this.#failure === null) {
        throw error;
      }
      this.#failure.error ??= error;
      throw this.#failure.error;
    }
  }

  /** Sends what is asked for in this moment in one piece: neither side is woken for each statement. */
  #gather(): void {
    if (this.#client instanceof Client && !this.#isGathering) {
      const { stream } = this.#client.connection;
      this.#isGathering = true;
      stream.cork();
      process.nextTick(() => {
        this.#isGathering = false;
        stream.uncork();
      });
    }
  }

  #judge(error: unknown): void {
    const code = error instanceof DatabaseError ? (error.code ?? '') : '';
    if (SERVER_CHANGED.has(code) || isStalePlan(error)) {
      this.#epoch.end();
    }
    if (storeTrouble(error) === 'away' || isStalePlan(error)) {
      this.#isUnfit = true;
    }
  }
}

const WRITES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** What would do no harm outside of the transaction: a read, which may lock. */
function isPlainRead({ query, sql }: CompiledQuery): boolean {
  return query.kind === 'RawNode'
    ? RAW_READ.test(sql)
    : query.kind === 'SelectQueryNode' && query.with === undefined;
}

const RAW_READ = /^\s*select\b/i;

/** Whether a prepared statement has to be prepared anew, because a table has changed. */
export function isStalePlan(error: unknown): boolean {
  return (
    error instanceof DatabaseError &&
    error.code === STALE_PLAN &&
    error.message.includes('cached plan')
  );
}

/**
 * Sets a new connection's limits, and refuses it where nothing can be written.
 *
 * A limit that the operator has set (on the role, the database or in the URL) stands. They are no
 * start-up parameters, because poolers refuse those they do not know.
 */
async function greet(client: PoolClient, limits: Limits): Promise<void> {
  const {
    rows: [row],
  } = await client.query<{ isReadOnly: boolean }>(
    `select current_setting('transaction_read_only')::boolean as "isReadOnly",
            case when current_setting('lock_timeout') = '0'
                 then set_config('lock_timeout', $1, false) end,
            case when current_setting('statement_timeout') = '0'
                 then set_config('statement_timeout', $2, false) end,
            case when current_setting('idle_in_transaction_session_timeout') = '0'
                 then set_config('idle_in_transaction_session_timeout', $3, false) end`,
    [`${limits.lockMs}`, `${limits.statementMs}`, `${limits.idleInTransactionMs}`],
  );
  if (row?.isReadOnly !== false) {
    throw new StoreAwayError(
      'PostgreSQL is read-only here, as a standby is: DATABASE_URL has to lead to the primary.',
    );
  }
}
