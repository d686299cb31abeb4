import { appendFile, readFile } from 'node:fs/promises';
import { createClient } from 'countersign/client';
import { readSettings } from './settings.js';

const ORDERS = JSON.parse(await readFile(new URL('orders.json', import.meta.url), 'utf8'));

/** What an order's customer gets back, as the shop's own rules see it: everything but the postage. */
export async function draftRefund(order) {
  const lines = ORDERS[order];
  if (lines === undefined) {
    throw new Error(`there is no order ${order} in orders.json`);
  }
  const amount = lines.reduce((sum, { price, count }) => sum + price * count, 0);
  return { order, amount, currency: 'EUR', lines };
}

/** Books a refund once, however often it is asked to. */
export async function bookRefund(order, { amount, currency }) {
  const { ledger } = await readSettings();
  const receipt = `${order}: ${amount.toFixed(2)} ${currency}`;
  const booked = await readFile(ledger, 'utf8').catch(() => '');
  if (!booked.split('\n').includes(receipt)) {
    await appendFile(ledger, `${receipt}\n`);
  }
  return receipt;
}

// #region batch
/** Stores a batch for review, and gives its id. */
export async function storeBatch(orders) {
  const client = createClient(await readSettings());
  const refunds = await Promise.all(orders.map((order) => draftRefund(order)));
  const { id } = await client.snapshots.put({ refunds });
  return id;
}

/** Books a batch as it was approved. */
export async function bookBatch(versionId) {
  const client = createClient(await readSettings());
  const { snapshot } = await client.reviews.versions.get(versionId);
  const receipts = [];
  for (const refund of snapshot.refunds) {
    receipts.push(await bookRefund(refund.order, refund));
  }
  return receipts;
}
// #endregion batch
