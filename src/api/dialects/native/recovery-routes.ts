import { z } from 'zod';
import { explainRecovery, type RecoveryRefusal } from '../../../domain/recovery.js';
import { readAnswer } from '../../../rules/block-answer.js';
import { retryRun } from '../../../store/retry-run.js';
import { findRun } from '../../../store/runs.js';
import { type Settlement, settleStep } from '../../../store/settle-step.js';
import { contextOf, findStep } from '../../../store/steps.js';
import type { StepRow } from '../../../store/tables.js';
import { ok } from '../../answer.js';
import { afterCommit, forward } from '../../cast-vote.js';
import { checkSnapshotSize } from '../../check-snapshot.js';
import {
  type ApiError,
  conflicting,
  forbidden,
  invalidValue,
  isApiError,
  notFound,
} from '../../errors.js';
import { anyId, anyJson } from '../../fields.js';
import { type Call, route } from '../../route.js';
import { showNow } from '../retab/run-routes.js';
import { run } from '../retab/run-wire.js';
import { showSteps, step } from '../retab/step-wire.js';
import { native } from './dialect.js';

/** What a retry is answered with. */
export const retryResponse = z
  .object({
    run,
    step_ids: z.array(z.string()).meta({ description: 'The steps that run again.' }),
  })
  .meta({ id: 'RetryRunResponse' });

const retry = route({
  id: 'runs.retry',
  method: 'post',
  path: '/v1/workflows/runs/{run_id}/retry',
  summary: 'Goes on with a run in error from the steps that failed; approvals are kept.',
  tag: 'Runs',
  dialect: native,
  params: z.object({ run_id: anyId }),
  body: z
    .strictObject({
      steps: z
        .array(anyId)
        .min(1)
        .max(10_000)
        .nullish()
        .meta({ description: 'Ids of failed steps; by default all of the run.' }),
    })
    .nullish()
    .meta({ id: 'RetryRunRequest' }),
  responses: { 200: retryResponse },
  handle: async (call, { params: { run_id: id }, body }) => {
    const { deps, actor } = call;
    const row = await findRun(deps.db, actor.projectId, id);
    if (row === null) {
      return notFound('run', id);
    }
    if (!call.mayActFor(row.ownerId)) {
      return forbidden("Only the run's owner or an admin may retry it: ask one of them.");
    }
    const retried = await retryRun(deps.db, actor, id, body?.steps ?? null, deps.forwardLeaseMs);
    if (retried.kind === 'refused') {
      return refusedRecovery(retried.refusal);
    }
    await forward(call, retried.lease === null ? [] : [retried.lease]);
    const now = await afterCommit(call, () => findRun(deps.db, row.projectId, id), retried.run);
    return ok({ run: await showNow(call, now ?? retried.run), step_ids: [...retried.stepIds] });
  },
});

const settle = route({
  id: 'steps.settle',
  method: 'post',
  path: '/v1/workflows/steps/{step_id}/settle',
  summary:
    'Says what became of a block whose outcome is unknown: it happened, with this output, or it did not.',
  tag: 'Steps',
  dialect: native,
  bodySize: 'snapshot',
  params: z.object({ step_id: anyId }),
  body: z
    .discriminatedUnion('happened', [
      z.strictObject({ happened: z.literal(true), output: anyJson }),
      z.strictObject({ happened: z.literal(false) }),
    ])
    .meta({ id: 'SettleStepRequest' }),
  responses: { 200: step },
  handle: async (call, { params: { step_id: id }, body }) => {
    const { db } = call.deps;
    const row = await findStep(db, call.actor.projectId, id);
    if (row === null) {
      return notFound('step', id);
    }
    const { run: of, block } = await contextOf(db, row);
    if (!call.mayActFor(of.ownerId)) {
      return forbidden(
        "Only the run's owner or an admin may say what became of its blocks: ask one of them.",
      );
    }
    const settlement = body.happened
      ? readOutput(block, body.output)
      : { happened: false as const };
    if (isApiError(settlement)) {
      return settlement;
    }
    const settled = await settleStep(db, call.actor, id, settlement);
    return settled.kind === 'refused'
      ? refusedRecovery(settled.refusal)
      : ok(await showStepNow(call, row));
  },
});

/** Reads what a block is said to have given, by the rules for what blocks answer. */
function readOutput(
  block: Parameters<typeof readAnswer>[0],
  output: unknown,
): Settlement | ApiError {
  const loc = ['body', 'output'];
  const unfit = checkSnapshotSize(output, loc);
  if (unfit !== null) {
    return unfit;
  }
  const result = readAnswer(block, { output });
  return 'problem' in result ? invalidValue(loc, result.problem) : { happened: true, result };
}

async function showStepNow(call: Call, before: StepRow): Promise<z.infer<typeof step>> {
  const { db } = call.deps;
  const now = await afterCommit(call, () => findStep(db, before.projectId, before.id), before);
  const [shown] = await showSteps(db, [now ?? before]);
  if (shown === undefined) {
    throw new Error(`step ${before.id} is not shown`);
  }
  return shown;
}

function refusedRecovery(refusal: RecoveryRefusal): ApiError {
  return conflicting(refusal.code, explainRecovery(refusal));
}

export const RECOVERY_ROUTES = [retry, settle] as const;
