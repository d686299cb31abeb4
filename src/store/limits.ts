/** How long each thing may take before it ends in an error; 0 is no limit. */
export type Limits = {
  /** For a connection: a new one, or a free one of the pool. */
  readonly connectMs: number;
  /** For an answer, as measured here: what is silent for longer has no connection any more. */
  readonly queryMs: number;
  /** For a statement, as PostgreSQL measures it. */
  readonly statementMs: number;
  /** For a lock that somebody else holds. */
  readonly lockMs: number;
  /** For a transaction in which nothing happens: its holder is frozen, or cut off. */
  readonly idleInTransactionMs: number;
};

/**
 * The limits of whoever serves requests or runs.
 *
 * Each is longer than the one it backs: a lock ends before its statement, a statement before we take
 * its connection for dead, and the transaction of a frozen process before anybody has to restart one.
 */
export const SERVING_LIMITS: Limits = {
  connectMs: 5_000,
  lockMs: 3_000,
  statementMs: 10_000,
  queryMs: 12_000,
  idleInTransactionMs: 15_000,
};

/** The limits of what may take minutes and holds nobody up: a migration, an import. */
export const PATIENT_LIMITS: Limits = {
  connectMs: 5_000,
  lockMs: 0,
  statementMs: 0,
  queryMs: 0,
  idleInTransactionMs: 0,
};
