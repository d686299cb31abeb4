import type { ReviewUnderLock } from '../../../store/reviews.js';
import { type ApiError, invalidValue } from '../../errors.js';

/** The version of a review at a place in its history, or the error that there is none. */
export function versionAt(
  { review }: ReviewUnderLock,
  key: 'on_seq' | 'effective_seq' | 'parent_seq',
  seq: number,
): string | ApiError {
  const version = review.versions[seq];
  return version === undefined
    ? invalidValue(
        ['body', key],
        `There is no version with seq ${seq}: this overlay has 0 to ${review.versions.length - 1}.`,
      )
    : version.id;
}

/** The place of the newest version. */
export function headSeq({ review }: ReviewUnderLock): number {
  return review.versions.length - 1;
}
