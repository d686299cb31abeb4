import {
  condition,
  defineSignal,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { admit, type Inbox, inboxAfter } from '../domain/admit.js';
import { parseReviewerDecision, REVIEWER_DECISION } from '../domain/messages.js';
import { evolve, type ReviewState } from '../domain/review-state.js';
import { isTerminal, type ReviewStatus } from '../domain/statuses.js';
import { describeWaiting } from '../domain/waiting.js';
import type { Activities } from '../activities/index.js';
import { store } from './activities.js';

/** Carries a recorded fact; its payload is not believed (see `parseReviewerDecision`). */
const reviewerDecision = defineSignal<[unknown]>(REVIEWER_DECISION);

type GateCheck = Awaited<ReturnType<Activities['checkGate']>>;
type OpenGate = Extract<GateCheck, { kind: 'waiting' }>;
type GateView = OpenGate['gate'];

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

/** What has been folded so far of one review: for what is shown, and to know what it waits for. */
type Folded = {
  readonly gate: GateView;
  readonly inbox: Inbox;
  readonly state: ReviewState;
};

function fromStore(gate: GateView): Folded {
  return { gate, inbox: inboxAfter(gate.state.seq), state: gate.state };
}

/** A gated step whose review is open, and the workflow that waits for it. */
export type Waiting = {
  readonly stepId: string;
  readonly delivered: unknown[];
  /** A delivered release ends the gate; else every end is read from the store. */
  readonly isReleaseBelieved: boolean;
  /** Starts this workflow afresh when signals have filled its history. */
  readonly continueAfresh: () => Promise<never>;
};

/**
 * Waits until the step has ended, or its block may be executed.
 *
 * 1. A delivered release of an output (`EXECUTED`) is believed, because whatever runs next has to pass the
 *    ledger. Every other terminal status leads to a question to the store, and so does what does not fit: a
 *    gap in `seq`, a known `seq` under another id, garbage.
 * 2. Where only time is missing a durable timer leads to the same question, in which the store releases.
 * 3. The store's answer replaces whatever was folded before.
 */
export async function awaitDecision(
  waiting: Waiting,
  opened: OpenGate,
): Promise<Exclude<GateCheck, { kind: 'waiting' }>> {
  const { stepId, delivered, isReleaseBelieved, continueAfresh } = waiting;
  let folded = fromStore(opened.gate);
  let dueMs = dueAt(opened);
  const hasAny = (): boolean => delivered.length > 0;
  for (;;) {
    setCurrentDetails(
      `review ${folded.gate.reviewId}: ${describeWaiting(folded.state, folded.gate.newestVersionId)}`,
    );
    if (workflowInfo().continueAsNewSuggested && delivered.length === 0) {
      return await continueAfresh();
    }
    const isWoken = await (dueMs === null
      ? condition(hasAny)
      : condition(hasAny, Math.max(1, dueMs - Date.now())));
    const after = foldDelivered(folded, delivered.splice(0));
    if (after.told === 'EXECUTED' && isReleaseBelieved) {
      return { kind: 'ended', end: 'completed', run: null };
    }
    folded = after.folded;
    if (isWoken === false || after.told !== null || after.askStore) {
      const checked = await store.checkGate(stepId);
      if (checked.kind !== 'waiting') {
        return checked;
      }
      folded = fromStore(checked.gate);
      dueMs = dueAt(checked);
    }
  }
}

/** When what is approved may be released, by this workflow's clock; null where time is not what is missing. */
function dueAt({ waitMs }: OpenGate): number | null {
  return waitMs === null ? null : Date.now() + waitMs;
}

/** Folds what was delivered; says which terminal status was told last, and whether something does not fit. */
function foldDelivered(
  before: Folded,
  payloads: readonly unknown[],
): { readonly folded: Folded; readonly told: ReviewStatus | null; readonly askStore: boolean } {
  let { inbox, state } = before;
  let told: ReviewStatus | null = null;
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
      told = decision.status.status;
    }
  }
  return { folded: { ...before, inbox, state }, told: told ?? toldBy(state), askStore };
}

/** A fold that has become terminal, although nobody said so, is a question to the store. */
function toldBy({ status }: ReviewState): ReviewStatus | null {
  return isTerminal(status) ? status : null;
}
