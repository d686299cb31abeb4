import { describe, expect, test } from 'vitest';
import {
  explainRecovery,
  ruleOnRetry,
  ruleOnSettling,
  type StandingStep,
} from '../../src/domain/recovery.js';
import { RUN_STATUSES, STEP_STATUSES } from '../../src/domain/statuses.js';

const RUN = { id: 'run_1', status: 'error' } as const;

function aStep(id: string, about: Partial<StandingStep> = {}): StandingStep {
  return { id, status: 'error', outcomeUnknown: false, ...about };
}

describe('ruleOnRetry', () => {
  test.each(RUN_STATUSES.filter((status) => status !== 'error'))(
    'refuses a run that is %s',
    (status) => {
      expect(ruleOnRetry({ ...RUN, status }, [aStep('a')], null)).toEqual({
        kind: 'refused',
        refusal: { code: 'run_not_in_error', runId: 'run_1', status },
      });
    },
  );

  test('takes all that failed, or those that are named, each once', () => {
    const steps = [aStep('a'), aStep('b'), aStep('c', { status: 'completed' })];
    expect(ruleOnRetry(RUN, steps, null)).toEqual({ kind: 'retry', stepIds: ['a', 'b'] });
    expect(ruleOnRetry(RUN, steps, ['b', 'b'])).toEqual({ kind: 'retry', stepIds: ['b'] });
    expect(ruleOnRetry(RUN, [], null)).toEqual({ kind: 'retry', stepIds: [] });
  });

  test.each(STEP_STATUSES.filter((status) => status !== 'error'))(
    'never begins again what is %s',
    (status) => {
      const steps = [aStep('a', { status }), aStep('b')];
      expect(ruleOnRetry(RUN, steps, null)).toEqual({ kind: 'retry', stepIds: ['b'] });
      expect(ruleOnRetry(RUN, steps, ['a', 'b', 'x'])).toEqual({
        kind: 'refused',
        refusal: { code: 'step_not_failed', stepIds: ['a', 'x'] },
      });
    },
  );

  test('wants every unknown outcome settled first, whatever is named', () => {
    const steps = [aStep('a'), aStep('b', { outcomeUnknown: true })];
    const refusal = { code: 'outcome_unknown', stepIds: ['b'] };
    expect(ruleOnRetry(RUN, steps, null)).toEqual({ kind: 'refused', refusal });
    expect(ruleOnRetry(RUN, steps, ['a'])).toEqual({ kind: 'refused', refusal });
  });
});

describe('ruleOnSettling', () => {
  const unknown = aStep('a', { outcomeUnknown: true });

  test.each(RUN_STATUSES)('in a run that is %s waits until nothing follows by itself', (status) => {
    const isAtRest = ['completed', 'error', 'cancelled'].includes(status);
    expect(ruleOnSettling({ id: 'run_1', status }, unknown)).toEqual(
      isAtRest ? null : { code: 'run_not_at_rest', runId: 'run_1', status },
    );
  });

  test.each(STEP_STATUSES)('refuses a step that is %s and of which all is known', (status) => {
    expect(ruleOnSettling(RUN, aStep('a', { status }))).toEqual({
      code: 'outcome_known',
      stepId: 'a',
      status,
    });
  });
});

test.each([
  [
    { code: 'run_not_in_error', runId: 'run_1', status: 'running' },
    "Run 'run_1' is running, and only a run in error can be retried: read it again.",
  ],
  [
    { code: 'step_not_failed', stepIds: ['a', 'b'] },
    "This run has no failed steps 'a', 'b': name steps that are in error, or none for all of them.",
  ],
  [
    { code: 'outcome_unknown', stepIds: ['a'] },
    "Nobody knows whether step 'a' did its work: find out, settle it (countersign step settle), and retry the run then.",
  ],
  [
    { code: 'run_not_at_rest', runId: 'run_1', status: 'cancelling' },
    "Run 'run_1' is cancelling and has not come to its end: settle its steps when it has.",
  ],
  [
    { code: 'outcome_known', stepId: 'a', status: 'completed' },
    "What became of step 'a' is known (it is completed): there is nothing to settle.",
  ],
] as const)('explainRecovery says of $code what to do', (refusal, sentence) => {
  expect(explainRecovery(refusal)).toBe(sentence);
});
