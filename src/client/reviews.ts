import { Pages } from './pages.js';
import type {
  ApproveOptions,
  CreateVersion,
  ListInbox,
  ListReviews,
  ReassignOptions,
  WithdrawOptions,
} from './requests.js';
import { path, type Transport } from './transport.js';
import type { Explanation, Fact, InboxItem, Review, SubmitResponse, Version } from './wire.js';

const MAX_PAGE = 200;

/** The part of the API that is about reviews. */
export type ReviewsClient = ReturnType<typeof reviewsClient>;

/** Makes the part of a client that is about reviews. */
export function reviewsClient(transport: Transport) {
  return {
    /** Lists reviews, by default those that are undecided, oldest first. */
    list: (query: ListReviews = {}): Pages<Review> =>
      new Pages((page) => transport.get('/v1/workflows/reviews', { ...query, ...page }), MAX_PAGE),

    /** Lists reviews as they concern the caller, by default those that wait for them, oldest first. */
    inbox: (query: ListInbox = {}): Pages<InboxItem> =>
      new Pages((page) => transport.get('/v1/inbox', { ...query, ...page }), MAX_PAGE),

    /** Reads one review. */
    get: (reviewId: string): Promise<Review> =>
      transport.get(path`/v1/workflows/reviews/${reviewId}`),

    /**
     * Approves one version, by its id: one vote, which decides once it completes what the gate requires.
     *
     * Sending it again is safe. A review that was decided otherwise answers `conflict`, which is no error.
     */
    approve: (
      reviewId: string,
      versionId: string,
      options: ApproveOptions = {},
    ): Promise<SubmitResponse> =>
      transport.send('POST', path`/v1/workflows/reviews/${reviewId}/approve`, {
        version_id: versionId,
        ...options,
      }),

    /** Rejects the review, having seen this version: it ends, and its run with it unless the gate says otherwise. */
    reject: (reviewId: string, versionId: string, reason: string): Promise<SubmitResponse> =>
      transport.send('POST', path`/v1/workflows/reviews/${reviewId}/reject`, {
        version_id: versionId,
        reason,
      }),

    /**
     * Takes the caller's approval back before its release, or as owner or admin all that was decided.
     *
     * The review waits on where one's own approval was needed; without its decision it ends.
     */
    withdraw: (reviewId: string, options: WithdrawOptions): Promise<SubmitResponse> =>
      transport.send('POST', path`/v1/workflows/reviews/${reviewId}/withdraw`, options),

    /** Gives an open entry to another group or person, while the review is undecided; for admins. */
    reassign: (reviewId: string, options: ReassignOptions): Promise<SubmitResponse> =>
      transport.send('POST', path`/v1/workflows/reviews/${reviewId}/reassign`, options),

    /** Lets an approved step with a manual release go on; for its owner, admins and auditors. */
    release: (reviewId: string): Promise<SubmitResponse> =>
      transport.send('POST', path`/v1/workflows/reviews/${reviewId}/release`),

    /** Says what a review waits for, who could give it, and why it opened. */
    explain: (reviewId: string): Promise<Explanation> =>
      transport.get(path`/v1/workflows/reviews/${reviewId}/explain`),

    /** Lists everything that was recorded of a review, in order. */
    votes: (reviewId: string): Pages<Fact> =>
      new Pages(
        (page) => transport.get(path`/v1/workflows/reviews/${reviewId}/votes`, page),
        MAX_PAGE,
      ),

    versions: {
      /** Lists the versions of a review, oldest first. */
      list: (reviewId: string): Pages<Version> =>
        new Pages(
          (page) =>
            transport.get('/v1/workflows/reviews/versions', { review_id: reviewId, ...page }),
          MAX_PAGE,
        ),

      /** Reads one version with its snapshot. */
      get: (versionId: string): Promise<Version> =>
        transport.get(path`/v1/workflows/reviews/versions/${versionId}`),

      /** Adds a version; the same content under the same parent again gives the version that is there. */
      create: (version: CreateVersion): Promise<Version> =>
        transport.send('POST', '/v1/workflows/reviews/versions', version),
    },
  };
}
