import type { Db } from './database.js';

/** A step that cannot begin because no worker that was asked has what its block needs. */
export type MissingFunction = {
  readonly stepId: string;
  readonly runId: string;
  /** What is missing, and what to do about it. */
  readonly message: string;
};

/** Lists steps of runs that go on which wait for a worker that has their function, by id. */
export async function listMissingFunctions(
  db: Db,
  limit: number,
): Promise<readonly MissingFunction[]> {
  return await db
    .selectFrom('step')
    .innerJoin('run', 'run.id', 'step.runId')
    .select(['step.id as stepId', 'step.runId', 'step.waitingFor as message'])
    .where('step.waitingFor', 'is not', null)
    .where('run.status', '=', 'running')
    .$narrowType<{ message: string }>()
    .orderBy('step.id')
    .limit(limit)
    .execute();
}
