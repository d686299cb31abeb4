import type { ReviewStatus } from '../domain/statuses.js';
import type { Db } from './database.js';
import { findReview } from './reviews.js';
import type { ReviewRow } from './tables.js';

/** Finds the review that an id names: its own, its step's, or that of a run which has no other. */
export async function findReviewByAnyId(
  db: Db,
  projectId: string,
  id: string,
): Promise<ReviewRow | null> {
  const ofProject = db.selectFrom('review').selectAll().where('projectId', '=', projectId);
  const own = await findReview(db, projectId, id);
  if (own !== null) {
    return own;
  }
  const ofStep = await ofProject.where('stepId', '=', id).executeTakeFirst();
  if (ofStep !== undefined) {
    return ofStep;
  }
  const [ofRun, another] = await ofProject.where('runId', '=', id).limit(2).execute();
  return ofRun === undefined || another !== undefined ? null : ofRun;
}

/** Where a list goes on: behind this row. */
export type Behind = Pick<ReviewRow, 'createdAt' | 'id'>;

/** Lists reviews of a project from the newest on, a batch at a time. */
export async function listNewestReviews(
  db: Db,
  projectId: string,
  status: ReviewStatus | null,
  behind: Behind | null,
  limit: number,
): Promise<readonly ReviewRow[]> {
  return await db
    .selectFrom('review')
    .selectAll()
    .where('projectId', '=', projectId)
    .$if(status !== null, (query) => query.where('status', '=', status))
    .$if(behind !== null, (query) =>
      query.where((eb) =>
        eb(
          eb.refTuple('createdAt', 'id'),
          '<',
          eb.tuple(behind?.createdAt ?? new Date(0), behind?.id ?? ''),
        ),
      ),
    )
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}
