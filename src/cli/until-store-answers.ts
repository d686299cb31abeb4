import { setTimeout as delay } from 'node:timers/promises';
import { sqlState } from '../store/database.js';
import { StoreAwayError, storeTrouble } from '../store/store-away.js';

/** How long a process that starts waits for PostgreSQL, and how often it looks. */
type Patience = {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  readonly giveUpAfterMs: number;
};

/** A crash recovery takes minutes at times; whoever supervises the process starts it again after that. */
const PATIENCE: Patience = {
  firstPauseMs: 250,
  longestPauseMs: 5_000,
  giveUpAfterMs: 10 * 60_000,
};

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
  patience: Patience = PATIENCE,
): Promise<T> {
  const deadline = Date.now() + patience.giveUpAfterMs;
  for (let pauseMs = patience.firstPauseMs; ; pauseMs *= 2) {
    try {
      return await ask();
    } catch (error) {
      if (storeTrouble(error) === null || WRONG_SETTINGS.test(sqlState(error) ?? '')) {
        throw error;
      }
      const reason = reasonOf(error);
      if (Date.now() > deadline) {
        throw new StoreAwayError(
          `PostgreSQL does not answer at DATABASE_URL (${reason}): start it, or correct the URL.`,
          { cause: error },
        );
      }
      onWait(reason);
    }
    await delay(Math.min(pauseMs, patience.longestPauseMs));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) {
    return reasonOf(error.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
}
