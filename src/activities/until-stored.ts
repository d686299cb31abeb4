import { setTimeout as delay } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/activity';
import { isStoreAway } from '../store/store-away.js';

const AGAIN_AFTER_MS = 500;

/**
 * Enters in the store what exists nowhere else, the answer of a block, as soon as the store answers.
 *
 * An answer that is lost makes a repeatable block run again, and any other one UNKNOWN. So it is kept
 * until it is stored, or until the activity is cancelled or given up. A write that found the store away
 * may have been carried out all the same: its repeat then finds itself `late`.
 */
export async function untilStored<T>(write: () => Promise<T>, cancelled: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!isStoreAway(error)) {
        throw error;
      }
    }
    if (cancelled.aborted) {
      throw new CancelledFailure(
        'the answer could not be stored before the activity was cancelled',
      );
    }
    await delay(AGAIN_AFTER_MS);
  }
}
