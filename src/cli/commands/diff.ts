import type { Client, Review, Version } from '../../client/index.js';
import { diffSnapshots } from '../../domain/snapshot-diff.js';
import { differencesForPrograms, showDifferences } from '../output/diff-text.js';
import { say } from '../output/printable.js';
import { CommandError } from './command-error.js';
import { type CommonOptions, perform } from './perform.js';
import { listVersions, readVersionOf } from './read-version.js';

/** Carries out `review diff`: by default from what the runtime made to what would be approved now. */
export async function diff(
  reviewId: string,
  from: string,
  to: string,
  options: CommonOptions,
): Promise<void> {
  await perform(options, async ({ client }) => {
    const review = await client.reviews.get(reviewId);
    const [before, after] = [await find(client, review, from), await find(client, review, to)];
    const differences = diffSnapshots(before.snapshot, after.snapshot);
    return {
      json: {
        review_id: review.id,
        from: withoutSnapshot(before),
        to: withoutSnapshot(after),
        differences: differencesForPrograms(differences),
      },
      text: (style) =>
        [
          say`From ${before.id} (by ${before.author.display_name}) to ${after.id} (by ${after.author.display_name}):`,
          differences.length === 0
            ? style.dim('There is no difference.')
            : showDifferences(style, differences),
        ].join('\n'),
    };
  });
}

/** A version as people name it: `seed`, `newest`, or by its id. */
async function find(client: Client, review: Review, name: string): Promise<Version> {
  if (name === 'newest') {
    return await readVersionOf(client, review, review.newest_version_id);
  }
  if (name !== 'seed') {
    return await readVersionOf(client, review, name);
  }
  const seed = (await listVersions(client, review.id)).find(
    ({ parent_id: parent }) => parent === null,
  );
  if (seed === undefined) {
    throw new CommandError(`Review ${review.id} shows no seed version: name a version by its id.`);
  }
  return seed;
}

function withoutSnapshot({ snapshot: _snapshot, ...version }: Version): Omit<Version, 'snapshot'> {
  return version;
}
