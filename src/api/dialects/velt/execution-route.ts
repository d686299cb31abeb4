import { readExecution } from '../../../store/executions.js';
import { findRun } from '../../../store/runs.js';
import { readEffectiveOutputs } from '../../../store/steps.js';
import { ok } from '../../answer.js';
import { notFound } from '../../errors.js';
import { route } from '../../route.js';
import { velt } from './dialect.js';
import { id, request, tag } from './envelope.js';
import { executionResult, showExecution } from './execution-wire.js';

/** Reads a run with all its steps. */
export const get = route({
  id: 'velt.executions.get',
  method: 'post',
  path: '/v2/workflow/executions/get',
  summary: 'Reads an execution with its steps.',
  tag,
  dialect: velt,
  body: request('VeltGetRequest', { executionId: id }),
  responses: { 200: executionResult },
  handle: async ({ deps, actor }, { body: { data } }) => {
    const run = await findRun(deps.db, actor.projectId, data.executionId);
    if (run === null) {
      return notFound('run', data.executionId);
    }
    const execution = await readExecution(deps.db, run);
    const stepIds = execution.steps.map((step) => step.id);
    const outputs = await readEffectiveOutputs(deps.db, stepIds);
    return ok({ result: showExecution(execution, outputs) });
  },
});
