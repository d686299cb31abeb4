import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where things are: what the environment says, else the stack that `npm start` has brought up. */
export async function readSettings(env = process.env) {
  const home = env.COUNTERSIGN_HOME ?? '.countersign';
  const stack = await readFile(join(home, 'stack.json'), 'utf8').then(JSON.parse, () => ({}));
  const token = env.COUNTERSIGN_TOKEN ?? (await readFile(join(home, 'admin-token'), 'utf8')).trim();
  return {
    url: env.COUNTERSIGN_URL ?? stack.api_url ?? 'http://127.0.0.1:8080',
    token,
    temporalAddress: env.TEMPORAL_ADDRESS ?? stack.temporal_address ?? '127.0.0.1:7233',
    ledger: join(home, 'refunds.txt'),
  };
}

/** Where the worker of this example polls; Countersign's own workers poll elsewhere. */
export const TASK_QUEUE = 'refunds';
