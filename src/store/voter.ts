import { sql } from 'kysely';
import type { Actor } from './actors.js';
import type { Tx } from './database.js';
import { Statement } from './statement.js';
import type { PersonRow } from './tables.js';

/** Who may act, read inside the transaction that records what they do. */
type VoterUnderLock = {
  /** Null when the directory has no such person (any more). */
  readonly person: PersonRow | null;
  /** Whether the token or session that was shown is still good. */
  readonly isSignedIn: boolean;
};

/**
 * Reads a person and a credential, and keeps both as they are until the transaction ends.
 *
 * What authentication saw may be old by the time a vote has got its lock. Whoever removes the person,
 * changes their groups or ends their token waits for the vote, or has come before it.
 *
 * @param tokenId the token or session that was shown; null for a credential that the store does not keep
 */
export async function lockVoter(
  tx: Tx,
  projectId: string,
  personId: string,
  tokenId: string | null,
): Promise<VoterUnderLock> {
  const shown = { projectId, personId, tokenId };
  const { isSignedIn, ...person } = await lockPersonAndToken.one(tx, shown);
  return { person: isPerson(person) ? person : null, isSignedIn };
}

type Shown = {
  readonly projectId: string;
  readonly personId: string;
  readonly tokenId: string | null;
};

const lockPersonAndToken = new Statement(
  (_, { projectId, personId, tokenId }: Shown) =>
    sql<Nullable<PersonRow> & { readonly isSignedIn: boolean }>`
      select known.*, (${tokenId}::text is null or shown.id is not null
                       or session.id is not null) as is_signed_in
        from (values (1)) one
        left join lateral (
          select * from person where project_id = ${projectId} and id = ${personId}
             and removed_at is null for share) known on true
        left join lateral (
          select id from token where id = ${tokenId} and revoked_at is null for share) shown on true
        left join lateral (
          select id from web_session where id = ${tokenId} and expires_at > clock_timestamp()
             for share) session on true`,
);

type Nullable<Row> = { readonly [Column in keyof Row]: Row[Column] | null };

function isPerson(row: Nullable<PersonRow>): row is PersonRow {
  return row.id !== null;
}

/** Whoever acts was removed, or signed out, before it was their turn. */
export class SignedOutError extends Error {
  override readonly name = 'SignedOutError';
}

/** Somebody who acts, as they are under the lock; null when they were removed or signed out meanwhile. */
export async function readVoter(tx: Tx, actor: Actor): Promise<Actor | null> {
  if (actor.kind === 'system') {
    return actor;
  }
  const { projectId, id, tokenId } = actor;
  const { person, isSignedIn } = await lockVoter(tx, projectId, id, tokenId);
  if (!isSignedIn) {
    return null;
  }
  if (actor.kind === 'service') {
    return actor;
  }
  return person === null ? null : { ...actor, ...asOf(person) };
}

/** What the rules and the record take from a person's entry in the directory. */
export function asOf({
  id,
  name,
  email,
  groups,
  roles,
}: PersonRow): Pick<Actor, 'id' | 'name' | 'email' | 'groups' | 'roles'> {
  return { id, name, email, groups, roles };
}

/** Whether somebody who acts is there, signed in, and in the roles that they were looked up with. */
export async function isAsBefore(tx: Tx, actor: Actor): Promise<boolean> {
  const now = await readVoter(tx, actor);
  return now !== null && now.roles.join() === actor.roles.join();
}
