import { z } from 'zod';
import { countLoopItems, listLoopItems } from '../../../store/loop-items.js';
import { readReviewIds } from '../../../store/reviews.js';
import { contextOf, findStep } from '../../../store/steps.js';
import { ok } from '../../answer.js';
import { notFound } from '../../errors.js';
import { anyId, integerParam, listOf } from '../../fields.js';
import { route } from '../../route.js';
import { showLifecycle, showWaitingFor, step } from '../retab/step-wire.js';
import { native } from './dialect.js';

/** An item of a for_each, by its iteration, and how far the blocks of the body have come with it. */
export const loopItem = z
  .object({
    iteration_key: z.string(),
    steps: z.array(
      step.pick({
        step_id: true,
        block_id: true,
        block_label: true,
        lifecycle: true,
        outcome_unknown: true,
        waiting_for: true,
        review_id: true,
      }),
    ),
  })
  .meta({ id: 'LoopItem' });

const counts = z
  .object({
    items: z.int(),
    waiting: z.int().meta({ description: 'Items at which people are waited for.' }),
    ended: z.int().meta({ description: 'Items all of whose steps have ended.' }),
  })
  .meta({ id: 'LoopItemCounts' });

const items = route({
  id: 'steps.items',
  method: 'get',
  path: '/v1/workflows/steps/{step_id}/items',
  summary: 'Lists the items of a for_each in their order, with how far each has come.',
  tag: 'Steps',
  dialect: native,
  params: z.object({ step_id: anyId }),
  query: z.object({
    after: z
      .string()
      .regex(/^\d{1,9}(?:\.\d{1,9})*$/, { error: 'Expected the `iteration_key` of an item.' })
      .max(200)
      .optional(),
    limit: integerParam(1, 200, 100),
  }),
  responses: { 200: listOf(loopItem).extend({ counts }) },
  handle: async ({ deps: { db }, actor }, { params: { step_id: id }, query }) => {
    const row = await findStep(db, actor.projectId, id);
    if (row === null) {
      return notFound('step', id);
    }
    const context = await contextOf(db, row);
    const [page, counted] = await Promise.all([
      listLoopItems(db, context, { after: query.after ?? null, limit: query.limit }),
      countLoopItems(db, context),
    ]);
    const steps = page.items.flatMap((item) => item.steps);
    const reviewIds = await readReviewIds(
      db,
      steps.map((each) => each.id),
    );
    return ok({
      data: page.items.map((item) => ({
        iteration_key: item.iterationKey,
        steps: item.steps.map((each) => ({
          step_id: each.id,
          block_id: each.blockId,
          block_label: each.blockLabel ?? each.blockId,
          lifecycle: showLifecycle(each),
          outcome_unknown: each.outcomeUnknown,
          waiting_for: showWaitingFor(each),
          review_id: reviewIds.get(each.id) ?? null,
        })),
      })),
      list_metadata: { before: null, after: page.after },
      counts: counted,
    });
  },
});

export const LOOP_ROUTES = [items] as const;
