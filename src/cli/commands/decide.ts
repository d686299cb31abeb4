import type { SubmitResponse, Version } from '../../client/index.js';
import { diffSnapshots } from '../../domain/snapshot-diff.js';
import { showDifferences } from '../output/diff-text.js';
import { say } from '../output/printable.js';
import { showConflict, showSubmission, showVersion } from '../output/review-text.js';
import { CommandError } from './command-error.js';
import { type CommonOptions, perform, type Report, type Session } from './perform.js';
import { readVersionOf } from './read-version.js';

type VersionOptions = CommonOptions & { readonly version?: string };

type ApproveOptions = VersionOptions & {
  readonly older?: boolean;
  readonly acknowledge?: readonly string[];
};

/**
 * Carries out `review approve`.
 *
 * It shows the version before it sends the approval, and sends the id of the very one that it has shown: a
 * correction that somebody adds in between is not approved unseen. A version that is named and no longer the
 * newest is refused, with what has changed since.
 */
export async function approve(reviewId: string, options: ApproveOptions): Promise<void> {
  await perform(options, async (session) => {
    const { client, note, noteStyle } = session;
    const review = await client.reviews.get(reviewId);
    const version = await readVersionOf(
      client,
      review,
      options.version ?? review.newest_version_id,
    );
    if (options.older !== true && review.status === 'PENDING') {
      await refuseStale(session, version, review.newest_version_id);
    }
    note(say`Approving this version of review ${reviewId}:`);
    note(showVersion(noteStyle, version));
    const response = await client.reviews.approve(reviewId, version.id, {
      acknowledged_superseded_version_ids: options.acknowledge,
    });
    await tellNewer(session, version, response);
    return report(response, 'Your approval');
  });
}

/** Refuses to approve a version after which there is another, unless that is what was asked for. */
async function refuseStale(session: Session, shown: Version, newestId: string): Promise<void> {
  if (shown.id !== newestId) {
    session.note(await whatChanged(session, shown, newestId));
    throw new CommandError(
      `Version ${shown.id} is not the newest any more, so nothing was sent: approve ${newestId}, or add --older to approve this one all the same.`,
    );
  }
}

/** Tells that a version came between the look and the vote: the vote counts for what was shown. */
async function tellNewer(
  session: Session,
  shown: Version,
  { submission_status: status, review }: SubmitResponse,
): Promise<void> {
  const { newest_version_id: newestId } = review;
  if (status === 'accepted' && review.status === 'PENDING' && newestId !== shown.id) {
    session.note(await whatChanged(session, shown, newestId));
    session.note(
      say`Your approval counts for ${shown.id}, and the review has the newer version ${newestId}: approve that one if you agree with it.`,
    );
  }
}

async function whatChanged(
  { client, noteStyle }: Session,
  shown: Version,
  newestId: string,
): Promise<string> {
  const newest = await client.reviews.versions.get(newestId);
  return [
    say`Version ${newest.id}, by ${newest.author.display_name}, is newer. It differs from ${shown.id} in this:`,
    showDifferences(noteStyle, diffSnapshots(shown.snapshot, newest.snapshot)),
  ].join('\n');
}

/** Carries out `review reject`. */
export async function reject(
  reviewId: string,
  options: VersionOptions & { readonly reason: string },
): Promise<void> {
  await perform(options, async ({ client }) => {
    const review = await client.reviews.get(reviewId);
    const version = await readVersionOf(
      client,
      review,
      options.version ?? review.newest_version_id,
    );
    const response = await client.reviews.reject(reviewId, version.id, options.reason);
    return report(response, 'Your rejection');
  });
}

/** Carries out `review withdraw`. */
export async function withdraw(
  reviewId: string,
  options: CommonOptions & {
    readonly reason: string;
    readonly own?: boolean;
    readonly verdict?: 'revoked' | 'rejected';
  },
): Promise<void> {
  const { reason, verdict, own = false } = options;
  const what = own ? 'own_approval' : undefined;
  await perform(options, async ({ client }) =>
    report(await client.reviews.withdraw(reviewId, { reason, verdict, what }), 'The withdrawal'),
  );
}

/** Carries out `review reassign`. */
export async function reassign(
  reviewId: string,
  options: CommonOptions & {
    readonly entry: string;
    readonly reason: string;
    readonly group?: string;
    readonly reviewer?: string;
  },
): Promise<void> {
  await perform(options, async ({ client }) => {
    const { entry, reason, group, reviewer } = options;
    const to = group === undefined ? (reviewer === undefined ? null : { reviewer }) : { group };
    if (to === null) {
      throw new CommandError('Say who fills the entry: --group <group> or --reviewer <user>.');
    }
    const response = await client.reviews.reassign(reviewId, { entry, to, reason });
    return report(response, 'The reassignment');
  });
}

/** Carries out `review release`. */
export async function release(reviewId: string, options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) =>
    report(await client.reviews.release(reviewId), 'The release'),
  );
}

function report(response: SubmitResponse, did: string): Report {
  const conflict = showConflict(response);
  return {
    json: response,
    text: () => (conflict === null ? showSubmission(response, did) : ''),
    failure: conflict,
  };
}
