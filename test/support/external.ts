import { randomUUID } from 'node:crypto';
import {
  createExternalActivities,
  type ExternalActivities,
} from '../../src/activities/external-reviews.js';
import type { CancelCause } from '../../src/delivery/author-workflows.js';
import type { ExternalRequest } from '../../src/domain/external-review.js';
import type { JsonObject } from '../../src/domain/json.js';
import type { Db } from '../../src/store/database.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import type { ReviewRow } from '../../src/store/tables.js';

// Reviews of authors' own workflows, brought there by the activities themselves and without Temporal.

/** What `review()` asks for, but for what a test is about. */
export function aRequest(about: Partial<ExternalRequest> = {}): ExternalRequest {
  return {
    workflow_id: `refund-${randomUUID()}`,
    workflow_type: 'refund',
    first_execution_run_id: randomUUID(),
    key: 'refund',
    owner: null,
    policy: {},
    block_type: 'task',
    json_schema: null,
    categories: null,
    snapshot: { amount: 5 },
    snapshot_ref: null,
    ...about,
  };
}

/** The activities of a worker that finds out what it is told about the cancellation of gates. */
export function externalActivities(db: Db, cause: CancelCause = 'by_hand'): ExternalActivities {
  return createExternalActivities({ db, authorWorkflows: { whyCancelled: async () => cause } });
}

/** A gate that asks; younger ones take over from older ones. */
export function aHolder(startedAt: Date = new Date()): {
  readonly workflowId: string;
  readonly startedAt: string;
} {
  return { workflowId: `review~${randomUUID()}`, startedAt: startedAt.toISOString() };
}

/** Opens a review and gives its row. */
export async function openExternal(
  db: Db,
  about: Partial<ExternalRequest> & { readonly snapshot?: JsonObject | null } = {},
): Promise<{ readonly review: ReviewRow; readonly runId: string; readonly holder: string }> {
  const holder = aHolder();
  const opening = await externalActivities(db).openExternal({ request: aRequest(about), holder });
  if (opening.kind === 'ended') {
    throw new Error('the review ended when it was opened');
  }
  const review = await findReviewOfStep(db, opening.stepId);
  if (review === null) {
    throw new Error('no review was opened');
  }
  return { review, runId: opening.runId, holder: holder.workflowId };
}
