import { sqlState } from '../store/database.js';

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

/** Shutting down, crashed, starting up; too many clients; read-only after a failover; disk full. */
const AWAY_SQLSTATES = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '25006', '53100']);

/** What `pg` says without a code: a broken connection, or none to be had in time. */
const AWAY_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed)/;

/** Whether an error says that PostgreSQL is away for now, so that asking again later makes sense. */
export function isStoreAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) {
    return state.startsWith('08') || AWAY_SQLSTATES.has(state);
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
