import { setTimeout as delay } from 'node:timers/promises';

/** A pause that an abort ends early, with the abort's reason. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Whether a condition came true within the time given; looks every few milliseconds. */
export async function becomesTrue(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  everyMs = 20,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    if (await condition()) {
      return true;
    }
    if (performance.now() >= deadline) {
      return false;
    }
    await pause(everyMs);
  }
}

/** Whether a promise settled within the time given. The timer keeps nothing alive once it has. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      promise.then(
        () => true,
        () => true,
      ),
      pause(ms, timer.signal).then(
        () => false,
        () => false,
      ),
    ]);
  } finally {
    timer.abort();
  }
}

/** A promise's outcome, or the abort's reason if that comes first: for work that does not heed the signal itself. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const done = new AbortController();
  try {
    return await Promise.race([work, aborted(signal, done.signal)]);
  } finally {
    done.abort();
  }
}

/** Rejects with the reason once a signal is aborted; `done` ends the listening. */
async function aborted(signal: AbortSignal, done: AbortSignal): Promise<never> {
  return await new Promise<never>((_, reject) => {
    const fail = (): void => {
      reject(reasonOf(signal));
    };
    if (signal.aborted) {
      fail();
    }
    signal.addEventListener('abort', fail, { once: true, signal: done });
  });
}

/** The reason of an abort, as an error. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
