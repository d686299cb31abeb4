import { describe, expect, test } from 'vitest';
import {
  hasEnded,
  isReleased,
  isFinal,
  isStepEnded,
  isTerminal,
  REVIEW_STATUSES,
  type ReviewStatus,
  RUN_STATUSES,
  type RunStatus,
  STEP_STATUSES,
  type StepStatus,
} from '../../src/domain/statuses.js';

describe('the statuses of a review', () => {
  const expected: Record<ReviewStatus, readonly [boolean, boolean, boolean]> = {
    PENDING: [false, false, false],
    APPROVED: [true, false, false],
    REJECTED: [true, true, false],
    REVOKED: [true, true, false],
    PROCESSING: [true, true, true],
    EXECUTED: [true, true, true],
    UNKNOWN: [true, true, true],
  };

  test.each(REVIEW_STATUSES)('%s says what is left to do', (status) => {
    expect([isTerminal(status), isFinal(status), isReleased(status)]).toEqual(expected[status]);
  });
});

describe('the statuses of a run', () => {
  const ended: Record<RunStatus, boolean> = {
    pending: false,
    running: false,
    cancelling: false,
    completed: true,
    error: true,
    cancelled: true,
  };

  test.each(RUN_STATUSES)('a run that is %s has ended, or has not', (status) => {
    expect(hasEnded(status)).toBe(ended[status]);
  });
});

describe('the statuses of a step', () => {
  const ended: Record<StepStatus, boolean> = {
    pending: false,
    running: false,
    awaiting_review: false,
    completed: true,
    error: true,
    skipped: true,
    cancelled: true,
  };

  test.each(STEP_STATUSES)('a step that is %s has ended, or has not', (status) => {
    expect(isStepEnded(status)).toBe(ended[status]);
  });
});
