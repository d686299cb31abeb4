import { sqlState } from '../store/database.js';
import { StoreAwayError, storeTrouble } from '../store/store-away.js';
import { type Failure, type Patience, untilAnswered } from './until-answered.js';

/** Refused credentials or privileges, no such database: waiting does not mend them. */
const WRONG_SETTINGS = /^(28...|3D000|42501)$/;

/**
 * Asks the store until it answers: while PostgreSQL starts, recovers or is away, a process waits.
 *
 * @param onWait told why, each time before it waits
 * @throws StoreAwayError when it has been away for too long; at once whatever waiting does not mend
 */
export async function untilStoreAnswers<T>(
  ask: () => Promise<T>,
  onWait: (reason: string) => void,
  patience?: Patience,
): Promise<T> {
  return await untilAnswered(ask, readFailure, onWait, patience);
}

function readFailure(error: unknown): Failure {
  const reason = reasonOf(error);
  return {
    mayPass: storeTrouble(error) !== null && !WRONG_SETTINGS.test(sqlState(error) ?? ''),
    reason,
    error: new StoreAwayError(
      `PostgreSQL does not answer at DATABASE_URL (${reason}): start it, or correct the URL.`,
      { cause: error },
    ),
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) {
    return reasonOf(error.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
}
