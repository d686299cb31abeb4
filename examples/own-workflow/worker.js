// The author's own worker: it knows the workflows and activities of this folder, and nothing of Countersign's.
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import * as activities from './activities.js';
import { readSettings, TASK_QUEUE } from './settings.js';

// #region worker
const { temporalAddress } = await readSettings();
const connection = await NativeConnection.connect({ address: temporalAddress });
const worker = await Worker.create({
  connection,
  taskQueue: TASK_QUEUE,
  workflowsPath: fileURLToPath(new URL('workflow.js', import.meta.url)),
  activities,
});
// #endregion worker
console.log('the worker polls');
await worker.run();
await connection.close();
