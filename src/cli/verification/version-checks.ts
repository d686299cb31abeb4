import type { Version } from '../../client/index.js';
import { canonicalForm } from '../../rules/canonical.js';
import { versionId } from '../../rules/content-ids.js';
import { type Check, compare, holds } from './check.js';
import type { Evidence } from './evidence.js';

/** Checks that versions are what their ids say, and that each is made from an earlier one. */
export function checkVersions({ review, versions }: Evidence): readonly Check[] {
  const counted = versions.length === 1 ? '1 version' : `${versions.length} versions`;
  return [
    holds(
      `the ids of ${counted} are those of their content`,
      versions.flatMap((version) => contentProblems(review.id, version)),
    ),
    holds('one version is the seed, and each other is made from an earlier one', [
      ...versions.flatMap((version, index) => parentProblems(version, versions.slice(0, index))),
      ...(versions.filter(({ parent_id: parent }) => parent === null).length === 1
        ? []
        : ['there is not one seed']),
    ]),
    compare(
      'the newest version',
      newestOf(versions, review.newest_version_id),
      review.newest_version_id,
    ),
  ];
}

/** The version made last; of several of one moment the one that is said to be. */
export function newestOf(versions: readonly Version[], said: string): string {
  const latest = versions.reduce((at, { created_at: made }) => (made > at ? made : at), '');
  const candidates = versions.filter(({ created_at: made }) => made === latest).map(({ id }) => id);
  return candidates.includes(said) ? said : (candidates.at(-1) ?? '');
}

function contentProblems(reviewId: string, version: Version): readonly string[] {
  const id = versionId(reviewId, version.snapshot);
  const { sha256 } = canonicalForm(version.snapshot);
  return [
    ...(id === version.id ? [] : [`${version.id} has the content of ${id}`]),
    ...(sha256 === version.content_sha256
      ? []
      : [`${version.id} has the SHA-256 ${sha256}, not ${version.content_sha256}`]),
    ...(version.review_id === reviewId ? [] : [`${version.id} is of ${version.review_id}`]),
  ];
}

function parentProblems(
  { id, parent_id: parent }: Version,
  earlier: readonly Version[],
): readonly string[] {
  return parent === null || earlier.some((version) => version.id === parent)
    ? []
    : [`${id} is made from ${parent}, which is no earlier version`];
}
