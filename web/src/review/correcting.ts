import { send } from '../api/http.js';
import type { JsonObject, Version } from '../api/wire.js';

/** A version to add: a whole snapshot, made from another version. */
export type Correction = {
  readonly reviewId: string;
  readonly parentId: string;
  readonly snapshot: JsonObject;
  readonly note: string;
  readonly acknowledged: readonly string[];
};

/** Adds a version; the same content under the same parent again gives the version that is there. */
export async function addVersion(correction: Correction): Promise<Version> {
  const note = correction.note.trim();
  return await send('POST', '/v1/workflows/reviews/versions', {
    review_id: correction.reviewId,
    parent_id: correction.parentId,
    snapshot: correction.snapshot,
    ...(note === '' ? {} : { note }),
    ...(correction.acknowledged.length === 0
      ? {}
      : { acknowledged_superseded_version_ids: correction.acknowledged }),
  });
}

const PREFIX = 'body.snapshot.';

/** What the server found wrong, by the dotted path inside the snapshot. */
export function problemsBySnapshotPath(
  problems: readonly { readonly path: string; readonly message: string }[],
): ReadonlyMap<string, string> {
  return new Map(
    problems
      .filter(({ path }) => path.startsWith(PREFIX))
      .map(({ path, message }) => [path.slice(PREFIX.length), message]),
  );
}
