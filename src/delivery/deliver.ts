import { SYSTEM } from '../store/actors.js';
import { recordAudit } from '../store/audit.js';
import type { Db } from '../store/database.js';
import { endRun } from '../store/end-run.js';
import { whereaboutsOf } from '../store/drift.js';
import { type LeasedMessage, postponeMessage, settleMessage } from '../store/outbox.js';
import { getRun, runOrderOf, waitsForWorkflow } from '../store/runs.js';
import { classify, type Delivery } from './classify.js';
import type { Temporal } from './temporal.js';

/** Sends one leased message and says what Temporal made of it; never throws. */
export async function send(temporal: Temporal, db: Db, message: LeasedMessage): Promise<Delivery> {
  let ask: (() => Promise<Delivery>) | null;
  try {
    ask = await prepare(temporal, db, message);
  } catch {
    // What PostgreSQL says of itself is no word about Temporal, and not for voters to read.
    return { kind: 'unsent', reason: 'the store did not say what to send' };
  }
  try {
    return ask === null ? { kind: 'missing' } : await ask();
  } catch (error) {
    return classify(error);
  }
}

/**
 * Tells a run that one of its steps has ended, ahead of its gate; null where nobody is told so.
 *
 * It is a hint: a run that takes no more signals hears of it by the end of its gate.
 */
export async function sendHint(
  temporal: Temporal,
  { runId, endedStepId }: LeasedMessage,
): Promise<Delivery | null> {
  if (endedStepId === null) {
    return null;
  }
  try {
    await temporal.hint(runId, endedStepId);
    return { kind: 'delivered' };
  } catch (error) {
    const delivery = classify(error);
    return delivery.kind === 'permanent' ? null : delivery;
  }
}

/** Reads what there is to ask of Temporal; null when there is nobody to ask. */
async function prepare(
  temporal: Temporal,
  db: Db,
  message: LeasedMessage,
): Promise<(() => Promise<Delivery>) | null> {
  const { kind, runId, workflowId, payload } = message;
  switch (kind) {
    case 'start': {
      const order = await runOrderOf(db, message);
      return async () => {
        await temporal.start(order);
        return { kind: 'delivered' };
      };
    }
    case 'restart': {
      const order = await runOrderOf(db, message);
      return async () =>
        (await temporal.startAgain(order, message.id))
          ? { kind: 'delivered' }
          : { kind: 'retry', reason: 'its earlier execution is about to end', isOutage: false };
    }
    case 'signal':
      return workflowId === null || payload === null
        ? null
        : async () => {
            await temporal.signal(workflowId, payload);
            return { kind: 'delivered' };
          };
    case 'cancel':
      return () => cancel(temporal, workflowId ?? runId);
  }
}

async function cancel(temporal: Temporal, workflowId: string): Promise<Delivery> {
  await temporal.cancel(workflowId);
  try {
    // Temporal answers OK for a workflow that has ended, too; then there is nobody to obey.
    const { state } = await temporal.describe(workflowId);
    return { kind: state === 'running' ? 'delivered' : 'closed' };
  } catch (error) {
    const delivery = classify(error);
    // Who may cancel need not be allowed to look: Temporal has taken the cancel.
    return delivery.kind === 'config' ? { kind: 'delivered' } : delivery;
  }
}

/** Whether there is no workflow to take a message. */
export function isGone({ kind }: Delivery): boolean {
  return kind === 'closed' || kind === 'missing';
}

/** How a message ended, or that it is owed still. */
export type Settled = 'delivered' | 'superseded' | 'failed' | 'owed';

/**
 * Enters in the outbox what came of a delivery.
 *
 * A workflow that is gone is not the end of it: where the store shows that the message has been acted
 * on, it was overtaken; where the step has a new holder, that one is told; else it has failed, which
 * `doctor` mends. A cancellation that finds nothing running is carried out in the store.
 *
 * @param isRunGone the workflow of its run was to be told, too, and is not there
 */
export async function settle(
  db: Db,
  message: LeasedMessage,
  delivery: Delivery,
  isRunGone = false,
): Promise<Settled> {
  if (isRunGone && (await waitsForWorkflow(db, message.runId))) {
    return await end(db, message, 'failed', `the workflow of run '${message.runId}' is gone`);
  }
  switch (delivery.kind) {
    case 'delivered':
      return await end(db, message, 'delivered');
    case 'closed':
    case 'missing':
      return await settleGone(db, message, delivery.kind);
    case 'permanent':
      return await end(db, message, 'failed', delivery.reason);
    case 'retry':
      await postponeMessage(
        db,
        message,
        backoffMs(message.attempts, delivery.isOutage),
        delivery.reason,
      );
      return 'owed';
    case 'unsent':
      await postponeMessage(db, message, backoffMs(message.attempts, false), delivery.reason);
      return 'owed';
    case 'config':
      await postponeMessage(db, message, CONFIG_RETRY_MS, delivery.reason);
      return 'owed';
  }
}

async function settleGone(
  db: Db,
  message: LeasedMessage,
  kind: 'closed' | 'missing',
): Promise<Settled> {
  switch (message.kind) {
    case 'start':
    case 'restart':
      // It was started, and never is twice.
      return await end(db, message, 'delivered');
    case 'cancel':
      if (await isOfWholeRun(db, message)) {
        await endRun(db, message.runId, { kind: 'cancelled' });
      }
      return await end(db, message, 'superseded');
    case 'signal': {
      const whereabouts = await whereaboutsOf(db, message.reviewId ?? '');
      if (whereabouts.isSettled) {
        return await end(db, message, 'superseded');
      }
      if (whereabouts.holder !== message.workflowId) {
        await postponeMessage(db, message, 0, 'the step has a new holder');
        return 'owed';
      }
      const what = kind === 'closed' ? 'has ended' : 'does not exist in Temporal';
      return await end(db, message, 'failed', `workflow '${message.workflowId ?? ''}' ${what}`);
    }
  }
}

/** Whether a cancel was for a run and not for a gate that was replaced; an external run has but a gate. */
async function isOfWholeRun(db: Db, message: LeasedMessage): Promise<boolean> {
  if (message.workflowId === message.runId) {
    return true;
  }
  const { kind, status } = await getRun(db, message.runId);
  return kind === 'external' && status === 'cancelling';
}

async function end(
  db: Db,
  message: LeasedMessage,
  state: 'delivered' | 'superseded' | 'failed',
  error: string | null = null,
): Promise<Settled> {
  const isOurs = await settleMessage(db, message, state, error);
  if (isOurs && state === 'failed') {
    await recordAudit(db, SYSTEM, 'delivery_failed', {
      runId: message.runId,
      ...(message.reviewId === null ? {} : { reviewId: message.reviewId }),
      detail: { kind: message.kind, error },
    });
  }
  return state;
}

const CONFIG_RETRY_MS = 5_000;

/**
 * Full jitter between half a second and a minute. An outage is left to the breaker: until it opens,
 * the row is tried about once a second, so that a short one is noticed to end.
 */
function backoffMs(attempts: number, isOutage: boolean): number {
  const ceilingMs = isOutage ? 500 : Math.min(60_000, 500 * 2 ** Math.min(attempts, 10));
  return 250 + Math.random() * ceilingMs;
}
