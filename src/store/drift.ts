import { sql } from 'kysely';
import { isStepEnded, type RunStatus } from '../domain/statuses.js';
import type { TimeWindow } from '../domain/time-window.js';
import type { Db } from './database.js';
import { wakeSenders } from './outbox.js';

/** Where the workflow of a review should be, and whether anything is still asked of it. */
export type Whereabouts = { readonly holder: string | null; readonly isSettled: boolean };

/**
 * Whether a review still needs its workflow.
 *
 * It does not once it is claimed or refused (a refusal is carried out by its run's cancellation, or
 * where the run goes on by its workflow, which skips the step), or once its run has ended.
 */
export async function whereaboutsOf(db: Db, reviewId: string): Promise<Whereabouts> {
  const row = await db
    .selectFrom('review')
    .innerJoin('run', 'run.id', 'review.runId')
    .innerJoin('step', 'step.id', 'review.stepId')
    .where('review.id', '=', reviewId)
    .select([
      'review.status as reviewStatus',
      'review.policy',
      'run.status as runStatus',
      'step.status as stepStatus',
      'step.holder',
    ])
    .executeTakeFirstOrThrow();
  const isOpen = row.reviewStatus === 'PENDING' || row.reviewStatus === 'APPROVED';
  const isToBeSkipped =
    (row.reviewStatus === 'REJECTED' || row.reviewStatus === 'REVOKED') &&
    row.policy.onReject !== 'cancel_run' &&
    !isStepEnded(row.stepStatus);
  const isSettled = (!isOpen && !isToBeSkipped) || row.runStatus !== 'running';
  return { holder: row.holder, isSettled };
}

/** A run that has not ended, as the drift audit looks at it. */
export type UnendedRun = {
  readonly id: string;
  readonly projectId: string;
  readonly workflowId: string;
  readonly status: RunStatus;
  readonly ageMs: number;
  /** A start or a cancel of its workflow is still owed. */
  readonly isStartOwed: boolean;
  readonly isCancelOwed: boolean;
  readonly gates: readonly OpenGate[];
  /** Where an author's own workflow opened it: that workflow, and the gate; null for any other run. */
  readonly external: {
    readonly workflowId: string;
    readonly holder: string;
    readonly reviewId: string | null;
    readonly isStepEnded: boolean;
  } | null;
};

/** A gated step that a workflow is responsible for. */
export type OpenGate = {
  readonly stepId: string;
  readonly holder: string;
  readonly reviewId: string | null;
  readonly reviewStatus: string | null;
  readonly release: unknown;
  readonly onReject: string | null;
  readonly timeWindow: TimeWindow | null;
  readonly isReleaseRequested: boolean;
  readonly decidedAgoMs: number | null;
  readonly newestFactAgoMs: number | null;
};

/** Lists runs of every project that have not ended, oldest first, with their open gates. */
export async function listUnendedRuns(
  db: Db,
  page: { readonly afterId: string; readonly limit: number; readonly minAgeMs: number },
): Promise<readonly UnendedRun[]> {
  const { rows } = await sql<UnendedRun>`
    select r.id, r.project_id, r.workflow_id, r.status,
           (extract(epoch from clock_timestamp() - r.created_at) * 1000)::float8 as age_ms,
           exists (select 1 from outbox o where o.run_id = r.id and o.kind = 'start'
                    and o.state = 'pending') as is_start_owed,
           exists (select 1 from outbox o where o.run_id = r.id and o.kind = 'cancel'
                    and o.workflow_id = r.id and o.state = 'pending') as is_cancel_owed,
           coalesce((select json_agg(json_build_object(
               'stepId', s.id, 'holder', s.holder, 'reviewId', v.id, 'reviewStatus', v.status,
               'release', v.policy->'release', 'onReject', v.policy->>'onReject', 'timeWindow', v.time_window,
               'isReleaseRequested', exists (select 1 from fact f where f.review_id = v.id
                                               and f.kind = 'release_requested'),
               'decidedAgoMs', (extract(epoch from clock_timestamp() - v.decided_at) * 1000)::float8,
               'newestFactAgoMs', (select (extract(epoch from clock_timestamp() - max(f.created_at)) * 1000)::float8
                                     from fact f where f.review_id = v.id)
             ) order by s.position)
             from step s left join review v on v.step_id = s.id
            where s.run_id = r.id and s.holder is not null
              and s.status in ('pending', 'running', 'awaiting_review')), '[]'::json) as gates,
           (select json_build_object('workflowId', e.workflow_id, 'holder', s.holder, 'reviewId', v.id,
                     'isStepEnded', s.ended_at is not null)
              from external_run e join step s on s.run_id = e.run_id left join review v on v.step_id = s.id
             where e.run_id = r.id) as external
      from run r
     where r.status in ('pending', 'running', 'cancelling') and r.id > ${page.afterId}
       and r.created_at < clock_timestamp() - ${page.minAgeMs} * interval '1 ms'
     order by r.id limit ${page.limit}`.execute(db);
  return rows;
}

/** A message to Temporal that is owed for long, or could not be delivered. */
export type StuckMessage = {
  readonly id: string;
  readonly kind: 'start' | 'signal' | 'cancel';
  readonly runId: string;
  readonly reviewId: string | null;
  readonly state: 'pending' | 'failed';
  readonly attempts: number;
  readonly ageMs: number;
  readonly lastError: string | null;
};

/** Lists what failed, and what has been owed for longer than a time. */
export async function listStuckMessages(
  db: Db,
  olderThanMs: number,
  limit: number,
): Promise<readonly StuckMessage[]> {
  const { rows } = await sql<StuckMessage>`
    select id, kind, run_id, review_id, state, attempts, last_error,
           (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 as age_ms
      from outbox
     where state = 'failed'
        or (state = 'pending' and created_at < clock_timestamp() - ${olderThanMs} * interval '1 ms')
     order by id limit ${limit}`.execute(db);
  return rows;
}

/** Owes again what failed of one run, or the latest fact of one review. */
export async function oweAgain(
  db: Db,
  what: { readonly messageId: string } | { readonly reviewId: string },
): Promise<void> {
  const target =
    'messageId' in what
      ? sql`id = ${what.messageId}`
      : sql`id = (select max(id) from outbox where review_id = ${what.reviewId} and kind = 'signal')`;
  await sql`
    update outbox set state = 'pending', attempts = 0, next_attempt_at = clock_timestamp(),
           lease_until = null, lease_token = null, settled_at = null
     where ${target}`.execute(db);
  await wakeSenders(db);
}

/** Marks as overtaken what failed to reach workflows of a run that is started again. */
export async function supersedeFailedMessages(db: Db, runId: string): Promise<void> {
  await sql`
    update outbox set state = 'superseded', settled_at = clock_timestamp()
     where run_id = ${runId} and state = 'failed'`.execute(db);
}

/** A step whose block may or may not have done its work. */
export type UnknownOutcome = {
  readonly stepId: string;
  readonly runId: string;
  readonly endedAt: Date | null;
  /** Why it is unknown, and what to do. */
  readonly message: string | null;
};

/** Lists steps whose outcome nobody can know, newest first. */
export async function listUnknownOutcomes(
  db: Db,
  limit: number,
): Promise<readonly UnknownOutcome[]> {
  return await db
    .selectFrom('step')
    .select(['id as stepId', 'runId', 'endedAt', 'errorMessage as message'])
    .where('outcomeUnknown', '=', true)
    .orderBy('endedAt', 'desc')
    .limit(limit)
    .execute();
}

/** Which of these workflow ids the store still has something for: an unended run, or a held step. */
export async function knownWorkflows(
  db: Db,
  workflowIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (workflowIds.length === 0) {
    return new Set();
  }
  const { rows } = await sql<{ id: string }>`
    select id from run where id = any(${[...workflowIds]})
       and status in ('pending', 'running', 'cancelling')
    union
    select s.holder from step s join run r on r.id = s.run_id
     where s.holder = any(${[...workflowIds]}) and r.status in ('pending', 'running', 'cancelling')`.execute(
    db,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Runs `work` unless another instance does so at this moment; says whether it ran. */
export async function withAuditLock(db: Db, work: () => Promise<void>): Promise<boolean> {
  return await db.connection().execute(async (connection) => {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_lock(hashtextextended('countersign drift audit', 0)) as locked`.execute(
      connection,
    );
    if (rows[0]?.locked !== true) {
      return false;
    }
    try {
      await work();
    } finally {
      await sql`select pg_advisory_unlock(hashtextextended('countersign drift audit', 0))`.execute(
        connection,
      );
    }
    return true;
  });
}
