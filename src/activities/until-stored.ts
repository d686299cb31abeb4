import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { isStoreAway } from '../store/store-away.js';

const AGAIN_AFTER_MS = 500;

/**
 * Enters in the store what exists nowhere else, the answer of a block, as soon as the store answers.
 *
 * An answer that is lost makes a repeatable block run again, and any other one UNKNOWN. So it is kept
 * until it is stored, or until the activity is cancelled or given up.
 *
 * A write that found the store away may have been carried out all the same. When it then finds itself
 * overtaken, the activity fails, and its repeat learns from the ledger what has become of the step.
 *
 * @param write gives null when another attempt, or the end of the step, has overtaken this one
 */
export async function untilStored<T>(
  write: () => Promise<T | null>,
  cancelled: AbortSignal,
): Promise<T | null> {
  for (let isRepeat = false; ; isRepeat = true) {
    try {
      const written = await write();
      if (written === null && isRepeat) {
        throw ApplicationFailure.create({
          type: 'AnswerOvertaken',
          message: 'the ledger has to be read again',
          category: 'BENIGN',
        });
      }
      return written;
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
