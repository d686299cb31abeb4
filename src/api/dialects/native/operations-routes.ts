import { z } from 'zod';
import { classify } from '../../../delivery/classify.js';
import { listStuckMessages, listUnknownOutcomes } from '../../../store/drift.js';
import { listMissingFunctions } from '../../../store/missing-functions.js';
import { readBacklog } from '../../../store/outbox.js';
import { isStoreAway } from '../../../store/store-away.js';
import { ok } from '../../answer.js';
import { showTimeOrNull, timestamp } from '../../fields.js';
import { route } from '../../route.js';
import { native } from './dialect.js';

const tag = 'Operations';
const LISTED_AT_MOST = 100;

const operations = z
  .object({
    owed: z.object({
      pending: z.int(),
      oldest_seconds: z.number().nullable(),
      failed: z.int(),
    }),
    messages: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(['start', 'restart', 'signal', 'cancel']),
        run_id: z.string(),
        review_id: z.string().nullable(),
        state: z.enum(['pending', 'failed']),
        attempts: z.int(),
        age_seconds: z.number(),
        last_error: z.string().nullable(),
      }),
    ),
    reconciler: z.object({
      temporal: z.enum(['reachable', 'away', 'unknown']),
      since: timestamp.nullable(),
    }),
    unknown_outcomes: z.array(
      z.object({ step_id: z.string(), run_id: z.string(), ended_at: timestamp.nullable() }),
    ),
    missing_functions: z
      .array(z.object({ step_id: z.string(), run_id: z.string(), message: z.string() }))
      .meta({ description: 'Steps that wait for a worker that has their function.' }),
  })
  .meta({ id: 'Operations' });

const read = route({
  id: 'operations.read',
  method: 'get',
  path: '/v1/operations',
  summary: 'Says what is owed to Temporal, what failed, and which outcomes nobody can know.',
  tag,
  dialect: native,
  responses: { 200: operations },
  handle: async ({ deps }) => {
    const [backlog, messages, unknown, missing] = await Promise.all([
      readBacklog(deps.db),
      listStuckMessages(deps.db, 0, LISTED_AT_MOST),
      listUnknownOutcomes(deps.db, LISTED_AT_MOST),
      listMissingFunctions(deps.db, LISTED_AT_MOST),
    ]);
    const { reachable, since } = deps.temporalState();
    return ok({
      owed: {
        pending: backlog.pending,
        oldest_seconds: inSeconds(backlog.oldestPendingMs),
        failed: backlog.failed,
      },
      messages: messages.map((message) => ({
        id: message.id,
        kind: message.kind,
        run_id: message.runId,
        review_id: message.reviewId,
        state: message.state,
        attempts: message.attempts,
        age_seconds: inSeconds(message.ageMs) ?? 0,
        last_error: message.lastError,
      })),
      reconciler: {
        temporal: reachable === null ? 'unknown' : reachable ? 'reachable' : 'away',
        since,
      },
      unknown_outcomes: unknown.map(({ stepId, runId, endedAt }) => ({
        step_id: stepId,
        run_id: runId,
        ended_at: showTimeOrNull(endedAt),
      })),
      missing_functions: missing.map(({ stepId, runId, message }) => ({
        step_id: stepId,
        run_id: runId,
        message,
      })),
    });
  },
});

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms) / 1_000;
}

const diagnosis = z
  .object({
    temporal_error: z.string().nullable().meta({
      description: 'Why Temporal could not be asked; then there are no findings.',
    }),
    complete: z.boolean().meta({
      description:
        'Whether everything was looked at; where there is more than a request can wait for, `countersign doctor` looks at the rest.',
    }),
    findings: z.array(
      z.object({
        code: z.string(),
        run_id: z.string().nullable(),
        review_id: z.string().nullable(),
        message: z.string().meta({ description: 'What was found, and what to do about it.' }),
        can_be_mended: z
          .boolean()
          .meta({ description: 'Whether `countersign doctor --fix` does it.' }),
      }),
    ),
  })
  .meta({ id: 'Diagnosis' });

const doctor = route({
  id: 'doctor.read',
  method: 'get',
  path: '/v1/doctor',
  summary: 'Compares the store with Temporal and explains everything that is owed or stuck.',
  tag,
  dialect: native,
  responses: { 200: diagnosis },
  handle: async ({ deps }) => {
    const diagnosed = await deps.diagnose().catch(reasonOfOutage);
    if (typeof diagnosed === 'string') {
      return ok({ temporal_error: diagnosed, complete: false, findings: [] });
    }
    return ok({
      temporal_error: null,
      complete: diagnosed.isComplete,
      findings: diagnosed.findings.map(({ code, runId, reviewId, message, remedy }) => ({
        code,
        run_id: runId,
        review_id: reviewId,
        message,
        can_be_mended: remedy !== null,
      })),
    });
  },
});

/** Why Temporal did not answer; any other error is thrown on. */
function reasonOfOutage(error: unknown): string {
  const delivery = classify(error);
  if (isStoreAway(error) || (delivery.kind !== 'retry' && delivery.kind !== 'config')) {
    throw error;
  }
  return `Temporal could not be asked (${delivery.reason}): try again when it answers.`;
}

export const OPERATIONS_ROUTES = [read, doctor] as const;
