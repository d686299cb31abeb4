/** Thrown inside an evaluation whose steps are used up; it never leaves this folder. */
export class TooMuchWork extends Error {
  constructor() {
    super('it takes more work than one evaluation may');
  }
}

/** What one predicate or one validation may take: about a second, or half a million values of one schema each. */
const EVALUATION_STEPS = 50_000_000;

/**
 * The steps that one evaluation may take.
 *
 * A pattern, a schema or an expression of a few lines can ask for hours of work, and a worker has one thread. Steps are
 * counted from sizes alone, never from a clock, so that the same input gives the same answer on every machine. A step
 * takes ten to thirty nanoseconds.
 */
export class Work {
  #left: number;

  constructor(steps: number = EVALUATION_STEPS) {
    this.#left = steps;
  }

  /** Takes steps, and throws when there are not enough: then every later call throws too. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) {
      throw new TooMuchWork();
    }
  }
}
