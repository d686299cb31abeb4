import { condition, defineSignal, setDefaultSignalHandler, setHandler } from '@temporalio/workflow';
import { isJsonObject } from '../domain/json.js';
import { STEP_ENDED } from '../domain/messages.js';

/** Says that a gated step has ended; its payload is not believed. */
const stepEnded = defineSignal<[unknown]>(STEP_ENDED);

/** Word that steps have ended, before the gates that run them say so. */
export type Hints = {
  /** Resolves with the next hint about a step that nobody has been given yet. */
  next(stepId: string): Promise<void>;
};

/**
 * Collects hints about some steps from now on; whatever else is signalled is taken and dropped.
 *
 * Called before the first await. The handlers are synchronous and never throw.
 */
export function collectHints(stepIds: readonly string[]): Hints {
  const told = new Map(stepIds.map((id) => [id, 0]));
  const given = new Map<string, number>();
  setHandler(stepEnded, (payload) => {
    const stepId = isJsonObject(payload) ? payload['step_id'] : null;
    const count = typeof stepId === 'string' ? told.get(stepId) : undefined;
    if (typeof stepId === 'string' && count !== undefined) {
      told.set(stepId, count + 1);
    }
  });
  setDefaultSignalHandler(() => {});
  return {
    next: async (stepId) => {
      const before = given.get(stepId) ?? 0;
      await condition(() => (told.get(stepId) ?? 0) > before);
      given.set(stepId, told.get(stepId) ?? 0);
    },
  };
}
