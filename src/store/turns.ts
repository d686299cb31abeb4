import { StoreBusyError } from './store-away.js';

/** How long whoever comes for the same thing may queue. */
export type QueueLimits = {
  readonly waitMs: number;
  readonly waitingAtMost: number;
};

/** A wait for one's turn and for a lock together stay well below what a caller waits for an answer. */
const QUEUE_LIMITS: QueueLimits = { waitMs: 5_000, waitingAtMost: 100 };

/**
 * Lets those who want the same thing do so one after another, before any of them takes a connection.
 *
 * They would queue for its row in PostgreSQL anyway, each with a connection in hand: one row that
 * somebody holds would take the whole pool.
 */
export class Turns {
  readonly #limits: QueueLimits;
  /** Who waits behind whoever is at work, by what they want. */
  readonly #queues = new Map<string, (() => void)[]>();

  constructor(limits: QueueLimits = QUEUE_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Does `work` once nobody else is at work under this key.
   *
   * @throws StoreBusyError when too many wait already, or the turn does not come in time
   */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    await this.#comeUp(key);
    try {
      return await work();
    } finally {
      this.#leave(key);
    }
  }

  async #comeUp(key: string): Promise<void> {
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      this.#queues.set(key, []);
      return;
    }
    const { waitMs, waitingAtMost } = this.#limits;
    if (queue.length >= waitingAtMost) {
      throw new StoreBusyError(`${queue.length} wait for ${key} already`);
    }
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(begin), 1);
        reject(new StoreBusyError(`the turn for ${key} did not come within ${waitMs} ms`));
      }, waitMs);
      queue.push(begin);
    });
  }

  #leave(key: string): void {
    const next = this.#queues.get(key)?.shift();
    if (next === undefined) {
      this.#queues.delete(key);
    } else {
      next();
    }
  }
}
