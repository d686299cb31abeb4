import { z } from 'zod';
import { WAY_OUT } from '../../../domain/decidable.js';
import { ROLES, type Role } from '../../../domain/people.js';
import { findPerson, listPeople, putPerson, removePerson } from '../../../store/people.js';
import type { PersonRow } from '../../../store/tables.js';
import { findLeftUndecidable, type PersonChange } from '../../../store/undecidable.js';
import { ok } from '../../answer.js';
import { afterCommit } from '../../cast-vote.js';
import { notFound } from '../../errors.js';
import { anyId, listOf, newId, prose, showTime, text, timestamp } from '../../fields.js';
import { type Call, route } from '../../route.js';
import { native } from './dialect.js';

const tag = 'People';

const user = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.string(),
    slack_id: z.string(),
    groups: z.array(z.string()),
    roles: z.array(z.enum(ROLES)),
    source: z.string().meta({ description: 'Where the groups come from.' }),
    groups_as_of: timestamp,
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'User' });

const warnings = z
  .array(
    z.object({
      code: z.literal('reviews_nobody_can_decide'),
      message: z.string(),
      count: z.int().meta({ description: 'How many reviews it is about.' }),
      review_ids: z.array(z.string()).meta({ description: 'The first of them.' }),
    }),
  )
  .meta({ description: 'What follows from the change, and wants attention.' });

type Warnings = z.infer<typeof warnings>;

/** What a change to a person leaves behind; it is durable, so whatever fails here is no failure of it. */
async function warningsOf(call: Call, change: PersonChange): Promise<Warnings> {
  const read = async (): Promise<Warnings> => {
    const left = await findLeftUndecidable(call.deps.db, call.actor.projectId, change);
    const count = `${left.count}${left.isMore ? ' or more' : ''}`;
    return left.count === 0
      ? []
      : [
          {
            code: 'reviews_nobody_can_decide',
            message: `Nobody can decide ${count} open review${left.count === 1 ? '' : 's'} any more: ${WAY_OUT}.`,
            count: left.count,
            review_ids: [...left.reviewIds],
          },
        ];
  };
  return await afterCommit(call, read, []);
}

function showUser(row: PersonRow): z.infer<typeof user> {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    slack_id: row.slackId,
    groups: row.groups,
    roles: row.roles,
    source: row.directorySource,
    groups_as_of: showTime(row.directoryAt),
    created_at: showTime(row.createdAt),
    updated_at: showTime(row.updatedAt),
  };
}

const put = route({
  id: 'users.put',
  method: 'put',
  path: '/v1/users/{user_id}',
  summary: 'Stores a person; groups and roles replace what was known before.',
  tag,
  dialect: native,
  params: z.object({ user_id: newId }),
  body: z
    .strictObject({
      name: prose(200),
      email: text(320).regex(/^[^\s@]+@[^\s@]+$/, {
        error: 'Expected an e-mail address such as dana@example.com.',
      }),
      slack_id: text(200).nullish(),
      groups: z.array(prose(200)).max(1_000),
      admin: z.boolean().nullish(),
      roles: z.array(z.enum(ROLES)).nullish(),
    })
    .refine(({ admin, roles }) => admin !== false || roles?.includes('admin') !== true, {
      path: ['admin'],
      error: "`admin` is false, and `roles` has 'admin': say one of the two.",
    })
    .meta({ id: 'PutUserRequest' }),
  responses: { 200: user.extend({ warnings }).meta({ id: 'StoredUser' }) },
  handle: async (call, { params: { user_id: id }, body }) => {
    const { deps, actor } = call;
    const before = await findPerson(deps.db, actor.projectId, id);
    const roles: readonly Role[] = body.roles ?? ['reviewer'];
    const row = await putPerson(deps.db, actor, {
      id,
      name: body.name,
      email: body.email,
      slackId: body.slack_id ?? '',
      groups: body.groups,
      roles: body.admin === true ? [...roles, 'admin'] : roles,
    });
    return ok({ ...showUser(row), warnings: await warningsOf(call, { before, after: row }) });
  },
});

const list = route({
  id: 'users.list',
  method: 'get',
  path: '/v1/users',
  summary: 'Lists the people of the project by id.',
  tag,
  dialect: native,
  responses: { 200: listOf(user) },
  handle: async ({ deps, actor }) => {
    const people = await listPeople(deps.db, actor.projectId);
    return ok({ data: people.map(showUser), list_metadata: { before: null, after: null } });
  },
});

const remove = route({
  id: 'users.remove',
  method: 'delete',
  path: '/v1/users/{user_id}',
  summary: 'Removes a person: their tokens stop working at once, and their votes stay.',
  tag,
  dialect: native,
  params: z.object({ user_id: anyId }),
  responses: { 200: z.object({ id: z.string(), removed: z.literal(true), warnings }) },
  handle: async (call, { params: { user_id: id } }) => {
    const { deps, actor } = call;
    const before = await findPerson(deps.db, actor.projectId, id);
    return (await removePerson(deps.db, actor, id))
      ? ok({ id, removed: true, warnings: await warningsOf(call, { before, after: null }) })
      : notFound('user', id);
  },
});

export const USER_ROUTES = [put, list, remove] as const;
