import { z } from 'zod';
import { cancelRun } from '../../../store/cancel-run.js';
import { findRun } from '../../../store/runs.js';
import { ok } from '../../answer.js';
import { forward } from '../../cast-vote.js';
import { notFound } from '../../errors.js';
import { text } from '../../fields.js';
import { route } from '../../route.js';
import { velt } from './dialect.js';
import { id, request, result, tag } from './envelope.js';

/** Cancels a run, durably, before the answer; a finished one stays as it is. */
export const cancel = route({
  id: 'velt.executions.cancel',
  method: 'post',
  path: '/v2/workflow/executions/cancel',
  summary: 'Cancels an execution, and with it its undecided reviews; a finished one stays.',
  tag,
  dialect: velt,
  body: request('VeltCancelRequest', { executionId: id, reason: text(500).optional() }),
  responses: {
    200: result('VeltCancelResult', { cancelled: z.literal(true), executionId: z.string() }),
  },
  handle: async (call, { body: { data } }) => {
    const { deps, actor, dialect } = call;
    const { executionId, reason = '' } = data;
    const run = await findRun(deps.db, actor.projectId, executionId);
    if (run === null) {
      return notFound('run', executionId);
    }
    const about = {
      reason: reason === '' ? `cancelled by ${actor.name}` : reason,
      dialect: dialect.name,
    };
    const { lease } = await deps.turns.ofRun(run.id, () =>
      cancelRun(deps.db, actor, run.id, about, deps.forwardLeaseMs),
    );
    await forward(call, lease === null ? [] : [lease]);
    return ok({ result: { cancelled: true, executionId } });
  },
});
