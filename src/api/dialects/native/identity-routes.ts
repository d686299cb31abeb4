import { z } from 'zod';
import { ROLES, SCOPES } from '../../../domain/people.js';
import { isStillSignedIn } from '../../../store/sign-ins.js';
import { ok } from '../../answer.js';
import { changeStream } from '../../event-stream.js';
import { route } from '../../route.js';
import { native } from './dialect.js';

const me = z
  .object({
    kind: z.enum(['person', 'service', 'system']),
    id: z.string(),
    name: z.string(),
    email: z.string(),
    groups: z.array(z.string()),
    roles: z.array(z.enum(ROLES)),
    scopes: z.array(z.enum(SCOPES)),
    project_id: z.string(),
  })
  .meta({ id: 'Me' });

const get = route({
  id: 'me.get',
  method: 'get',
  path: '/v1/me',
  summary: 'Says whose token this is.',
  tag: 'People',
  dialect: native,
  responses: { 200: me },
  handle: async ({ actor }) => {
    const { kind, id, name, email, groups, roles, scopes, projectId } = actor;
    return ok({ kind, id, name, email, groups, roles, scopes, project_id: projectId });
  },
});

const events = route({
  id: 'events.follow',
  method: 'get',
  path: '/v1/events',
  summary: 'Tells what changes, as server-sent events: kinds and ids, never content.',
  tag: 'Operations',
  dialect: native,
  produces: 'text/event-stream',
  responses: { 200: z.string() },
  handle: async ({ deps, actor }) =>
    changeStream(deps.changes, actor.projectId, () => isStillSignedIn(deps.db, actor)),
});

export const IDENTITY_ROUTES = [get, events] as const;
