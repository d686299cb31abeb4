import type { ReviewContext, Version } from '../api/wire.js';

/** How the snapshot is shown: as fields, as JSON, or as what differs from another version. */
export type Show = 'fields' | 'json' | 'changes';

/** What a review's address says about the screen. */
export type ScreenParams = {
  readonly version: string | null;
  readonly against: string | null;
  readonly show: Show;
};

/** Reads the address of a review's page. */
export function readScreen(search: string): ScreenParams {
  const params = new URLSearchParams(search);
  const show = params.get('show');
  return {
    version: params.get('version'),
    against: params.get('against'),
    show: show === 'json' || show === 'changes' ? show : 'fields',
  };
}

/** The address that shows this. */
export function writeScreen(reviewId: string, screen: ScreenParams): string {
  const params = new URLSearchParams();
  if (screen.version !== null) {
    params.set('version', screen.version);
  }
  if (screen.against !== null && screen.show === 'changes') {
    params.set('against', screen.against);
  }
  if (screen.show !== 'fields') {
    params.set('show', screen.show);
  }
  return `/reviews/${reviewId}${params.size === 0 ? '' : `?${params.toString()}`}`;
}

/** A version with its number, counted from 1 in the order in which they were made. */
export type NumberedVersion = Version & { readonly number: number };

/** What a review's page has on screen. */
export type Screen = {
  readonly versions: readonly NumberedVersion[];
  readonly shown: NumberedVersion;
  /** The version that `changes` compares with. */
  readonly against: NumberedVersion | null;
  readonly seed: NumberedVersion;
  readonly newest: NumberedVersion | null;
  /** Whether a version has come that the person has not been shown: nothing may be decided then. */
  readonly isStale: boolean;
};

/**
 * Works out what is on screen; null while the versions that it needs are not there.
 *
 * @param seenNewestId the newest version when the person was last shown it
 */
export function screenOf(
  { review, my }: Pick<ReviewContext, 'review' | 'my'>,
  versions: readonly Version[],
  params: ScreenParams,
  seenNewestId: string,
): Screen | null {
  const numbered = versions.map((version, index) => ({ ...version, number: index + 1 }));
  const find = (id: string | null | undefined): NumberedVersion | null =>
    numbered.find((version) => version.id === id) ?? null;
  const shown = find(params.version) ?? find(review.decision?.version_id) ?? find(seenNewestId);
  const seed = numbered.find(({ parent_id }) => parent_id === null) ?? numbered[0];
  if (shown === null || seed === undefined) {
    return null;
  }
  const mine = find(my.vote?.version_id);
  const against =
    find(params.against) ??
    (mine !== null && mine.id !== shown.id ? mine : null) ??
    find(shown.parent_id) ??
    null;
  return {
    versions: numbered,
    shown,
    against,
    seed,
    newest: find(review.newest_version_id),
    isStale: review.status === 'PENDING' && review.newest_version_id !== seenNewestId,
  };
}
