import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { ReviewerDecision } from '../domain/messages.js';
import type { Db, Tx } from './database.js';
import type { OutboxRow } from './tables.js';

/** The channel on which a sender hears that something has become due. */
export const OUTBOX_CHANNEL = 'countersign_outbox';

/** What became of telling a workflow: the states of an outbox row, in the words of the API. */
export type ResumeStatus = 'resumed' | 'pending' | 'failed' | 'skipped';
export type Resume = { readonly status: ResumeStatus; readonly error: string | null };

/** A row that this process has leased: it alone may send it until the lease ends. */
export type LeasedMessage = {
  readonly id: string;
  readonly leaseToken: string;
  readonly projectId: string;
  readonly runId: string;
  readonly kind: 'start' | 'signal' | 'cancel';
  /** Where it goes: the run's workflow, or the present holder of the gated step. */
  readonly workflowId: string | null;
  readonly reviewId: string | null;
  readonly payload: ReviewerDecision | null;
  readonly attempts: number;
};

/**
 * Owes one message to Temporal, inside the transaction that made it true.
 *
 * @param leaseMs how long the caller alone may send it, which it then should do at once; 0 leaves
 * it to any sender. A message is never leased past a `start` of the same run that is still owed.
 * @returns the lease, or null when the message was left to the senders
 */
export async function oweMessage(
  tx: Tx,
  message: {
    readonly projectId: string;
    readonly runId: string;
    readonly kind: 'start' | 'signal' | 'cancel';
    readonly workflowId: string | null;
    readonly reviewId?: string;
    readonly factId?: string;
    readonly payload?: ReviewerDecision;
  },
  leaseMs: number,
): Promise<{ readonly id: string; readonly leaseToken: string } | null> {
  const isBehindStart =
    message.kind !== 'start' &&
    (await tx
      .selectFrom('outbox')
      .select('id')
      .where('runId', '=', message.runId)
      .where('state', '=', 'pending')
      .where('kind', '=', 'start')
      .executeTakeFirst()) !== undefined;
  const leaseToken = leaseMs > 0 && !isBehindStart ? randomUUID() : null;
  const { id } = await tx
    .insertInto('outbox')
    .values({
      projectId: message.projectId,
      runId: message.runId,
      kind: message.kind,
      workflowId: message.workflowId,
      reviewId: message.reviewId ?? null,
      factId: message.factId ?? null,
      payload: message.payload === undefined ? null : JSON.stringify(message.payload),
      leaseToken,
      leaseUntil:
        leaseToken === null ? null : sql`clock_timestamp() + ${leaseMs} * interval '1 ms'`,
      attempts: leaseToken === null ? 0 : 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (leaseToken === null) {
    await wakeSenders(tx);
    return null;
  }
  return { id, leaseToken };
}

/** Tells every listening sender, at commit, that something is due. */
export async function wakeSenders(db: Db | Tx): Promise<void> {
  await sql`select pg_notify(${OUTBOX_CHANNEL}, '')`.execute(db);
}

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
  const { rows } = await sql<Omit<LeasedMessage, 'leaseToken'>>`
    with due as materialized (
      select o.id from outbox o
       where o.state = 'pending' and o.next_attempt_at <= clock_timestamp()
         and (o.lease_until is null or o.lease_until < clock_timestamp())
         and not (o.kind <> 'start' and exists (
           select 1 from outbox s
            where s.run_id = o.run_id and s.kind = 'start' and s.state = 'pending'))
       order by o.next_attempt_at, o.id limit ${options.limit}
       for update of o skip locked)
    update outbox
       set lease_until = clock_timestamp() + ${options.leaseMs} * interval '1 ms',
           lease_token = ${leaseToken}, attempts = attempts + 1
      from due where outbox.id = due.id
    returning outbox.id, project_id, run_id, kind, outbox.workflow_id, review_id, payload, attempts
  `.execute(db);
  return await Promise.all(
    rows.map(async (row) => ({ ...row, leaseToken, workflowId: await addressOf(db, row) })),
  );
}

/**
 * How many milliseconds until the next message could be leased, 0 when one could be now; null when
 * there is none. What is leased, or waits behind a start, is left to a notice or a poll.
 */
export async function nextDueInMs(db: Db): Promise<number | null> {
  const { rows } = await sql<{ dueMs: number }>`
    select greatest(0, extract(epoch from o.next_attempt_at - clock_timestamp()) * 1000)::float8 as due_ms
      from outbox o
     where o.state = 'pending' and (o.lease_until is null or o.lease_until < clock_timestamp())
       and not (o.kind <> 'start' and exists (
         select 1 from outbox s
          where s.run_id = o.run_id and s.kind = 'start' and s.state = 'pending'))
     order by o.next_attempt_at limit 1`.execute(db);
  return rows[0]?.dueMs ?? null;
}

/** Reads a message that this process leased when it was owed. */
export async function readLeasedMessage(
  db: Db,
  lease: { readonly id: string; readonly leaseToken: string },
): Promise<LeasedMessage | null> {
  const row = await db
    .selectFrom('outbox')
    .where('id', '=', lease.id)
    .where('leaseToken', '=', lease.leaseToken)
    .where('state', '=', 'pending')
    .select(['id', 'projectId', 'runId', 'kind', 'workflowId', 'reviewId', 'attempts'])
    .select((eb) => eb.ref('payload').$castTo<ReviewerDecision | null>().as('payload'))
    .executeTakeFirst();
  return row === undefined
    ? null
    : { ...row, leaseToken: lease.leaseToken, workflowId: await addressOf(db, row) };
}

/**
 * The workflow a message goes to, looked up when it is sent: a step may have got a new holder since
 * it was owed, and that one has to hear of it.
 */
async function addressOf(
  db: Db,
  message: Pick<OutboxRow, 'kind' | 'workflowId' | 'reviewId' | 'runId'>,
): Promise<string | null> {
  if (message.kind === 'cancel' && message.workflowId === message.runId) {
    return await workflowOfRun(db, message.runId);
  }
  if (message.kind !== 'signal') {
    return message.workflowId;
  }
  const step = await db
    .selectFrom('review')
    .innerJoin('step', 'step.id', 'review.stepId')
    .where('review.id', '=', message.reviewId)
    .select('step.holder')
    .executeTakeFirst();
  return step?.holder ?? null;
}

/** The workflow of a run; of an author's own workflow only the gate is ours to cancel. */
async function workflowOfRun(db: Db, runId: string): Promise<string> {
  const gate = await db
    .selectFrom('run')
    .innerJoin('step', 'step.runId', 'run.id')
    .where('run.id', '=', runId)
    .where('run.kind', '=', 'external')
    .select('step.holder')
    .executeTakeFirst();
  return gate?.holder ?? runId;
}

/** Ends a leased message, unless the lease was lost meanwhile; says whether it was still ours. */
export async function settleMessage(
  db: Db | Tx,
  message: Pick<LeasedMessage, 'id' | 'leaseToken'>,
  state: 'delivered' | 'superseded' | 'failed',
  error: string | null = null,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('outbox')
    .set({
      state,
      lastError: error,
      leaseUntil: null,
      leaseToken: null,
      settledAt: sql`clock_timestamp()`,
    })
    .where('id', '=', message.id)
    .where('leaseToken', '=', message.leaseToken)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

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
  await wakeSenders(db);
}

/** Makes everything owed due at once: Temporal answers again. */
export async function makeAllDue(db: Db): Promise<void> {
  await db
    .updateTable('outbox')
    .set({ nextAttemptAt: sql`clock_timestamp()` })
    .where('state', '=', 'pending')
    .where('nextAttemptAt', '>', sql<Date>`clock_timestamp()`)
    .execute();
  await wakeSenders(db);
}

/** What became of telling the workflow about the latest fact of a review. */
export async function resumeOf(db: Db | Tx, reviewId: string): Promise<Resume> {
  const row = await db
    .selectFrom('outbox')
    .where('reviewId', '=', reviewId)
    .where('kind', '=', 'signal')
    .orderBy('id', 'desc')
    .select(['state', 'lastError'])
    .executeTakeFirst();
  return row === undefined ? { status: 'skipped', error: null } : asResume(row);
}

/** The API's words for an outbox row. A row that the store's own state overtook counts as resumed. */
export function asResume(row: Pick<OutboxRow, 'state' | 'lastError'>): Resume {
  switch (row.state) {
    case 'delivered':
    case 'superseded':
      return { status: 'resumed', error: null };
    case 'pending':
      return {
        status: 'pending',
        error: `The vote is recorded; the workflow will be told as soon as Temporal answers (${row.lastError ?? 'it has not answered yet'}).`,
      };
    case 'failed':
      return {
        status: 'failed',
        error: `The vote is recorded, but its workflow could not be told: ${row.lastError ?? 'unknown'}. An operator can run \`countersign doctor --fix\`.`,
      };
  }
}

/** How much is owed, since when, and what failed for good: for metrics, `/readyz` and `doctor`. */
export type Backlog = {
  readonly pending: number;
  readonly oldestPendingMs: number | null;
  readonly failed: number;
};

/** Measures the backlog with one statement. */
export async function readBacklog(db: Db): Promise<Backlog> {
  const { rows } = await sql<Backlog>`
    select count(*) filter (where state = 'pending')::int as pending,
           count(*) filter (where state = 'failed')::int as failed,
           (extract(epoch from clock_timestamp() - min(created_at) filter (where state = 'pending'))
             * 1000)::float8 as oldest_pending_ms
      from outbox where state in ('pending', 'failed')`.execute(db);
  return rows[0] ?? { pending: 0, oldestPendingMs: null, failed: 0 };
}
