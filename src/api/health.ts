import { z } from 'zod';
import { answer, ok } from './answer.js';
import { native } from './dialects/native/dialect.js';
import { tryReadBacklog } from './readiness.js';
import { publicRoute } from './route.js';

const tag = 'Operations';

const healthz = publicRoute({
  id: 'healthz',
  method: 'get',
  path: '/healthz',
  summary: 'Says that this process lives; it asks nobody else.',
  tag,
  dialect: native,
  responses: { 200: z.object({ status: z.literal('ok'), version: z.string() }) },
  handle: async ({ deps }) => ok({ status: 'ok', version: deps.version }),
});

const backlog = z.object({
  pending: z.int(),
  oldest_pending_ms: z.number().nullable(),
  failed: z.int(),
});

const readiness = z
  .object({
    status: z.enum(['ready', 'unavailable']),
    version: z.string(),
    postgres: z.enum(['ok', 'away']),
    temporal: z.enum(['ok', 'degraded', 'unknown']),
    temporal_since: z.string().nullable(),
    backlog: backlog.nullable(),
  })
  .meta({ id: 'Readiness' });

/**
 * Ready while PostgreSQL answers: decisions are durable there, and are delivered once Temporal is
 * back. So Temporal's absence degrades, and takes no instance out of service.
 */
const readyz = publicRoute({
  id: 'readyz',
  method: 'get',
  path: '/readyz',
  summary: 'Says whether this process can serve, and how Temporal and the backlog are.',
  tag,
  dialect: native,
  responses: { 200: readiness, 503: readiness },
  handle: async ({ deps }) => {
    const owed = await tryReadBacklog(deps);
    const { reachable, since } = deps.temporalState();
    const body: z.infer<typeof readiness> = {
      status: owed === null ? 'unavailable' : 'ready',
      version: deps.version,
      postgres: owed === null ? 'away' : 'ok',
      temporal: reachable === null ? 'unknown' : reachable ? 'ok' : 'degraded',
      temporal_since: since,
      backlog:
        owed === null
          ? null
          : {
              pending: owed.pending,
              oldest_pending_ms: owed.oldestPendingMs,
              failed: owed.failed,
            },
    };
    return owed === null ? answer(503, body, { 'retry-after': '2' }) : ok(body);
  },
});

export const HEALTH_ROUTES = [healthz, readyz] as const;
