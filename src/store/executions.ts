import type { Definition } from '../domain/definition.js';
import type { Db } from './database.js';
import type { EntryRow, FactRow, ReviewRow, RunRow, StepRow } from './tables.js';
import { listEntries, listFactsOfReviews } from './reviews.js';
import { readDefinition } from './workflows.js';

/** A review with what people said and what they approved, as canonical text. */
export type ExecutedReview = {
  readonly row: ReviewRow;
  readonly entries: readonly EntryRow[];
  readonly facts: readonly FactRow[];
  readonly approved: string | null;
};

/** A run with everything in it: its definition, its steps, and their reviews by the ids of the steps. */
export type Execution = {
  readonly run: RunRow;
  readonly definition: Definition;
  /** Its place among the versions of the workflow, from 1. */
  readonly definitionOrdinal: number;
  readonly steps: readonly StepRow[];
  readonly reviews: ReadonlyMap<string, ExecutedReview>;
};

/** Reads a run of a project as a whole; steps come in the order in which they were written. */
export async function readExecution(db: Db, run: RunRow): Promise<Execution> {
  const version = await db
    .selectFrom('workflowVersion')
    .select(['definition', 'ordinal'])
    .where('id', '=', run.workflowVersionId)
    .executeTakeFirstOrThrow();
  const steps = await db
    .selectFrom('step')
    .selectAll()
    .where('runId', '=', run.id)
    .orderBy('createdAt')
    .orderBy('position')
    .orderBy('id')
    .execute();
  return {
    run,
    definition: readDefinition(version),
    definitionOrdinal: version.ordinal,
    steps,
    reviews: await readReviews(db, run.id),
  };
}

async function readReviews(db: Db, runId: string): Promise<ReadonlyMap<string, ExecutedReview>> {
  const rows = await db
    .selectFrom('review')
    .leftJoin('version', (join) =>
      join
        .onRef('version.id', '=', 'review.decisionVersionId')
        .on('review.verdict', '=', 'approved'),
    )
    .selectAll('review')
    .select('version.snapshot as approved')
    .where('review.runId', '=', runId)
    .execute();
  const ids = rows.map(({ id }) => id);
  const [entries, facts] = await Promise.all([listEntries(db, ids), listFactsOfReviews(db, ids)]);
  return new Map(
    rows.map(({ approved, ...row }) => [
      row.stepId,
      { row, approved, entries: entries.get(row.id) ?? [], facts: facts.get(row.id) ?? [] },
    ]),
  );
}
