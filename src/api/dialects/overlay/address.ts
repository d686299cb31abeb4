import { listReviewsAt } from '../../../store/overlays.js';
import type { ReviewRow } from '../../../store/tables.js';
import type { Answer } from '../../answer.js';
import type { Call } from '../../route.js';
import { saying } from './form.js';

/** The path of an overlay: a run, and a block or (for one iteration of several) a step of it. */
export type Address = { readonly run_id: string; readonly block_id: string };

const NAMED_STEPS = 20;

/**
 * The block id under which a review is shown: an iteration's is its step id.
 *
 * Every iteration's is, also while it is the only one: its name does not change when a sibling opens.
 */
export function shownBlockId(row: Pick<ReviewRow, 'blockId' | 'stepId' | 'iterationKey'>): string {
  return row.iterationKey === null ? row.blockId : row.stepId;
}

/** Finds the review at an address, or answers why there is not exactly one. */
export async function findAt({ deps, actor }: Call, address: Address): Promise<ReviewRow | Answer> {
  const { run_id: runId, block_id: blockId } = address;
  const rows = await listReviewsAt(deps.db, actor.projectId, runId, blockId);
  const [first, second] = rows;
  const named = rows.find(({ stepId }) => stepId === blockId);
  if (named !== undefined) {
    return named;
  }
  if (first === undefined) {
    return noOverlay(address);
  }
  return second === undefined ? first : severalOverlays(address, rows);
}

/** The answer where no gate has fired (yet): clients poll on it. */
export function noOverlay({ run_id: runId, block_id: blockId }: Address): Answer {
  return saying(404, `No review overlay found for run_id='${runId}' block_id='${blockId}'`);
}

function severalOverlays({ run_id, block_id }: Address, rows: readonly ReviewRow[]): Answer {
  const named = rows.slice(0, NAMED_STEPS).map(({ stepId }) => stepId);
  const more = rows.length > named.length ? ` and ${rows.length - named.length} more` : '';
  return saying(
    409,
    `Block '${block_id}' has several reviews in run '${run_id}': put a step id in place of the block id (${named.join(', ')}${more}).`,
  );
}
