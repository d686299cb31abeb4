import {
  type Caller,
  type OpenedReview,
  type Reply,
  type TestApi,
  valueAt,
} from '../support/api.js';

// What the tests of the overlay contract share: requests by address, and answers to compare whole.

/** Where a review's overlay is. */
export const overlayPath = (review: OpenedReview, blockId = review.row.blockId): string =>
  `/v1/workflows/reviews/${review.runId}/${blockId}`;

/** Every key that the contract's client sends with a decision, nulls included. */
export const NO_DECISION = {
  edited_output: null,
  on_seq: null,
  effective_seq: null,
  reason: null,
  escalate_to: null,
  command_id: null,
};

/** Requests to one overlay, as somebody. */
export function overlayOf(api: TestApi, review: OpenedReview, as: Caller) {
  const path = overlayPath(review);
  const post = (act: string, body: object): Promise<Reply> =>
    api.post(`${path}/${act}`, { as, body });
  return {
    get: () => api.get(path, { as }),
    approve: (stamp: number, about: object = {}) =>
      post('decision', {
        ...NO_DECISION,
        verdict: 'approved',
        version_stamp: stamp,
        ...about,
      }),
    reject: (stamp: number, about: object = {}) =>
      post('decision', {
        ...NO_DECISION,
        verdict: 'rejected',
        version_stamp: stamp,
        reason: 'the total is wrong',
        ...about,
      }),
    edit: (stamp: number, snapshot: unknown, about: object = {}) =>
      post('versions', {
        snapshot,
        version_stamp: stamp,
        origin: 'human_edit',
        note: null,
        command_id: null,
        ...about,
      }),
    claim: (stamp: number, about: object = {}) =>
      post('claim', { version_stamp: stamp, ttl_seconds: 900, ...about }),
    release: (stamp: number) => post('release', { version_stamp: stamp }),
  };
}

/** The part of an overlay's answer that says where it stands. */
export function standing(body: unknown): object {
  const overlay = valueAt(body, 'overlay') ?? body;
  const keys = ['status', 'rev', 'head_seq', 'effective_seq'];
  return Object.fromEntries(keys.map((key) => [key, valueAt(overlay, key)]));
}

type Said = { readonly status: number; readonly body: unknown };

/** An error of one sentence, as this contract says it. */
export const saying = (status: number, detail: string): Said => ({
  status,
  body: { detail },
});

/** The answer to a stamp that is not the present one. */
export const stale = (rev: number, sent: number): Said =>
  saying(
    409,
    `Stale version_stamp: overlay is at rev ${rev}, request sent rev ${sent}. Re-read the overlay and retry.`,
  );

/** What was done to an overlay, oldest first, by the words of its audit. */
export function actionsOf(body: unknown): readonly unknown[] {
  const audit = valueAt(valueAt(body, 'overlay') ?? body, 'audit');
  return Array.isArray(audit) ? audit.map((entry: unknown) => valueAt(entry, 'action')) : [];
}
