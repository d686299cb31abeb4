import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Block } from '../../src/domain/definition.js';
import {
  block,
  gate,
  type Installation,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { startSlowWorker } from '../support/slow-worker.js';
import { until } from '../support/until.js';

const u1 = reviewer('u1', 'finance');

let on: Installation;
let operator: Operator;

beforeAll(async () => {
  on = await startInstallation({ extract: () => ({ total: 1 }) });
  operator = new Operator(on.temporal.connection);
});
afterAll(() => on.stop());

/** How often a workflow opened its gate in its own task, and how often by an activity. */
async function openings(workflowId: string): Promise<{ atOnce: number; byActivity: number }> {
  const events = await operator.history(workflowId);
  return {
    atOnce: events.filter(
      ({ markerRecordedEventAttributes: marker }) => marker?.markerName === 'core_local_activity',
    ).length,
    byActivity: events.filter(
      ({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType?.name === 'openGate',
    ).length,
  };
}

/** Runs one gated block to its end, and says how its gate was opened. */
async function opened(reviewed: Block) {
  const run = await on.run([reviewed], { [reviewed.id]: { total: 1 } });
  await on.vote(await on.reviewOf(run, reviewed.id), u1);
  expect((await on.ended(run)).status).toBe('completed');
  return await openings((await on.step(run, reviewed.id)).holder ?? '');
}

describe('a gate before which nothing is executed opens in the workflow task', () => {
  test('on what was supplied', async () => {
    expect(await opened(block('extract', { review: gate() }))).toEqual({
      atOnce: 1,
      byActivity: 0,
    });
  });

  test('on an input', async () => {
    const reviewed = block('extract', {
      executor: { kind: 'function', name: 'extract' },
      review: gate({ placement: 'input' }),
    });
    expect(await opened(reviewed)).toEqual({ atOnce: 1, byActivity: 0 });
  });

  test('any other one by an activity, which may take its time', async () => {
    const reviewed = block('extract', {
      executor: { kind: 'function', name: 'extract' },
      review: gate(),
    });
    expect(await opened(reviewed)).toEqual({ atOnce: 0, byActivity: 1 });
  });

  test('who has no business with the step is refused there, once', async () => {
    const run = await on.run([block('extract', { review: gate() })], { extract: { total: 1 } });
    const { stepId } = await on.reviewOf(run, 'extract');
    const workflowId = `intruder-${randomUUID()}`;
    const order = { step_id: stepId, placement: 'output', timeout_ms: 60_000, at_once: true };
    await operator.client.workflow.start('gatedBlockRun', {
      workflowId,
      taskQueue: on.temporal.taskQueue,
      args: [order],
    });
    await until('its end', async () => (await operator.status(workflowId)) === 'FAILED');
    expect(await openings(workflowId)).toEqual({ atOnce: 1, byActivity: 0 });
  });
});

describe('where that does not succeed', () => {
  test('an activity opens the gate', async () => {
    await on.worker.stop();
    const worker = await startSlowWorker(on, (activities) => ({
      openGate: async (stepId) => {
        if (Context.current().info.isLocal) {
          throw new Error('the store did not answer');
        }
        return await activities.openGate(stepId);
      },
    }));
    expect(await opened(block('extract', { review: gate() }))).toEqual({
      atOnce: 1,
      byActivity: 1,
    });
    await worker.stop();
  });
});
