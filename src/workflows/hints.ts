import { defineSignal, setDefaultSignalHandler, setHandler } from '@temporalio/workflow';
import { isJsonObject } from '../domain/json.js';
import { STEP_ENDED } from '../domain/messages.js';

/** Says that a gated step has ended; its payload is not believed. */
const stepEnded = defineSignal<[unknown]>(STEP_ENDED);

/** Word that steps have ended, before the gates that run them say so. */
export type Hints = {
  /** Calls back once, with the next hint about a step: at once where one came that nobody has been given yet. */
  next(stepId: string, isTold: () => void): void;
};

/**
 * Collects hints about some steps from now on; whatever else is signalled is taken and dropped.
 *
 * Called before the first await. The handlers are synchronous and never throw.
 */
export function collectHints(stepIds: readonly string[]): Hints {
  const known = new Set(stepIds);
  const notGiven = new Set<string>();
  const waiting = new Map<string, readonly (() => void)[]>();
  setHandler(stepEnded, (payload) => {
    const stepId = isJsonObject(payload) ? payload['step_id'] : null;
    if (typeof stepId !== 'string' || !known.has(stepId)) {
      return;
    }
    const told = waiting.get(stepId);
    if (told === undefined) {
      notGiven.add(stepId);
      return;
    }
    waiting.delete(stepId);
    for (const isTold of told) {
      isTold();
    }
  });
  setDefaultSignalHandler(() => {});
  return {
    next: (stepId, isTold) => {
      if (notGiven.delete(stepId)) {
        isTold();
      } else {
        waiting.set(stepId, [...(waiting.get(stepId) ?? []), isTold]);
      }
    },
  };
}
