import { describe, expect, test } from 'vitest';
import { runOfWorkflow } from '../../src/domain/step-ids.js';

describe('the run of a workflow', () => {
  test.each([
    ['run_AB2', 'run_AB2'],
    ['run_AB2_extract~01234567', 'run_AB2'],
    ['run_AB2_a_b~01234567', 'run_AB2'],
    ['run_AB2_lines@1.0~01234567', 'run_AB2'],
    ['review~run_AB2~refund~01234567', null],
    ['invoice-7', null],
  ])('by the id %s is %s', (workflowId, runId) => {
    expect(runOfWorkflow(workflowId)).toBe(runId);
  });
});
