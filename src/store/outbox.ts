import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { ReviewerDecision } from '../domain/messages.js';
import type { Db, Tx } from './database.js';
import { Statement } from './statement.js';
import type { OutboxRow } from './tables.js';

/** What brings a run's workflow into being; whatever else belongs to the run waits for it. */
const STARTS = sql.raw("('start', 'restart')");

/** What became of telling a workflow of a fact, in the words of the API. */
export type ResumeStatus = 'resumed' | 'pending' | 'failed' | 'skipped';
export type Resume = { readonly status: ResumeStatus; readonly error: string | null };

/** A row that this process has leased: it alone may send it until the lease ends. */
export type LeasedMessage = {
  readonly id: string;
  readonly leaseToken: string;
  readonly projectId: string;
  readonly runId: string;
  readonly kind: OutboxRow['kind'];
  /** Where it goes: the run's workflow, or the present holder of the gated step. */
  readonly workflowId: string | null;
  readonly reviewId: string | null;
  readonly payload: ReviewerDecision | null;
  /** The step that has ended with this news and whose run is told before its gate; null where none is. */
  readonly endedStepId: string | null;
  /** The definition that the run is pinned to. */
  readonly workflowVersionId: string;
  readonly attempts: number;
};

/**
 * The workflow a message goes to, looked up when it is sent: a step may have got a new holder since it
 * was owed, and that one has to hear of it. Of an author's own workflow only the gate is ours to cancel.
 */
const ADDRESS = sql<string | null>`case
  when outbox.kind = 'signal' then (
    select step.holder from review join step on step.id = review.step_id
     where review.id = outbox.review_id)
  when outbox.kind = 'cancel' and outbox.workflow_id = outbox.run_id then coalesce((
    select step.holder from run join step on step.run_id = run.id
     where run.id = outbox.run_id and run.kind = 'external' limit 1), outbox.run_id)
  else outbox.workflow_id end`;

/**
 * The step that a vote has ended, where its run can begin the next block on that word: the output of a
 * block of the run itself. The workflow that runs iterations takes no hints, and an author's knows none.
 */
const ENDED_STEP = sql<string | null>`case
  when outbox.kind = 'signal' and outbox.payload->'status'->>'status' = 'EXECUTED' then (
    select step.id from review join step on step.id = review.step_id
     where review.id = outbox.review_id and review.placement = 'output'
       and step.parent_step_id is null and step.block_type <> 'for_each'
       and exists (select 1 from run where run.id = outbox.run_id and run.kind = 'workflow')) end`;

/** A row as whoever has leased it sends it. */
const MESSAGE = sql`
  outbox.id, outbox.lease_token, outbox.project_id, outbox.run_id, outbox.kind,
  ${ADDRESS} as workflow_id, outbox.review_id, outbox.payload, ${ENDED_STEP} as ended_step_id,
  (select run.workflow_version_id from run where run.id = outbox.run_id) as workflow_version_id,
  outbox.attempts`;

/**
 * Owes one message to Temporal, inside the transaction that made it true.
 *
 * Nobody is woken: who leases it sends it right after the commit, and otherwise the senders look several
 * times a second. A NOTIFY here would make all commits of the database wait for each other.
 *
 * @param leaseMs how long the caller alone may send it, which it then should do at once; 0 leaves
 * it to any sender. A message is never leased past a `start` of the same run that is still owed.
 * @returns the message, or null when it was left to the senders
 */
export async function oweMessage(
  tx: Tx,
  message: {
    readonly projectId: string;
    readonly runId: string;
    readonly kind: OutboxRow['kind'];
    readonly workflowId: string | null;
    readonly reviewId?: string;
    readonly factId?: string;
    readonly payload?: ReviewerDecision;
  },
  leaseMs: number,
): Promise<LeasedMessage | null> {
  const { projectId, runId, kind, workflowId, reviewId = null, factId = null } = message;
  const payload = message.payload === undefined ? null : JSON.stringify(message.payload);
  const leaseToken = leaseMs > 0 ? randomUUID() : null;
  const owed = { projectId, runId, kind, workflowId, reviewId, factId, payload };
  const row = await insertMessage.one(tx, { ...owed, leaseToken, leaseMs });
  return row.leaseToken === null ? null : row;
}

type Owed = Pick<OutboxRow, 'projectId' | 'runId' | 'kind' | 'workflowId'> &
  Pick<OutboxRow, 'reviewId' | 'factId' | 'leaseToken'> & {
    readonly payload: string | null;
    readonly leaseMs: number;
  };

const insertMessage = new Statement(
  (_, owed: Owed) => sql<LeasedMessage | { readonly leaseToken: null }>`
    insert into outbox (project_id, run_id, kind, workflow_id, review_id, fact_id, payload,
                        lease_token, lease_until, attempts)
    select ${owed.projectId}, ${owed.runId}, ${owed.kind}, ${owed.workflowId}, ${owed.reviewId},
           ${owed.factId}, ${owed.payload}::jsonb,
           lease.token, lease.until, case when lease.token is null then 0 else 1 end
      from (values (1)) one
      left join (values (${owed.leaseToken},
                         clock_timestamp() + ${owed.leaseMs} * interval '1 ms')) lease (token, until)
        on lease.token is not null and (${owed.kind} in ${STARTS} or not exists (
          select 1 from outbox s
           where s.run_id = ${owed.runId} and s.kind in ${STARTS} and s.state = 'pending'))
    returning ${MESSAGE}`,
);

/** Whether a message may go although its run's own start is owed, or whether that is not so. */
const IS_FREE = sql<boolean>`not (outbox.kind not in ${STARTS} and exists (
  select 1 from outbox s
   where s.run_id = outbox.run_id and s.kind in ${STARTS} and s.state = 'pending'))`;

/**
 * Leases messages that are due, oldest first, each to one sender; a short statement, never held
 * across the call to Temporal.
 *
 * Whatever belongs to a run waits while the run's own start is still owed. Beyond that the order
 * within a run is not kept: facts are numbered, and a message that fails must not hold back others.
 */
export async function leaseDueMessages(
  db: Db,
  options: { readonly limit: number; readonly leaseMs: number },
): Promise<readonly LeasedMessage[]> {
  const leaseToken = randomUUID();
  const { rows } = await sql<LeasedMessage>`
    with due as materialized (
      select id from outbox
       where state = 'pending' and next_attempt_at <= clock_timestamp()
         and (lease_until is null or lease_until < clock_timestamp()) and ${IS_FREE}
       order by next_attempt_at, id limit ${options.limit}
       for update skip locked)
    update outbox
       set lease_until = clock_timestamp() + ${options.leaseMs} * interval '1 ms',
           lease_token = ${leaseToken}, attempts = attempts + 1
      from due where outbox.id = due.id
    returning ${MESSAGE}`.execute(db);
  return rows;
}

/**
 * How many milliseconds until the next message could be leased, 0 when one could be now; null when
 * there is none. What is leased, or waits behind a start, is found by looking again.
 */
export async function nextDueInMs(db: Db): Promise<number | null> {
  return (await nextDue.first(db, {}))?.dueMs ?? null;
}

const nextDue = new Statement(
  () => sql<{ dueMs: number }>`
    select greatest(0, extract(epoch from next_attempt_at - clock_timestamp()) * 1000)::float8 as due_ms
      from outbox
     where state = 'pending' and (lease_until is null or lease_until < clock_timestamp()) and ${IS_FREE}
     order by next_attempt_at limit 1`,
);

/** Prolongs leases that are still this holder's, counted from now; one that was lost stays lost. */
export async function renewLeases(
  db: Db,
  messages: readonly Pick<LeasedMessage, 'id' | 'leaseToken'>[],
  leaseMs: number,
): Promise<void> {
  await sql`
    update outbox set lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
      from unnest(${messages.map(({ id }) => id)}::bigint[],
                  ${messages.map(({ leaseToken }) => leaseToken)}::text[]) held (id, lease_token)
     where outbox.id = held.id and outbox.lease_token = held.lease_token
       and outbox.state = 'pending'`.execute(db);
}

/**
 * The commit is not waited for until it is on disk: a crash that undoes it has the message sent again, which
 * changes nothing.
 */
const NOT_WAITED_FOR = sql`(select set_config('synchronous_commit', 'off', true)) = 'off'`;

/**
 * Ends a leased message, unless the lease was lost meanwhile; says whether it was still ours.
 *
 * What has failed stays, for `doctor`. Anything else is over: its row goes, so that the outbox holds
 * what is owed and nothing more, however long an installation runs.
 */
export async function settleMessage(
  db: Db,
  message: Pick<LeasedMessage, 'id' | 'leaseToken'>,
  outcome: 'delivered' | 'superseded' | 'failed',
  error: string | null = null,
): Promise<boolean> {
  const { id, leaseToken } = message;
  const settled =
    outcome === 'failed'
      ? await fail.first(db, { id, leaseToken, error })
      : await forget.first(db, { id, leaseToken });
  return settled !== null;
}

type Leased = Pick<LeasedMessage, 'id' | 'leaseToken'>;

const fail = new Statement(
  (_, { id, leaseToken, error }: Leased & { readonly error: string | null }) => sql`
    update outbox set state = 'failed', last_error = ${error}, lease_until = null, lease_token = null
     where id = ${id} and lease_token = ${leaseToken} and state = 'pending'
    returning id`,
);

const forget = new Statement(
  (_, { id, leaseToken }: Leased) => sql`
    delete from outbox
     where id = ${id} and lease_token = ${leaseToken} and state = 'pending' and ${NOT_WAITED_FOR}
    returning id`,
);

/** Frees a leased message to be sent again after a delay; what is owed stays owed. */
export async function postponeMessage(
  db: Db,
  message: Pick<LeasedMessage, 'id' | 'leaseToken'>,
  delayMs: number,
  error: string,
): Promise<void> {
  await db
    .updateTable('outbox')
    .set({
      lastError: error,
      leaseUntil: null,
      leaseToken: null,
      nextAttemptAt: sql`clock_timestamp() + ${delayMs} * interval '1 ms'`,
    })
    .where('id', '=', message.id)
    .where('leaseToken', '=', message.leaseToken)
    .where('state', '=', 'pending')
    .execute();
}

/** Makes everything owed due at once: Temporal answers again. */
export async function makeAllDue(db: Db): Promise<void> {
  await db
    .updateTable('outbox')
    .set({ nextAttemptAt: sql`clock_timestamp()` })
    .where('state', '=', 'pending')
    .where('nextAttemptAt', '>', sql<Date>`clock_timestamp()`)
    .execute();
}

/** What became of telling the workflow about the latest fact of a review. */
export async function resumeOf(db: Db | Tx, reviewId: string): Promise<Resume> {
  return (await resumesOf(db, [reviewId])).get(reviewId) ?? SKIPPED;
}

/** The same for several reviews; one of which nobody has to be told is not among them. */
export async function resumesOf(
  db: Db | Tx,
  reviewIds: readonly string[],
): Promise<ReadonlyMap<string, Resume>> {
  const { rows } = await sql<
    { reviewId: string; waitsForRetry: boolean; isOwed: boolean } & {
      [Key in 'state' | 'lastError']: OutboxRow[Key] | null;
    }
  >`
    select review.id as review_id, outbox.state, outbox.last_error, latest.id is not null as is_owed,
           run.status = 'error' and newest.owed is false as waits_for_retry
      from review join run on run.id = review.run_id
      join fact newest on newest.review_id = review.id and newest.seq = review.seq
      left join lateral (
        select id from fact where fact.review_id = review.id and fact.owed
         order by seq desc limit 1) latest on true
      left join outbox on outbox.fact_id = latest.id
     where review.id = any(${[...reviewIds]})`.execute(db);
  return new Map(
    rows.flatMap(({ reviewId, state, lastError, isOwed, waitsForRetry }) =>
      waitsForRetry
        ? [[reviewId, WAITS_FOR_RETRY] as const]
        : isOwed
          ? [[reviewId, asResume(state, lastError)] as const]
          : [],
    ),
  );
}

const WAITS_FOR_RETRY: Resume = {
  status: 'skipped',
  error:
    'The vote is recorded; its run is in error, and goes on with it when somebody retries the run.',
};

const SKIPPED: Resume = { status: 'skipped', error: null };

/** The API's words for where a message stands; one that is in the outbox no more has arrived, or was overtaken. */
export function asResume(state: OutboxRow['state'] | null, lastError: string | null): Resume {
  switch (state) {
    case null:
      return { status: 'resumed', error: null };
    case 'pending':
      return {
        status: 'pending',
        error: `The vote is recorded; the workflow will be told as soon as Temporal answers (${lastError ?? 'it is being told'}).`,
      };
    case 'failed':
      return {
        status: 'failed',
        error: `The vote is recorded, but its workflow could not be told: ${lastError ?? 'unknown'}. An operator can run \`countersign doctor --fix\`.`,
      };
  }
}

/** How much is owed, since when, and what failed for good: for metrics, `/readyz` and `doctor`. */
export type Backlog = {
  readonly pending: number;
  readonly oldestPendingMs: number | null;
  readonly failed: number;
};

/** Measures the backlog with one statement, from indexes that hold nothing else. */
export async function readBacklog(db: Db): Promise<Backlog> {
  const { rows } = await sql<Backlog>`
    select pending.count as pending, failed.count as failed, pending.oldest_ms as oldest_pending_ms
      from (select count(*)::int as count,
                   (extract(epoch from clock_timestamp() - min(created_at)) * 1000)::float8 as oldest_ms
              from outbox where state = 'pending') pending,
           (select count(*)::int as count from outbox where state = 'failed') failed`.execute(db);
  return rows[0] ?? { pending: 0, oldestPendingMs: null, failed: 0 };
}
