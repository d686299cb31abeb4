/**
 * Where a review, or one entry of it, stands.
 *
 * People move it among the first four; the release, and what comes of it, sets the last three.
 */
export const REVIEW_STATUSES = [
  'PENDING',
  'APPROVED',
  'REJECTED',
  'REVOKED',
  'PROCESSING',
  'EXECUTED',
  'UNKNOWN',
] as const;
export type ReviewStatus = (typeof REVIEW_STATUSES)[number];

/** The statuses that follow from people's facts alone. */
export type VotedStatus = 'PENDING' | 'APPROVED' | 'REJECTED' | 'REVOKED';

/** A status at which a waiting workflow has something to do. */
export function isTerminal(status: ReviewStatus): boolean {
  return status !== 'PENDING';
}

/** A status that no vote and no withdrawal can change any more. */
export function isFinal(status: ReviewStatus): boolean {
  return status !== 'PENDING' && status !== 'APPROVED';
}

/** A status that says the step has been released. */
export function isReleased(status: ReviewStatus): boolean {
  return status === 'PROCESSING' || status === 'EXECUTED' || status === 'UNKNOWN';
}

/** Where a run stands; `cancelling` is a cancellation that is durable but not yet obeyed. */
export const RUN_STATUSES = [
  'pending',
  'running',
  'cancelling',
  'completed',
  'error',
  'cancelled',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** A run that will do nothing more. */
export function hasEnded(status: RunStatus): boolean {
  return status === 'completed' || status === 'error' || status === 'cancelled';
}

/** Where a step stands; `awaiting_review` means that its gate opened a review. */
export const STEP_STATUSES = [
  'pending',
  'running',
  'awaiting_review',
  'completed',
  'error',
  'skipped',
  'cancelled',
] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/** A step that will do nothing more. */
export function isStepEnded(status: StepStatus): boolean {
  return (
    status === 'completed' || status === 'error' || status === 'skipped' || status === 'cancelled'
  );
}
