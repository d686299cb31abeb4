import type { BlockType } from './definition.js';
import type { JsonObject } from './json.js';

// What `review()` in an author's own workflow asks of a gated block run, and what that answers.

/** The most that a snapshot by value may take as canonical UTF-8 text: it passes through histories. */
export const MAX_VALUE_BYTES = 1024 * 1024;

/** The only block of an external run. */
export const EXTERNAL_BLOCK = 'review';

/** What the workflow ids of gates begin with that were started by authors' own workflows. */
export const EXTERNAL_GATE_PREFIX = 'review~';

/** How long a review's key may be. */
export const MAX_KEY_LENGTH = 200;

/** A review as an author's workflow asks for it; snake_case, because it is on a wire between programs. */
export type ExternalRequest = {
  readonly workflow_id: string;
  readonly workflow_type: string;
  /** The first execution of the workflow: the same after a reset, a retry or continue-as-new. */
  readonly first_execution_run_id: string;
  readonly key: string;
  readonly owner: string | null;
  /** The gate, in the form in which a definition declares it. */
  readonly policy: JsonObject;
  readonly block_type: BlockType;
  readonly json_schema: JsonObject | null;
  readonly categories: readonly string[] | null;
  /** Either the snapshot itself, or the id of one that was stored before. */
  readonly snapshot: JsonObject | null;
  readonly snapshot_ref: string | null;
};

/** Starts `gatedBlockRun` for an author's own workflow. */
export type ExternalOrder = { readonly external: ExternalRequest };

/** How a review ended for the workflow that asked for it. */
export type ExternalEnd =
  | {
      readonly kind: 'approved';
      /** The approved version, if the review was opened by value. */
      readonly snapshot: JsonObject | null;
      /** Null, like `by`, when the predicate did not fire and nobody was asked. */
      readonly version_id: string | null;
      readonly by: string | null;
    }
  | {
      readonly kind: 'refused';
      readonly verdict: RefusalVerdict;
      readonly reason: string | null;
      readonly by: string | null;
    }
  /** Another gated block run has taken the review over. */
  | { readonly kind: 'superseded' };

/** How a review can say no: by a rejection, by an approval taken back, or by the end of its run. */
export type RefusalVerdict = 'rejected' | 'revoked' | 'cancelled';

/** Why a snapshot is too large to be given by value, and what to do instead. */
export function describeTooLarge(byteLength: number): string {
  return `cannot be opened: snapshot: takes ${byteLength} bytes as canonical JSON, and at most ${MAX_VALUE_BYTES} pass by value; store it with POST /v1/snapshots in an activity, and give its id as snapshotRef`;
}

/** The length of a text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      bytes += 1;
    } else if (unit < 0x800) {
      bytes += 2;
    } else if (unit >= 0xd800 && unit < 0xdc00) {
      bytes += 4;
      index += 1;
    } else {
      bytes += 3;
    }
  }
  return bytes;
}
