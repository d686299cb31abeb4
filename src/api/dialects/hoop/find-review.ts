import { findReviewByAnyId } from '../../../store/sessions.js';
import type { ReviewRow } from '../../../store/tables.js';
import { isStorable } from '../../fields.js';
import type { Call } from '../../route.js';

/** Finds the review that a review id, a session id or a run's id names; an id of any form may be asked for. */
export async function findNamedReview(
  { deps, actor }: Call,
  id: string,
): Promise<ReviewRow | null> {
  return isStorable(id) ? await findReviewByAnyId(deps.db, actor.projectId, id) : null;
}
