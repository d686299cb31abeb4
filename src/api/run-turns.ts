import { BoundedCache } from '../rules/bounded-cache.js';
import type { Db } from '../store/database.js';
import { findReview } from '../store/reviews.js';
import { type QueueLimits, Turns } from '../store/turns.js';

/** Reviews whose run is remembered: it never changes, and most of them are voted on more than once. */
const REMEMBERED = 10_000;

/** Lets requests that change the same run wait for one another, before they take a connection. */
export class RunTurns {
  readonly #turns: Turns;
  readonly #reads: Db;
  readonly #runs = new BoundedCache<string, { id: string | null }>(REMEMBERED);

  constructor(reads: Db, limits?: QueueLimits) {
    this.#reads = reads;
    this.#turns = new Turns(limits);
  }

  /** Does what changes a run, once no other request is at work on it. */
  async ofRun<T>(runId: string, work: () => Promise<T>): Promise<T> {
    return await this.#turns.take(runId, work);
  }

  /** Remembers the run of a review that was read, so that a vote on it need not look. */
  learn({ id, runId }: { readonly id: string; readonly runId: string }): void {
    this.#runs.getOrMake(id, () => ({ id: null })).id = runId;
  }

  /** Does what changes the run of a review; for a review that is not there nobody waits. */
  async ofReview<T>(projectId: string, reviewId: string, work: () => Promise<T>): Promise<T> {
    const run = this.#runs.getOrMake(reviewId, () => ({ id: null }));
    run.id ??= (await findReview(this.#reads, projectId, reviewId))?.runId ?? null;
    return run.id === null ? await work() : await this.ofRun(run.id, work);
  }
}
