import { randomUUID } from 'node:crypto';
import {
  createExternalActivities,
  type ExternalActivities,
} from '../../src/activities/external-reviews.js';
import type { CancelCause } from '../../src/delivery/author-workflows.js';
import type { Lineage } from '../../src/delivery/lineage.js';
import { EXTERNAL_GATE_PREFIX, type ExternalRequest } from '../../src/domain/external-review.js';
import type { JsonObject } from '../../src/domain/json.js';
import type { Caller } from '../../src/domain/ledger.js';
import { GATED_BLOCK_RUN } from '../../src/domain/messages.js';
import type { Db } from '../../src/store/database.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import type { ReviewRow } from '../../src/store/tables.js';

// Reviews of authors' own workflows, brought there by the activities themselves and without Temporal.

/** What `review()` asks for, but for what a test is about. */
export function aRequest(about: Partial<ExternalRequest> = {}): ExternalRequest {
  return {
    workflow_id: `refund-${randomUUID()}`,
    workflow_type: 'refund',
    first_execution_run_id: FIRST_EXECUTION,
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
export function externalActivities(
  db: Db,
  caller: Caller,
  cause: CancelCause = 'by_hand',
  lineage: Lineage = AS_ASKED,
): ExternalActivities {
  const authorWorkflows = { whyCancelled: async () => cause };
  return createExternalActivities({ db, authorWorkflows, lineage }, () => caller);
}

/** The first execution of the authors' workflows that these tests tell of. */
const FIRST_EXECUTION = 'e5cd6a92-6ba0-4b63-8ac4-8e5b02aaf2a1';

/** Confirms every workflow and every gate of it. */
const AS_ASKED: Lineage = {
  latestOf: async () => ({
    runId: FIRST_EXECUTION,
    firstRunId: FIRST_EXECUTION,
    isRunning: true,
    parent: null,
  }),
  isChildOfPresent: async () => true,
};

/** A gate that an author's workflow has started. */
export function aGateOfAuthor(): NonNullable<Caller> {
  return { workflowId: `${EXTERNAL_GATE_PREFIX}${randomUUID()}`, workflowType: GATED_BLOCK_RUN };
}

/** Opens a review and gives its row. */
export async function openExternal(
  db: Db,
  about: Partial<ExternalRequest> & { readonly snapshot?: JsonObject | null } = {},
): Promise<{ readonly review: ReviewRow; readonly runId: string; readonly holder: string }> {
  const caller = aGateOfAuthor();
  const opening = await externalActivities(db, caller).openExternal({ request: aRequest(about) });
  if (opening.kind === 'ended') {
    throw new Error('the review ended when it was opened');
  }
  const review = await findReviewOfStep(db, opening.stepId);
  if (review === null) {
    throw new Error('no review was opened');
  }
  return { review, runId: opening.runId, holder: caller.workflowId };
}
