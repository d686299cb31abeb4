import {
  condition,
  defineSignal,
  executeChild,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import type { ReviewerDecision } from '../src/domain/messages.js';

/** What the bare gate is told: the same payload that Countersign's is. */
export const decided = defineSignal<[ReviewerDecision]>('decided');

const { downstream } = proxyActivities<{ downstream(): Promise<void> }>({
  startToCloseTimeout: '1 minute',
});

/**
 * A run whose gate is a child of its own, as Countersign's is, and no more than that: it believes every signal, and
 * nothing is stored.
 */
export async function bareRun(votes: number, gateId: string): Promise<void> {
  await executeChild(bareGate, {
    workflowId: gateId,
    args: [votes],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
  });
  await downstream();
}

/** The approval that people write by hand: the run itself waits for the signals. */
export async function bareFlatRun(votes: number): Promise<void> {
  await bareGate(votes);
  await downstream();
}

/** Waits for as many signals as a gate requires votes. */
export async function bareGate(votes: number): Promise<number> {
  const delivered: ReviewerDecision[] = [];
  setHandler(decided, (decision) => {
    delivered.push(decision);
  });
  await condition(() => delivered.length >= votes);
  return delivered.length;
}
