import { type RawBuilder, sql } from 'kysely';
import type { Owner, UnendedRun } from '../domain/drift.js';
import { isStepEnded } from '../domain/statuses.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { oweMessage } from './outbox.js';
import { lockReview, readFact } from './reviews.js';
import { endRun } from './end-run.js';
import { lockRun } from './runs.js';
import { lockStep } from './steps.js';
import type { OutboxRow } from './tables.js';

/** Where the workflow of a review should be, and whether anything is still asked of it. */
export type Whereabouts = { readonly holder: string | null; readonly isSettled: boolean };

/**
 * Whether a review still needs its workflow.
 *
 * It does not once it is released or refused (a refusal is carried out by its run's cancellation, or
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
      'step.attemptToken',
    ])
    .executeTakeFirstOrThrow();
  const isOpen = row.reviewStatus === 'PENDING' || row.reviewStatus === 'APPROVED';
  const isToBeSkipped =
    (row.reviewStatus === 'REJECTED' || row.reviewStatus === 'REVOKED') &&
    row.policy.onReject !== 'cancel_run' &&
    !isStepEnded(row.stepStatus);
  // Released to be executed, and not begun: its gate has to hear of it.
  const isToBeExecuted = row.reviewStatus === 'PROCESSING' && row.attemptToken === null;
  const isSettled = (!isOpen && !isToBeSkipped && !isToBeExecuted) || row.runStatus !== 'running';
  return { holder: row.holder, isSettled };
}

/** Where a walk over all unended runs has got to: the last run that was looked at. */
export type RunCursor = { readonly createdAt: Date; readonly id: string };

/** Lists runs of every project that have not ended, oldest first, with their open gates. */
export async function listUnendedRuns(
  db: Db,
  page: { readonly after: RunCursor | null; readonly limit: number; readonly minAgeMs: number },
): Promise<readonly UnendedRun[]> {
  const { after, limit, minAgeMs } = page;
  // The index has the time alone: the first condition finds the place in it, the second the row.
  const behind =
    after === null
      ? sql`true`
      : sql`r.created_at >= ${after.createdAt} and (r.created_at, r.id) > (${after.createdAt}::timestamptz, ${after.id}::text)`;
  const { rows } = await readUnendedRuns(
    sql`${behind} and r.created_at < clock_timestamp() - ${minAgeMs} * interval '1 ms'
        order by r.created_at, r.id limit ${limit}`,
  ).execute(db);
  return rows;
}

/** Reads one run as `listUnendedRuns` gives it; null once it has ended. */
export async function findUnendedRun(db: Db, runId: string): Promise<UnendedRun | null> {
  const { rows } = await readUnendedRuns(sql`r.id = ${runId}`).execute(db);
  return rows[0] ?? null;
}

function readUnendedRuns(which: RawBuilder<unknown>): RawBuilder<UnendedRun> {
  return sql<UnendedRun>`
    select r.id, r.project_id, r.workflow_id, r.status, r.created_at,
           exists (select 1 from outbox o where o.run_id = r.id and o.kind in ('start', 'restart')
                    and o.state = 'pending') as is_start_owed,
           exists (select 1 from outbox o where o.run_id = r.id and o.kind = 'cancel'
                    and o.workflow_id = r.id and o.state = 'pending') as is_cancel_owed,
           coalesce((select json_agg(json_build_object(
               'stepId', s.id, 'holder', s.holder, 'iterates', s.block_type = 'for_each',
               'reviewId', v.id, 'reviewStatus', v.status, 'seq', coalesce(v.seq, 0),
               'isNewsOwed', exists (select 1 from outbox o where o.run_id = r.id and o.kind = 'signal'
                                      and o.review_id = v.id and o.state = 'pending'),
               'release', v.policy->'release', 'onReject', v.policy->>'onReject', 'timeWindow', v.time_window,
               'isReleaseRequested', exists (select 1 from fact f where f.review_id = v.id
                                               and f.kind = 'release_requested'),
               'decidedAgoMs', (extract(epoch from clock_timestamp() - v.decided_at) * 1000)::float8,
               'newestFactAgoMs', (select (extract(epoch from clock_timestamp() - f.created_at) * 1000)::float8
                                     from fact f where f.review_id = v.id and f.seq = v.seq)
             ) order by s.position)
             from step s left join review v on v.step_id = s.id
            where s.run_id = r.id and s.holder is not null
              and s.status in ('pending', 'running', 'awaiting_review')), '[]'::json) as gates,
           (select json_build_object('workflowId', e.workflow_id, 'holder', s.holder, 'reviewId', v.id,
                     'isStepEnded', s.ended_at is not null)
              from external_run e join step s on s.run_id = e.run_id left join review v on v.step_id = s.id
             where e.run_id = r.id) as external
      from run r
     where r.status in ('pending', 'running', 'cancelling') and ${which}`;
}

/** A message to Temporal that is owed for long, or could not be delivered. */
export type StuckMessage = {
  readonly id: string;
  readonly kind: OutboxRow['kind'];
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
  afterId = '0',
): Promise<readonly StuckMessage[]> {
  const { rows } = await sql<StuckMessage>`
    select id, kind, run_id, review_id, state, attempts, last_error,
           (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 as age_ms
      from outbox
     where id > ${afterId} and (state = 'failed'
        or (state = 'pending' and created_at < clock_timestamp() - ${olderThanMs} * interval '1 ms'))
     order by id limit ${limit}`.execute(db);
  return rows;
}

/** Owes a message again that could not be delivered; says whether there was one. */
export async function oweAgain(db: Db, messageId: string): Promise<boolean> {
  return await makePending(db, sql`id = ${messageId} and state = 'failed'`);
}

/** How a message stands. */
export async function stateOfMessage(
  db: Db,
  messageId: string,
): Promise<{ readonly state: OutboxRow['state']; readonly lastError: string | null } | null> {
  const row = await db
    .selectFrom('outbox')
    .select(['state', 'lastError'])
    .where('id', '=', messageId)
    .executeTakeFirst();
  return row ?? null;
}

/**
 * Owes the workflow of a review the news of its latest fact again.
 *
 * @param seq the latest fact that was known when that was decided on
 * @returns false when the review has changed since, or has none
 */
export async function oweNewsAgain(
  db: Db,
  {
    runId,
    reviewId,
    seq,
  }: { readonly runId: string; readonly reviewId: string; readonly seq: number },
): Promise<boolean> {
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    const locked = await lockReview(tx, run.projectId, reviewId);
    if (locked === null) {
      return false;
    }
    const { row, facts } = locked;
    const fact = facts.at(-1);
    if (row.seq !== seq || fact === undefined) {
      return false;
    }
    const isNews = sql`review_id = ${reviewId} and kind = 'signal'`;
    const isOwed = await makePending(tx, sql`${isNews} and fact_id = ${fact.id}`);
    if (!isOwed) {
      const status = { status: row.status, versionId: row.decisionVersionId };
      const message = {
        projectId: row.projectId,
        runId,
        kind: 'signal',
        workflowId: null,
        reviewId,
        factId: fact.id,
        payload: { review_id: reviewId, fact: readFact(fact), status },
      } as const;
      await oweMessage(tx, message, 0);
    }
    return true;
  });
}

async function makePending(db: Db | Tx, which: RawBuilder<unknown>): Promise<boolean> {
  const { rows } = await sql`
    update outbox set state = 'pending', attempts = 0, next_attempt_at = clock_timestamp(),
           lease_until = null, lease_token = null
     where ${which} returning id`.execute(db);
  return rows.length > 0;
}

async function hasPending(db: Db | Tx, which: RawBuilder<unknown>): Promise<boolean> {
  const { rows } =
    await sql`select 1 from outbox where ${which} and state = 'pending' limit 1`.execute(db);
  return rows.length > 0;
}

/**
 * Reads what the store says of the runs and steps that executions belong to, by their workflow ids;
 * those whose run it does not know are left out.
 *
 * @param executions the run of each, and its step where it is not the workflow of the run itself
 */
export async function readOwners(
  db: Db,
  executions: readonly {
    readonly workflowId: string;
    readonly runId: string;
    readonly stepId: string | null;
  }[],
): Promise<ReadonlyMap<string, Owner>> {
  if (executions.length === 0) {
    return new Map();
  }
  const { rows } = await sql<{ workflowId: string; owner: Owner }>`
    select asked.workflow_id, json_build_object(
             'runStatus', r.status,
             'runEndedAgoMs', (extract(epoch from clock_timestamp() - r.ended_at) * 1000)::float8,
             'step', case when s.id is null then null else json_build_object(
               'endedAgoMs', (extract(epoch from clock_timestamp() - s.ended_at) * 1000)::float8,
               'reviewId', v.id, 'seq', coalesce(v.seq, 0),
               'isReplaced', s.holder is not null and s.holder <> asked.workflow_id
                 and exists (select 1 from replaced_holder h
                              where h.step_id = s.id and h.workflow_id = asked.workflow_id)) end,
             'isOwed', exists (select 1 from outbox o where o.run_id = r.id and o.state = 'pending'
                and (o.kind in ('start', 'restart') or o.workflow_id = asked.workflow_id or o.review_id = v.id
                     or (s.id is null and o.kind = 'signal')))) as owner
      from unnest(${executions.map(({ workflowId }) => workflowId)}::text[],
                  ${executions.map(({ runId }) => runId)}::text[],
                  ${executions.map(({ stepId }) => stepId)}::text[]) as asked (workflow_id, run_id, step_id)
      join run r on r.id = asked.run_id
      left join step s on s.id = asked.step_id and s.run_id = r.id
      left join review v on v.step_id = s.id`.execute(db);
  return new Map(rows.map(({ workflowId, owner }) => [workflowId, owner]));
}

/** Whether the workflow of a review is still owed the news of a fact. */
export async function isNewsOwed(db: Db, reviewId: string): Promise<boolean> {
  return await hasPending(db, sql`review_id = ${reviewId} and kind = 'signal'`);
}

/** Whether a run's workflow may be started again: it is to go on, and no start of it is owed. */
export async function mayStartAgain(db: Db, runId: string): Promise<boolean> {
  return await inTransaction(db, async (tx) => {
    const { status } = await lockRun(tx, runId);
    const isToGoOn = status === 'pending' || status === 'running';
    return (
      isToGoOn && !(await hasPending(tx, sql`run_id = ${runId} and kind in ('start', 'restart')`))
    );
  });
}

/** Whether a workflow still holds a step that has not ended, of a run that is to go on. */
export async function isHeldBy(
  db: Db,
  {
    runId,
    stepId,
    holder,
  }: { readonly runId: string; readonly stepId: string; readonly holder: string },
): Promise<boolean> {
  return await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    const step = await lockStep(tx, stepId);
    return run.status === 'running' && step.holder === holder && !isStepEnded(step.status);
  });
}

/** Ends a run that is being cancelled; one that is not stays as it is. */
export async function endCancelledRun(db: Db, runId: string): Promise<boolean> {
  const { status } = await inTransaction(db, (tx) => lockRun(tx, runId));
  // From there it can only end: what has been decided under the lock stays true without it.
  if (status !== 'cancelling') {
    return false;
  }
  await endRun(db, runId, { kind: 'cancelled' });
  return true;
}

/** Forgets what failed to reach workflows of a run that is started again: the new ones read it. */
export async function supersedeFailedMessages(db: Db, runId: string): Promise<void> {
  await sql`delete from outbox where run_id = ${runId} and state = 'failed'`.execute(db);
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

/** That the lock of a drift audit went with its connection: another instance may hold it by now. */
export class AuditLockLostError extends Error {
  override readonly name = 'AuditLockLostError';
}

/**
 * Runs `work` unless another instance does so at this moment; says whether it ran.
 *
 * The lock is the session's. `work` asks whether it is still held before every step of its own.
 *
 * @param work is given a check that throws AuditLockLostError once the connection is gone
 */
export async function withAuditLock(
  db: Db,
  work: (checkHeld: () => Promise<void>) => Promise<void>,
): Promise<boolean> {
  return await db.connection().execute(async (connection) => {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_lock(hashtextextended('countersign drift audit', 0)) as locked`.execute(
      connection,
    );
    if (rows[0]?.locked !== true) {
      return false;
    }
    const checkHeld = async (): Promise<void> => {
      await sql`select 1`.execute(connection).catch((error: unknown) => {
        throw new AuditLockLostError('the connection that holds the lock of the audit was lost', {
          cause: error,
        });
      });
    };
    try {
      await work(checkHeld);
    } finally {
      // A connection that was lost has given the lock back.
      await sql`select pg_advisory_unlock(hashtextextended('countersign drift audit', 0))`
        .execute(connection)
        .catch(() => {});
    }
    return true;
  });
}
