import type { Key } from '../api/keys.js';

const LONGEST_REST_MS = 5_000;

/**
 * Reads stale answers again, one reading at a time: what becomes stale meanwhile waits for the next one.
 *
 * After each it rests for as long as the reading took. So however much changes, a page asks only as often as
 * the server can answer, and leaves it half of the time for others.
 *
 * @param read reads whatever is shown of these keys; does not reject
 */
export function createRefresher(
  read: (keys: readonly Key[]) => Promise<void>,
): (keys: readonly Key[]) => void {
  let waiting = new Map<string, Key>();
  let isAtWork = false;
  const work = async (): Promise<void> => {
    isAtWork = true;
    while (waiting.size > 0) {
      const keys = [...waiting.values()];
      waiting = new Map();
      const fromMs = performance.now();
      await read(keys);
      await rest(Math.min(performance.now() - fromMs, LONGEST_REST_MS));
    }
    isAtWork = false;
  };
  return (keys) => {
    for (const key of keys) {
      waiting.set(key.join('/'), key);
    }
    if (!isAtWork) {
      void work();
    }
  };
}

async function rest(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
