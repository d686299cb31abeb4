import { findReview } from '../store/reviews.js';
import type { ReviewRow } from '../store/tables.js';
import type { Call } from './route.js';

/** A change that nobody told of is found after this time. */
const LOOK_EVERY_MS = 1_000;

/**
 * Waits until a review has come to something, without holding a connection to PostgreSQL meanwhile.
 *
 * It looks whenever the review is said to have changed, and every second besides.
 *
 * @returns the review, or null when the time was up first, or nobody waits for the answer any more
 */
export async function awaitReview(
  { deps, actor, closed }: Call,
  reviewId: string,
  isOver: (review: ReviewRow) => boolean | Promise<boolean>,
  waitMs: number,
): Promise<ReviewRow | null> {
  const deadline = performance.now() + waitMs;
  const waiting = { isStirred: false, isEnding: false, wake: () => {} };
  const stir = (): void => {
    waiting.isStirred = true;
    waiting.wake();
  };
  const unsubscribe = deps.changes.subscribe({
    onChange: (change) => {
      if (change === null || change.id === reviewId) {
        stir();
      }
    },
    onEnd: () => {
      waiting.isEnding = true;
      stir();
    },
  });
  closed.addEventListener('abort', stir);
  try {
    for (;;) {
      waiting.isStirred = false;
      const row = await findReview(deps.db, actor.projectId, reviewId);
      if (row !== null && (await isOver(row))) {
        return row;
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || waiting.isEnding || closed.aborted) {
        return null;
      }
      if (!waiting.isStirred) {
        await pause(waiting, Math.min(leftMs, LOOK_EVERY_MS));
      }
    }
  } finally {
    unsubscribe();
    closed.removeEventListener('abort', stir);
  }
}

async function pause(waiting: { wake: () => void }, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    waiting.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
