import { z } from 'zod';
import { isJsonObject } from '../../../domain/json.js';
import { listAudit } from '../../../store/audit.js';
import type { AuditRow } from '../../../store/tables.js';
import { ok } from '../../answer.js';
import { anyId, integerParam, jsonObject, listOf, showTime, timestamp } from '../../fields.js';
import { route } from '../../route.js';
import { native } from './dialect.js';

const line = z
  .object({
    id: z.string(),
    at: timestamp,
    action: z.string(),
    actor_id: z.string(),
    token_id: z.string().nullable(),
    run_id: z.string().nullable(),
    review_id: z.string().nullable(),
    detail: jsonObject,
  })
  .meta({ id: 'AuditLine' });

function showLine(row: AuditRow): z.infer<typeof line> {
  return {
    id: row.id,
    at: showTime(row.at),
    action: row.action,
    actor_id: row.actorId,
    token_id: row.tokenId,
    run_id: row.runId,
    review_id: row.reviewId,
    detail: isJsonObject(row.detail) ? row.detail : {},
  };
}

const list = route({
  id: 'audit.list',
  method: 'get',
  path: '/v1/audit',
  summary: 'Lists who did what, oldest first.',
  tag: 'Audit',
  dialect: native,
  query: z.object({
    run_id: anyId.optional(),
    review_id: anyId.optional(),
    after: z
      .string()
      .regex(/^\d{1,18}$/, { error: 'Expected the id of a line of the audit.' })
      .optional(),
    limit: integerParam(1, 500, 100),
  }),
  responses: { 200: listOf(line) },
  handle: async ({ deps, actor }, { query }) => {
    const rows = await listAudit(deps.db, actor.projectId, {
      runId: query.run_id ?? null,
      reviewId: query.review_id ?? null,
      afterId: query.after ?? null,
      limit: query.limit + 1,
    });
    const shown = rows.slice(0, query.limit);
    const hasMore = rows.length > shown.length;
    return ok({
      data: shown.map(showLine),
      list_metadata: { before: null, after: hasMore ? (shown.at(-1)?.id ?? null) : null },
    });
  },
});

export const AUDIT_ROUTES = [list] as const;
