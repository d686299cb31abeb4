import { DatabaseError } from 'pg';

const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT', // the Unix socket is gone
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Too many clients; read-only after a failover; disk full. A session that ends is FATAL anyway. */
const AWAY_SQLSTATES = new Set(['53300', '25006', '53100']);

/** What `pg` says without a code: a broken connection, or none to be had in time. */
const AWAY_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed)/;

/** Whether an error says that PostgreSQL is away for now, so that asking again later makes sense. */
export function isStoreAway(error: unknown): boolean {
  if (error instanceof DatabaseError) {
    const { code = '', severity = '' } = error;
    return (
      severity === 'FATAL' ||
      severity === 'PANIC' ||
      code.startsWith('08') ||
      AWAY_SQLSTATES.has(code)
    );
  }
  if (error instanceof AggregateError) {
    return error.errors.some(isStoreAway);
  }
  if (!(error instanceof Error)) {
    return false;
  }
  const hasAwayCode =
    'code' in error && typeof error.code === 'string' && AWAY_CODES.has(error.code);
  return hasAwayCode || AWAY_MESSAGES.test(error.message) || isStoreAway(error.cause);
}
