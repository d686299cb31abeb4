import { DatabaseError } from 'pg';

/** PostgreSQL cannot be used for now, as we found out ourselves; the message says why. */
export class StoreAwayError extends Error {
  override readonly name = 'StoreAwayError';
}

/** Somebody else is at work on what was asked for, and has been for too long to wait on. */
export class StoreBusyError extends Error {
  override readonly name = 'StoreBusyError';
}

/**
 * Why the store could not serve for now: `away` when PostgreSQL does not answer (or answers as a
 * standby), `busy` when somebody else holds what was asked for, or it took too long.
 */
type StoreTrouble = 'away' | 'busy';

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
  'ERR_STREAM_DESTROYED', // written to just after we had given the connection up
]);

/** Read-only after a failover; disk full. A session that ends is FATAL anyway. */
const AWAY_SQLSTATES = new Set(['25006', '53100']);

/** A lock, a statement's limit; too many clients; rivals that even a repeat did not get past. */
const BUSY_SQLSTATES = new Set(['55P03', '57014', '53300', '40001', '40P01']);

/** What `pg` says without a code: a broken connection, none to be had in time, or no answer in time. */
const AWAY_MESSAGES =
  /^(Connection terminated|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout)/;

/** What the pool says when all of its connections are in use. */
const POOL_USED_UP = /^timeout exceeded when trying to connect/;

/** Why an error says that the store cannot serve for now, so that asking again later makes sense; else null. */
export function storeTrouble(error: unknown): StoreTrouble | null {
  if (error instanceof DatabaseError) {
    return troubleOfAnswer(error);
  }
  if (error instanceof AggregateError) {
    return error.errors.map(storeTrouble).find((trouble) => trouble !== null) ?? null;
  }
  if (!(error instanceof Error)) {
    return null;
  }
  if (error instanceof StoreBusyError || POOL_USED_UP.test(error.message)) {
    return 'busy';
  }
  const hasAwayCode =
    'code' in error && typeof error.code === 'string' && AWAY_CODES.has(error.code);
  return error instanceof StoreAwayError || hasAwayCode || AWAY_MESSAGES.test(error.message)
    ? 'away'
    : storeTrouble(error.cause);
}

/** Whether the store cannot serve for now, being away or busy, so that asking again later makes sense. */
export function isStoreAway(error: unknown): boolean {
  return storeTrouble(error) !== null;
}

function troubleOfAnswer({ code = '', severity = '' }: DatabaseError): StoreTrouble | null {
  if (BUSY_SQLSTATES.has(code)) {
    return 'busy';
  }
  const isGone = severity === 'FATAL' || severity === 'PANIC' || code.startsWith('08');
  return isGone || AWAY_SQLSTATES.has(code) ? 'away' : null;
}
