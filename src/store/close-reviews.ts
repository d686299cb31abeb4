import { sql } from 'kysely';
import type { ReviewerDecision } from '../domain/messages.js';
import type { Actor } from './actors.js';
import type { AuditAction } from './audit.js';
import type { Tx } from './database.js';
import { newId } from './ids.js';
import type { ReviewRow, RunRow } from './tables.js';

/** Which reviews of a run are closed, and what is said of it. */
export type Closing = {
  /** The steps whose reviews are closed; null for every step of the run. */
  readonly stepIds: readonly string[] | null;
  readonly reason: string;
  /** Whether the gates that wait are owed the news; those of a run that is cancelled end with it. */
  readonly tellsGates: boolean;
};

/**
 * Closes the reviews of a locked run that are undecided, or decided and not released.
 *
 * It takes two statements, however many reviews there are. Each gets a numbered fact, its new status
 * and a line of the audit, as `recordFact` would write them. Its entries stay: a cancellation moves none.
 */
export async function closeReviews(
  tx: Tx,
  run: RunRow,
  actor: Actor,
  { stepIds, reason, tellsGates }: Closing,
): Promise<void> {
  const { rows: open } = await sql<Pick<ReviewRow, 'id' | 'seq' | 'decisionVersionId'>>`
    select id, seq, decision_version_id from review
     where run_id = ${run.id} and status in ('PENDING', 'APPROVED')
       and (${stepIds === null} or step_id = any(${stepIds ?? []}::text[]))
     order by id for no key update`.execute(tx);
  if (open.length === 0) {
    return;
  }
  const messages = open.map(({ id, seq, decisionVersionId }) =>
    closingMessage(id, seq + 1, decisionVersionId, actor),
  );
  const action: AuditAction = 'review_cancelled';
  await sql`
    with clock as materialized (select clock_timestamp() as now),
    message as materialized (
      select payload, payload->>'review_id' as review_id, payload->'fact'->>'id' as fact_id
        from unnest(${messages.map((message) => JSON.stringify(message))}::jsonb[]) payload),
    closed as (
      update review
         set status = 'REVOKED', rev = rev + 1, seq = seq + 1, ended_at = clock.now,
             cancelled_at = case status when 'PENDING' then clock.now else cancelled_at end,
             verdict = case status when 'APPROVED' then 'rejected' else verdict end,
             decision_seq = case status when 'APPROVED' then seq + 1 else decision_seq end,
             decided_by = case status when 'APPROVED' then ${actor.id} else decided_by end,
             decided_by_name = case status when 'APPROVED' then ${actor.name} else decided_by_name end,
             decided_at = case status when 'APPROVED' then clock.now else decided_at end,
             decision_reason = case status when 'APPROVED' then ${reason} else decision_reason end
        from clock, message where review.id = message.review_id
      returning review.*, fact_id, payload),
    written as (
      insert into fact (review_id, seq, project_id, id, kind, actor_id, actor_kind, actor_name,
                        reason, dialect, token_id, created_at, owed)
      select closed.id, seq, project_id, fact_id, 'cancelled', ${actor.id}, ${actor.kind}, ${actor.name},
             ${reason}, 'system', ${actor.tokenId}, ended_at, ${tellsGates}
        from closed),
    audited as (
      insert into audit (project_id, action, actor_id, token_id, run_id, review_id, detail)
      select ${actor.projectId}, ${action}, ${actor.id}, ${actor.tokenId}, run_id, closed.id,
             jsonb_build_object('seq', seq, 'rev_result', rev, 'status', status, 'dialect', 'system',
                                'reason', ${reason}::text)
        from closed order by closed.id)
    insert into outbox (project_id, run_id, kind, review_id, fact_id, payload)
    select project_id, run_id, 'signal', closed.id, fact_id, payload
      from closed where ${tellsGates} order by closed.id`.execute(tx);
}

/** What a gate is told of its review's end; the version that was decided on stays. */
function closingMessage(
  reviewId: string,
  seq: number,
  decisionVersionId: string | null,
  actor: Actor,
): ReviewerDecision {
  return {
    review_id: reviewId,
    fact: { kind: 'cancelled', seq, id: newId('fct'), actorId: actor.id },
    status: { status: 'REVOKED', versionId: decisionVersionId },
  };
}
