import type { RunStatus, StepStatus } from './statuses.js';
import { hasEnded } from './statuses.js';

/** A step of a run, as far as going on with the run depends on it. */
export type StandingStep = {
  readonly id: string;
  readonly status: StepStatus;
  readonly outcomeUnknown: boolean;
};

/** Why a run is not retried, or an outcome not settled. */
export type RecoveryRefusal =
  | { readonly code: 'run_not_in_error'; readonly runId: string; readonly status: RunStatus }
  | { readonly code: 'step_not_failed'; readonly stepIds: readonly string[] }
  | { readonly code: 'outcome_unknown'; readonly stepIds: readonly string[] }
  | { readonly code: 'run_not_at_rest'; readonly runId: string; readonly status: RunStatus }
  | { readonly code: 'outcome_known'; readonly stepId: string; readonly status: StepStatus };

/** What may be done about a run that stands still: these steps run again; or nothing, and why. */
export type RetryRuling =
  | { readonly kind: 'retry'; readonly stepIds: readonly string[] }
  | { readonly kind: 'refused'; readonly refusal: RecoveryRefusal };

/**
 * Rules on going on with a run in error.
 *
 * 1. Only a run in error is retried, so that of two who ask at once one is second and is told so.
 * 2. Nothing is retried while an outcome is unknown: somebody has to say first what became of it.
 * 3. What ended well, was skipped, or has not begun is never begun again by a retry.
 *
 * @param wanted the steps to run again; null for all that failed
 */
export function ruleOnRetry(
  run: { readonly id: string; readonly status: RunStatus },
  steps: readonly StandingStep[],
  wanted: readonly string[] | null,
): RetryRuling {
  if (run.status !== 'error') {
    return refuse({ code: 'run_not_in_error', runId: run.id, status: run.status });
  }
  const failed = steps.filter(({ status }) => status === 'error');
  const unknown = failed.filter(({ outcomeUnknown }) => outcomeUnknown).map(({ id }) => id);
  if (unknown.length > 0) {
    return refuse({ code: 'outcome_unknown', stepIds: unknown });
  }
  const ids = failed.map(({ id }) => id);
  const others = (wanted ?? []).filter((id) => !ids.includes(id));
  return others.length > 0
    ? refuse({ code: 'step_not_failed', stepIds: others })
    : { kind: 'retry', stepIds: wanted === null ? ids : [...new Set(wanted)] };
}

/**
 * Rules on saying what became of an unknown outcome; null where it may be said.
 *
 * While its run goes on, the workflow has yet to say how the run ends.
 */
export function ruleOnSettling(
  run: { readonly id: string; readonly status: RunStatus },
  step: StandingStep,
): RecoveryRefusal | null {
  if (!step.outcomeUnknown) {
    return { code: 'outcome_known', stepId: step.id, status: step.status };
  }
  return hasEnded(run.status)
    ? null
    : { code: 'run_not_at_rest', runId: run.id, status: run.status };
}

function refuse(refusal: RecoveryRefusal): RetryRuling {
  return { kind: 'refused', refusal };
}

/** Says in one sentence why nothing was done, and what to do about it. */
export function explainRecovery(refusal: RecoveryRefusal): string {
  switch (refusal.code) {
    case 'run_not_in_error':
      return `Run '${refusal.runId}' is ${refusal.status}, and only a run in error can be retried: read it again.`;
    case 'step_not_failed':
      return `This run has no failed ${listed(refusal.stepIds)}: name steps that are in error, or none for all of them.`;
    case 'outcome_unknown':
      return `Nobody knows whether ${listed(refusal.stepIds)} did its work: find out, settle it (countersign step settle), and retry the run then.`;
    case 'run_not_at_rest':
      return `Run '${refusal.runId}' is ${refusal.status} and has not come to its end: settle its steps when it has.`;
    case 'outcome_known':
      return `What became of step '${refusal.stepId}' is known (it is ${refusal.status}): there is nothing to settle.`;
  }
}

function listed(stepIds: readonly string[]): string {
  return `${stepIds.length === 1 ? 'step' : 'steps'} ${stepIds.map((id) => `'${id}'`).join(', ')}`;
}
