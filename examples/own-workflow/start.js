// Starts a refund, says where it waits, and prints how it ended: node start.js <workflow> <order> [<order> …]
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { createClient } from 'countersign/client';
import { readSettings, TASK_QUEUE } from './settings.js';

const [type = 'refund', ...orders] = process.argv.slice(2);
const settings = await readSettings();
const countersign = createClient(settings);
const connection = await Connection.connect({ address: settings.temporalAddress });
const temporal = new Client({ connection });

const { id: owner } = await countersign.me();
const [order = 'o-1001'] = orders;
const workflow = await temporal.workflow.start(type, {
  workflowId: `${type}-${order}-${Date.now()}`,
  taskQueue: TASK_QUEUE,
  args: [type === 'refundBatch' ? { orders, owner } : { order, owner }],
});
console.log(`started ${workflow.workflowId}`);

const ended = workflow.result().then(
  (value) => `ended ${JSON.stringify(value)}`,
  (error) => `failed ${error.cause?.message ?? error.message}`,
);
let shown = null;
let end = null;
while (end === null) {
  // #region find-review
  const metadata = { workflow_id: workflow.workflowId };
  const [run] = (await countersign.runs.list({ metadata }).page()).data;
  // #endregion find-review
  if (shown === null && run?.lifecycle.status === 'awaiting_review') {
    const [review] = (await countersign.reviews.list({ run_id: run.id }).page()).data;
    shown = `waits for countersign review approve ${review.id}`;
    console.log(shown);
  }
  end = await Promise.race([ended, pause(300, null)]);
}
console.log(end);
await connection.close();
