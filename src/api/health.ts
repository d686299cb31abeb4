import { z } from 'zod';
import { answer, ok } from './answer.js';
import { native } from './dialects/native/dialect.js';
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
    postgres: z.enum(['ok', 'exhausted', 'away']).meta({
      description:
        '`exhausted`: it answers, but every connection of this process is in use. `away`: it does not answer.',
    }),
    temporal: z.enum(['ok', 'degraded', 'unknown']),
    temporal_since: z.string().nullable(),
    backlog: backlog.nullable(),
  })
  .meta({ id: 'Readiness' });

/**
 * Ready while PostgreSQL serves this process: decisions are durable there, and are delivered once Temporal
 * is back. So neither Temporal's absence nor a backlog of any size takes an instance out of service.
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
    const postgres = await deps.readiness.askStore();
    const isReady = postgres === 'ok';
    const owed = isReady ? await deps.readiness.backlog() : null;
    const { reachable, since } = deps.temporalState();
    const body: z.infer<typeof readiness> = {
      status: isReady ? 'ready' : 'unavailable',
      version: deps.version,
      postgres,
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
    return isReady ? ok(body) : answer(503, body, { 'retry-after': '2' });
  },
});

export const HEALTH_ROUTES = [healthz, readyz] as const;
