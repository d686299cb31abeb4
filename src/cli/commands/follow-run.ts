import { hasEnded, type Run } from '../../client/index.js';
import { say } from '../output/printable.js';
import { showLifecycle } from '../output/run-text.js';
import { statusPaint } from '../output/style.js';
import type { Session } from './perform.js';

/** Waits until a run has ended, and tells of every change on the way; the server may restart meanwhile. */
export async function followRun(
  { client, note, waitFor, noteStyle }: Session,
  runId: string,
): Promise<Run> {
  return await client.runs.waitFor(runId, {
    onChange: (now) => {
      const { status } = now.lifecycle;
      const hint =
        status === 'awaiting_review' ? say`  countersign review list --run ${now.id}` : '';
      note(`${statusPaint(noteStyle, status)(say`${showLifecycle(now)}`)}${noteStyle.dim(hint)}`);
      if (!hasEnded(now)) {
        waitFor(whatFor(now));
      }
    },
  });
}

function whatFor({ id, lifecycle }: Run): string {
  return lifecycle.status === 'awaiting_review'
    ? `waiting for people to review ${lifecycle.waiting_for_block_ids.join(', ')}`
    : `waiting for run ${id} to end`;
}
