import type { Execution } from '../executions.js';
import type { Outage } from '../faults.js';
import { groupBy } from '../json.js';
import type { Exchange } from '../requests.js';
import type { StartedRun } from '../workload.js';
import type { FactRow, ReviewRow, StepRow, Stored, VersionRow } from './facts.js';

/** All that the verdict rests on: what is stored, what clients were answered, what blocks did, what was broken when. */
export type Evidence = {
  readonly stored: Stored;
  readonly runs: readonly StartedRun[];
  readonly exchanges: readonly Exchange[];
  readonly executions: readonly Execution[];
  readonly outages: readonly Outage[];
  /** The runs whose gates a stranger has lied to. */
  readonly deceived: ReadonlySet<string>;
};

/** The same, by what it is about. */
export type Index = {
  readonly runs: ReadonlyMap<string, StartedRun>;
  readonly reviewOfStep: ReadonlyMap<string, ReviewRow>;
  readonly reviewsOfRun: ReadonlyMap<string, readonly ReviewRow[]>;
  readonly stepsOfRun: ReadonlyMap<string, readonly StepRow[]>;
  readonly factsOfReview: ReadonlyMap<string, readonly FactRow[]>;
  readonly versionsOfReview: ReadonlyMap<string, readonly VersionRow[]>;
  readonly executionsOfStep: ReadonlyMap<string, readonly Execution[]>;
};

export function indexOf({ stored, runs, executions }: Evidence): Index {
  return {
    runs: new Map(runs.map((run) => [run.id, run])),
    reviewOfStep: new Map(stored.reviews.map((review) => [review.step_id, review])),
    reviewsOfRun: groupBy(stored.reviews, ({ run_id: id }) => id),
    stepsOfRun: groupBy(stored.steps, ({ run_id: id }) => id),
    factsOfReview: groupBy(stored.facts, ({ review_id: id }) => id),
    versionsOfReview: groupBy(stored.versions, ({ review_id: id }) => id),
    executionsOfStep: groupBy(executions, ({ stepId }) => stepId),
  };
}
