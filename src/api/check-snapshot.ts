import { MAX_VALUE_BYTES } from '../domain/external-review.js';
import type { JsonObject } from '../domain/json.js';
import { canonicalForm, checkIJson, isIJson, MAX_SNAPSHOT_BYTES } from '../rules/canonical.js';
import type { Problem } from '../rules/problem.js';
import { checkShape } from '../rules/snapshot-shapes.js';
import type { Db } from '../store/database.js';
import { isByValue } from '../store/external-reviews.js';
import { getBlock } from '../store/steps.js';
import type { ReviewRow } from '../store/tables.js';
import { type ApiError, invalid, invalidValue } from './errors.js';

/** Why a value cannot be kept as a snapshot, whatever it is of: no I-JSON, or too large. */
export function checkSnapshotSize(
  value: unknown,
  loc: readonly (string | number)[] = ['body', 'snapshot'],
): ApiError | null {
  if (!isIJson(value)) {
    return atPlace(checkIJson(value), loc);
  }
  const { byteLength } = canonicalForm(value);
  return byteLength <= MAX_SNAPSHOT_BYTES
    ? null
    : {
        kind: 'error',
        code: 'too_large',
        what: 'snapshot',
        message: `${loc.slice(1).join('.') || 'The snapshot'} takes ${byteLength} bytes as canonical JSON, and at most ${MAX_SNAPSHOT_BYTES} are accepted: make it smaller, or refer to large content by a link.`,
        maxBytes: MAX_SNAPSHOT_BYTES,
      };
}

/** Why a snapshot does not have the shape of what is under review; the size was checked before. */
export async function checkReviewSnapshot(
  db: Db,
  review: ReviewRow,
  snapshot: JsonObject,
  loc: readonly (string | number)[] = ['body', 'snapshot'],
): Promise<ApiError | null> {
  const byValue = await checkValueSize(db, review, snapshot, loc);
  if (byValue !== null) {
    return byValue;
  }
  if (review.placement === 'input') {
    return null; // what goes into a block is any JSON object, whatever type the block has
  }
  const block = await getBlock(db, review.workflowVersionId, review.blockId);
  const problems = checkShape(review.blockType, snapshot, block);
  return problems.length === 0 ? null : atPlace(problems, loc);
}

/** What an author's own workflow is handed by value passes through histories, corrected or not. */
async function checkValueSize(
  db: Db,
  review: ReviewRow,
  snapshot: JsonObject,
  loc: readonly (string | number)[],
): Promise<ApiError | null> {
  const { byteLength } = canonicalForm(snapshot);
  if (byteLength <= MAX_VALUE_BYTES || !(await isByValue(db, review.runId))) {
    return null;
  }
  const message = `This review hands its snapshot to a workflow by value, and takes at most ${MAX_VALUE_BYTES} bytes as canonical JSON: the correction takes ${byteLength}. Make it smaller, or have the workflow ask for the review by reference.`;
  return invalidValue(loc, message);
}

/** Problems of a rule as problems of a request. */
export function atPlace(problems: readonly Problem[], loc: readonly (string | number)[]): ApiError {
  return invalid(
    ...problems.map(({ path, message }) => ({
      loc: [...loc, ...path],
      message: sentence(message),
      type: 'value_error',
    })),
  );
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return text.endsWith('.') ? text : `${text}.`;
}
