import { sql } from 'kysely';
import type { Scope } from '../domain/people.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction } from './database.js';
import { newId } from './ids.js';
import { hashSecret, newSecret } from './secrets.js';
import type { TokenRow } from './tables.js';

/** What a token stands for: one person, or a named service with scopes. */
export type TokenSubject =
  { readonly personId: string } | { readonly service: string; readonly scopes: readonly Scope[] };

/** A token that was just made; its secret is nowhere else and cannot be shown again. */
export type NewToken = { readonly row: TokenRow; readonly secret: string };

const SECRET_PREFIX = 'cs_';

/**
 * Makes a token and stores the SHA-256 of its secret, which is 32 random bytes: a slow hash would
 * only slow down every request.
 */
export async function createToken(
  db: Db,
  actor: Actor,
  subject: TokenSubject,
  secret: string = SECRET_PREFIX + newSecret(),
): Promise<NewToken> {
  return await inTransaction(db, async (tx) => {
    const row = await tx
      .insertInto('token')
      .values({
        id: newId('tok'),
        projectId: actor.projectId,
        personId: 'personId' in subject ? subject.personId : null,
        service: 'service' in subject ? subject.service : null,
        scopes: 'scopes' in subject ? [...subject.scopes] : [],
        secretSha256: hashSecret(secret),
        createdBy: actor.id,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await recordAudit(tx, actor, 'token_created', {
      detail: {
        token_id: row.id,
        person_id: row.personId,
        service: row.service,
        scopes: row.scopes,
      },
    });
    return { row, secret };
  });
}

/** Who shows this secret; null when it is unknown, revoked, or its person was removed. */
export async function findActorBySecret(db: Db, secret: string): Promise<Actor | null> {
  // The hash is compared by an index look-up: its timing tells nothing about the random secret.
  const row = await db
    .selectFrom('token')
    .leftJoin('person', (join) =>
      join
        .onRef('person.projectId', '=', 'token.projectId')
        .onRef('person.id', '=', 'token.personId')
        .on('person.removedAt', 'is', null),
    )
    .where('token.secretSha256', '=', hashSecret(secret))
    .where('token.revokedAt', 'is', null)
    .select([
      'token.id as tokenId',
      'token.projectId',
      'token.service',
      'token.scopes',
      'person.id as personId',
      'person.name',
      'person.email',
      'person.groups',
      'person.roles',
    ])
    .executeTakeFirst();
  if (row === undefined) {
    return null;
  }
  const { projectId, tokenId, scopes } = row;
  if (row.service !== null) {
    const { service } = row;
    const base = { projectId, tokenId, scopes, groups: [], roles: [], email: '' };
    return { ...base, id: service, kind: 'service', name: service };
  }
  if (row.personId === null) {
    return null;
  }
  return {
    projectId,
    tokenId,
    scopes: [],
    id: row.personId,
    kind: 'person',
    name: row.name ?? row.personId,
    email: row.email ?? '',
    groups: row.groups ?? [],
    roles: row.roles ?? [],
  };
}

/** Finds a token by its id, revoked ones among them: it says which project somebody speaks of. */
export async function findToken(db: Db, id: string): Promise<TokenRow | null> {
  const row = await db.selectFrom('token').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

/** Lists the tokens of a project, newest last; secrets are not among what is stored. */
export async function listTokens(db: Db, projectId: string): Promise<readonly TokenRow[]> {
  return await db
    .selectFrom('token')
    .selectAll()
    .where('projectId', '=', projectId)
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
}

/**
 * Ends a token at once; ending it again changes nothing.
 *
 * @returns whether there is such a token
 */
export async function revokeToken(db: Db, actor: Actor, id: string): Promise<boolean> {
  return await inTransaction(db, async (tx) => {
    const row = await tx
      .updateTable('token')
      .set({ revokedAt: sql`coalesce(revoked_at, clock_timestamp())` })
      .where('projectId', '=', actor.projectId)
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst();
    if (row !== undefined) {
      await recordAudit(tx, actor, 'token_revoked', { detail: { token_id: id } });
    }
    return row !== undefined;
  });
}
