import { z } from 'zod';
import { findSnapshot, putSnapshot } from '../../../store/snapshots.js';
import { readJsonObject } from '../../../store/stored-json.js';
import type { SnapshotRow } from '../../../store/tables.js';
import { answer, ok } from '../../answer.js';
import { checkSnapshotSize } from '../../check-snapshot.js';
import { notFound } from '../../errors.js';
import { anyId, jsonObject, showTime, timestamp } from '../../fields.js';
import { route } from '../../route.js';
import { native } from './dialect.js';

const tag = 'Snapshots';

const stored = z
  .object({ id: z.string().regex(/^snp_[A-Z2-7]{26}$/), size_bytes: z.int() })
  .meta({ id: 'StoredSnapshot' });

const snapshot = stored
  .extend({ snapshot: jsonObject, created_by: z.string(), put_at: timestamp })
  .meta({ id: 'Snapshot' });

const create = route({
  id: 'snapshots.create',
  method: 'post',
  path: '/v1/snapshots',
  summary:
    'Stores a snapshot for a review by reference, and keeps it for seven days; the same content is there once.',
  tag,
  dialect: native,
  bodySize: 'snapshot',
  body: jsonObject,
  responses: { 200: stored, 201: stored },
  handle: async ({ deps, actor }, { body }) => {
    const unfit = checkSnapshotSize(body, ['body']);
    if (unfit !== null) {
      return unfit;
    }
    const { row, isNew } = await putSnapshot(deps.db, actor, body);
    return answer(isNew ? 201 : 200, showStored(row));
  },
});

const get = route({
  id: 'snapshots.get',
  method: 'get',
  path: '/v1/snapshots/{snapshot_id}',
  summary: 'Reads a stored snapshot.',
  tag,
  dialect: native,
  params: z.object({ snapshot_id: anyId }),
  responses: { 200: snapshot },
  handle: async ({ deps, actor }, { params: { snapshot_id: id } }) => {
    const row = await findSnapshot(deps.db, actor.projectId, id);
    return row === null
      ? notFound('snapshot', id)
      : ok({
          ...showStored(row),
          snapshot: readJsonObject(row.content),
          created_by: row.createdBy,
          put_at: showTime(row.putAt),
        });
  },
});

function showStored({ id, sizeBytes }: SnapshotRow): z.infer<typeof stored> {
  return { id, size_bytes: sizeBytes };
}

export const SNAPSHOT_ROUTES = [create, get] as const;
