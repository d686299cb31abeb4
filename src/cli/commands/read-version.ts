import type { Client, Review, Version } from '../../client/index.js';
import { CommandError } from './command-error.js';

/** Reads a version by its id, which must be of this review. */
export async function readVersionOf(
  client: Client,
  review: Review,
  versionId: string,
): Promise<Version> {
  const version = await client.reviews.versions.get(versionId);
  if (version.review_id !== review.id) {
    throw new CommandError(
      `Version ${version.id} belongs to review ${version.review_id}: name one of ${review.id}, or none for its newest.`,
    );
  }
  return version;
}

/** The versions of a review, oldest first: the first is the seed. */
export async function listVersions(client: Client, reviewId: string): Promise<readonly Version[]> {
  const { data } = await client.reviews.versions.list(reviewId).take(10_000);
  return data;
}
