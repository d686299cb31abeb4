import { sql } from 'kysely';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx } from './database.js';
import { newId } from './ids.js';
import { hashSecret, newSecret } from './secrets.js';

/** A session that nobody uses ends after this long. */
const IDLE_HOURS = 12;
/** And every session after this long, however much it is used. */
export const MAX_SESSION_DAYS = 7;

/** How somebody signed in, for the audit. */
export type SignInMethod = 'link' | 'oidc';

/** A person whom a link or a session names. */
type Known = { readonly projectId: string; readonly personId: string };

/** Whom a link signs in, and until when. */
export type SignInLink = {
  readonly personId: string;
  readonly name: string;
  readonly expiresAt: Date;
};

/**
 * Makes a one-time link for a person; only the hash of its code is stored.
 *
 * @returns the code, or null when there is no such person
 */
export async function createSignInLink(
  db: Db,
  actor: Actor,
  personId: string,
  validForMinutes: number,
): Promise<string | null> {
  return await inTransaction(db, async (tx) => {
    const known = { projectId: actor.projectId, personId };
    if (!(await lockPerson(tx, known))) {
      return null;
    }
    await tx
      .deleteFrom('signInLink')
      .where('expiresAt', '<', sql<Date>`clock_timestamp()`)
      .execute();
    const code = newSecret();
    await tx
      .insertInto('signInLink')
      .values({
        ...known,
        codeSha256: hashSecret(code),
        expiresAt: sql`clock_timestamp() + make_interval(mins => ${validForMinutes})`,
      })
      .execute();
    await recordAudit(tx, actor, 'sign_in_link_created', { detail: { person_id: personId } });
    return code;
  });
}

/** Whom an unused link signs in; looking at it uses nothing up. */
export async function findSignInLink(db: Db, code: string): Promise<SignInLink | null> {
  const row = await db
    .selectFrom('signInLink')
    .innerJoin('person', (join) =>
      join
        .onRef('person.projectId', '=', 'signInLink.projectId')
        .onRef('person.id', '=', 'signInLink.personId'),
    )
    .where('signInLink.codeSha256', '=', hashSecret(code))
    .where('signInLink.expiresAt', '>', sql<Date>`clock_timestamp()`)
    .where('person.removedAt', 'is', null)
    .select(['person.id as personId', 'person.name', 'signInLink.expiresAt'])
    .executeTakeFirst();
  return row ?? null;
}

/**
 * Uses a link up and begins a session of its person; of two who try at once, one gets it.
 *
 * @returns the secret of the session, or null when the link is used, too old or unknown
 */
export async function useSignInLink(db: Db, code: string): Promise<string | null> {
  return await inTransaction(db, async (tx) => {
    const link = await tx
      .deleteFrom('signInLink')
      .where('codeSha256', '=', hashSecret(code))
      .where('expiresAt', '>', sql<Date>`clock_timestamp()`)
      .returning(['projectId', 'personId'])
      .executeTakeFirst();
    return link === undefined ? null : await beginSession(tx, link, 'link');
  });
}

/**
 * Begins a session of a person in a transaction that has found out who they are.
 *
 * @returns its secret, which is nowhere else; null when there is no such person
 */
export async function beginSession(
  tx: Tx,
  known: Known,
  method: SignInMethod,
): Promise<string | null> {
  if (!(await lockPerson(tx, known))) {
    return null;
  }
  await tx
    .deleteFrom('webSession')
    .where('expiresAt', '<', sql<Date>`clock_timestamp()`)
    .execute();
  const secret = newSecret();
  const { projectId, personId } = known;
  const id = newId('ses');
  await tx
    .insertInto('webSession')
    .values({
      id,
      projectId,
      personId,
      secretSha256: hashSecret(secret),
      expiresAt: sql`clock_timestamp() + make_interval(hours => ${IDLE_HOURS})`,
    })
    .execute();
  await recordAudit(tx, { projectId, id: personId, tokenId: id }, 'signed_in', {
    detail: { method },
  });
  return secret;
}

/** Whose session this is; null when it has ended or never was. Being used lengthens it. */
export async function findActorBySession(db: Db, secret: string): Promise<Actor | null> {
  const row = await db
    .selectFrom('webSession')
    .innerJoin('person', (join) =>
      join
        .onRef('person.projectId', '=', 'webSession.projectId')
        .onRef('person.id', '=', 'webSession.personId'),
    )
    .where('webSession.secretSha256', '=', hashSecret(secret))
    .where('webSession.expiresAt', '>', sql<Date>`clock_timestamp()`)
    .where('person.removedAt', 'is', null)
    .select([
      'webSession.id as sessionId',
      'webSession.projectId',
      'person.id',
      'person.name',
      'person.email',
      'person.groups',
      'person.roles',
      // Not at every request: a page of the inbox sends several a second.
      sql<boolean>`${extendedExpiry()} > web_session.expires_at + interval '5 minutes'`.as('isDue'),
    ])
    .executeTakeFirst();
  if (row === undefined) {
    return null;
  }
  const { sessionId, isDue, ...person } = row;
  if (isDue) {
    await db
      .updateTable('webSession')
      .set({ expiresAt: extendedExpiry() })
      .where('id', '=', sessionId)
      .execute();
  }
  return { ...person, kind: 'person', scopes: [], tokenId: sessionId };
}

/**
 * Whether the session or token that somebody came with is still good. Unlike a request it lengthens no session.
 *
 * Who came with neither, as with a token of an OpenID provider, stays until they go.
 */
export async function isStillSignedIn(
  db: Db,
  { tokenId }: Pick<Actor, 'tokenId'>,
): Promise<boolean> {
  if (tokenId === null) {
    return true;
  }
  const { rows } = await sql<{ isGood: boolean }>`
    select exists (
        select from web_session where id = ${tokenId} and expires_at > clock_timestamp())
      or exists (
        select from token left join person
          on person.project_id = token.project_id and person.id = token.person_id
         where token.id = ${tokenId} and token.revoked_at is null
           and person.removed_at is null) as is_good`.execute(db);
  return rows[0]?.isGood === true;
}

/** Ends a session at once; one that has ended already stays so. */
export async function endSession(db: Db, secret: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const row = await tx
      .deleteFrom('webSession')
      .where('secretSha256', '=', hashSecret(secret))
      .returning(['id', 'projectId', 'personId'])
      .executeTakeFirst();
    if (row !== undefined) {
      const { id, projectId, personId } = row;
      await recordAudit(tx, { projectId, id: personId, tokenId: id }, 'signed_out', {});
    }
  });
}

/** Ends every session and link of a person who is being removed: they stay ended should the person come back. */
export async function endSignIns(tx: Tx, projectId: string, personId: string): Promise<void> {
  for (const table of ['webSession', 'signInLink'] as const) {
    await tx
      .deleteFrom(table)
      .where('projectId', '=', projectId)
      .where('personId', '=', personId)
      .execute();
  }
}

/** Keeps somebody from being removed while they are being signed in; false when there is no such person. */
async function lockPerson(tx: Tx, { projectId, personId }: Known): Promise<boolean> {
  const row = await tx
    .selectFrom('person')
    .where('projectId', '=', projectId)
    .where('id', '=', personId)
    .where('removedAt', 'is', null)
    .select('id')
    .forShare()
    .executeTakeFirst();
  return row !== undefined;
}

function extendedExpiry() {
  return sql<Date>`least(
    clock_timestamp() + make_interval(hours => ${IDLE_HOURS}),
    web_session.created_at + make_interval(days => ${MAX_SESSION_DAYS}))`;
}
