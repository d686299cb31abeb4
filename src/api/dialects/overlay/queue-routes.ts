import { z } from 'zod';
import { listHolds } from '../../../store/holds.js';
import { EVERYTHING, listInbox } from '../../../store/inbox.js';
import { listOrdinals, readOverlay } from '../../../store/overlays.js';
import type { ReviewRow } from '../../../store/tables.js';
import { ok } from '../../answer.js';
import { anyId, integerParam } from '../../fields.js';
import { type Call, route } from '../../route.js';
import { findAt } from './address.js';
import { overlay } from './dialect.js';
import {
  OVERLAY_STATUSES,
  overlayBody,
  queueItem,
  showOverlay,
  showQueueItem,
} from './overlay-wire.js';
import { params } from './requests.js';

const tag = 'Overlays';

const flag = z
  .enum(['true', 'false', 'True', 'False', '1', '0'])
  .default('false')
  .meta({ description: 'Only reviews whose open entries the caller may fill.' });

const queue = route({
  id: 'overlays.list',
  method: 'get',
  path: '/v1/workflows/reviews',
  summary: 'With `status` or `mine`, and without `decision_status`: the queue of overlays.',
  tag,
  dialect: overlay,
  servesQuery: (query) =>
    !query.has('decision_status') && (query.has('status') || query.has('mine')),
  query: z.object({
    status: z.enum(['awaiting_review', 'approved', 'rejected']).default('awaiting_review'),
    mine: flag,
    workflow_id: anyId.optional(),
    limit: integerParam(1, 200, 50),
  }),
  responses: { 200: z.object({ data: z.array(queueItem), has_more: z.boolean() }) },
  handle: async (call, { query }) => {
    const isMine = query.mine.toLowerCase() === 'true' || query.mine === '1';
    // All have the same priority, so the oldest comes first.
    const page = await listInbox(
      call.deps.db,
      call.actor,
      isMine ? 'waiting' : 'all',
      {
        ...EVERYTHING,
        workflowId: query.workflow_id ?? null,
        statuses: OVERLAY_STATUSES[query.status],
      },
      { order: 'asc', before: null, after: null, limit: query.limit },
    );
    return ok({ data: await showQueue(call, page.rows), has_more: page.after !== null });
  },
});

async function showQueue({ deps }: Call, rows: readonly ReviewRow[]) {
  const versionIds = rows.flatMap(({ newestVersionId, decisionVersionId }) =>
    decisionVersionId === null ? [newestVersionId] : [newestVersionId, decisionVersionId],
  );
  const [holds, ordinals] = await Promise.all([
    listHolds(
      deps.db,
      rows.map(({ id }) => id),
    ),
    listOrdinals(deps.db, versionIds),
  ]);
  return rows.map((row) =>
    showQueueItem(row, holds.get(row.id) ?? null, (id) => ordinals.get(id) ?? 0),
  );
}

const get = route({
  id: 'overlays.get',
  method: 'get',
  path: '/v1/workflows/reviews/{run_id:!rev_}/{block_id}',
  summary: 'Reads one review with its versions, its decision and its audit.',
  tag,
  dialect: overlay,
  params,
  responses: { 200: overlayBody },
  furtherErrors: [409],
  handle: async (call, { params: address }) => {
    const found = await findAt(call, address);
    return 'kind' in found ? found : ok(showOverlay(await readOverlay(call.deps.db, found)));
  },
});

export const QUEUE_ROUTES = [queue, get] as const;
