import { z } from 'zod';
import { SCOPES } from '../../../domain/people.js';
import { findPerson } from '../../../store/people.js';
import type { TokenRow } from '../../../store/tables.js';
import { createToken, listTokens, revokeToken, type TokenSubject } from '../../../store/tokens.js';
import { answer, ok } from '../../answer.js';
import { notFound } from '../../errors.js';
import { anyId, listOf, newId, showTime, showTimeOrNull, timestamp } from '../../fields.js';
import { route } from '../../route.js';
import { native } from './dialect.js';

const tag = 'People';

const token = z
  .object({
    id: z.string(),
    user_id: z.string().nullable(),
    service: z.string().nullable(),
    scopes: z.array(z.enum(SCOPES)),
    created_by: z.string(),
    created_at: timestamp,
    revoked_at: timestamp.nullable(),
  })
  .meta({ id: 'Token' });

const newToken = token
  .extend({ token: z.string().meta({ description: 'The secret; it is shown only here.' }) })
  .meta({ id: 'NewToken' });

function showToken(row: TokenRow): z.infer<typeof token> {
  return {
    id: row.id,
    user_id: row.personId,
    service: row.service,
    scopes: row.scopes,
    created_by: row.createdBy,
    created_at: showTime(row.createdAt),
    revoked_at: showTimeOrNull(row.revokedAt),
  };
}

const create = route({
  id: 'tokens.create',
  method: 'post',
  path: '/v1/tokens',
  summary: 'Makes a token for a person, or for a service with scopes; its secret is shown once.',
  tag,
  dialect: native,
  body: z
    .strictObject({
      user_id: anyId.nullish(),
      service: newId.nullish(),
      scopes: z.array(z.enum(SCOPES)).min(1).nullish(),
    })
    .refine(
      ({ user_id: userId, service, scopes }) =>
        typeof userId === 'string'
          ? typeof service !== 'string' && !Array.isArray(scopes)
          : typeof service === 'string' && Array.isArray(scopes),
      { error: 'Expected either `user_id`, or `service` and `scopes`.' },
    )
    .meta({ id: 'CreateTokenRequest' }),
  responses: { 201: newToken },
  handle: async ({ deps, actor }, { body }) => {
    const { user_id: userId, service, scopes } = body;
    if (typeof userId === 'string') {
      const person = await findPerson(deps.db, actor.projectId, userId);
      if (person === null) {
        return notFound('user', userId);
      }
    }
    const subject: TokenSubject =
      typeof userId === 'string'
        ? { personId: userId }
        : { service: service ?? '', scopes: [...new Set(scopes)] };
    const { row, secret } = await createToken(deps.db, actor, subject);
    return answer(201, { ...showToken(row), token: secret });
  },
});

const list = route({
  id: 'tokens.list',
  method: 'get',
  path: '/v1/tokens',
  summary: 'Lists tokens, oldest first, without their secrets.',
  tag,
  dialect: native,
  responses: { 200: listOf(token) },
  handle: async ({ deps, actor }) => {
    const tokens = await listTokens(deps.db, actor.projectId);
    return ok({ data: tokens.map(showToken), list_metadata: { before: null, after: null } });
  },
});

const revoke = route({
  id: 'tokens.revoke',
  method: 'delete',
  path: '/v1/tokens/{token_id}',
  summary: 'Ends a token at once; ending it again changes nothing.',
  tag,
  dialect: native,
  params: z.object({ token_id: anyId }),
  responses: { 200: z.object({ id: z.string(), revoked: z.literal(true) }) },
  handle: async ({ deps, actor }, { params: { token_id: id } }) =>
    (await revokeToken(deps.db, actor, id)) ? ok({ id, revoked: true }) : notFound('token', id),
});

export const TOKEN_ROUTES = [create, list, revoke] as const;
