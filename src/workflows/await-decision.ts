import {
  condition,
  defineSignal,
  log,
  patched,
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
import { evolve, foldReview, type ReviewState } from '../domain/review-state.js';
import { isTerminal } from '../domain/statuses.js';
import { describeWaiting } from '../domain/waiting.js';
import type { Activities } from '../activities/index.js';
import { store } from './activities.js';

/** Carries a recorded fact; its payload is not believed (see `parseReviewerDecision`). */
const reviewerDecision = defineSignal<[unknown]>(REVIEWER_DECISION);

type GateView = Extract<Awaited<ReturnType<Activities['openGate']>>, { kind: 'waiting' }>['gate'];

/**
 * Collects what signals bring from now on.
 *
 * Called before the first await. The handlers are synchronous and never throw: a throw would fail
 * every workflow task.
 */
export function collectDecisions(): unknown[] {
  const delivered: unknown[] = [];
  setHandler(reviewerDecision, (payload) => {
    delivered.push(payload);
  });
  setDefaultSignalHandler(() => {});
  return delivered;
}

/** What a claim was granted as, or that another workflow holds the step now. */
export type Outcome =
  | Extract<Awaited<ReturnType<Activities['claimRelease']>>, { granted: true }>['outcome']
  | 'superseded';

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

/** A gated step whose review is open, and the workflow that waits for it. */
export type Waiting = {
  readonly stepId: string;
  readonly delivered: unknown[];
  /** Starts this workflow afresh when signals have filled its history. */
  readonly continueAfresh: () => Promise<never>;
};

/**
 * Waits until the store grants a claim, or says that the step is somebody else's.
 *
 * See `gatedBlockRun` for what it believes and what it asks the store.
 */
export async function awaitDecision(waiting: Waiting, gate: GateView): Promise<Outcome> {
  const { stepId, delivered, continueAfresh } = waiting;
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
        stepId,
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
      log.info('claim refused', { stepId, why: answer.why });
      if (claimOf(folded) !== null && keyOf(folded, claimOf(folded)) !== refused) {
        continue;
      }
    }
    if (workflowInfo().continueAsNewSuggested && delivered.length === 0) {
      return await continueAfresh();
    }
    if (waitMs === null) {
      await condition(() => delivered.length > 0);
    } else if (
      !(await condition(() => delivered.length > 0, waitMs)) ||
      patched('timed-wait-outlives-signals')
    ) {
      // Only time is missing: whatever woke it, it claims again and hears how much of it is left.
      refused = null;
    }
    folded = await afterDelivery(stepId, folded, delivered.splice(0));
  }
}

/** Folds what was delivered, and reads the store wherever that does not fit. */
async function afterDelivery(
  stepId: string,
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
  const stored = await store.readGate(stepId);
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
