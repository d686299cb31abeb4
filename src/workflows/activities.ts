import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';

/**
 * Short statements against the store. They are retried until it answers, at most once a minute, so
 * that an outage costs little; a lost worker is noticed after ten seconds.
 */
export const store = proxyActivities<Pick<Activities, 'endRun' | 'checkGate'>>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '500ms', maximumInterval: '1 minute', backoffCoefficient: 2 },
});

/** What writes or reads every iteration of a for_each: up to thousands of rows. */
export const iterations = proxyActivities<Pick<Activities, 'beginIterations' | 'endIterations'>>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '500ms', maximumInterval: '1 minute', backoffCoefficient: 2 },
});

/**
 * What executes a block. The ledger counts its failures and rules on repeats, so that Temporal may
 * retry for ever; a lost worker is noticed by its heartbeat.
 */
export function blocksWithin(
  timeoutMs: number,
): Pick<Activities, 'runStep' | 'openGate' | 'executeStep'> {
  return proxyActivities<Pick<Activities, 'runStep' | 'openGate' | 'executeStep'>>({
    startToCloseTimeout: timeoutMs + BOOKKEEPING_MS,
    heartbeatTimeout: '10s',
    retry: { initialInterval: '500ms', maximumInterval: '1 minute', backoffCoefficient: 2 },
  });
}

/**
 * Local activities, for work that takes a moment: one costs one history event, where an activity costs six.
 *
 * Temporal tries them once, and ends them before the workflow task needs a heartbeat. When one fails, the caller
 * schedules the activity of the same name.
 */
export const atOnce = proxyLocalActivities<Pick<Activities, 'openGate'>>({
  scheduleToCloseTimeout: '5s',
  retry: { maximumAttempts: 1 },
});

/** What reading inputs and entering the result may take beside the block's own timeout. */
const BOOKKEEPING_MS = 30_000;
