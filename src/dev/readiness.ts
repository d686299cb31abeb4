import { SetupError } from './setup-error.js';
import type { ChildStatus } from './supervisor.js';
import { errorText } from './system-error.js';
import { pause } from './wait.js';

const ASK_EVERY_MS = 100;
const FAILURES_ALLOWED = 2;

export type ReadinessOptions = {
  readonly url: string;
  readonly withinMs: number;
  /** The processes that must run for it, and where each one's log is. */
  readonly status: () => readonly ChildStatus[];
  readonly logOf: (name: string) => string;
  readonly signal: AbortSignal;
};

/**
 * Waits until a URL answers 200.
 *
 * Gives up early when a process that it depends on keeps ending: a wrong setting does not go away by itself.
 */
export async function waitUntilReady(options: ReadinessOptions): Promise<void> {
  const { url, withinMs, status, logOf, signal } = options;
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask(url, signal);
    if (answer === 'ready') {
      return;
    }
    const failing = status().find(({ failures }) => failures > FAILURES_ALLOWED);
    if (failing !== undefined) {
      throw new SetupError(
        `The ${failing.name} process keeps ending before it is ready: see ${logOf(failing.name)}.`,
        { details: failing.lastExit?.lastLines ?? [] },
      );
    }
    if (performance.now() > giveUpAt) {
      throw new SetupError(
        `${url} did not answer 200 within ${Math.round(withinMs / 1_000)} seconds (${answer}): see ${logOf('api')}.`,
      );
    }
    await pause(ASK_EVERY_MS, signal);
  }
}

async function ask(url: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]),
    });
    const body = await response.text();
    return response.status === 200
      ? 'ready'
      : `last answer: ${response.status} ${body.slice(0, 200)}`;
  } catch (error) {
    return `last attempt: ${errorText(error)}`;
  }
}
