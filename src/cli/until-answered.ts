import { setTimeout as delay } from 'node:timers/promises';

/** How long a process that starts waits for a server, and how often it looks. */
export type Patience = {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  readonly giveUpAfterMs: number;
};

/** A recovery takes minutes at times; whoever supervises the process starts it again after that. */
const PATIENCE: Patience = {
  firstPauseMs: 250,
  longestPauseMs: 5_000,
  giveUpAfterMs: 10 * 60_000,
};

/** What a failure means for whoever waits. */
export type Failure = {
  /** Whether it may pass: else it is thrown at once. */
  readonly mayPass: boolean;
  readonly reason: string;
  /** What is thrown once patience is at its end. */
  readonly error: unknown;
};

/**
 * Asks a server until it answers: while it starts, recovers or is away, a process waits.
 *
 * @param onWait told why, each time before it waits
 */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  read: (error: unknown) => Failure,
  onWait: (reason: string) => void,
  patience: Patience = PATIENCE,
): Promise<T> {
  const deadline = Date.now() + patience.giveUpAfterMs;
  for (let pauseMs = patience.firstPauseMs; ; pauseMs *= 2) {
    try {
      return await ask();
    } catch (error) {
      const failure = read(error);
      if (!failure.mayPass) {
        throw error;
      }
      if (Date.now() > deadline) {
        throw failure.error;
      }
      onWait(failure.reason);
    }
    await delay(Math.min(pauseMs, patience.longestPauseMs));
  }
}
