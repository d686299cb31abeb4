import type { Db } from '../../src/store/database.js';

/** The workflow ids of a run's gates, and of the iterations of its for_eaches. */
export async function readStepHolders(db: Db, runId: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('step')
    .select('holder')
    .where('runId', '=', runId)
    .where('holder', 'is not', null)
    .orderBy('id')
    .execute();
  return rows.flatMap(({ holder }) => (holder === null ? [] : [holder]));
}
