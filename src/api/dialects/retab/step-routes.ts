import { z } from 'zod';
import { BLOCK_TYPES } from '../../../domain/definition.js';
import { STEP_STATUSES, type StepStatus } from '../../../domain/statuses.js';
import { findStep, listSteps } from '../../../store/steps.js';
import { ok } from '../../answer.js';
import { notFound } from '../../errors.js';
import { anyId, listOf, listQuery, pageParams } from '../../fields.js';
import { route } from '../../route.js';
import { blockTypesShownAs } from './block-type.js';
import { retab } from './dialect.js';
import { pageRequest, showPage } from './pages.js';
import { showSteps, step } from './step-wire.js';

const tag = 'Steps';

/** Words that older clients use in filters, for what steps are called now. */
const STEP_FILTER_WORDS = [...STEP_STATUSES, 'failed', 'queued'] as const;

function filterStatus(word: (typeof STEP_FILTER_WORDS)[number]): StepStatus {
  switch (word) {
    case 'failed':
      return 'error';
    case 'queued':
      return 'pending';
    default:
      return word;
  }
}

const list = route({
  id: 'steps.list',
  method: 'get',
  path: '/v1/workflows/steps',
  summary: 'Lists steps, oldest first.',
  tag,
  dialect: retab,
  query: listQuery({
    run_id: anyId.optional(),
    workflow_id: anyId.optional(),
    block_id: anyId.optional(),
    step_id: anyId.optional(),
    parent_step_id: anyId.optional(),
    iteration_key: anyId.optional(),
    block_type: z.array(z.enum(BLOCK_TYPES)).default([]),
    status: z.array(z.enum(STEP_FILTER_WORDS)).default([]),
    ...pageParams({ max: 200, byDefault: 20, order: 'asc' }),
  }),
  responses: { 200: listOf(step) },
  handle: async ({ deps, actor }, { query }) => {
    const filter = {
      runId: query.run_id ?? null,
      workflowId: query.workflow_id ?? null,
      blockId: query.block_id ?? null,
      stepId: query.step_id ?? null,
      parentStepId: query.parent_step_id ?? null,
      iterationKey: query.iteration_key ?? null,
      blockTypes: query.block_type.flatMap(blockTypesShownAs),
      statuses: query.status.map(filterStatus),
    };
    const page = await listSteps(deps.db, actor.projectId, filter, pageRequest(query));
    return ok(showPage(page, await showSteps(deps.db, page.rows)));
  },
});

const get = route({
  id: 'steps.get',
  method: 'get',
  path: '/v1/workflows/steps/{step_id}',
  summary: 'Reads one step.',
  tag,
  dialect: retab,
  params: z.object({ step_id: anyId }),
  responses: { 200: step },
  handle: async ({ deps, actor }, { params: { step_id: id } }) => {
    const row = await findStep(deps.db, actor.projectId, id);
    if (row === null) {
      return notFound('step', id);
    }
    const [shown] = await showSteps(deps.db, [row]);
    return ok(shown);
  },
});

export const STEP_ROUTES = [list, get] as const;
