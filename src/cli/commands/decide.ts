import type { SubmitResponse, Version } from '../../client/index.js';
import { say } from '../output/printable.js';
import { showConflict, showSubmission, showVersion } from '../output/review-text.js';
import { CommandError } from './command-error.js';
import { type CommonOptions, perform, type Report, type Session } from './perform.js';

type VersionOptions = CommonOptions & { readonly version?: string };

/**
 * Carries out `review approve`.
 *
 * It shows the version before it sends the approval, and sends the id of the very one that it has shown: a
 * correction that somebody adds in between is not approved unseen.
 */
export async function approve(reviewId: string, options: VersionOptions): Promise<void> {
  await perform(options, async (session) => {
    const version = await readVersion(session, reviewId, options.version);
    const { client, note, noteStyle } = session;
    note(say`Approving this version of review ${reviewId}:`);
    note(showVersion(noteStyle, version));
    return report(await client.reviews.approve(reviewId, version.id), 'Your approval');
  });
}

/** Carries out `review reject`. */
export async function reject(
  reviewId: string,
  options: VersionOptions & { readonly reason: string },
): Promise<void> {
  await perform(options, async (session) => {
    const version = await readVersion(session, reviewId, options.version);
    const response = await session.client.reviews.reject(reviewId, version.id, options.reason);
    return report(response, 'Your rejection');
  });
}

/** Carries out `review withdraw`. */
export async function withdraw(
  reviewId: string,
  options: CommonOptions & {
    readonly reason: string;
    readonly verdict: 'revoked' | 'rejected';
  },
): Promise<void> {
  const { reason, verdict } = options;
  await perform(options, async ({ client }) =>
    report(await client.reviews.withdraw(reviewId, { reason, verdict }), 'The withdrawal'),
  );
}

/** Carries out `review release`. */
export async function release(reviewId: string, options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) =>
    report(await client.reviews.release(reviewId), 'The release'),
  );
}

/** The version that a vote is about: the one named, which must be of this review, or the newest. */
async function readVersion(
  { client }: Session,
  reviewId: string,
  named: string | undefined,
): Promise<Version> {
  const review = await client.reviews.get(reviewId);
  const version = await client.reviews.versions.get(named ?? review.newest_version_id);
  if (version.review_id !== review.id) {
    throw new CommandError(
      `Version ${version.id} belongs to review ${version.review_id}: name one of ${review.id}, or none for its newest.`,
    );
  }
  return version;
}

function report(response: SubmitResponse, did: string): Report {
  const conflict = showConflict(response);
  return {
    json: response,
    text: () => (conflict === null ? showSubmission(response, did) : ''),
    failure: conflict,
  };
}
