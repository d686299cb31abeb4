import { proxyActivities } from '@temporalio/workflow';
import { review } from 'countersign/workflow';

const { draftRefund, bookRefund, storeBatch, bookBatch } = proxyActivities({
  startToCloseTimeout: '1 minute',
});

// #region refund
/** Refunds an order. A person looks at what is above 50 euros, and what they approved is booked. */
export async function refund({ order, owner }) {
  const draft = await draftRefund(order);
  const answer = await review({
    key: 'refund',
    owner,
    snapshot: draft,
    policy: {
      name: `Refund of order ${order}`,
      instructions: 'Is this what the customer sent back?',
      when: 'output.amount > 50.0',
    },
  });
  if (!answer.approved) {
    return { booked: false, verdict: answer.verdict, by: answer.by, reason: answer.reason };
  }
  const receipt = await bookRefund(order, answer.snapshot);
  return { booked: true, receipt, approvedBy: answer.by };
}
// #endregion refund

// #region or-throw
/** The same for a caller to whom a no is a failure: it ends the workflow, and says who refused and why. */
export async function refundOrFail({ order, owner }) {
  const { snapshot } = await review({
    key: 'refund',
    owner,
    snapshot: await draftRefund(order),
    policy: { name: `Refund of order ${order}` },
  }).orThrow();
  return { booked: true, receipt: await bookRefund(order, snapshot) };
}
// #endregion or-throw

// #region batch
/** Refunds many orders with one review. The batch may be large, so only its id is in the history. */
export async function refundBatch({ orders, owner }) {
  const { versionId } = await review({
    key: 'batch',
    owner,
    snapshotRef: await storeBatch(orders),
    policy: { name: `Refunds of ${orders.length} orders` },
  }).orThrow();
  return { booked: true, receipts: await bookBatch(versionId) };
}
// #endregion batch
