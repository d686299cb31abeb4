import { z } from 'zod';
import { cancelRun } from '../../../store/cancel-run.js';
import { inTransaction } from '../../../store/database.js';
import {
  createRun,
  findRun,
  findRunByCommand,
  isEnded,
  listRuns,
  type RunFilter,
} from '../../../store/runs.js';
import type { RunRow } from '../../../store/tables.js';
import { isAsBefore, SignedOutError } from '../../../store/voter.js';
import { answer, ok } from '../../answer.js';
import { afterCommit, forward } from '../../cast-vote.js';
import { forbidden, isApiError, notFound } from '../../errors.js';
import { anyId, jsonObject, listOf, listQuery, newId, pageParams, prose } from '../../fields.js';
import { type Call, route } from '../../route.js';
import { findStartVersion, unknownBlocks } from '../../start-version.js';
import { dateParam } from './date-param.js';
import { retab } from './dialect.js';
import { pageRequest, showPage } from './pages.js';
import { filterStatus, metadataParam, RUN_FILTER_WORDS } from './run-filters.js';
import { checkRunRequest, chooseOwner } from './run-request.js';
import { run, type RunBody, showRun, showRuns, TRIGGERS } from './run-wire.js';

const tag = 'Runs';
const params = z.object({ run_id: anyId });

const start = route({
  id: 'runs.start',
  method: 'post',
  path: '/v1/workflows/runs',
  summary: 'Starts a run of a workflow; the same command id gives the same run.',
  tag,
  dialect: retab,
  bodySize: 'snapshot',
  body: z
    .object({
      workflow_id: anyId,
      json_inputs: jsonObject.nullish(),
      documents: jsonObject.nullish(),
      version: anyId.nullish().meta({ description: '`production`, `draft`, or a `wfv_…` id.' }),
      metadata: jsonObject.nullish(),
      owner: newId.nullish().meta({ description: 'A user id; for services and admins.' }),
      command_id: newId.nullish(),
    })
    .meta({ id: 'StartRunRequest' }),
  responses: { 202: run },
  rereadsCaller: true,
  handle: async (call, { body }) => {
    const { deps, actor } = call;
    const inputs = body.json_inputs ?? {};
    const metadata = body.metadata ?? null;
    const unfit = checkRunRequest({ inputs, documents: body.documents ?? {}, metadata });
    if (unfit !== null) {
      return unfit;
    }
    const commandId = body.command_id ?? null;
    const known = await findRunByCommand(deps.db, actor.projectId, commandId);
    if (known !== null) {
      if (!(await inTransaction(deps.db, (tx) => isAsBefore(tx, actor)))) {
        throw new SignedOutError();
      }
      return answer(202, await readBack(call, known));
    }
    const version = await findStartVersion(
      deps.db,
      actor.projectId,
      body.workflow_id,
      body.version ?? 'production',
    );
    if (isApiError(version)) {
      return version;
    }
    const misdirected = unknownBlocks(version, inputs);
    if (misdirected !== null) {
      return misdirected;
    }
    const ownerId = await chooseOwner(call, body.owner ?? null);
    if (typeof ownerId === 'object' && ownerId !== null) {
      return ownerId;
    }
    const started = await createRun(
      deps.db,
      actor,
      {
        version,
        inputs,
        metadata,
        ownerId,
        commandId,
        trigger: 'api',
      },
      deps.forwardLeaseMs,
      (tx) => isAsBefore(tx, actor),
    );
    await forward(call, started.lease === null ? [] : [started.lease]);
    return answer(
      202,
      started.isNew
        ? showRun(started.run, [], false, deps.temporalUrlOf)
        : await readBack(call, started.run),
    );
  },
});

async function readBack(call: Call, row: RunRow): Promise<RunBody> {
  const { db } = call.deps;
  const now = await afterCommit(call, () => findRun(db, row.projectId, row.id), row);
  return await showNow(call, now ?? row);
}

/** A run as it was read, with what its steps add to that. */
export async function showNow(call: Call, row: RunRow): Promise<RunBody> {
  const fallback = showRun(row, [], row.status === 'cancelling', call.deps.temporalUrlOf);
  return await afterCommit(
    call,
    async () => (await showRuns(call.deps, [row]))[0] ?? fallback,
    fallback,
  );
}

const list = route({
  id: 'runs.list',
  method: 'get',
  path: '/v1/workflows/runs',
  summary: 'Lists runs, newest first.',
  tag,
  dialect: retab,
  query: listQuery({
    workflow_id: anyId.optional(),
    status: z.array(z.enum(RUN_FILTER_WORDS)).default([]),
    exclude_status: z.array(z.enum(RUN_FILTER_WORDS)).default([]),
    trigger_type: z.enum(TRIGGERS).optional(),
    from_date: dateParam('start').optional(),
    to_date: dateParam('end').optional(),
    search: anyId.optional().meta({ description: 'Part of a run id or of a workflow id.' }),
    metadata: metadataParam.optional(),
    ...pageParams({ max: 100, byDefault: 20, order: 'desc' }),
  }),
  responses: { 200: listOf(run) },
  handle: async ({ deps, actor }, { query }) => {
    const filter: RunFilter = {
      workflowId: query.workflow_id ?? null,
      statuses: query.status.map(filterStatus),
      excludedStatuses: query.exclude_status.map(filterStatus),
      trigger: query.trigger_type ?? null,
      from: query.from_date ?? null,
      to: query.to_date ?? null,
      search: query.search ?? null,
      metadata: query.metadata ?? null,
    };
    const page = await listRuns(deps.db, actor.projectId, filter, pageRequest(query));
    return ok(showPage(page, await showRuns(deps, page.rows)));
  },
});

const get = route({
  id: 'runs.get',
  method: 'get',
  path: '/v1/workflows/runs/{run_id}',
  summary: 'Reads one run.',
  tag,
  dialect: retab,
  params,
  responses: { 200: run },
  handle: async ({ deps, actor }, { params: { run_id: id } }) => {
    const row = await findRun(deps.db, actor.projectId, id);
    if (row === null) {
      return notFound('run', id);
    }
    const [shown] = await showRuns(deps, [row]);
    return ok(shown);
  },
});

const cancelled = z
  .object({
    run,
    cancellation_status: z.enum(['cancelled', 'cancellation_requested', 'cancellation_failed']),
    redis_available: z.literal(true),
  })
  .meta({ id: 'CancelRunResponse' });

const cancel = route({
  id: 'runs.cancel',
  method: 'post',
  path: '/v1/workflows/runs/{run_id}/cancel',
  summary:
    'Cancels a run, durably, and with it its undecided reviews; an ended run stays as it is.',
  tag,
  dialect: retab,
  params,
  body: z
    .object({ command_id: newId.nullish(), reason: prose(10_000).nullish() })
    .nullish()
    .meta({ id: 'CancelRunRequest' }),
  responses: { 200: cancelled },
  handle: async (call, { params: { run_id: id }, body }) => {
    const { deps, actor } = call;
    const row = await findRun(deps.db, actor.projectId, id);
    if (row === null) {
      return notFound('run', id);
    }
    if (!call.mayActFor(row.ownerId)) {
      return forbidden(
        "Only the run's owner or an admin may cancel it: ask one of them, or reject its review.",
      );
    }
    const reason = body?.reason ?? `cancelled by ${actor.name}`;
    const about = { reason, dialect: call.dialect.name };
    const { run: ended, lease } = await deps.turns.ofRun(id, () =>
      cancelRun(deps.db, actor, id, about, deps.forwardLeaseMs),
    );
    await forward(call, lease === null ? [] : [lease]);
    // The workflow may have obeyed while it was told: the answer is about the run as it shows it.
    const now =
      (await afterCommit(call, () => findRun(deps.db, row.projectId, id), ended)) ?? ended;
    return ok({
      run: await showNow(call, now),
      cancellation_status: isEnded(now) ? 'cancelled' : 'cancellation_requested',
      redis_available: true,
    });
  },
});

export const RUN_ROUTES = [start, list, get, cancel] as const;
