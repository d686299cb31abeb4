import type { Insertable } from 'kysely';
import type { Json } from '../domain/json.js';
import type { Actor } from './actors.js';
import type { Db, Tx } from './database.js';
import { Statement } from './statement.js';
import type { AuditRow, Tables } from './tables.js';

/** What can be found in the audit, each written in the transaction of what it tells. */
export type AuditAction =
  | 'person_put'
  | 'person_removed'
  | 'token_created'
  | 'token_revoked'
  | 'sign_in_link_created'
  | 'signed_in'
  | 'signed_out'
  | 'workflow_version_stored'
  | 'gate_weakened'
  | 'run_started'
  | 'run_cancelled'
  | 'run_ended'
  | 'run_restarted'
  | 'run_retried'
  | 'gate_fired'
  | 'version_added'
  | 'review_held'
  | 'hold_released'
  | 'stale_write_rejected'
  | 'decision_made'
  | 'step_overridden'
  | 'approval_withdrawn'
  | 'entry_reassigned'
  | 'release_requested'
  | 'review_cancelled'
  | 'released'
  | 'holder_replaced'
  | 'iteration_dropped'
  | 'outcome_unknown'
  | 'outcome_settled'
  | 'late_result'
  | 'delivery_failed';

/** A line of the audit, as it is to be written. */
export type AuditLine = {
  readonly actor: Pick<Actor, 'projectId' | 'id' | 'tokenId'>;
  readonly action: AuditAction;
  readonly runId?: string;
  readonly reviewId?: string;
  readonly detail?: { readonly [key: string]: Json };
};

/** Writes one line of the audit. Names, reasons and ids belong in it; snapshots do not. */
export async function recordAudit(
  db: Db | Tx,
  actor: AuditLine['actor'],
  action: AuditAction,
  about: Omit<AuditLine, 'actor' | 'action'>,
): Promise<void> {
  await recordAuditLines(db, [{ actor, action, ...about }]);
}

/** Writes lines of the audit in their order. */
export async function recordAuditLines(db: Db | Tx, lines: readonly AuditLine[]): Promise<void> {
  await insertLines.all(
    db,
    lines.map(({ actor, action, runId, reviewId, detail }) => ({
      projectId: actor.projectId,
      action,
      actorId: actor.id,
      tokenId: actor.tokenId,
      runId: runId ?? null,
      reviewId: reviewId ?? null,
      detail: JSON.stringify(detail ?? {}),
    })),
  );
}

const insertLines = new Statement((db, lines: readonly Insertable<Tables['audit']>[]) =>
  db.insertInto('audit').values(lines),
);

/** Lists the audit, oldest first, from behind a given line on. */
export async function listAudit(
  db: Db,
  projectId: string,
  filter: {
    readonly runId: string | null;
    readonly reviewId: string | null;
    readonly afterId: string | null;
    readonly limit: number;
  },
): Promise<readonly AuditRow[]> {
  return await db
    .selectFrom('audit')
    .selectAll()
    .where('projectId', '=', projectId)
    .$if(filter.runId !== null, (query) => query.where('runId', '=', filter.runId))
    .$if(filter.reviewId !== null, (query) => query.where('reviewId', '=', filter.reviewId))
    .$if(filter.afterId !== null, (query) => query.where('id', '>', filter.afterId ?? '0'))
    .orderBy('id')
    .limit(filter.limit)
    .execute();
}
