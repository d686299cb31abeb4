import { createHash } from 'node:crypto';
import type { Definition } from '../domain/definition.js';
import type { JsonObject } from '../domain/json.js';
import { canonicalJson } from './canonical.js';

/**
 * The id of a version: the same snapshot under the same review always has the same one.
 *
 * It is salted with the review's id, because a version is looked up by its id alone.
 */
export function versionId(reviewId: string, snapshot: JsonObject): string {
  return `rvr_${contentId({ review_id: reviewId, snapshot })}`;
}

/** The id of a stored definition: the same content in the same project always has the same one. */
export function definitionVersionId(
  projectId: string,
  definition: Definition | JsonObject,
): string {
  return `wfv_${contentId({ project_id: projectId, definition })}`;
}

/** The id of a stored snapshot: the same content in the same project always has the same one. */
export function snapshotId(projectId: string, snapshot: JsonObject): string {
  return `snp_${contentId({ project_id: projectId, snapshot })}`;
}

/**
 * The id of the run that an author's own workflow opens a review with.
 *
 * The same workflow, first execution and key always give the same one, so that a reset or a replay
 * finds the review that is there.
 */
export function externalRunId(from: {
  readonly workflow_id: string;
  readonly first_execution_run_id: string;
  readonly key: string;
}): string {
  const { workflow_id, first_execution_run_id, key } = from;
  return `run_${contentId({ workflow_id, first_execution_run_id, key })}`;
}

/** 128 bits of the SHA-256 of a value's canonical text, in 26 characters of base32. */
function contentId(content: JsonObject): string {
  const hash = createHash('sha256').update(canonicalJson(content), 'utf8').digest();
  return base32(hash.subarray(0, 16));
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 base32, upper case, without padding. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >>> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET.charAt((held << (5 - bits)) & 31);
}
