import {
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  log,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { admit, type Inbox, inboxAfter } from '../domain/admit.js';
import {
  type DeliveredStatus,
  parseReviewerDecision,
  REVIEWER_DECISION,
} from '../domain/messages.js';
import type { GateEnd, GateOrder } from '../domain/orders.js';
import { evolve, foldReview, type ReviewState } from '../domain/review-state.js';
import { isTerminal } from '../domain/statuses.js';
import { describeWaiting } from '../domain/waiting.js';
import type { Activities } from '../activities/index.js';
import { blocksWithin, store } from './activities.js';

/** Carries a recorded fact; its payload is not believed (see `parseReviewerDecision`). */
const reviewerDecision = defineSignal<[unknown]>(REVIEWER_DECISION);

type GateView = Extract<Awaited<ReturnType<Activities['openGate']>>, { kind: 'waiting' }>['gate'];

/**
 * Runs one gated step: opens its gate, waits for people, claims the release, and lets it go on.
 *
 * 1. It never rules on a vote. The store did that once; here facts are folded, in `seq` order, for
 *    what is shown and waited on.
 * 2. It claims whenever its own fold **or** a delivered status is terminal; the fold never holds a
 *    claim back, and only the store's grant lets anything flow on.
 * 3. Whatever does not fit (a gap, a known `seq` under another id, garbage, a refused claim) makes it
 *    start again from the store's facts. A forged signal can wake a gate, never open or block it.
 * 4. It keeps nothing that the store does not have: a reset, a restart or continue-as-new begins with
 *    the facts so far.
 * 5. Once the release is claimed the execution is out of a cancellation's reach.
 */
export async function gatedBlockRun(order: GateOrder): Promise<GateEnd> {
  try {
    return await runGatedStep(order);
  } catch (error) {
    if (!isCancellation(error)) {
      throw error;
    }
    // A gate whose step was taken over is cancelled, too; that must not look like the run's end.
    const { workflowId } = workflowInfo();
    const isHolder = await CancellationScope.nonCancellable(() =>
      store.isHolder({ stepId: order.step_id, holder: workflowId }),
    );
    if (!isHolder) {
      return 'superseded';
    }
    throw error;
  }
}

async function runGatedStep(order: GateOrder): Promise<GateEnd> {
  const delivered: unknown[] = [];
  // Before the first await, synchronous, and never throwing: a throw here would fail every task.
  setHandler(reviewerDecision, (payload) => {
    delivered.push(payload);
  });
  setDefaultSignalHandler(() => {});

  const { workflowId, startTime } = workflowInfo();
  const holder = { workflowId, startedAt: startTime.toISOString() };
  const blocks = blocksWithin(order.timeout_ms);

  const opening = await blocks.openGate({ stepId: order.step_id, holder });
  if (opening.kind === 'ended') {
    return opening.end;
  }
  if (opening.kind === 'execute') {
    return await blocks.executeStep({ stepId: order.step_id, holder: workflowId });
  }
  const outcome = await decided(order, opening.gate, delivered);
  switch (outcome) {
    case 'released':
      return 'completed';
    case 'execute':
      return await CancellationScope.nonCancellable(() =>
        blocks.executeStep({ stepId: order.step_id, holder: workflowId }),
      );
    case 'rejected':
    case 'superseded':
      return outcome;
    case 'cancelled':
      return 'stopped';
  }
}

type Outcome = 'released' | 'execute' | 'rejected' | 'cancelled' | 'superseded';

/** What has been folded so far of one review. */
type Folded = {
  readonly gate: GateView;
  readonly inbox: Inbox;
  readonly state: ReviewState;
  /** The latest terminal status that a signal told; the store has yet to confirm it. */
  readonly told: DeliveredStatus | null;
};

function fromStore(gate: GateView): Folded {
  const state = foldReview(gate.policy, gate.facts);
  return { gate, inbox: inboxAfter(gate.facts), state, told: null };
}

/** Waits until the store grants a claim, or says that the step is somebody else's. */
async function decided(order: GateOrder, gate: GateView, delivered: unknown[]): Promise<Outcome> {
  const { workflowId } = workflowInfo();
  let folded = fromStore(gate);
  let refused: string | null = null;
  for (;;) {
    setCurrentDetails(
      `review ${gate.reviewId}: ${describeWaiting(folded.state, folded.gate.newestVersionId)}`,
    );
    const claim = claimOf(folded);
    let waitMs: number | null = null;
    if (claim !== null && keyOf(folded, claim) !== refused) {
      const answer = await store.claimRelease({
        stepId: order.step_id,
        holder: workflowId,
        ...claim,
      });
      if (answer.granted) {
        return answer.outcome;
      }
      if (answer.gate === null) {
        return 'superseded';
      }
      // A refusal is news. Claiming the very same again would only spin: it waits for more.
      folded = fromStore(answer.gate);
      refused = keyOf(folded, claim);
      waitMs = answer.waitMs;
      log.info('claim refused', { stepId: order.step_id, why: answer.why });
      if (claimOf(folded) !== null && keyOf(folded, claimOf(folded)) !== refused) {
        continue;
      }
    }
    if (workflowInfo().continueAsNewSuggested && delivered.length === 0) {
      return await continueAsNew<typeof gatedBlockRun>(order);
    }
    if (waitMs === null) {
      await condition(() => delivered.length > 0);
    } else if (!(await condition(() => delivered.length > 0, waitMs))) {
      refused = null;
    }
    folded = await afterDelivery(order, folded, delivered.splice(0));
  }
}

/** Folds what was delivered, and reads the store wherever that does not fit. */
async function afterDelivery(
  order: GateOrder,
  before: Folded,
  payloads: readonly unknown[],
): Promise<Folded> {
  let { inbox, state, told } = before;
  let askStore = false;
  for (const payload of payloads) {
    const decision = parseReviewerDecision(payload);
    if (decision === null || decision.review_id !== before.gate.reviewId) {
      askStore = true;
      continue;
    }
    const admission = admit(inbox, decision.fact);
    inbox = admission.inbox;
    state = admission.ready.reduce(evolve, state);
    askStore ||= admission.askStore;
    if (isTerminal(decision.status.status)) {
      told = decision.status;
    }
  }
  const folded = { ...before, inbox, state, told };
  if (!askStore || claimOf(folded) !== null) {
    // A claim brings the store's facts itself when it is refused.
    return folded;
  }
  const stored = await store.readGate(order.step_id);
  return stored === null ? folded : fromStore(stored);
}

/** What to claim: what a signal told, else what the fold says; null while neither is terminal. */
function claimOf({ told, state }: Folded): DeliveredStatus | null {
  if (told !== null) {
    return told;
  }
  return isTerminal(state.status)
    ? { status: state.status, versionId: state.decision?.versionId ?? null }
    : null;
}

/** Names a claim and what was known when it was made. */
function keyOf({ state }: Folded, claim: DeliveredStatus | null): string {
  return JSON.stringify([claim?.status, claim?.versionId, state.seq, state.releaseRequested]);
}
